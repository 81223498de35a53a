/**
 * A connection to a MariaDB server.
 *
 * Rules that it keeps, beside those of `NetworkConnection`:
 * - It keeps the prepared statements itself. The package's own cache sends "prepare" and "execute what was prepared last" at once on
 *   a pipelined connection; where the server refuses to prepare for want of room the second could run another statement.
 *   So an execution goes out when its statement is known, and what comes meanwhile is held back, in order.
 * - It keeps count of what is under way itself. When a connection breaks, the package forgets commands not yet sent.
 * - It ends the socket itself. The package's `destroy` opens another connection first, to kill what runs here.
 *
 * A failure comes without the status of the transaction. Some failures end a statement, and some the whole transaction: a
 * deadlock, a conflict in a cluster, a lock wait with `innodb_rollback_on_timeout`. After those the server would run what follows
 * one by one, and commit it. So the server is asked after each failure in a transaction, and `failed` is what it says no
 * more to be in.
 */
import { ended, made, TRACE, transactionState } from "#trace";
import { gatherWrites, type Socket } from "../../host/library-socket.ts";
import { BoundedCache } from "../bounded-cache.ts";
import { DatabaseError, quoteSql } from "../errors.ts";
import type { NetworkConnection, RunResult, TransactionState } from "../network/connection.ts";
import type { BoundValue } from "../parameters.ts";
import type { SqlText } from "../sql-text.ts";
import { causeOf, lostError, numberOf, statementError } from "./errors.ts";
import type { ServerIdentity } from "./kill-query.ts";
import {
  type Column,
  type Command,
  type CommandResult,
  IN_TRANSACTION,
  type LibraryConnection,
  type LibraryError,
  type OkPacket,
  type Packet,
  type Prepared,
} from "./library.ts";
import { areTooBig, readRow, readTextRow, type RowShape, shapeOf, toParameters } from "./values.ts";

/** Asks for nothing. The package's `ping` takes any answer for a good one, also that the statement was killed. */
const NOTHING = "do 0";

/** What ends a transaction that failed: not the one to a savepoint. */
const ROLLBACK = /^\s*rollback\s*$/i;

const TOO_MANY_STATEMENTS = 1461;
const CANNOT_PREPARE = 1295;
const INTERRUPTED = 1317;
/** The server does not know a prepared statement any more, or could not prepare it again. */
const STALE_STATEMENTS: readonly number[] = [1243, 1615];

/** What a connection is made with. */
export interface ConnectionSettings {
  readonly host: string;
  readonly server: ServerIdentity;
  readonly statementCacheSize: number;
  readonly maxRows: number;
  /** The largest packet that the server takes. */
  readonly maxPacketBytes: number;
  /** It sends without waiting for answers, and has no transactions. */
  readonly isShared: boolean;
  /** Ends the statement that the connection of this number runs. */
  readonly kill: (threadId: number, done: (failure: DatabaseError | undefined) => void) => void;
}

/** A prepared statement, and how its rows were last read. */
interface Statement {
  readonly prepared: Prepared;
  columns: readonly Column[] | undefined;
  shape: RowShape | undefined;
}

/** What waits for an answer. */
interface Request {
  readonly lost: (failure: DatabaseError) => void;
}

/** One run of a statement. */
class Run implements Request {
  readonly text: SqlText;
  readonly params: readonly BoundValue[];
  readonly wantRows: boolean;
  readonly done: (outcome: RunResult | DatabaseError) => void;
  rows: unknown[][] = [];
  rowCount = 0;
  /** How many results came: a procedure can give several, of which the first one counts. */
  resultCount = 0;
  columns: readonly string[] = [];
  hasMadeRoom = false;

  constructor(
    text: SqlText,
    params: readonly BoundValue[],
    wantRows: boolean,
    done: (outcome: RunResult | DatabaseError) => void,
  ) {
    this.text = text;
    this.params = params;
    this.wantRows = wantRows;
    this.done = done;
  }

