/**
 * One connection of node:sqlite, used by one thread: the event loop's own, or a worker's. Every call is synchronous.
 *
 * Rules it keeps:
 * - A statement is compiled once and kept, up to `statementCacheSize`.
 * - An integer is never rounded: one that a number cannot hold comes out as a bigint.
 * - No statement is left half-read, because an open read would keep its snapshot, and the log could not shrink.
 * - `transaction` says what the caller expects. When SQLite has rolled back by itself (a full disk, RAISE(ROLLBACK)),
 *   what would have been a part of the transaction must not run on its own.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { monotonicMs } from "../../host/clock.ts";
import { BoundedCache } from "../bounded-cache.ts";
import type { ExecResult } from "../contract.ts";
import type { SqliteValue } from "../parameters.ts";
import type { SqlText } from "../sql-text.ts";
import { RunMeter } from "./run-meter.ts";

/** How a connection is opened. It crosses to a worker, so it is plain data. */
export interface ConnectionOptions {
  /** An absolute path, or `:memory:`. */
  readonly path: string;
  /** `inline` reads on the event loop's thread, what is known to be quick and small. */
  readonly role: "writer" | "reader" | "inline";
  readonly synchronous: "full" | "normal";
  /** How long SQLite may sleep for a lock while the connection is opened, and a reader at any time. */
  readonly busyTimeoutMs: number;
  readonly cacheKiB: number;
  readonly statementCacheSize: number;
  readonly maxRows: number;
}

/** The rows of a statement. */
export interface ResultRows {
  readonly columns: readonly string[];
  readonly rows: unknown[][];
  /** How long the statement ran. */
  readonly elapsedMs: number;
  /** How long it held its thread: not while another program had the core. */
  readonly heldMs: number;
}

/** The log of a write-ahead database is cut back to this after a checkpoint. */
const JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024;

/** A statement gave more rows than `maxRows`. */
export class TooManyRows extends Error {
  readonly code = "TOO_MANY_ROWS";
}

/** SQLite ended the transaction by itself. */
export class TransactionLost extends Error {
  readonly code = "TRANSACTION_LOST";
}

/** The file does not take a write-ahead log, as on a network file system. */
export class NoWriteAheadLog extends Error {
  readonly code = "NO_WRITE_AHEAD_LOG";
}

/** A statement that SQLite would not compile. `cause` is its error. */
export class CompileError extends Error {
  readonly code = "COMPILE_ERROR";
}

interface Compiled {
  readonly statement: StatementSync;
  columns: readonly string[] | undefined;
  /** Integers are read as bigints and made numbers here. Reads begin without, because few have any need for it. */
  bigints: boolean;
}

