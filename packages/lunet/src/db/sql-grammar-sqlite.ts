/**
 * SQLite's grammar, of https://sqlite.org/lang_keywords.html and lang_comment.html. A comment from slash and star may end with
 * the text. The body of CREATE TRIGGER ends with END after a semicolon, as in sqlite3_complete().
 */
import type { Grammar, Token } from "./sql-grammar.ts";

export const SQLITE: Grammar = {
  token:
    /(?<space>\s+|--[^\n]*|\/\*[^]*?(?:\*\/|$))|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<named>\?\d+|[:@$][\w$\u0080-\uffff]+)|(?<parameter>\?)|(?<semicolon>;)|(?<open>\()|(?<close>\))|(?<string>'[^']*')|(?<name>"[^"]*(?:""[^"]*)*"|`[^`]*(?:``[^`]*)*`|\[[^\]]*\])|(?<unterminated>['"`[])|\d[\w.]*|[^]/y,
  kinds: {
    select: "read",
    values: "read",
    explain: "read",
    insert: "insert",
    replace: "insert",
    update: "change",
    delete: "change",
  },
  transaction: /^(?:begin|commit|end|rollback|savepoint|release)\b/,
  refused: [],
  bodies: [{ form: /^create (?:temp(?:orary)? )?trigger /, end: triggerEnd }],
  session: /^(?:pragma|attach|detach|create temp(?:orary)?) /,
  beforeTable: new Set(["or", "replace", "ignore", "abort", "fail", "rollback", "into", "from"]),
};

function triggerEnd(tokens: readonly Token[], from: number): number {
  for (let i = from + 2; i < tokens.length; i++) {
    const isEnd = tokens[i - 2]?.type === "semicolon" && tokens[i - 1]?.text === "end";
    if (isEnd && tokens[i]?.type === "semicolon") return i;
  }
  return tokens.length;
}
