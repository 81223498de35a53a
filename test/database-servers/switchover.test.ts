/*
 * lunet with two servers in one address, of which the one in use stops taking writes without going away, as at a switchover
 * in order: it is left by reads, too, because what they would see there grows old.
 */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { until } from "lunet";
import { type Database, open } from "lunet/db";
import { coroutineTest } from "lunet/testing";
import type { DatabaseServer } from "../../tools/database-servers/database-server.ts";
import type { ServerRun } from "../../tools/database-servers/server-run.ts";
import { programServers } from "./program-servers.ts";

const LIMIT = { timeoutMs: 60_000 };
/** More than it takes until a read is known to be quick, and shares a connection with others. */
const READS = 20;

/** How a server is told to take no writes, and by whom lunet is allowed to write otherwise. */
const KINDS = {
  postgres: {
    prepare: ["create role writer login password 'w' in role pg_write_all_data, pg_read_all_data"],
    refuse: ["alter system set default_transaction_read_only = on", "select pg_reload_conf()"],
  },
  mariadb: {
    prepare: [
      "create user writer@'127.0.0.1' identified by 'w'",
      "grant select, insert on own.* to writer@'127.0.0.1'",
    ],
    refuse: ["set global read_only = 1"],
  },
} as const;

let servers: ServerRun;

before(async () => (servers = await programServers()), { timeout: LIMIT.timeoutMs });
after(async () => await servers.close(), { timeout: LIMIT.timeoutMs });

for (const kind of ["postgres", "mariadb"] as const) {
  coroutineTest(
    `${kind}: a server that takes no writes any more is left by those who write and by those who read`,
    async () => {
      const former = await until(start(kind));
      const next = await until(start(kind));
      for (const [name, server] of Object.entries({ former, next })) {
        await prepare(server, name, KINDS[kind].prepare);
      }
      await using database = await open(
        `${kind}://writer:w@127.0.0.1:${former.port},127.0.0.1:${next.port}/own?target_session_attrs=read-write`,
      );
      for (let read = 0; read < READS; read++) assert.equal(await nameOf(database), "former");
      await write(database);
      for (const sql of KINDS[kind].refuse) await until(former.query(sql));

      await assert.rejects(write(database), { code: "ERR_DB_UNAVAILABLE", retryable: true });
      await write(database);
      const names = new Set<string>();
      for (let read = 0; read < READS; read++) names.add(await nameOf(database));
      assert.deepEqual([...names], ["next"]);
    },
    LIMIT,
  );
}

function start(kind: keyof typeof KINDS): Promise<DatabaseServer> {
  return kind === "postgres" ? servers.startPostgres() : servers.startMariadb();
}

async function prepare(server: DatabaseServer, name: string, more: readonly string[]): Promise<void> {
  await until(server.query("create database own"));
  for (const sql of ["create table place (name varchar(20))", `insert into place values ('${name}')`]) {
    await until(server.query(sql, "own"));
  }
  await until(server.query("create table written (id int)", "own"));
  for (const sql of more) await until(server.query(sql, "own"));
}

async function nameOf(database: Database): Promise<string> {
  const row = await database.queryOne<{ name: string }>("select name from place");
  return row!.name;
}

async function write(database: Database): Promise<void> {
  await database.exec("insert into written values (1)");
}
