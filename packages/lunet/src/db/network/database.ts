/**
 * PostgreSQL and MariaDB behind the contract: connections that one coroutine has at a time, and a few that share out the
 * quick reads.
 *
 * - A transaction, and a statement that writes or has no record yet, takes a connection from the pool. It goes back
 *   proven clean, with no transaction open and no cancel under way, or it is destroyed.
 * - A plain read that has been quick runs on a shared connection, behind others (`shared-connections.ts`).
 * - A cancel reaches the server (`lease.ts`). A read is left at once; a write is waited for, so that it is known
 *   whether it was done.
 * - A plain read whose connection is lost runs once more: it cannot do harm twice.
 */
import { made, ownedBy, touched, TRACE, waitsForPool } from "#trace";
import { type Cancelled, suspend } from "../../co/mod.ts";
import { monotonicMs, setTimer } from "../../host/clock.ts";
import { throwIfCancelled } from "../cancellation.impl.ts";
import type {
  Database,
  ExecResult,
  NetworkOptions,
  Param,
  Queryable,
  Transaction,
  TransactionOptions,
} from "../contract.ts";
import { DatabaseError, quoteSql } from "../errors.ts";
import { KnownStatement } from "../known-statement.ts";
import { OwnedDatabase } from "../owned-database.ts";
import { type Binding, bindParameters, type BoundValue } from "../parameters.ts";
import { Pool, type Waiter } from "../pool.ts";
import { STATEMENT_RETRIES, withRetry } from "../retry.ts";
import { readStatement } from "../sql-text.ts";
import type { Shape } from "../statement-runner.ts";
import { readTransactionOptions, refuseInTransaction, runTransaction } from "../transaction.ts";
import type { NetworkAddress } from "./address.ts";
import { beginning, readOnlySession } from "./beginning.ts";
import { ConnectionRunner } from "./connection-runner.ts";
import type { Driver, NetworkConnection, RunResult } from "./connection.ts";
import { type Connected, Connector } from "./connector.ts";
import { asUndone, asWriter, isLost, isServerGone, Lease, type Outcome, unwrap, wasCancelled } from "./lease.ts";
import { NetworkSession } from "./session.ts";
import { type Place, SharedConnections } from "./shared-connections.ts";

/** What a database is made with: every option, checked. */
export interface NetworkSettings extends Required<NetworkOptions> {
  readonly readOnly: boolean;
  readonly acquireTimeoutMs: number;
  readonly maxWaiters: number;
  readonly endTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly statementCacheSize: number;
  readonly maxRows: number;
}

/** How one statement is to be run. */
interface Call {
  readonly statement: KnownStatement;
  readonly params: readonly BoundValue[];
  readonly wantRows: boolean;
  readonly purpose: "query" | "exec";
}

/** An open database behind a network. Made by `open`. */
export class NetworkDatabase extends OwnedDatabase implements Database {
  readonly dialect: "postgres" | "mariadb";
  readonly #settings: NetworkSettings;
  readonly #driver: Driver;
  readonly #binding: Binding;
  readonly #connector: Connector;
  readonly #pool: Pool<NetworkConnection>;
  readonly #shared: SharedConnections;
  /** Connections that are being closed. */
  readonly #leaving = new Set<NetworkConnection>();

