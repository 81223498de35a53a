import assert from "node:assert/strict";
import { test } from "node:test";
import { NotInCoroutineError, spawn } from "../co/mod.ts";
import { coroutineTest } from "../testing/mod.ts";
import { type SignalName, waitSignal } from "./mod.ts";

coroutineTest("a wait that is cancelled stops listening", async () => {
  const before = process.listenerCount("SIGUSR2");
  const waiting = spawn(() => waitSignal("USR2", "USR2", "HUP"));
  assert.equal(process.listenerCount("SIGUSR2"), before + 1, "a name that is given twice counts once");
  waiting.cancel();
  await assert.rejects(waiting.join(), { code: "ERR_COROUTINE_CANCELLED" });
  assert.equal(process.listenerCount("SIGUSR2"), before);
  assert.equal(process.listenerCount("SIGHUP"), 0);
});

coroutineTest("the process's own signal arrives, and the wait stops listening", async () => {
  const waiting = spawn(() => waitSignal("HUP", "QUIT"));
  process.kill(process.pid, "SIGHUP");
  assert.equal(await waiting.join(), "HUP");
  assert.equal(process.listenerCount("SIGHUP") + process.listenerCount("SIGQUIT"), 0);
});

coroutineTest("signals that cannot be waited for, and none at all, are refused", async () => {
  for (const name of ["KILL", "SIGTERM", "term", ""]) await assert.rejects(waitSignal(name as SignalName), RangeError);
  await assert.rejects(waitSignal(), TypeError);
});

test("waitSignal is refused outside a coroutine, and does not listen", async () => {
  await assert.rejects(waitSignal("HUP"), NotInCoroutineError);
  assert.equal(process.listenerCount("SIGHUP"), 0);
});
