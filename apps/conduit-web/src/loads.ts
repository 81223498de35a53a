/**
 * What a page loads, from the first request to the last try.
 *
 * - A load begins with the part of the page that shows it, and is given up with it.
 * - It is asked for anew when somebody logs in or out, for the answer depends on who asks.
 * - What was loaded is kept, and shown at once when the visitor comes back to it; then it is asked for again. What it is kept for is
 *   said by what is asked (`Keep`).
 * - A server that cannot be reached is tried again, each time after twice as long, up to half a minute, and at once when the browser
 *   is online again.
 */
import { signal, useComputed, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError } from "./api.ts";
import type { Ask } from "./asks.ts";
import { takeEarly } from "./early-answers.ts";
import { entryKey } from "./history-entry.ts";
import { token } from "./token.ts";

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** Answers that are kept for going back; the oldest goes first. */
const MAX_KEPT = 60;

const kept = new Map<string, unknown>();
const pending = signal(0);

/** What one load has brought so far. */
export interface Load<T> {
  /** Undefined until there is something to show. */
  readonly data: ReadonlySignal<T | undefined>;
  /** Why there is nothing, or nothing newer. */
  readonly error: ReadonlySignal<ApiError | undefined>;
  /** Changes what is shown, such as by what the visitor has just done. Nothing, as long as there is nothing. */
  readonly update: (change: (data: T) => T) => void;
  /** Asks again, now. */
  readonly reload: () => void;
}

/** Loads what is asked for as long as the calling component is shown; when something else is asked, that. */
export function useLoad<T>(asked: Ask<T>): Load<T> {
  const { key, keep } = asked;
  // Who asks is part of what is loaded.
  const place = useComputed(() => (keep === "visitor" ? `${token.value}` : `${token.value} ${entryKey.value}`)).value;
  const load = useMemo(() => new RunningLoad(asked, keep === "never" ? undefined : `${place} ${key}`), [place, key]);
  useEffect(() => () => load.stop(), [load]);
  return load;
}

/** Waits until nothing is being loaded, or nothing comes: at most so many milliseconds. */
export function whenLoaded(limitMs: number, aborted: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const timer = setTimeout(end, limitMs);
    // Called at once with the present number; the timer of zero lets what has come be drawn.
    const stop = pending.subscribe((count) => {
      if (count === 0) setTimeout(end);
    });
    aborted.addEventListener("abort", end, { once: true });
  });
}

class RunningLoad<T> implements Load<T> {
  readonly data: Signal<T | undefined>;
  readonly error = signal<ApiError | undefined>(undefined);
  readonly #asked: Ask<T>;
  /** Under which the answer is kept, if it is. */
  readonly #keptAs: string | undefined;
  #request: AbortController | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #retryMs = FIRST_RETRY_MS;

  // It begins here and not in an effect, which would come after the page has been painted once.
  constructor(asked: Ask<T>, keptAs: string | undefined) {
    this.#asked = asked;
    this.#keptAs = keptAs;
    this.data = signal(keptAs === undefined ? undefined : (kept.get(keptAs) as T | undefined));
    addEventListener("online", this.#tryAgain);
    this.reload();
  }

  readonly reload = (): void => void this.#run();

  readonly update = (change: (data: T) => T): void => {
    const data = this.data.peek();
    if (data !== undefined) this.#keep(change(data));
  };

  stop(): void {
    removeEventListener("online", this.#tryAgain);
    clearTimeout(this.#retry);
    this.#request?.abort();
  }

  async #run(): Promise<void> {
    clearTimeout(this.#retry);
    this.#request?.abort();
    const { signal: aborted } = (this.#request = new AbortController());
    // Going back waits for what has nothing to show yet.
    const isFirst = this.data.peek() === undefined;
    if (isFirst) pending.value++;
    try {
      const { key, ask } = this.#asked;
      // What was asked under this key is an answer of this type.
      const data = await ((takeEarly(key) as Promise<T> | undefined) ?? ask(aborted));
      if (aborted.aborted) return;
      this.#keep(data);
      this.error.value = undefined;
      this.#retryMs = FIRST_RETRY_MS;
    } catch (error) {
      if (aborted.aborted) return;
      if (!(error instanceof ApiError)) console.error(error);
      this.error.value =
        error instanceof ApiError ? error : new ApiError("failed", undefined, ["This page has failed."]);
      if (this.error.value.failure === "unreachable") this.#retryLater();
    } finally {
      if (isFirst) pending.value--;
    }
  }

  #retryLater(): void {
    this.#retry = setTimeout(this.reload, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }

  readonly #tryAgain = (): void => {
    if (this.error.peek()?.failure === "unreachable") this.reload();
  };

  #keep(data: T): void {
    this.data.value = data;
    if (this.#keptAs === undefined) return;
    kept.delete(this.#keptAs);
    kept.set(this.#keptAs, data);
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  }
}
