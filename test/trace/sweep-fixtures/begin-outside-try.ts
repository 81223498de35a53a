/** BEGIN stands before the `try` that ends the transaction: when it fails, nobody gives the connection back. */
import { shield } from "lunet";
import { defineSweep } from "lunet/testing";
import type { ThreadSession } from "../../../packages/lunet/src/db/sqlite/thread-session.ts";
import { checkSum, END_MS, rollBack, ThreadPool, transfer } from "./thread-pool.ts";

async function finish(session: ThreadSession, body: () => Promise<void>): Promise<void> {
  let isClean = false;
  try {
    await body();
    await shield(END_MS, () => session.commit());
    isClean = true;
  } catch (error) {
    isClean = await rollBack(session);
    throw error;
  } finally {
    session.giveBack(isClean);
  }
}

export const planted = defineSweep({
  name: "BEGIN outside the try",
  setup: () => ThreadPool.make(),
  body: async (database) => {
    const session = database.session(await database.acquire());
    await session.begin(false);
    await finish(session, () => transfer(session, 10));
  },
  check: checkSum,
});

export const mended = defineSweep({
  name: "BEGIN inside the try",
  setup: () => ThreadPool.make(),
  body: async (database) => {
    const session = database.session(await database.acquire());
    await finish(session, async () => {
      await session.begin(false);
      await transfer(session, 10);
    });
  },
  check: checkSum,
});

export default [planted, mended];
