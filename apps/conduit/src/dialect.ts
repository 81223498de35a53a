/** Where the three databases do not share one SQL text. Everything else in the application is common to them. */
import assert from "node:assert/strict";
import type { Dialect, Value } from "lunet/db";

/**
 * How often a transaction is run again when the database gave it up for another's sake. Two that write to the same article
 * or tags can wait for each other on PostgreSQL and MariaDB, however they are ordered.
 */
export const WRITE = { retry: 10 } as const;

/** The id that `INSERT … RETURNING id` gave; PostgreSQL has no other way to tell it. */
export function insertedId([row]: readonly (readonly Value[])[]): number {
  const id = row?.[0];
  assert(typeof id === "number", "Cannot read an inserted id: found no number");
  return id;
}

/**
 * An insert of one row that leaves a row that is there as it is. How many rows it affected does not tell which of both it
 * did: MariaDB counts a row that was there, too.
 *
 * @param columns All columns of the table; the first so many of them are its primary key, and nothing else is unique.
 */
export function insertOrKeep(
  dialect: Dialect,
  table: string,
  columns: readonly string[],
  keyLength = columns.length,
): string {
  const insert = `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
  const [first] = columns;
  return dialect === "mariadb"
    ? `${insert} ON DUPLICATE KEY UPDATE ${first} = ${first}`
    : `${insert} ON CONFLICT (${columns.slice(0, keyLength).join(", ")}) DO NOTHING`;
}

/**
 * Adds to the count of so many tags, which are made if they are not there, one after the other. Parameters: their names, each
 * with how much.
 */
export function countTags(dialect: Dialect, tags: number): string {
  const insert = `INSERT INTO tags (name, articles_count) VALUES ${Array(tags).fill("(?, ?)").join(", ")}`;
  return dialect === "mariadb"
    ? `${insert} ON DUPLICATE KEY UPDATE articles_count = articles_count + VALUES(articles_count)`
    : `${insert} ON CONFLICT (name) DO UPDATE SET articles_count = tags.articles_count + excluded.articles_count`;
}

/** Counts one article less for each of so many tags, one after the other by name. Parameters: their names. */
export function uncountTags(dialect: Dialect, tags: number): string {
  const update = "UPDATE tags SET articles_count = articles_count - 1 WHERE";
  const named = `name IN (${Array(tags).fill("?").join(", ")})`;
  // PostgreSQL takes the rows in the order in which they lie, and finds a deadlock when it has waited for a second. MariaDB
  // takes them in the order of the index, and finds one at once.
  return dialect === "postgres"
    ? `${update} id IN (SELECT id FROM tags WHERE ${named} ORDER BY name FOR NO KEY UPDATE)`
    : `${update} ${named}`;
}

/**
 * Holds an article's author and those who have favourited it, one after the other by their ids. Parameters: its id, and the
 * author's. PostgreSQL alone needs it, for the reason of `uncountTags`.
 */
export function holdUsers(dialect: Dialect): string | undefined {
  if (dialect !== "postgres") return undefined;
  return `SELECT COUNT(*) FROM (
      SELECT id FROM users WHERE id IN (SELECT user_id FROM favorites WHERE article_id = ? UNION SELECT CAST(? AS bigint))
      ORDER BY id FOR NO KEY UPDATE
    ) held`;
}

/** Counts one favourite less for each user who has favourited an article. Parameter: its id. */
export function uncountFavorites(dialect: Dialect): string {
  // MariaDB would look through all users, and hold them, for an IN with a SELECT.
  return dialect === "mariadb"
    ? `UPDATE favorites f JOIN users u ON u.id = f.user_id SET u.favorites_count = u.favorites_count - 1
        WHERE f.article_id = ?`
    : `UPDATE users SET favorites_count = favorites_count - 1
        WHERE id IN (SELECT user_id FROM favorites WHERE article_id = ?)`;
}

/**
 * Which part of a list is read: two parameters, how many rows and how many before them are left out. SQLite plans by the value
 * of a parameter that stands alone there, and would compile the statement again each time that one is bound: 10 µs, as
 * much as half of a list takes.
 */
export function limitAndOffset(dialect: Dialect): string {
  return dialect === "sqlite" ? "LIMIT ? + 0 OFFSET ? + 0" : "LIMIT ? OFFSET ?";
}

/** Ends a SELECT whose row the transaction goes on to change. SQLite has one writer, which holds everything. */
export function forUpdate(dialect: Dialect): string {
  return dialect === "sqlite" ? "" : " FOR UPDATE";
}
