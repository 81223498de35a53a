import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ended, made, takeFindings, TRACE } from "#trace";
import { inCoroutine, sleep, spawn } from "../co/mod.ts";
import { monotonicMs } from "../host/clock.ts";
import { assertFindings, assertNothingLeft, clockTest, coroutineTest } from "./coroutine-test.ts";

const events: string[] = [];

coroutineTest("a coroutine test runs in a root of its own, and waits for what it started", async (context) => {
  assert.equal(inCoroutine(), true);
  assert.match(context.name, /^a coroutine test/);
  spawn(async () => {
    await sleep(0);
    events.push("coroutine ended");
  });
});

clockTest("a clock test gives the body a clock that stands still", async (clock) => {
  assert.deepEqual(events, ["coroutine ended"], "the test before has ended with all it started");
  const asleep = spawn(() => sleep(60_000));
  const startMs = monotonicMs();
  await clock.advance(60_000);
  assert.equal(monotonicMs() - startMs, 60_000);
  await asleep.join();
  events.push("clock test ended");
});

after(() => assert.deepEqual(events, ["coroutine ended", "clock test ended"]));

test("in the trace build something that is left alive fails, by its kind; the release build counts nothing", async () => {
  const left = {};
  const leaking = assertNothingLeft(async () => {
    made("listener", left);
    return "value";
  });
  if (TRACE) {
    await assert.rejects(leaking, (error: Error) => {
      assert.match(error.message, /^found something alive after its root/);
      assert.deepEqual((error as unknown as { actual: unknown }).actual, { listener: 1 });
      return true;
    });
    ended("listener", left);
  } else assert.equal(await leaking, "value");
});

test("what lived before may live on", async () => {
  const before = {};
  made("listener", before);
  await assertNothingLeft(async () => {});
  ended("listener", before);
});

test("what was found before a test is left for the end of the process", async () => {
  const thing = {};
  if (TRACE) {
    made("thing", thing);
    made("thing", thing);
    ended("thing", thing);
  }
  await assertFindings([], async () => {});
  const left = takeFindings().map((one) => [one.class, one.kind]);
  assert.deepEqual(left, TRACE ? [["D", "thing"]] : []);
});
