/** A program in several processes: what its supervisor does about starts, ends, reloads and signals. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { ReloadClients } from "./reload-clients.ts";
import { eventually } from "./traced.ts";
import { isAlive, Workers } from "./workers.ts";

const SHARINGS = ["reuse-port", "cluster"] as const;

for (const sharing of SHARINGS) {
  test(`workers share one port (${sharing}), its address is told once, and SIGTERM answers what is under way`, async () => {
    await using workers = await Workers.start(3, { sharing });
    const serving = workers.serving();
    assert.deepEqual(await workers.askAll(), serving);
    assert.equal(workers.process.stdout.match(/serves http/g)?.length, 1);
    assert.equal(workers.said.match(/^lunet: listening on http:\/\/127\.0\.0\.1:\d+ with 3 workers$/gm)?.length, 1);
    const slow = Array.from({ length: 6 }, () => workers.ask("/slow"));
    await eventually(() => workers.ask("/who"));
    workers.process.send("SIGTERM");
    for (const text of await Promise.all(slow)) assert.match(text, /^slow \d+$/);
    assert.deepEqual(await workers.ended(), { status: 0, signal: null });
    for (const pid of serving.values()) assert.ok(existsSync(join(workers.folder, `drained-${pid}`)));
  });

  test(`a reload (${sharing}) puts a new process into the place of each without a failed request`, async () => {
    await using workers = await Workers.start(2, { sharing });
    await reloadUnderLoad(workers, 3);
  });

  test(`a second program finds the port taken (${sharing}), says so, and gives up`, async () => {
    await using workers = await Workers.start(2, { sharing });
    const { port } = workers.target as { port: number };
    await using other = new Workers(2, { sharing, port, maxFailedStarts: 2, restartDelayMs: 1 });
    assert.deepEqual(await other.ended(), { status: 1, signal: null });
    assert.match(other.said, new RegExp(`Cannot listen on 127\\.0\\.0\\.1 port ${port}: .*EADDRINUSE`));
    assert.match(other.said, /giving up: found 2 starts in a row/);
    assert.equal((await workers.askAll()).size, 2);
    workers.process.send("SIGTERM");
    assert.equal((await workers.ended()).status, 0);
  });
}

test("a reload on a Unix socket is without a failed request, and the socket's file goes with the last", async () => {
  const path = `/tmp/workers-${process.pid}.sock`;
  await using workers = await Workers.start(2, { path });
  await reloadUnderLoad(workers, 2);
  assert.ok(!existsSync(path));
});

test("a program that listens in two places, one after the other, is reloaded without a failed request in either", async () => {
  const port = await freePort();
  await using workers = await Workers.start(1, { later: { port, ms: 400 } });
  await workers.untilSaid(`serves http://127.0.0.1:${port} `, 1);
  const clients = [workers.target, { host: "127.0.0.1", port }].map((target) => new ReloadClients(target));
  for (const one of clients) one.start({ fresh: 4, kept: 2 });
  workers.process.send("SIGHUP");
  await workers.untilSaid("lunet: reloaded 1 workers", 1);
  for (const one of clients) assert.deepEqual((await one.end()).failures, []);
});

/** A port that nobody has at the moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function reloadUnderLoad(workers: Workers, times: number): Promise<void> {
  const clients = new ReloadClients(workers.target);
  clients.start({ fresh: 8, kept: 4 });
  for (let time = 1; time <= times; time++) {
    const before = workers.serving();
    workers.process.send("SIGHUP");
    await workers.untilSaid("lunet: reloaded 2 workers", time);
    for (const [number, pid] of workers.serving()) assert.notEqual(before.get(number), pid);
    for (const pid of before.values()) assert.ok(!isAlive(pid));
  }
  const { requests, failures } = await clients.end();
  assert.deepEqual(failures, []);
  assert.ok(requests > 100, `${requests} requests`);
  workers.process.send("SIGTERM");
  assert.equal((await workers.ended()).status, 0);
}

test("a worker that is killed is replaced at once, while the other goes on", async () => {
  await using workers = await Workers.start(2);
  const before = workers.serving();
  const [killed = 0, other = 0] = before.values();
  process.kill(killed, "SIGKILL");
  await workers.until(() => workers.serving().size === 2 && workers.serving().get(1) !== killed);
  assert.equal(workers.serving().get(2), other);
  assert.match(workers.said, new RegExp(`worker 1 \\(pid ${killed}\\) ended by SIGKILL after serving for \\d+ ms`));
  assert.match(workers.said, /^lunet: worker 1 is started again at once$/m);
  assert.deepEqual(await workers.askAll(), workers.serving());
  workers.process.send("SIGTERM");
  assert.equal((await workers.ended()).status, 0);
});

test("a worker that dies again and again is replaced after pauses that double, up to a bound, for as long as it comes to serve", async () => {
  const options = { restartDelayMs: 10, maxRestartDelayMs: 20, maxFailedStarts: 1 };
  await using workers = await Workers.start(1, options);
  for (let time = 1; time <= 4; time++) {
    process.kill(workers.serving().get(1) ?? 0, "SIGKILL");
    await workers.untilSaid(") serves ", time + 1);
  }
  const pauses = [...workers.said.matchAll(/is started again (.*)$/gm)].map(([, pause]) => pause);
  assert.deepEqual(pauses, ["at once", "in 10 ms", "in 20 ms", "in 20 ms"]);
  workers.process.send("SIGTERM");
  assert.equal((await workers.ended()).status, 0);
});

test("a worker that has served for a while is replaced at once again", async () => {
  await using workers = await Workers.start(1, { restartDelayMs: 10, stableMs: 0 });
  for (let time = 1; time <= 3; time++) {
    process.kill(workers.serving().get(1) ?? 0, "SIGKILL");
    await workers.untilSaid(") serves ", time + 1);
  }
  assert.deepEqual(
    [...workers.said.matchAll(/is started again (.*)$/gm)].map(([, pause]) => pause),
    ["at once", "at once", "at once"],
  );
  workers.process.send("SIGTERM");
  assert.equal((await workers.ended()).status, 0);
});

test("a program that cannot start is given up after so many starts, with its status, and one worker alone was tried", async () => {
  await using workers = new Workers(4, { restartDelayMs: 5, maxFailedStarts: 3 }, "fail");
  assert.deepEqual(await workers.ended(), { status: 1, signal: null });
  assert.equal(workers.said.match(/Error: told to fail/g)?.length, 3);
  assert.deepEqual([...new Set([...workers.said.matchAll(/worker (\d) \(/g)].map(([, number]) => number))], ["1"]);
  assert.match(workers.said, /^lunet: giving up: found 3 starts in a row that ended before they served, status 1$/m);
});

test("a program that does not come to listen is killed after `startTimeoutMs`", async () => {
  await using workers = new Workers(2, { startTimeoutMs: 1_500, maxFailedStarts: 1 }, "hang");
  assert.deepEqual(await workers.ended(), { status: 137, signal: null });
  assert.match(workers.said, /worker 1 \(pid \d+\) did not listen within 1500 ms: killed/);
});

test("a reload whose new process does not serve is given up, and the old ones go on; the next one may do better", async () => {
  await using workers = await Workers.start(2);
  const before = workers.serving();
  workers.plan("fail");
  workers.process.send("SIGHUP");
  await workers.untilSaid("reload given up at worker 1");
  assert.deepEqual(await workers.askAll(), before);
  workers.plan("");
  workers.process.send("SIGHUP");
  await workers.untilReplaced(before);
  workers.process.send("SIGTERM");
  assert.equal((await workers.ended()).status, 0);
});

test("a worker that does not end within `graceMs` is killed, and the status says so", async () => {
  await using workers = await Workers.start(2, { graceMs: 300 });
  const held = workers.ask("/hold").catch((error: Error) => error.message);
  // It is held when it answers nobody any more; the other one answers.
  await eventually(async () => {
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => Promise.race([workers.ask("/who").catch(() => ""), soon()])),
    );
    return answers.includes("late");
  });
  workers.process.send("SIGTERM");
  assert.deepEqual(await workers.ended(), { status: 137, signal: null });
  assert.match(workers.said, /worker \d \(pid \d+\) did not end within its grace: killed/);
  assert.match(workers.said, /worker \d \(pid \d+\) has drained/);
  assert.match(await held, /hang up|ECONNRESET/);
});

function soon(): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, 300, "late"));
}

test("a second SIGTERM cuts off what is under way", async () => {
  await using workers = await Workers.start(2);
  const never = workers.ask("/never");
  await workers.askAll();
  workers.process.send("SIGTERM");
  await workers.untilSaid("SIGTERM: draining 2 workers");
  workers.process.send("SIGTERM");
  assert.equal(await never, "503");
  assert.equal((await workers.ended()).status, 0);
  assert.match(workers.said, /told again: cutting off/);
});

test("a signal that comes to the workers as well as to their supervisor, as Ctrl-C does, drains and does not cut off", async () => {
  await using workers = await Workers.start(2);
  const slow = Array.from({ length: 4 }, () => workers.ask("/slow"));
  await workers.askAll();
  const pids = [...workers.serving().values()];
  workers.process.send("SIGINT");
  for (const pid of pids) process.kill(pid, "SIGINT");
  for (const text of await Promise.all(slow)) assert.match(text, /^slow \d+$/);
  assert.equal((await workers.ended()).status, 0);
});

for (const sharing of SHARINGS) {
  test(`when the supervisor is killed its workers (${sharing}) answer what is under way, and end`, async () => {
    await using workers = await Workers.start(2, { sharing });
    const pids = [...workers.serving().values()];
    const slow = Array.from({ length: 4 }, () => workers.ask("/slow"));
    await workers.askAll();
    workers.process.send("SIGKILL");
    for (const text of await Promise.all(slow)) assert.match(text, /^slow \d+$/);
    assert.deepEqual(await workers.ended(), { status: null, signal: "SIGKILL" });
    for (const pid of pids) assert.ok(existsSync(join(workers.folder, `drained-${pid}`)));
  });
}

test("a worker that was aborted with status 134 is told, replaced, and not forgotten at the end", async () => {
  await using workers = await Workers.start(2);
  await workers.ask("/exit?status=134").catch(() => {});
  await workers.untilSaid("is started again at once");
  assert.match(
    workers.said,
    /worker \d \(pid \d+\) ended with status 134 after .* ms: it was aborted, .*see its report/,
  );
  await workers.until(() => workers.serving().size === 2);
  workers.process.send("SIGTERM");
  assert.deepEqual(await workers.ended(), { status: 134, signal: null });
});

test("a worker that is told to end by somebody else drains, and is replaced", async () => {
  await using workers = await Workers.start(2);
  const before = workers.serving().get(2) ?? 0;
  process.kill(before, "SIGTERM");
  await workers.until(() => workers.serving().size === 2 && workers.serving().get(2) !== before);
  assert.match(workers.said, new RegExp(`worker 2 \\(pid ${before}\\) ended with status 0 after serving`));
  workers.process.send("SIGTERM");
  assert.equal((await workers.ended()).status, 0);
});
