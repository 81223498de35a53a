/**
 * A peer: one way to a database, in a process of its own. It does what its parent orders, and answers with what that cost.
 *
 * Each order is so many queries, shared out among callers that wait for one answer each. What was read is looked at, every
 * field of it, and comes back as one number, so that peers that read something else are found out.
 */
import { PAGE_SIZE } from "./statements.ts";

export type Workload = "read" | "list" | "transaction";

export interface Order {
  readonly workload: Workload;
  readonly callers: number;
  readonly queries: number;
}

/** What an order came to. */
export interface Outcome {
  readonly elapsedMs: number;
  /** CPU time of this process, all threads, in microseconds. */
  readonly userUs: number;
  readonly systemUs: number;
  readonly checksum: number;
  /** How long one query took. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One way to a database. `U` and `A` are what it makes of the rows. */
export interface Peer<U, A> {
  read(id: number): Promise<U> | U;
  list(reader: number, limit: number, offset: number): Promise<readonly A[]> | readonly A[];
  touchUser(user: U): number;
  touchArticle(article: A): number;
  /** Called before each order, and not measured. */
  renew?(): Promise<void>;
  /** Adds 1 to the balance of an account that it has read before, in one transaction, and gives what it read. */
  transaction(id: number): Promise<number> | number;
}

/** How the peer waits, and how many callers run side by side: Lunet has its own words for both. */
export interface Style {
  wait<T>(promise: Promise<T>): Promise<T>;
  together(callers: number, body: () => Promise<void>): Promise<void>;
}

const PLAIN: Style = {
  wait: (promise) => promise,
  together: async (callers, body) => {
    await Promise.all(Array.from({ length: callers }, body));
  },
};

const USERS = 1_000;
const ACCOUNTS = 1_000;
const PAGES = 10;
/** Prime to the number of rows, so that all are read in an order that no cache foresees. */
const STRIDE = 617;

/** The address of the database that is measured. */
export const databaseUrl = process.env["BENCH_DATABASE"] ?? "";

/** Does what the parent orders until it hangs up. */
export async function servePeer<U, A>(peer: Peer<U, A>, style: Style = PLAIN): Promise<void> {
  process.send?.("ready");
  for (;;) {
    const order = await style.wait(nextOrder());
    if (order === undefined) return;
    if (peer.renew !== undefined) await peer.renew();
    process.send?.(await carryOut(peer, order, style));
  }
}

function nextOrder(): Promise<Order | undefined> {
  return new Promise((resolve) => {
    const settle = (order: Order | undefined): void => {
      process.off("message", onMessage);
      process.off("disconnect", onDisconnect);
      resolve(order);
    };
    const onMessage = (order: unknown): void => settle(order as Order);
    const onDisconnect = (): void => settle(undefined);
    process.on("message", onMessage);
    process.on("disconnect", onDisconnect);
  });
}

async function carryOut<U, A>(peer: Peer<U, A>, order: Order, style: Style): Promise<Outcome> {
  const one = queryOf(peer, order.workload);
  const { callers, queries } = order;
  // Two readings of the clock would be a good part of a point read; only transactions are timed one by one.
  const latencies = order.workload === "transaction" ? new Float64Array(queries) : undefined;
  let next = 0;
  let checksum = 0;
  const cpu = process.cpuUsage();
  const began = performance.now();
  await style.together(callers, async () => {
    while (next < queries) {
      const index = next++;
      const sent = latencies === undefined ? 0 : performance.now();
      const found = await one(index);
      if (latencies !== undefined) latencies[index] = performance.now() - sent;
      checksum += found;
    }
  });
  const elapsedMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  latencies?.sort();
  const percentile = (part: number): number => latencies?.[Math.floor(queries * part)] ?? 0;
  return { elapsedMs, userUs: user, systemUs: system, checksum, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}

function queryOf<U, A>(peer: Peer<U, A>, workload: Workload): (index: number) => Promise<number> {
  switch (workload) {
    case "read":
      return async (index) => peer.touchUser(await peer.read(1 + ((index * STRIDE) % USERS)));
    case "list":
      return async (index) => {
        const articles = await peer.list(1 + ((index * STRIDE) % USERS), PAGE_SIZE, (index % PAGES) * PAGE_SIZE);
        let sum = 0;
        for (const article of articles) sum += peer.touchArticle(article);
        return sum;
      };
    case "transaction":
      // Balances differ from peer to peer. That one was read, and as a number, can be said of all.
      return async (index) => Math.sign((await peer.transaction(1 + ((index * STRIDE) % ACCOUNTS))) + 1);
  }
}
