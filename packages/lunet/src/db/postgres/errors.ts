/**
 * Turns what PostgreSQL says into a `DatabaseError`. SQLSTATE codes:
 * https://www.postgresql.org/docs/current/errcodes-appendix.html.
 *
 * Nothing here depends on the language that the server speaks. Values stay out: the server's detail and context, which
 * have them, are not kept, and where its message quotes one it is cut.
 */
import { type DatabaseErrorCode, DatabaseError, quoteSql } from "../errors.ts";
import type { ServerFailure } from "./library.ts";

/** By SQLSTATE; what is not here is found by its class, the first two characters. */
const CODES: Readonly<Record<string, DatabaseErrorCode>> = {
  // Connections. 08P01 on a connection that goes on: the statement has not the parameters that lunet counted.
  "08": "ERR_DB_CONNECTION_LOST",
  "08001": "ERR_DB_UNAVAILABLE",
  "08004": "ERR_DB_UNAVAILABLE",
  "08P01": "ERR_DB_SYNTAX",
  // Data. What does not fit a column's type or length, by its value; other failures, such as a division by zero, are the
  // statement's.
  "22": "ERR_DB_STATEMENT",
  "22001": "ERR_DB_TOO_BIG",
  "22007": "ERR_DB_TYPE",
  "22008": "ERR_DB_TYPE",
  "22021": "ERR_DB_TYPE",
  "22P02": "ERR_DB_TYPE",
  "22P03": "ERR_DB_TYPE",
  "22P05": "ERR_DB_TYPE",
  // Constraints.
  "23": "ERR_DB_CONSTRAINT",
  "23502": "ERR_DB_NOT_NULL",
  "23503": "ERR_DB_FOREIGN_KEY",
  "23505": "ERR_DB_UNIQUE",
  "23514": "ERR_DB_CHECK",
  "44000": "ERR_DB_CHECK", // a view's check option
  // Transactions.
  "25001": "ERR_DB_TRANSACTION_OPEN", // such as VACUUM
  "25006": "ERR_DB_READ_ONLY", // also what a standby says: the caller knows how the transaction was begun
  "25P02": "ERR_DB_TRANSACTION_FAILED",
  "25P03": "ERR_DB_CONNECTION_LOST",
  "25P04": "ERR_DB_CONNECTION_LOST",
  "40001": "ERR_DB_SERIALIZATION",
  "40002": "ERR_DB_CONSTRAINT",
  "40P01": "ERR_DB_DEADLOCK",
  "55P03": "ERR_DB_BUSY",
  // Rights, names and grammar.
  "28": "ERR_DB_ACCESS",
  "3D000": "ERR_DB_ACCESS",
  "3F000": "ERR_DB_SYNTAX",
  "42": "ERR_DB_SYNTAX",
  "42501": "ERR_DB_ACCESS",
  "42804": "ERR_DB_TYPE", // a column of one type was given an expression of another
  // Limits and resources.
  "53": "ERR_DB_UNAVAILABLE",
  "53100": "ERR_DB_FULL",
  "53200": "ERR_DB_OUT_OF_MEMORY",
  "53400": "ERR_DB_TOO_BIG",
  "54": "ERR_DB_TOO_BIG",
  // The server itself.
  "57014": "ERR_DB_STATEMENT_CANCELLED",
  "57P01": "ERR_DB_CONNECTION_LOST",
  "57P02": "ERR_DB_CONNECTION_LOST",
  "57P03": "ERR_DB_UNAVAILABLE",
  "57P04": "ERR_DB_CONNECTION_LOST",
  "57P05": "ERR_DB_CONNECTION_LOST",
  "58": "ERR_DB_IO",
  XX001: "ERR_DB_CORRUPT",
  XX002: "ERR_DB_CORRUPT",
};

/** A value is too large for a number's type: the input's, when the message quotes it, or a calculation's. */
const OUT_OF_RANGE = "22003";

/** Makes the error that a caller sees of what the server said about the statement `sql`. */
export function toDatabaseError(failure: ServerFailure, sql: string): DatabaseError {
  const cause = withoutValues(failure);
  return new DatabaseError(codeOf(failure), `Cannot run ${quoteSql(sql)}: ${cause.message}`, {
    cause,
    sql,
    sqlState: failure.code,
    constraint: constraintOf(failure),
  });
}

/** Makes the error of a connection that the server refused to open. */
export function toConnectError(failure: ServerFailure, server: string): DatabaseError {
  const isRefusal = codeOf(failure) === "ERR_DB_ACCESS";
  return new DatabaseError(
    isRefusal ? "ERR_DB_ACCESS" : "ERR_DB_UNAVAILABLE",
    `Cannot connect to ${server}: ${failure.message}`,
    { cause: withoutValues(failure), sqlState: failure.code },
  );
}

function codeOf(failure: ServerFailure): DatabaseErrorCode {
  const sqlState = failure.code ?? "";
  if (sqlState === OUT_OF_RANGE && QUOTED.test(failure.message)) return "ERR_DB_TYPE";
  return CODES[sqlState] ?? CODES[sqlState.slice(0, 2)] ?? "ERR_DB_STATEMENT";
}

/** What a server said, for a `cause`: everything but values. */
export function withoutValues(failure: ServerFailure): Error {
  const { severity, code, position, schema, table, column, dataType, constraint, routine } = failure;
  const isAboutData = code?.startsWith("22") === true;
  const message = isAboutData ? failure.message.replace(QUOTED, "“…”") : failure.message;
  const error = new Error(message);
  error.name = "PostgresError";
  return Object.assign(error, { severity, code, position, schema, table, column, dataType, constraint, routine });
}

/** From the first quotation mark to the last, in any of the languages that the server speaks. */
const QUOTED = /["'«»„“”‹›「『][^]*["'«»„“”‹›」』]/;

/** `Key (a, b)=(1, 2) already exists.`, whatever its language. */
const KEY = /\(([^]*?)\)=\(/;
const PLAIN_COLUMNS = /^(?:[^\s(),"]+|"(?:[^"]|"")+")(?:, (?:[^\s(),"]+|"(?:[^"]|"")+"))*$/;
const COLUMN = /[^\s(),"]+|"(?:[^"]|"")+"/g;

function constraintOf(failure: ServerFailure): string | undefined {
  const { code, table, column, constraint } = failure;
  if (code === "23502" && table !== undefined && column !== undefined) return `${table}.${column}`;
  if (code !== "23505" || table === undefined) return constraint;
  // A key that is an expression, or that the user may not see, has its index's name alone.
  const columns = KEY.exec(failure.detail ?? "")?.[1];
  if (columns === undefined || !PLAIN_COLUMNS.test(columns)) return constraint;
  return columns.replaceAll(COLUMN, (name) => `${table}.${unquote(name)}`);
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
