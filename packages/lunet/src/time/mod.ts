/**
 * Time: two clocks, and waits on the monotonic one.
 *
 * @module
 */
import { sleep } from "../co/mod.ts";
import { monotonicMs, wallMs } from "../host/clock.ts";

export { sleep } from "../co/mod.ts";

export {
  /**
   * Milliseconds, with fractions, on a clock that never goes back and that nobody sets. Its zero is arbitrary: use it
   * for differences (POSIX `CLOCK_MONOTONIC`).
   */
  monotonicMs,
  /** Milliseconds since 1970-01-01T00:00:00Z; may jump when the clock is set (POSIX `CLOCK_REALTIME`). */
  wallMs,
};

/**
 * Waits until the monotonic clock has come to `atMs`; not at all if it has passed.
 *
 * @param atMs A time of `monotonicMs()`.
 * @throws RangeError for no number.
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { monotonicMs, sleepUntil } from "lunet/time";
 * await run(async () => {
 *   const startedAt = monotonicMs();
 *   for (let round = 1; round <= 3; round++) await sleepUntil(startedAt + round * 5);
 * });
 * ```
 */
export async function sleepUntil(atMs: number): Promise<void> {
  if (!Number.isFinite(atMs)) throw new RangeError(`Cannot sleep: found ${atMs} ms, wanted a time of monotonicMs()`);
  // A timer counts whole milliseconds and cuts off what is left, so that it may fire up to two too early.
  do {
    await sleep(Math.ceil(Math.max(0, atMs - monotonicMs())));
  } while (monotonicMs() < atMs);
}

/**
 * Ticks every `everyMs` milliseconds, counted from the first `next()`, without drift. It waits in whoever iterates, and
 * stops with the loop; nothing runs in between.
 *
 * Ticks that came while the loop was busy are dropped: after a late round the next tick is the next whole one in the
 * future.
 *
 * @returns The number of each tick from 1, which leaves out the dropped ones.
 * @throws RangeError unless `everyMs` is more than 0.
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { ticks } from "lunet/time";
 * await run(async () => {
 *   for await (const tick of ticks(10)) if (tick >= 3) break;
 * });
 * ```
 */
export function ticks(everyMs: number): AsyncGenerator<number, never, void> {
  if (!(everyMs > 0 && everyMs < Infinity)) {
    throw new RangeError(`Cannot tick: found ${everyMs} ms, wanted more than 0`);
  }
  return generateTicks(everyMs);
}

async function* generateTicks(everyMs: number): AsyncGenerator<number, never, void> {
  const startedAt = monotonicMs();
  let tick = 0;
  for (;;) {
    tick = Math.max(tick, Math.floor((monotonicMs() - startedAt) / everyMs)) + 1;
    await sleepUntil(startedAt + tick * everyMs);
    yield tick;
  }
}
