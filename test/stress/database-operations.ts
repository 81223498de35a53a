/** Reads, writes and transactions on the run's database. */
import { scope, sleep, spawn, withDeadline } from "lunet";
import { migrate, type Database, type Queryable, type Transaction } from "lunet/db";
import type { Random } from "../fuzz/random.ts";
import { ACCOUNTS, check, IntendedError, TOTAL_BALANCE, type Operation, type World } from "./world.ts";

const SCHEMA = `
  create table account (id integer primary key, balance integer not null check (balance >= 0)) strict;
  create table note (id integer primary key, body text not null, mark text unique) strict;
`;

/** Makes the tables and the accounts. */
export async function fillDatabase(database: Database): Promise<void> {
  await migrate(database, [{ name: "0001-stress.sql", sql: SCHEMA }]);
  await database.transaction(async (tx) => {
    const insert = tx.prepare("insert into account values (?, ?)");
    for (let id = 1; id <= ACCOUNTS; id++) await insert.exec([id, TOTAL_BALANCE / ACCOUNTS]);
  });
}

/** That nothing was lost and nothing done by half: money was only moved, and every acknowledged note is there. */
export async function checkDatabase(world: World): Promise<void> {
  await checkTotal(world.database);
  const row = await world.database.queryOne<{ notes: number }>("select count(*) as notes from note");
  check(
    row?.notes === world.notes,
    () => `found ${row?.notes} notes, wanted the ${world.notes} that were acknowledged`,
  );
}

async function checkTotal(on: Queryable): Promise<void> {
  const row = await on.queryOne<{ total: number }>("select sum(balance) as total from account");
  check(row?.total === TOTAL_BALANCE, () => `found ${row?.total} in all accounts, wanted ${TOTAL_BALANCE}`);
}

async function move(tx: Transaction, random: Random): Promise<void> {
  const [from, to, amount] = [1 + random.below(ACCOUNTS), 1 + random.below(ACCOUNTS), random.below(3)];
  const row = await tx.queryOne<{ balance: number }>("select balance from account where id = ?", [from]);
  if ((row?.balance ?? 0) < amount) return;
  await tx.exec("update account set balance = balance - ? where id = ?", [amount, from]);
  await tx.exec("update account set balance = balance + ? where id = ?", [amount, to]);
}

/** Takes what nobody gives, so that the total is wrong until it is undone. */
async function spoil(tx: Transaction): Promise<void> {
  await tx.exec("update account set balance = balance + 1000");
}

export const databaseOperations: Readonly<Record<string, Operation>> = {
  async read({ database }, random) {
    const limit = 1 + random.below(ACCOUNTS);
    const rows = await database.query("select * from account order by id limit ?", [limit]);
    check(rows.length === limit, () => `found ${rows.length} rows, wanted ${limit}`);
  },

  async "read the total"({ database }) {
    await checkTotal(database);
  },

  async "prepared statement"({ database }, random) {
    const statement = database.prepare("select balance from account where id = ?");
    for (let round = 0; round < 3; round++) {
      const rows = await statement.queryRows([1 + random.below(ACCOUNTS)]);
      check(rows.length === 1, () => `found ${rows.length} rows, wanted 1`);
    }
  },

  async "reads at once"({ database }, random) {
    const count = 2 + random.below(4);
    await scope(async () => {
      for (let one = 0; one < count; one++) spawn(() => checkTotal(database));
    });
  },

  async write(world, random) {
    const { lastInsertId } = await world.database.exec("insert into note (body) values (?)", [
      `note ${random.below(9)}`,
    ]);
    world.notes++;
    if (random.below(2) === 0) return;
    const { affectedRows } = await world.database.exec("delete from note where id = ?", [lastInsertId ?? 0]);
    check(affectedRows === 1, () => `found ${affectedRows} deleted notes, wanted 1`);
    world.notes--;
  },

  async "write that is refused"(world) {
    const { database } = world;
    await world.mustFail(["ERR_DB_CHECK"], () => database.exec("update account set balance = -1 where id = 1"));
    await world.mustFail(["ERR_DB_NOT_NULL"], () => database.exec("insert into note (body) values (null)"));
    await world.mustFail(["ERR_DB_SYNTAX"], () => database.query("select * from nowhere"));
    await world.mustFail(["ERR_DB_UNIQUE"], () =>
      database.exec("insert into note (body, mark) values ('a', 'same'), ('b', 'same')"),
    );
  },

  async "write in a deadline"(world, random) {
    await world.mayFail(["ERR_DEADLINE"], () =>
      withDeadline(1 + random.below(3), async () => {
        // Done or not done, and then it says so: the count must come out.
        await world.database.exec("insert into note (body) values ('hurried')");
        world.notes++;
      }),
    );
  },

  async "slow read that is left"(world, random) {
    const slow = "with recursive n(i) as (select 1 union all select i + 1 from n where i < ?) select count(*) from n";
    await world.mayFail(["ERR_DEADLINE"], () =>
      withDeadline(1 + random.below(5), () => world.database.query(slow, [100_000 + random.below(200_000)])),
    );
  },

  async transaction({ database }, random) {
    await database.transaction(async (tx) => {
      await move(tx, random);
      await move(tx, random);
    });
  },

  async "transaction that is rolled back"(world, random) {
    await world.mustFail(["INTENDED"], () =>
      world.database.transaction(async (tx) => {
        await move(tx, random);
        await spoil(tx);
        throw new IntendedError("undo it");
      }),
    );
  },

  async savepoints(world, random) {
    const undone = [random.below(2) === 0, random.below(2) === 0];
    await world.database.transaction(async (tx) => {
      await move(tx, random);
      for (const isUndone of undone) {
        await world.mayFail(["INTENDED"], () =>
          tx.transaction(async (inner) => {
            await move(inner, random);
            await inner.transaction((innermost) => move(innermost, random));
            if (!isUndone) return;
            await spoil(inner);
            throw new IntendedError("undo the savepoint");
          }),
        );
      }
      await checkTotal(tx);
    });
  },

  async "transaction in a deadline"(world, random) {
    await world.mayFail(["ERR_DEADLINE"], () =>
      withDeadline(1 + random.below(5), () =>
        world.database.transaction(async (tx) => {
          await spoil(tx);
          await sleep(random.below(4));
          await tx.exec("update account set balance = balance - 1000");
        }),
      ),
    );
  },

  async "transaction that is cancelled"(world, random) {
    const turns = random.below(4);
    const worker = spawn(() =>
      world.database.transaction(async (tx) => {
        await spoil(tx);
        await tx.transaction((inner) => move(inner, random));
        await sleep(60_000);
      }),
    );
    for (let turn = 0; turn < turns; turn++) await sleep(0);
    worker.cancel();
    await world.mustFail(["ERR_COROUTINE_CANCELLED"], () => worker.join());
  },

  async "reading transaction"(world, random) {
    await world.database.transaction(
      async (tx) => {
        await checkTotal(tx);
        await sleep(random.below(3));
        await world.mustFail(["ERR_DB_READ_ONLY"], () => tx.exec("delete from note"));
        await checkTotal(tx);
      },
      { readOnly: true },
    );
  },
};
