/**
 * `make bench-databases`: point reads, lists of 20 articles and transactions on SQLite, PostgreSQL and MariaDB, through
 * Lunet and through the drivers as such, in one run on one machine.
 *
 * The servers are thrown away afterwards; a commit does not wait for the disk on them, so what is seen is what the
 * clients cost. Every peer is a process of its own on one core, the servers have another, and rounds alternate between
 * the peers. The figure to compare is the CPU time of the peer's process per query. All peers read the same rows, look
 * at every field, and must come to the same sum.
 *
 * BENCH_ROUNDS (5) and BENCH_QUERIES (20000 point reads a round, a quarter as many lists, a tenth as many transactions;
 * of the first two SQLite gets four times as many) come from the environment, and BENCH_DATABASES (sqlite,postgres,mariadb).
 * With `--write` the section of docs/performance.md and docs/database-queries.svg are written anew.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DatabaseServer } from "../tools/database-servers/database-server.ts";
import { SERVER_KINDS, type ServerKind } from "../tools/database-servers/install.ts";
import { ServerRun } from "../tools/database-servers/server-run.ts";
import { createStampedFolder } from "../tools/log-folder.ts";
import { drawBars } from "./chart.ts";
import { pinned, pinRunning } from "./cores.ts";
import { copyDatabase, makeAccounts } from "./database-copy.ts";
import type { Workload } from "./database-peers/peer.ts";
import {
  databaseBars,
  type DatabaseRounds,
  databaseTables,
  type PeerRounds,
  type Target,
  targetTable,
} from "./database-report.ts";
import { setting } from "./figures.ts";
import { MeasuredPeer, type PeerPlan } from "./measured-peer.ts";
import { MeasuredServer } from "./measured-server.ts";
import { describeMachine, type Place, writePage } from "./page.ts";
import { seedDatabase } from "./seed.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const PICTURE = join(root, "docs/database-queries.svg");
const PLACE: Place = {
  page: join(root, "docs/performance.md"),
  begin: "<!-- From here on written by `make bench-databases WRITE=1`. -->",
  end: "<!-- To here. -->",
};

/** Transactions are one caller's, one after another, so that what is timed is no waiting for others. */
const CALLERS: Readonly<Record<Workload, number>> = { read: 50, list: 50, transaction: 1 };
const WORKLOADS = ["read", "list", "transaction"] as const;
const LIST_PART = 4;
const TRANSACTION_PART = 10;
/** A query in the process is over that much sooner. */
const SQLITE_TIMES = 4;
/** With fewer the engine is still compiling, and more so for who has more code. */
const WARM_UP_ROUNDS = 3;
const MAX_LIST_RATIO = 1.1;
const MAX_POINT_READ_RATIO = 1.15;

const rounds = setting("BENCH_ROUNDS", 5);
const queries = setting("BENCH_QUERIES", 20_000);
const ALL = ["sqlite", ...SERVER_KINDS];
const wanted = new Set((process.env["BENCH_DATABASES"] ?? ALL.join()).split(","));

interface ContestPlan extends PeerPlan {
  readonly isOurs: boolean;
  readonly workloads: readonly Workload[];
}

interface Contest {
  readonly title: string;
  readonly queries: Readonly<Record<Workload, number>>;
  readonly plans: readonly ContestPlan[];
}

function plan(name: string, file: string, url: string, more: Partial<ContestPlan> = {}): ContestPlan {
  const program = join(root, "bench/database-peers", `${file}.ts`);
  const { isOurs = false, workloads = WORKLOADS, env = {} } = more;
  return { name, program, isOurs, workloads, env: { ...env, BENCH_DATABASE: url } };
}

const QUERIES_ONLY: readonly Workload[] = ["read", "list"];

function ours(url: string): ContestPlan[] {
  const arrays = { BENCH_ROWS: "arrays" };
  return [
    plan("Lunet", "lunet", url, { isOurs: true }),
    plan("Lunet, rows as arrays", "lunet", url, { isOurs: true, workloads: QUERIES_ONLY, env: arrays }),
  ];
}

