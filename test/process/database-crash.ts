/**
 * Conduit, the real program, while the server of its database crashes, hangs, or is kept waiting by a lock: the tests for
 * one kind of server, which is this file's alone.
 *
 * `CONDUIT_LOAD_SEED` repeats the choices of a run that failed.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { runRoot, until } from "lunet";
import { open } from "lunet/db";
import { conduitForFile } from "../../apps/conduit/test/harness.ts";
import { RawConnection } from "../../apps/conduit/test/raw-connection.ts";
import { programServers } from "../database-servers/program-servers.ts";
import { AcknowledgedLoad } from "./acknowledged-load.ts";
import { createRandom } from "./load-client.ts";
import { assertStored } from "./stored-load.ts";
import { eventually } from "./traced.ts";

const SEED = Number(process.env["CONDUIT_LOAD_SEED"] ?? Date.now() % 1_000_000);
const DATABASE = "conduit";
const CLIENTS = 16;
/** Fewer than there are clients, so that some always wait for one. */
const POOL = 6;
/** Connections that reads share, beside the pool, and the one by which MariaDB is told to end statements. */
const SHARED = 2;
const FOR_CANCELS = 1;
/** What lunet waits for a connection to the server before it gives up: its default, which Conduit keeps. */
const ACQUIRE_LIMIT_MS = 5_000;
/** A request waits for a connection once before it is refused; the machine may be busy. */
const ANSWER_LIMIT_MS = ACQUIRE_LIMIT_MS + 2_500;
/** From the moment when the server takes queries again to the first from which on every request succeeds. */
const RECOVERY_MS = 1_500;
/** Acknowledged writes before and after what happens to the server. */
const WRITES = 150;
/** For the trace build, which ends a program that holds a transaction for longer: more than any test here takes. */
const HELD_LIMIT_MS = 60_000;
/** A statement whose client has gone ends in less: it is told at once. */
const CANCEL_LIMIT_MS = 2_000;

/** What differs in the questions that a test asks the server itself. */
const ACTIVITY = {
  postgres: {
    lockWaits: `select pid from pg_stat_activity
      where datname = '${DATABASE}' and wait_event_type = 'Lock' and query like 'UPDATE users%'`,
    openTransactions: `select pid, query from pg_stat_activity where datname = '${DATABASE}'
      and backend_type = 'client backend' and xact_start is not null and pid <> pg_backend_pid()`,
    connections: `select pid from pg_stat_activity where datname = '${DATABASE}'
      and backend_type = 'client backend' and pid <> pg_backend_pid()`,
  },
  mariadb: {
    lockWaits: `select id from information_schema.processlist where db = '${DATABASE}' and info like 'UPDATE users%'`,
    openTransactions: "select trx_mysql_thread_id, trx_query from information_schema.innodb_trx",
    connections: `select id from information_schema.processlist where db = '${DATABASE}' and id <> connection_id()`,
  },
} as const;

