/**
 * The contract of `lunet/db`: what a program sees of a database, whichever it is.
 *
 * Rules that every driver keeps:
 * - SQL is one statement with `?` for each parameter, in every dialect. Values are bound, never written into the text.
 * - Everything that waits is called in a coroutine, is cancelled with it, and waits no longer than its deadline.
 * - A cancelled read stops waiting at once. A cancelled write outside a transaction is either not done, and then
 *   `Cancelled` is thrown, or done, and then its result is given: never half, never unknown.
 *   What the server itself does in steps that are each committed is the exception: a procedure, a table without transactions.
 * - What was committed and acknowledged is seen by every read that begins later.
 */

/**
 * A value that can be bound: text, a number that is finite, an integer of up to 64 bits, a truth value (stored as 1 and 0
 * where the database has no type for it), bytes, a point in time, or NULL. Anything else, `undefined` among them, is a
 * `TypeError` before anything runs.
 *
 * A `Date` of the years 0 to 9999 is bound in UTC with its milliseconds, in the text that the database's own type for times takes;
 * SQLite, which has none, stores `2026-01-31T12:00:00.000Z`. What is read is such a text (`Value`), so `new Date(text)`
 * goes back in.
 */
export type Param = string | number | bigint | boolean | null | Uint8Array | Date;

/**
 * A value that was read. Integers between -(2^53 - 1) and 2^53 - 1 are numbers, others are bigints: none is rounded.
 * Decimals are text, as the database writes them. Points in time are text in UTC with milliseconds,
 * `2026-01-31T12:00:00.000Z`; what has no time of day is `2026-01-31`. SQLite and MariaDB give truth values as 1 and 0.
 */
export type Value = string | number | bigint | boolean | null | Uint8Array;

/** A row as an object, by column name. */
export type Row = { [column: string]: Value };

/** What a statement changed. */
export interface ExecResult {
  /** How many rows were inserted, updated or deleted; 0 for any other statement. */
  readonly affectedRows: number;
  /**
   * The key that the database gave to the row of an `insert`; undefined for any other statement. Of an insert of several
   * rows SQLite tells the last one and MariaDB the first; PostgreSQL tells none. `returning` tells all, everywhere, also for an
   * upsert, which does not set this anew when it updates.
   */
  readonly lastInsertId: number | bigint | undefined;
}

/** What statements can be run on: a database, or a transaction. */
export interface Queryable {
  /**
   * Runs one statement and gives its rows as objects, each a plain object of its own.
   *
   * @param sql One statement. `?` stands for a parameter; `?1` and `:name` are refused.
   * @param params One value for each `?`, in order.
   * @throws TypeError or RangeError for parameters that do not fit, before anything runs; DatabaseError; Cancelled;
   *   ClosedError (`ERR_CLOSED`) after `close()`.
   * @example
   * ```ts
   * import { run } from "lunet";
   * import { open } from "lunet/db";
   * await run(async () => {
   *   await using database = await open("sqlite::memory:");
   *   const rows = await database.query<{ answer: number }>("select ? as answer", [42]);
   *   console.log(rows[0]?.answer);
   * });
   * ```
   */
  query<R extends object = Row>(sql: string, params?: readonly Param[]): Promise<R[]>;
  /** As `query`, with each row as an array in the order of the columns: the fast one. */
  queryRows<R extends readonly unknown[] = Value[]>(sql: string, params?: readonly Param[]): Promise<R[]>;
  /** As `query`, with the first row alone, or undefined. Write `limit 1` unless the statement gives at most one row. */
  queryOne<R extends object = Row>(sql: string, params?: readonly Param[]): Promise<R | undefined>;
  /**
   * Runs one statement for its effect. Rows, if it gives any, are dropped. Outside of a transaction, one that the database gave up
   * for another's sake (a deadlock, a serialization failure) has done nothing and is run again, up to ten times.
   */
  exec(sql: string, params?: readonly Param[]): Promise<ExecResult>;
  /**
   * Gives a handle of one statement, for code that runs it often. It is checked here, compiled at its first run, and belongs to
   * what it was prepared on: it ends with it and needs no closing. The same text gives the same handle.
   *
   * @throws DatabaseError (`ERR_DB_MULTIPLE_STATEMENTS`, `ERR_DB_SYNTAX`) for a text that can be seen to be wrong.
   */
  prepare(sql: string): Statement;
}

