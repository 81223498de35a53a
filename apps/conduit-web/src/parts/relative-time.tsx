/** How long ago something was, with the exact time in its title. */
import { signal } from "@preact/signals";

/** In seconds. */
const UNITS = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

const MONTHS = "January February March April May June July August September October November December".split(" ");

const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 30_000);

interface RelativeTimeProps {
  readonly class?: string;
  /** ISO 8601; what is no time shows nothing. */
  readonly time: string;
}

export function RelativeTime({ class: name = "date", time }: RelativeTimeProps) {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return <span class={name} />;
  return (
    <time class={name} dateTime={time} title={exactTime(new Date(at))}>
      {relativeTime(at, Math.max(now.value, at))}
    </time>
  );
}

function relativeTime(at: number, present: number): string {
  const seconds = Math.round((present - at) / 1000);
  for (const [unit, length] of UNITS) {
    const count = Math.floor(seconds / length);
    if (count > 0) return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

/** In the visitor's time zone. Intl would take as long to be set up as the first list to be drawn. */
function exactTime(at: Date): string {
  const [hours, minutes, seconds] = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) =>
    String(part).padStart(2, "0"),
  );
  return `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}, ${hours}:${minutes}:${seconds}`;
}
