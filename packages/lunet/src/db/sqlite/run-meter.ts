/**
 * How long a statement holds its thread, which decides where it runs.
 *
 * The clock alone tells too much. On a busy machine the system gives the core to another program in the middle of a statement,
 * for some milliseconds, and that would be so wherever the statement ran. What the thread used of the processor does not have
 * this; but a statement that waited for a disk uses nothing meanwhile, and has held its thread all the same. So it is the
 * processor's time where nothing was read from a disk, and the clock's otherwise.
 */
import { threadUsage, type ThreadUsage } from "../../host/thread-usage.ts";

/** Up to here the clock is believed, and nothing is asked of the system. */
const CLOCK_MS = 0.5;
/**
 * The system is asked before a run only if it was not within this time: what the thread did since then counts as the
 * statement's.
 */
const MARK_AGE_MS = 1;

/** Measures the statements of one thread, one after another. */
export class RunMeter {
  readonly #usage: ThreadUsage;
  #markedMs = -Infinity;
  #cpuMs = 0;
  #diskReads = 0;

  constructor(usage: ThreadUsage = threadUsage) {
    this.#usage = usage;
  }

  /** Before a run. */
  begin(nowMs: number): void {
    if (nowMs - this.#markedMs < MARK_AGE_MS) return;
    this.#markedMs = nowMs;
    this.#cpuMs = this.#usage.cpuMs();
    this.#diskReads = this.#usage.diskReads();
  }

  /** After the run, which took so long by the clock. */
  heldMs(elapsedMs: number): number {
    if (elapsedMs <= CLOCK_MS || this.#usage.diskReads() !== this.#diskReads) return elapsedMs;
    return Math.min(elapsedMs, this.#usage.cpuMs() - this.#cpuMs);
  }
}
