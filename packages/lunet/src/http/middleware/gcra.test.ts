/** The algorithm, against what it promises for any sequence of requests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nextArrival, stateOf, timesOf } from "./gcra.ts";

function allowedAt(
  policy: { readonly limit: number; readonly windowMs: number },
  timesUs: readonly number[],
): number[] {
  const times = timesOf({ name: "a", ...policy });
  let arrivalUs = 0;
  return timesUs.filter((nowUs) => {
    const next = nextArrival(arrivalUs, nowUs, times);
    arrivalUs = next ?? arrivalUs;
    return next !== undefined;
  });
}

test("as many as the limit are allowed at once, then one for each interval", () => {
  const policy = { limit: 5, windowMs: 10 };
  const start = 1_000_000;
  assert.equal(allowedAt(policy, Array<number>(20).fill(start)).length, 5);
  const every100us = Array.from({ length: 200 }, (_, at) => start + at * 100);
  // 5 at once, and one for each 2 ms of the 19.9 that follow.
  assert.equal(allowedAt(policy, every100us).length, 5 + 9);
});

test("at most twice the limit is allowed in any window, and the limit in the long run", () => {
  const policy = { limit: 7, windowMs: 3 };
  const { windowUs } = timesOf({ name: "a", ...policy });
  let seed = 42;
  const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  let nowUs = 0;
  const requests = Array.from({ length: 20_000 }, () => (nowUs += random(random(4) === 0 ? 3_000 : 200)));
  const allowed = allowedAt(policy, requests);
  for (const [at, fromUs] of allowed.entries()) {
    const after = allowed[at + 2 * policy.limit];
    assert.ok(after === undefined || after - fromUs >= windowUs - 1, `too many from ${fromUs} us`);
  }
  assert.ok(allowed.length <= policy.limit + nowUs / (windowUs / policy.limit));
});

test("a window that the limit does not divide grants no more than the limit", () => {
  for (const limit of [3, 7, 999_983]) {
    assert.equal(allowedAt({ limit, windowMs: 1_000 }, Array<number>(limit + 5).fill(5_000_000)).length, limit);
  }
});

test("what is left, and how long to wait, belong together", () => {
  const times = timesOf({ name: "a", limit: 4, windowMs: 4 });
  for (const [usedUs, remaining, retryAfterMs] of [
    [-500, 4, 0],
    [0, 4, 0],
    [1, 3, 0],
    [1_000, 3, 0],
    [3_000, 1, 0],
    [3_001, 0, 0.001],
    [4_000, 0, 1],
    [9_000, 0, 6],
  ] as const) {
    const state = stateOf(true, 10_000 + usedUs, 10_000, times);
    assert.deepEqual(
      [state.remaining, state.retryAfterMs, state.resetMs],
      [remaining, retryAfterMs, Math.max(0, usedUs) / 1000],
    );
    assert.equal(nextArrival(10_000 + usedUs, 10_000, times) === undefined, remaining === 0);
  }
});
