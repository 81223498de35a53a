/*
 * lunet on a MariaDB Galera cluster of three nodes, all of them in one address: nodes are killed, hang and come back under
 * writes. What was acknowledged is on every node afterwards, what was said not to be done is on none, and nothing has to be
 * restarted.
 */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { scope, spawn, until, withDeadline } from "lunet";
import { type Database, open, type OpenOptions } from "lunet/db";
import { coroutineTest } from "lunet/testing";
import { monotonicMs } from "lunet/time";
import type { DatabaseServer } from "../../tools/database-servers/database-server.ts";
import { type GaleraCluster, startGalera } from "../../tools/database-servers/galera.ts";
import type { ServerRun } from "../../tools/database-servers/server-run.ts";
import { programServers } from "../database-servers/program-servers.ts";
import { LunetWriters } from "./lunet-writers.ts";

const LIMIT = { timeoutMs: 120_000 };
const WRITERS = 8;
/** How long writes may stand still when a node goes. The cluster itself needs 3 s to be sure of it. */
const MAX_PAUSE_MS = 10_000;
/** What a program gives a write where a server may hang. */
const DEADLINE_MS = 2_000;

let servers: ServerRun;
let cluster: GaleraCluster;

before(
  async () => {
    servers = await programServers("cluster");
    cluster = await startGalera(servers);
    const [first] = cluster.nodes;
    await first!.query("create database own");
  },
  { timeout: LIMIT.timeoutMs },
);
after(async () => await servers.close(), { timeout: LIMIT.timeoutMs });

coroutineTest(
  "kill -9 of the node in use: writes go on through another, nothing acknowledged is lost, the node joins again",
  async () => {
    await using database = await openCluster();
    await scope(async () => {
      const writers = await startWriters(database, "killed");
      await writers.waitMore(400);
      const victim = await nodeInUse(database);
      writers.measure();
      await until(victim.kill9());
      await writers.waitMore(400);
      console.log(`kill -9 of the node in use: no write was acknowledged for ${writers.longest.pauseMs} ms`);
      assert.ok(writers.longest.pauseMs < MAX_PAUSE_MS, `found ${writers.longest.pauseMs} ms`);
      const other = await nodeInUse(database);
      assert.notEqual(other, victim);

      const opened = await openedConnections(other);
      await writers.waitMore(400);
      assert.ok((await openedConnections(other)) - opened < 20, "connections are used once and not again");

      writers.measure();
      const joiningMs = monotonicMs();
      // From the third: who gives its data takes no writes meanwhile.
      const spare = cluster.nodes.find((node) => node !== victim && node !== other)!;
      await until(victim.start([`--wsrep-sst-donor=${spare.name}`]));
      await until(cluster.waitSize(3));
      console.log(
        `it joined again after ${Math.round(monotonicMs() - joiningMs)} ms, longest pause ${writers.longest.pauseMs} ms`,
      );
      await writers.waitMore(100);
      await assertOnEveryNode(writers, "killed");
    });
  },
  LIMIT,
);

coroutineTest(
  "a node in use that hangs: who has a deadline goes on through another, and nothing acknowledged is lost",
  async () => {
    await using database = await openCluster({ network: { cancelTimeoutMs: 1_000 } });
    await scope(async () => {
      const writers = await startWriters(database, "hung", (write) => withDeadline(DEADLINE_MS, write));
      await writers.waitMore(200);
      const victim = await nodeInUse(database);
      writers.measure();
      await until(victim.suspend());
      await writers.waitMore(400);
      const { pauseMs, writeMs } = writers.longest;
      console.log(`the node in use hangs: no write for ${pauseMs} ms, the longest took ${writeMs} ms`);
      assert.ok(pauseMs < MAX_PAUSE_MS, `found ${pauseMs} ms`);
      assert.notEqual(await nodeInUse(database), victim);
      await until(victim.resume());
      await until(cluster.waitSize(3));
      await writers.waitMore(100);
      await assertOnEveryNode(writers, "hung");
    });
  },
  LIMIT,
);

coroutineTest(
  "two of three nodes killed: writes are refused at once, as safe to try again, and go on when there is a cluster again",
  async () => {
    await using database = await openCluster();
    await scope(async () => {
      const writers = await startWriters(database, "alone");
      await writers.waitMore(200);
      const left = await nodeInUse(database);
      const others = cluster.nodes.filter((node) => node !== left);
      writers.measure();
      await until(Promise.all(others.map((node) => node.kill9())));
      await waitRefused(database);
      const sinceMs = monotonicMs();
      await assert.rejects(database.exec("insert into alone values (0)"), {
        code: "ERR_DB_UNAVAILABLE",
        retryable: true,
      });
      assert.ok(monotonicMs() - sinceMs < 1_000, "a refusal takes longer than a second");
      await until(cluster.bootstrap(left));
      await writers.waitMore(200);
      console.log(`two of three killed: longest write ${writers.longest.writeMs} ms`);
      for (const node of others) await until(node.start());
      await until(cluster.waitSize(3));
      await writers.waitMore(100);
      await assertOnEveryNode(writers, "alone");
    });
  },
  LIMIT,
);

