/*
 * lunet on a PostgreSQL with a synchronous standby, both in one address: the primary is killed under writes and reads, the
 * standby is promoted by hand, the old primary follows it. What was acknowledged is on both afterwards, what was said not to
 * be done is on neither, and nothing has to be restarted.
 */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { scope, sleep, spawn, until, withDeadline } from "lunet";
import { type Database, DatabaseError, open } from "lunet/db";
import { coroutineTest } from "lunet/testing";
import { monotonicMs } from "lunet/time";
import type { DatabaseServer } from "../../tools/database-servers/database-server.ts";
import { type PostgresPair, startPostgresPair } from "../../tools/database-servers/postgres-standby.ts";
import type { ServerRun } from "../../tools/database-servers/server-run.ts";
import { programServers } from "../database-servers/program-servers.ts";
import { LunetWriters } from "./lunet-writers.ts";

const LIMIT = { timeoutMs: 90_000 };
const WRITERS = 8;
/** From kill -9 over the promotion to the next write. It is half a second on a quiet machine. */
const MAX_PAUSE_MS = 10_000;
/** For how long there is no primary before the standby is promoted: whoever does that needs time to be sure. */
const WITHOUT_PRIMARY_MS = 1_000;

let servers: ServerRun;
let pair: PostgresPair;

before(
  async () => {
    servers = await programServers("cluster");
    pair = await startPostgresPair(servers, { commit: "remote_apply" });
    await pair.primary.query("create database own");
  },
  { timeout: LIMIT.timeoutMs },
);
after(async () => await servers.close(), { timeout: LIMIT.timeoutMs });

coroutineTest(
  "a standby is passed over by who writes, and read by who asks for any server: it has what was acknowledged",
  async () => {
    const { primary, standby } = pair;
    const account = `${standby.user}:${standby.password}`;
    const hosts = `${standby.host}:${standby.port},${primary.host}:${primary.port}`;
    await using writing = await open(`postgres://${account}@${hosts}/own`);
    await using reading = await open(`postgres://${account}@${hosts}/own?target_session_attrs=any`);
    assert.equal(await portOf(writing), primary.port);
    assert.equal(await portOf(reading), standby.port);
    await writing.exec("create table applied (id int primary key)");
    let stale = 0;
    for (let id = 1; id <= 200; id++) {
      await writing.exec("insert into applied values (?)", [id]);
      const row = await reading.queryOne("select id from applied where id = ?", [id]);
      if (row === undefined) stale++;
    }
    assert.equal(stale, 0, "remote_apply: the standby's reads see what was acknowledged");
    // Who asked for any server has to write elsewhere.
    await assert.rejects(reading.exec("insert into applied values (0)"), {
      code: "ERR_DB_UNAVAILABLE",
      sqlState: "25006",
      retryable: true,
    });
    assert.equal(await portOf(reading), standby.port);
  },
  LIMIT,
);

coroutineTest(
  "with the standby gone a write waits; one that is cancelled is done on the primary alone, and reported as done",
  async () => {
    await using database = await openPair();
    await database.exec("create table local (id int primary key)");
    await until(pair.standby.suspend());
    try {
      const sinceMs = monotonicMs();
      await withDeadline(500, () => database.exec("insert into local values (1)"));
      assert.ok(monotonicMs() - sinceMs >= 500, "the write did not wait for the standby");
      assert.deepEqual(await database.queryRows("select id from local"), [[1]]);
    } finally {
      await until(pair.standby.resume());
    }
    await database.exec("insert into local values (2)");
  },
  LIMIT,
);

