/** What the process writes as it ends, to a reader and to nobody. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { text } from "node:stream/consumers";
import { STDERR_STALL_MS } from "./process.ts";

/** After this time a program that still runs is killed: what the old, endless loop ends by. */
const MAX_RUN_MS = 15_000;
/** More than a pipe and the reading stream behind it hold. */
const BYTES = 8 * 2 ** 20;

const PROGRAM = `
import { writeStderrNow } from ${JSON.stringify(new URL("process.ts", import.meta.url).href)};
const startedMs = performance.now();
writeStderrNow("x".repeat(${BYTES}));
console.log(performance.now() - startedMs);
`;

function start() {
  return spawn(process.execPath, ["--input-type=module", "--eval", PROGRAM], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: MAX_RUN_MS,
    killSignal: "SIGKILL",
  });
}

test("a pipe that is full and that nobody reads holds the process for a second, and not for ever", async () => {
  const child = start();
  child.stderr.pause();
  const exited = once(child, "exit");
  const heldMs = Number(await text(child.stdout));
  assert.deepEqual(await exited, [0, null]);
  assert.ok(heldMs >= STDERR_STALL_MS, `it gave up after ${heldMs} ms`);
  child.stderr.destroy();
});

test("a text that is longer than a pipe reaches whoever reads it, whole", async () => {
  const child = start();
  const exited = once(child, "exit");
  const [written] = await Promise.all([text(child.stderr), text(child.stdout)]);
  assert.equal(written.length, BYTES);
  assert.deepEqual(await exited, [0, null]);
});
