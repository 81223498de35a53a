/** Of two things that are to be done in the end the first may fail, and then the second is not done. */
import { shield } from "lunet";
import { defineSweep } from "lunet/testing";
import { readStatement } from "../../../packages/lunet/src/db/sql-text.ts";
import { checkSum, END_MS, ThreadPool } from "./thread-pool.ts";

const READ = readStatement("select balance from account", "sqlite");

export const planted = defineSweep({
  name: "a finalizer that skips the next",
  setup: () => ThreadPool.make(),
  body: async (database) => {
    const session = database.session(await database.acquire());
    try {
      await session.begin(true);
      await session.rows(READ, [], () => undefined);
    } finally {
      await shield(END_MS, () => session.rollback());
      session.giveBack(true);
    }
  },
  check: checkSum,
});

export const mended = defineSweep({
  name: "finalizers that each have their own finally",
  setup: () => ThreadPool.make(),
  body: async (database) => {
    const session = database.session(await database.acquire());
    let isClean = false;
    try {
      await session.begin(true);
      await session.rows(READ, [], () => undefined);
    } finally {
      try {
        await shield(END_MS, () => session.rollback());
        isClean = true;
      } finally {
        session.giveBack(isClean);
      }
    }
  },
  check: checkSum,
});

export default [planted, mended];
