/** `lunet run --workers` and `lunet trace --workers`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, programFile, runCommand, Session, startCommand } from "./traced.ts";

const PROGRAM = programFile("http-server");
const SERVES = /worker \d \(pid (\d+)\) serves (\S+) after/g;

for (const [command, option] of [
  ["run", "--workers=2"],
  ["trace", "--workers=2"],
] as const) {
  test(`\`lunet ${command} ${option}\` runs a program that knows nothing of workers in two processes on one port`, async () => {
    using session = new Session();
    await using lunet = startCommand([command, option, PROGRAM, "2000"], session.environment());
    const found = await eventually(() => {
      const all = [...lunet.stderr.matchAll(SERVES)];
      return all.length === 2 && all;
    });
    assert.equal(new Set(found.map(([, , url]) => url)).size, 1);
    assert.equal(await (await fetch(`${found[0]?.[2]}/here`)).text(), "/here");
    const pids = found.map(([, pid]) => String(pid));
    if (command === "trace") {
      const { stdout } = await runCommand(["ps"], session.environment());
      for (const pid of pids) assert.match(stdout, new RegExp(`^${pid} +.*http-server`, "m"));
      const one = await runCommand(["ps", pids[1] ?? ""], session.environment());
      assert.match(one.stdout, /http server/);
    }
    lunet.send("SIGTERM");
    const { status, stdout } = await lunet.ended();
    assert.equal(status, 0);
    assert.equal(stdout.match(/drained\n/g)?.length, 2);
  });
}

test("`lunet run --workers` gives arguments and Node's own options on, and one worker has a supervisor, too", async () => {
  using session = new Session();
  await using lunet = startCommand(["run", "--workers", "1", PROGRAM], session.environment());
  const pid = (await lunet.waitText("stderr", /worker 1 \(pid (\d+)\) serves/))[1];
  assert.notEqual(Number(pid), lunet.pid);
  lunet.send("SIGINT");
  assert.equal((await lunet.ended()).status, 0);
});

test("a program that ends in order before it listens ends `lunet run --workers` with status 0", async () => {
  using session = new Session();
  const ended = await runCommand(["run", "--workers=2", programFile("exit"), "success"], session.environment());
  assert.equal(ended.status, 0);
  assert.equal(ended.stderr.match(/worker 1 \(pid \d+\) ended with status 0 before it served/g)?.length, 1);
});

for (const [args, found] of [
  [["--workers=0", "app.ts"], "--workers=0"],
  [["--workers=1025", "app.ts"], "--workers=1025"],
  [["--workers=two", "app.ts"], "--workers=two"],
  [["--workers"], "--workers="],
  [["--workers=2"], "no program"],
] as const) {
  test(`\`lunet run ${args.join(" ")}\` is refused`, async () => {
    using session = new Session();
    const { status, stderr } = await runCommand(["run", ...args], session.environment());
    assert.equal(status, 2);
    assert.ok(stderr.startsWith(`lunet run: Cannot run: found ${found}, wanted [--workers=N|auto] app.ts`), stderr);
  });
}

test("`lunet trace --page --workers` is refused: one process alone can have the port", async () => {
  using session = new Session();
  const { status, stderr } = await runCommand(["trace", "--page", "--workers=2", "app.ts"], session.environment());
  assert.equal(status, 2);
  assert.match(stderr, /found --page with --workers/);
});