function oursOnNetwork(url: string): ContestPlan[] {
  const alone = { BENCH_SHARED: "0" };
  const more = { isOurs: true, workloads: QUERIES_ONLY, env: alone };
  return [...ours(url), plan("Lunet, shared: 0", "lunet", url, more)];
}

function countsOf(times: number): Record<Workload, number> {
  const reads = queries * times;
  return {
    read: reads,
    list: Math.ceil(reads / LIST_PART),
    transaction: Math.ceil(queries / TRANSACTION_PART),
  };
}

/** Conduit makes its own schema at its first start. */
async function makeSchema(url: string): Promise<void> {
  const env = { DATABASE_URL: url, LOG_LEVEL: "warn" };
  const program = join(root, "apps/conduit/src/main.ts");
  const server = await MeasuredServer.start({ name: "Conduit, for its schema", program, env });
  await server.stop();
}

async function sqliteContest(file: string): Promise<Contest> {
  const url = `sqlite:${file}`;
  await makeAccounts(url);
  const plans = [...ours(url), plan("node:sqlite", "node-sqlite", url)];
  return { title: `SQLite ${process.versions["sqlite"]}`, queries: countsOf(SQLITE_TIMES), plans };
}

const NETWORK_PEERS: Readonly<Record<ServerKind, (url: string) => ContestPlan[]>> = {
  postgres: (url) => [
    plan("pg, pool of 10", "pg-pool", url),
    plan("pg, 2 connections, pipelined", "pg-pipeline", url, { workloads: QUERIES_ONLY }),
    plan("postgres.js", "postgres-js", url),
  ],
  mariadb: (url) => [
    plan("mariadb, pool of 10", "mariadb-pool", url),
    plan("mariadb, 2 connections, pipelined", "mariadb-pipeline", url, { workloads: QUERIES_ONLY }),
  ],
};

const VERSIONS: Readonly<Record<ServerKind, string>> = { postgres: "PostgreSQL", mariadb: "MariaDB" };

async function networkContest(server: DatabaseServer, file: string): Promise<Contest> {
  if (server.pid !== undefined) pinRunning("load", server.pid);
  await server.query("create database bench");
  const url = server.urlOf("bench");
  await makeSchema(url);
  await copyDatabase(file, url);
  await makeAccounts(url);
  const [row] = await server.query("select version() as version");
  const version = /\d+(\.\d+)+/.exec(String(row?.["version"]))?.[0] ?? "";
  const plans = [...oursOnNetwork(url), ...NETWORK_PEERS[server.kind](url)];
  return { title: `${VERSIONS[server.kind]} ${version}`, queries: countsOf(1), plans };
}

