/** One sentence for the visitor, which screen readers read out: what was done, or could not be. */
import { signal, type ReadonlySignal } from "@preact/signals";

export interface Notice {
  readonly text: string;
  readonly kind: "done" | "failed";
}

/** How long a notice stays, in milliseconds. */
const SHOWN_MS = 8_000;

const current = signal<Notice | undefined>(undefined);
let timer: ReturnType<typeof setTimeout> | undefined;

export const notice: ReadonlySignal<Notice | undefined> = current;

export function tell(text: string, kind: Notice["kind"] = "done"): void {
  clearTimeout(timer);
  current.value = { text, kind };
  timer = setTimeout(dismissNotice, SHOWN_MS);
}

export function dismissNotice(): void {
  current.value = undefined;
}
