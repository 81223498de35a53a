/** A connection whose server is the test: it answers when and as the test says. */
import { DatabaseError } from "../errors.ts";
import type { BoundValue } from "../parameters.ts";
import type { SqlText } from "../sql-text.ts";
import type { NetworkConnection, RunResult } from "./connection.ts";

type Failure = DatabaseError | undefined;

/** A request that has no answer yet. */
export interface Pending {
  readonly what: string;
  readonly done: (outcome: RunResult | Failure) => void;
}

/** What a server says that did nothing. */
export const NOTHING: RunResult = { columns: [], rows: [], affectedRows: 0, lastInsertId: undefined };

/** What a server says of a statement that a cancel met. */
export const MET = new DatabaseError("ERR_DB_STATEMENT_CANCELLED", "Cannot run: cancelled");

/** The connection. */
export class DrivenConnection implements NetworkConnection {
  readonly host = "test";
  readonly transaction = "none";
  ended = false;
  /** In the order in which they came. */
  readonly pending: Pending[] = [];
  readonly cancels: ((failure: Failure) => void)[] = [];
  readonly #endListeners: (() => void)[] = [];
  readonly #closeListeners: (() => void)[] = [];

  /** What waits for an answer. */
  get waiting(): readonly string[] {
    return this.pending.map(({ what }) => what);
  }

  /** Answers the request `what`, the first of that name. */
  answer(what: string, outcome?: RunResult | DatabaseError): void {
    const at = this.pending.findIndex((request) => request.what === what);
    const [request] = this.pending.splice(at, at === -1 ? 0 : 1);
    if (request === undefined) throw new Error(`Cannot answer ${what}: found ${this.waiting.join(", ")}`);
    request.done(outcome);
  }

  run(
    text: SqlText,
    _params: readonly BoundValue[],
    _wantRows: boolean,
    done: (outcome: RunResult | DatabaseError) => void,
  ): void {
    this.pending.push({ what: text.sql, done: (outcome) => done(outcome ?? NOTHING) });
  }

  control(sql: string, done: (failure: Failure) => void): void {
    this.pending.push({ what: sql, done: done as Pending["done"] });
  }

  ping(done: (failure: Failure) => void): void {
    this.control("ping", done);
  }

  cancel(done: (failure: Failure) => void): void {
    this.cancels.push(done);
  }

  close(done: () => void): void {
    this.#closeListeners.push(done);
  }

  /** The socket of a connection that says good-bye is closed. */
  closed(): void {
    this.ended = true;
    for (const listener of [...this.#closeListeners.splice(0), ...this.#endListeners.splice(0)]) listener();
  }

  destroy(): void {
    if (this.ended) return;
    this.ended = true;
    queueMicrotask(() => {
      const lost = new DatabaseError("ERR_DB_CONNECTION_LOST", "Cannot go on: lost");
      for (const { done } of this.pending.splice(0)) done(lost);
      this.closed();
    });
  }

  onEnd(listener: () => void): void {
    if (this.ended) listener();
    else this.#endListeners.push(listener);
  }
}
