/**
 * MariaDB's grammar, of https://mariadb.com/kb/en/string-literals/ and comment-syntax/, without the modes ANSI_QUOTES,
 * NO_BACKSLASH_ESCAPES and ORACLE. Two minus are a comment only before a space or a control character. What stands in a
 * comment that MariaDB executes would not be seen here, so it is refused.
 */
import { compoundEnd } from "./sql-grammar-bodies.ts";
import { callOf, type Grammar } from "./sql-grammar.ts";
import { MARIADB_PURE } from "./sql-pure-functions.ts";

/** CREATE, ALTER, DROP: of what is not only the session's. A temporary sequence commits all the same. */
const DEFINITION = String.raw`(?:create (?!(?:or replace )?temporary table )|alter |drop (?!temporary |prepare ))`;

export const MARIADB: Grammar = {
  token:
    /(?<space>^\ufeff|[ \t\n\v\f\r]+|#[^\n]*|--(?=[\0- \x7f]|$)[^\n]*|\/\*(?!M?!)[^]*?\*\/)|(?<executable>\/\*M?!)|(?<word>[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*)|(?<variable>@(?:[\w$.\u0080-\uffff]+|'[^'\\]*(?:\\[^][^'\\]*)*'|"[^"\\]*(?:\\[^][^"\\]*)*"|`[^`]*`))|(?<named>\?\d+|(?<![\w$`\u0080-\uffff]):[\w$\u0080-\uffff]+)|(?<parameter>\?)|(?<semicolon>;)|(?<open>\()|(?<close>\))|(?<string>'[^'\\]*(?:\\[^][^'\\]*)*'|"[^"\\]*(?:\\[^][^"\\]*)*")|(?<name>`[^`]*(?:``[^`]*)*`)|(?<unterminated>\/\*|['"`])|@@[\w$.\u0080-\uffff]*|\d[\w$.\u0080-\uffff]*|[^]/y,
  kinds: {
    select: "read",
    values: "read",
    show: "read",
    describe: "read",
    desc: "read",
    explain: "read",
    help: "read",
    insert: "insert",
    replace: "insert",
    update: "change",
    delete: "change",
    load: "change",
  },
  prefix: /^(?:set statement (?:(?!for ).)*for |analyze (?:format = \S+ )?(?!table |local |no_write_to_binlog ))/,
  transaction:
    /^(?:begin|start transaction|commit|rollback|savepoint|release|xa|set (?:global |session |local )?transaction)\b|^set .*\bautocommit"? (?:: )?=/,
  refused: [
    { form: /^delimiter\b/, found: "DELIMITER, a word of the client's", wanted: "semicolons, also after a body's END" },
    {
      form: /^load (?:data|xml) (?:low_priority |concurrent )?local /,
      found: "LOAD … LOCAL, which would let the server ask for files",
      wanted: "INSERT",
    },
    {
      form: /^(?:end|elseif|else|until|when)\b/,
      found: "a part of a body that is not in BEGIN and END",
      wanted: "BEGIN before its first statement",
    },
  ],
  bodies: [
    {
      form: /^create (?:or replace )?(?:definer = .{1,400}? )?(?:aggregate )?(?:trigger|procedure|function|event) /,
      end: compoundEnd,
    },
  ],
  effect: / for update\b| lock in share mode\b| into | next value for /,
  pure: MARIADB_PURE,
  session: new RegExp(
    String.raw`^(?:set|prepare|execute|deallocate|handler|use|call|lock|unlock|backup)\b|^create (?:or replace )?temporary |^flush .*(?:read lock|for export)|(?:^| )@(?: |$)|${callOf("get_lock")}`,
  ),
  commits: new RegExp(
    String.raw`^(?:${DEFINITION}|rename |truncate |(?:analyze|optimize|repair|check) (?:no_write_to_binlog |local )?(?:table|view) |lock |unlock |grant |revoke |flush |reset |set password |set default role |install |uninstall |backup )`,
  ),
  beforeTable: new Set(["low_priority", "high_priority", "delayed", "quick", "ignore", "into", "from"]),
};
