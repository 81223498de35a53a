import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { readRunning, start, stop } from "./background.ts";

const SERVER = `import { createServer } from "node:http";
  const server = createServer((request, reply) => reply.end("well")).listen(0, "127.0.0.1", () =>
    console.log("program: listening on http://127.0.0.1:" + server.address().port));`;

test("a started server answers at its address and lives until it is stopped", async (t) => {
  const root = project(t, `${SERVER} process.once("SIGTERM", () => { console.log("asked"); process.exit(0); });`);
  const running = await start({ root, program: "server.mjs" });
  assert.equal(await (await fetch(running.address)).text(), "well");
  assert.deepEqual(readRunning(root), running);
  assert.match(running.log, /\.tmp\/logs\/\d{8}_\d{6}\/server\.log$/);

  assert.equal(await stop({ root }), "asked");
  assert.equal(readRunning(root), undefined);
  assert.equal(existsSync(join(root, ".tmp/conduit.pid")), false);
  assert.match(readFileSync(running.log, "utf8"), /asked/);
  await assert.rejects(fetch(running.address));
});

test("a started server outlives the process that started it, and its group", async (t) => {
  const root = project(t, SERVER);
  const source = `import { start } from ${JSON.stringify(new URL("background.ts", import.meta.url).href)};
    await start({ root: ${JSON.stringify(root)}, program: "server.mjs" });`;
  const starter = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    stdio: "inherit",
    detached: true,
  });
  assert.deepEqual(await once(starter, "exit"), [0, null]);
  assert.throws(() => process.kill(-starter.pid!, 0), { code: "ESRCH" });
  assert.equal(await (await fetch(readRunning(root)!.address)).text(), "well");
});

test("a second start is refused and leaves the first server alone", async (t) => {
  const root = project(t, SERVER);
  const running = await start({ root, program: "server.mjs" });
  await assert.rejects(start({ root, program: "server.mjs" }), {
    message: `Cannot start "server.mjs": found it running at ${running.address} as process ${running.pid}`,
  });
  assert.deepEqual(readRunning(root), running);
});

test("a server that does not end when asked is killed, and that is said", async (t) => {
  const root = project(t, `${SERVER} process.on("SIGTERM", () => {});`);
  const { address } = await start({ root, program: "server.mjs" });
  assert.equal(await stop({ root, timeoutMs: 200 }), "insisted");
  await assert.rejects(fetch(address));
});

test("a server that ends at once is reported with its status and the end of its log", async (t) => {
  const root = project(t, `console.error("the port is taken"); process.exitCode = 3;`);
  await assert.rejects(start({ root, program: "server.mjs" }), /ended with status 3\nthe port is taken/);
  assert.equal(existsSync(join(root, ".tmp/conduit.pid")), false);
});

test("a server that never listens is ended when its time is over", async (t) => {
  const root = project(t, `console.log("pid " + process.pid); setInterval(() => {}, 1000);`);
  const error = await start({ root, program: "server.mjs", timeoutMs: 500 }).catch((reason: Error) => reason);
  assert.match((error as Error).message, /does not listen in time/);
  const pid = Number(/pid (\d+)/.exec((error as Error).message)![1]);
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
});

test("a pid file of a process that is gone does not stand in the way", async (t) => {
  const root = project(t, SERVER);
  const gone = spawnSync(process.execPath, ["--eval", ""]).pid;
  writePidFile(root, `${gone}\nsome time\nhttp://127.0.0.1:1\nserver.log\n`);
  assert.equal(readRunning(root), undefined);
  const running = await start({ root, program: "server.mjs" });
  assert.equal(readRunning(root)?.pid, running.pid);
});

test("a number that was given to another process is not taken for the server, and that process gets no signal", async (t) => {
  const root = project(t, SERVER);
  writePidFile(root, `${process.pid}\nsome time\nhttp://127.0.0.1:1\nserver.log\n`);
  assert.equal(readRunning(root), undefined);
  assert.equal(await stop({ root, timeoutMs: 100 }), "not running");
});

test("clean moves what was built and leaves the data of a running server", async (t) => {
  const root = project(t, SERVER);
  for (const name of ["dist", "data", "packages/lunet/dist"]) mkdirSync(join(root, name), { recursive: true });
  await start({ root, program: "server.mjs" });

  assert.match(clean(root, "--data").stderr, /Cannot move "data": process \d+ uses it/);
  assert.ok(existsSync(join(root, "dist")));
  const { stdout } = clean(root);
  assert.ok(existsSync(join(root, "data")));
  assert.equal(existsSync(join(root, "dist")), false);
  for (const [, target] of stdout.matchAll(/moved \S+ to (\S+)/g)) assert.ok(existsSync(join(root, target!)));
  assert.match(stdout, /moved packages\/lunet\/dist to \.tmp\/\d{8}_\d{6}\/packages\/lunet\/dist/);

  await stop({ root });
  assert.match(clean(root, "--data").stdout, /moved data to \.tmp\//);
});

function clean(root: string, ...flags: string[]) {
  const program = fileURLToPath(new URL("clean.ts", import.meta.url));
  return spawnSync(process.execPath, [program, "--root", root, ...flags], { encoding: "utf8", timeout: 10_000 });
}

function project(t: TestContext, source: string): string {
  const root = mkdtempSync(join(tmpdir(), "lunet-"));
  writeFileSync(join(root, "server.mjs"), source);
  t.after(async () => {
    await stop({ root, timeoutMs: 2_000 });
    rmSync(root, { recursive: true });
  });
  return root;
}

function writePidFile(root: string, content: string): void {
  mkdirSync(join(root, ".tmp"));
  writeFileSync(join(root, ".tmp/conduit.pid"), content);
}
