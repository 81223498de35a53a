/*
 * What a commit costs on a single server, on a cluster and with a standby, and what a read on another server misses of it:
 * through lunet, which all figures have in common. The table is in the log; docs/scaling.md has it of one run.
 *
 * All servers are durable, and on one machine: no network is between them, and all of them share one disk.
 */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { scope, spawn, until } from "lunet";
import { type Database, open } from "lunet/db";
import { coroutineTest } from "lunet/testing";
import { monotonicMs } from "lunet/time";
import { startGalera } from "../../tools/database-servers/galera.ts";
import { startPostgresPair } from "../../tools/database-servers/postgres-standby.ts";
import type { ServerRun } from "../../tools/database-servers/server-run.ts";
import { programServers } from "../database-servers/program-servers.ts";

const LIMIT = { timeoutMs: 120_000 };
const DURABLE = { durable: true } as const;
const SERIAL = 300;
const WRITERS = 16;
const PER_WRITER = 50;
const READS = 300;

let servers: ServerRun;

before(async () => (servers = await programServers("cluster")), { timeout: LIMIT.timeoutMs });
after(async () => await servers.close(), { timeout: LIMIT.timeoutMs });

coroutineTest(
  "MariaDB: a commit on one server and on a cluster of three, and reads on another node",
  async () => {
    const single = await until(servers.startMariadb(DURABLE));
    await until(single.query("create database own"));
    await measureInserts("MariaDB, one server", single.urlOf("own"));
    const cluster = await until(startGalera(servers, DURABLE));
    const [one, two] = cluster.nodes;
    await until(one!.query("create database own"));
    await measureInserts("Galera, three nodes", cluster.urlOf("own"));
    await measureReads("Galera, another node", one!.urlOf("own"), two!.urlOf("own"));
    await until(two!.query("set global wsrep_sync_wait = 1"));
    const stale = await measureReads("Galera, another node, wsrep_sync_wait=1", one!.urlOf("own"), two!.urlOf("own"));
    assert.equal(stale, 0);
  },
  LIMIT,
);

coroutineTest(
  "PostgreSQL: a commit on one server and with a synchronous standby, and reads on the standby",
  async () => {
    const single = await until(servers.startPostgres(DURABLE));
    await until(single.query("create database own"));
    await measureInserts("PostgreSQL, one server", single.urlOf("own"));
    for (const commit of ["on", "remote_apply"] as const) {
      const pair = await until(startPostgresPair(servers, { ...DURABLE, commit }));
      await until(pair.primary.query("create database own"));
      await measureInserts(`PostgreSQL, standby, ${commit}`, pair.urlOf("own"));
      const stale = await measureReads(
        `PostgreSQL, standby, ${commit}`,
        pair.primary.urlOf("own"),
        pair.standby.urlOf("own"),
      );
      if (commit === "remote_apply") assert.equal(stale, 0);
    }
  },
  LIMIT,
);

async function measureInserts(name: string, url: string): Promise<void> {
  await using database = await open(url, { network: { max: WRITERS } });
  await database.exec("create table inserted (id int primary key, text varchar(100))");
  const serial = await insert(database, 0, SERIAL);
  const sinceMs = monotonicMs();
  await scope(() => {
    for (let writer = 1; writer <= WRITERS; writer++) spawn(() => insert(database, writer * 10_000, PER_WRITER));
  });
  const perSecond = Math.round((WRITERS * PER_WRITER * 1_000) / (monotonicMs() - sinceMs));
  console.log(
    `${name}: insert p50 ${at(serial, 0.5)} ms, p99 ${at(serial, 0.99)} ms; ${WRITERS} at once ${perSecond}/s`,
  );
}

async function insert(database: Database, first: number, count: number): Promise<number[]> {
  const tookMs: number[] = [];
  for (let id = first; id < first + count; id++) {
    const sinceMs = monotonicMs();
    await database.exec("insert into inserted values (?, ?)", [id, "a hundred characters, or fewer"]);
    tookMs.push(monotonicMs() - sinceMs);
  }
  return tookMs.toSorted((one, other) => one - other);
}

/** Reads on one server what was acknowledged by another just before. Returns how often it was not there. */
async function measureReads(name: string, writerUrl: string, readerUrl: string): Promise<number> {
  await using writer = await open(writerUrl);
  await using reader = await open(readerUrl, { network: { shared: 0 } });
  const tookMs: number[] = [];
  let stale = 0;
  for (let id = 1; id <= READS; id++) {
    await writer.exec("update inserted set text = ? where id = 1", [String(id)]);
    const sinceMs = monotonicMs();
    const row = await reader.queryOne<{ text: string }>("select text from inserted where id = 1");
    tookMs.push(monotonicMs() - sinceMs);
    if (row?.text !== String(id)) stale++;
  }
  tookMs.sort((one, other) => one - other);
  console.log(`${name}: ${stale} of ${READS} reads stale; read p50 ${at(tookMs, 0.5)} ms, p99 ${at(tookMs, 0.99)} ms`);
  return stale;
}

function at(sorted: readonly number[], part: number): string {
  return sorted[Math.floor(sorted.length * part)]!.toFixed(2);
}
