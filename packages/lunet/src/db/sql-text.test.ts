import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Dialect } from "./contract.ts";
import { readStatement, splitStatements, type SqlText } from "./sql-text.ts";

const DIALECTS: readonly Dialect[] = ["sqlite", "postgres", "mariadb"];

const splitOf = (text: string, dialect: Dialect): string[] => splitStatements(text, dialect).map(({ sql }) => sql);

test("a statement's kind is what it does in SQLite", () => {
  const kinds: [string, string][] = [
    ["select 1", "read"],
    ["  -- first\n/* and */ SELECT 1", "read"],
    ["values (1)", "read"],
    ["explain query plan delete from t", "read"],
    ["with a as (select 1) select * from a", "read"],
    ["with recursive a (insert_) as (values (1) union all select 2) select * from a", "read"],
    ["with a as (delete_me), b as (select 'insert') insert into t select * from b", "insert"],
    ["with a as (select 1) update t set x = 1", "change"],
    ["with a as not materialized (select 1) delete from t", "change"],
    ["insert into t values (1)", "insert"],
    ["replace into t values (1)", "insert"],
    ["update t set a = 1", "change"],
    ["delete from t", "change"],
    ["create table t (a)", "other"],
    ["pragma user_version", "other"],
    ["vacuum", "other"],
    ["nonsense", "other"],
  ];
  for (const [sql, kind] of kinds) assert.equal(readStatement(sql, "sqlite").kind, kind, sql);
});

test("SQLite's parameters are counted where they are parameters", () => {
  const counts: [string, number][] = [
    ["select ?", 1],
    ["select ?, ? + ?", 3],
    ["select '?', \"?\", `?`, [?], ? -- ?\n /* ? */", 1],
    ["select 'it''s ?', ?", 1],
    ["select a?b", 1],
    ["select x'00', 1.5e3, .5, 1 from t where ? <> ?", 2],
  ];
  for (const [sql, count] of counts) assert.equal(readStatement(sql, "sqlite").parameterCount, count, sql);
  for (const sql of ["select ?1", "select :a", "select @a", "select $a"]) {
    assert.throws(() => readStatement(sql, "sqlite"), { code: "ERR_DB_SYNTAX" }, sql);
  }
  assert.equal(readStatement("select ':a ?1 $b'", "sqlite").parameterCount, 0);
});

test("a text of SQLite's is split where its statements end", () => {
  const sqls = (text: string): string[] => splitStatements(text, "sqlite").map(({ sql }) => sql);
  assert.deepEqual(sqls(""), []);
  assert.deepEqual(sqls(" ;; -- none\n ; /* none */"), []);
  assert.deepEqual(sqls("select 1;"), ["select 1"]);
  assert.deepEqual(sqls("a; b ;\nc"), ["a", "b", "c"]);
  assert.deepEqual(sqls("insert into t values (';'); select \"a;b\", [c;d], `e;f` -- g;h\n"), [
    "insert into t values (';')",
    'select "a;b", [c;d], `e;f` -- g;h',
  ]);
  assert.deepEqual(sqls("/* a;\n b */ select 1 /* open; select 2"), ["select 1 /* open; select 2"]);
});

test("a trigger of SQLite's ends with its END", () => {
  const trigger = `create temp trigger x after insert on t begin
    update t set a = case when b then 1 else 2 end; delete from u; END`;
  assert.deepEqual(
    splitStatements(`${trigger}; select 1; ${trigger}`, "sqlite").map(({ sql }) => sql),
    [trigger, "select 1", trigger],
  );
  assert.equal(splitStatements("create table trigger_end (a); select 1", "sqlite").length, 2);
});

test("what begins or ends a transaction is refused, also in the midst of others", () => {
  for (const sql of [
    "BEGIN",
    "begin immediate",
    "commit",
    "end transaction",
    "rollback to a",
    "savepoint a",
    "release a",
  ]) {
    assert.throws(() => readStatement(sql, "sqlite"), { code: "ERR_DB_TRANSACTION_STATEMENT" }, sql);
    assert.throws(
      () => splitStatements(`select 1; ${sql}; select 2`, "sqlite"),
      { code: "ERR_DB_TRANSACTION_STATEMENT" },
      sql,
    );
  }
});

