/**
 * A pool's attempts to make connections.
 *
 * After one that failed the next begins later and later, up to a limit, each time after a random part of the wait: those
 * who lost the same server do not come back to it at the same moment (full jitter). Until one has succeeded there is one
 * attempt at a time, so that a server that starts meets a newcomer and not a crowd.
 */
import { monotonicMs, setTimer, type Timer } from "../host/clock.ts";

/** The longest wait after the first failure, in milliseconds; it doubles. */
const FIRST_BACKOFF_MS = 10;

/** What an attempt to make a connection came to. */
export type Made<C> = { readonly connection: C } | { readonly error: unknown };

/** How connections are made. */
export interface OpeningOptions<C> {
  /** Begins to make one, calls `done` once, and returns what gives the attempt up, if that is possible. */
  readonly create: (done: (made: Made<C>) => void) => (() => void) | void;
  /** The longest wait after a failure, in milliseconds. */
  readonly maxBackoffMs: number;
  /** From 0 up to 1: how much of the longest wait it is. */
  readonly random: () => number;
  /** Called with what each attempt came to. */
  readonly onMade: (made: Made<C>) => void;
  /** Called when an attempt that was refused may begin. */
  readonly onTime: () => void;
}

interface Attempt {
  giveUp: (() => void) | void;
}

/** Attempts under way, and the wait for the next. */
export class Openings<C> {
  readonly #options: OpeningOptions<C>;
  readonly #attempts = new Set<Attempt>();
  #failures = 0;
  #lastError: unknown;
  /** Not before then does an attempt begin. */
  #notBeforeMs = -Infinity;
  #timer: Timer | undefined;
  #keepsAlive = false;

  constructor(options: OpeningOptions<C>) {
    this.#options = options;
  }

  /** How many are under way. */
  get size(): number {
    return this.#attempts.size;
  }

  /** Why the last one failed; undefined if it succeeded. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /**
   * Begins an attempt, if it is time. False if it is not: `onTime` is called when it is, or the end of another attempt
   * comes first.
   *
   * @param keepsAlive Whether the wait for that keeps the process alive: somebody waits for the connection.
   */
  begin(keepsAlive: boolean): boolean {
    if (this.#failures > 0) {
      const leftMs = this.#notBeforeMs - monotonicMs();
      if (leftMs > 0) {
        this.#wait(leftMs, keepsAlive);
        return false;
      }
      if (this.#attempts.size > 0) return false;
    }
    const attempt: Attempt = { giveUp: undefined };
    this.#attempts.add(attempt);
    attempt.giveUp = this.#options.create((made) => {
      this.#attempts.delete(attempt);
      if ("connection" in made) this.#succeed();
      else this.#fail(made.error);
      this.#options.onMade(made);
    });
    return true;
  }

  /** Gives up what is under way, and calls `onTime` no more. */
  giveUp(): void {
    this.#clearTimer();
    for (const attempt of this.#attempts) attempt.giveUp?.();
  }

  #succeed(): void {
    this.#failures = 0;
    this.#lastError = undefined;
    this.#clearTimer();
  }

  #fail(error: unknown): void {
    this.#lastError = error;
    const nowMs = monotonicMs();
    // Attempts that began together fail together, and count once.
    if (this.#failures > 0 && nowMs < this.#notBeforeMs) return;
    const { maxBackoffMs, random } = this.#options;
    const longestMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, maxBackoffMs);
    this.#failures++;
    // No timer is shorter than 1 ms, and a wait of nothing would be none.
    this.#notBeforeMs = nowMs + Math.max(1, random() * longestMs);
  }

  /** Sets the timer, unless it is set. One that keeps the process alive takes the place of one that does not. */
  #wait(delayMs: number, keepsAlive: boolean): void {
    if (this.#timer !== undefined && (this.#keepsAlive || !keepsAlive)) return;
    this.#clearTimer();
    this.#keepsAlive = keepsAlive;
    const onTime = (): void => {
      this.#timer = undefined;
      this.#options.onTime();
    };
    this.#timer = setTimer(delayMs, onTime, !keepsAlive);
  }

  #clearTimer(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }
}
