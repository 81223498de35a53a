/**
 * A connection that one owner holds, one request at a time, and the way a cancel reaches the server.
 *
 * A cancel travels beside the connection, so it can arrive late and hit whatever runs then. The rule is therefore that a
 * request which was cancelled is over when three things are known: the statement has ended, the server has taken the cancel,
 * and one round trip more was answered, which a late cancel would have hit instead of the next statement. When one of them
 * does not come within `cancelTimeoutMs` the connection is destroyed.
 *
 * It can arrive early, too, before the server has read the statement, when a packet of this was lost or when it is being
 * prepared, and then it hits nothing. So it is sent again for as long as the statement runs.
 *
 * States: idle → running → idle; running → cancelling → confirming → idle; ended from each of them.
 */
import assert from "node:assert/strict";
import { type Cancelled, suspend } from "../../co/mod.ts";
import { setTimer, type Timer } from "../../host/clock.ts";
import { DatabaseError } from "../errors.ts";
import type { NetworkConnection } from "./connection.ts";

/** How long after the server has taken a cancel it gets another one if the statement still runs, in milliseconds. */
const CANCEL_AGAIN_MS = 250;

/** What a request came to. */
export type Outcome<T> = T | DatabaseError;

/** A held connection. */
export class Lease {
  readonly connection: NetworkConnection;
  readonly #cancelTimeoutMs: number;
  #state: "idle" | "running" | "cancelling" | "confirming" = "idle";
  /** The statement has ended; the cancel has been taken. */
  #hasEnded = false;
  #wasTaken = false;
  #timer: Timer | undefined;
  #again: Timer | undefined;
  #finish: (() => void) | undefined;
  #onIdle: (() => void) | undefined;

  constructor(connection: NetworkConnection, cancelTimeoutMs: number) {
    this.connection = connection;
    this.#cancelTimeoutMs = cancelTimeoutMs;
  }

  /** Sends one request. `done` gets its outcome when the connection may be used again or has ended. */
  send<T>(start: (done: (outcome: Outcome<T>) => void) => void, done: (outcome: Outcome<T>) => void): void {
    assert(this.#state === "idle", "Cannot send a request: one is under way");
    this.#state = "running";
    this.#hasEnded = false;
    start((outcome) => {
      this.#hasEnded = true;
      if (this.#state === "running") this.#toIdle(() => done(outcome));
      else {
        this.#finish = () => done(outcome);
        this.#advance();
      }
    });
  }

  /** Asks the server to end what runs. Does nothing when nothing does, or when it was asked before. */
  cancel(): void {
    if (this.#state !== "running") return;
    this.#state = "cancelling";
    this.#timer = setTimer(this.#cancelTimeoutMs, () => this.connection.destroy());
    this.#sendCancel();
  }

  #sendCancel(): void {
    this.#wasTaken = false;
    this.connection.cancel((failure) => {
      // One that may still be on its way could hit anything: such a connection is never used again.
      if (failure !== undefined) this.connection.destroy();
      else if (this.#state === "cancelling" && !this.#hasEnded)
        this.#again = setTimer(CANCEL_AGAIN_MS, () => this.#sendCancel());
      this.#wasTaken = true;
      this.#advance();
    });
  }

  /** Calls `listener` once, when no request is under way. */
  whenIdle(listener: () => void): void {
    if (this.#state === "idle") listener();
    else this.#onIdle = listener;
  }

  /** Goes on with a cancelled request when its statement has ended. */
  #advance(): void {
    if (this.#state !== "cancelling" || !this.#hasEnded) return;
    this.#again?.clear();
    this.#again = undefined;
    if (this.connection.ended) return this.#endCancel();
    if (!this.#wasTaken) return;
    this.#state = "confirming";
    this.connection.ping((failure) => {
      if (failure !== undefined) this.connection.destroy();
      this.#endCancel();
    });
  }

  #endCancel(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    const finish = this.#finish;
    this.#finish = undefined;
    this.#toIdle(() => finish?.());
  }

  #toIdle(finish: () => void): void {
    this.#state = "idle";
    finish();
    if (this.#state !== "idle") return;
    const listener = this.#onIdle;
    this.#onIdle = undefined;
    listener?.();
  }
}

/**
 * What a cancel does to a request: `cancel` tells the server and waits for what the request came to; `undo` does the same where
 * losing the connection undoes it too; `leave` goes at once, and whoever leaves has to destroy the connection.
 */
export type AtCancel = "cancel" | "undo" | "leave";

/**
 * Sends a request and waits for its outcome, also when it is cancelled: the server is told then, and `Cancelled` is
 * thrown if it ended the statement.
 */
export async function sendOn<T>(
  lease: Lease,
  operation: string,
  start: (done: (outcome: Outcome<T>) => void) => void,
  atCancel: AtCancel = "cancel",
): Promise<T> {
  const outcome = await suspend<Outcome<T>>(operation, (resume, fail) => {
    let cancelled: Cancelled | undefined;
    let hasLeft = false;
    lease.send<T>(start, (ended) => {
      if (hasLeft) return;
      const isUndone = wasCancelled(ended) || (atCancel === "undo" && lease.connection.ended);
      if (cancelled !== undefined && isUndone) fail(cancelled);
      else resume(ended);
    });
    return (reason) => {
      hasLeft = atCancel === "leave";
      if (hasLeft) return undefined;
      cancelled = reason;
      lease.cancel();
      return "pending";
    };
  });
  return unwrap(outcome);
}

/** The server ended the statement. */
export function wasCancelled(outcome: unknown): boolean {
  return outcome instanceof DatabaseError && outcome.code === "ERR_DB_STATEMENT_CANCELLED";
}

/**
 * What a failure means where writes are expected: a server that refuses them has become one that only follows, and another takes
 * them.
 */
export function asWriter(failure: DatabaseError): DatabaseError {
  if (failure.code !== "ERR_DB_READ_ONLY") return failure;
  const { message, cause, sql, sqlState } = failure;
  return new DatabaseError("ERR_DB_UNAVAILABLE", message, { cause, sql, sqlState });
}

/** The same failure, of something that has certainly not been done: it is safe to do it again. */
export function asUndone({ code, message, cause, sql, sqlState }: DatabaseError): DatabaseError {
  return new DatabaseError(code, message, { cause, sql, sqlState, retryable: true });
}

/** The connection broke before the outcome was there. */
export function isLost(outcome: unknown): outcome is DatabaseError {
  return outcome instanceof DatabaseError && outcome.code === "ERR_DB_CONNECTION_LOST";
}

/** Another server, or this one in a moment, may take the same work. */
export function isServerGone(outcome: unknown): outcome is DatabaseError {
  return isLost(outcome) || (outcome instanceof DatabaseError && outcome.code === "ERR_DB_UNAVAILABLE");
}

/** Throws an outcome that is a failure. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome instanceof DatabaseError) throw outcome;
  return outcome;
}