  lost(failure: DatabaseError): void {
    this.done(failure);
  }
}

type Read = (shape: RowShape, packet: Packet) => unknown[];

/** An open connection. */
export class MariadbConnection implements NetworkConnection {
  readonly host: string;
  /** The server that it leads to. */
  readonly server: ServerIdentity;
  readonly #library: LibraryConnection;
  readonly #socket: Socket;
  readonly #settings: ConnectionSettings;
  readonly #statements: BoundedCache<string, Statement>;
  /** In the order in which they came. */
  readonly #underWay = new Set<Request>();
  /** What came while a statement is being prepared. */
  readonly #held: (() => void)[] = [];
  readonly #endListeners: (() => void)[] = [];
  readonly #closeListeners: (() => void)[] = [];
  #isPreparing = false;
  #transaction: TransactionState = "none";
  #ended = false;
  #isClosed = false;
  #cause: unknown;

  constructor(library: LibraryConnection, socket: Socket, settings: ConnectionSettings) {
    this.#library = library;
    this.#socket = socket;
    this.#settings = settings;
    this.host = settings.host;
    this.server = settings.server;
    this.#statements = new BoundedCache(settings.statementCacheSize, ({ prepared }) => {
      if (!this.#ended) prepared.close();
    });
    library.on("error", (error) => this.#end(error && causeOf(error)));
    library.on("end", () => this.#close());
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#close());
    if (TRACE) made("db-connection", this, undefined, settings.host);
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
    const run = new Run(text, params, wantRows, done);
    if (!this.#take(run)) return;
    if (areTooBig(params, this.#settings.maxPacketBytes)) this.#refuse(run);
    else this.#send(() => this.#run(run));
  }

  control(sql: string, done: (failure: DatabaseError | undefined) => void): void {
    this.#ask(
      sql,
      (error) => done(error === undefined ? undefined : statementError(error, { sql, table: undefined })),
      done,
    );
  }

  /**
   * A kill that comes late meets this, if it meets anything. So the failure that says so is a good answer: the mark is gone
   * with it.
   */
  ping(done: (failure: DatabaseError | undefined) => void): void {
    const answered = (error: LibraryError | undefined): void => {
      const wasMet = error === undefined || numberOf(error) === INTERRUPTED;
      done(wasMet ? undefined : statementError(error, { sql: NOTHING, table: undefined }));
    };
    this.#ask(NOTHING, answered, done);
  }

  cancel(done: (failure: DatabaseError | undefined) => void): void {
    const { threadId } = this.#library;
    if (this.#ended || threadId === null) queueMicrotask(() => done(undefined));
    else this.#settings.kill(threadId, done);
  }

  close(done: () => void): void {
    if (this.#isClosed) return queueMicrotask(done);
    this.#closeListeners.push(done);
    if (!this.#ended) this.#library.end(() => {});
  }

  destroy(): void {
    this.#end(new Error("the connection was destroyed"));
    this.#socket.destroy();
  }

  onEnd(listener: () => void): void {
    if (this.#ended) queueMicrotask(listener);
    else this.#endListeners.push(listener);
  }

  /** Takes a request on. One that comes too late is told so. */
  #take(request: Request): boolean {
    if (this.#ended) queueMicrotask(() => request.lost(lostError(this.host, this.#cause)));
    else this.#underWay.add(request);
    return !this.#ended;
  }

  #refuse(run: Run): void {
    const { sql } = run.text;
    const found = `found larger values than the server takes, ${this.#settings.maxPacketBytes} bytes (max_allowed_packet)`;
    const error = new DatabaseError("ERR_DB_TOO_BIG", `Cannot run ${quoteSql(sql)}: ${found}`, { sql });
    queueMicrotask(() => this.#settle(run, () => run.done(error)));
  }

  #send(start: () => void): void {
    if (this.#isPreparing || this.#held.length > 0) this.#held.push(start);
    else start();
  }

  /** Sends what was held back, until the next that has to be prepared. */
  #resume(): void {
    this.#isPreparing = false;
    while (!this.#isPreparing && !this.#ended) {
      const start = this.#held.shift();
      if (start === undefined) return;
      start();
    }
  }

  /** Asks for an answer without rows, in text, and tells the library's error if that is the answer. */
  #ask(sql: string, answered: (error: LibraryError | undefined) => void, lost: (failure: DatabaseError) => void): void {
    const request: Request = { lost };
    if (!this.#take(request)) return;
    const answer = (error: LibraryError | null): void => {
      if (error === null) {
        this.#noteStatus(ROLLBACK.test(sql));
        this.#settle(request, () => answered(undefined));
      } else this.#afterFailure(error, () => this.#settle(request, () => answered(error)));
    };
    this.#send(() => this.#library.query(sql, answer));
  }

  #run(run: Run): void {
    const statement = this.#statements.get(run.text.native);
    if (statement === undefined) this.#prepare(run);
    else this.#execute(run, statement);
  }

  #prepare(run: Run): void {
    this.#isPreparing = true;
    this.#library.prepare(run.text.native, (error, prepared) => {
      if (error === null) this.#hasPrepared(run, prepared);
      else if (numberOf(error) === TOO_MANY_STATEMENTS && !run.hasMadeRoom) {
        run.hasMadeRoom = true;
        this.#statements.clear();
        this.#prepare(run);
        return;
      } else if (numberOf(error) === CANNOT_PREPARE && run.params.length === 0) this.#runAsText(run);
      else this.#fail(run, error);
      this.#resume();
    });
  }

  #hasPrepared(run: Run, prepared: Prepared): void {
    if (prepared.parameterCount !== run.params.length) {
      prepared.close();
      const { sql } = run.text;
      const found = `found ${prepared.parameterCount} parameters in it, wanted ${run.params.length}`;
      this.#settle(run, () =>
        run.done(new DatabaseError("ERR_DB_SYNTAX", `Cannot run ${quoteSql(sql)}: ${found}`, { sql })),
      );
      return;
    }
    const statement: Statement = { prepared, columns: undefined, shape: undefined };
    this.#statements.set(run.text.native, statement);
    this.#execute(run, statement);
  }

