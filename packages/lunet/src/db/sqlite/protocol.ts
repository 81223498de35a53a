/** What the event loop's thread and a connection's worker say to each other. Requests are answered in order. */
import type { ExecResult } from "../contract.ts";
import type { SqliteValue } from "../parameters.ts";
import type { ResultRows } from "./connection.ts";
import type { Failure } from "./failure.ts";
import type { SqlText } from "../sql-text.ts";

/** A statement with its values. `wantRows` tells `query` from `exec`. */
export interface Call {
  readonly text: SqlText;
  readonly params: readonly SqliteValue[];
  readonly wantRows: boolean;
}

export type Request =
  /** One statement: on its own, or as a part of the open transaction. */
  | { readonly do: "call"; readonly call: Call; readonly transaction: boolean }
  /** Statements of different callers in one commit; what one of them does wrong does not touch the others. */
  | { readonly do: "group"; readonly calls: readonly Call[] }
  /** BEGIN, SAVEPOINT, COMMIT and their kin. */
  | { readonly do: "control"; readonly sql: string; readonly transaction: boolean }
  | { readonly do: "commit" }
  /** Rolls back if a transaction is open. */
  | { readonly do: "rollback" }
  /** Undoes what was done since a savepoint, if the transaction is still open, and releases it. */
  | { readonly do: "rollbackTo"; readonly savepoint: string }
  | { readonly do: "close" };

/** What a call gives: rows, or what it changed. */
export type CallValue = ResultRows | ExecResult;

/** What came of a request. In the trace build it says, too, whether a transaction is open now. */
export type Reply<T> = (
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly failure: Failure;
    }
) & { readonly inTransaction?: boolean };

/** The value of a `group`: one reply for each call. */
export type GroupValue = readonly Reply<CallValue>[];
