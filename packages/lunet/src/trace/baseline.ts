/**
 * The baseline: findings that are known and have a reason to stay for a while.
 *
 * A JSON file, `[{ "class": "A", "site": "src/app.ts:12", "reason": "…", "expires": "2027-01-31" }]`. `site` is the
 * beginning of a finding's site: a path, with or without line and column. `kind` may narrow it. From the day after
 * `expires` (UTC) the finding stops the program again.
 */
import { readTextFileSync } from "../host/process.ts";
import { wallMs } from "../host/clock.ts";

interface BaselineRow {
  readonly class: string;
  readonly site: string;
  readonly kind?: string;
  readonly reason: string;
  readonly expires: string;
}

export interface Baseline {
  /** Why a finding is let pass; undefined when it is not. */
  reasonFor(finding: { readonly class: string; readonly kind: string; readonly site: string }): string | undefined;
}

const DAY_MS = 86_400_000;

/** Reads a baseline. Throws an error that names the file and the row for one that cannot be used. */
export function readBaseline(path: string | undefined): Baseline {
  const rows = path === undefined ? [] : parse(path);
  return {
    reasonFor: (finding) => {
      const row = rows.find((one) => matches(one, finding) && wallMs() < Date.parse(one.expires) + DAY_MS);
      return row === undefined ? undefined : `${row.reason} (until ${row.expires})`;
    },
  };
}

function matches(
  row: BaselineRow,
  finding: { readonly class: string; readonly kind: string; readonly site: string },
): boolean {
  if (row.class !== finding.class || (row.kind !== undefined && row.kind !== finding.kind)) return false;
  // A site ends where its row does, or goes on with another part: line 1 is not line 12.
  return finding.site.startsWith(row.site) && /^$|^[: ]/.test(finding.site.slice(row.site.length));
}

function parse(path: string): BaselineRow[] {
  let rows: unknown;
  try {
    rows = JSON.parse(readTextFileSync(path));
  } catch (cause) {
    throw new Error(`Cannot read the trace baseline ${JSON.stringify(path)}: ${String(cause)}`, { cause });
  }
  if (!Array.isArray(rows))
    throw new Error(`Cannot read the trace baseline "${path}": found no list, wanted one of rows`);
  return rows.map((row: unknown, index) => checkRow(path, row, index));
}

function checkRow(path: string, row: unknown, index: number): BaselineRow {
  const { class: letter, site, kind, reason, expires } = (row ?? {}) as Partial<Record<keyof BaselineRow, unknown>>;
  const isDate = typeof expires === "string" && isDay(expires);
  const isWhole = isText(letter) && isText(site) && isText(reason) && isDate && (kind === undefined || isText(kind));
  if (isWhole) return row as BaselineRow;
  throw new Error(
    `Cannot read row ${index + 1} of the trace baseline "${path}": found ${JSON.stringify(row)}, wanted "class", "site", "reason" and "expires" as YYYY-MM-DD`,
  );
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}

/** A day that there is: the engine takes the 31st of June for the 1st of July. */
function isDay(text: string): boolean {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : NaN;
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
