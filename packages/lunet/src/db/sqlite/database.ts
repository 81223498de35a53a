/**
 * SQLite behind the contract: one connection that writes, some that read, and the event loop's own for what is quick.
 *
 * - Every write runs in the writer's thread: the wait for the disk never holds up the event loop.
 * - A read takes its snapshot when it starts. It starts after the call, and a write is acknowledged after its commit:
 *   what was acknowledged is seen.
 * - A memory database has one connection, so its reads stand in the writer's queue.
 */
import { made, ownedBy, ran, touched, TRACE, waitsForPool } from "#trace";
import { suspend } from "../../co/mod.ts";
import { throwIfCancelled } from "../cancellation.impl.ts";
import type { Database, ExecResult, Param, Transaction, TransactionOptions } from "../contract.ts";
import { DatabaseError } from "../errors.ts";
import { KnownStatement } from "../known-statement.ts";
import { OwnedDatabase } from "../owned-database.ts";
import { bindParameters, SQLITE_BINDING } from "../parameters.ts";
import { Pool, type Waiter } from "../pool.ts";
import { withRetry } from "../retry.ts";
import { readStatement, type SqlText } from "../sql-text.ts";
import type { Shape } from "../statement-runner.ts";
import { readTransactionOptions, refuseInTransaction, runTransaction } from "../transaction.ts";
import type { ConnectionOptions, ResultRows } from "./connection.ts";
import { InlineReader } from "./inline-reader.ts";
import type { Call, CallValue } from "./protocol.ts";
import { type Outcome, ThreadConnection } from "./thread-connection.ts";
import { ThreadSession, unwrap } from "./thread-session.ts";
import { giveBack, Writer } from "./writer.ts";

/** What a database is made with: every option, checked. */
export interface SqliteSettings {
  readonly path: string;
  readonly readOnly: boolean;
  readonly acquireTimeoutMs: number;
  readonly maxWaiters: number;
  readonly endTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly statementCacheSize: number;
  readonly maxRows: number;
  readonly synchronous: "full" | "normal";
  readonly busyTimeoutMs: number;
  readonly readers: number;
  readonly inlineBudgetMs: number;
  readonly maxGroupSize: number;
  readonly cacheKiB: number;
}

type ThreadPool = Pool<ThreadConnection>;

/** An open SQLite database. Made by `open`. */
export class SqliteDatabase extends OwnedDatabase implements Database {
  readonly dialect = "sqlite";
  readonly #settings: SqliteSettings;
  /** Undefined when opened for reading alone. */
  readonly #writers: ThreadPool | undefined;
  /** Undefined for a memory database. */
  readonly #readers: ThreadPool | undefined;
  readonly #writer: Writer | undefined;
  readonly #inline: InlineReader | undefined;
  /** Connections that are being closed. */
  readonly #leaving: ThreadConnection[] = [];

  constructor(settings: SqliteSettings) {
    super({ ...settings, name: settings.path });
    this.#settings = settings;
    const isMemory = settings.path === ":memory:";
    if (!settings.readOnly) {
      this.#writers = this.#createPool("writer", 1);
      this.#writer = new Writer(this.#writers, settings);
    }
    if (!isMemory) {
      this.#readers = this.#createPool("reader", settings.readers);
      if (settings.inlineBudgetMs > 0) {
        this.#inline = new InlineReader(this.#connectionOptions("inline"), settings.inlineBudgetMs);
      }
    }
    if (TRACE) made("database", this, undefined, settings.path);
  }

