/** What comes to a supervisor while it does something else, and what others have left behind. */
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { test } from "node:test";
import { eventually } from "./traced.ts";
import { isAlive, Workers } from "./workers.ts";

test("SIGHUPs that come while the workers start, or together, are one reload after it", async () => {
  await using workers = new Workers(2);
  await workers.untilSaid("listening on");
  for (let time = 0; time < 3; time++) workers.process.send("SIGHUP");
  await workers.untilSaid("reloaded 2 workers");
  workers.process.send("SIGTERM");
  assert.equal((await workers.ended()).status, 0);
  assert.equal(workers.said.match(/reloading 2 workers/g)?.length, 1);
});

test("SIGTERM in the middle of a reload drains the old ones and the new one", async () => {
  await using workers = await Workers.start(2);
  workers.process.send("SIGHUP");
  await workers.untilSaid("reloading 2 workers");
  workers.process.send("SIGTERM");
  assert.deepEqual(await workers.ended(), { status: 0, signal: null });
  assert.match(workers.said, /SIGTERM: draining 3 workers/);
});

test("SIGTERM before a worker serves ends them all", async () => {
  await using workers = new Workers(2, {}, "hang");
  await eventually(() => existsSync(`${workers.folder}/hanging`));
  workers.process.send("SIGTERM");
  assert.deepEqual(await workers.ended(), { status: 0, signal: null });
});

test("SIGTERM ends the pause before a worker is started again", async () => {
  await using workers = await Workers.start(1, { restartDelayMs: 60_000 });
  for (let time = 1; time <= 2; time++) {
    process.kill(workers.serving().get(1) ?? 0, "SIGKILL");
    await workers.untilSaid("is started again", time);
    if (time === 1) await workers.untilSaid(") serves ", 2);
  }
  workers.process.send("SIGTERM");
  assert.deepEqual(await workers.ended(), { status: 0, signal: null });
});

test("a cancel of the supervisor drains the workers", async () => {
  await using workers = await Workers.start(2, { deadlineMs: 3_000 });
  const pids = [...workers.serving().values()];
  assert.deepEqual(await workers.ended(), { status: 9, signal: null });
  for (const pid of pids) {
    assert.ok(!isAlive(pid));
    assert.ok(existsSync(`${workers.folder}/drained-${pid}`));
  }
});

test("a worker that dies while its successor starts is not replaced twice", async () => {
  await using workers = await Workers.start(2);
  const before = workers.serving();
  workers.process.send("SIGHUP");
  await workers.untilSaid("reloading 2 workers");
  process.kill(before.get(1) ?? 0, "SIGKILL");
  await workers.untilSaid("reloaded 2 workers");
  await workers.untilReplaced(before);
  assert.equal(workers.said.match(/worker 1 \(pid \d+\) serves/g)?.length, 2);
  assert.doesNotMatch(workers.said, /is started again/);
  workers.process.send("SIGTERM");
  assert.equal((await workers.ended()).status, 0);
});

test("the file of a Unix socket that killed processes have left is replaced", async () => {
  const path = `/tmp/workers-stale-${process.pid}.sock`;
  try {
    await using killed = await Workers.start(2, { path });
    const pids = [...killed.serving().values()];
    killed.process.send("SIGKILL");
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await killed.ended();
    assert.ok(existsSync(path));
    await using workers = await Workers.start(2, { path });
    assert.equal((await workers.askAll()).size, 2);
    workers.process.send("SIGTERM");
    assert.equal((await workers.ended()).status, 0);
  } finally {
    rmSync(path, { force: true });
  }
});
