/**
 * The one connection that writes, and the queue before it.
 *
 * SQLite lets one connection write at a time, in one process or many, and a durable commit costs a wait for the disk.
 * So writes that wait together share a commit (a group), and each is acknowledged when the commit is done. Statements that no transaction may hold, and transactions, have the connection for themselves.
 *
 * A write is waiting → running → done, or waiting → left when it is cancelled. Once it runs its outcome is waited
 * for: a cancelled write was not done, or its result is given. When another process holds the lock the worker says so at
 * once, and the event loop waits and asks again: meanwhile the write is as cancellable as one that waits.
 */
import { TRACE, waitsForPool } from "#trace";
import { monotonicMs, setTimer } from "../../host/clock.ts";
import { type Cancelled, suspend } from "../../co/mod.ts";
import { DatabaseError } from "../errors.ts";
import type { Pool, Waiter } from "../pool.ts";
import { isBusy } from "./failure.ts";
import type { Call, CallValue, GroupValue, Request } from "./protocol.ts";
import type { Outcome, ThreadConnection } from "./thread-connection.ts";

/** How long to wait for another process's lock before trying again, in milliseconds; the last one is repeated. */
const RETRY_DELAYS_MS = [1, 2, 5, 10, 20, 25, 50];

export function retryDelayMs(tries: number): number {
  return RETRY_DELAYS_MS[Math.min(tries, RETRY_DELAYS_MS.length - 1)] as number;
}

/** Whether a request did nothing because another process has the lock. */
export function isBusyOutcome(outcome: Outcome<unknown>): boolean {
  return !(outcome instanceof DatabaseError) && !outcome.ok && isBusy(outcome.failure);
}

export interface WriterOptions {
  readonly busyTimeoutMs: number;
  readonly maxGroupSize: number;
}

/** Runs single writes. Transactions take the connection from the pool itself. */
export class Writer {
  readonly #pool: Pool<ThreadConnection>;
  readonly #options: WriterOptions;

  constructor(pool: Pool<ThreadConnection>, options: WriterOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  /** Waits for the outcome of one write. */
  run(purpose: string, call: Call): Promise<Outcome<CallValue>> {
    return suspend<Outcome<CallValue>>(purpose, (resume, fail) => {
      const write = new Write(purpose, call, resume, fail, (connection) => this.#serve(connection, write));
      if (TRACE) waitsForPool(this.#pool, 1, "the one that writes");
      this.#pool.enter(write);
      return (cancelled) => {
        if (write.state === "running") {
          write.cancelled = cancelled;
          return "pending";
        }
        write.state = "left";
        this.#pool.leave(write);
        return undefined;
      };
    });
  }

  #serve(connection: ThreadConnection, first: Write): void {
    const group = [first];
    while (first.canShare && group.length < this.#options.maxGroupSize) {
      const next = this.#pool.takeNext((waiter) => waiter instanceof Write && waiter.canShare);
      if (next === undefined) break;
      group.push(next as Write);
    }
    this.#attempt(connection, group, monotonicMs(), 0);
  }

  #attempt(connection: ThreadConnection, group: readonly Write[], sinceMs: number, tries: number): void {
    for (const write of group) write.state = "running";
    connection.send<CallValue | GroupValue>(requestOf(group), (outcome) => {
      const waitedMs = monotonicMs() - sinceMs;
      if (isBusyOutcome(outcome) && waitedMs < this.#options.busyTimeoutMs) {
        this.#tryLater(connection, group, sinceMs, tries);
      } else {
        giveBack(this.#pool, connection, true);
        settleAll(group, outcome);
      }
    });
  }

  #tryLater(connection: ThreadConnection, group: readonly Write[], sinceMs: number, tries: number): void {
    for (const write of group) write.waitAgain();
    setTimer(retryDelayMs(tries), () => {
      const left = group.filter((write) => write.state === "waiting");
      if (left.length === 0) giveBack(this.#pool, connection, true);
      else this.#attempt(connection, left, sinceMs, tries + 1);
    });
  }
}

/** Gives a connection back to its pool, or destroys one that is gone or not known to be clean. */
export function giveBack(pool: Pool<ThreadConnection>, connection: ThreadConnection, clean: boolean): void {
  if (clean && !connection.ended) pool.release(connection);
  else pool.destroy(connection);
}

class Write implements Waiter<ThreadConnection> {
  readonly purpose: string;
  readonly call: Call;
  readonly settle: (outcome: Outcome<CallValue>) => void;
  readonly fail: (error: unknown) => void;
  readonly grant: (connection: ThreadConnection) => void;
  state: "waiting" | "running" | "left" = "waiting";
  /** Set by a cancel while it runs: it counts if the run did nothing. */
  cancelled: Cancelled | undefined;

  constructor(
    purpose: string,
    call: Call,
    settle: (outcome: Outcome<CallValue>) => void,
    fail: (error: unknown) => void,
    grant: (connection: ThreadConnection) => void,
  ) {
    this.purpose = purpose;
    this.call = call;
    this.settle = settle;
    this.fail = fail;
    this.grant = grant;
  }

  /** Goes back to waiting after a run that did nothing. */
  waitAgain(): void {
    this.state = this.cancelled === undefined ? "waiting" : "left";
    if (this.cancelled !== undefined) this.fail(this.cancelled);
  }

  /** PRAGMA, VACUUM and their kind run in no transaction. */
  get canShare(): boolean {
    return this.call.text.kind !== "other";
  }
}

function requestOf(group: readonly Write[]): Request {
  const calls = group.map((write) => write.call);
  const [only] = calls;
  if (calls.length === 1 && only !== undefined) return { do: "call", call: only, transaction: false };
  return { do: "group", calls };
}

function settleAll(group: readonly Write[], outcome: Outcome<CallValue | GroupValue>): void {
  const replies = !(outcome instanceof DatabaseError) && outcome.ok && isGroupValue(outcome.value) ? outcome.value : [];
  // A failure of the whole, such as the loss of the thread, is everybody's.
  for (const [i, write] of group.entries()) write.settle(replies[i] ?? (outcome as Outcome<CallValue>));
}

function isGroupValue(value: CallValue | GroupValue): value is GroupValue {
  return Array.isArray(value);
}
