/** The handle of a transaction is used where the transaction may have ended: in the handling of a later failure. */
import { shield } from "lunet";
import { type Database, open, type Transaction } from "lunet/db";
import { defineSweep } from "lunet/testing";

const INSERT = "insert into event (name) values (?)";
const COUNT = "select count(*) from event";

async function setup(): Promise<Database> {
  const database = await open("sqlite::memory:");
  await database.exec("create table event (id integer primary key, name text not null)");
  return database;
}

async function check(database: Database): Promise<void> {
  await database.transaction((tx) => tx.exec(INSERT, ["checked"]));
}

export const planted = defineSweep({
  name: "a handle used after commit",
  setup,
  body: async (database) => {
    let last: Transaction | undefined;
    try {
      await database.transaction(async (tx) => {
        last = tx;
        await tx.exec(INSERT, ["done"]);
      });
      await database.queryOne(COUNT);
    } catch (error) {
      await last?.exec(INSERT, ["failed"]);
      throw error;
    }
  },
  check,
});

export const mended = defineSweep({
  name: "a failure noted with the database's own handle",
  setup,
  body: async (database) => {
    try {
      await database.transaction((tx) => tx.exec(INSERT, ["done"]));
      await database.queryOne(COUNT);
    } catch (error) {
      await shield(1_000, () => database.exec(INSERT, ["failed"]));
      throw error;
    }
  },
  check,
});

export default [planted, mended];
