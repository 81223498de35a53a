/* The pair itself, without lunet: that tools/database-servers/postgres-standby.ts gives what it says. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { DatabaseServer } from "../../tools/database-servers/database-server.ts";
import { type PostgresPair, startPostgresPair } from "../../tools/database-servers/postgres-standby.ts";
import type { ServerRun } from "../../tools/database-servers/server-run.ts";
import { programServers } from "../database-servers/program-servers.ts";
import { AcknowledgedWrites } from "./acknowledged-writes.ts";

const TIMEOUT_MS = 120_000;
/** From kill -9 over the promotion to the first write. It is a quarter of a second on a quiet machine. */
const MAX_STALL_MS = 10_000;

let servers: ServerRun;
let pair: PostgresPair;

before(
  async () => {
    servers = await programServers("cluster");
    pair = await startPostgresPair(servers);
  },
  { timeout: TIMEOUT_MS },
);
after(async () => await servers.close(), { timeout: TIMEOUT_MS });

test("the standby follows, and takes no writes", { timeout: TIMEOUT_MS }, async () => {
  const { primary, standby } = pair;
  await primary.query("create table followed (id int primary key)");
  await waitFor(standby, "select to_regclass('followed') is not null as holds");
  await assert.rejects(standby.query("insert into followed values (1)"), { code: "25006" });
  assert.match(
    pair.urlOf("own"),
    /^postgres:\/\/lunet:[^@]+@127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/own\?target_session_attrs=read-write$/,
  );
});

test("a commit waits for the standby", { timeout: TIMEOUT_MS }, async () => {
  const { primary, standby } = pair;
  await primary.query("create table waited (id int primary key)");
  await standby.suspend();
  const outcomes: string[] = [];
  const commit = (async () => {
    await primary.query("insert into waited values (1)");
    outcomes.push("committed");
  })();
  await waitFor(primary, "select exists (select from pg_stat_activity where wait_event = 'SyncRep') as holds");
  assert.deepEqual(outcomes, []);
  await standby.resume();
  await commit;
});

test("a standby is not promoted beside a primary that runs", { timeout: TIMEOUT_MS }, async () => {
  await assert.rejects(pair.promote(), /found the primary running/);
});

for (const method of ["rewind", "copy"] as const) {
  test(
    `kill -9 of the primary: nothing acknowledged is lost, and it follows again by ${method}`,
    { timeout: TIMEOUT_MS },
    async () => {
      const killed = pair.primary;
      const table = `load_${method}`;
      await killed.query(`create table ${table} (id int primary key)`);
      const client = new PrimaryClient(() => pair.primary);
      await using writes = new AcknowledgedWrites((id) => client.write(`insert into ${table} values (${id})`));
      await writes.waitMore(200);
      const started = performance.now();
      await killed.kill9();
      await pair.promote();
      await writes.waitMore(1);
      const stallMs = performance.now() - started;
      console.log(`writes stood still for ${Math.round(stallMs)} ms`);
      assert.ok(stallMs < MAX_STALL_MS, `found ${stallMs} ms, wanted less than ${MAX_STALL_MS}`);
      assert.equal(pair.standby, killed);
      await writes.waitMore(100);

      const joining = performance.now();
      await pair.rejoin(method);
      console.log(`follows again after ${Math.round(performance.now() - joining)} ms`);
      await writes.waitMore(50);
      await writes.end();
      await client.close();
      const last = writes.acknowledged.at(-1)!;
      await waitFor(pair.standby, `select exists (select from ${table} where id = ${last}) as holds`);
      for (const server of [pair.primary, pair.standby]) {
        const rows = await server.query(`select id from ${table}`);
        const found = rows.map(({ id }) => Number(id));
        assert.deepEqual(writes.lostFrom(found), []);
        assert.deepEqual(writes.strangeIn(found), []);
      }
      console.log(`${writes.acknowledged.length} acknowledged, ${writes.inDoubt.length} in doubt`);
    },
  );
}

/** Writes to whoever is the primary now, over one connection while that lasts. */
class PrimaryClient {
  readonly #primary: () => DatabaseServer;
  #client: pg.Client | undefined;

  constructor(primary: () => DatabaseServer) {
    this.#primary = primary;
  }

  async write(sql: string): Promise<void> {
    try {
      this.#client ??= await this.#connect();
      await this.#client.query(sql);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }

  async #connect(): Promise<pg.Client> {
    const { url } = this.#primary();
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 20_000 });
    client.on("error", () => {});
    await client.connect();
    return client;
  }
}

/** Waits until a question whose answer is in the column `holds` is answered with yes. */
async function waitFor(server: DatabaseServer, sql: string): Promise<void> {
  const deadline = performance.now() + MAX_STALL_MS;
  while ((await server.query(sql))[0]?.["holds"] !== true) {
    assert.ok(performance.now() < deadline, `waited ${MAX_STALL_MS} ms for: ${sql}`);
    await sleep(20);
  }
}
