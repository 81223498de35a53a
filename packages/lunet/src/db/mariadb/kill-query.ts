/**
 * Asks servers to end a statement: `KILL QUERY` from a connection beside the one that runs it, to the same server and with
 * the same account, which may kill its own.
 *
 * One such connection is kept for each server: opened when it is first wanted, closed after a while without use. An
 * answer to `KILL QUERY` says that the mark is set. The server takes it away when the statement ends that it finds running, and an
 * idle connection keeps none: what is sent after one more round trip is not met (connection.ts, `ping`).
 */
import { setTimer, type Timer } from "../../host/clock.ts";
import { DatabaseError } from "../errors.ts";
import type { NetworkConnection } from "../network/connection.ts";

/** How long a connection for kills is kept without use, in milliseconds. */
const IDLE_MS = 5_000;

/** Called once: when the server has taken the kill, or with why not. */
export type KillDone = (failure: DatabaseError | undefined) => void;

/** What tells one run of a server from every other: what it calls itself, and when it was started, in seconds since 1970. */
export interface ServerIdentity {
  readonly name: string;
  readonly startedS: number;
}

/** The server counts in whole seconds, the clock and the time that it is up each on its own. */
const START_TOLERANCE_S = 2;

/** A connection that knows which server it leads to. */
type KillerConnection = NetworkConnection & { readonly server: ServerIdentity };
type Opened = KillerConnection | DatabaseError;

/** Opens a connection to the server at hand. */
export type OpenKiller = (done: (opened: Opened) => void) => () => void;

/** The way to kill statements on one server. */
export class QueryKiller {
  readonly #open: OpenKiller;
  readonly #timeoutMs: number;
  readonly #waiting: ((opened: Opened) => void)[] = [];
  #connection: KillerConnection | undefined;
  #giveUp: (() => void) | undefined;
  #idle: Timer | undefined;
  #underWay = 0;

  constructor(open: OpenKiller, timeoutMs: number) {
    this.#open = open;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Ends what the connection `threadId` of `server` runs now. A connection that is not there any more runs nothing: that is no
   * failure. Behind one address there can be another server by now, where the number is a stranger's: that one is left
   * alone, and it is a failure.
   */
  kill(threadId: number, server: ServerIdentity, done: KillDone): void {
    this.#underWay++;
    this.#idle?.clear();
    let connection: KillerConnection | undefined;
    let isLate = false;
    const timer = setTimer(this.#timeoutMs, () => {
      isLate = true;
      connection?.destroy();
      finish(
        new DatabaseError("ERR_DB_UNAVAILABLE", `Cannot cancel a statement: found no answer in ${this.#timeoutMs} ms`),
      );
    });
    const finish = (failure: DatabaseError | undefined): void => {
      timer.clear();
      this.#underWay--;
      if (this.#underWay === 0 && this.#connection?.ended === false)
        this.#idle = setTimer(IDLE_MS, () => this.close(), true);
      done(failure);
    };
    this.#whenOpen((opened) => {
      if (isLate) return;
      if (opened instanceof DatabaseError) return finish(opened);
      connection = opened;
      if (!isSameServer(opened.server, server)) {
        this.close();
        return finish(
          new DatabaseError("ERR_DB_UNAVAILABLE", "Cannot cancel a statement: found another server at its address"),
        );
      }
      opened.control(`kill query ${threadId}`, (failure) => {
        if (!isLate) finish(isUnknownThread(failure) ? undefined : failure);
      });
    });
  }

  /** Ends the connection. It is opened again when it is wanted. */
  close(): void {
    this.#idle?.clear();
    this.#giveUp?.();
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  #whenOpen(done: (opened: Opened) => void): void {
    if (this.#connection?.ended === false) return done(this.#connection);
    this.#waiting.push(done);
    if (this.#giveUp !== undefined) return;
    this.#giveUp = this.#open((opened) => {
      this.#giveUp = undefined;
      this.#connection = opened instanceof DatabaseError ? undefined : opened;
      for (const waiting of this.#waiting.splice(0)) waiting(opened);
    });
  }
}

function isSameServer(found: ServerIdentity, wanted: ServerIdentity): boolean {
  return found.name === wanted.name && Math.abs(found.startedS - wanted.startedS) <= START_TOLERANCE_S;
}

const UNKNOWN_THREAD = 1094;

function isUnknownThread(failure: DatabaseError | undefined): boolean {
  const cause = failure?.cause;
  return cause instanceof Error && "errno" in cause && cause.errno === UNKNOWN_THREAD;
}
