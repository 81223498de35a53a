/* The cluster itself, without lunet: that tools/database-servers/galera.ts gives what it says. */
import assert from "node:assert/strict";
import { after, before, test, type TestContext } from "node:test";
import { type Connection, createConnection } from "mariadb";
import type { DatabaseServer } from "../../tools/database-servers/database-server.ts";
import { type GaleraCluster, startGalera } from "../../tools/database-servers/galera.ts";
import type { ServerRun } from "../../tools/database-servers/server-run.ts";
import { programServers } from "../database-servers/program-servers.ts";
import { AcknowledgedWrites } from "./acknowledged-writes.ts";

const TIMEOUT_MS = 180_000;
/** How long writes may stand still when a node is killed. The settings make it 3 s on a quiet machine. */
const MAX_STALL_MS = 15_000;

let servers: ServerRun;
let cluster: GaleraCluster;

before(
  async () => {
    servers = await programServers("cluster");
    cluster = await startGalera(servers);
    await cluster.nodes[0]!.query("create database own");
  },
  { timeout: TIMEOUT_MS },
);
after(async () => await servers.close(), { timeout: TIMEOUT_MS });

test("every node takes writes, and every other node reads them", { timeout: TIMEOUT_MS }, async () => {
  const { nodes } = cluster;
  await nodes[0]!.query("create table everywhere (node int primary key)", "own");
  for (const [index, node] of nodes.entries()) await node.query(`insert into everywhere values (${index})`, "own");
  for (const node of nodes) assert.deepEqual(await readIds(node, "select node as id from everywhere"), [0, 1, 2]);
  assert.match(
    cluster.urlOf("own"),
    /^mariadb:\/\/lunet:[^@]+@127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/own$/,
  );
});

test("of two nodes that write one row the later is told to do it again", { timeout: TIMEOUT_MS }, async (t) => {
  const [one, other] = await Promise.all([connect(t, cluster.nodes[0]!), connect(t, cluster.nodes[1]!)]);
  await one.query("create table contended (id int primary key, value int)");
  await one.query("insert into contended values (1, 0)");
  await other.query("set wsrep_sync_wait = 1");
  await other.query("select * from contended");
  await other.query("begin");
  await other.query("update contended set value = 2 where id = 1");
  await one.query("update contended set value = 1 where id = 1");
  await assert.rejects(commitOrWait(other), { errno: 1213, sqlState: "40001" });
  assert.deepEqual(await readIds(cluster.nodes[1]!, "select value as id from contended"), [1]);
});

test(
  "kill -9 of the node in use: writes go on through the others, nothing acknowledged is lost, it joins again",
  { timeout: TIMEOUT_MS },
  async () => {
    const { nodes } = cluster;
    await nodes[0]!.query("create table load_test (id int primary key)", "own");
    const client = new FailoverClient(nodes);
    await using writes = new AcknowledgedWrites((id) => client.write(`insert into load_test values (${id})`));
    await writes.waitMore(200);
    const victim = client.node!;
    const killed = performance.now();
    await victim.kill9();
    await writes.waitMore(1);
    const stallMs = performance.now() - killed;
    console.log(`writes stood still for ${Math.round(stallMs)} ms`);
    assert.ok(stallMs < MAX_STALL_MS, `found ${stallMs} ms, wanted less than ${MAX_STALL_MS}`);
    assert.notEqual(client.node, victim);
    await writes.waitMore(200);

    const joining = performance.now();
    await victim.start();
    await cluster.waitSize(nodes.length);
    console.log(`joined again after ${Math.round(performance.now() - joining)} ms`);
    await writes.waitMore(50);
    await writes.end();
    await client.close();
    for (const node of nodes) {
      const found = await readIds(node, "select id from load_test");
      assert.deepEqual(writes.lostFrom(found), []);
      assert.deepEqual(writes.strangeIn(found), []);
    }
    console.log(`${writes.acknowledged.length} acknowledged, ${writes.inDoubt.length} in doubt`);
  },
);

test(
  "a node that is left without the majority refuses until the cluster is begun anew from it",
  { timeout: TIMEOUT_MS },
  async () => {
    const [one, two, three] = cluster.nodes as [DatabaseServer, DatabaseServer, DatabaseServer];
    // Killed together: those who leave one after the other leave a majority behind each time.
    await Promise.all([two.kill9(), three.kill9()]);
    await assertRefusing(one);
    await cluster.bootstrap(one);
    await cluster.waitSize(1);
    await two.start();
    await three.start();
    await cluster.waitSize(3);
    assert.deepEqual(await readIds(three, "select node as id from everywhere"), [0, 1, 2]);
  },
);

test("a cluster whose nodes were all killed begins anew from one of them", { timeout: TIMEOUT_MS }, async () => {
  const [one, two, three] = cluster.nodes as [DatabaseServer, DatabaseServer, DatabaseServer];
  await Promise.all(cluster.nodes.map((node) => node.kill9()));
  await cluster.bootstrap(three);
  await one.start();
  await two.start();
  await cluster.waitSize(3);
  assert.deepEqual(await readIds(one, "select node as id from everywhere"), [0, 1, 2]);
});

/** Writes to one node, and to another one once that has failed it. */
class FailoverClient {
  readonly #nodes: readonly DatabaseServer[];
  #next = 0;
  #connection: Connection | undefined;
  node: DatabaseServer | undefined;

  constructor(nodes: readonly DatabaseServer[]) {
    this.#nodes = nodes;
  }

  async write(sql: string): Promise<void> {
    try {
      this.#connection ??= await this.#connect();
      await this.#connection.query(sql);
    } catch (error) {
      this.#connection?.destroy();
      this.#connection = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#connection?.end();
  }

  async #connect(): Promise<Connection> {
    this.node = this.#nodes[this.#next++ % this.#nodes.length]!;
    return await openConnection(this.node);
  }
}

async function connect(t: TestContext, node: DatabaseServer): Promise<Connection> {
  const connection = await openConnection(node);
  t.after(() => connection.destroy());
  return connection;
}

async function openConnection({ host, port, user, password }: DatabaseServer): Promise<Connection> {
  const limits = { connectTimeout: 5_000, socketTimeout: 20_000 };
  const connection = await createConnection({ host, port, user, password, database: "own", ...limits });
  connection.on("error", () => {});
  return connection;
}

/** The other node's write arrives when it arrives: before the commit it ends the statement that finds it. */
async function commitOrWait(connection: Connection): Promise<void> {
  await connection.query("select * from contended");
  await connection.query("commit");
}

async function readIds(node: DatabaseServer, sql: string): Promise<number[]> {
  const connection = await openConnection(node);
  try {
    await connection.query("set wsrep_sync_wait = 1");
    const rows = await connection.query<Array<{ id: number }>>(`${sql} order by id`);
    return rows.map(({ id }) => id);
  } finally {
    await connection.end();
  }
}

/** Waits for the node to see that it is alone: error 1047, "WSREP has not yet prepared node for application use". */
async function assertRefusing(node: DatabaseServer): Promise<void> {
  const deadline = performance.now() + MAX_STALL_MS;
  for (;;) {
    const found = await node.query("select count(*) from everywhere", "own").catch((error: unknown) => error);
    const { errno, sqlState } = found as { errno?: number; sqlState?: string };
    if (errno === 1047) return assert.equal(sqlState, "08S01");
    assert.ok(performance.now() < deadline, `found no refusal, but ${String(found)}`);
  }
}
