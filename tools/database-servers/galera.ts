/*
 * A cluster of MariaDB servers (Galera) on 127.0.0.1, in which every node takes writes:
 *
 *   await using servers = await programServers("cluster");
 *   const cluster = await startGalera(servers);
 *   await cluster.nodes[0].kill9();        // writes through the others stall for about 3 s, then go on
 *   await cluster.waitSize(2);
 *   await cluster.nodes[0].start();        // it joins again, by a copy of another node's data, and is synced
 *
 * What to know of it: a commit is acknowledged when every node has received it, so a node that is killed takes nothing
 * along. Of two nodes that write one row the later gets 1213 (40001) at its commit. A node that has lost the majority
 * answers 1047 (08S01) to everything. A read on another node may miss a write just acknowledged, unless its session has
 * set `wsrep_sync_wait = 1`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseServer, Row, ServerRecipe } from "./database-server.ts";
import { findGalera, findMariadb } from "./install.ts";
import { type MariadbOptions, mariadbRecipe } from "./mariadb.ts";
import type { ServerRun } from "./server-run.ts";

/** A node that joins copies all data from another one. */
const JOIN_TIMEOUT_MS = 60_000;
/** How long the others may take to see that a node has gone. The settings below make it 3 s. */
const VIEW_TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const NEW_CLUSTER = "--wsrep-new-cluster";

/** How the nodes speak to one another: they miss a node after 2 s, not after 5, and give it up after 4, not 15. */
const PROVIDER_OPTIONS = [
  "gcache.size=32M",
  "pc.recovery=false",
  "evs.keepalive_period=PT0.5S",
  "evs.suspect_timeout=PT2S",
  "evs.inactive_timeout=PT4S",
  "evs.install_timeout=PT4S",
];

export interface GaleraOptions extends MariadbOptions {
  /** How many nodes. Default: 3, the least of which one may go. */
  readonly nodes?: number;
}

/** A cluster that runs. Its nodes end with the run of servers. */
export interface GaleraCluster {
  /**
   * The nodes. `kill9()`, `stop()`, `suspend()` and `resume()` are what they are for any server; `start()` joins the
   * cluster again and returns when the node is synced, which takes some seconds.
   */
  readonly nodes: readonly DatabaseServer[];
  /** The address of a database with all nodes as hosts: `mariadb://lunet:…@127.0.0.1:1,127.0.0.1:2,127.0.0.1:3/name`. */
  urlOf(database: string): string;
  /**
   * Returns when every running node counts `size` nodes in the cluster and is synced.
   *
   * @throws when that takes longer than 30 s.
   */
  waitSize(size: number): Promise<void>;
  /**
   * Begins the cluster anew from one node: from one that runs but has lost the majority, or from one that has stopped as
   * all others have. The others then `start()` and take its data. What only they had is lost, so choose the node that
   * has seen the last commit; after kill -9 of all of them any has what was acknowledged, if the servers are durable.
   */
  bootstrap(node: DatabaseServer): Promise<void>;
}

/** Starts a cluster: the first node alone, then one after the other. It takes about 15 s. */
export async function startGalera(servers: ServerRun, options: GaleraOptions = {}): Promise<GaleraCluster> {
  return await servers.underway(async () => {
    const recipes = await nodeRecipes(servers, options);
    const nodes: DatabaseServer[] = [];
    for (const recipe of recipes) {
      nodes.push(await servers.start(recipe, nodes.length === 0 ? [NEW_CLUSTER] : []));
    }
    const cluster = clusterOf(nodes);
    await cluster.waitSize(nodes.length);
    return cluster;
  });
}

