import assert from "node:assert/strict";
import { test } from "node:test";
import { readStatement, splitStatements } from "./sql-text.ts";

test("a statement's kind is what it does", () => {
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

test("parameters are counted where they are parameters", () => {
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

test("a text is split where its statements end", () => {
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

test("a trigger ends with its END", () => {
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

test("a long text is read in time that grows with its length", () => {
  const long = 200_000;
  for (const text of [
    `select '${"a".repeat(long)}`,
    `select ${"(".repeat(long)}`,
    "'".repeat(long),
    `/*${"*".repeat(long)}`,
    `select ${"''".repeat(long)}`,
  ]) {
    const startMs = performance.now();
    try {
      splitStatements(text, "sqlite");
    } finally {
      assert.ok(performance.now() - startMs < 2_000, text.slice(0, 20));
    }
  }
});
