/**
 * A connection to a PostgreSQL server.
 *
 * What is under way stands in one queue, in the order in which it was sent, which is the order of the answers. Its head is
 * over at ReadyForQuery and not before: a failure is told earlier, when the server is not ready yet. Every connection
 * sends without waiting; that nobody else's statement runs on an exclusive one is its owner's doing.
 *
 * States: open → ended, once. When it ends, all that is under way is told so.
 */
import { ended, made, TRACE, transactionState } from "#trace";
import { gatherWrites } from "../../host/library-socket.ts";
import { DatabaseError, quoteSql } from "../errors.ts";
import type { NetworkConnection, RunResult, TransactionState } from "../network/connection.ts";
import type { BoundValue } from "../parameters.ts";
import type { SqlText } from "../sql-text.ts";
import type { CancelKey } from "./cancel-request.ts";
import { toDatabaseError, withoutValues } from "./errors.ts";
import { isServerFailure, type Library, type ServerFailure, type WireClient } from "./library.ts";
import { PreparedStatements } from "./prepared-statements.ts";
import { ControlRequest, type ServerRequest, StatementRequest, SyncRequest } from "./request.ts";

/** How many parameters the protocol can count. */
const MAX_PARAMETERS = 65_535;

const TRANSACTION_STATES: Readonly<Record<string, TransactionState>> = { I: "none", T: "open", E: "failed" };

/** What a connection is made with. */
export interface PostgresConnectionParts {
  readonly library: Library;
  /** Connected, with nothing sent yet. */
  readonly client: WireClient;
  readonly host: string;
  readonly isShared: boolean;
  readonly statementCacheSize: number;
  readonly maxRows: number;
  /** Sends a cancel request for this connection. */
  readonly cancel: (key: CancelKey, done: (failure: DatabaseError | undefined) => void) => void;
}

interface UnderWay {
  readonly request: ServerRequest;
  /** Called when the server is ready again, or with why it will not be. */
  readonly done: (lost: DatabaseError | undefined) => void;
}

/** A cancel that the connection itself sent. */
interface Stop {
  /** The server has taken it, or the connection ended for it. */
  isOver: boolean;
  /** What waits for that. */
  after: (() => void) | undefined;
}

/** A connection. */
export class PostgresConnection implements NetworkConnection {
  readonly host: string;
  readonly #parts: PostgresConnectionParts;
  readonly #statements: PreparedStatements;
  readonly #underWay: UnderWay[] = [];
  #transaction: TransactionState = "none";
  #ended = false;
  #socketClosed = false;
  #cause: unknown;
  readonly #endListeners: (() => void)[] = [];
  readonly #closeListeners: (() => void)[] = [];

  constructor(parts: PostgresConnectionParts) {
    this.#parts = parts;
    this.host = parts.host;
    this.#statements = new PreparedStatements(parts.statementCacheSize);
    const { client } = parts;
    client.connection.on("readyForQuery", (message: { readonly status: string }) => this.#ready(message.status));
    client.connection.on("parseComplete", () => this.#parsed());
    client.connection.on("end", () => this.#closed());
    client.on("error", (error) => {
      // It comes with a broken socket, with a message that answers nothing, and with the server's last words.
      this.#cause ??= error;
      this.destroy();
    });
    if (TRACE) made("db-connection", this, undefined, parts.host);
  }

  get ended(): boolean {
    return this.#ended;
  }

  get transaction(): TransactionState {
    return this.#transaction;
  }

  run(
    text: SqlText,
    params: readonly BoundValue[],
    wantRows: boolean,
    done: (outcome: RunResult | DatabaseError) => void,
  ): void {
    if (params.length > MAX_PARAMETERS) {
      const found = `${params.length} parameters, limit is ${MAX_PARAMETERS}`;
      const message = `Cannot run ${quoteSql(text.sql)}: found ${found}`;
      return queueMicrotask(() => done(new DatabaseError("ERR_DB_TOO_BIG", message, { sql: text.sql })));
    }
    this.#run(text, params, wantRows, false, done);
  }

  #run(
    text: SqlText,
    params: readonly BoundValue[],
    wantRows: boolean,
    isRetry: boolean,
    done: (outcome: RunResult | DatabaseError) => void,
  ): void {
    const { library, maxRows } = this.#parts;
    const statement = this.#statements.of(text);
    let stopped: Stop = { isOver: true, after: undefined };
    const onTooLong = (): void => {
      // What writes is not ended: nobody could say then whether it was done.
      if (text.kind === "read") stopped = this.#stop();
    };
    const request = new StatementRequest(this.#statements, statement, params, { wantRows, maxRows, onTooLong });
    this.#send(request, (lost) => {
      const { failure } = request;
      if (lost !== undefined) done(lost);
      else if (request.isTooLong) this.#confirm(stopped, () => done(tooLong(text, maxRows)));
      else if (failure === undefined) done(request.result);
      else {
        const isStale = isServerFailure(library, failure) && isStalePreparation(failure);
        if (isStale || !statement.isParsed) this.#statements.forget(statement);
        if (isStale && !isRetry && this.#transaction === "none") this.#run(text, params, wantRows, true, done);
        else done(toError(failure, text.sql));
      }
    });
  }

  /**
   * Has the server end a result that is longer than anybody wants. Nobody else's statement is on an exclusive connection;
   * on a shared one the rest of it is read and dropped.
   */
  #stop(): Stop {
    const stop: Stop = { isOver: this.#parts.isShared, after: undefined };
    if (!stop.isOver) {
      this.cancel((failure) => {
        if (failure !== undefined) this.destroy();
        stop.isOver = true;
        stop.after?.();
      });
    }
    return stop;
  }

  /** Goes on when the cancel of `#stop` can hit nothing any more. */
  #confirm(stop: Stop, then: () => void): void {
    if (this.#parts.isShared) then();
    else if (stop.isOver) this.ping(then);
    else stop.after = () => this.ping(then);
  }

  control(sql: string, done: (failure: DatabaseError | undefined) => void): void {
    this.ask(sql, (answer) => done(answer instanceof DatabaseError ? answer : undefined));
  }

  /** As `control`, and gives the first field of the last row, as the server's text. */
  ask(sql: string, done: (answer: unknown) => void): void {
    const request = new ControlRequest(sql);
    this.#send(request, (lost) => {
      if (lost !== undefined) done(lost);
      else done(request.failure === undefined ? request.value : toError(request.failure, sql));
    });
  }