test("a statement's kind is what it does in PostgreSQL", () => {
  const kinds: [string, string][] = [
    ["table t", "read"],
    ["show all", "read"],
    ["(select 1) union (select 2)", "read"],
    ["((with a as (select 1) select 2))", "read"],
    ["merge into t using u on true when matched then delete", "change"],
    ["with a as (insert into t values (1) returning x) select * from a", "insert"],
    ["with a as materialized (delete from t returning x) select * from a", "change"],
    ["with a as (update t set x = 1 returning x) insert into u select * from a", "insert"],
    ["with values as (select 1) delete from t", "change"],
    ["with a as (select 1), insert as (select 2) select 3", "read"],
    ["explain insert into t values (1)", "read"],
    ["explain analyze insert into t values (1)", "insert"],
    ["explain (costs false, analyze) delete from t", "change"],
    ["explain (verbose) delete from t", "read"],
    ["explain analyze verbose select 1", "read"],
    ["explain analyze create table t as select 1", "other"],
    ["select 1 into t", "other"],
    ['select 1 as "into"', "read"],
    ["replace into t values (1)", "other"],
    ["vacuum", "other"],
    ["constructor", "other"],
  ];
  for (const [sql, kind] of kinds) assert.equal(readStatement(sql, "postgres").kind, kind, sql);
});

test("a statement's kind is what it does in MariaDB", () => {
  const kinds: [string, string][] = [
    ["replace into t values (1)", "insert"],
    ["show tables", "read"],
    ["desc t", "read"],
    ["describe t", "read"],
    ["explain delete from t", "read"],
    ["analyze delete from t", "change"],
    ["analyze format = json select 1", "read"],
    ["analyze table t", "other"],
    ["set statement max_statement_time = 1 for delete from t", "change"],
    ["set statement max_statement_time = 1 for select 1", "read"],
    ["load data infile 'a' into table t", "change"],
    ["select replace(a, 'b', 'c'), insert(a, 1, 1, 'b') from t", "read"],
    ["select a into outfile 'a' from t", "other"],
    ["optimize table t", "other"],
  ];
  for (const [sql, kind] of kinds) assert.equal(readStatement(sql, "mariadb").kind, kind, sql);
});

test("PostgreSQL gets numbers where parameters are", () => {
  const natives: [string, string][] = [
    ["select ?, ?+?", "select $1, $2+$3"],
    ["select '?', \"?\", ? -- ?\n, ?", "select '?', \"?\", $1 -- ?\n, $2"],
    ["select 'it''s ?', ?", "select 'it''s ?', $1"],
    [String.raw`select 'a\', ?, '?'`, String.raw`select 'a\', $1, '?'`],
    [String.raw`select E'a\'?', e'''?', ?`, String.raw`select E'a\'?', e'''?', $1`],
    ["select E'a'\n -- ?\n '\\'?', ?", "select E'a'\n -- ?\n '\\'?', $1"],
    ["select some'?', U&'\\0061?', ?", "select some'?', U&'\\0061?', $1"],
    ["select $$?$$, $a$ $b$ ? $$ $a$, ?", "select $$?$$, $a$ $b$ ? $$ $a$, $1"],
    ["select a$$, ?, b$$", "select a$$, $1, b$$"],
    ["select /* /* ? */ ? */ ?", "select /* /* ? */ ? */ $1"],
    ["select 1 -- ?\r, ?", "select 1 -- ?\r, $1"],
    ["select a[?], b[1:?], c[lo:hi], '[', ?", "select a[$1], b[1:$2], c[lo:hi], '[', $3"],
    ["select ?::int, a::text, f(x := ?), @ -1, a @> ?", "select $1::int, a::text, f(x := $2), @ -1, a @> $3"],
    ["select?", "select $1"],
    ["select ?from t", "select $1 from t"],
    ["select `?`, [?]", "select `$1`, [$2]"],
  ];
  for (const [sql, native] of natives) assert.equal(readStatement(sql, "postgres").native, native, sql);
  for (const sql of ["select $1", "select ?1", "select :a", "select a[1], :a"]) {
    assert.throws(() => readStatement(sql, "postgres"), { code: "ERR_DB_SYNTAX" }, sql);
  }
  assert.equal(splitStatements("select 1; select ?, ?; select ?", "postgres").at(-1)?.native, "select $1");
});

