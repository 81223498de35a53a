import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { suite, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createConnection } from "mariadb";
import pg from "pg";
import { programServers } from "../../test/database-servers/program-servers.ts";
import { startTime } from "../background.ts";
import { databasesFolder } from "./account.ts";
import type { DatabaseServer } from "./database-server.ts";
import type { ServerKind } from "./install.ts";
import { endLeftovers } from "./leftovers.ts";
import { queryMariadb } from "./mariadb.ts";
import { queryPostgres } from "./postgres.ts";
import type { ServerRun } from "./server-run.ts";

/** The limit for what has to come true by itself. */
const WAIT_MS = 15_000;
const root = resolve(import.meta.dirname, "../..");

for (const kind of ["postgres", "mariadb"] as const) {
  suite(`a server of ${kind}`, () => {
    test("keeps what it acknowledged over kill -9, and comes back on the same port", async () => {
      await using servers = await programServers();
      const server = await start(servers, kind, true);
      const { url } = server;
      await server.query("create table kept (id int primary key)", await ownDatabase(server));
      await server.query("insert into kept values (1)", "own");
      await server.kill9();
      assert.equal(server.pid, undefined);
      await assert.rejects(server.query("select 1"), /ECONNREFUSED/);
      await server.start();
      assert.equal(server.url, url);
      assert.deepEqual(
        (await server.query("select id from kept", "own")).map(({ id }) => id),
        [1],
      );
    });

    test("answers nothing while it is suspended, connected clients included, and goes on", async () => {
      await using servers = await programServers();
      const server = await start(servers, kind);
      const connected = await connect(kind, server.url);
      const outcomes: string[] = [];
      const ask = async (who: string, query: () => Promise<unknown>): Promise<void> => {
        // A wait that a stop interrupted can fail when the process goes on (signal(7), EINTR), and MariaDB closes the
        // connection then. It says so at once, which is an answer, too.
        await query().catch((error: unknown) => assert.ok(error instanceof Error));
        outcomes.push(who);
      };
      await server.suspend();
      const asked = [
        ask("connected", async () => await connected.query()),
        ask("new", async () => await server.query("select 1")),
      ];
      await sleep(300);
      assert.deepEqual(outcomes, []);
      await server.resume();
      await Promise.all(asked);
      assert.deepEqual(new Set(outcomes), new Set(["connected", "new"]));
      assert.equal((await server.query("select 1 as one")).length, 1);
      await connected.end().catch((error: unknown) => assert.ok(error instanceof Error));
      // One that is suspended is stopped all the same.
      await server.suspend();
      await server.stop();
      assert.equal(server.pid, undefined);
    });

    test("waits for the disk if it is to be durable, and otherwise does not", async () => {
      await using servers = await programServers();
      const [fast, durable] = await Promise.all([start(servers, kind), start(servers, kind, true)]);
      const sql = kind === "postgres" ? "show fsync" : "select cast(@@innodb_flush_log_at_trx_commit as char) as level";
      const found = await Promise.all([fast, durable].map((server) => server.query(sql)));
      const wanted = kind === "postgres" ? [{ fsync: "off" }, { fsync: "on" }] : [{ level: "0" }, { level: "1" }];
      assert.deepEqual(found.flat(), wanted);
    });

    test("runs as a user who is not root, and keeps others out of its data and its accounts", async () => {
      await using servers = await programServers();
      const server = await start(servers, kind);
      const { uid, mode } = statSync(join(server.folder, "data"));
      assert.notEqual(uid, 0);
      assert.equal(mode & 0o077, 0);
      if (process.platform === "linux") assert.equal(statSync(`/proc/${server.pid}`).uid, uid);
      const wrong = server.url.replace(server.password, "wrong");
      const query = kind === "postgres" ? queryPostgres : queryMariadb;
      await assert.rejects(query(wrong, "select 1"), /password authentication failed|Access denied/);
      if (kind === "mariadb") {
        const withoutPassword = server.url.replace(`lunet:${server.password}`, "root");
        await assert.rejects(query(withoutPassword, "select 1"), /Access denied/);
      }
    });

    test("that cannot start says why", async () => {
      await using servers = await programServers();
      const broken =
        kind === "postgres"
          ? servers.startPostgres({ settings: { max_connections: "many" } })
          : servers.startMariadb({ settings: ["--no-such-option=1"] });
      await assert.rejects(broken, /Cannot start (postgres|mariadb)-1: it ended instead[^]*(many|no-such-option)/);
    });
  });
}

