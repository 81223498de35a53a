/** Counts in memory: the algorithm for each key, within a bound that whoever makes up keys cannot use. */
import assert from "node:assert/strict";
import { clockTest, coroutineTest } from "../../testing/mod.ts";
import { monotonicMs } from "../../time/mod.ts";
import { memoryRateLimits, type RateLimitState, type RateLimitStore } from "../mod.ts";
import { nextArrival, timesOf } from "./gcra.ts";

const POLICY = { name: "test", limit: 5, windowMs: 10_000 };

function take(store: RateLimitStore, key: string): RateLimitState {
  const state = store.take(key);
  assert.ok(!("then" in state), "memory does not wait");
  return state;
}

function allowed(store: RateLimitStore, key: string, requests: number): number {
  return Array.from({ length: requests }, () => take(store, key)).filter((state) => state.allowed).length;
}

clockTest("each key has the limit at once, then one for each interval", async (clock) => {
  const store = memoryRateLimits()(POLICY);
  assert.deepEqual(take(store, "a"), { allowed: true, remaining: 4, resetMs: 2_000, retryAfterMs: 0 });
  assert.equal(allowed(store, "a", 10), 4);
  assert.deepEqual(take(store, "a"), { allowed: false, remaining: 0, resetMs: 10_000, retryAfterMs: 2_000 });
  assert.equal(allowed(store, "b", 10), 5);
  await clock.advance(1_999);
  assert.equal(take(store, "a").allowed, false);
  await clock.advance(1);
  assert.equal(allowed(store, "a", 10), 1);
  await clock.advance(10_000);
  assert.equal(allowed(store, "a", 10), 5);
});

clockTest("it does as the algorithm alone does, for many keys over a long time", async (clock) => {
  const store = memoryRateLimits()(POLICY);
  const times = timesOf(POLICY);
  const model = new Map<string, number>();
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  for (let round = 0; round < 3_000; round++) {
    if (random(3) === 0) await clock.advance(random(random(50) === 0 ? 60_000 : 700));
    const key = String(random(20));
    const nowUs = monotonicMs() * 1000;
    const next = nextArrival(model.get(key) ?? 0, nowUs, times);
    if (next !== undefined) model.set(key, next);
    assert.equal(take(store, key).allowed, next !== undefined, `round ${round}`);
  }
});

clockTest("when it is full the key goes that has used least, and a limited one stays", async (clock) => {
  const store = memoryRateLimits({ maxKeys: 10 })(POLICY);
  assert.equal(allowed(store, "limited", 10), 5);
  for (let other = 0; other < 1_000; other++) assert.equal(take(store, `once ${other}`).allowed, true);
  assert.equal(take(store, "limited").allowed, false);
  // To push it out, nine others have to use more of their quota, and one more comes.
  await clock.advance(1_000);
  for (let other = 0; other < 9; other++) allowed(store, `as much ${other}`, 5);
  assert.equal(take(store, "limited").allowed, false);
  take(store, "one more");
  assert.equal(take(store, "limited").allowed, true);
});

clockTest("a key that is whole again is forgotten, and takes nobody's place", async (clock) => {
  const store = memoryRateLimits({ maxKeys: 4 })(POLICY);
  for (const key of ["a", "b", "c"]) take(store, key);
  await clock.advance(2_400);
  assert.equal(allowed(store, "kept", 2), 2);
  for (const key of ["d", "e", "f"]) take(store, key);
  assert.equal(allowed(store, "kept", 10), 3, "d, e and f took the places of a, b and c");
  await clock.advance(1_000_000);
  assert.equal(allowed(store, "kept", 10), 5);
});

coroutineTest("maxKeys is a whole number from 1 to ten million", () => {
  for (const maxKeys of [0, 1.5, 10_000_001, NaN]) assert.throws(() => memoryRateLimits({ maxKeys }), RangeError);
  for (const maxKeys of [1, 10_000_000]) assert.doesNotThrow(() => memoryRateLimits({ maxKeys }));
});
