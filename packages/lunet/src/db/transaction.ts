/**
 * The transaction: how it begins and ends, and the handle that its body gets. The same for every database; a driver
 * gives a `Session`, a connection that is this transaction's alone.
 *
 * Rules it keeps:
 * - `begin` stands inside the `try` that ends it. Whatever happens the session is given back, or destroyed when it is not known
 *   to be clean.
 * - The handle is open while its body runs. An inner transaction closes the outer handle for as long as it is open.
 * - One statement at a time.
 * - Commit and rollback run under a shield, for `endTimeoutMs` at most.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { ended, made, misused, touched, TRACE } from "#trace";
import { Cancelled, DeadlineError, liveChildren, scope, shield } from "../co/mod.ts";
import { throwIfCancelled } from "./cancellation.impl.ts";
import type { ExecResult, Isolation, Param, Transaction, TransactionOptions } from "./contract.ts";
import { DatabaseError, quoteSql } from "./errors.ts";
import type { SqlText } from "./sql-text.ts";
import { type Shape, StatementRunner } from "./statement-runner.ts";

/** What a transaction needs of the database that it belongs to. */
export interface TransactionHome {
  find(sql: string): SqlText;
}

/** A connection, held by one transaction. Everything but `giveBack` waits. Some take the connection when they begin. */
export interface Session {
  /** The connection is gone, and with it the transaction. */
  readonly lost: boolean;
  begin(readOnly: boolean): Promise<void>;
  commit(): Promise<void>;
  /** Rolls back, unless the database has done so by itself. */
  rollback(): Promise<void>;
  savepoint(name: string): Promise<void>;
  releaseSavepoint(name: string): Promise<void>;
  /** Undoes what was done since the savepoint, and releases it. */
  rollbackTo(name: string): Promise<void>;
  rows<T>(text: SqlText, params: readonly Param[], shape: Shape<T>): Promise<T>;
  exec(text: SqlText, params: readonly Param[]): Promise<ExecResult>;
  giveBack(clean: boolean): void;
}

export interface TransactionSettings {
  readonly readOnly: boolean;
  readonly endTimeoutMs: number;
}

const ISOLATION_LEVELS: readonly Isolation[] = ["read committed", "repeatable read", "serializable"];
const MAX_RETRY = 100;

/** Checks how a transaction is to begin, and gives what is in force. */
export function readTransactionOptions(options: TransactionOptions): Required<TransactionOptions> {
  const { readOnly = false, isolation = readOnly ? "repeatable read" : "read committed", retry = 0 } = options;
  const refuse = (name: string, found: unknown, wanted: string): string =>
    `Cannot begin a transaction: found ${JSON.stringify(found) ?? typeof found} for "${name}", wanted ${wanted}`;
  if (typeof readOnly !== "boolean") throw new TypeError(refuse("readOnly", readOnly, "true or false"));
  if (!ISOLATION_LEVELS.includes(isolation)) {
    throw new RangeError(refuse("isolation", isolation, ISOLATION_LEVELS.map((level) => `"${level}"`).join(", ")));
  }
  if (!Number.isInteger(retry) || retry < 0 || retry > MAX_RETRY) {
    throw new RangeError(refuse("retry", retry, `an integer from 0 to ${MAX_RETRY}`));
  }
  return { readOnly, isolation, retry };
}

/** How many statement handles a transaction keeps. */
const HANDLE_CACHE_SIZE = 64;

const ambient = new AsyncLocalStorage<TransactionHandle>();

/** Throws when the code that runs now is the body of an open transaction of `home`, which it would wait for. */
export function refuseInTransaction(home: TransactionHome, action: string): void {
  const transaction = ambient.getStore();
  if (transaction === undefined || transaction.home !== home || transaction.ended) return;
  throw new DatabaseError(
    "ERR_DB_TRANSACTION_OPEN",
    `Cannot ${action} on the database: found its transaction open around the call, wanted the transaction's handle`,
  );
}

/** Runs `body` in a transaction on `session`, and gives the session back. */
export async function runTransaction<T>(
  home: TransactionHome,
  session: Session,
  settings: TransactionSettings,
  body: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const handle = new TransactionHandle(home, session, settings, 0);
  let clean = false;
  try {
    await session.begin(settings.readOnly);
    const value = await runBody(handle, body);
    await commit(session, settings);
    clean = true;
    return value;
  } catch (error) {
    handle.end();
    clean = !session.lost && !isEndTimeout(error) && (await rollBack(session, settings, error));
    throw error;
  } finally {
    session.giveBack(clean);
  }
}

async function runBody<T>(handle: TransactionHandle, body: (handle: Transaction) => Promise<T>): Promise<T> {
  const whole = async (): Promise<T> => {
    const value = await body(handle);
    handle.bodyReturned();
    return value;
  };
  const value = await ambient.run(handle, () => scope(whole));
  handle.finish();
  return value;
}

async function commit(session: Session, { endTimeoutMs }: TransactionSettings): Promise<void> {
  try {
    await shield(endTimeoutMs, () => session.commit());
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw new DatabaseError(
      "ERR_DB_END_TIMEOUT",
      `Cannot commit the transaction: found no answer for ${endTimeoutMs} ms; it is unknown whether it was done`,
      { cause: error },
    );
  }
}

function isEndTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === "ERR_DB_END_TIMEOUT";
}

