/** A rollback that fails is passed over, and the connection goes back to its pool with the transaction open. */
import { shield } from "lunet";
import { defineSweep } from "lunet/testing";
import type { ThreadSession } from "../../../packages/lunet/src/db/sqlite/thread-session.ts";
import { checkSum, END_MS, Refused, rollBack, ThreadPool, transfer } from "./thread-pool.ts";

async function transaction(
  database: ThreadPool,
  undo: (session: ThreadSession) => Promise<boolean>,
  body: (session: ThreadSession) => Promise<void>,
): Promise<void> {
  const session = database.session(await database.acquire());
  let isClean = false;
  try {
    await session.begin(false);
    await body(session);
    await shield(END_MS, () => session.commit());
    isClean = true;
  } catch (error) {
    isClean = await undo(session);
    throw error;
  } finally {
    session.giveBack(isClean);
  }
}

/** Two transfers, of which the second is refused when it is half done. */
async function transferAndRefuse(
  database: ThreadPool,
  undo: (session: ThreadSession) => Promise<boolean>,
): Promise<void> {
  await transaction(database, undo, (session) => transfer(session, 10));
  try {
    await transaction(database, undo, async (session) => {
      await transfer(session, 1_000);
      throw new Refused("there is not so much");
    });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

export const planted = defineSweep({
  name: "a failed rollback passed over",
  setup: () => ThreadPool.make(),
  body: (database) =>
    transferAndRefuse(database, async (session) => {
      try {
        await session.rollback();
      } catch {
        // "There is nothing to be done about it."
      }
      return true;
    }),
  check: checkSum,
});

export const mended = defineSweep({
  name: "a failed rollback that destroys its connection",
  setup: () => ThreadPool.make(),
  body: (database) => transferAndRefuse(database, rollBack),
  check: checkSum,
});

export default [planted, mended];
