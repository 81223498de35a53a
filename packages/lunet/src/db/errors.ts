/** The error of `lunet/db`, and the table of its codes. */
import { LunetError } from "../co/mod.ts";

/**
 * Whose fault an error is: the `program`'s (its SQL, its use of the interface, its address), the `data`'s that it was given, the
 * `load`'s (too much at once, or two who want the same), or the `database`'s (its server, its disk, the way to it).
 */
export type DatabaseFault = "program" | "data" | "load" | "database";

/**
 * Every code of `DatabaseError`: what it means, whose fault it is, and whether doing the same again can succeed
 * (`retryable`).
 *
 * The codes are the same for every database; `sqlState` has the database's own word.
 */
export const databaseErrors = {
  ERR_DB_URL: {
    meaning: "the address of the database is not one that lunet knows",
    fault: "program",
    retryable: false,
  },
  ERR_DB_OPEN: { meaning: "the database cannot be opened", fault: "database", retryable: false },
  ERR_DB_POOL_FULL: { meaning: "`maxWaiters` wait for a connection already", fault: "load", retryable: true },
  ERR_DB_ACQUIRE_TIMEOUT: {
    meaning: "no connection was free within `acquireTimeoutMs`",
    fault: "load",
    retryable: true,
  },
  ERR_DB_CLOSE_TIMEOUT: {
    meaning: "work was still running `closeTimeoutMs` after `close()`",
    fault: "load",
    retryable: false,
  },
  ERR_DB_CONNECTION_LOST: {
    meaning: "the connection broke while the statement ran; of a write it is unknown whether it was done",
    fault: "database",
    retryable: false,
  },
  ERR_DB_UNAVAILABLE: {
    meaning: "the server cannot be reached, or cannot serve now: it starts, stops, is full, or takes no writes",
    fault: "database",
    retryable: true,
  },
  ERR_DB_ACCESS: {
    meaning: "the server refused the user, the password, the database's name, TLS, or a right that the statement needs",
    fault: "program",
    retryable: false,
  },
  ERR_DB_SERIALIZATION: {
    meaning: "the transaction cannot stand beside another that was committed meanwhile; run it again as a whole",
    fault: "load",
    retryable: true,
  },
  ERR_DB_DEADLOCK: {
    meaning: "two transactions waited for each other, and the database gave this one up; run it again as a whole",
    fault: "load",
    retryable: true,
  },
  ERR_DB_STATEMENT_CANCELLED: {
    meaning: "the server ended the statement: its own time limit, or an administrator",
    fault: "database",
    retryable: false,
  },
  ERR_DB_UNIQUE: {
    meaning: "a unique constraint or a primary key has this value already",
    fault: "data",
    retryable: false,
  },
  ERR_DB_FOREIGN_KEY: {
    meaning: "a foreign key points to no row, or rows still point here",
    fault: "data",
    retryable: false,
  },
  ERR_DB_NOT_NULL: { meaning: "a column that must have a value got NULL", fault: "data", retryable: false },
  ERR_DB_CHECK: { meaning: "a check constraint is not met", fault: "data", retryable: false },
  ERR_DB_CONSTRAINT: {
    meaning: "another constraint is not met, one that a trigger raised among them",
    fault: "data",
    retryable: false,
  },
  ERR_DB_TYPE: { meaning: "a value has a type that the column does not take", fault: "data", retryable: false },
  ERR_DB_SYNTAX: {
    meaning: "the statement cannot be compiled: its grammar, or a name that is not there",
    fault: "program",
    retryable: false,
  },
  ERR_DB_MULTIPLE_STATEMENTS: { meaning: "the text has more than one statement", fault: "program", retryable: false },
  ERR_DB_TRANSACTION_STATEMENT: {
    meaning: "the text begins or ends a transaction; use transaction()",
    fault: "program",
    retryable: false,
  },
  ERR_DB_STATEMENT: {
    meaning: "the statement failed while it ran, as in an integer overflow",
    fault: "data",
    retryable: false,
  },
  ERR_DB_COLUMN_NAMES: {
    meaning: "two columns of a row have one name; name them apart, or use queryRows()",
    fault: "program",
    retryable: false,
  },
  ERR_DB_TOO_BIG: { meaning: "a text, a blob or a result is larger than its limit", fault: "data", retryable: false },
  ERR_DB_BUSY: { meaning: "another process held the lock for all of `busyTimeoutMs`", fault: "load", retryable: true },
  ERR_DB_READ_ONLY: {
    meaning: "a write on what was opened, or begun, for reading alone",
    fault: "program",
    retryable: false,
  },
  ERR_DB_FULL: {
    meaning: "the disk, or the database's own limit of pages, is full",
    fault: "database",
    retryable: false,
  },
  ERR_DB_CORRUPT: { meaning: "the file is damaged, or no database", fault: "database", retryable: false },
  ERR_DB_IO: { meaning: "the operating system failed to read or write", fault: "database", retryable: false },
  ERR_DB_OUT_OF_MEMORY: { meaning: "the database got no memory", fault: "database", retryable: true },
  ERR_DB_TRANSACTION_ENDED: { meaning: "a transaction was used after its end", fault: "program", retryable: false },
  ERR_DB_TRANSACTION_FAILED: {
    meaning: "a statement of the transaction failed before, and the database has given it up; use an inner transaction",
    fault: "program",
    retryable: false,
  },
  ERR_DB_TRANSACTION_BUSY: { meaning: "a transaction was used by two at once", fault: "program", retryable: false },
  ERR_DB_TRANSACTION_OPEN: {
    meaning: "the database was asked for what its open transaction keeps it from",
    fault: "program",
    retryable: false,
  },
  ERR_DB_ROLLBACK_FAILED: {
    meaning: "a transaction could not be rolled back; its connection was destroyed",
    fault: "database",
    retryable: false,
  },
  ERR_DB_END_TIMEOUT: {
    meaning: "a commit took longer than `endTimeoutMs`; it is unknown whether it was done",
    fault: "database",
    retryable: false,
  },
  ERR_DB_MIGRATION_NAME: {
    meaning: "a migration's file is not named like 0001-users.sql",
    fault: "program",
    retryable: false,
  },
  ERR_DB_MIGRATION_SEQUENCE: {
    meaning: "a migration's number is missing, or there twice",
    fault: "program",
    retryable: false,
  },
  ERR_DB_MIGRATION_MISSING: {
    meaning: "a migration that was applied is not among the files",
    fault: "program",
    retryable: false,
  },
  ERR_DB_MIGRATION_CHANGED: {
    meaning: "a migration was changed after it was applied",
    fault: "program",
    retryable: false,
  },
  ERR_DB_MIGRATION_FAILED: {
    meaning:
      "a migration's statement failed; nothing of the migration was kept (MariaDB: its statements before it were)",
    fault: "program",
    retryable: false,
  },
} as const satisfies Record<
  string,
  { readonly meaning: string; readonly fault: DatabaseFault; readonly retryable: boolean }