test("MariaDB's parameters are counted where they are parameters", () => {
  const counts: [string, number][] = [
    ["select ?, '?', \"?\", `?`, ? # ?\n, ?", 3],
    [String.raw`select 'a\'?', "a\"?", 'it''s ?', "a""?", ?`, 1],
    [String.raw`select 'a\\', ?`, 1],
    ["select 5--?", 1],
    ["select 5 -- ?\n, ?", 1],
    ["select ? --", 1],
    ["select ? --\t?", 1],
    ["select /* /* ? */ ?", 1],
    ["select [?]", 1],
    ["select @a := ?, @'b?', @@version", 1],
    ["select 1a?, $a", 1],
  ];
  for (const [sql, count] of counts) {
    const { parameterCount, native } = readStatement(sql, "mariadb");
    assert.deepEqual([parameterCount, native], [count, sql], sql);
  }
  for (const sql of ["select ?1", "select :a", "select :1"]) {
    assert.throws(() => readStatement(sql, "mariadb"), { code: "ERR_DB_SYNTAX" }, sql);
  }
});

const clean = (text: string): string => text.replaceAll("\0", "");

/** A part of PostgreSQL's text that has no parameter, whatever is in it. */
const quoted: fc.Arbitrary<string> = fc.oneof(
  fc.string().map((text) => `'${clean(text).replaceAll("'", "''")}'`),
  fc.string().map((text) => `E'${clean(text).replaceAll(/['\\]/g, (found) => `\\${found}`)}'`),
  fc.string().map((text) => `"${clean(text).replaceAll('"', '""')}"`),
  fc.string().map((text) => `$tag$${clean(text).replaceAll("$", "")}$tag$`),
  fc.string().map((text) => `/* /*${clean(text).replaceAll(/[*/]/g, "")}*/ ? */`),
  fc.string().map((text) => `--${clean(text).replaceAll(/[\n\r]/g, "")}\n`),
);

test("PostgreSQL's text has one number for each parameter, and its quoted parts are what they were", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant("?"), fc.constant("a"), quoted), { maxLength: 20 }), (parts) => {
      const sql = ["select", ...parts, "end"].join(" ");
      const { parameterCount, native } = readStatement(sql, "postgres");
      let count = 0;
      const wanted = ["select", ...parts.map((part) => (part === "?" ? `$${++count}` : part)), "end"].join(" ");
      assert.equal(native, wanted);
      assert.equal(parameterCount, count);
    }),
  );
});

test("a plain read locks nothing, and calls nothing that has an effect or waits", () => {
  const plain: [Dialect, string][] = [
    ["sqlite", "select 1"],
    ["postgres", "select lower('a'), \"for\" from t where note = 'for update'"],
    ["postgres", "select now(), $$ nextval('a') $$ from t /* for update */"],
    ["postgres", "with a as (select 1) select * from a"],
    ["mariadb", "select abs(1), `for update`, @@version from t"],
    [
      "postgres",
      "select pg_catalog.lower(a), count(*) filter (where b in (1, 2)), cast(c as varchar(3)) from t group by (a)",
    ],
    [
      "postgres",
      "with recursive a (n) as (values (1)) select * from (select n from a) as b (m) where exists (select 1)",
    ],
    [
      "mariadb",
      "select `lower`(a), if(a, b, c), row_number() over (order by a) from t use index (i) where a not in (1)",
    ],
    ["mariadb", "show tables"],
  ];
  const others: [Dialect, string][] = [
    ["sqlite", "delete from t"],
    ["postgres", "select * from t for update"],
    ["postgres", "select * from t for no key update skip locked"],
    ["postgres", "(select * from t for share) limit 1"],
    ["postgres", "select * from t for key share"],
    ["postgres", "select 1 into t"],
    ["postgres", "select pg_catalog.\"nextval\"('a')"],
    ["postgres", "explain analyze delete from t"],
    ["postgres", "with a as (insert into t values (1) returning x) select * from a"],
    ["mariadb", "select * from t for update"],
    ["mariadb", "select * from t lock in share mode"],
    ["mariadb", "select 1 into outfile 'a'"],
    ["mariadb", "select next value for s"],
    ["mariadb", "select @a"],
    ["postgres", "select own(1)"],
    ["postgres", "select 1 where a = (public.lower('a'))"],
    ["postgres", 'select "IN"(1), "values"(2)'],
    ["postgres", "select * from own(1) as t (a)"],
    ["mariadb", "select shop.lower('a')"],
    ["mariadb", "select `own` (1)"],
  ];
  const calls: [Dialect, string][] = [
    ["postgres", "nextval setval set_config pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_sleep"],
    ["postgres", "pg_sleep_for pg_notify lo_create lowrite dblink dblink_exec pg_terminate_backend pg_cancel_backend"],
    ["postgres", "txid_current setseed"],
    ["mariadb", "get_lock release_lock release_all_locks sleep benchmark last_insert_id nextval setval"],
  ];
  for (const [dialect, names] of calls) {
    for (const name of names.split(" ")) {
      others.push([dialect, `select ${name.toUpperCase()} ('a')`], [dialect, `select * from t where a < (${name}(1))`]);
    }
  }
  for (const [dialect, sql] of plain) assert.equal(readStatement(sql, dialect).isPlainRead, true, sql);
  for (const [dialect, sql] of others) assert.equal(readStatement(sql, dialect).isPlainRead, false, sql);
});

