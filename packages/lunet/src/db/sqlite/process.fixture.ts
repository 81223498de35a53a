/**
 * What `processes.test.ts` runs in processes of their own: `node process.fixture.ts <job> <path> [<argument>]`.
 *
 * - `write`: writes for ever, and prints the name of each row when it is acknowledged.
 * - `count`: adds 1 to the counter, so many times.
 * - `migrate`: applies the migrations of a folder, and prints the names of those that it applied.
 */
import { runRoot, scope, spawn } from "../../co/mod.ts";
import { migrate, open, type Database } from "../mod.ts";

const WRITERS = 8;

const [job, path = "", argument = ""] = process.argv.slice(2);

const jobs: Record<string, (database: Database) => Promise<void>> = {
  write: async (database) => {
    await scope(() => {
      for (let writer = 0; writer < WRITERS; writer++) spawn(() => writeForEver(database, writer));
    });
  },
  count: async (database) => {
    for (let i = 0; i < Number(argument); i++) {
      await database.transaction(async (tx) => {
        const [row] = await tx.queryRows<[number]>("select n from counter");
        await tx.exec("update counter set n = ?", [(row?.[0] ?? NaN) + 1]);
      });
    }
  },
  migrate: async (database) => {
    for (const name of await migrate(database, argument)) process.stdout.write(`${name}\n`);
  },
};

async function writeForEver(database: Database, writer: number): Promise<never> {
  for (let i = 0; ; i++) {
    const name = `${writer}-${i}`;
    if (i % 2 === 0) {
      await database.exec("insert into t (name) values (?)", [name]);
    } else {
      await database.transaction(async (tx) => {
        await tx.exec("insert into t (name) values (?)", [name]);
        await tx.exec("insert into pair (name) values (?)", [name]);
      });
    }
    process.stdout.write(`${name}\n`);
  }
}

await runRoot(async () => {
  await using database = await open(`sqlite:${path}`);
  await jobs[job ?? ""]?.(database);
});
