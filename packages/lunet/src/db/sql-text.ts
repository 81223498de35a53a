/**
 * Reads as much of a statement as lunet has to know before the database sees it: where it ends, what kind it is, how many
 * parameters it has, and what it does to the connection that runs it. What the grammars differ in is in `sql-grammar-*.ts`.
 *
 * It is no parser. What the database would refuse may pass here. A statement that is not known is taken for one that can do
 * anything, and so is a read that calls a function of the program's own; what a trigger, a view or an operator of its own does
 * cannot be seen.
 */
import type { Dialect } from "./contract.ts";
import { DatabaseError, quoteSql } from "./errors.ts";
import { MARIADB } from "./sql-grammar-mariadb.ts";
import { POSTGRES } from "./sql-grammar-postgres.ts";
import { SQLITE } from "./sql-grammar-sqlite.ts";
import { BEFORE_PARENTHESIS } from "./sql-pure-functions.ts";
import { type Grammar, nameOf, outlineOf, type StatementKind, type Token, type TokenType } from "./sql-grammar.ts";

export type { StatementKind } from "./sql-grammar.ts";

/** What is known about one statement. */
export interface SqlText {
  readonly sql: string;
  readonly kind: StatementKind;
  readonly parameterCount: number;
  /** The statement as the database takes it: PostgreSQL has `$1`, `$2` for `?`. */
  readonly native: string;
  /** A read that locks nothing and calls nothing that is not known to only compute: it can be run again, and by anybody. */
  readonly isPlainRead: boolean;
  /** It leaves something behind in the connection: a setting, a temporary table, a lock, a prepared statement. */
  readonly marksSession: boolean;
  /** MariaDB commits the open transaction before it runs this. */
  readonly commits: boolean;
  /** The table that an insert, update or delete names, in lower case and without its schema. */
  readonly table: string | undefined;
}

const GRAMMARS: Readonly<Record<Dialect, Grammar>> = { sqlite: SQLITE, postgres: POSTGRES, mariadb: MARIADB };

/** How many of a statement's tokens tell whether it can have statements in it. */
const FORM_TOKENS = 16;

/**
 * Reads one statement. A semicolon, space and comments may follow it.
 *
 * @throws DatabaseError `ERR_DB_MULTIPLE_STATEMENTS`; `ERR_DB_TRANSACTION_STATEMENT` for BEGIN, COMMIT and their kin;
 *   `ERR_DB_SYNTAX` for no statement, other parameters than `?`, a quote or a comment without an end, NUL, a lone
 *   surrogate, and what lunet does not offer, such as COPY; TypeError for no string.
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

/**
 * Splits a text into its statements. Those without a word, such as a lone semicolon, are left out. Triggers, functions
 * and their kin stay whole. Throws as `readStatement`, and `ERR_DB_SYNTAX` for a body whose end cannot be told.
 */
export function splitStatements(sql: string, dialect: Dialect): SqlText[] {
  if (typeof sql !== "string") throw new TypeError(`Cannot read SQL: found ${typeof sql}, wanted a string`);
  if (sql.includes("\0")) throw syntaxError(sql, "U+0000", "it bound as a parameter");
  if (!sql.isWellFormed()) throw syntaxError(sql, "a lone surrogate", "well-formed Unicode");
  const grammar = GRAMMARS[dialect];
  const tokens = readTokens(sql, grammar);
  const statements: SqlText[] = [];
  let from = 0;
  while (from < tokens.length) {
    const end = endOf(tokens, from, grammar);
    if (end === undefined) {
      throw syntaxError(sql.slice(tokens[from]?.start), "a body whose end cannot be told", "an END for each block");
    }
    if (end > from) {
      const text = sql.slice(tokens[from]?.start, tokens[end]?.start).trimEnd();
      statements.push(describe(text, tokens.slice(from, end), grammar, dialect));
    }
    from = end + 1;
  }
  return statements;
}