/** Says one thing of many statements. */
function expectOf(field: keyof SqlText, dialect: Dialect, wanted: unknown, statements: readonly string[]): void {
  for (const sql of statements) assert.deepEqual(readStatement(sql, dialect)[field], wanted, `${dialect}: ${sql}`);
}

test("what leaves something in the connection marks it", () => {
  expectOf("marksSession", "sqlite", true, ["pragma a = 1", "attach 'a' as b", "create temp table t (a)"]);
  expectOf("marksSession", "sqlite", false, ["select 1", "create table t (a)"]);
  expectOf("marksSession", "postgres", true, [
    "set a = 1",
    "set session a = 1",
    "set role a",
    "reset all",
    "listen a",
    "unlisten *",
    "load 'a'",
    "discard all",
    "prepare a as select 1",
    "execute a",
    "deallocate a",
    "declare a cursor with hold for select 1",
    "do $$ $$",
    "create temp table t (a int)",
    "create or replace temporary view t as select 1",
    "call a()",
    "create local temp table a (b int)",
    "select 1 into temp t",
    "create table pg_temp.t (a int)",
    "select pg_advisory_lock(1)",
    "select pg_try_advisory_lock_shared(1)",
    "select set_config('a', 'b', false)",
    "explain analyze create temp table t as select 1",
  ]);
  expectOf("marksSession", "postgres", false, [
    "set local a = 1",
    "set constraints all deferred",
    "notify a",
    "select pg_advisory_xact_lock(1)",
    "lock table t",
    "create table temp (a int)",
    "select 'set a'",
    "insert into t values (1)",
    "create table prepare (a int)",
    "select a @> b, @ c from t",
  ]);
  expectOf("marksSession", "mariadb", true, [
    "set a = 1",
    "set local a = 1",
    "set @a = 1",
    "set names utf8mb4",
    "prepare a from 'b'",
    "execute a",
    "handler t open",
    "use a",
    "call a()",
    "lock tables t read",
    "unlock tables",
    "create temporary table t (a int)",
    "create or replace temporary table t (a int)",
    "select @a := 1",
    "select @`a b`",
    "select 1 into @a",
    "select get_lock('a', 1)",
    "flush tables with read lock",
    "insert into t values (@a)",
    "deallocate prepare a",
  ]);
  expectOf("marksSession", "mariadb", false, [
    "select @@version",
    "select @@session.sql_mode",
    "select '@a'",
    "set statement a = 1 for select 1",
    "insert into t values ('a@b')",
    "create table t (a int)",
  ]);
});

const COMMITS = [
  "create table t (a int)",
  "create or replace table t (a int)",
  "create index a on t (b)",
  "alter table t add a int",
  "drop table t",
  "rename table t to u",
  "truncate t",
  "create view v as select 1",
  "create user a",
  "drop database a",
  "lock tables t read",
  "unlock tables",
  "analyze table t",
  "optimize local table t",
  "repair table t",
  "check table t",
  "grant select on t to a",
  "revoke select on t from a",
  "flush tables",
  "reset query cache",
  "set password = ''",
  "set default role none",
  "create temporary sequence a",
  "install plugin a soname 'b'",
  "uninstall plugin a",
];