  /** Opens the first connection, so that what is wrong with the file is found now. */
  async warm(): Promise<void> {
    const pool = (this.#writers ?? this.#readers) as ThreadPool;
    const connection = await this.#acquire(pool, "open the database");
    giveBack(pool, connection, true);
  }

  protected read(sql: string): KnownStatement {
    const text = readStatement(sql, "sqlite");
    return new KnownStatement(text, text.kind === "read");
  }

  run<T>(statement: KnownStatement, params: readonly Param[], shape: Shape<T>): Promise<T> {
    if (!statement.isQuick || this.#inline === undefined) return this.#runInThread(statement, params, shape);
    try {
      this.requireOpen();
      throwIfCancelled("query");
      if (TRACE) touched(this, "query");
      const result = this.#inline.run(statement, params);
      if (result !== undefined) {
        if (TRACE) ran(statement.text.sql, result.elapsedMs);
        return Promise.resolve(shape(result));
      }
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#runInThread(statement, params, shape);
  }

  async #runInThread<T>(statement: KnownStatement, params: readonly Param[], shape: Shape<T>): Promise<T> {
    const result = (await this.#call(statement.text, params, true)) as ResultRows;
    statement.ranAside(result.heldMs, this.#settings.inlineBudgetMs);
    return shape(result);
  }

  async effect(statement: KnownStatement, params: readonly Param[]): Promise<ExecResult> {
    return (await this.#call(statement.text, params, false)) as ExecResult;
  }

  async #call(text: SqlText, params: readonly Param[], wantRows: boolean): Promise<CallValue> {
    const call: Call = {
      text,
      params: bindParameters(text.sql, text.parameterCount, params, SQLITE_BINDING),
      wantRows,
    };
    this.requireOpen();
    if (TRACE) touched(this, "query");
    const purpose = wantRows ? "query" : "exec";
    const readsAlone = text.kind === "read" && this.#readers !== undefined;
    if (readsAlone || this.#writer === undefined) return unwrap(await this.#read(purpose, call), "run", text.sql);
    refuseInTransaction(this.home, purpose);
    const outcome = await this.#writer.run(purpose, call);
    if (text.kind === "other") this.#inline?.forgetColumns();
    return unwrap(outcome, "run", text.sql);
  }

  /** Waits for a reader and its answer. Leaving it is possible at any time: the reader is free when it has finished. */
  #read(purpose: string, call: Call): Promise<Outcome<CallValue>> {
    const pool = this.#readers as ThreadPool;
    return suspend<Outcome<CallValue>>(purpose, (resume, fail) => {
      const waiter: Waiter<ThreadConnection> = {
        purpose,
        grant: (connection) => {
          connection.send<CallValue>({ do: "call", call, transaction: false }, (outcome) => {
            giveBack(pool, connection, true);
            resume(outcome);
          });
        },
        fail,
      };
      if (TRACE) waitsForPool(pool, this.#settings.readers, `the readers of ${this.name}`);
      pool.enter(waiter);
      return () => {
        pool.leave(waiter);
      };
    });
  }

  dataVersion(): number | undefined {
    this.requireOpen();
    return this.#inline?.dataVersion();
  }

  async transaction<T>(body: (transaction: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const { readOnly, retry } = readTransactionOptions(options);
    // Awaited, here and below, so that a stack goes on to the caller.
    return await withRetry(retry, () => this.#transaction(body, readOnly));
  }

  async #transaction<T>(body: (transaction: Transaction) => Promise<T>, readOnly: boolean): Promise<T> {
    this.requireOpen();
    const pool = readOnly && this.#readers !== undefined ? this.#readers : this.#writers;
    if (pool === undefined) {
      throw new DatabaseError(
        "ERR_DB_READ_ONLY",
        "Cannot begin a transaction that writes: found a database opened for reading alone",
      );
    }
    if (pool === this.#writers) refuseInTransaction(this.home, "begin a transaction");
    const { busyTimeoutMs, endTimeoutMs, synchronous } = this.#settings;
    const connection = await this.#acquire(pool, "begin a transaction");
    const session = new ThreadSession(connection, {
      busyTimeoutMs,
      isDurable: synchronous === "full" && !readOnly,
      giveBack: (returned, clean) => giveBack(pool, returned, clean),
      onSchemaChange: () => this.#inline?.forgetColumns(),
    });
    return await runTransaction(this.home, session, { readOnly, endTimeoutMs }, body);
  }

  /** Waits for a connection of one's own. It is handed over or it was never taken. */
  #acquire(pool: ThreadPool, purpose: string): Promise<ThreadConnection> {
    return suspend<ThreadConnection>(purpose, (resume, fail) => {
      const waiter: Waiter<ThreadConnection> = { purpose, grant: resume, fail };
      if (TRACE) {
        if (pool === this.#writers) waitsForPool(pool, 1, `the writers of ${this.name}`);
        else waitsForPool(pool, this.#settings.readers, `the readers of ${this.name}`);
      }
      pool.enter(waiter);
      return () => {
        pool.leave(waiter);
      };
    });
  }

  /** Readers first: the last connection to end folds the log into the file and removes it. */
  protected async endConnections(): Promise<void> {
    const pools = [this.#readers, this.#writers].filter((pool) => pool !== undefined);
    for (const pool of pools) await this.#waitQuiet(pool);
    this.#inline?.close();
    this.#leaving.push(...pools.flatMap((pool) => pool.drain(this.closedError()).idle));
    for (const connection of this.#leaving) await this.#endOne(connection);
  }

  #waitQuiet(pool: ThreadPool): Promise<void> {
    return suspend<void>("close", (resume) => {
      pool.onQuiet(resume);
      return () => {};
    });
  }

  async #endOne(connection: ThreadConnection): Promise<void> {
    const outcome = await suspend<Outcome<void>>("close", (resume) => {
      connection.close(resume);
      return () => {};
    });
    unwrap(outcome, "close", this.#settings.path);
  }

  protected destroyConnections(): void {
    for (const pool of [this.#readers, this.#writers]) {
      const { idle, out } = pool?.drain(this.closedError()) ?? { idle: [], out: [] };
      for (const connection of [...idle, ...out]) connection.destroy();
    }
    for (const connection of this.#leaving) connection.destroy();
    this.#inline?.close();
  }

  #createPool(role: "writer" | "reader", size: number): ThreadPool {
    const { maxWaiters, acquireTimeoutMs } = this.#settings;
    const pool: ThreadPool = new Pool({
      size,
      maxWaiters,
      acquireTimeoutMs,
      create: (done) => {
        ThreadConnection.start(this.#connectionOptions(role), (opened) => {
          if (opened instanceof DatabaseError) {
            done({ error: opened });
          } else {
            if (TRACE) ownedBy(opened, this);
            opened.onEnd(() => pool.forget(opened));
            done({ connection: opened });
          }
        });
      },
      destroy: (connection) => connection.destroy(),
    });
    return pool;
  }

  #connectionOptions(role: ConnectionOptions["role"]): ConnectionOptions {
    const { path, synchronous, busyTimeoutMs, cacheKiB, statementCacheSize, maxRows } = this.#settings;
    return { path, role, synchronous, busyTimeoutMs, cacheKiB, statementCacheSize, maxRows };
  }
}