async function hold(contest: Contest): Promise<DatabaseRounds> {
  const peers: MeasuredPeer[] = [];
  try {
    for (const each of contest.plans) peers.push(await MeasuredPeer.start(each));
    const standings = contest.plans.map(({ name, isOurs, workloads }) => ({
      name,
      isOurs,
      rounds: Object.fromEntries(workloads.map((workload) => [workload, []])) as PeerRounds["rounds"],
    }));
    for (let round = 1 - WARM_UP_ROUNDS; round <= rounds; round++) {
      console.log(`bench: ${contest.title}: ${round < 1 ? "warm-up" : `round ${round} of ${rounds}`}`);
      for (const workload of WORKLOADS) {
        const sums = new Map<string, number>();
        for (const [index, peer] of peers.entries()) {
          const outcomes = standings[index]?.rounds[workload];
          if (outcomes === undefined) continue;
          const order = { workload, callers: CALLERS[workload], queries: contest.queries[workload] };
          const outcome = await peer.measure(order);
          sums.set(peer.name, outcome.checksum);
          if (round > 0) outcomes.push(outcome);
        }
        checkSums(contest.title, workload, sums);
      }
    }
    return { title: contest.title, queries: contest.queries, peers: standings };
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
}

/** All peers must have read the same, or the contest means nothing. */
function checkSums(title: string, workload: Workload, sums: ReadonlyMap<string, number>): void {
  const [first] = sums.values();
  if (Number.isSafeInteger(first) && [...sums.values()].every((sum) => sum === first)) return;
  const found = [...sums].map(([name, sum]) => `${name} ${sum}`).join(", ");
  throw new Error(`Cannot compare on ${title}, ${workload}: found different sums of what was read: ${found}`);
}

function targetsOf(databases: readonly DatabaseRounds[]): Target[] {
  return databases.flatMap((database) => {
    const list = (own: string, theirs: string): Target => {
      return { database, workload: "list", ours: own, theirs, atMost: MAX_LIST_RATIO };
    };
    if (database.title.startsWith("SQLite")) return [list("Lunet", "node:sqlite")];
    const driver = database.title.startsWith("MariaDB") ? "mariadb" : "pg";
    const lists = [
      list("Lunet", `${driver}, 2 connections, pipelined`),
      list("Lunet, shared: 0", `${driver}, pool of 10`),
    ];
    if (driver === "mariadb") return lists;
    const read: Target = {
      database,
      workload: "read",
      ours: "Lunet",
      theirs: "postgres.js",
      atMost: MAX_POINT_READ_RATIO,
    };
    return [read, ...lists];
  });
}

/** How it was measured, for the reader of the figures. */
function setup(): string {
  const cores = pinned ? "clients on one core, servers on another" : "not pinned";
  return [
    `- Node ${process.version.slice(1)}, ${describeMachine()}; ${cores}; medians of ${rounds} rounds, peers in turn.`,
    `- A round: ${whole(queries)} point reads and ${whole(queries / LIST_PART)} lists by 50 callers, ${SQLITE_TIMES} times as many on`,
    `  SQLite, and ${whole(queries / TRANSACTION_PART)} transactions by one caller.`,
    "- The servers are throwaway ones, where a commit does not wait for the disk: PostgreSQL with `fsync`,",
    "  `synchronous_commit` and `full_page_writes` off, MariaDB with `innodb_flush_log_at_trx_commit` 0 and no binary log.",
    "  On SQLite it waits (WAL, `synchronous` full).",
  ].join("\n");
}

function whole(value: number): string {
  return Math.ceil(value).toLocaleString("en");
}

/** One server at a time: the other would use the machine, too. */
async function holdOnServers(kinds: readonly ServerKind[], file: string, folder: string): Promise<DatabaseRounds[]> {
  const logs = join(folder, "servers");
  mkdirSync(logs);
  const databases: DatabaseRounds[] = [];
  await using servers = await ServerRun.open({ root, logs, say: (text) => console.log(`bench: ${text}`) });
  for (const kind of kinds) {
    await using server = kind === "postgres" ? await servers.startPostgres() : await servers.startMariadb();
    databases.push(await hold(await networkContest(server, file)));
  }
  return databases;
}

async function main(): Promise<void> {
  const writes = process.argv.includes("--write");
  if (writes && wanted.size < ALL.length)
    throw new Error(`Cannot write ${PLACE.page}: wanted figures of ${ALL.join(", ")}`);
  const folder = createStampedFolder(join(root, ".tmp/bench-databases"));
  const file = join(folder, "bench.db");
  await makeSchema(`sqlite:${file}`);
  seedDatabase(file);

  const databases: DatabaseRounds[] = [];
  if (wanted.has("sqlite")) databases.push(await hold(await sqliteContest(file)));
  const kinds = SERVER_KINDS.filter((kind) => wanted.has(kind));
  if (kinds.length > 0) databases.push(...(await holdOnServers(kinds, file, folder)));

  const text = [setup(), databaseTables(databases), "### Targets", targetTable(targetsOf(databases))].join("\n\n");
  console.log(`\n${text}\n`);
  writeFileSync(join(folder, "report.md"), `${text}\n`);
  writeFileSync(join(folder, "results.json"), JSON.stringify({ node: process.version, rounds, databases }, null, 2));
  const picture = drawBars(databaseBars(databases));
  writeFileSync(join(folder, "database-queries.svg"), picture);
  if (writes) {
    writePage(PLACE, text);
    writeFileSync(PICTURE, picture);
    console.log(`bench: written: ${PLACE.page} and ${PICTURE}`);
  }
  console.log(`bench: report, figures and picture in ${folder}`);
}

await main();