test("what MariaDB commits before is known", () => {
  expectOf("commits", "mariadb", true, COMMITS);
  expectOf("commits", "mariadb", false, [
    "create temporary table t (a int)",
    "create or replace temporary table t (a int)",
    "drop temporary table t",
    "drop temporary sequence a",
    "drop prepare a",
    "select 1",
    "insert into t values (1)",
    "analyze delete from t",
    "load data infile 'a' into table t",
  ]);
  expectOf("commits", "postgres", false, ["create table t (a int)", "truncate t"]);
  expectOf("commits", "sqlite", false, ["create table t (a int)"]);
});

test("the table that is written is named", () => {
  for (const dialect of DIALECTS) {
    expectOf("table", dialect, "t", [
      "insert into T (a) values (1)",
      "INSERT INTO main.t values (1)",
      "insert into a . b . t select 1",
      "update t set a = 1",
      "delete from t where a",
      "with u as (select 1) insert into t select * from u",
    ]);
    expectOf("table", dialect, undefined, ["select * from t", "create table t (a int)"]);
  }
  expectOf("table", "sqlite", 'a"b', [
    'insert or replace into "A""b" values (1)',
    'update or ignore main."a""b" set a = 1',
  ]);
  expectOf("table", "sqlite", "a b", ["replace into [a b] values (1)", "delete from `a b`"]);
  expectOf("table", "postgres", "t", [
    "update only t set a = 1",
    "delete from only t",
    'merge into "T" using u on true when matched then delete',
    "with a as (insert into t values (1) returning x) select * from a",
  ]);
  expectOf("table", "mariadb", "t", [
    "insert low_priority ignore t values (1)",
    "replace delayed into `T` values (1)",
    "update ignore t join u set a = 1",
    "delete quick from t",
  ]);
  expectOf("table", "mariadb", undefined, ["delete a, b from t as a join u as b"]);
});

test("what begins or ends a transaction is refused in every dialect's words", () => {
  const common = [
    "BEGIN",
    "commit",
    "rollback",
    "rollback to a",
    "savepoint a",
    "release savepoint a",
    "/* a */ commit;",
  ];
  const refused: Record<Dialect, readonly string[]> = {
    sqlite: ["end", "begin immediate"],
    postgres: [
      "start transaction",
      "end",
      "abort",
      "prepare transaction 'a'",
      "commit prepared 'a'",
      "rollback prepared 'a'",
      "set transaction read only",
      "set local transaction read only",
      "set transaction_isolation = 'serializable'",
      "set session characteristics as transaction read only",
    ],
    mariadb: [
      "start transaction",
      "xa start 'a'",
      "set transaction read only",
      "set session transaction read only",
      "set autocommit = 0",
      "set @@session.autocommit := 0",
      "set a = 1, autocommit=0",
      "begin not atomic select 1",
      "set statement a = 1 for commit",
    ],
  };
  for (const dialect of DIALECTS) {
    for (const sql of [...common, ...refused[dialect]]) {
      assert.throws(
        () => splitStatements(sql, dialect),
        { code: "ERR_DB_TRANSACTION_STATEMENT" },
        `${dialect}: ${sql}`,
      );
    }
  }
  assert.equal(readStatement("start slave", "mariadb").kind, "other");
});

test("what lunet does not offer is refused, and said to be", () => {
  const refused: [Dialect, string, RegExp][] = [
    ["postgres", "copy t from stdin", /COPY/],
    ["mariadb", "load data local infile 'a' into table t", /LOCAL/],
    ["mariadb", "load data low_priority local infile 'a' into table t", /LOCAL/],
    ["mariadb", "delimiter //\ncreate procedure p() select 1 //", /DELIMITER/],
    ["mariadb", "select 1 /*! , 2 */", /a comment that MariaDB executes/],
    ["mariadb", "select 1 /*M!100100 , 2 */", /a comment that MariaDB executes/],
    ["mariadb", "create procedure p() if 1 then select 1; end if", /a part of a body/],
  ];
  for (const [dialect, sql, message] of refused) {
    assert.throws(() => readStatement(sql, dialect), { code: "ERR_DB_SYNTAX", message }, sql);
  }
});

