/**
 * Reads as much of SQLite's grammar as lunet has to know before SQLite sees the text: where a statement ends, what
 * kind it is, and how many parameters it has.
 *
 * Tokens are those of https://sqlite.org/lang_keywords.html and lang_comment.html: text in '…', names in "…", `…` and
 * […], comments from -- to the end of the line and from /* to the next star and slash. A semicolon inside the body of
 * CREATE TRIGGER does not end the statement; the body ends with END, as in sqlite3_complete().
 */
import type { Dialect } from "./contract.ts";
import { DatabaseError, quoteSql } from "./errors.ts";

/**
 * - `read`: SELECT, VALUES, EXPLAIN: runs on any connection.
 * - `insert`, `change`: writes rows.
 * - `other`: DDL, PRAGMA, VACUUM and what else there is. It runs on the writer, in nobody's company.
 */
export type StatementKind = "read" | "insert" | "change" | "other";

/** What is known about one statement. */
export interface SqlText {
  readonly sql: string;
  readonly kind: StatementKind;
  readonly parameterCount: number;
  /** The statement as the database takes it: PostgreSQL has `$1`, `$2` for `?`. */
  readonly native: string;
  /** A read that locks nothing and calls nothing that is known to have an effect: it can be run again, and by anybody. */
  readonly isPlainRead: boolean;
  /** It leaves something behind in the connection: a setting, a temporary table, a lock, a prepared statement. */
  readonly marksSession: boolean;
  /** MariaDB commits the open transaction before it runs this. */
  readonly commits: boolean;
  /** The table that an insert, update or delete names, in lower case and without its schema. */
  readonly table: string | undefined;
}

type Token = "space" | "word" | "parameter" | "named" | "semicolon" | "open" | "close" | "else";

const TOKEN =
  /(?<space>\s+|--[^\n]*|\/\*[^]*?(?:\*\/|$))|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<named>\?\d+|[:@$][\w$\u0080-\uffff]+)|(?<parameter>\?)|(?<semicolon>;)|(?<open>\()|(?<close>\))|'[^']*(?:''[^']*)*'|"[^"]*(?:""[^"]*)*"|`[^`]*(?:``[^`]*)*`|\[[^\]]*\]|\d[\w.]*|[^]/gy;

const KINDS: Readonly<Record<string, StatementKind>> = {
  select: "read",
  values: "read",
  explain: "read",
  insert: "insert",
  replace: "insert",
  update: "change",
  delete: "change",
};

const TRANSACTION_WORDS = new Set(["begin", "commit", "end", "rollback", "savepoint", "release"]);

/** What a scan keeps of the statement that it is in. */
class Scan {
  readonly start: number;
  words: string[] = [];
  parameterCount = 0;
  named: string | undefined;
  depth = 0;
  kind: StatementKind | undefined;
  /** In a trigger's body: `;` was the last token, or `;` and then END were. */
  triggerEnd: "no" | "semicolon" | "end" = "no";

  constructor(start: number) {
    this.start = start;
  }

  get isTrigger(): boolean {
    const [first, second, third] = this.words;
    return first === "create" && (second === "trigger" || (/^temp(orary)?$/.test(second ?? "") && third === "trigger"));
  }

  take(token: Token, text: string): void {
    this.triggerEnd = this.triggerEnd === "semicolon" && text.toLowerCase() === "end" ? "end" : "no";
    if (token === "open") this.depth++;
    else if (token === "close") this.depth--;
    else if (token === "parameter") this.parameterCount++;
    else if (token === "named") this.named ??= text;
    else if (token === "word") this.#takeWord(text.toLowerCase());
  }

  #takeWord(word: string): void {
    // The first words tell what it is. After WITH it is the first verb outside the parentheses.
    if (this.words.length < 3) this.words.push(word);
    if (this.kind !== undefined) return;
    if (this.words.length === 1) {
      if (word !== "with") this.kind = KINDS[word] ?? "other";
    } else if (this.depth === 0) this.kind = KINDS[word];
  }
}

/**
 * Reads one statement. A semicolon, space and comments may follow it.
 *
 * @throws DatabaseError `ERR_DB_MULTIPLE_STATEMENTS`; `ERR_DB_TRANSACTION_STATEMENT` for BEGIN, COMMIT and their kin;
 *   `ERR_DB_SYNTAX` for no statement, other parameters than `?`, NUL or a lone surrogate; TypeError for no string.
 */
export function readStatement(sql: string, dialect: Dialect): SqlText {
  const statements = splitStatements(sql, dialect);
  if (statements.length > 1) {
    throw new DatabaseError(
      "ERR_DB_MULTIPLE_STATEMENTS",
      `Cannot read ${quoteSql(sql)}: found ${statements.length} statements, wanted one`,
      { sql },
    );
  }
  const only = statements[0];
  if (only === undefined) throw syntaxError(sql, "no statement", "one");
  return only;
}

/** Splits a text into its statements. Those without a word, such as a lone semicolon, are left out. Throws as `readStatement`. */
export function splitStatements(sql: string, dialect: Dialect): SqlText[] {
  if (typeof sql !== "string") throw new TypeError(`Cannot read SQL: found ${typeof sql}, wanted a string`);
  if (sql.includes("\0")) throw syntaxError(sql, "U+0000", "it bound as a parameter");
  if (!sql.isWellFormed()) throw syntaxError(sql, "a lone surrogate", "well-formed Unicode");
  const statements: SqlText[] = [];
  let scan: Scan | undefined;
  for (const match of sql.matchAll(TOKEN)) {
    const [text] = match;
    const token = tokenOf(match.groups);
    if (token === "space") continue;
    if (token === "semicolon") {
      if (scan === undefined) continue;
      if (scan.isTrigger && scan.triggerEnd !== "end") {
        scan.triggerEnd = "semicolon";
      } else {
        statements.push(finish(sql, scan, match.index, dialect));
        scan = undefined;
      }
      continue;
    }
    scan ??= new Scan(match.index);
    scan.take(token, text);
  }
  if (scan !== undefined) statements.push(finish(sql, scan, sql.length, dialect));
  return statements;
}

function tokenOf(groups: Record<string, string | undefined> = {}): Token {
  for (const name in groups) if (groups[name] !== undefined) return name as Token;
  return "else";
}

function finish(source: string, scan: Scan, end: number, dialect: Dialect): SqlText {
  const sql = source.slice(scan.start, end).trimEnd();
  const first = scan.words[0];
  if (first !== undefined && TRANSACTION_WORDS.has(first)) {
    throw new DatabaseError(
      "ERR_DB_TRANSACTION_STATEMENT",
      `Cannot run ${quoteSql(sql)}: found a statement that begins or ends a transaction, wanted transaction(body)`,
      { sql },
    );
  }
  if (scan.named !== undefined) throw syntaxError(sql, `the parameter "${scan.named}"`, "? for each parameter");
  const kind = scan.kind ?? "other";
  let count = 0;
  const native =
    dialect === "postgres"
      ? sql.replaceAll(TOKEN, (text, ...rest) =>
          tokenOf(rest.at(-1) as Record<string, string>) === "parameter" ? `$${++count}` : text,
        )
      : sql;
  return {
    sql,
    kind,
    parameterCount: scan.parameterCount,
    native,
    isPlainRead: kind === "read",
    marksSession: false,
    commits: false,
    table: undefined,
  };
}

function syntaxError(sql: string, found: string, wanted: string): DatabaseError {
  return new DatabaseError("ERR_DB_SYNTAX", `Cannot read ${quoteSql(sql)}: found ${found}, wanted ${wanted}`, { sql });
}
