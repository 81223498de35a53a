/** The steps of a migration: read from files, checked, and compared with what was applied. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "../fs/mod.ts";
import { wallMs } from "../host/clock.ts";
import type { Dialect, Migration, Queryable } from "./contract.ts";
import { DatabaseError, quoteSql } from "./errors.ts";

/** The table of what was applied. */
export const CREATE_TABLE = `create table if not exists lunet_migration (
  number integer primary key,
  name varchar(255) not null,
  sha256 char(64) not null,
  applied_at char(24) not null
)`;

/** Whether there is that table. */
export const HAS_TABLE: Readonly<Record<Dialect, string>> = {
  sqlite: "select 1 from sqlite_schema where name = 'lunet_migration'",
  postgres: "select 1 from pg_class where oid = to_regclass('lunet_migration')",
  mariadb: "select 1 from information_schema.tables where table_schema = database() and table_name = 'lunet_migration'",
};

const NAME = /^(\d{4})-[a-z0-9][a-z0-9_-]*\.sql$/;

/** A migration with what is kept of it. */
export interface Step extends Migration {
  readonly number: number;
  readonly sha256: string;
}

/** Reads a folder of migrations. */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory);
  const migrations: Migration[] = [];
  for (const { name } of entries) {
    if (!name.endsWith(".sql")) continue;
    const bytes = await readFile(`${directory}/${name}`);
    migrations.push({ name, sql: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) });
  }
  return migrations;
}

/** Puts migrations in order and checks their names. */
export function toSteps(migrations: readonly Migration[]): Step[] {
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

/** The steps that are to be applied, after all of them were compared with what was. */
export function toApply(steps: readonly Step[], done: Applied): Step[] {
  for (const [number, { name }] of done) {
    if (number > steps.length) {
      throw new DatabaseError(
        "ERR_DB_MIGRATION_MISSING",
        `Cannot migrate: found "${name}" applied to the database, wanted it among the files`,
      );
    }
  }
  for (const step of steps) checkUnchanged(step, done.get(step.number));
  return steps.filter((step) => !done.has(step.number));
}

/** What was applied, by number. */
export type Applied = ReadonlyMap<number, { readonly name: string; readonly sha256: string }>;

/** Reads what was applied. */
export async function appliedSteps(queryable: Queryable): Promise<Applied> {
  const rows = await queryable.query<{ number: number; name: string; sha256: string }>(
    "select number, name, sha256 from lunet_migration order by number",
  );
  return new Map(rows.map((row) => [row.number, row]));
}

/** Throws when a step is not what was applied under its number. */
export function checkUnchanged(
  step: Step,
  applied: { readonly name: string; readonly sha256: string } | undefined,
): void {
  if (applied === undefined || (applied.sha256 === step.sha256 && applied.name === step.name)) return;
  throw new DatabaseError(
    "ERR_DB_MIGRATION_CHANGED",
    `Cannot migrate: found "${step.name}" with SHA-256 ${step.sha256}, wanted "${applied.name}" with ${applied.sha256} as it was applied; undo the change and add a file`,
  );
}

/** Writes down that a step was applied. */
export async function recordStep(queryable: Queryable, step: Step): Promise<void> {
  await queryable.exec("insert into lunet_migration (number, name, sha256, applied_at) values (?, ?, ?, ?)", [
    step.number,
    step.name,
    step.sha256,
    new Date(wallMs()).toISOString(),
  ]);
}

/** The failure of a step at one of its statements, `sql`; empty when it had not come to one. */
export function stepFailed(step: Step, sql: string, error: DatabaseError, kept: string): DatabaseError {
  const where = sql === "" ? "" : ` at ${quoteSql(sql)}`;
  return new DatabaseError(
    "ERR_DB_MIGRATION_FAILED",
    `Cannot apply migration "${step.name}"${where}: ${error.message}${kept}`,
    { cause: error, sql },
  );
}