test("a quote or a comment without an end is refused", () => {
  const all = ["select 'a", "select 'a''", 'select "a', "select 1; select 'a"];
  const texts: Record<Dialect, readonly string[]> = {
    sqlite: ["select `a", "select [a"],
    postgres: ["select /* /* */", "select $a$ $b$", "select $$a$", String.raw`select E'a\'`, "select e'a''"],
    mariadb: ["select `a", "select /* a", String.raw`select 'a\'`, String.raw`select "a\"`, "select @'a"],
  };
  for (const dialect of DIALECTS) {
    for (const sql of [...all, ...texts[dialect]]) {
      const wanted = { code: "ERR_DB_SYNTAX", message: /without an end/ };
      assert.throws(() => splitStatements(sql, dialect), wanted, `${dialect}: ${sql}`);
    }
  }
});

test("PostgreSQL's bodies stay whole", () => {
  const whole = [
    "create function f() returns int language sql as $$ select 1; select 2; $$",
    "create or replace function f() returns int begin atomic select case when true then 1 else 2 end as end; select 3; end",
    "create procedure p() begin atomic end",
    "create function f() returns table (begin int) language sql return 1",
    "create rule r as on insert to t do also (delete from a; delete from b)",
    "do $a$ begin perform 1; end $a$",
  ];
  assert.deepEqual(splitOf(whole.join(";\n"), "postgres"), whole);
  assert.throws(() => splitStatements("create function f() begin atomic select 1;", "postgres"), {
    code: "ERR_DB_SYNTAX",
  });
});

test("MariaDB's bodies stay whole", () => {
  const whole = [
    "create trigger a before insert on t for each row set new.a = 1",
    "create trigger a before insert on t for each row if new.a then set new.b = 1; else set new.b = 2; end if",
    `create or replace definer = root@localhost procedure p(in a int) begin
      declare continue handler for not found begin set @a = 1; end;
      if a then select 1; elseif (a + 1) then select if(a, 2, 3); else if b then select 4; end if; end if;
      case a when 1 then if c then select 5; end if; else select 6; end case;
      select case when a then if(a, b, c) else repeat('a', 2) end; drop table if exists t;
      x:loop leave x; end loop x; while a do set a = case a when 1 then 2 end; end while;
      repeat set a = a + 1; until a > 3 end repeat; for i in 1..3 do select i; end for;
    end`,
    "create definer = 'a'@'b' function f() returns int deterministic begin return 1; end",
    "create event e on schedule every 1 day do begin delete from t; delete from u; end",
    "create procedure if not exists p() select 1",
    "create table begin_if (a int)",
  ];
  assert.deepEqual(splitOf(whole.join(";\n"), "mariadb"), whole);
  for (const body of ["begin select 1", "begin if a then select 1; end", "begin select 1; end loop"]) {
    const text = `create procedure p() ${body}; select 1`;
    assert.throws(() => splitStatements(text, "mariadb"), { code: "ERR_DB_SYNTAX" }, body);
  }
});

test("a byte order mark before the first statement is no part of it", () => {
  for (const dialect of DIALECTS)
    assert.deepEqual(splitOf("\ufeffselect 1; select 2", dialect), ["select 1", "select 2"]);
});

test("a long text is read in time that grows with its length", () => {
  const long = 20_000;
  const texts = [
    `select '${"a".repeat(long)}`,
    `select ${"(".repeat(long)}`,
    "'".repeat(long),
    `select ${"''".repeat(long)}`,
    `/*${"*".repeat(long)}`,
    "/*".repeat(long),
    `select "${'""'.repeat(long)}`,
    `select E'${"\\'".repeat(long)}`,
    "$a$".repeat(long),
    "$a".repeat(long),
    "a;".repeat(long),
    "explain ".repeat(long),
    "with a as ( ".repeat(long),
    "into ".repeat(long),
    "create definer = ".repeat(long),
    `set ${"statement ".repeat(long)}`,
    "--a\n".repeat(long),
    `create function ${"begin atomic case ".repeat(long)}`,
    `select E'a'${"\n''".repeat(long)}`,
    `select E'a'${" -- a\n".repeat(long)}`,
  ];
  for (const dialect of DIALECTS) {
    for (const text of texts) {
      const startMs = performance.now();
      try {
        splitStatements(text, dialect);
      } catch (error) {
        assert.match((error as Error).message, /^Cannot read /);
      }
      const elapsedMs = performance.now() - startMs;
      assert.ok(elapsedMs < 2_000, `${dialect}: ${text.slice(0, 20)}: ${elapsedMs} ms`);
    }
  }
});