  #execute(run: Run, statement: Statement): void {
    if (this.#settings.isShared) gatherWrites(this.#socket);
    const values = toParameters(run.params);
    const { prepared } = statement;
    prepared.execute(values, (error, result) => this.#answer(run, error, result));
    const command = prepared.conn.receiveQueue.peekBack();
    if (command?.initialValues === values) this.#takeRows(run, command, statement, readRow);
  }

  /** For the few statements that cannot be prepared. Their rows are text. */
  #runAsText(run: Run): void {
    const command = this.#library.query(run.text.native, (error, result) =>
      this.#answer(run, error, [result, undefined]),
    );
    this.#takeRows(run, command, { columns: undefined, shape: undefined }, readTextRow);
  }

  /** Reads the rows of a command as they come. Those past the limit are read over, and none of them is kept. */
  #takeRows(run: Run, command: Command, statement: Pick<Statement, "columns" | "shape">, read: Read): void {
    const { maxRows } = this.#settings;
    const readOver = (): void => {
      if (run.resultCount === 1) run.rowCount++;
    };
    command.setParser = () => {
      run.resultCount++;
      command.parseRow = readOver;
      if (run.resultCount > 1) return;
      // The package gives the same columns again as long as the server says that they are the same.
      if (statement.columns !== command._columns || statement.shape === undefined) {
        statement.columns = command._columns;
        statement.shape = shapeOf(command._columns, statement.shape?.names);
      }
      const { shape } = statement;
      run.columns = shape.names;
      if (!run.wantRows) return;
      command.parseRow = (packet) => {
        run.rowCount++;
        if (run.rowCount <= maxRows) run.rows.push(read(shape, packet));
        else {
          run.rows = [];
          command.parseRow = readOver;
        }
      };
    };
    command.handleNewRows = () => {};
  }

  #answer(run: Run, error: LibraryError | null, result: CommandResult): void {
    if (error !== null) return this.#fail(run, error);
    this.#noteStatus(false);
    this.#settle(run, () => run.done(this.#resultOf(run, result)));
  }

  #resultOf(run: Run, [result]: CommandResult): RunResult | DatabaseError {
    const { text, rows, rowCount, columns } = run;
    const { maxRows } = this.#settings;
    if (run.wantRows && rowCount > maxRows) {
      const done = text.kind === "read" ? "" : "; what it does was done";
      const words = `found more than ${maxRows} rows, wanted that many or fewer${done}`;
      return new DatabaseError("ERR_DB_TOO_BIG", `Cannot run ${quoteSql(text.sql)}: ${words}`, { sql: text.sql });
    }
    const writes = text.kind === "insert" || text.kind === "change";
    // What gives rows tells no number of them; of a procedure's results the last one tells it.
    const told = (Array.isArray(result) ? result.at(-1) : result) as OkPacket | undefined;
    const affectedRows = told?.affectedRows ?? (writes ? rowCount : 0);
    // Commands that are done with hang on to each other until a major collection, and the rows would stay with them: a list
    // costs 1.6 times as much then.
    run.rows = [];
    return { columns, rows, affectedRows, lastInsertId: lastInsertId(text, affectedRows, told?.insertId ?? 0n) };
  }

  #fail(run: Run, error: LibraryError): void {
    const failure = statementError(error, run.text);
    if (failure.code === "ERR_DB_CONNECTION_LOST") {
      this.#end(causeOf(error));
      this.#socket.destroy();
      return;
    }
    if (STALE_STATEMENTS.includes(numberOf(error))) this.#statements.clear();
    this.#afterFailure(error, () => this.#settle(run, () => run.done(failure)));
  }

  /** Finds out, after a failure, whether there is a transaction still. */
  #afterFailure(error: LibraryError, next: () => void): void {
    if (this.#transaction !== "open" || this.#ended) return next();
    const answered = (failure: LibraryError | null): void => {
      if (failure === null && !this.#isInTransaction) this.#setTransaction("failed");
      // Without an answer nothing is known, and the connection is of no use.
      if (failure !== null && numberOf(failure) !== INTERRUPTED) {
        this.#end(causeOf(error));
        this.#socket.destroy();
      }
      next();
    };
    this.#library.query(NOTHING, answered);
  }

  get #isInTransaction(): boolean {
    return ((this.#library.info?.status ?? 0) & IN_TRANSACTION) !== 0;
  }

  /** Takes over what the last answer told, when it is known to be the last. A transaction that failed is one until it is rolled back. */
  #noteStatus(isRollback: boolean): void {
    if (this.#settings.isShared || (this.#transaction === "failed" && !isRollback)) return;
    this.#setTransaction(this.#isInTransaction ? "open" : "none");
  }

  #setTransaction(state: TransactionState): void {
    this.#transaction = state;
    if (TRACE) transactionState(this, state !== "none");
  }

  #settle(request: Request, tell: () => void): void {
    if (this.#underWay.delete(request)) tell();
  }

  #end(cause: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cause = cause;
    // Its caller may be in the middle of a request.
    queueMicrotask(() => {
      if (TRACE) ended("db-connection", this);
      for (const request of this.#underWay) {
        this.#underWay.delete(request);
        request.lost(lostError(this.host, cause));
      }
      for (const listener of this.#endListeners.splice(0)) listener();
    });
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#end(new Error("the server closed the connection"));
    queueMicrotask(() => {
      for (const listener of this.#closeListeners.splice(0)) listener();
    });
  }
}

/** The key of the first row. The server tells 0 for a table that makes none. */
function lastInsertId(text: SqlText, affectedRows: number, insertId: bigint): number | bigint | undefined {
  if (text.kind !== "insert" || affectedRows === 0 || insertId === 0n) return undefined;
  const id = BigInt.asUintN(64, insertId);
  return id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : id;
}