function clusterOf(nodes: readonly DatabaseServer[]): GaleraCluster {
  return {
    nodes,
    urlOf(database) {
      const [{ kind, user, password }] = nodes as [DatabaseServer];
      const hosts = nodes.map(({ host, port }) => `${host}:${port}`);
      return `${kind}://${user}:${password}@${hosts.join(",")}/${database}`;
    },
    async waitSize(size) {
      const deadline = performance.now() + VIEW_TIMEOUT_MS;
      const running = nodes.filter(({ pid }) => pid !== undefined);
      while (!(await Promise.all(running.map((node) => seesSize(node, size)))).every(Boolean)) {
        if (performance.now() > deadline) throw new Error(`Cannot wait for ${size} nodes: found others after 30 s`);
        await sleep(POLL_MS);
      }
    },
    async bootstrap(node) {
      if (node.pid === undefined) {
        allowBootstrap(join(node.folder, "data", "grastate.dat"));
        await node.start([NEW_CLUSTER]);
      } else await node.query("set global wsrep_provider_options = 'pc.bootstrap=1'");
    },
  };
}

/** A node that has not left last, or has not left in order, refuses to begin a cluster until its state says it may. */
function allowBootstrap(state: string): void {
  writeFileSync(state, readFileSync(state, "utf8").replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"));
}

/** Galera's own account of itself. A node without majority, and one that joins, answers nothing. */
const STATUS = `select variable_name, variable_value from information_schema.global_status
  where variable_name in ('wsrep_cluster_size', 'wsrep_local_state_comment', 'wsrep_ready')`;

async function seesSize(node: DatabaseServer, size: number): Promise<boolean> {
  try {
    const rows = await node.query(STATUS);
    return isSynced(rows) && Number(statusOf(rows).get("wsrep_cluster_size")) === size;
  } catch {
    return false; // Not now: the caller asks again until its deadline.
  }
}

function isSynced(rows: readonly Row[]): boolean {
  const status = statusOf(rows);
  return status.get("wsrep_local_state_comment") === "Synced" && status.get("wsrep_ready") === "ON";
}

function statusOf(rows: readonly Row[]): ReadonlyMap<string, string> {
  return new Map(rows.map((row) => [String(row["variable_name"]).toLowerCase(), String(row["variable_value"])]));
}

/** The nodes know one another's ports from the beginning, so that each can start first or join later. */
async function nodeRecipes(servers: ServerRun, options: GaleraOptions): Promise<ServerRecipe[]> {
  const programs = findMariadb();
  const library = findGalera();
  if (programs === undefined || library === undefined) throw new Error("Cannot start a cluster: found no Galera");
  const places = [];
  for (let index = 0; index < (options.nodes ?? 3); index += 1) {
    const ports = {
      group: await servers.findPort(),
      changes: await servers.findPort(),
      copies: await servers.findPort(),
    };
    places.push({ ...ports, place: await servers.place("mariadb") });
  }
  const members = places.map(({ group }) => `127.0.0.1:${group}`).join(",");
  const recipes: ServerRecipe[] = [];
  for (const { place, group, changes, copies } of places) {
    const provider = [
      `gmcast.listen_addr=tcp://127.0.0.1:${group}`,
      `ist.recv_addr=127.0.0.1:${changes}`,
      ...PROVIDER_OPTIONS,
    ];
    const settings = [
      "--binlog-format=ROW",
      "--innodb-autoinc-lock-mode=2",
      "--wsrep-on=ON",
      `--wsrep-provider=${library}`,
      "--wsrep-cluster-name=lunet",
      `--wsrep-cluster-address=gcomm://${members}`,
      `--wsrep-node-name=${place.name}`,
      `--wsrep-node-address=127.0.0.1:${group}`,
      "--wsrep-sst-method=rsync",
      `--wsrep-sst-receive-address=127.0.0.1:${copies}`,
      `--wsrep-provider-options=${provider.join(";")}`,
      ...(options.settings ?? []),
    ];
    const recipe = await mariadbRecipe(programs, place, { ...options, settings });
    recipes.push({ ...recipe, startTimeoutMs: JOIN_TIMEOUT_MS, readyQuery: STATUS, isReady: isSynced });
  }
  return recipes;
}
