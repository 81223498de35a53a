/**
 * Dates in fields such as `Date` and `Last-Modified` (RFC 9110 section 5.6.7), whole seconds, always in GMT.
 */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH = `(${MONTHS.join("|")})`;
const TIME = "([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)";
const IMF_FIXDATE = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2}) ${MONTH} ([0-9]{4}) ${TIME} GMT$`);
const RFC850_DATE = new RegExp(
  `^(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday), ([0-9]{2})-${MONTH}-([0-9]{2}) ${TIME} GMT$`,
);
const ASCTIME_DATE = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${MONTH} ([0-9]{2}| [0-9]) ${TIME} ([0-9]{4})$`);

const FIRST_MS = Date.parse("0000-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");
const YEARS_AHEAD = 50;

/**
 * Writes a time as IMF-fixdate. Milliseconds are cut off.
 *
 * Throws `RangeError` with code `ERR_HTTP_INVALID_DATE` for a time that is no number or outside the years 0 to 9999.
 *
 * @param ms since 1970-01-01T00:00:00Z
 * @example formatHttpDate(784111777000) // "Sun, 06 Nov 1994 08:49:37 GMT"
 */
export function formatHttpDate(ms: number): string {
  if (ms >= FIRST_MS && ms <= LAST_MS) return new Date(ms).toUTCString();
  const message = `Cannot format date "${ms}": wanted milliseconds within the years 0 to 9999`;
  throw Object.assign(new RangeError(message), { code: "ERR_HTTP_INVALID_DATE" });
}

/**
 * Reads any of the three forms of an HTTP date; `undefined` for anything else, and for days that do not exist. The name
 * of the day must be one, but is not compared with the date. A leap second is the second after it.
 *
 * @param nowMs decides the century of the obsolete two-digit year: the latest that is at most 50 years ahead of it.
 *   Without it 70 to 99 are in the 20th century and 00 to 69 in the 21st.
 * @example parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT") // 784111777000
 */
export function parseHttpDate(text: string, nowMs?: number): number | undefined {
  const fixdate = IMF_FIXDATE.exec(text);
  if (fixdate !== null) {
    const [, day, month, year, ...time] = fixdate;
    return toMs(Number(year), month, day, time);
  }
  const rfc850 = RFC850_DATE.exec(text);
  if (rfc850 !== null) {
    const [, day, month, year, ...time] = rfc850;
    return toMs(fullYear(Number(year), nowMs), month, day, time);
  }
  const asctime = ASCTIME_DATE.exec(text);
  if (asctime === null) return undefined;
  const [, month, day, hours, minutes, seconds, year] = asctime;
  return toMs(Number(year), month, day, [hours, minutes, seconds]);
}

function fullYear(twoDigits: number, nowMs: number | undefined): number {
  if (nowMs === undefined) return twoDigits + (twoDigits >= 70 ? 1900 : 2000);
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigits;
  if (year > thisYear + YEARS_AHEAD) return year - 100;
  return year + 100 <= thisYear + YEARS_AHEAD ? year + 100 : year;
}

type Digits = string | undefined;

function toMs(year: number, month: Digits, day: Digits, time: readonly Digits[]): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, MONTHS.indexOf(month ?? ""), Number(day));
  if (date.getUTCDate() !== Number(day)) return undefined;
  const [hours, minutes, seconds] = time.map(Number);
  return date.getTime() + ((hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1_000;
}
