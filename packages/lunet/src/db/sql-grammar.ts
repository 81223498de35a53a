/** What a database's grammar is to `sql-text.ts`: how its text falls into tokens, and what its statements are known by. */

/**
 * What a statement does.
 *
 * - `read`: SELECT, VALUES, EXPLAIN, SHOW: gives rows and writes none.
 * - `insert`, `change`: writes rows.
 * - `other`: DDL, settings and what else there is. SQLite runs it on the writer, in nobody's company.
 */
export type StatementKind = "read" | "insert" | "change" | "other";

/**
 * - `word`: a key word or a name without quotes. `name`: one in quotes. `string`: text in quotes.
 * - `parameter`: `?`. `named`: a parameter of another form, which is refused.
 * - `variable`: a variable of MariaDB's session, `@x`.
 * - `symbol`: everything else, numbers among it.
 */
export type TokenType =
  | "word"
  | "name"
  | "string"
  | "parameter"
  | "named"
  | "variable"
  | "semicolon"
  | "open"
  | "close"
  | "symbol";

/** A token that is neither space nor comment. */
export interface Token {
  readonly type: TokenType;
  /** In lower case if it is a word. */
  readonly text: string;
  readonly start: number;
  /** How many parentheses are open around it. */
  readonly depth: number;
}

/** A form of statement that lunet does not send. */
export interface Refusal {
  readonly form: RegExp;
  readonly found: string;
  readonly wanted: string;
}

/** Statements that have statements in them, so that not every semicolon ends them. */
export interface Body {
  readonly form: RegExp;
  /**
   * Finds the semicolon that ends the statement that begins with the token `from`.
   *
   * @returns Its index, the number of tokens if the text ends first, or undefined if it cannot be told.
   */
  readonly end: (tokens: readonly Token[], from: number) => number | undefined;
}

/**
 * A database's grammar. The expressions are tried on a statement's outline (`outlineOf`), where one space stands between
 * two tokens, except `token`.
 */
export interface Grammar {
  /**
   * Takes one token, with a group for its type; symbols need none. Further groups are `space`; `nested` for the
   * beginning of a comment that can have others in it; `unterminated` for what begins and does not end; `executable` for
   * a comment that is none.
   */
  readonly token: RegExp;
  /** Kinds by the first word, or by the first after WITH. */
  readonly kinds: Readonly<Record<string, StatementKind>>;
  /** What stands before another statement and runs it. */
  readonly prefix?: RegExp;
  /** A statement inside another one that writes; the last word is its verb. */
  readonly inner?: RegExp;
  /** Begins or ends a transaction, or says how the next one is. */
  readonly transaction: RegExp;
  readonly refused: readonly Refusal[];
  readonly bodies: readonly Body[];
  /** Makes a read more than that: it locks, or writes what it found somewhere. */
  readonly effect?: RegExp;
  /** The functions that only compute. A read that calls another one is more than a read. Left out where none can write. */
  readonly pure?: ReadonlySet<string>;
  readonly session: RegExp;
  readonly commits?: RegExp;
  /** Words that may stand between the verb and the table. */
  readonly beforeTable: ReadonlySet<string>;
}

/** An expression for calls of functions by their names, which are the alternatives of an expression. */
export function callOf(names: string): string {
  return `(?<![\\w$])"?(?:${names})"? \\(`;
}

/**
 * A statement for expressions: words in lower case, `''` for a string, `""` for a name that is not a plain one, and `@`
 * for a variable. A plain name keeps its quotes, so that it is no key word.
 */
export function outlineOf(tokens: readonly Token[]): string {
  return tokens.map(outlineOfToken).join(" ");
}

function outlineOfToken({ type, text }: Token): string {
  if (type === "string") return "''";
  if (type === "variable") return "@";
  if (type !== "name") return text;
  const name = nameOf(text);
  return /^[\w$]+$/.test(name) ? `"${name}"` : '""';
}

/** A name without its quotes, in lower case. */
export function nameOf(text: string): string {
  const quote = text[0] ?? "";
  if (quote === "[") return text.slice(1, -1).toLowerCase();
  if (quote !== '"' && quote !== "`") return text.toLowerCase();
  return text
    .slice(1, -1)
    .replaceAll(quote + quote, quote)
    .toLowerCase();
}
