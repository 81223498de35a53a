/** How long ago something was, with the exact time in its title. */
import { signal } from "@preact/signals";

const UNITS = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const EXACT = new Intl.DateTimeFormat("en", { dateStyle: "long", timeStyle: "medium" });

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
    <time class={name} dateTime={time} title={EXACT.format(at)}>
      {relativeTime(at, Math.max(now.value, at))}
    </time>
  );
}

function relativeTime(at: number, present: number): string {
  const seconds = Math.round((present - at) / 1000);
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return RELATIVE.format(-Math.floor(seconds / length), unit);
  }
  return "just now";
}
