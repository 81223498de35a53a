/** `open`: from an address to a database. */
import type { Database, NetworkOptions, OpenOptions, SqliteOptions } from "./contract.ts";
import { DatabaseError } from "./errors.ts";
import { openNetwork } from "./network/open.ts";
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
  network: {
    max: 10,
    min: 0,
    shared: 2,
    sharedBudgetMs: 100,
    connectTimeoutMs: 5_000,
    idleTimeoutMs: 60_000,
    maxAgeMs: 1_800_000,
    checkAfterMs: 10_000,
    cancelTimeoutMs: 5_000,
  },
} as const satisfies Required<OpenOptions> & {
  readonly sqlite: Required<SqliteOptions>;
  readonly network: Required<NetworkOptions>;
};

/**
 * Opens a database. The caller owns it and closes it, best with `await using`.
 *
 * | Address | Database |
 * |---|---|
 * | `sqlite:data/conduit.db`, `sqlite:/srv/conduit.db`, `sqlite:///srv/conduit.db` | a file, made with mode 0600 if it is missing, and its folder with 0700 |
 * | `sqlite::memory:` | in memory, gone with the handle; it has one connection, and nothing runs inline |
 * | `postgres://user:password@host:5432/name` | a PostgreSQL server; `postgresql:` is the same |
 * | `mariadb://user:password@host:3306/name` | a MariaDB server |
 *
 * A server's address may name several hosts, `postgres://user@a,b:5433/name`, which are tried in order, and options:
 *
 * | Option | What it says |
 * |---|---|
 * | `sslmode` | `disable`, `verify-full`, or `no-verify`: encrypted, whoever it is. Default `verify-full`, and `disable` if all hosts are loopback addresses |
 * | `sslrootcert` | a file of certificates (PEM) to check the server's against, instead of the system's |
 * | `target_session_attrs` | `read-write` passes over servers that take no writes, `any` does not. Default `read-write` with several hosts |
 * | `socket` | the path of a Unix socket, instead of hosts |
 *
 * @throws DatabaseError `ERR_DB_URL` for another address, `ERR_DB_OPEN`, `ERR_DB_CORRUPT` for a file that is no database,
 *   `ERR_DB_ACCESS` and `ERR_DB_UNAVAILABLE` for a server that refuses or is not there;
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
  const { sqlite, network, ...common } = { ...DATABASE_DEFAULTS, ...defined(options) };
  if (scheme === "sqlite") {
    return openSqlite(url, { ...common, sqlite: { ...DATABASE_DEFAULTS.sqlite, ...defined(sqlite) } });
  }
  if (scheme === "postgres" || scheme === "postgresql" || scheme === "mariadb") {
    return openNetwork(url, { ...common, ...DATABASE_DEFAULTS.network, ...defined(network) });
  }
  // The address may hold a password: only its scheme is repeated.
  throw new DatabaseError(
    "ERR_DB_URL",
    `Cannot open a database: found ${scheme === undefined ? "an address without a scheme" : `"${scheme}:"`}, wanted "sqlite:<path>", "postgres://…" or "mariadb://…"`,
  );
}

/** An option that is undefined is one that was not given. */
function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
