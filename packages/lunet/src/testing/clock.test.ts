import assert from "node:assert/strict";
import { test } from "node:test";
import { monotonicMs, setTimer, wallMs } from "../host/clock.ts";
import { withTestClock } from "./clock.ts";

test("time stands still until the test moves it", async () => {
  await withTestClock(async (clock) => {
    const startMs = clock.nowMs;
    assert.equal(monotonicMs(), startMs);
    assert.equal(wallMs(), startMs);
    await clock.settle();
    assert.equal(clock.nowMs, startMs);
    await clock.advance(2.5);
    assert.equal(monotonicMs() - startMs, 2.5);
  });
  assert.notEqual(wallMs(), 1_000_000, "the process's clock is back");
});

test("timers fire in the order of their times, each at its own, and those of one time as they were set", async () => {
  await withTestClock(async (clock) => {
    const startMs = clock.nowMs;
    const fired: string[] = [];
    const record = (name: string) => () => void fired.push(`${name} at ${clock.nowMs - startMs}`);
    setTimer(20, record("late"));
    setTimer(10, record("first"));
    setTimer(10, record("second"));
    setTimer(30, record("never")).clear();
    await clock.advance(9);
    assert.deepEqual(fired, []);
    await clock.advance(11);
    assert.deepEqual(fired, ["first at 10", "second at 10", "late at 20"]);
    await clock.advance(100);
    assert.equal(fired.length, 3);
  });
});

test("what a timer sets in motion settles before the next timer fires", async () => {
  await withTestClock(async (clock) => {
    const events: string[] = [];
    setTimer(10, () => {
      void (async () => {
        for (let turn = 0; turn < 50; turn++) await Promise.resolve();
        events.push("settled");
        setTimer(0, () => events.push("set on the way"));
      })();
    });
    setTimer(11, () => events.push("next"));
    await clock.advance(11);
    assert.deepEqual(events, ["settled", "set on the way", "next"]);
  });
});

test("the test picks the order of timers of one time", async () => {
  const fired: number[] = [];
  await withTestClock(
    async (clock) => {
      for (const each of [1, 2, 3]) setTimer(5, () => fired.push(each));
      await clock.advance(5);
    },
    { order: (count) => count - 1 },
  );
  assert.deepEqual(fired, [3, 2, 1]);
});

test("a timer that is left set fails the test, unless it is a background timer", async () => {
  await assert.rejects(
    withTestClock(() => void setTimer(5, () => {})),
    /found 1 timers that are still set/,
  );
  await withTestClock((clock) => {
    setTimer(5, () => {}, true);
    assert.equal(clock.timers, 0);
  });
});

test("a failure of the body puts the clock back and is thrown", async () => {
  await assert.rejects(
    withTestClock(() => {
      throw new Error("body");
    }),
    { message: "body" },
  );
  await withTestClock(() => {});
});

test("one test clock is used at a time", async () => {
  await withTestClock(async (clock) => {
    await assert.rejects(
      withTestClock(() => {}),
      /found one in use/,
    );
    assert.equal(monotonicMs(), clock.nowMs, "the first stays in use");
  });
});

test("a loop of timers that never moves on is found", async () => {
  await withTestClock(async (clock) => {
    let timer = setTimer(0, () => {});
    const again = (): void => {
      timer = setTimer(0, again);
    };
    again();
    await assert.rejects(clock.advance(1), /more than/);
    timer.clear();
  });
});

test("time does not go back", async () => {
  await withTestClock((clock) => assert.rejects(clock.advance(-1), RangeError));
});
