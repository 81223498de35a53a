/** A test whose body is a coroutine, and which fails when something outlives it. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { runRoot } from "../co/mod.ts";
import { nextTurn } from "../host/process.ts";
import {
  balance,
  collectFindings,
  describeFinding,
  type FindingClass,
  findings,
  takeFindings,
  TRACE,
} from "../trace/mod.ts";
import { withTestClock, type TestClock } from "./clock.ts";

/** How long a test may take, unless it says otherwise, in milliseconds. */
export const DEFAULT_TEST_TIMEOUT_MS = 10_000;

/** How a coroutine test runs. */
export interface CoroutineTestOptions {
  /** In real time, whatever clock the test uses. Default 10,000 ms. */
  readonly timeoutMs?: number;
  /**
   * The classes of findings that the body brings about on purpose: in the trace build each must be found, and nothing
   * else. Default: none.
   */
  readonly provokes?: readonly FindingClass[];
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
  const { timeoutMs = DEFAULT_TEST_TIMEOUT_MS, provokes = [] } = options;
  test(name, { timeout: timeoutMs }, async (context) => {
    await assertFindings(provokes, () => assertNothingLeft(() => runRoot(() => body(context))));
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
 * Runs `body` and, in the trace build, asserts that it brings about findings of these classes and of no other. They stop
 * nothing.
 *
 * @throws AssertionError with the report of each finding that was not wanted.
 * @example
 * ```ts
 * import { runRoot, sleep } from "lunet";
 * import { assertFindings } from "lunet/testing";
 * await assertFindings(["F"], () => runRoot(() => void sleep(1))); // its promise is dropped
 * ```
 */
export async function assertFindings<T>(classes: readonly FindingClass[], body: () => Promise<T>): Promise<T> {
  if (!TRACE) return body();
  collectFindings();
  const before = new Set(findings());
  const value = await body();
  // What is told in the turn after an end belongs to it.
  await nextTurn();
  // What was there before is somebody else's, and stays for the end of the process.
  const own = takeFindings((one) => !before.has(one)).filter((one) => !one.foreign && one.known === undefined);
  const unwanted = own.filter((one) => !classes.includes(one.class));
  assert.equal(unwanted.length, 0, `the trace build found\n${unwanted.map(describeFinding).join("\n")}`);
  assert.deepEqual(
    [...new Set(own.map((one) => one.class))].sort(),
    [...new Set(classes)].sort(),
    "found other classes",
  );
  return value;
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

if (TRACE) collectFindings();

function livingByKind(): Record<string, number> {
  const living: Record<string, number> = {};
  for (const [kind, { live }] of balance()) if (live !== 0) living[kind] = live;
  return living;
}