/** Whether the session is clean afterwards. A cancel is thrown on as it is: destroying the session undoes all the same. */
async function rollBack(session: Session, { endTimeoutMs }: TransactionSettings, reason: unknown): Promise<boolean> {
  try {
    await shield(endTimeoutMs, () => session.rollback());
    return true;
  } catch (error) {
    if (reason instanceof Cancelled) return false;
    throw rollbackFailed("the transaction; its connection is destroyed, which undoes it", [reason, error]);
  }
}

/** @param errors What ended the transaction, and why it could not be rolled back. */
function rollbackFailed(what: string, errors: [unknown, unknown]): DatabaseError {
  const message = `Cannot roll back ${what}: ${String(errors[1])}`;
  return new DatabaseError("ERR_DB_ROLLBACK_FAILED", message, { cause: new AggregateError(errors, String(errors[0])) });
}

class TransactionHandle extends StatementRunner<SqlText> implements Transaction {
  readonly home: TransactionHome;
  readonly #session: Session;
  readonly #settings: TransactionSettings;
  readonly #depth: number;
  #ended = false;
  /** What runs, for messages; undefined when nothing does. */
  #running: string | undefined;
  /** Why it can only be rolled back. */
  #broken: DatabaseError | undefined;

  constructor(home: TransactionHome, session: Session, settings: TransactionSettings, depth: number) {
    super(HANDLE_CACHE_SIZE);
    this.home = home;
    this.#session = session;
    this.#settings = settings;
    this.#depth = depth;
    if (TRACE) made("transaction", this);
  }

  get readOnly(): boolean {
    return this.#settings.readOnly;
  }

  get ended(): boolean {
    return this.#ended;
  }

  find(sql: string): SqlText {
    const text = this.home.find(sql);
    this.#requireOpen(quoteSql(sql), sql);
    return text;
  }

  run<T>(text: SqlText, params: readonly Param[], shape: Shape<T>): Promise<T> {
    return this.#alone(quoteSql(text.sql), text, () => this.#session.rows(text, params, shape));
  }

  effect(text: SqlText, params: readonly Param[]): Promise<ExecResult> {
    return this.#alone(quoteSql(text.sql), text, () => this.#session.exec(text, params));
  }

  async transaction<T>(body: (inner: Transaction) => Promise<T>): Promise<T> {
    return this.#alone("an inner transaction", undefined, () => this.#runInner(body));
  }

  async #runInner<T>(body: (inner: Transaction) => Promise<T>): Promise<T> {
    const session = this.#session;
    const { endTimeoutMs } = this.#settings;
    const name = `lunet_${this.#depth + 1}`;
    const inner = new TransactionHandle(this.home, session, this.#settings, this.#depth + 1);
    let hasBegun = false;
    try {
      throwIfCancelled("transaction");
      // Out of reach of cancels, so that it is known whether there is a savepoint to go back to.
      await shield(endTimeoutMs, () => session.savepoint(name));
      hasBegun = true;
      const value = await runBody(inner, body);
      await shield(endTimeoutMs, () => session.releaseSavepoint(name));
      return value;
    } catch (error) {
      inner.end();
      if (hasBegun && !session.lost) await this.#undoInner(name, error);
      throw error;
    }
  }

  async #undoInner(name: string, reason: unknown): Promise<void> {
    try {
      await shield(this.#settings.endTimeoutMs, () => this.#session.rollbackTo(name));
    } catch (error) {
      // What the inner body did is still there. Committing it would keep half of it.
      this.#broken = rollbackFailed("to the savepoint", [reason, error]);
      throw this.#broken;
    }
  }

  async #alone<T>(what: string, text: SqlText | undefined, action: () => Promise<T>): Promise<T> {
    this.#requireOpen(what, text?.sql);
    if (TRACE) touched(this, what);
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#running !== undefined) throw this.#busy(`run ${what}`, text?.sql);
    if (this.readOnly && text !== undefined && text.kind !== "read") {
      throw new DatabaseError(
        "ERR_DB_READ_ONLY",
        `Cannot run ${what}: found a transaction begun for reading alone, wanted one that writes`,
        { sql: text.sql },
      );
    }
    this.#running = what;
    try {
      return await action();
    } finally {
      this.#running = undefined;
    }
  }

  #requireOpen(what: string, sql: string | undefined): void {
    if (!this.#ended) return;
    const error = new DatabaseError(
      "ERR_DB_TRANSACTION_ENDED",
      `Cannot run ${what}: found the transaction ended, wanted an open one`,
      { sql },
    );
    if (TRACE) misused(this, what, error);
    throw error;
  }

  #busy(action: string, sql: string | undefined): DatabaseError {
    return new DatabaseError(
      "ERR_DB_TRANSACTION_BUSY",
      `Cannot ${action}: found ${this.#running} running in the transaction, wanted one at a time`,
      { sql },
    );
  }

  /** A statement that runs now, and that no coroutine of the body's can be waiting for, was not awaited: an error. */
  bodyReturned(): void {
    if (this.#running !== undefined && liveChildren() === 0) throw this.#busy("end the transaction", undefined);
  }

  /** Ends the handle after all that its body started has ended. */
  finish(): void {
    this.end();
    if (this.#broken !== undefined) throw this.#broken;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.endHandles();
    if (TRACE) ended("transaction", this);
  }
}
