import assert from "node:assert/strict";
import { clockTest, coroutineTest } from "../testing/mod.ts";
import { scope, spawn, withDeadline } from "../co/mod.ts";
import { monotonicMs, sleep, sleepUntil, ticks, wallMs } from "./mod.ts";

coroutineTest("the clocks give the process's time", async () => {
  const before = performance.now();
  const now = monotonicMs();
  assert.ok(before <= now && now <= performance.now());
  assert.ok(Math.abs(wallMs() - Date.now()) < 1_000);
  await sleep(0);
});

clockTest("sleepUntil ends at its time, and at once when that has passed", async (clock) => {
  const startMs = clock.nowMs;
  const asleep = spawn(async () => {
    await sleepUntil(startMs + 30);
    assert.equal(monotonicMs(), startMs + 30);
    await sleepUntil(startMs);
  });
  await clock.advance(29);
  assert.equal(asleep.state, "running");
  await clock.advance(1);
  assert.equal(asleep.state, "done");
});

coroutineTest("sleepUntil never ends before its time on the process's clock", async () => {
  for (let time = 0; time < 40; time++) {
    const atMs = monotonicMs() + 1 + time / 10;
    await sleepUntil(atMs);
    assert.ok(monotonicMs() >= atMs, `ended ${atMs - monotonicMs()} ms early`);
  }
});

coroutineTest("sleepUntil refuses what is no time", async () => {
  for (const time of [Number.NaN, Infinity]) await assert.rejects(sleepUntil(time), RangeError);
});

clockTest("ticks come at whole multiples, without drift, however long a round takes", async (clock) => {
  const startMs = clock.nowMs;
  const seen: [tick: number, atMs: number][] = [];
  const ticking = spawn(async () => {
    for await (const tick of ticks(10)) {
      seen.push([tick, monotonicMs() - startMs]);
      if (tick >= 5) break;
      await sleep(tick === 2 ? 24 : 3);
    }
  });
  await clock.advance(100);
  await ticking.join();
  assert.deepEqual(
    seen,
    [
      [1, 10],
      [2, 20],
      [5, 50],
    ],
    "the ticks 3 and 4 came in a round and are dropped",
  );
});

clockTest("a cancel and a deadline reach whoever waits for a tick, and the loop's cleanup runs", async (clock) => {
  const events: string[] = [];
  const ticking = spawn(() =>
    scope(async () => {
      try {
        for await (const tick of ticks(10)) events.push(`tick ${tick}`);
      } finally {
        events.push("finally");
      }
    }),
  );
  const timed = spawn(() =>
    withDeadline(15, async () => {
      for await (const _ of ticks(10));
    }).catch((error: { code: string }) => events.push(error.code)),
  );
  await clock.advance(15);
  ticking.cancel();
  await assert.rejects(ticking.join(), { code: "ERR_COROUTINE_CANCELLED" });
  await timed.join();
  assert.deepEqual(events, ["tick 1", "ERR_DEADLINE", "finally"]);
  assert.equal(clock.timers, 0);
});

coroutineTest("ticks refuse a time that is none, before anybody iterates", async () => {
  for (const everyMs of [0, -1, Number.NaN, Infinity]) assert.throws(() => ticks(everyMs), RangeError);
});
