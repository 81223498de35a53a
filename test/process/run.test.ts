import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "./program.ts";

test("a program that succeeds ends with status 0 and says nothing", async () => {
  assert.deepEqual(await runProgram("exit", "success"), { status: 0, signal: null, stdout: "", stderr: "" });
});

test("a program ends with the whole number that its main returns", async () => {
  assert.deepEqual(await runProgram("exit", "number"), { status: 7, signal: null, stdout: "", stderr: "" });
});

test("a failure ends with status 1 and the trace of whoever called", async () => {
  const { status, stderr } = await runProgram("exit", "failure");
  assert.equal(status, 1);
  assert.match(stderr, /^lunet: uncaught failure: Error: the shop is shut\n/);
  assert.match(stderr, /at openShop .*exit\.ts/);
  assert.match(stderr, /at async failure .*exit\.ts/);
});

test("a failure of a coroutine ends the program, which does not wait for the rest", async () => {
  const { status, stderr } = await runProgram("exit", "coroutine");
  assert.equal(status, 1);
  assert.match(stderr, /Error: the shop is shut\n\s+at openShop/);
});

test("several failures are all reported", async () => {
  const { status, stderr } = await runProgram("exit", "several");
  assert.equal(status, 1);
  assert.match(stderr, /uncaught failure: Error: the shop is shut[^]*uncaught failure: Error: and so is the back door/);
});

test("the failure of a promise that nobody awaits ends the program in order", async () => {
  const { status, stderr } = await runProgram("exit", "floating");
  assert.equal(status, 1);
  assert.match(stderr, /^lunet: uncaught failure: Error: the shop is shut\n/);
});

test("a cancel that nobody awaits ends no process", async () => {
  const outcome = await runProgram("exit", "floating-cancel");
  assert.deepEqual(outcome, { status: 0, signal: null, stdout: "cancelled\nand nothing else\n", stderr: "" });
});

test("a rejection outside every coroutine ends the process as without lunet", async () => {
  const { status, stdout, stderr } = await runProgram("outside-rejection");
  assert.equal(status, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /Error: outside of lunet/);
});

test("a deadlock ends with status 1 and names the waits", async () => {
  const { status, stderr } = await runProgram("exit", "deadlock");
  assert.equal(status, 1);
  assert.match(stderr, /DeadlockError: Cannot go on: .*"telephone" in "run".*"bell" in "waiter"/);
});

test("a deadlock unwinds the program", async () => {
  const { status, stdout } = await runProgram("exit", "cleanup-after-deadlock");
  assert.equal(status, 1);
  assert.equal(stdout, "cleaned\n");
});

test("a deadlock in a wait that cannot be cancelled is reported all the same", async () => {
  const { status, stderr } = await runProgram("exit", "fixed-deadlock");
  assert.equal(status, 1);
  assert.match(stderr, /DeadlockError: .*"telephone" in "run"/);
});
