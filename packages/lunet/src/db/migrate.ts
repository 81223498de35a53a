/**
 * Migrations: a database's schema as numbered SQL files, each applied once, in order.
 *
 * The table `lunet_migration` says which were applied, with the SHA-256 of their text. A migration and its record are
 * one transaction, and the record is looked for again inside it, under a lock that all processes know: of two that start at once
 * one applies, the other finds it done. MariaDB commits at each statement that changes the schema, so there a
 * migration is done statement by statement (`stepwise-migration.ts`).
 */
import type { Database, Migration } from "./contract.ts";
import { DatabaseError } from "./errors.ts";
import {
  appliedSteps,
  checkUnchanged,
  CREATE_TABLE,
  HAS_TABLE,
  readMigrations,
  recordStep,
  type Step,
  stepFailed,
  toApply,
  toSteps,
} from "./migration-steps.ts";
import { NetworkDatabase } from "./network/database.ts";
import { splitStatements } from "./sql-text.ts";
import { migrateStepwise } from "./stepwise-migration.ts";

/** PostgreSQL's lock for migrations of a database, held until its transaction ends; the number is lunet's own. */
const POSTGRES_LOCK = "select pg_advisory_xact_lock(7810754531)";

/**
 * Brings a database to the state that the migrations describe.
 *
 * Files are named `0001-users.sql`, `0002-…` without gaps; others that do not end in `.sql` are left alone. A file has any
 * number of statements, none of which begins or ends a transaction. What was applied must not be changed: add a file.
 *
 * @param source A folder, or the migrations themselves.
 * @returns The names of those that were applied now.
 * @throws DatabaseError `ERR_DB_MIGRATION_NAME`, `_SEQUENCE`, `_MISSING` and `_CHANGED` before anything runs;
 *   `ERR_DB_MIGRATION_FAILED`, whose cause is the statement's failure: the migrations before it stay, it leaves nothing; in
 *   MariaDB its statements before the failed one stay too, and the next time it goes on after them.
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { migrate, open } from "lunet/db";
 * await run(async () => {
 *   await using database = await open("sqlite::memory:");
 *   await migrate(database, [{ name: "0001-note.sql", sql: "create table note (id integer primary key, text text)" }]);
 * });
 * ```
 */
export async function migrate(database: Database, source: string | readonly Migration[]): Promise<string[]> {
  const steps = toSteps(typeof source === "string" ? await readMigrations(source) : source);
  if (database instanceof NetworkDatabase && database.dialect === "mariadb") {
    return database.runOnOneConnection((connection) => migrateStepwise(connection, steps));
  }
  await makeTable(database);
  const missing = toApply(steps, await appliedSteps(database));
  const applied: string[] = [];
  for (const step of missing) if (await apply(database, step)) applied.push(step.name);
  return applied;
}

/** Creating it waits for the writer even if it is there, so it is looked for first. */
async function makeTable(database: Database): Promise<void> {
  if ((await database.queryRows(HAS_TABLE[database.dialect])).length > 0) return;
  if (database.dialect !== "postgres") return void (await database.exec(CREATE_TABLE));
  // Two that create a table at once are not kept apart by `if not exists`.
  await database.transaction(async (transaction) => {
    await transaction.queryRows(POSTGRES_LOCK);
    await transaction.exec(CREATE_TABLE);
  });
}

/** Whether it was applied here, and not by another process meanwhile. */
async function apply(database: Database, step: Step): Promise<boolean> {
  return database.transaction(async (transaction) => {
    if (database.dialect === "postgres") await transaction.queryRows(POSTGRES_LOCK);
    const meanwhile = (await appliedSteps(transaction)).get(step.number);
    if (meanwhile !== undefined) {
      checkUnchanged(step, meanwhile);
      return false;
    }
    let current = "";
    try {
      for (const { sql } of splitStatements(step.sql, database.dialect)) {
        current = sql;
        await transaction.exec(sql);
      }
    } catch (error) {
      throw error instanceof DatabaseError ? stepFailed(step, current, error, "") : error;
    }
    await recordStep(transaction, step);
    return true;
  });
}
