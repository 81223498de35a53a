/** `open`: from an address to a database. */
import type { Database, OpenOptions, SqliteOptions } from "./contract.ts";
import { DatabaseError } from "./errors.ts";
import { openSqlite } from "./sqlite/open.ts";

/** What is in force where `OpenOptions` says nothing. */
export const DATABASE_DEFAULTS = {
  readOnly: false,
  acquireTimeoutMs: 5_000,
  maxWaiters: 1_000,
  endTimeoutMs: 10_000,
  closeTimeoutMs: 10_000,
  statementCacheSize: 256,
  maxRows: 100_000,
  sqlite: {
    synchronous: "full",
    busyTimeoutMs: 5_000,
    readers: 2,
    inlineBudgetMs: 5,
    maxGroupSize: 64,
    cacheKiB: 16_384,
  },
} as const satisfies Required<OpenOptions> & { readonly sqlite: Required<SqliteOptions> };

/**
 * Opens a database. The caller owns it and closes it, best with `await using`.
 *
 * | Address | Database |
 * |---|---|
 * | `sqlite:data/conduit.db`, `sqlite:/srv/conduit.db`, `sqlite:///srv/conduit.db` | a file, made with mode 0600 if it is missing, and its folder with 0700 |
 * | `sqlite::memory:` | in memory, gone with the handle; it has one connection, and nothing runs inline |
 *
 * @throws DatabaseError `ERR_DB_URL` for another address, `ERR_DB_OPEN`, `ERR_DB_CORRUPT` for a file that is no database;
 *   TypeError or RangeError for options that make no sense; NotInCoroutineError outside a coroutine.
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { open } from "lunet/db";
 * await run(async () => {
 *   await using database = await open("sqlite::memory:");
 *   console.log(await database.queryOne("select sqlite_version() as version"));
 * });
 * ```
 */
export async function open(url: string, options: OpenOptions = {}): Promise<Database> {
  if (typeof url !== "string") throw new TypeError(`Cannot open a database: found ${typeof url}, wanted an address`);
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === "sqlite")
    return openSqlite(url, { ...DATABASE_DEFAULTS, ...defined(options), sqlite: sqliteOptions(options) });
  // The address may hold a password: only its scheme is repeated.
  throw new DatabaseError(
    "ERR_DB_URL",
    `Cannot open a database: found ${scheme === undefined ? "an address without a scheme" : `"${scheme}:"`}, wanted "sqlite:<path>"`,
  );
}

function sqliteOptions(options: OpenOptions): Required<SqliteOptions> {
  return { ...DATABASE_DEFAULTS.sqlite, ...defined(options.sqlite ?? {}) };
}

/** An option that is undefined is one that was not given. */
function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