/** Starts a server and Conduit on it, and declares the tests. Call it at the top level of a test file. */
export async function testDatabaseCrash(kind: "postgres" | "mariadb"): Promise<void> {
  const servers = await programServers();
  after(() => servers.close());
  const options = { durable: true } as const;
  const server = kind === "postgres" ? await servers.startPostgres(options) : await servers.startMariadb(options);
  await server.query(`create database ${DATABASE}`);
  const url = server.urlOf(DATABASE);
  const conduit = await conduitForFile({
    env: {
      DATABASE_URL: url,
      DATABASE_POOL: String(POOL),
      LOG_LEVEL: "error",
      // A transaction is held for as long as the server hangs.
      LUNET_TRACE_HELD_MS: String(HELD_LIMIT_MS),
    },
  });
  const ask = (sql: string): ReturnType<typeof server.query> => server.query(sql, DATABASE);

  test("the server is killed under load and started again: 503 meanwhile, and nothing acknowledged is lost", async (t) => {
    t.diagnostic(`CONDUIT_LOAD_SEED=${SEED}`);
    await using load = new AcknowledgedLoad(conduit, "k-", ANSWER_LIMIT_MS, createRandom(SEED));
    await load.start(CLIENTS);
    await load.until(() => load.additions >= WRITES);
    const killedMs = performance.now();
    await server.kill9();
    // The signal takes its way over the process that owns the server, which a fast answer can overtake.
    const goneMs = performance.now();
    await load.until(() => performance.now() > killedMs + 1_000 && load.refusals.length >= 2 * CLIENTS);
    const ready = await conduit.send("GET", "/readyz");
    assert.equal(ready.status, 503, ready.text);
    assert.deepEqual(ready.json, { errors: { database: ["is not ready"] } });
    assert.equal((await conduit.request("GET", "/healthz")).status, 200);
    await server.start();
    const recoveredMs = performance.now() + RECOVERY_MS;
    let before = 0;
    await load.until(() => {
      if (performance.now() < recoveredMs) before = load.additions;
      return performance.now() > recoveredMs + 500 && load.additions >= before + WRITES;
    });
    await load.end();
    describe(t, load);

    assert.equal((await conduit.request("GET", "/readyz")).status, 200);
    assert.match(conduit.process.stderr, /"level":"error".*"ERR_DB_/, "the log does not say why");
    const { refusals } = load;
    assert.deepEqual(
      refusals.filter(({ sentMs, answeredMs }) => answeredMs < killedMs || sentMs > recoveredMs),
      [],
      "requests were refused while the server was there",
    );
    assert.ok(
      refusals.some(({ sentMs }) => sentMs < goneMs),
      "no request was in flight when the server was killed",
    );
    const lastMs = Math.max(...refusals.map(({ sentMs }) => sentMs));
    t.diagnostic(`last refusal: sent ${Math.round(lastMs - (recoveredMs - RECOVERY_MS))} ms after the start`);
    await checkStored(load);
  });

  test("the server hangs under load: 503 after the time for a connection, and it goes on when it comes back", async (t) => {
    await using load = new AcknowledgedLoad(conduit, "h-", 2 * ANSWER_LIMIT_MS, createRandom(SEED + 1));
    await load.start(CLIENTS);
    await load.until(() => load.additions >= WRITES);
    const hungMs = performance.now();
    await server.suspend();
    let resumedMs: number;
    try {
      await load.until(() => load.refusals.length >= CLIENTS - POOL - SHARED);
      resumedMs = performance.now();
    } finally {
      await server.resume();
    }
    const recoveredMs = resumedMs + RECOVERY_MS;
    let before = 0;
    await load.until(() => {
      if (performance.now() < recoveredMs) before = load.additions;
      return performance.now() > recoveredMs + 500 && load.additions >= before + WRITES;
    });
    await load.end();
    describe(t, load);

    for (const { what, sentMs, answeredMs } of load.refusals) {
      const tookMs = answeredMs - sentMs;
      assert.ok(answeredMs > hungMs && sentMs < recoveredMs, `${what} was refused while the server was there`);
      assert.ok(tookMs < ANSWER_LIMIT_MS, `${what} was refused after ${tookMs} ms`);
    }
    const connections = await ask(ACTIVITY[kind].connections);
    assert.ok(connections.length <= POOL + SHARED + FOR_CANCELS, `found ${connections.length} connections`);
    await checkStored(load);
  });

  test("a client that goes away ends its statement in the server", async () => {
    const user = await conduit.register({ username: "waits" });
    const json = JSON.stringify({ user: { bio: "never written" } });
    await runRoot(async () => {
      await using database = await open(url, { network: { max: 1, shared: 0 } });
      await database.transaction(async (tx) => {
        await tx.query("select id from users where username = ? for update", [user.username]);
        await until(
          (async () => {
            for (const end of ["reset", "close"] as const) {
              const client = await RawConnection.openAnswered(conduit.port);
              client.write(
                `PUT /api/user HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${user.token}\r\n` +
                  `Content-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
              );
              await eventually(async () => (await ask(ACTIVITY[kind].lockWaits)).length === 1);
              const leftMs = performance.now();
              await client[end]();
              await eventually(async () => (await ask(ACTIVITY[kind].lockWaits)).length === 0);
              const tookMs = performance.now() - leftMs;
              assert.ok(tookMs < CANCEL_LIMIT_MS, `the statement went on for ${tookMs} ms after ${end}`);
            }
          })(),
        );
      });
    });
    const answer = await conduit.request("GET", "/api/user", { token: user.token });
    assert.equal(answer.json.user.bio, null);
  });

  /** As `assertStored`, and nothing is open. */
  async function checkStored(load: AcknowledgedLoad): Promise<void> {
    await assertStored(load, { name: kind, url, ask });
    // What a crash broke off is rolled back beside the first statements after it.
    await eventually(async () => (await ask(ACTIVITY[kind].openTransactions)).length === 0);
  }
}

interface Diagnosed {
  diagnostic(message: string): void;
}

function describe(t: Diagnosed, { asked, refusals, additions }: AcknowledgedLoad): void {
  const slowestMs = Math.max(...asked.map(({ sentMs, answeredMs }) => answeredMs - sentMs));
  t.diagnostic(
    `${asked.length} requests, ${refusals.length} refused, ${additions} acknowledged writes, slowest ${Math.round(slowestMs)} ms`,
  );
}
