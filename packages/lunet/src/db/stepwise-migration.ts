/**
 * Migrations where the schema is not part of a transaction: MariaDB commits before and after each statement that changes
 * it. So each statement is a step of its own, and how many of a migration's are done stands in a table; the next
 * attempt goes on after them. All of it runs on one connection, which holds a lock that every process knows.
 *
 * What is left open: a process that is killed between a statement and its record. The next attempt then runs this one
 * statement again, and says so when it fails.
 */
import { shield } from "../co/mod.ts";
import type { Queryable } from "./contract.ts";
import { DatabaseError } from "./errors.ts";
import {
  appliedSteps,
  CREATE_TABLE,
  HAS_TABLE,
  recordStep,
  type Step,
  stepFailed,
  toApply,
} from "./migration-steps.ts";
import { splitStatements } from "./sql-text.ts";

const CREATE_PROGRESS = `create table if not exists lunet_migration_progress (
  number integer primary key,
  sha256 char(64) not null,
  statements integer not null
)`;

const RECORD = "replace into lunet_migration_progress (number, sha256, statements) values (?, ?, ?)";

/** How long to wait for another process that migrates, in seconds. */
const LOCK_TIMEOUT_S = 60;
/** How long recording a statement may take when its coroutine is being cancelled, in milliseconds. */
const RECORD_TIMEOUT_MS = 10_000;

/** Applies what is missing, and gives the names. `connection` is one connection, outside a transaction. */
export async function migrateStepwise(connection: Queryable, steps: readonly Step[]): Promise<string[]> {
  await lock(connection);
  // An account that may not create tables can serve a database that is as it should be.
  if ((await connection.queryRows(HAS_TABLE.mariadb)).length === 0) await connection.exec(CREATE_TABLE);
  const applied: string[] = [];
  const missing = toApply(steps, await appliedSteps(connection));
  if (missing.length > 0) await connection.exec(CREATE_PROGRESS);
  for (const step of missing) {
    await apply(connection, step);
    applied.push(step.name);
  }
  return applied;
}

/** It is released with the connection. */
async function lock(connection: Queryable): Promise<void> {
  const [row] = await connection.queryRows("select get_lock(concat('lunet_migration.', database()), ?)", [
    LOCK_TIMEOUT_S,
  ]);
  if (row?.[0] === 1) return;
  throw new DatabaseError("ERR_DB_BUSY", `Cannot migrate: found another process at it for ${LOCK_TIMEOUT_S} s`);
}

async function apply(connection: Queryable, step: Step): Promise<void> {
  const statements = splitStatements(step.sql, "mariadb");
  let done = await doneBefore(connection, step);
  try {
    for (const { sql } of statements.slice(done)) {
      await connection.exec(sql);
      const progress = [step.number, step.sha256, done + 1];
      // Out of reach of cancels: a statement that is done and has no record is run again the next time, and fails.
      await shield(RECORD_TIMEOUT_MS, () => connection.exec(RECORD, progress));
      done++;
    }
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const kept = `; ${done} of its ${statements.length} statements are done and stay, and the next time it goes on after them`;
    throw stepFailed(step, statements[done]?.sql ?? "", error, kept);
  }
  await recordStep(connection, step);
  await connection.exec("delete from lunet_migration_progress where number = ?", [step.number]);
}

/** How many of a step's statements an attempt before has done. What they were must not have changed. */
async function doneBefore(connection: Queryable, { number, name, sha256 }: Step): Promise<number> {
  const sql = "select sha256, statements from lunet_migration_progress where number = ?";
  const [row] = await connection.queryRows<[string, number]>(sql, [number]);
  if (row === undefined) return 0;
  if (row[0] === sha256) return row[1];
  throw new DatabaseError(
    "ERR_DB_MIGRATION_CHANGED",
    `Cannot migrate: found "${name}" changed after ${row[1]} of its statements were done, wanted it as it was, SHA-256 ${row[0]}; mend what is there by hand, or undo the change`,
  );
}
