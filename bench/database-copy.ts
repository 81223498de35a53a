/** Takes the rows of the benchmark's SQLite database to another one, whose tables Conduit has made: all read the same. */
import { DatabaseSync } from "node:sqlite";
import { run } from "lunet";
import { type Database, type Dialect, open, type Param } from "lunet/db";

/** In the order in which their rows may refer to each other. */
const TABLES = ["users", "tags", "articles", "article_tags", "favorites", "follows"] as const;
const ROWS_PER_INSERT = 500;
const ACCOUNTS = 1_000;

/** Has the database know what it holds, as it would find out by itself in time. */
const ANALYZE: Readonly<Record<Dialect, string>> = {
  sqlite: "analyze",
  postgres: "vacuum analyze",
  mariadb: `analyze table ${TABLES.join(", ")}`,
};

/** Copies every row of `file` to the database at `url`. */
export async function copyDatabase(file: string, url: string): Promise<void> {
  await run(async () => {
    using source = new DatabaseSync(file, { readOnly: true });
    await using target = await open(url);
    for (const table of TABLES) await copyTable(source, target, table);
    await target.exec(ANALYZE[target.dialect]);
  });
}

async function copyTable(source: DatabaseSync, target: Database, table: string): Promise<void> {
  const rows = source.prepare(`SELECT * FROM ${table}`).all();
  const columns = Object.keys(rows[0] ?? {});
  for (let first = 0; first < rows.length; first += ROWS_PER_INSERT) {
    const part = rows.slice(first, first + ROWS_PER_INSERT);
    await insert(
      target,
      table,
      columns,
      part.map((row) => columns.map((column) => row[column] as Param)),
    );
  }
}

async function insert(
  target: Database,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly Param[])[],
): Promise<void> {
  const places = `(${columns.map(() => "?").join(", ")})`;
  const values = rows.map(() => places).join(", ");
  await target.exec(`insert into ${table} (${columns.join(", ")}) values ${values}`, rows.flat());
}

/** Makes the accounts that the transactions read and write, so that the rows that are read otherwise stay as they are. */
export async function makeAccounts(url: string): Promise<void> {
  await run(async () => {
    await using database = await open(url);
    await database.exec("create table bench_accounts (id bigint primary key, balance bigint not null)");
    const rows = Array.from({ length: ACCOUNTS }, (_, index) => [index + 1, 0]);
    for (let first = 0; first < ACCOUNTS; first += ROWS_PER_INSERT) {
      await insert(database, "bench_accounts", ["id", "balance"], rows.slice(first, first + ROWS_PER_INSERT));
    }
  });
}
