/**
 * Turns what MariaDB, the `mariadb` package or the network says into a `DatabaseError`.
 * Numbers: https://mariadb.com/kb/en/mariadb-error-code-reference/.
 *
 * The server's words are kept, without the values that some of them quote; so is nothing of the package's own errors,
 * whose message would have those values again.
 */
import { DatabaseError, type DatabaseErrorCode, quoteSql } from "../errors.ts";
import type { SqlText } from "../sql-text.ts";
import type { LibraryError } from "./library.ts";

/** By number of error. Numbers from 45001 on are the package's own. */
const CODES: Readonly<Partial<Record<DatabaseErrorCode, readonly number[]>>> = {
  ERR_DB_UNIQUE: [1022, 1062, 1169, 1557, 1586, 1761, 1762, 1859],
  ERR_DB_FOREIGN_KEY: [1216, 1217, 1451, 1452],
  ERR_DB_NOT_NULL: [1048, 1364],
  ERR_DB_CHECK: [3819, 4025],
  // Raised by the program's own triggers and procedures.
  ERR_DB_CONSTRAINT: [1643, 1644],
  ERR_DB_DEADLOCK: [1213],
  ERR_DB_SERIALIZATION: [1020],
  ERR_DB_BUSY: [1205],
  ERR_DB_STATEMENT_CANCELLED: [1317, 1969, 3024],
  ERR_DB_SYNTAX: [
    1046, 1051, 1052, 1054, 1055, 1056, 1058, 1060, 1061, 1063, 1064, 1065, 1066, 1067, 1070, 1072, 1075, 1091, 1103,
    1109, 1110, 1111, 1128, 1136, 1140, 1146, 1149, 1166, 1193, 1241, 1242, 1247, 1248, 1295, 1304, 1305, 1318, 1327,
    1347, 1442, 1571, 1582, 1583, 1630, 4161, 45016, 45049,
  ],
  ERR_DB_TYPE: [
    1231, 1232, 1264, 1265, 1292, 1300, 1366, 1367, 1406, 1411, 1416, 1425, 1441, 1525, 3140, 4038, 4078, 4079,
  ],
  ERR_DB_STATEMENT: [1365, 1690],
  ERR_DB_ACCESS: [
    1044, 1045, 1049, 1130, 1142, 1143, 1227, 1370, 1410, 1698, 1820, 1862, 4151, 45023, 45025, 45047, 45056, 45057,
    45059, 45062, 45063, 45064,
  ],
  ERR_DB_UNAVAILABLE: [1040, 1047, 1129, 1203, 1226, 1243, 1461, 1615, 1836],
  ERR_DB_READ_ONLY: [1792],
  ERR_DB_FULL: [1021, 1114, 3675],
  ERR_DB_OUT_OF_MEMORY: [1037, 1038, 1041],
  // 1180: a commit failed in the middle, as on a node that has just lost its cluster. Nobody knows whether it was done.
  ERR_DB_CONNECTION_LOST: [
    1053, 1077, 1079, 1080, 1152, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1180, 1184, 1927, 2006, 2013, 4031,
    45004, 45009, 45011, 45013, 45026,
  ],
  ERR_DB_TOO_BIG: [1153, 1162, 1301, 45046],
  ERR_DB_CORRUPT: [126, 127, 144, 145, 1034, 1194, 1195, 1712],
  ERR_DB_IO: [1001, 1002, 1003, 1004, 1016, 1023, 1024, 1026, 1030, 1105],
};

const CODE_OF = new Map(
  Object.entries(CODES).flatMap(([code, numbers]) => numbers.map((number) => [number, code as DatabaseErrorCode])),
);

/** What the words of these quote are names, and no values. */
const QUOTES_NAMES: readonly DatabaseErrorCode[] = [
  "ERR_DB_SYNTAX",
  "ERR_DB_ACCESS",
  "ERR_DB_NOT_NULL",
  "ERR_DB_CHECK",
];
const QUOTES_NAMES_TOO: readonly number[] = [1153, 1264, 1265, 1290, 1406, 1451, 1452, 1461];

/** The server refuses `--read-only` and other options with one number. */
const OPTION_PREVENTS = 1290;
const DUPLICATE_ENTRY: readonly number[] = [1062, 1586, 1859];