  constructor(address: NetworkAddress, settings: NetworkSettings, driver: Driver, binding: Binding) {
    super({ ...settings, name: address.name });
    this.dialect = address.dialect;
    this.#settings = settings;
    this.#driver = driver;
    this.#binding = binding;
    const needsWrites = address.targetSession === "read-write" && !settings.readOnly;
    this.#connector = new Connector(driver, address, {
      connectTimeoutMs: settings.connectTimeoutMs,
      needsWrites,
      onMoved: () => this.#retire(),
    });
    this.#pool = this.#createPool();
    this.#shared = new SharedConnections({
      size: settings.shared,
      budgetMs: settings.sharedBudgetMs,
      cancelTimeoutMs: settings.cancelTimeoutMs,
      maxAgeMs: settings.maxAgeMs,
      idleTimeoutMs: settings.idleTimeoutMs,
      checkAfterMs: settings.checkAfterMs,
      open: (done) => this.#connect(true, done),
      close: (connection) => this.#closeOne(connection),
    });
    if (TRACE) made("database", this, undefined, address.name);
  }

  /** Opens the first connection, so that what is wrong with the address is found now. */
  async warm(): Promise<void> {
    this.#giveBack(await this.#acquire("open the database"), true);
  }

  protected read(sql: string): KnownStatement {
    const text = readStatement(sql, this.dialect);
    return new KnownStatement(text, text.isPlainRead && !text.marksSession);
  }

  async run<T>(statement: KnownStatement, params: readonly Param[], shape: Shape<T>): Promise<T> {
    const bound = this.#prepareCall(statement, params, "query");
    if (statement.isQuick) {
      const place = this.#shared.find();
      if (place !== undefined) {
        const result = await this.#runShared(place, statement, bound);
        if (result !== undefined) return shape(unwrap(result));
      }
    }
    return shape(await this.#runAlone({ statement, params: bound, wantRows: true, purpose: "query" }));
  }

  async effect(statement: KnownStatement, params: readonly Param[]): Promise<ExecResult> {
    const bound = this.#prepareCall(statement, params, "exec");
    const call: Call = { statement, params: bound, wantRows: false, purpose: "exec" };
    const { affectedRows, lastInsertId } = await this.#runAlone(call);
    return { affectedRows, lastInsertId };
  }

  /** What is checked before anything runs. */
  #prepareCall({ text }: KnownStatement, params: readonly Param[], purpose: string): BoundValue[] {
    const bound = bindParameters(text.sql, text.parameterCount, params, this.#binding);
    this.requireOpen();
    // It would want a second connection while it keeps one: enough of its kind would wait for each other for ever.
    refuseInTransaction(this.home, purpose);
    if (this.#settings.readOnly && text.kind !== "read") {
      throw new DatabaseError(
        "ERR_DB_READ_ONLY",
        `Cannot run ${quoteSql(text.sql)}: found a database opened for reading alone, wanted one that writes`,
        { sql: text.sql },
      );
    }
    if (TRACE) touched(this, "query");
    return bound;
  }

  /** Undefined when it has to run again, on a connection of its own. */
  #runShared(
    place: Place,
    statement: KnownStatement,
    params: readonly BoundValue[],
  ): Promise<Outcome<RunResult> | undefined> {
    return suspend<Outcome<RunResult> | undefined>("query", (resume) => {
      const run = place.run(statement, params, resume);
      return () => place.abandon(run);
    });
  }

  /**
   * A statement alone that the database gave up for another's sake has done nothing: it is run again. A procedure can have
   * committed half of what it does.
   */
  async #runAlone(call: Call): Promise<RunResult> {
    const retry = call.statement.text.kind === "other" ? 0 : STATEMENT_RETRIES;
    return await withRetry(retry, () => this.#runUnlessGone(call));
  }

  async #runUnlessGone(call: Call): Promise<RunResult> {
    const outcome = await this.#runOnce(call);
    if (!isServerGone(outcome) || !call.statement.isPlainRead) return unwrap(outcome);
    const second = await this.#runOnce(call);
    return unwrap(isLost(second) ? asUndone(second) : second);
  }

  /** Waits for a connection and for what the statement comes to there. */
  #runOnce({ statement, params, wantRows, purpose }: Call): Promise<Outcome<RunResult>> {
    const { text } = statement;
    return suspend<Outcome<RunResult>>(purpose, (resume, fail) => {
      let lease: Lease | undefined;
      let cancelled: Cancelled | undefined;
      let hasLeft = false;
      const grant = (connection: NetworkConnection): void => {
        const held = (lease = new Lease(connection, this.#settings.cancelTimeoutMs));
        const sinceMs = monotonicMs();
        held.send<RunResult>(
          (done) => connection.run(text, params, wantRows, done),
          (ended) => {
            const outcome = this.#judge(ended);
            this.#giveBack(held, !text.marksSession && !isServerGone(outcome));
            if (hasLeft) return;
            if (cancelled !== undefined && wasCancelled(outcome)) fail(cancelled);
            else {
              if (!(outcome instanceof DatabaseError)) {
                statement.ranAside(monotonicMs() - sinceMs, this.#settings.sharedBudgetMs);
              }
              resume(outcome);
            }
          },
        );
      };
      const waiter: Waiter<NetworkConnection> = { purpose, grant, fail };
      this.#tracePoolWait();
      this.#pool.enter(waiter);
      return (reason) => {
        if (lease === undefined) {
          this.#pool.leave(waiter);
          return undefined;
        }
        cancelled = reason;
        lease.cancel();
        // A read has nothing that must be known. What a write did must be.
        hasLeft = statement.isPlainRead;
        return hasLeft ? undefined : "pending";
      };
    });
  }

  #judge(outcome: Outcome<RunResult>): Outcome<RunResult> {
    if (!(outcome instanceof DatabaseError)) return outcome;
    const failure = this.#settings.readOnly ? outcome : asWriter(outcome);
    if (failure.code === "ERR_DB_UNAVAILABLE") this.#retire();
    return failure;
  }

  /** No connection that there is now is used again: what is read there may be old from now on. */
  #retire(): void {
    this.#pool.retire();
    this.#shared.retire();
  }

  dataVersion(): number | undefined {
    this.requireOpen();
    return undefined;
  }

  async transaction<T>(body: (transaction: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const { readOnly, isolation, retry } = readTransactionOptions(options);
    // Awaited, here and below, so that a stack goes on to the caller.
    return await withRetry(retry, async () => {
      this.requireOpen();
      throwIfCancelled("begin a transaction");
      refuseInTransaction(this.home, "begin a transaction");
      if (this.#settings.readOnly && !readOnly) {
        throw new DatabaseError(
          "ERR_DB_READ_ONLY",
          "Cannot begin a transaction that writes: found a database opened for reading alone",
        );
      }
      if (TRACE) touched(this, "transaction");
      const session = new NetworkSession({
        isolation,
        binding: this.#binding,
        beginning: (level, reads) => beginning(this.dialect, level, reads),
        failedIsUndone: this.dialect === "mariadb",
        acquire: () => this.#acquire("begin a transaction"),
        giveBack: (lease, clean) => this.#giveBack(lease, clean),
        onUnavailable: () => this.#retire(),
      });
      return await runTransaction(this.home, session, { readOnly, endTimeoutMs: this.#settings.endTimeoutMs }, body);
    });
  }

  /**
   * Runs `body` with one connection, outside transactions. It is destroyed afterwards: nobody knows what was left in it.
   */
  async runOnOneConnection<T>(body: (connection: Queryable) => Promise<T>): Promise<T> {
    this.requireOpen();
    refuseInTransaction(this.home, "take a connection");
    const lease = await this.#acquire("take a connection");
    const runner = new ConnectionRunner(lease, this.dialect, this.#binding);
    try {
      return await body(runner);
    } finally {
      runner.endHandles();
      this.#giveBack(lease, false);
    }
  }

  /** Waits for a connection of one's own. It is handed over or it was never taken. */
  async #acquire(purpose: string): Promise<Lease> {
    const connection = await suspend<NetworkConnection>(purpose, (resume, fail) => {
      const waiter: Waiter<NetworkConnection> = { purpose, grant: resume, fail };
      this.#tracePoolWait();
      this.#pool.enter(waiter);
      return () => {
        this.#pool.leave(waiter);
      };
    });
    return new Lease(connection, this.#settings.cancelTimeoutMs);
  }

  #tracePoolWait(): void {
    if (TRACE) waitsForPool(this.#pool, this.#settings.max, `the connections of ${this.name}`);
  }

  /** Gives a connection back when nothing is under way on it, or destroys one that is not known to be clean. */
  #giveBack(lease: Lease, clean: boolean): void {
    const { connection } = lease;
    if (!clean) return this.#pool.destroy(connection);
    lease.whenIdle(() => {
      if (connection.ended || connection.transaction !== "none") this.#pool.destroy(connection);
      else this.#pool.release(connection);
    });
  }

  protected async endConnections(): Promise<void> {
    await suspend<void>("close", (resume) => {
      this.#pool.onQuiet(() => this.#shared.onQuiet(resume));
      return () => {};
    });
    const idle = [...this.#pool.drain(this.closedError()).idle, ...this.#shared.drain()];
    for (const connection of idle) this.#closeOne(connection);
    for (const connection of this.#leaving) {
      await suspend<void>("close", (resume) => {
        connection.onEnd(resume);
        return () => {};
      });
    }
  }

  protected destroyConnections(): void {
    const { idle, out } = this.#pool.drain(this.closedError());
    for (const connection of [...idle, ...out, ...this.#shared.drain(), ...this.#leaving]) connection.destroy();
    this.#driver.close();
  }

  #createPool(): Pool<NetworkConnection> {
    const { max, min, maxWaiters, acquireTimeoutMs, idleTimeoutMs, maxAgeMs, checkAfterMs } = this.#settings;
    const pool: Pool<NetworkConnection> = new Pool({
      size: max,
      min,
      maxWaiters,
      acquireTimeoutMs,
      idleTimeoutMs,
      maxAgeMs,
      checkAfterMs,
      create: (done) =>
        this.#connect(false, (opened) => {
          if (opened instanceof DatabaseError) return done({ error: opened });
          opened.onEnd(() => pool.forget(opened));
          done({ connection: opened });
        }),
      check: (connection, done) => this.#check(connection, done),
      close: (connection) => this.#closeOne(connection),
      destroy: (connection) => connection.destroy(),
    });
    return pool;
  }

  /** Finds out whether the server still answers. */
  #check(connection: NetworkConnection, done: (isAlive: boolean) => void): void {
    const timer = setTimer(this.#settings.cancelTimeoutMs, () => connection.destroy());
    connection.ping((failure) => {
      timer.clear();
      done(failure === undefined && !connection.ended);
    });
  }

  /** Says good-bye. A server that does not answer has `cancelTimeoutMs` for it. */
  #closeOne(connection: NetworkConnection): void {
    this.#leaving.add(connection);
    const timer = setTimer(this.#settings.cancelTimeoutMs, () => connection.destroy());
    connection.close(() => {
      timer.clear();
      this.#leaving.delete(connection);
    });
  }

  #connect(isShared: boolean, done: Connected): () => void {
    let giveUp = this.#connector.connect(isShared, (opened) => {
      if (opened instanceof DatabaseError) return done(opened);
      if (TRACE) ownedBy(opened, this);
      if (!this.#settings.readOnly && !isShared) return done(opened);
      const timer = setTimer(this.#settings.connectTimeoutMs, () => opened.destroy());
      giveUp = () => opened.destroy();
      opened.control(readOnlySession(this.dialect), (failure) => {
        timer.clear();
        if (failure !== undefined) opened.destroy();
        done(failure === undefined ? opened : notOpened(failure));
      });
    });
    return () => giveUp();
  }
}

function notOpened(failure: DatabaseError): DatabaseError {
  return new DatabaseError("ERR_DB_UNAVAILABLE", `Cannot open a connection: ${failure.message}`, { cause: failure });
}
