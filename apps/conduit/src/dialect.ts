/** Where the three databases do not share one SQL text. Everything else in the application is common to them. */
import type { Dialect } from "lunet/db";

/**
 * An insert of one row that leaves a row that is there as it is, and then affects none.
 *
 * @param columns All columns of the table's primary key, and no others that are unique.
 */
export function insertOrKeep(dialect: Dialect, table: string, columns: readonly string[]): string {
  const insert = `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
  const [first] = columns;
  return dialect === "mariadb"
    ? `${insert} ON DUPLICATE KEY UPDATE ${first} = ${first}`
    : `${insert} ON CONFLICT (${columns.join(", ")}) DO NOTHING`;
}

/** Counts one article more for each of so many tags, which are made if they are not there. Parameters: their names. */
export function countTags(dialect: Dialect, tags: number): string {
  const insert = `INSERT INTO tags (name, articles_count) VALUES ${Array(tags).fill("(?, 1)").join(", ")}`;
  return dialect === "mariadb"
    ? `${insert} ON DUPLICATE KEY UPDATE articles_count = articles_count + 1`
    : `${insert} ON CONFLICT (name) DO UPDATE SET articles_count = tags.articles_count + 1`;
}

/** Ends a SELECT whose row the transaction goes on to change. SQLite has one writer, which holds everything. */
export function forUpdate(dialect: Dialect): string {
  return dialect === "sqlite" ? "" : " FOR UPDATE";
}
