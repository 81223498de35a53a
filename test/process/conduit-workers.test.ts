/**
 * Conduit in four workers on one SQLite database, some of which are killed in the middle of a load: nothing acknowledged is
 * lost, nothing contradicts, and a reload loses no request.
 *
 * `CONDUIT_LOAD_SEED` repeats the choices of a run that failed.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { Conduit, JWT_SECRET } from "../../apps/conduit/test/harness.ts";
import { createClients, type LoadClient } from "./load-client.ts";
import { recount } from "./recount.ts";
import { eventually } from "./traced.ts";
import { isAlive } from "./workers.ts";

const WORKERS = 4;
const CLIENTS = 16;
const KILLS = 4;
/** Acknowledged steps of all clients together before each kill. */
const STEPS_BETWEEN = 100;
/** What a client sees when its worker is gone. */
const LOST = new Set(["ECONNRESET", "EPIPE"]);
const SEED = Number(process.env["CONDUIT_LOAD_SEED"] ?? Date.now() % 1_000_000);

const start = (): Promise<Conduit> => Conduit.start({ env: { JWT_SECRET, WORKERS: String(WORKERS) } });

/** The processes that the supervisor has now. */
async function workersOf(conduit: Conduit): Promise<number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid="], { timeout: 5_000 });
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === conduit.process.child.pid)
    .map(([pid = 0]) => pid);
}

test(
  `everything acknowledged survives kill -9 of workers, ${KILLS} times under load`,
  { timeout: 60_000 },
  async (t) => {
    t.diagnostic(`CONDUIT_LOAD_SEED=${SEED}`);
    const conduit = await start();
    await eventually(async () => (await workersOf(conduit)).length === WORKERS);
    const clients = await createClients([conduit], CLIENTS, SEED);
    let steps = 0;
    let losses = 0;
    let isEnding = false;
    const load = Promise.all(
      clients.map(async (client) => {
        while (!isEnding) {
          if (await step(client)) steps += 1;
          else losses += 1;
        }
      }),
    );
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await Promise.race([load, eventually(() => steps >= kill * STEPS_BETWEEN)]);
      const pids = await workersOf(conduit);
      const pid = pids[kill % pids.length] ?? 0;
      process.kill(pid, "SIGKILL");
      await eventually(async () => !isAlive(pid) && (await workersOf(conduit)).length === WORKERS);
    }
    isEnding = true;
    await load;
    t.diagnostic(`${steps} steps, ${losses} lost their worker`);
    assert.ok(losses > 0, "no client was at work in a worker that was killed");
    for (const client of clients) await client.verify();
    for (const client of clients) client.disconnect();
    recount(conduit.databasePath);
    await conduit.stop();
    assert.equal(conduit.process.stderr.match(/ended by SIGKILL/g)?.length, KILLS, conduit.process.stderr);
  },
);

/** One step of a client. False if its worker went away in it; then the client goes on with another one, and looks first. */
async function step(client: LoadClient): Promise<boolean> {
  try {
    await client.step();
    return true;
  } catch (error) {
    if (!LOST.has(codeOf(error))) throw error;
    for (;;) {
      client.disconnect();
      try {
        await client.verify();
        await client.learn();
        return false;
      } catch (again) {
        // This one went away as well.
        if (!LOST.has(codeOf(again))) throw again;
      }
    }
  }
}

function codeOf(error: unknown): string {
  return String((error as { cause?: { code?: unknown } }).cause?.code);
}

test("a reload under load fails no request, and what is acknowledged stays", { timeout: 60_000 }, async () => {
  const conduit = await start();
  await eventually(async () => (await workersOf(conduit)).length === WORKERS);
  const clients = await createClients([conduit], CLIENTS, SEED + 1);
  let isEnding = false;
  const load = Promise.all(
    clients.map(async (client) => {
      for (let times = 0; !isEnding; times += 1) {
        await client.step();
        // A client of a browser comes anew as well.
        if (times % 10 === 9) client.disconnect();
      }
    }),
  );
  const before = await workersOf(conduit);
  conduit.process.child.kill("SIGHUP");
  await Promise.race([load, eventually(async () => (await workersOf(conduit)).every((pid) => !before.includes(pid)))]);
  isEnding = true;
  await load;
  for (const client of clients) await client.verify();
  for (const client of clients) client.disconnect();
  recount(conduit.databasePath);
  await conduit.stop();
  assert.equal(conduit.process.stderr, "");
});