coroutineTest(
  "two databases that write one row on two nodes: who loses at the commit is run again, and nothing is counted twice",
  async () => {
    const [one, two] = cluster.nodes as [DatabaseServer, DatabaseServer];
    await until(one.query("create table counter (id int primary key, value int not null)", "own"));
    await until(one.query("insert into counter values (1, 0)", "own"));
    await using first = await open(one.urlOf("own"));
    await using second = await open(two.urlOf("own"));
    const ROUNDS = 50;
    let runs = 0;
    const count = async (database: Database): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        await database.transaction(
          async (tx) => {
            runs++;
            const row = await tx.queryOne<{ value: number }>("select value from counter where id = 1 for update");
            await tx.exec("update counter set value = ? where id = 1", [row!.value + 1]);
          },
          { retry: 100 },
        );
      }
    };
    const sinceMs = monotonicMs();
    await scope(() => {
      for (const database of [first, second, first, second]) spawn(() => count(database));
    });
    const seconds = (monotonicMs() - sinceMs) / 1_000;
    console.log(`one row on two nodes: ${4 * ROUNDS} transactions took ${runs} runs and ${seconds.toFixed(1)} s`);
    assert.ok(runs > 4 * ROUNDS, "nobody lost, so nothing was tried");
    for (const node of cluster.nodes) {
      assert.deepEqual(await until(node.query(`${SYNCED} select value from counter`, "own")), [{ value: 4 * ROUNDS }]);
    }
  },
  LIMIT,
);

async function openCluster(options: OpenOptions = {}): Promise<Database> {
  return await open(cluster.urlOf("own"), options);
}

/** Half of them insert a row, half two rows in a transaction. */
async function startWriters(
  database: Database,
  table: string,
  around: (write: () => Promise<void>) => Promise<void> = (write) => write(),
): Promise<LunetWriters> {
  await database.exec(`create table ${table} (id int primary key)`);
  await database.exec(`create table ${table}_twin (id int primary key)`);
  const single = async (id: number): Promise<void> => {
    await database.exec(`insert into ${table} values (?)`, [id]);
  };
  const twins = async (id: number): Promise<void> => {
    await database.transaction(
      async (tx) => {
        await tx.exec(`insert into ${table} values (?)`, [id]);
        await tx.exec(`insert into ${table}_twin values (?)`, [id]);
      },
      { retry: 5 },
    );
  };
  return new LunetWriters(WRITERS, (id) => around(() => (id % 2 === 0 ? twins(id) : single(id))));
}

/** A read that sees what was acknowledged by any node before. */
const SYNCED = "set statement wsrep_sync_wait = 1 for";

async function assertOnEveryNode(writers: LunetWriters, table: string): Promise<void> {
  await writers.end();
  console.log(writers.describe());
  for (const node of cluster.nodes) {
    const ids = await readIds(node, table);
    writers.assertAgainst(ids, node.name);
    const twins = await readIds(node, `${table}_twin`);
    assert.deepEqual(
      twins,
      ids.filter((id) => id % 2 === 0),
      `${node.name}: half a transaction`,
    );
  }
}

async function readIds(node: DatabaseServer, table: string): Promise<number[]> {
  const rows = await until(node.query(`${SYNCED} select id from ${table} order by id`, "own"));
  return rows.map(({ id }) => Number(id));
}

async function nodeInUse(database: Database): Promise<DatabaseServer> {
  const row = await database.queryOne<{ port: number }>("select @@port as port");
  return cluster.nodes.find(({ port }) => port === row!.port)!;
}

async function openedConnections(node: DatabaseServer): Promise<number> {
  const rows = await until(node.query("show global status like 'Connections'"));
  return Number(rows[0]!["Value"]);
}

/** Waits for the nodes that are left to see that they are too few. */
async function waitRefused(database: Database): Promise<void> {
  const deadlineMs = monotonicMs() + MAX_PAUSE_MS;
  for (;;) {
    try {
      await database.queryOne("select count(*) from alone");
    } catch (error) {
      if ((error as { code?: string }).code === "ERR_DB_UNAVAILABLE") return;
    }
    assert.ok(monotonicMs() < deadlineMs, "found no refusal");
  }
}
