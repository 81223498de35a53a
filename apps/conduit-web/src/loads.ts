/**
 * What a page loads, from the first request to the last try.
 *
 * - A load begins with the part of the page that shows it, and is given up with it.
 * - It is asked for anew when somebody logs in or out, for the answer depends on who asks. Until it comes, what is there stays.
 * - What was loaded is kept, and shown at once when the visitor comes back to it; then it is asked for again. What it is kept for is
 *   said by what is asked (`Keep`).
 * - What the visitor does meanwhile counts: an answer that may be older than that is asked for again.
 * - A server that cannot be reached is tried again, later and later, and at once when the browser is online again.
 */
import { signal, useComputed, type ReadonlySignal, type Signal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { ApiError } from "./api.ts";
import type { Ask, Keep } from "./asks.ts";
import { Backoff } from "./backoff.ts";
import { takeEarly } from "./early-answers.ts";
import { entryKey } from "./history-entry.ts";
import { token } from "./token.ts";

/** Answers that are kept for going back; the oldest goes first. */
const MAX_KEPT = 60;

const kept = new Map<string, unknown>();
const pending = signal(0);
/** What is shown at the moment. */
const running = new Set<{ readonly reload: () => void }>();

/** What one load has brought so far. */
export interface Load<T> {
  /** Undefined until there is something to show. */
  readonly data: ReadonlySignal<T | undefined>;
  /** Why there is nothing, or nothing newer. */
  readonly error: ReadonlySignal<ApiError | undefined>;
  /** Changes what is shown by what the visitor has just done. An answer that may be older is asked for again. */
  readonly update: (change: (data: T) => T) => void;
  /** Changes what is shown by what the server has told. */
  readonly patch: (change: (data: T) => T) => void;
  /** Asks again, now. */
  readonly reload: () => void;
}

/** Loads what is asked for as long as the calling component is shown; when something else is asked, that. */
export function useLoad<T>(asked: Ask<T>): Load<T> {
  const { key, keep: keeping } = asked;
  // Who asks is part of what is loaded.
  const place = useComputed(() => placeOf(keeping)).value;
  const before = useRef<RunningLoad<T>>(undefined);
  const load = useMemo(() => {
    const isSame = before.current?.asked.key === key;
    return new RunningLoad(asked, nameOf(place, asked), isSame ? before.current?.data.peek() : undefined);
  }, [place, key]);
  before.current = load;
  // Not an ordinary effect: a component that goes before it was painted has none, and nothing would stop its load.
  useLayoutEffect(() => () => load.stop(), [load]);
  return load;
}

/** Keeps an answer that came by another way, such as that to a change. */
export function keepAnswer<T>(asked: Ask<T>, answer: T): void {
  keep(nameOf(placeOf(asked.keep), asked), answer);
}

/** Drops an answer that is no longer true, such as of what has just been deleted. */
export function dropAnswer(asked: Ask<unknown>): void {
  kept.delete(nameOf(placeOf(asked.keep), asked) ?? "");
}

/** Asks for all that is shown, now. */
export function reloadAll(): void {
  for (const load of running) load.reload();
}

function placeOf(keeping: Keep): string {
  return keeping === "visitor" ? `${token.value}` : `${token.value} ${entryKey.value}`;
}

/** Under which an answer is kept, if it is. */
function nameOf(place: string, { key, keep: keeping }: Ask<unknown>): string | undefined {
  return keeping === "never" ? undefined : `${place} ${key}`;
}

function keep(name: string | undefined, answer: unknown): void {
  if (name === undefined) return;
  kept.delete(name);
  kept.set(name, answer);
  const [oldest] = kept.keys();
  if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
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
  readonly asked: Ask<T>;
  readonly data: Signal<T | undefined>;
  readonly error = signal<ApiError | undefined>(undefined);
  readonly #keptAs: string | undefined;
  readonly #backoff = new Backoff();
  #request: AbortController | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** How often the visitor has changed what is shown. */
  #changes = 0;

  // It begins here and not in an effect, which would come after the page has been painted once.
  constructor(asked: Ask<T>, keptAs: string | undefined, before: T | undefined) {
    this.asked = asked;
    this.#keptAs = keptAs;
    this.data = signal(before ?? (keptAs === undefined ? undefined : (kept.get(keptAs) as T | undefined)));
    running.add(this);
    addEventListener("online", this.#tryAgain);
    this.reload();
  }

  readonly reload = (): void => void this.#run();

  readonly update = (change: (data: T) => T): void => {
    this.#changes++;
    this.patch(change);
  };

  readonly patch = (change: (data: T) => T): void => {
    const data = this.data.peek();
    if (data !== undefined) this.#show(change(data));
  };

  stop(): void {
    running.delete(this);
    removeEventListener("online", this.#tryAgain);
    clearTimeout(this.#retry);
    this.#request?.abort();
  }

  async #run(): Promise<void> {
    clearTimeout(this.#retry);
    this.#request?.abort();
    const { signal: aborted } = (this.#request = new AbortController());
    const changes = this.#changes;
    // Going back waits for what has nothing to show yet.
    const isFirst = this.data.peek() === undefined;
    if (isFirst) pending.value++;
    try {
      const { key, ask } = this.asked;
      // What was asked under this key is an answer of this type.
      const data = await ((takeEarly(key) as Promise<T> | undefined) ?? ask(aborted));
      if (aborted.aborted) return;
      const isOlder = changes !== this.#changes;
      if (!isOlder || this.data.peek() === undefined) this.#show(data);
      this.error.value = undefined;
      this.#backoff.reset();
      if (isOlder) void this.#run();
    } catch (error) {
      if (!aborted.aborted) this.#fail(error);
    } finally {
      if (isFirst) pending.value--;
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof ApiError)) console.error(error);
    const told = error instanceof ApiError ? error : new ApiError("failed", undefined, ["This page has failed."]);
    // What is not there any more is not shown any more.
    if (told.status === 404) this.#drop();
    this.error.value = told;
    if (told.failure === "unreachable") this.#retry = setTimeout(this.reload, this.#backoff.next());
  }

  readonly #tryAgain = (): void => {
    if (this.error.peek()?.failure === "unreachable") this.reload();
  };

  #show(data: T): void {
    this.data.value = data;
    keep(this.#keptAs, data);
  }

  #drop(): void {
    this.data.value = undefined;
    if (this.#keptAs !== undefined) kept.delete(this.#keptAs);
  }
}
