/** Turns what SQLite says into a `DatabaseError`. Result codes: https://sqlite.org/rescode.html. */
import { type DatabaseErrorCode, DatabaseError, quoteSql } from "../errors.ts";
import type { Failure } from "./failure.ts";

/** By extended result code; what is not here is found by its primary code, the low eight bits. */
const CODES: Readonly<Record<number, readonly [name: string, code: DatabaseErrorCode]>> = {
  1: ["SQLITE_ERROR", "ERR_DB_STATEMENT"],
  3: ["SQLITE_PERM", "ERR_DB_OPEN"],
  5: ["SQLITE_BUSY", "ERR_DB_BUSY"],
  6: ["SQLITE_LOCKED", "ERR_DB_BUSY"],
  7: ["SQLITE_NOMEM", "ERR_DB_OUT_OF_MEMORY"],
  8: ["SQLITE_READONLY", "ERR_DB_READ_ONLY"],
  10: ["SQLITE_IOERR", "ERR_DB_IO"],
  11: ["SQLITE_CORRUPT", "ERR_DB_CORRUPT"],
  13: ["SQLITE_FULL", "ERR_DB_FULL"],
  14: ["SQLITE_CANTOPEN", "ERR_DB_OPEN"],
  15: ["SQLITE_PROTOCOL", "ERR_DB_BUSY"],
  18: ["SQLITE_TOOBIG", "ERR_DB_TOO_BIG"],
  19: ["SQLITE_CONSTRAINT", "ERR_DB_CONSTRAINT"],
  20: ["SQLITE_MISMATCH", "ERR_DB_TYPE"],
  26: ["SQLITE_NOTADB", "ERR_DB_CORRUPT"],
  275: ["SQLITE_CONSTRAINT_CHECK", "ERR_DB_CHECK"],
  787: ["SQLITE_CONSTRAINT_FOREIGNKEY", "ERR_DB_FOREIGN_KEY"],
  1299: ["SQLITE_CONSTRAINT_NOTNULL", "ERR_DB_NOT_NULL"],
  1555: ["SQLITE_CONSTRAINT_PRIMARYKEY", "ERR_DB_UNIQUE"],
  1811: ["SQLITE_CONSTRAINT_TRIGGER", "ERR_DB_CONSTRAINT"],
  2067: ["SQLITE_CONSTRAINT_UNIQUE", "ERR_DB_UNIQUE"],
  2579: ["SQLITE_CONSTRAINT_ROWID", "ERR_DB_UNIQUE"],
  3091: ["SQLITE_CONSTRAINT_DATATYPE", "ERR_DB_TYPE"],
};

/**
 * Makes the error that a caller sees of a failure.
 *
 * @param action What was attempted, for the message: `run`, `open`.
 * @param subject On what: a statement, or a path.
 */
export function toDatabaseError(failure: Failure, action: string, subject: string): DatabaseError {
  const cause = Object.assign(new Error(failure.message), { code: failure.code, errcode: failure.errcode });
  cause.name = failure.name;
  if (failure.stack !== undefined) cause.stack = failure.stack;
  const [sqlState, code] = classify(failure);
  const message = `Cannot ${action} ${quoteSql(subject)}: ${failure.message}`;
  const sql = action === "open" ? undefined : subject;
  return new DatabaseError(code, message, { cause, sqlState, sql, constraint: findConstraint(failure) });
}

function classify(failure: Failure): readonly [sqlState: string | undefined, code: DatabaseErrorCode] {
  if (failure.errcode === undefined) return [undefined, classifyOwn(failure)];
  if (failure.compiling && failure.errcode === 1) return ["SQLITE_ERROR", "ERR_DB_SYNTAX"];
  const entry = CODES[failure.errcode] ?? CODES[failure.errcode & 0xff];
  return entry ?? [`SQLITE_${failure.errcode}`, "ERR_DB_STATEMENT"];
}

function classifyOwn(failure: Failure): DatabaseErrorCode {
  switch (failure.code) {
    case "TOO_MANY_ROWS":
      return "ERR_DB_TOO_BIG";
    case "TRANSACTION_LOST":
      return "ERR_DB_TRANSACTION_ENDED";
    case "NO_WRITE_AHEAD_LOG":
      return "ERR_DB_OPEN";
    default:
      return failure.compiling ? "ERR_DB_SYNTAX" : "ERR_DB_STATEMENT";
  }
}

/** "UNIQUE constraint failed: t.a, t.b" and "…: index 'name'", "NOT NULL constraint failed: t.a", "CHECK constraint failed: name". */
function findConstraint(failure: Failure): string | undefined {
  const match = /^(?:UNIQUE|NOT NULL|CHECK) constraint failed: (?:index '(.*)'|(.*))$/s.exec(failure.message);
  return match?.[1] ?? match?.[2];
}