>;

/** One of the codes in `databaseErrors`. */
export type DatabaseErrorCode = keyof typeof databaseErrors;

/** What a `DatabaseError` carries beside its code. */
export interface DatabaseErrorDetails extends ErrorOptions {
  readonly constraint?: string | undefined;
  readonly sqlState?: string | undefined;
  readonly sql?: string | undefined;
  /** Where the one failure differs from what its code says in general. */
  readonly retryable?: boolean | undefined;
}

/**
 * A failure of a database. Match `code`; map `constraint` to what the user gave.
 *
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { DatabaseError, open } from "lunet/db";
 * await run(async () => {
 *   await using database = await open("sqlite::memory:");
 *   await database.exec("create table person (email text unique)");
 *   await database.exec("insert into person values (?)", ["a@example.org"]);
 *   try {
 *     await database.exec("insert into person values (?)", ["a@example.org"]);
 *   } catch (error) {
 *     if (!(error instanceof DatabaseError) || error.constraint !== "person.email") throw error;
 *     console.log("this address is taken");
 *   }
 * });
 * ```
 */
export class DatabaseError extends LunetError {
  declare readonly code: DatabaseErrorCode;
  /**
   * The constraint that was not met: `table.column`, with more columns as `table.a, table.b`; or the name of the index
   * or the check where the database gives that alone. Undefined for a foreign key in SQLite, which does not say.
   */
  readonly constraint: string | undefined;
  /** The database's own code: a SQLSTATE, or SQLite's extended result code by name, such as `SQLITE_IOERR_FSYNC`. */
  readonly sqlState: string | undefined;
  /** The statement, without its values. */
  readonly sql: string | undefined;
  /** Whose fault it is, as its code says. */
  readonly fault: DatabaseFault;
  /**
   * Whether doing the same again, unchanged, is safe and can succeed. A transaction is run again as a whole. Of a lost
   * connection it is true for what has certainly not been done: a read, or a transaction whose commit was not sent.
   */
  readonly retryable: boolean;

  constructor(code: DatabaseErrorCode, message: string, details: DatabaseErrorDetails = {}) {
    super(code, message, details.cause === undefined ? undefined : { cause: details.cause });
    this.constraint = details.constraint;
    this.sqlState = details.sqlState;
    this.sql = details.sql;
    this.fault = databaseErrors[code].fault;
    this.retryable = details.retryable ?? databaseErrors[code].retryable;
  }
}

/** How much of a statement stands in a message. */
const MAX_QUOTED_CHARACTERS = 120;

/** The statement for a message: on one line, and not all of a long one. */
export function quoteSql(sql: string): string {
  const line = sql
    .slice(0, MAX_QUOTED_CHARACTERS * 4)
    .replaceAll(/\s+/g, " ")
    .trim();
  return line.length > MAX_QUOTED_CHARACTERS ? `"${line.slice(0, MAX_QUOTED_CHARACTERS)}…"` : `"${line}"`;
}
