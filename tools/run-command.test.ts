import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { residentBytes } from "./memory-trend.ts";
import { describeEnd, startCommand, telling } from "./run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "run-command-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let logs = 0;
function start(script: string, options: { limitMs?: number; onLine?: (line: string) => void } = {}) {
  const log = join(folder, `${++logs}.log`);
  const command = { program: process.execPath, args: ["-e", script], cwd: folder, log, limitMs: 20_000, ...options };
  return { running: startCommand(command), log };
}

test("what a program writes is in its log, in its end and told by lines", async () => {
  const lines: string[] = [];
  const { running, log } = start("console.log('a\\nb'); process.exitCode = 3", { onLine: (line) => lines.push(line) });
  const end = await running.ended;
  assert.deepEqual(end, { status: 3, signal: null, problem: undefined, output: "a\nb\n" });
  assert.deepEqual(lines, ["a", "b"]);
  assert.equal(readFileSync(log, "utf8"), "a\nb\n");
  assert.equal(describeEnd(end), "it ended with status 3");
});

test("a program that takes too long is ended, and its end says so", async () => {
  const { running } = start("setInterval(() => {}, 1000)", { limitMs: 200 });
  const end = await running.ended;
  assert.equal(end.signal, "SIGKILL");
  assert.equal(describeEnd(end), "it took longer than 0.2 s");
});

test("a program that does not end when it is asked is ended all the same", async () => {
  const ready = Promise.withResolvers<void>();
  const script = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('ready')";
  const { running } = start(script, { onLine: () => ready.resolve() });
  await ready.promise;
  const end = await running.end("SIGTERM", 100);
  assert.equal(end.signal, "SIGKILL");
});

test("a program that is not there is an end too", async () => {
  const log = join(folder, "none.log");
  const end = await startCommand({ program: join(folder, "none"), args: [], cwd: folder, log, limitMs: 5_000 }).ended;
  assert.match(describeEnd(end), /^it cannot be started: .*ENOENT/);
});

test("what was started ends with whoever started it, also by a signal", { timeout: 20_000 }, async () => {
  const script = `
    import { startCommand } from ${JSON.stringify(join(import.meta.dirname, "run-command.ts"))};
    const { pid } = startCommand({ program: process.execPath, cwd: ".", log: ${JSON.stringify(join(folder, "x.log"))},
      args: ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('ready')"],
      limitMs: 20000, onLine: () => console.log(pid) });`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [text] = await once(parent.stdout, "data");
  parent.kill("SIGTERM");
  const [status] = await once(parent, "close");
  assert.equal(status, 143);
  // It is nobody's child now; the system takes a moment to end it.
  while (residentBytes(Number(String(text))) !== undefined) await setImmediate();
});

test("of a program that the trace build stopped the finding is shown, of others the end", () => {
  const output = `before\nlunet trace: finding A, left\n  what  a file\n${"more\n".repeat(100)}`;
  const end = { status: 134, signal: null, problem: undefined, output };
  assert.match(telling(end), /^lunet trace: finding A, left\n {2}what {2}a file\nmore\n/);
  assert.equal(describeEnd(end), "the trace build stopped it, with status 134");
  assert.match(telling({ ...end, status: 1 }), /^(more\n){29}more$/);
});
