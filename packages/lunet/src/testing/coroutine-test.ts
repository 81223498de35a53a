/** A test whose body is a coroutine, and which fails when something outlives it. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { TRACE, balance } from "#trace";
import { runRoot } from "../co/mod.ts";
import { withTestClock, type TestClock } from "./clock.ts";

/** How long a test may take, unless it says otherwise, in milliseconds. */
export const DEFAULT_TEST_TIMEOUT_MS = 10_000;

/** How a coroutine test runs. */
export interface CoroutineTestOptions {
  /** In real time, whatever clock the test uses. Default 10,000 ms. */
  readonly timeoutMs?: number;
}

/**
 * A test of `node:test` whose body runs as a coroutine of its own root. It ends when all has ended that the body
 * started, and in the trace build it fails if anything lives that did not live before.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { scope, spawn } from "lunet";
 * import { coroutineTest } from "lunet/testing";
 * coroutineTest("a scope waits for its coroutines", async () => {
 *   const ends: string[] = [];
 *   await scope(() => void spawn(async () => { ends.push("coroutine"); }));
 *   assert.deepEqual(ends, ["coroutine"]);
 * });
 * ```
 */
export function coroutineTest(
  name: string,
  body: (context: TestContext) => unknown,
  options: CoroutineTestOptions = {},
): void {
  const { timeoutMs = DEFAULT_TEST_TIMEOUT_MS } = options;
  void test(name, { timeout: timeoutMs }, async (context) => {
    await assertNothingLeft(() => runRoot(() => body(context)));
  });
}

/**
 * A coroutine test that drives the clock: nothing in it takes time.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { sleep, spawn } from "lunet";
 * import { clockTest } from "lunet/testing";
 * clockTest("a sleep ends after its time", async (clock) => {
 *   const asleep = spawn(() => sleep(60_000));
 *   await clock.advance(59_999);
 *   assert.equal(asleep.state, "running");
 *   await clock.advance(1);
 *   assert.equal(asleep.state, "done");
 * });
 * ```
 */
export function clockTest(name: string, body: (clock: TestClock) => unknown, options: CoroutineTestOptions = {}): void {
  coroutineTest(name, () => withTestClock(body), options);
}

/**
 * Runs `body` and, in the trace build, asserts that as much of each kind lives after it as before.
 *
 * @throws AssertionError that names each kind and how many are left.
 */
export async function assertNothingLeft<T>(body: () => Promise<T>): Promise<T> {
  const before = livingByKind();
  const value = await body();
  if (TRACE) assert.deepEqual(livingByKind(), before, "found something alive after its root, wanted all of it ended");
  return value;
}

function livingByKind(): Record<string, number> {
  const living: Record<string, number> = {};
  for (const [kind, { live }] of balance()) if (live !== 0) living[kind] = live;
  return living;
}