  /**
   * A Sync alone is the cheapest round trip. A server that gets a cancel while it runs nothing drops it when it has read the
   * next message, so the Sync takes a late cancel away without a word; should it fail for it all the same, that is no
   * failure.
   */
  ping(done: (failure: DatabaseError | undefined) => void): void {
    this.#send(new SyncRequest(), done);
  }

  cancel(done: (failure: DatabaseError | undefined) => void): void {
    const { processID, secretKey } = this.#parts.client;
    this.#parts.cancel({ processId: processID ?? 0, secretKey: secretKey ?? 0 }, done);
  }

  close(done: () => void): void {
    this.#onSocketClose(done);
    if (!this.#socketClosed) this.#parts.client.end(() => {});
  }

  destroy(): void {
    this.#parts.client.connection.stream.destroy();
    this.#end();
  }

  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#endListeners.push(listener);
  }

  #onSocketClose(listener: () => void): void {
    if (this.#socketClosed) queueMicrotask(listener);
    else this.#closeListeners.push(listener);
  }

  #send(request: ServerRequest, done: (lost: DatabaseError | undefined) => void): void {
    if (this.#ended) return queueMicrotask(() => done(this.#lost()));
    this.#underWay.push({ request, done });
    const { client, isShared } = this.#parts;
    if (isShared) gatherWrites(client.connection.stream);
    client.query(request);
  }

  /** The server has parsed a statement: that of the head, for answers come in order. */
  #parsed(): void {
    const request = this.#underWay[0]?.request;
    if (request instanceof StatementRequest) request.statement.isParsed = true;
  }

  #ready(status: string): void {
    if (this.#ended) return;
    this.#transaction = TRANSACTION_STATES[status] ?? "failed";
    if (TRACE) transactionState(this, this.#transaction !== "none");
    this.#underWay.shift()?.done(undefined);
  }

  #closed(): void {
    this.#socketClosed = true;
    this.#end();
    for (const listener of this.#closeListeners.splice(0)) listener();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (TRACE) ended("db-connection", this);
    // The server's last words came as the answer to what it was doing.
    const last = this.#underWay[0]?.request.failure;
    if (isServerFailure(this.#parts.library, last)) this.#cause = last;
    // Whoever ends it is not called back meanwhile.
    queueMicrotask(() => {
      for (const { done } of this.#underWay.splice(0)) done(this.#lost());
      for (const listener of this.#endListeners.splice(0)) listener();
    });
  }

  #lost(): DatabaseError {
    const cause = isServerFailure(this.#parts.library, this.#cause) ? withoutValues(this.#cause) : this.#cause;
    const why = cause instanceof Error ? `: ${cause.message}` : "";
    return new DatabaseError(
      "ERR_DB_CONNECTION_LOST",
      `Cannot go on with ${this.host}: found the connection ended${why}`,
      {
        cause,
      },
    );
  }
}

function toError(failure: DatabaseError | ServerFailure, sql: string): DatabaseError {
  return failure instanceof DatabaseError ? failure : toDatabaseError(failure, sql);
}

/** The server does not know the statement any more, or its result would have other columns now. */
function isStalePreparation({ code, routine }: ServerFailure): boolean {
  return code === "26000" || (code === "0A000" && routine === "RevalidateCachedQuery");
}

function tooLong({ sql, kind }: SqlText, maxRows: number): DatabaseError {
  const done = kind === "read" ? "" : "; what it does was done";
  return new DatabaseError(
    "ERR_DB_TOO_BIG",
    `Cannot read ${quoteSql(sql)}: found more than ${maxRows} rows, the limit${done}`,
    { sql },
  );
}