function readTokens(sql: string, { token: expression }: Grammar): Token[] {
  const tokens: Token[] = [];
  let depth = 0;
  let brackets = 0;
  expression.lastIndex = 0;
  while (expression.lastIndex < sql.length) {
    const match = expression.exec(sql) as RegExpExecArray;
    const [text] = match;
    const group = groupOf(match.groups);
    if (group === "space") continue;
    if (group === "nested") {
      expression.lastIndex = commentEnd(sql, match.index);
      continue;
    }
    if (group === "unterminated") throw syntaxError(sql, `${text} without an end`, "the end of the quote or comment");
    if (group === "executable") {
      throw syntaxError(sql, "a comment that MariaDB executes", "it as a part of the statement");
    }
    if (text === "[") brackets++;
    else if (text === "]") brackets--;
    if (group === "close") depth--;
    const isSlice = group === "named" && brackets > 0 && text.startsWith(":");
    const type = isSlice ? "symbol" : group;
    tokens.push({ type, text: type === "word" ? text.toLowerCase() : text, start: match.index, depth });
    if (group === "open") depth++;
  }
  return tokens;
}

type Group = TokenType | "space" | "nested" | "unterminated" | "executable";

function groupOf(groups: Record<string, string | undefined> = {}): Group {
  for (const name in groups) if (groups[name] !== undefined && name !== "tag") return name as Group;
  return "symbol";
}