/** One statement of a database or a transaction. Its methods are those of `Queryable`, without the text. */
export interface Statement {
  readonly sql: string;
  query<R extends object = Row>(params?: readonly Param[]): Promise<R[]>;
  queryRows<R extends readonly unknown[] = Value[]>(params?: readonly Param[]): Promise<R[]>;
  queryOne<R extends object = Row>(params?: readonly Param[]): Promise<R | undefined>;
  exec(params?: readonly Param[]): Promise<ExecResult>;
}

/** How a transaction begins. */
export interface TransactionOptions {
  /**
   * Nothing is written: every statement sees the database as it was at the first one. It waits for no writer and no
   * writer waits for it. A write is refused (`ERR_DB_READ_ONLY`). Default false.
   */
  readonly readOnly?: boolean;
  /**
   * What it may see of others. Default `"read committed"`; `"repeatable read"` with `readOnly`. SQLite has one writer and is
   * always serializable.
   */
  readonly isolation?: Isolation;
  /**
   * How many times it is run again, from the beginning, when the database gave it up for another transaction's sake
   * (`ERR_DB_SERIALIZATION`, `ERR_DB_DEADLOCK`), and for no other reason. Between runs it waits at random, at most 10 ms the first
   * time and twice as long each further time, up to 500 ms. The body must have no effect outside the transaction. 0 to
   * 100, default 0.
   */
  readonly retry?: number;
}

/** Isolation levels of SQL-92; `read uncommitted` is left out. */
export type Isolation = "read committed" | "repeatable read" | "serializable";

/**
 * An open transaction. It lives as long as the body that it was given to; afterwards every use throws
 * `ERR_DB_TRANSACTION_ENDED`. One statement runs at a time: a second one meanwhile, or the outer handle while an inner
 * transaction is open, throws `ERR_DB_TRANSACTION_BUSY`, which names both.
 */
export interface Transaction extends Queryable {
  readonly readOnly: boolean;
  /** Runs `body` in a savepoint: what it threw undoes what it did, and the outer transaction goes on if it is caught. */
  transaction<T>(body: (inner: Transaction) => Promise<T>): Promise<T>;
}

/** Which database stands behind a `Database`: for the few statements that are not the same for all. */
export type Dialect = "sqlite" | "postgres" | "mariadb";

