/**
 * The thread of one connection: it takes requests in order and answers each once. Its first message says whether the
 * connection could be opened.
 */
import { workerData } from "node:worker_threads";
import { TRACE } from "#trace";
import { SqliteConnection } from "./connection.ts";
import { describeFailure, isBusy } from "./failure.ts";
import type { Call, CallValue, GroupValue, Reply, Request } from "./protocol.ts";
import type { WorkerInput } from "./thread-connection.ts";

/** The savepoint around a write that gives rows. */
const CALL = "lunet_call";

function attempt<T>(action: () => T): Reply<T> {
  try {
    return { ok: true, value: action() };
  } catch (error) {
    return { ok: false, failure: describeFailure(error) };
  }
}

function answer(connection: SqliteConnection, request: Request): unknown {
  switch (request.do) {
    case "call":
      return runCall(connection, request.call, request.transaction);
    case "group":
      return runGroup(connection, request.calls);
    case "control":
      return connection.control(request.sql, request.transaction);
    case "commit":
      return commit(connection);
    case "rollbackTo":
      return rollbackTo(connection, request.savepoint);
    case "rollback":
      return rollback(connection);
    case "close":
      return connection.close();
  }
}

/** Runs a call. One that fails has no effect: SQLite sees to it, except for rows that nobody can take. */
function runCall(connection: SqliteConnection, call: Call, transaction: boolean): CallValue {
  const { text, params, wantRows } = call;
  if (!wantRows) return connection.exec(text, params, transaction);
  if (text.kind === "read" || text.kind === "other") return connection.rows(text, params, transaction);
  if (transaction) connection.expectTransaction();
  connection.control(`savepoint ${CALL}`, false);
  try {
    const rows = connection.rows(text, params, true);
    connection.control(`release ${CALL}`, true);
    return rows;
  } catch (error) {
    rollbackTo(connection, CALL);
    throw error;
  }
}

function rollback(connection: SqliteConnection): void {
  if (connection.inTransaction) connection.control("rollback", true);
}

function rollbackTo(connection: SqliteConnection, savepoint: string): void {
  if (!connection.inTransaction) return;
  connection.control(`rollback to ${savepoint}`, true);
  connection.control(`release ${savepoint}`, true);
}

function commit(connection: SqliteConnection): void {
  try {
    connection.control("commit", true);
  } catch (error) {
    rollback(connection);
    throw error;
  }
}

/**
 * Runs the calls in one transaction. When the whole of it fails, because a deferred constraint is found broken at the
 * commit or because SQLite rolled back by itself, each call is run again on its own.
 */
function runGroup(connection: SqliteConnection, calls: readonly Call[]): GroupValue {
  connection.control("begin immediate", false);
  try {
    const replies = calls.map((call) => attempt(() => runCall(connection, call, true)));
    commit(connection);
    return replies;
  } catch (error) {
    rollback(connection);
    // Running again takes nothing away from the caller: nothing of the group was kept.
    if (isBusy(describeFailure(error))) throw error;
  }
  return calls.map((call) => attempt(() => runCall(connection, call, false)));
}

const { options, port, replies } = workerData as WorkerInput;

function reply(message: Reply<unknown>): void {
  port.postMessage(message);
  Atomics.add(replies, 0, 1);
  Atomics.notify(replies, 0);
}

const opened = attempt(() => new SqliteConnection(options));
if (opened.ok) {
  const connection = opened.value;
  port.on("message", (request: Request) => {
    let outcome = attempt(() => answer(connection, request));
    if (TRACE) outcome = { ...outcome, inTransaction: request.do !== "close" && connection.inTransaction };
    reply(outcome);
    if (request.do === "close") port.close();
  });
  reply({ ok: true, value: undefined });
} else {
  reply(opened);
  port.close();
}
