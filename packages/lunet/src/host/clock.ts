/**
 * Time and timers, the only place where the runtime reads a clock.
 *
 * `useClock` swaps the clock for one that a test drives; it affects the whole process.
 */

/** A timer that was set. Clearing it twice, or after it fired, does nothing. */
export interface Timer {
  clear(): void;
}

export interface Clock {
  /** Milliseconds on a clock that never goes back; its zero is arbitrary. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  wallMs(): number;
  /**
   * Calls `fire` once, `delayMs` from now or later. A `background` timer does not keep the process alive.
   */
  setTimer(delayMs: number, fire: () => void, background?: boolean): Timer;
}

/** Node keeps a delay in 32 bits and fires at once when it is larger; longer waits are set again. */
const MAX_DELAY_MS = 2 ** 31 - 1;

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout | undefined;

  constructor(delayMs: number, fire: () => void, background: boolean) {
    this.#arm(delayMs, fire, background);
  }

  #arm(delayMs: number, fire: () => void, background: boolean): void {
    if (delayMs > MAX_DELAY_MS) {
      this.#handle = setTimeout(() => this.#arm(delayMs - MAX_DELAY_MS, fire, background), MAX_DELAY_MS);
    } else {
      this.#handle = setTimeout(fire, delayMs);
    }
    if (background) this.#handle.unref();
  }

  clear(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }
}

const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, fire, background = false) => new SystemTimer(delayMs, fire, background),
};

let clock: Clock = systemClock;

/** As `monotonicMs`, whichever clock is in use: for what watches the process itself. */
export function realMonotonicMs(): number {
  return performance.now();
}

/** Replaces the process's clock and returns the one that was in use. */
export function useClock(next: Clock): Clock {
  const previous = clock;
  clock = next;
  return previous;
}

export function monotonicMs(): number {
  return clock.monotonicMs();
}

export function wallMs(): number {
  return clock.wallMs();
}

/**
 * Calls `fire` once, when the event loop has gone round, whichever clock is in use: a turn is no time, and takes a few
 * microseconds where a timer takes a millisecond at least. Returns how to take it back.
 */
export function onNextTurn(fire: () => void): () => void {
  const turn = setImmediate(fire);
  return () => clearImmediate(turn);
}

export function setTimer(delayMs: number, fire: () => void, background?: boolean): Timer {
  return clock.setTimer(delayMs, fire, background);
}
