/** A wait for a connection that ends at a deadline and stays in the queue: what it is granted later, nobody has. */
import { suspend, withDeadline } from "lunet";
import { defineSweep } from "lunet/testing";
import type { ThreadConnection } from "../../../packages/lunet/src/db/sqlite/thread-connection.ts";
import { checkSum, ThreadPool } from "./thread-pool.ts";

const DEADLINE_MS = 5_000;

function acquireForEver({ pool }: ThreadPool): Promise<ThreadConnection> {
  return suspend<ThreadConnection>("acquire", (resume, fail) => {
    pool.enter({ purpose: "acquire", grant: resume, fail });
    return () => {};
  });
}

async function use(database: ThreadPool, acquire: () => Promise<ThreadConnection>): Promise<void> {
  const connection = await withDeadline(DEADLINE_MS, acquire);
  database.pool.release(connection);
}

export const planted = defineSweep({
  name: "a deadline while acquiring",
  setup: () => ThreadPool.make(),
  body: (database) => use(database, () => acquireForEver(database)),
  check: checkSum,
});

export const mended = defineSweep({
  name: "a deadline while acquiring, which leaves the queue",
  setup: () => ThreadPool.make(),
  body: (database) => use(database, () => database.acquire()),
  check: checkSum,
});

export default [planted, mended];