/** Where a comment ends that may have others in it. */
function commentEnd(sql: string, start: number): number {
  let depth = 0;
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  for (let match = mark.exec(sql); match !== null; match = mark.exec(sql)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  throw syntaxError(sql, "/* without an end", "the end of the quote or comment");
}

/** The index of the semicolon that ends the statement, or the number of tokens. */
function endOf(tokens: readonly Token[], from: number, grammar: Grammar): number | undefined {
  const form = outlineOf(tokens.slice(from, from + FORM_TOKENS));
  const body = grammar.bodies.find((one) => one.form.test(form));
  if (body !== undefined) return body.end(tokens, from);
  let end = from;
  while (end < tokens.length && tokens[end]?.type !== "semicolon") end++;
  return end;
}

function describe(sql: string, all: readonly Token[], grammar: Grammar, dialect: Dialect): SqlText {
  const whole = outlineOf(all);
  const prefix = grammar.prefix?.exec(whole)?.[0] ?? "";
  const outline = whole.slice(prefix.length);
  const tokens = all.slice(prefix.split(" ").length - 1);
  refuse(sql, outline, all, grammar);
  const verb = verbOf(tokens, outline, grammar);
  const kind = kindOf(tokens[verb], outline, grammar);
  const marksSession = grammar.session.test(outline);
  return {
    sql,
    kind,
    parameterCount: all.filter(({ type }) => type === "parameter").length,
    native: dialect === "postgres" ? withNumbers(sql, all) : sql,
    isPlainRead:
      kind === "read" && !marksSession && grammar.effect?.test(outline) !== true && callsOnlyPure(all, grammar),
    marksSession,
    commits: grammar.commits?.test(outline) === true,
    table: kind === "insert" || kind === "change" ? tableOf(tokens, verb, grammar) : undefined,
  };
}

/** Throws for what lunet does not send. */
function refuse(sql: string, outline: string, tokens: readonly Token[], { transaction, refused }: Grammar): void {
  if (transaction.test(outline)) {
    throw new DatabaseError(
      "ERR_DB_TRANSACTION_STATEMENT",
      `Cannot run ${quoteSql(sql)}: found a statement that begins or ends a transaction, wanted transaction(body)`,
      { sql },
    );
  }
  const refusal = refused.find(({ form }) => form.test(outline));
  if (refusal !== undefined) throw syntaxError(sql, refusal.found, refusal.wanted);
  const named = tokens.find(({ type }) => type === "named");
  if (named !== undefined) throw syntaxError(sql, `the parameter "${named.text}"`, "? for each parameter");
}

/** The index of the word that says what the statement does: the first, or after WITH the first verb outside its parentheses. */
function verbOf(tokens: readonly Token[], outline: string, { kinds, inner }: Grammar): number {
  const first = tokens.findIndex(({ type }) => type !== "open");
  if (tokens[first]?.text !== "with") return first;
  const depth = tokens[first]?.depth;
  const verb = tokens.findIndex((token, i) => {
    // What follows these is the name of a table, whatever it is.
    const isNamed = ["with", "recursive", ","].includes(tokens[i - 1]?.text ?? "");
    return i > first && token.depth === depth && isKind(token, kinds) && !isNamed;
  });
  if (kinds[tokens[verb]?.text ?? ""] !== "read") return verb;
  const writing = inner?.exec(outline);
  return writing ? outline.slice(0, writing.index + writing[0].length).split(" ").length - 1 : verb;
}

function isKind(token: Token | undefined, kinds: Grammar["kinds"]): token is Token {
  return token?.type === "word" && Object.hasOwn(kinds, token.text);
}

/** Whether every function that it calls is one of the server's that only compute. */
function callsOnlyPure(tokens: readonly Token[], { pure }: Grammar): boolean {
  if (pure === undefined) return true;
  return tokens.every((token, i) => {
    if (tokens[i + 1]?.type !== "open" || (token.type !== "word" && token.type !== "name")) return true;
    const before = tokens[i - 1]?.text;
    if (before === ".") return tokens[i - 2]?.text === "pg_catalog" && pure.has(nameOf(token.text));
    // The columns of another name, or of a table in WITH.
    if (before === "as" || before === "with" || before === "recursive") return true;
    return pure.has(nameOf(token.text)) || (token.type === "word" && BEFORE_PARENTHESIS.has(token.text));
  });
}

/** Reads that give what is known of a statement, and do not run it. */
const DESCRIBING: ReadonlySet<string> = new Set(["explain", "describe", "desc", "show", "help"]);

function kindOf(verb: Token | undefined, outline: string, { kinds }: Grammar): StatementKind {
  if (!isKind(verb, kinds)) return "other";
  const kind = kinds[verb.text] as StatementKind;
  // SELECT INTO makes a table, writes a file or sets a variable.
  return kind === "read" && !DESCRIBING.has(verb.text) && outline.includes(" into ") ? "other" : kind;
}

function tableOf(tokens: readonly Token[], verb: number, { beforeTable }: Grammar): string | undefined {
  let i = verb + 1;
  while (tokens[i]?.type === "word" && beforeTable.has(tokens[i]?.text ?? "")) i++;
  // DELETE a, b FROM …: these may be other names for the tables.
  if (tokens[verb]?.text === "delete" && !tokens.slice(verb, i).some(({ text }) => text === "from")) return undefined;
  while (tokens[i + 1]?.text === ".") i += 2;
  const token = tokens[i];
  return token?.type === "word" || token?.type === "name" ? nameOf(token.text) : undefined;
}

/** PostgreSQL's placeholders. Beside a letter or a digit a space keeps them apart from it. */
function withNumbers(sql: string, tokens: readonly Token[]): string {
  const start = tokens[0]?.start ?? 0;
  let native = "";
  let end = 0;
  let count = 0;
  for (const token of tokens) {
    if (token.type !== "parameter") continue;
    const at = token.start - start;
    native += sql.slice(end, at);
    if (/[\w$\u0080-\uffff]$/.test(native)) native += " ";
    native += `$${++count}`;
    end = at + 1;
    if (/[\w$\u0080-\uffff]/.test(sql.charAt(end))) native += " ";
  }
  return native + sql.slice(end);
}

function syntaxError(sql: string, found: string, wanted: string): DatabaseError {
  return new DatabaseError("ERR_DB_SYNTAX", `Cannot read ${quoteSql(sql)}: found ${found}, wanted ${wanted}`, { sql });
}
