/*
 * Conduit on a MariaDB Galera cluster, all nodes in its DATABASE_URL, while nodes are killed and hang: each request is
 * answered as it should be, or with 503 and `Retry-After`, and Conduit goes on without being restarted.
 *
 * Its sessions wait for what other nodes have acknowledged before they read (`wsrep_sync_wait`): after a failover a reader
 * would otherwise miss his last write for a moment.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { conduitForFile } from "../../apps/conduit/test/harness.ts";
import type { DatabaseServer } from "../../tools/database-servers/database-server.ts";
import { startGalera } from "../../tools/database-servers/galera.ts";
import { programServers } from "../database-servers/program-servers.ts";
import { AcknowledgedLoad } from "../process/acknowledged-load.ts";
import { createRandom } from "../process/load-client.ts";
import { ANSWER_LIMIT_MS, assertStoredOn, CLIENTS, DATABASE, describeLoad, longestPauseMs } from "./conduit-load.ts";

const TIMEOUT_MS = 120_000;
const MAX_PAUSE_MS = 10_000;
/** Acknowledged writes before and after what happens to a node. */
const WRITES = 150;
const SEED = Number(process.env["CONDUIT_LOAD_SEED"] ?? Date.now() % 1_000_000);

const servers = await programServers("cluster");
after(async () => await servers.close(), { timeout: TIMEOUT_MS });
const cluster = await startGalera(servers, { settings: ["--wsrep-sync-wait=1"] });
await cluster.nodes[0]!.query(`create database ${DATABASE}`);
const conduit = await conduitForFile({
  env: { DATABASE_URL: cluster.urlOf(DATABASE), LOG_LEVEL: "error", LUNET_TRACE_HELD_MS: "60000" },
});

test("the node in use is killed under load, and joins again", { timeout: TIMEOUT_MS }, async () => {
  console.log(`CONDUIT_LOAD_SEED=${SEED}`);
  await using load = new AcknowledgedLoad(conduit, "k-", ANSWER_LIMIT_MS, createRandom(SEED));
  await load.start(CLIENTS);
  await load.until(() => load.additions >= WRITES);
  const victim = await nodeInUse();
  const killedMs = performance.now();
  await victim.kill9();
  const before = load.additions;
  await load.until(() => load.additions >= before + WRITES);
  await joinFromSpare(victim);
  await cluster.waitSize(3);
  const joined = load.additions;
  await load.until(() => load.additions >= joined + WRITES);
  await load.end();
  const pauseMs = longestPauseMs(load, killedMs);
  console.log(`kill -9 of the node in use: no write for ${pauseMs} ms; ${describeLoad(load)}`);
  assert.ok(pauseMs < MAX_PAUSE_MS, `found ${pauseMs} ms`);
  assert.notEqual(await nodeInUse(), victim);
  for (const node of cluster.nodes) await assertStoredOn(load, node);
});

test("two of three nodes are killed under load, and the cluster begins anew", { timeout: TIMEOUT_MS }, async () => {
  await using load = new AcknowledgedLoad(conduit, "t-", ANSWER_LIMIT_MS, createRandom(SEED + 1));
  await load.start(CLIENTS);
  await load.until(() => load.additions >= WRITES);
  const left = await nodeInUse();
  const others = cluster.nodes.filter((node) => node !== left);
  await Promise.all(others.map((node) => node.kill9()));
  await load.until(() => load.refusals.length >= 4 * CLIENTS);
  assert.equal((await conduit.send("GET", "/readyz")).status, 503);
  assert.equal((await conduit.request("GET", "/healthz")).status, 200);
  await cluster.bootstrap(left);
  const before = load.additions;
  await load.until(() => load.additions >= before + WRITES);
  // There is none to spare: see joinFromSpare().
  await load.end();
  for (const node of others) await node.start();
  await cluster.waitSize(3);
  console.log(`two of three nodes killed: ${describeLoad(load)}`);
  assert.equal((await conduit.request("GET", "/readyz")).status, 200);
  for (const node of cluster.nodes) await assertStoredOn(load, node);
});

/**
 * Starts a node that takes its data from one that is not in use: who gives it takes no writes meanwhile, and where rows are
 * contended it can stand still until `innodb_lock_wait_timeout` (50 s), because the lock for the copy and a row's wait for
 * each other.
 */
async function joinFromSpare(node: DatabaseServer): Promise<void> {
  const used = await nodeInUse();
  const spare = cluster.nodes.find((other) => other !== node && other !== used)!;
  await node.start([`--wsrep-sst-donor=${spare.name}`]);
}

/** The node that has most connections of Conduit's. */
async function nodeInUse(): Promise<DatabaseServer> {
  const counts = await Promise.all(
    cluster.nodes
      .filter(({ pid }) => pid !== undefined)
      .map(async (node) => {
        const [row] = await node.query(
          `select count(*) as count from information_schema.processlist where db = '${DATABASE}'`,
        );
        return { node, count: Number(row!["count"]) };
      }),
  );
  return counts.toSorted((one, other) => other.count - one.count)[0]!.node;
}
