/**
 * A clock that the test drives.
 *
 * It takes the place of the process's clock, so one test at a time uses it. Timers fire in the order of their times;
 * those of one time in the order they were set, or as `order` picks.
 */
import { useClock, type Clock, type Timer } from "../host/clock.ts";
import { nextTurn } from "../host/process.ts";

/** The time that the test clock starts at, on both of its clocks. */
const START_MS = 1_000_000;

/** The most timers that one `advance` fires. A loop that sleeps 0 would keep it busy for ever. */
const MAX_TIMERS_PER_ADVANCE = 100_000;

/** The clock in the hands of a test. */
export interface TestClock {
  /** Now, in milliseconds. Both `monotonicMs()` and `wallMs()` give it. */
  readonly nowMs: number;
  /** How many timers are set. */
  readonly timers: number;
  /** When the next timer is due; undefined if none is set. */
  readonly nextAtMs: number | undefined;
  /**
   * Moves time on by `durationMs` (0 or more) and fires what becomes due on the way, each at its own time. Before,
   * between and after the timers the coroutines run until all of them wait.
   */
  advance(durationMs: number): Promise<void>;
  /** Lets the coroutines run until all of them wait. Time stands still. */
  settle(): Promise<void>;
}

/** How the test clock behaves. */
export interface TestClockOptions {
  /** Picks which of so many timers of one time fires first: 0 to `count` - 1. Default: the one that was set first. */
  readonly order?: (count: number) => number;
}

/**
 * Runs `body` with a clock of its own in place of the process's, and puts the old one back.
 *
 * @throws Error if a test clock is in use already, or when the body leaves timers set that keep a process alive.
 * @example
 * ```ts
 * import { runRoot, sleep } from "lunet";
 * import { withTestClock } from "lunet/testing";
 * await withTestClock(async (clock) => {
 *   const asleep = runRoot(() => sleep(60_000));
 *   await clock.advance(60_000);
 *   await asleep;
 * });
 * ```
 */
export async function withTestClock<T>(
  body: (clock: TestClock) => T | Promise<T>,
  options: TestClockOptions = {},
): Promise<T> {
  const clock = new DrivenClock(options.order ?? (() => 0));
  const previous = useClock(clock);
  if (previous instanceof DrivenClock) {
    useClock(previous);
    throw new Error("Cannot use a test clock: found one in use, wanted one test at a time");
  }
  let value: T;
  try {
    value = await body(clock);
  } finally {
    useClock(previous);
  }
  const left = clock.timers;
  if (left > 0) throw new Error(`Cannot end the test clock: found ${left} timers that are still set, wanted none`);
  return value;
}

class DrivenTimer implements Timer {
  readonly atMs: number;
  readonly fire: () => void;
  readonly background: boolean;
  readonly #all: Set<DrivenTimer>;

  constructor(all: Set<DrivenTimer>, atMs: number, fire: () => void, background: boolean) {
    this.#all = all;
    this.atMs = atMs;
    this.fire = fire;
    this.background = background;
    all.add(this);
  }

  clear(): void {
    this.#all.delete(this);
  }
}

class DrivenClock implements Clock, TestClock {
  #nowMs = START_MS;
  readonly #timers = new Set<DrivenTimer>();
  readonly #order: (count: number) => number;

  constructor(order: (count: number) => number) {
    this.#order = order;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get timers(): number {
    return [...this.#timers].filter((timer) => !timer.background).length;
  }

  get nextAtMs(): number | undefined {
    const times = [...this.#timers].map((timer) => timer.atMs);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, fire: () => void, background = false): Timer {
    return new DrivenTimer(this.#timers, this.#nowMs + Math.max(0, delayMs), fire, background);
  }

  async advance(durationMs: number): Promise<void> {
    if (!(durationMs >= 0)) throw new RangeError(`Cannot advance: found ${durationMs} ms, wanted 0 or more`);
    const untilMs = this.#nowMs + durationMs;
    await this.settle();
    for (let fired = 0; ; fired++) {
      const atMs = this.nextAtMs;
      if (atMs === undefined || atMs > untilMs) break;
      if (fired === MAX_TIMERS_PER_ADVANCE) {
        throw new Error(`Cannot advance ${durationMs} ms: found more than ${MAX_TIMERS_PER_ADVANCE} timers due`);
      }
      this.#nowMs = Math.max(this.#nowMs, atMs);
      this.#fireOne(atMs);
      await this.settle();
    }
    this.#nowMs = untilMs;
  }

  #fireOne(atMs: number): void {
    const due = [...this.#timers].filter((timer) => timer.atMs === atMs);
    const timer = due[this.#order(due.length)];
    if (timer === undefined) throw new RangeError(`Cannot pick a timer: wanted a number below ${due.length}`);
    timer.clear();
    timer.fire();
  }

  settle(): Promise<void> {
    return nextTurn();
  }
}