/** An SQLite connection with its compiled statements. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #statements: BoundedCache<string, Compiled>;
  readonly #options: ConnectionOptions;
  readonly #meter = new RunMeter();
  #dataVersion: StatementSync | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#statements = new BoundedCache(options.statementCacheSize);
    const database = new DatabaseSync(options.path, {
      readOnly: options.role !== "writer",
      timeout: options.busyTimeoutMs,
      enableForeignKeyConstraints: true,
    });
    this.#database = database;
    try {
      database.exec(`pragma cache_size = -${options.cacheKiB}`);
      if (options.role === "writer") this.#prepareForWriting();
      // The header is read here, so that a file that is no database is found now and not at the first statement.
      else database.exec("pragma schema_version");
      // A writer that sleeps in SQLite can be reached by no cancel, and the event loop must not sleep: both wait outside.
      if (options.role !== "reader") database.exec("pragma busy_timeout = 0");
    } catch (error) {
      database.close();
      throw error;
    }
  }

  #prepareForWriting(): void {
    const { path, synchronous } = this.#options;
    const mode = this.#database.prepare("pragma journal_mode = wal").get()?.["journal_mode"];
    if (mode !== "wal" && path !== ":memory:") throw new NoWriteAheadLog(`journal_mode is "${String(mode)}"`);
    this.#database.exec(`pragma synchronous = ${synchronous}; pragma journal_size_limit = ${JOURNAL_LIMIT_BYTES}`);
  }

  /** A number that changes with each commit of another connection (SQLite's `data_version`). */
  dataVersion(): number {
    this.#dataVersion ??= this.#database.prepare("pragma data_version");
    return Number(this.#dataVersion.get()?.["data_version"]);
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  /** Runs a statement and gives its rows. */
  rows(text: SqlText, params: readonly SqliteValue[], transaction: boolean): ResultRows {
    if (transaction) this.expectTransaction();
    const compiled = this.#compile(text);
    const start = monotonicMs();
    this.#meter.begin(start);
    const rows = this.#read(compiled, text, params);
    const elapsedMs = monotonicMs() - start;
    const heldMs = this.#meter.heldMs(elapsedMs);
    return { columns: this.#columns(compiled, rows), rows, elapsedMs, heldMs };
  }

  #read(compiled: Compiled, text: SqlText, params: readonly SqliteValue[]): unknown[][] {
    if (!compiled.bigints) {
      try {
        return this.#all(compiled, params);
      } catch (error) {
        if (text.kind !== "read" || !isOutOfRange(error)) throw error;
        compiled.bigints = true;
        compiled.statement.setReadBigInts(true);
      }
    }
    const rows = this.#all(compiled, params);
    for (const row of rows) {
      for (let i = 0; i < row.length; i++) {
        const value = row[i];
        if (typeof value === "bigint") row[i] = narrow(value);
      }
    }
    return rows;
  }

  #all({ statement }: Compiled, params: readonly SqliteValue[]): unknown[][] {
    const { maxRows, role } = this.#options;
    if (role === "inline") {
      const rows = statement.all(...params) as unknown as unknown[][];
      if (rows.length > maxRows) throw new TooManyRows(`more than ${maxRows} rows`);
      return rows;
    }
    const rows: unknown[][] = [];
    // SQLite is asked row by row, so that a result without end stops at the limit and not at the end of the memory.
    const iterator = statement.iterate(...params);
    try {
      for (const row of iterator) {
        if (rows.length === maxRows) throw new TooManyRows(`more than ${maxRows} rows`);
        rows.push(row as unknown as unknown[]);
      }
    } catch (error) {
      // node:sqlite resets what failed in all(), get() and run(), and not in an iterator: its next run would throw this error
      // again, and one that found the file locked would keep the transaction from being committed.
      iterator.return?.();
      throw error;
    }
    return rows;
  }

  /** Runs a statement for its effect. */
  exec(text: SqlText, params: readonly SqliteValue[], transaction: boolean): ExecResult {
    if (transaction) this.expectTransaction();
    const { changes, lastInsertRowid } = this.#compile(text).statement.run(...params);
    // SQLite keeps both numbers from the last statement that had them.
    const affectedRows = text.kind === "insert" || text.kind === "change" ? Number(changes) : 0;
    const inserted = text.kind === "insert" && affectedRows > 0;
    return { affectedRows, lastInsertId: inserted ? narrow(BigInt(lastInsertRowid)) : undefined };
  }

  /** Runs a statement of lunet's own, such as BEGIN IMMEDIATE. */
  control(sql: string, transaction: boolean): void {
    if (transaction) this.expectTransaction();
    this.#compile({ sql, kind: "other" }).statement.run();
  }

  /** Forgets the names of columns, which a change of the schema may have changed. */
  forgetColumns(): void {
    for (const compiled of this.#statements.values()) compiled.columns = undefined;
  }

  close(): void {
    this.#statements.clear();
    try {
      if (this.#options.role === "writer") this.#database.exec("pragma optimize");
    } catch (error) {
      // Statistics can be gathered another time; another process has the lock now.
      if (!isLocked(error)) throw error;
    } finally {
      this.#database.close();
    }
  }

  /** Throws when there is no transaction any more. */
  expectTransaction(): void {
    if (!this.#database.isTransaction) throw new TransactionLost("SQLite rolled the transaction back");
  }

  #compile(text: Pick<SqlText, "sql" | "kind">): Compiled {
    const known = this.#statements.get(text.sql);
    if (known !== undefined) return known;
    let statement: StatementSync;
    try {
      statement = this.#database.prepare(text.sql);
    } catch (error) {
      throw isLocked(error) ? error : new CompileError("not compiled", { cause: error });
    }
    statement.setReturnArrays(true);
    const bigints = text.kind !== "read";
    // What has an effect runs once: it cannot be read again with bigints.
    if (bigints) statement.setReadBigInts(true);
    const compiled: Compiled = { statement, columns: undefined, bigints };
    this.#statements.set(text.sql, compiled);
    return compiled;
  }

  #columns(compiled: Compiled, rows: unknown[][]): readonly string[] {
    const width = rows[0]?.length;
    const known = compiled.columns;
    if (known !== undefined && (width === undefined || width === known.length)) return known;
    const columns = compiled.statement.columns().map((column) => column.name);
    // Asking costs 4 µs: nothing beside a thread's hop, as much as the statement itself without one.
    if (this.#options.role === "inline") compiled.columns = columns;
    return columns;
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function isOutOfRange(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_OUT_OF_RANGE";
}

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

/** Whether an error of node:sqlite says that another connection holds a lock. */
export function isLocked(error: unknown): boolean {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return false;
  const primary = error.errcode & 0xff;
  return primary === SQLITE_BUSY || primary === SQLITE_LOCKED;
}
