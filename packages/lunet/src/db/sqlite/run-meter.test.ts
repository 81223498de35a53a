import assert from "node:assert/strict";
import { test } from "node:test";
import { threadUsage } from "../../host/thread-usage.ts";
import { RunMeter } from "./run-meter.ts";

/** A meter, and what the system tells it. */
function createMeter(): { meter: RunMeter; used: { cpuMs: number; diskReads: number; questions: number } } {
  const used = { cpuMs: 100, diskReads: 7, questions: 0 };
  const answer = (value: number): number => {
    used.questions++;
    return value;
  };
  const meter = new RunMeter({ cpuMs: () => answer(used.cpuMs), diskReads: () => answer(used.diskReads) });
  return { meter, used };
}

test("time in which the thread did not run is not counted", () => {
  const { meter, used } = createMeter();
  meter.begin(1_000);
  used.cpuMs += 2;
  assert.equal(meter.heldMs(30), 2);
});

test("a run is never longer than by the clock", () => {
  const { meter, used } = createMeter();
  meter.begin(1_000);
  used.cpuMs += 31;
  assert.equal(meter.heldMs(30), 30);
});

test("all the time is counted of a run in which a disk was read", () => {
  const { meter, used } = createMeter();
  meter.begin(1_000);
  used.diskReads++;
  assert.equal(meter.heldMs(30), 30);
});

test("what the thread did more than a millisecond before the run is not counted", () => {
  const { meter, used } = createMeter();
  meter.begin(1_000);
  used.cpuMs += 20;
  used.diskReads++;
  meter.begin(1_001);
  used.cpuMs += 2;
  assert.equal(meter.heldMs(30), 2);
});

test("the system is asked about short runs once in a millisecond", () => {
  const { meter, used } = createMeter();
  for (let run = 0; run < 10; run++) {
    meter.begin(1_000 + run / 10);
    assert.equal(meter.heldMs(0.5), 0.5);
  }
  assert.equal(used.questions, 2);
});

test("the system tells what a thread has used", () => {
  const before = threadUsage.cpuMs();
  for (let count = 0; threadUsage.cpuMs() === before; count++) assert.ok(count < 1_000_000);
  assert.ok(threadUsage.cpuMs() > before);
  assert.ok(threadUsage.diskReads() >= 0);
});