for (const method of ["rewind", "copy"] as const) {
  coroutineTest(
    `kill -9 of the primary: writes go on through the promoted standby, nothing acknowledged is lost (then ${method})`,
    async () => {
      await using database = await openPair();
      const table = `killed_${method}`;
      await scope(async () => {
        const writers = await startWriters(database, table);
        const readers = new Readers(database, table);
        await writers.waitMore(400);
        const killed = pair.primary;
        writers.measure();
        await until(killed.kill9());
        await sleep(WITHOUT_PRIMARY_MS);
        const sinceMs = monotonicMs();
        await until(pair.promote());
        await writers.waitMore(1);
        const afterMs = Math.round(monotonicMs() - sinceMs);
        await writers.waitMore(400);
        const { pauseMs, writeMs } = writers.longest;
        console.log(
          `kill -9 of the primary: no write for ${pauseMs} ms, promoted after ${WITHOUT_PRIMARY_MS} ms of them, ` +
            `first write ${afterMs} ms after that; the longest write took ${writeMs} ms`,
        );
        assert.ok(pauseMs < MAX_PAUSE_MS, `found ${pauseMs} ms`);
        assert.equal(await portOf(database), pair.primary.port);

        const opened = await connectionsOpened(pair.primary);
        await writers.waitMore(400);
        assert.ok((await connectionsOpened(pair.primary)) - opened < 20, "connections are used once and not again");

        const joiningMs = monotonicMs();
        await until(pair.rejoin(method));
        console.log(`the old primary follows after ${Math.round(monotonicMs() - joiningMs)} ms (${method})`);
        await writers.waitMore(100);
        await readers.end();
        await writers.end();
        console.log(`${writers.describe()}; ${readers.describe()}`);
        for (const server of [pair.primary, pair.standby]) await assertOn(server, writers, table);
      });
    },
    LIMIT,
  );
}

/** Reads again and again. A read can always be tried again, and every failure has to say so. */
class Readers {
  #isEnding = false;
  #count = 0;
  readonly #failures = new Map<string, number>();
  readonly #readers;

  constructor(database: Database, table: string) {
    this.#readers = [1, 2].map(() => spawn(() => this.#run(database, table)));
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    for (const reader of this.#readers) await reader.join();
  }

  describe(): string {
    const failures = [...this.#failures].map(([code, count]) => `${count} ${code}`).join(", ");
    return `${this.#count} reads; ${failures || "no errors"}`;
  }

  async #run(database: Database, table: string): Promise<void> {
    while (!this.#isEnding) {
      try {
        await database.queryRows(`select id from ${table} where id = ?`, [1]);
        this.#count++;
      } catch (error) {
        assert.ok(error instanceof DatabaseError && error.retryable, String(error));
        this.#failures.set(error.code, (this.#failures.get(error.code) ?? 0) + 1);
      }
      await sleep(2);
    }
  }
}

async function openPair(): Promise<Database> {
  return await open(pair.urlOf("own"));
}

/** Half of them insert a row, half two rows in a transaction. */
async function startWriters(database: Database, table: string): Promise<LunetWriters> {
  await database.exec(`create table ${table} (id int primary key)`);
  await database.exec(`create table ${table}_twin (id int primary key)`);
  return new LunetWriters(WRITERS, async (id) => {
    if (id % 2 === 1) {
      await database.exec(`insert into ${table} values (?)`, [id]);
      return;
    }
    await database.transaction(
      async (tx) => {
        await tx.exec(`insert into ${table} values (?)`, [id]);
        await tx.exec(`insert into ${table}_twin values (?)`, [id]);
      },
      { retry: 5 },
    );
  });
}

async function assertOn(server: DatabaseServer, writers: LunetWriters, table: string): Promise<void> {
  const ids = await readIds(server, table);
  writers.assertAgainst(ids, server.name);
  assert.deepEqual(
    await readIds(server, `${table}_twin`),
    ids.filter((id) => id % 2 === 0),
    `${server.name}: half a transaction`,
  );
}

async function readIds(server: DatabaseServer, table: string): Promise<number[]> {
  const rows = await until(server.query(`select id from ${table} order by id`, "own"));
  return rows.map(({ id }) => Number(id));
}

async function portOf(database: Database): Promise<number> {
  const row = await database.queryOne<{ port: number }>("select inet_server_port() as port");
  return row!.port;
}

/** Connections of lunet's that the server has opened so far. */
async function connectionsOpened(server: DatabaseServer): Promise<number> {
  const rows = await until(server.query("select sessions::int as count from pg_stat_database where datname = 'own'"));
  return Number(rows[0]!["count"]);
}
