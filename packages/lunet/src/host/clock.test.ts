import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { monotonicMs, setTimer, wallMs } from "./clock.ts";

const MAX_NODE_DELAY_MS = 2 ** 31 - 1;

test("a timer fires once, after its delay, and can be cleared before and after", (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const fired: string[] = [];
  const timer = setTimer(10, () => fired.push("first"));
  setTimer(10, () => fired.push("cleared")).clear();
  mock.timers.tick(9);
  assert.deepEqual(fired, []);
  mock.timers.tick(20);
  timer.clear();
  timer.clear();
  assert.deepEqual(fired, ["first"]);
});

test("a delay longer than Node's timers hold is kept", (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const fired: string[] = [];
  setTimer(2 * MAX_NODE_DELAY_MS + 5, () => fired.push("long"));
  const cleared = setTimer(2 * MAX_NODE_DELAY_MS + 1, () => fired.push("cleared"));
  mock.timers.tick(MAX_NODE_DELAY_MS);
  mock.timers.tick(MAX_NODE_DELAY_MS);
  cleared.clear();
  mock.timers.tick(4);
  assert.deepEqual(fired, []);
  mock.timers.tick(1);
  assert.deepEqual(fired, ["long"]);
});

test("a background timer keeps no process alive, any other does", () => {
  const active = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = active();
  const background = setTimer(60_000, () => {}, true);
  assert.equal(active(), before);
  const timer = setTimer(60_000, () => {});
  assert.equal(active(), before + 1);
  timer.clear();
  background.clear();
  assert.equal(active(), before);
});

test("one clock never goes back, the other tells the time", () => {
  const first = monotonicMs();
  assert.ok(monotonicMs() >= first);
  assert.ok(Math.abs(wallMs() - Date.now()) < 1_000);
});
