/**
 * What a page loads, from the first request to the last try.
 *
 * - A load begins with the part of the page that shows it, and is given up with it.
 * - It is asked for anew when somebody logs in or out, for the answer depends on who asks.
 * - What was loaded is kept, and shown at once when the visitor comes back to it; then it is asked for again. What it is kept for is
 *   said by who loads it (`Keep`).
 * - A server that cannot be reached is tried again, each time after twice as long, up to half a minute, and at once when the browser
 *   is online again.
 */
import { signal, useComputed, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError } from "./api.ts";
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

/**
 * Where an answer is shown again before it has been asked for anew:
 * - `entry`: at the same entry of the browser's history, so that going back finds a list as it was left;
 * - `visitor`: wherever the same visitor sees it;
 * - `never`: nowhere, for what is going to be changed.
 */
export type Keep = "entry" | "visitor" | "never";

/** Loads what `key` names, for as long as the calling component is shown; with another key, something else. */
export function useLoad<T>(key: string, keep: Keep, ask: (signal: AbortSignal) => Promise<T>): Load<T> {
  // Who asks is part of what is loaded.
  const place = useComputed(() => (keep === "visitor" ? `${token.value}` : `${token.value} ${entryKey.value}`)).value;
  const load = useMemo(() => new RunningLoad(keep === "never" ? undefined : `${place} ${key}`, ask), [place, key]);
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
  readonly #key: string | undefined;
  readonly #ask: (signal: AbortSignal) => Promise<T>;
  #request: AbortController | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #retryMs = FIRST_RETRY_MS;

  // It begins here and not in an effect, which would come after the page has been painted once.
  constructor(key: string | undefined, ask: (signal: AbortSignal) => Promise<T>) {
    this.#key = key;
    this.#ask = ask;
    this.data = signal(key === undefined ? undefined : (kept.get(key) as T | undefined));
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
      const data = await this.#ask(aborted);
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
    if (this.#key === undefined) return;
    kept.delete(this.#key);
    kept.set(this.#key, data);
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  }
}
