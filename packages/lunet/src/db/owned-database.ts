/**
 * What all databases have in common: which statements they know, and how they end.
 *
 * States: open → closing → closed. Only an open database takes new work; `close` waits for the rest, under a shield, for
 * `closeTimeoutMs` at most, and then ends what is left.
 */
import { ended, ending, misused, TRACE } from "#trace";
import { ClosedError, DeadlineError, ensureCoroutine, shield, until } from "../co/mod.ts";
import { BoundedCache } from "./bounded-cache.ts";
import { DatabaseError } from "./errors.ts";
import type { KnownStatement } from "./known-statement.ts";
import { StatementRunner } from "./statement-runner.ts";
import { refuseInTransaction, type TransactionHome } from "./transaction.ts";

/** What the common part is told by the driver's. */
export interface OwnedDatabaseOptions {
  /** For messages: without a password. */
  readonly name: string;
  readonly statementCacheSize: number;
  readonly closeTimeoutMs: number;
}

/** A database that its scope owns. */
export abstract class OwnedDatabase extends StatementRunner<KnownStatement> {
  /** What transactions know it by. */
  protected readonly home: TransactionHome = { find: (sql) => this.#known(sql).text };
  protected readonly name: string;
  readonly #closeTimeoutMs: number;
  readonly #statements: BoundedCache<string, KnownStatement>;
  #isClosing = false;
  #isDestroyed = false;
  #closing: Promise<void> | undefined;

  constructor({ name, statementCacheSize, closeTimeoutMs }: OwnedDatabaseOptions) {
    super(statementCacheSize);
    this.name = `database "${name}"`;
    this.#closeTimeoutMs = closeTimeoutMs;
    this.#statements = new BoundedCache(statementCacheSize);
  }

  /** Reads a statement that is not known yet. */
  protected abstract read(sql: string): KnownStatement;
  /** Waits for what runs or waits, and ends the connections in order. */
  protected abstract endConnections(): Promise<void>;
  /** Ends at once what is still there. */
  protected abstract destroyConnections(): void;

  find(sql: string): KnownStatement {
    this.requireOpen();
    return this.#known(sql);
  }

  #known(sql: string): KnownStatement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.read(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  protected requireOpen(): void {
    if (!this.#isClosing) return;
    const error = this.closedError();
    if (TRACE) misused(this, "query", error);
    throw error;
  }

  protected closedError(): ClosedError {
    return new ClosedError(this.name);
  }

  close(): Promise<void> {
    ensureCoroutine("close");
    if (this.#closing !== undefined) return until(this.#closing);
    refuseInTransaction(this.home, "close");
    this.#isClosing = true;
    if (TRACE) ending(this);
    this.#closing = this.#end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    try {
      await shield(this.#closeTimeoutMs, () => this.endConnections());
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      throw new DatabaseError(
        "ERR_DB_CLOSE_TIMEOUT",
        `Cannot close ${this.name} in time: found work still running after ${this.#closeTimeoutMs} ms, which is abandoned`,
        { cause: error },
      );
    } finally {
      this.destroy();
    }
  }

  /** Ends the database at once, whatever runs in it. */
  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isClosing = true;
    this.#isDestroyed = true;
    this.destroyConnections();
    this.endHandles();
    if (TRACE) ended("database", this);
  }
}
