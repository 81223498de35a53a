/**
 * Migrations: a database's schema as numbered SQL files, each applied once, in order.
 *
 * The table `lunet_migration` says which were applied, with the SHA-256 of their text. A migration and its record are
 * one transaction, and the record is looked for again inside it: of two processes that start at once one applies, the
 * other finds it done.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "../fs/mod.ts";
import { wallMs } from "../host/clock.ts";
import type { Database, Migration, Queryable } from "./contract.ts";
import { DatabaseError, quoteSql } from "./errors.ts";
import { splitStatements } from "./sql-text.ts";

const CREATE_TABLE = `create table if not exists lunet_migration (
  number integer primary key,
  name text not null,
  sha256 text not null,
  applied_at text not null
)`;

const NAME = /^(\d{4})-[a-z0-9][a-z0-9_-]*\.sql$/;

/** A migration with what is kept of it. */
interface Step extends Migration {
  readonly number: number;
  readonly sha256: string;
}

/**
 * Brings a database to the state that the migrations describe.
 *
 * Files are named `0001-users.sql`, `0002-…` without gaps; others that do not end in `.sql` are left alone. A file has any
 * number of statements, none of which begins or ends a transaction. What was applied must not be changed: add a file.
 *
 * @param source A folder, or the migrations themselves.
 * @returns The names of those that were applied now.
 * @throws DatabaseError `ERR_DB_MIGRATION_NAME`, `_SEQUENCE`, `_MISSING` and `_CHANGED` before anything runs;
 *   `ERR_DB_MIGRATION_FAILED`, whose cause is the statement's failure: what came before it stays, it leaves nothing.
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
  // Creating it waits for the writer even if it is there, so it is looked for first.
  if (!(await hasTable(database))) await database.exec(CREATE_TABLE);
  const done = await appliedSteps(database);
  for (const [number, { name }] of done) {
    if (number > steps.length) {
      throw new DatabaseError(
        "ERR_DB_MIGRATION_MISSING",
        `Cannot migrate: found "${name}" applied to the database, wanted it among the files`,
      );
    }
  }
  for (const step of steps) checkUnchanged(step, done.get(step.number));
  const applied: string[] = [];
  for (const step of steps) {
    if (!done.has(step.number) && (await apply(database, step))) applied.push(step.name);
  }
  return applied;
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory);
  const migrations: Migration[] = [];
  for (const { name } of entries) {
    if (!name.endsWith(".sql")) continue;
    const bytes = await readFile(`${directory}/${name}`);
    migrations.push({ name, sql: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) });
  }
  return migrations;
}

function toSteps(migrations: readonly Migration[]): Step[] {
  const steps = migrations.map(({ name, sql }) => {
    const number = NAME.exec(name)?.[1];
    if (number === undefined) {
      throw new DatabaseError(
        "ERR_DB_MIGRATION_NAME",
        `Cannot migrate: found a file "${name}", wanted a name like "0001-users.sql"`,
      );
    }
    return { name, sql, number: Number(number), sha256: createHash("sha256").update(sql).digest("hex") };
  });
  steps.sort((a, b) => a.number - b.number);
  for (const [i, step] of steps.entries()) {
    if (step.number !== i + 1) {
      throw new DatabaseError(
        "ERR_DB_MIGRATION_SEQUENCE",
        `Cannot migrate: found "${step.name}" at place ${i + 1}, wanted numbers from 1 without gaps or repeats`,
      );
    }
  }
  return steps;
}

async function hasTable(database: Database): Promise<boolean> {
  const rows = await database.queryRows("select 1 from sqlite_schema where name = 'lunet_migration'");
  return rows.length > 0;
}

type Applied = ReadonlyMap<number, { readonly name: string; readonly sha256: string }>;

async function appliedSteps(queryable: Queryable): Promise<Applied> {
  const rows = await queryable.query<{ number: number; name: string; sha256: string }>(
    "select number, name, sha256 from lunet_migration order by number",
  );
  return new Map(rows.map((row) => [row.number, row]));
}

function checkUnchanged(step: Step, applied: { readonly name: string; readonly sha256: string } | undefined): void {
  if (applied === undefined || (applied.sha256 === step.sha256 && applied.name === step.name)) return;
  throw new DatabaseError(
    "ERR_DB_MIGRATION_CHANGED",
    `Cannot migrate: found "${step.name}" with SHA-256 ${step.sha256}, wanted "${applied.name}" with ${applied.sha256} as it was applied; undo the change and add a file`,
  );
}

/** Whether it was applied here, and not by another process meanwhile. */
async function apply(database: Database, step: Step): Promise<boolean> {
  return database.transaction(async (transaction) => {
    const meanwhile = (await appliedSteps(transaction)).get(step.number);
    if (meanwhile !== undefined) {
      checkUnchanged(step, meanwhile);
      return false;
    }
    let current = "";
    try {
      for (const { sql } of splitStatements(step.sql)) {
        current = sql;
        await transaction.exec(sql);
      }
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      const where = current === "" ? "" : ` at ${quoteSql(current)}`;
      throw new DatabaseError(
        "ERR_DB_MIGRATION_FAILED",
        `Cannot apply migration "${step.name}"${where}: ${error.message}`,
        { cause: error, sql: current },
      );
    }
    await transaction.exec("insert into lunet_migration (number, name, sha256, applied_at) values (?, ?, ?, ?)", [
      step.number,
      step.name,
      step.sha256,
      new Date(wallMs()).toISOString(),
    ]);
    return true;
  });
}
