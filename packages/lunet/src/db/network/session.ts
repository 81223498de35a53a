/** A transaction's hold on a connection to a server: what `transaction.ts` asks for, over the network. */
import type { ExecResult, Isolation, Param } from "../contract.ts";
import { DatabaseError, quoteSql } from "../errors.ts";
import { type Binding, bindParameters } from "../parameters.ts";
import type { SqlText } from "../sql-text.ts";
import type { Shape } from "../statement-runner.ts";
import type { Session } from "../transaction.ts";
import type { RunResult } from "./connection.ts";
import { asUndone, asWriter, isLost, isServerGone, type Lease, type Outcome, sendOn } from "./lease.ts";

/** How often beginning is tried again on another connection: nothing has run yet, so it is safe. */
const MAX_BEGIN_TRIES = 3;

/** How a transaction holds a connection. */
export interface SessionOptions {
  readonly isolation: Isolation;
  readonly binding: Binding;
  /** The statements that begin a transaction. */
  readonly beginning: (isolation: Isolation, readOnly: boolean) => readonly string[];
  /** A transaction that failed has been undone as a whole; else it can be rolled back to a savepoint. */
  readonly failedIsUndone: boolean;
  /** Waits for a connection. */
  readonly acquire: () => Promise<Lease>;
  readonly giveBack: (lease: Lease, clean: boolean) => void;
  /** Called when the server said that it cannot serve now. */
  readonly onUnavailable: () => void;
}

/** A transaction's connection. */
export class NetworkSession implements Session {
  readonly #options: SessionOptions;
  #lease: Lease | undefined;
  #marked = false;
  #readOnly = false;
  #isCommitting = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get lost(): boolean {
    return this.#lease === undefined || this.#lease.connection.ended;
  }

  async begin(readOnly: boolean): Promise<void> {
    this.#readOnly = readOnly;
    for (let tries = 1; ; tries++) {
      this.#lease = await this.#options.acquire();
      try {
        const beginning = this.#options.beginning(this.#options.isolation, readOnly);
        // What was set for a transaction that then does not begin would hold for the next one.
        this.#marked = beginning.length > 1;
        for (const sql of beginning) await this.#control(sql);
        this.#marked = false;
        return;
      } catch (error) {
        if (!isServerGone(error) || tries === MAX_BEGIN_TRIES) throw error;
        this.giveBack(false);
      }
    }
  }

  async commit(): Promise<void> {
    this.#requireOpen("commit");
    this.#isCommitting = true;
    await this.#control("commit");
  }

  async rollback(): Promise<void> {
    if (this.#lease !== undefined && this.#lease.connection.transaction !== "none") await this.#control("rollback");
  }

  async savepoint(name: string): Promise<void> {
    this.#requireOpen(`savepoint ${name}`);
    await this.#control(`savepoint ${name}`);
  }

  async releaseSavepoint(name: string): Promise<void> {
    this.#requireOpen(`release savepoint ${name}`);
    await this.#control(`release savepoint ${name}`);
  }

  async rollbackTo(name: string): Promise<void> {
    // The savepoint is gone, too. Nothing else runs in this transaction (`#requireOpen`).
    if (this.#options.failedIsUndone && this.#held().connection.transaction === "failed") return;
    await this.#control(`rollback to savepoint ${name}`);
    await this.#control(`release savepoint ${name}`);
  }

  async rows<T>(text: SqlText, params: readonly Param[], shape: Shape<T>): Promise<T> {
    return shape(await this.#run(text, params, true));
  }

  async exec(text: SqlText, params: readonly Param[]): Promise<ExecResult> {
    const { affectedRows, lastInsertId } = await this.#run(text, params, false);
    return { affectedRows, lastInsertId };
  }

  giveBack(clean: boolean): void {
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined) this.#options.giveBack(lease, clean && !this.#marked);
  }

  async #run(text: SqlText, params: readonly Param[], wantRows: boolean): Promise<RunResult> {
    const bound = bindParameters(text.sql, text.parameterCount, params, this.#options.binding);
    this.#requireOpen(text.sql);
    if (text.commits) {
      throw new DatabaseError(
        "ERR_DB_TRANSACTION_STATEMENT",
        `Cannot run ${quoteSql(text.sql)} in a transaction: found a statement before which the server commits, wanted it outside`,
        { sql: text.sql },
      );
    }
    if (text.marksSession) this.#marked = true;
    const lease = this.#held();
    return this.#send<RunResult>("transaction", (done) => lease.connection.run(text, bound, wantRows, done));
  }

  /** A server goes on in autocommit, or refuses everything, after it has given a transaction up: neither may be met. */
  #requireOpen(sql: string): void {
    const { ended, transaction } = this.#held().connection;
    if (ended || transaction === "open") return;
    throw new DatabaseError(
      "ERR_DB_TRANSACTION_FAILED",
      `Cannot run ${quoteSql(sql)}: found the transaction given up by the database after a failure, wanted it open`,
      { sql },
    );
  }

  #held(): Lease {
    if (this.#lease === undefined) throw new Error("Cannot use a session: it has no connection");
    return this.#lease;
  }

  async #control(sql: string): Promise<void> {
    const lease = this.#held();
    await this.#send<undefined>(sql, (done) => lease.connection.control(sql, done));
  }

  /**
   * Sends a request and waits for its outcome. What is being committed is not cancelled: whoever cannot wait for it leaves,
   * and the connection is destroyed.
   */
  async #send<T>(operation: string, start: (done: (outcome: Outcome<T>) => void) => void): Promise<T> {
    try {
      return await sendOn<T>(this.#held(), operation, start, this.#isCommitting ? "leave" : "undo");
    } catch (error) {
      throw this.#judge(error);
    }
  }

  /** Until the commit is sent nothing has been done, so losing the connection is safe to try again. */
  #judge(error: unknown): unknown {
    if (!(error instanceof DatabaseError)) return error;
    const failure = this.#readOnly ? error : asWriter(error);
    if (failure.code === "ERR_DB_UNAVAILABLE") {
      this.#marked = true;
      this.#options.onUnavailable();
    }
    return isLost(failure) && !this.#isCommitting ? asUndone(failure) : failure;
  }
}