test("servers end, and their data goes, when whoever started them is killed with -9", async (t) => {
  const runner = await startRunner(t);
  runner.child.kill("SIGKILL");
  await waitUntil(() => runner.pids.every((pid) => !isAlive(pid)), "the end of the servers and their guardian");
  assert.equal(existsSync(runner.folder), false);
});

test("servers whose guardian was killed too are ended by the next run", async (t) => {
  const runner = await startRunner(t);
  const [guardian, ...servers] = runner.pids;
  process.kill(guardian!, "SIGKILL");
  runner.child.kill("SIGKILL");
  await waitUntil(() => !isAlive(guardian!), "the end of the guardian");
  assert.deepEqual(servers.map(isAlive), [true, true]);
  await using _next = await programServers();
  assert.deepEqual(servers.map(isAlive), [false, false]);
  // Another run beside this one may be the one that takes the data away.
  await waitUntil(() => !existsSync(runner.folder), "the end of their data");
});

test("a process is no leftover unless its start and its command say so", async (t) => {
  const databases = mkdtempSync(join(tmpdir(), "lunet-databases-"));
  t.after(() => rmSync(databases, { recursive: true }));
  const folder = join(databases, "20260102_030405");
  mkdirSync(folder);
  // One began at another time, the other has nothing to do with the folder.
  const innocent = [`${folder}/data`, "elsewhere"].map((name) =>
    spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)", name], { stdio: "ignore" }),
  );
  t.after(() => innocent.forEach((child) => child.kill("SIGKILL")));
  await Promise.all(innocent.map((child) => once(child, "spawn")));
  const [first, second] = innocent.map((child) => child.pid!);
  writeFileSync(join(folder, "processes"), `1 long ago\n${first} long ago\n${second} ${startTime(second!)}\n`);
  assert.equal(await endLeftovers(databases), 0);
  assert.deepEqual([first!, second!].map(isAlive), [true, true]);
  assert.equal(existsSync(folder), false);
});

test("data goes elsewhere, and it is said where, when servers cannot enter the checkout", async (t) => {
  const closed = mkdtempSync(join(tmpdir(), "lunet-closed-"));
  t.after(() => rmSync(closed, { recursive: true }));
  const own = join(closed, ".tmp", "databases");
  chmodSync(closed, 0o700);
  // Who is not root runs the servers as himself.
  const expected = process.getuid?.() === 0 ? join(tmpdir(), "lunet-databases") : own;
  assert.equal(databasesFolder(closed), expected);
  chmodSync(closed, 0o755);
  assert.equal(databasesFolder(closed), own);
});

async function start(servers: ServerRun, kind: ServerKind, durable = false): Promise<DatabaseServer> {
  return kind === "postgres" ? await servers.startPostgres({ durable }) : await servers.startMariadb({ durable });
}

interface Connected {
  query(): Promise<unknown>;
  end(): Promise<void>;
}

async function connect(kind: ServerKind, url: string): Promise<Connected> {
  if (kind === "mariadb") {
    const connection = await createConnection(url);
    connection.on("error", () => {});
    return { query: async () => await connection.query("select 1"), end: async () => await connection.end() };
  }
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return { query: async () => await client.query("select 1"), end: async () => await client.end() };
}

async function ownDatabase(server: DatabaseServer): Promise<string> {
  await server.query("create database own");
  return "own";
}

interface Runner {
  readonly child: ChildProcess;
  readonly folder: string;
  /** The guardian, then the servers. */
  readonly pids: readonly number[];
}

/** A process that runs servers and does nothing else. */
async function startRunner(t: TestContext): Promise<Runner> {
  const source = `import { programServers } from ${JSON.stringify(join(root, "test/database-servers/program-servers.ts"))};
    const servers = await programServers();
    const [one, other] = await Promise.all([servers.startPostgres(), servers.startMariadb()]);
    console.log(JSON.stringify({ folder: servers.folder, pids: [servers.guardian.pid, one.pid, other.pid] }));`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    once(child, "exit").then(([status]) => assert.fail(`the runner ended with ${status}`)),
  ])) as [string];
  const { folder, pids } = JSON.parse(line) as { folder: string; pids: number[] };
  assert.deepEqual(pids.map(isAlive), [true, true, true]);
  assert.match(readFileSync(join(folder, "processes"), "utf8"), new RegExp(`^${pids[0]} `));
  return { child, folder, pids };
}

function isAlive(pid: number): boolean {
  return startTime(pid) !== undefined;
}

async function waitUntil(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `waited ${WAIT_MS} ms for ${what}`);
    await sleep(20);
  }
}