/** An open database with its connections. Close it, or hold it with `await using`. */
export interface Database extends Queryable, AsyncDisposable {
  readonly dialect: Dialect;
  /**
   * A number that is another one after every commit, whichever process made it: what was made from the database stays
   * good while it is the same. Read it before what is kept. It does not wait and costs about two microseconds.
   *
   * @returns Undefined where it is not to be had so cheaply: then nothing can be kept. Numbers of two databases, or of
   *   two processes, do not compare.
   * @throws ClosedError after `close()`.
   */
  dataVersion(): number | undefined;
  /**
   * Runs `body` in a transaction. It is committed when the body returns and everything that the body spawned has ended; it
   * is rolled back when the body throws or is cancelled, and what the body threw is thrown.
   *
   * Ending it is not reached by cancels and has a budget of its own (`OpenOptions.endTimeoutMs`). Use the handle, not
   * the database, inside the body: a write on the database would wait for this very transaction, and on a database behind a
   * network any statement would want a second connection while it keeps one, so it is refused (`ERR_DB_TRANSACTION_OPEN`).
   *
   * @throws What the body threw; DatabaseError, with `retryable` true where running the body again can succeed.
   * @example
   * ```ts
   * import { run } from "lunet";
   * import { open } from "lunet/db";
   * await run(async () => {
   *   await using database = await open("sqlite::memory:");
   *   await database.exec("create table account (id integer primary key, balance integer not null)");
   *   await database.exec("insert into account values (1, 100), (2, 0)");
   *   await database.transaction(async (tx) => {
   *     await tx.exec("update account set balance = balance - ? where id = ?", [10, 1]);
   *     await tx.exec("update account set balance = balance + ? where id = ?", [10, 2]);
   *   });
   * });
   * ```
   */
  transaction<T>(body: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Closes the database: new calls throw `ClosedError`, what is running or waiting ends first, for
   * `OpenOptions.closeTimeoutMs` at most. A second call waits for the same end.
   *
   * @throws DatabaseError `ERR_DB_CLOSE_TIMEOUT` when work was still running then; it was abandoned.
   */
  close(): Promise<void>;
}

/** How a database is opened. Every limit has a default (`DATABASE_DEFAULTS`). */
export interface OpenOptions {
  /** Open an existing database for reading alone. Default false. */
  readonly readOnly?: boolean;
  /**
   * How long a statement or a transaction may wait for a connection, in milliseconds; `Infinity` for no limit. Past it
   * `ERR_DB_ACQUIRE_TIMEOUT`. The deadline of the coroutine counts as well. Default 5,000.
   */
  readonly acquireTimeoutMs?: number;
  /**
   * How many may wait for a connection at once, those among them that wait for one to be opened; at least 1. One more is
   * refused at once with `ERR_DB_POOL_FULL`. Default 1,000.
   */
  readonly maxWaiters?: number;
  /**
   * How long committing or rolling back a transaction may take when its coroutine is being cancelled, in
   * milliseconds. Past it the connection is destroyed, which rolls back. Default 10,000.
   */
  readonly endTimeoutMs?: number;
  /** How long `close()` waits for running work, in milliseconds. Default 10,000. */
  readonly closeTimeoutMs?: number;
  /** How many compiled statements are kept for each connection. Default 256. */
  readonly statementCacheSize?: number;
  /**
   * The most rows that one statement may give. Past it `ERR_DB_TOO_BIG`; what writes has been done then in PostgreSQL and
   * MariaDB, unless its transaction is rolled back. Default 100,000.
   */
  readonly maxRows?: number;
  /** For SQLite alone. */
  readonly sqlite?: SqliteOptions;
  /** For PostgreSQL and MariaDB alone. */
  readonly network?: NetworkOptions;
}

/** What only databases behind a network have: their connections. */
export interface NetworkOptions {
  /** The most connections that one coroutine has for itself at a time. 1 to 1,000, default 10. */
  readonly max?: number;
  /** How many of these are kept although nobody needs them. 0 to `max`, default 0. */
  readonly min?: number;
  /**
   * How many more connections run the quick reads of everybody, one behind the other without waiting for answers
   * (pipelining). 0 to 16; 0 gives each statement a connection for itself. Default 2.
   */
  readonly shared?: number;
  /**
   * How long a read may take to be run on a shared connection, in milliseconds. A statement whose last runs were well below it
   * is; one run beyond it sends it back. Default 100.
   */
  readonly sharedBudgetMs?: number;
  /** How long opening a connection may take, in milliseconds, for all hosts together. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** How long a connection may be idle before it is closed, in milliseconds. Default 60,000. */
  readonly idleTimeoutMs?: number;
  /** How old a connection gets, in milliseconds; it is closed when it is next idle. Default 1,800,000, half an hour. */
  readonly maxAgeMs?: number;
  /** After how long an idle connection is asked whether it is alive before it is used, in milliseconds. Default 10,000. */
  readonly checkAfterMs?: number;
  /**
   * How long the server may take to confirm that a cancelled statement has ended, in milliseconds. Past it the connection is
   * destroyed. Default 5,000.
   */
  readonly cancelTimeoutMs?: number;
}

/** What only SQLite has. */
export interface SqliteOptions {
  /**
   * `"full"`: a commit is on the disk before it is acknowledged. `"normal"`: a commit survives the end of the process,
   * not a power failure; writes cost a third. Default `"full"`.
   */
  readonly synchronous?: "full" | "normal";
  /** How long a write waits for another process that writes, in milliseconds. Past it `ERR_DB_BUSY`. Default 5,000. */
  readonly busyTimeoutMs?: number;
  /** How many threads run the reads that are not known to be quick. 1 to 16, default 2. */
  readonly readers?: number;
  /**
   * How long a read may hold up the event loop, in milliseconds. A statement whose last runs in a reader's thread were
   * all well below it runs on the event loop's own connection, which is many times cheaper; one run beyond it sends it
   * back. 0 runs everything in threads. Default 5.
   */
  readonly inlineBudgetMs?: number;
  /** How many writes that wait together share one commit. 1 switches it off. Default 64. */
  readonly maxGroupSize?: number;
  /** Page cache of each connection, in KiB. Default 16,384. */
  readonly cacheKiB?: number;
}

/** One step of a database's schema. */
export interface Migration {
  /** The file's name: `0001-users.sql`. Its number is its place. */
  readonly name: string;
  /** Any number of statements. */
  readonly sql: string;
}
