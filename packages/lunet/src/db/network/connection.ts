/**
 * What a driver gives for a database behind a network: connections, as callbacks, that say what they know of the server.
 *
 * Rules that every driver keeps:
 * - `done` is called exactly once for each request, never before the method returns, with an error when the connection ends first.
 *   It is called when the server has said that it is ready for the next statement, after a failure too.
 * - Requests on one connection are answered in order. On a shared connection many are under way; on an exclusive one the
 *   owner sends one at a time.
 * - Nothing throws, and no event of the library's reaches the process: what goes wrong is somebody's outcome, or ends
 *   the connection (`ended`, `onEnd`).
 */
import type { DatabaseError } from "../errors.ts";
import type { BoundValue } from "../parameters.ts";
import type { ResultRows } from "../rows.ts";
import type { SqlText } from "../sql-text.ts";
import type { HostAddress } from "./address.ts";

/** What a statement did. */
export interface RunResult extends ResultRows {
  readonly affectedRows: number;
  readonly lastInsertId: number | bigint | undefined;
}

/** Where the connection's transaction stands, as the server last told. `failed`: it can only be rolled back. */
export type TransactionState = "none" | "open" | "failed";

/** A connection to a server. */
export interface NetworkConnection {
  /** It is gone. What was under way has been told so, or is about to be. */
  readonly ended: boolean;
  readonly transaction: TransactionState;
  /** The host that it goes to, for messages. */
  readonly host: string;
  /**
   * Runs one statement, prepared at its first run here and kept in a bounded cache.
   *
   * @param wantRows Rows are dropped undecoded when false, and `rows` is empty.
   * @param done Gets `ERR_DB_CONNECTION_LOST` when the connection ends first, `ERR_DB_STATEMENT_CANCELLED` when a cancel met it.
   */
  run(
    text: SqlText,
    params: readonly BoundValue[],
    wantRows: boolean,
    done: (outcome: RunResult | DatabaseError) => void,
  ): void;
  /** Runs a statement of lunet's own, such as `begin`, unprepared and without rows. */
  control(sql: string, done: (failure: DatabaseError | undefined) => void): void;
  /** Asks for nothing: answered when everything before it is. */
  ping(done: (failure: DatabaseError | undefined) => void): void;
  /**
   * Asks the server to end the statement that it runs for this connection now.
   *
   * @param done Called once, when the server has taken the request, so that it can hit nothing that is sent after one more
   *   `ping`; with an error when it could not be delivered, in `connectTimeoutMs` at most.
   */
  cancel(done: (failure: DatabaseError | undefined) => void): void;
  /** Says good-bye, and calls `done` when the socket is closed. */
  close(done: () => void): void;
  /** Ends it at once. What is under way is told that the connection is lost. */
  destroy(): void;
  /** Calls `listener` once, when it has ended, whoever ended it; at once if it has. */
  onEnd(listener: () => void): void;
}

/** What a connection is opened for. */
export interface ConnectOptions {
  readonly host: HostAddress;
  /** A shared connection sends without waiting for answers. */
  readonly isShared: boolean;
  /** Refuse a server that takes no writes: a standby, or a node outside its cluster's primary part. */
  readonly needsWrites: boolean;
  readonly timeoutMs: number;
}

/** A driver: what it takes to reach the servers of one address. */
export interface Driver {
  readonly dialect: "postgres" | "mariadb";
  /**
   * Opens a connection to one host.
   *
   * @param done Called once, with the connection, or with `ERR_DB_ACCESS` when the server refused who asks, or
   *   `ERR_DB_UNAVAILABLE` for everything else, the server's words as its cause.
   * @returns Gives the attempt up; `done` is called all the same.
   */
  connect(options: ConnectOptions, done: (opened: NetworkConnection | DatabaseError) => void): () => void;
  /** Ends what the driver itself keeps, such as a connection for cancels. */
  close(): void;
}

/** What a driver is made with, beside the address. */
export interface DriverSettings {
  readonly statementCacheSize: number;
  readonly maxRows: number;
  readonly connectTimeoutMs: number;
}