/** Makes the error that a caller sees of a failed statement. */
export function statementError(error: LibraryError, text: Pick<SqlText, "sql" | "table">): DatabaseError {
  const { sql } = text;
  const words = wordsOf(error);
  return new DatabaseError(codeOf(error), `Cannot run ${quoteSql(sql)}: ${words}`, {
    cause: causeOf(error, words),
    sqlState: error.sqlState ?? undefined,
    sql,
    constraint: constraintOf(error, text.table),
  });
}

/** Makes the error of a connection that could not be opened. */
export function connectError(error: LibraryError, host: string): DatabaseError {
  const words = wordsOf(error);
  const refused = codeOf(error) === "ERR_DB_ACCESS" || isCertificateError(error);
  return new DatabaseError(refused ? "ERR_DB_ACCESS" : "ERR_DB_UNAVAILABLE", `Cannot connect to ${host}: ${words}`, {
    cause: causeOf(error, words),
    sqlState: error.sqlState ?? undefined,
  });
}

/** Makes the error of what was under way when its connection ended. */
export function lostError(host: string, cause: unknown): DatabaseError {
  return new DatabaseError(
    "ERR_DB_CONNECTION_LOST",
    `Cannot finish the statement: found the connection to ${host} ended, wanted an answer`,
    { cause },
  );
}

/** The number of a failure, 0 for one that has none. */
export function numberOf(error: LibraryError): number {
  return typeof error.errno === "number" ? error.errno : 0;
}

/** The error without what it should not carry: values, and the statement once more. A system's error is kept. */
export function causeOf(error: LibraryError, words: string = wordsOf(error)): Error {
  if (error.sqlMessage === undefined) return error;
  const cause = new Error(words);
  cause.name = error.name;
  return Object.assign(cause, { errno: numberOf(error), code: error.code, sqlState: error.sqlState ?? undefined });
}

function codeOf(error: LibraryError): DatabaseErrorCode {
  const number = numberOf(error);
  if (number === OPTION_PREVENTS)
    return /read[-_]only/i.test(error.message) ? "ERR_DB_UNAVAILABLE" : "ERR_DB_STATEMENT";
  const code = CODE_OF.get(number);
  if (code !== undefined) return code;
  // No number of the server's: the network's.
  return number <= 0 ? "ERR_DB_CONNECTION_LOST" : "ERR_DB_STATEMENT";
}

function isCertificateError(error: LibraryError): boolean {
  return /^ERR_(?:TLS|SSL)_|CERT|SIGNATURE|ISSUER/.test(error.code ?? "");
}

/** What the server says, without the values that it quotes. */
function wordsOf(error: LibraryError): string {
  const words = error.sqlMessage ?? error.message;
  const number = numberOf(error);
  if (DUPLICATE_ENTRY.includes(number)) return `Duplicate entry for key '${keyOf(words) ?? "?"}'`;
  if (error.sqlMessage === undefined || QUOTES_NAMES_TOO.includes(number) || QUOTES_NAMES.includes(codeOf(error)))
    return words;
  // A value may have quotes in it, so all is left out from the first to the last.
  return words.replace(/'[^]*'/, "'…'");
}

/** The name of the key stands last; the value before it can have anything in it. */
function keyOf(words: string): string | undefined {
  return /^[^]* for key '([^']+)'$/.exec(words)?.[1];
}

function constraintOf(error: LibraryError, table: string | undefined): string | undefined {
  const words = error.sqlMessage ?? "";
  const inTable = (name: string | undefined): string | undefined =>
    name === undefined || table === undefined ? name : `${table}.${name}`;
  switch (codeOf(error)) {
    case "ERR_DB_UNIQUE": {
      const key = keyOf(words);
      return key === "PRIMARY" ? inTable(key) : key;
    }
    case "ERR_DB_FOREIGN_KEY":
      return /CONSTRAINT `((?:[^`]|``)+)`/.exec(words)?.[1]?.replaceAll("``", "`");
    case "ERR_DB_NOT_NULL":
      return inTable(/'([^']+)'/.exec(words)?.[1]);
    case "ERR_DB_CHECK":
      return /[`']((?:[^`']|``)+)[`']/.exec(words)?.[1];
    default:
      return undefined;
  }
}
