/** Where statements end that have others in them. */
import type { Token } from "./sql-grammar.ts";

/** PostgreSQL's CREATE RULE: no semicolon in parentheses ends it. */
export function parenthesesEnd(tokens: readonly Token[], from: number): number {
  for (let i = from; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    if (token.type === "semicolon" && token.depth === 0) return i;
  }
  return tokens.length;
}

/** PostgreSQL's functions: a body in quotes is one token, one in BEGIN ATOMIC … END has CASE alone to be told from its END. */
export function atomicEnd(tokens: readonly Token[], from: number): number | undefined {
  let open = 0;
  for (let i = from; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    if (token.type === "semicolon" && open === 0) return i;
    if (token.type !== "word" || isPlainName(tokens[i - 1])) continue;
    if (token.text === "begin" && tokens[i + 1]?.text === "atomic") open++;
    else if (token.text === "case" && open > 0) open++;
    else if (token.text === "end" && open > 0) open--;
  }
  return open === 0 ? tokens.length : undefined;
}

/** What can be open in a body of MariaDB's. A CASE that is a value ends with END, one that is a statement with END CASE. */
type Block = "begin" | "case" | "value" | "if" | "loop" | "while" | "repeat" | "for";

const STATEMENT_BLOCKS: ReadonlySet<string> = new Set(["case", "if", "loop", "while", "repeat", "for"]);

/** A statement begins after these; after THEN and ELSE not in a CASE that is a value. */
const BEFORE_STATEMENT: ReadonlySet<string> = new Set([
  "begin",
  "then",
  "else",
  "do",
  "loop",
  "repeat",
  "row",
  ":",
  ";",
]);

/**
 * MariaDB's triggers, procedures, functions and events. IF, REPEAT and the others count only where a statement begins: elsewhere
 * they are functions (`if(a, b, c)`) or parts of another (`drop table if exists`). Each END must fit what it ends.
 *
 * Not split but refused, as an END is left over: a handler (`declare … handler for …`) or a routine whose whole body is an
 * IF or a loop without BEGIN and END around it; a trigger's or an event's body may be one.
 */
export function compoundEnd(tokens: readonly Token[], from: number): number | undefined {
  const open: Block[] = [];
  for (let i = from; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    const before = tokens[i - 1];
    if (token.type === "semicolon" && open.length === 0) return i;
    if (token.type !== "word" || isPlainName(before)) continue;
    const { text } = token;
    const inValue = open.at(-1) === "value";
    if (text === "end") {
      const block = open.pop();
      const after = tokens[i + 1]?.text ?? "";
      const ends = STATEMENT_BLOCKS.has(after) ? after : "begin";
      if (block !== "value" && block !== ends) return undefined;
    } else if (before?.text === "end") continue;
    else if (text === "begin") open.push("begin");
    else if (STATEMENT_BLOCKS.has(text) && !inValue && i > from && BEFORE_STATEMENT.has(before?.text ?? "")) {
      open.push(text as Block);
    } else if (text === "case") open.push("value");
  }
  return open.length === 0 ? tokens.length : undefined;
}

/** A key word after a dot or AS is a name. */
function isPlainName(before: Token | undefined): boolean {
  return before?.text === "." || (before?.type === "word" && before.text === "as");
}
