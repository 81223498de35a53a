/**
 * PostgreSQL's grammar, of https://www.postgresql.org/docs/current/sql-syntax-lexical.html, with
 * `standard_conforming_strings` on. `?` is always a parameter: write `jsonb_exists(a, b)` for the operator `a ? b`. A
 * colon is no parameter in a cast, in `:=` and between brackets, where it makes a slice.
 */
import { atomicEnd, parenthesesEnd } from "./sql-grammar-bodies.ts";
import { callOf, type Grammar } from "./sql-grammar.ts";
import { POSTGRES_PURE } from "./sql-pure-functions.ts";

/** Calls that leave something in the session. */
const SESSION_CALLS = String.raw`set_config|setseed|pg_(?:try_)?advisory_(?!xact_)\w+|dblink\w*`;

export const POSTGRES: Grammar = {
  // A string after E has escapes, and goes on after a line break in those that follow it.
  token:
    /(?<space>^\ufeff|[ \t\n\v\f\r]+|--[^\n\r]*)|(?<nested>\/\*)|(?<string>[eE]'[^'\\]*(?:(?:\\[^]|'')[^'\\]*)*'(?:(?:[ \t\v\f]|--[^\n\r]*)*[\n\r](?:[ \t\n\v\f\r]|--[^\n\r]*[\n\r])*'[^'\\]*(?:(?:\\[^]|'')[^'\\]*)*')*|'[^']*'|\$(?<tag>(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$[^]*?\$\k<tag>\$)|(?<name>"[^"]*(?:""[^"]*)*")|(?<unterminated>[eE]?'|"|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<named>[?$]\d+|(?<!:):[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<parameter>\?)|(?<semicolon>;)|(?<open>\()|(?<close>\))|::|\d[\w.]*|[^]/y,
  kinds: {
    select: "read",
    values: "read",
    table: "read",
    show: "read",
    explain: "read",
    insert: "insert",
    update: "change",
    delete: "change",
    merge: "change",
  },
  prefix: /^explain (?=analy[sz]e |\( (?:[^)]* )?analy[sz]e )(?:\( [^)]*\) |analy[sz]e |verbose )+/,
  inner: / as (?:(?:not )?materialized )?\( (?:insert|update|delete|merge)\b/,
  transaction:
    /^(?:begin|start transaction|commit|end|rollback|abort|savepoint|release|prepare transaction|set (?:session |local )?(?:transaction|transaction_isolation|transaction_read_only|transaction_deferrable|session characteristics))\b/,
  refused: [{ form: /^copy\b/, found: "COPY, whose mode of the protocol is not offered", wanted: "INSERT or SELECT" }],
  bodies: [
    { form: /^create (?:or replace )?(?:function|procedure) /, end: atomicEnd },
    { form: /^create (?:or replace )?rule /, end: parenthesesEnd },
  ],
  effect: / for (?:update|no key update|share|key share)\b| into /,
  pure: POSTGRES_PURE,
  session: new RegExp(
    String.raw`^set (?!local |constraints )|^(?:reset|listen|unlisten|load|prepare|execute|deallocate|discard|declare|do|call)\b|^create (?:or replace )?(?:(?:global|local) )?temp(?:orary)? | into (?:(?:global|local) )?temp(?:orary)? |\bpg_temp\b|${callOf(SESSION_CALLS)}`,
  ),
  beforeTable: new Set(["into", "from", "only"]),
};
