import assert from "node:assert/strict";
import { inspect } from "node:util";
import { coroutineTest } from "../../testing/mod.ts";
import { realDatabase } from "../../testing/real-databases.ts";
import type { Param } from "../contract.ts";
import type { DatabaseErrorCode } from "../errors.ts";
import { withConnection } from "./connections.fixture.ts";

const database = realDatabase("postgres");

const SCHEMA = [
  "create temporary table person (id int primary key, name varchar(5) not null, age smallint check (age > 0))",
  'create temporary table pair (a int, b text, "C c" int, unique (a, b), unique ("C c"))',
  "create unique index pair_lower on pair (lower(b))",
  "create temporary table pet (owner int constraint pet_owner references person, day int4range, exclude using gist (day with &&))",
  "create temporary table clock (at timestamptz, kind uuid)",
  "create type pg_temp.mood as enum ('sad')",
  "insert into person values (1, 'ann', 1)",
  "insert into pair values (1, 'x', 7)",
  "insert into pet values (1, '[1,5)')",
  "create temporary view adult as select * from person where age > 17 with check option",
  `create function pg_temp.fail(text) returns int language plpgsql as 'begin raise exception using errcode = $1, message = ''refused''; end'`,
];

interface Case {
  readonly sql: string;
  readonly params?: readonly Param[];
  readonly code: DatabaseErrorCode;
  readonly sqlState: string;
  readonly constraint?: string;
}

const CASES: readonly Case[] = [
  { sql: "insert into person values (1, 'secret', 2)", code: "ERR_DB_TOO_BIG", sqlState: "22001" },
  {
    sql: "insert into person values (?, 'bob', 2)",
    params: [1],
    code: "ERR_DB_UNIQUE",
    sqlState: "23505",
    constraint: "person.id",
  },
  {
    sql: "insert into pair values (1, ?, 8)",
    params: ["x"],
    code: "ERR_DB_UNIQUE",
    sqlState: "23505",
    constraint: "pair.a, pair.b",
  },
  { sql: "insert into pair values (2, 'y', 7)", code: "ERR_DB_UNIQUE", sqlState: "23505", constraint: "pair.C c" },
  { sql: "insert into pair values (2, 'X', 9)", code: "ERR_DB_UNIQUE", sqlState: "23505", constraint: "pair_lower" },
  {
    sql: "insert into person values (2, null, 2)",
    code: "ERR_DB_NOT_NULL",
    sqlState: "23502",
    constraint: "person.name",
  },
  {
    sql: "insert into person values (2, 'bob', ?)",
    params: [-5],
    code: "ERR_DB_CHECK",
    sqlState: "23514",
    constraint: "person_age_check",
  },
  { sql: "insert into adult values (2, 'bob', 5)", code: "ERR_DB_CHECK", sqlState: "44000" },
  {
    sql: "insert into pet values (?, null)",
    params: [99],
    code: "ERR_DB_FOREIGN_KEY",
    sqlState: "23503",
    constraint: "pet_owner",
  },
  { sql: "delete from person where id = 1", code: "ERR_DB_FOREIGN_KEY", sqlState: "23503", constraint: "pet_owner" },
  {
    sql: "insert into pet values (1, '[2,3)')",
    code: "ERR_DB_CONSTRAINT",
    sqlState: "23P01",
    constraint: "pet_day_excl",
  },
  { sql: "insert into person values (?, 'bob', 1)", params: ["secret"], code: "ERR_DB_TYPE", sqlState: "22P02" },
  { sql: "insert into person values (?, 'bob', 1)", params: [99_999_999_999], code: "ERR_DB_TYPE", sqlState: "22003" },
  { sql: "insert into person select 3, 'bob', date '2026-01-31'", code: "ERR_DB_TYPE", sqlState: "42804" },
  { sql: "insert into clock (at) values (?)", params: ["secret"], code: "ERR_DB_TYPE", sqlState: "22007" },
  { sql: "insert into clock (at) values (?)", params: ["2026-02-31"], code: "ERR_DB_TYPE", sqlState: "22008" },
  { sql: "insert into clock (kind) values (?)", params: ["secret"], code: "ERR_DB_TYPE", sqlState: "22P02" },
  { sql: "select cast(? as pg_temp.mood)", params: ["secret"], code: "ERR_DB_TYPE", sqlState: "22P02" },
  { sql: "select cast(? as json)", params: ["secret"], code: "ERR_DB_TYPE", sqlState: "22P02" },
  { sql: "select 2147483647 + 1", code: "ERR_DB_STATEMENT", sqlState: "22003" },
  { sql: "select 1 / 0", code: "ERR_DB_STATEMENT", sqlState: "22012" },
  { sql: "select (select id from (values (1), (2)) as t (id))", code: "ERR_DB_STATEMENT", sqlState: "21000" },
  { sql: "selec 1", code: "ERR_DB_SYNTAX", sqlState: "42601" },
  { sql: "select * from nowhere", code: "ERR_DB_SYNTAX", sqlState: "42P01" },
  { sql: "select nothing from person", code: "ERR_DB_SYNTAX", sqlState: "42703" },
  { sql: "select lower(1)", code: "ERR_DB_SYNTAX", sqlState: "42883" },
  { sql: "insert into nowhere.person values (1)", code: "ERR_DB_SYNTAX", sqlState: "42P01" },
  { sql: "create table nowhere.person (id int)", code: "ERR_DB_SYNTAX", sqlState: "3F000" },
  { sql: "select ?", params: [1, 2], code: "ERR_DB_SYNTAX", sqlState: "08P01" },
  { sql: "set local role nobody_at_all", code: "ERR_DB_STATEMENT", sqlState: "22023" },
  ...raised("40001", "ERR_DB_SERIALIZATION"),
  ...raised("40P01", "ERR_DB_DEADLOCK"),
  ...raised("55P03", "ERR_DB_BUSY"),
  ...raised("57014", "ERR_DB_STATEMENT_CANCELLED"),
  ...raised("25006", "ERR_DB_READ_ONLY"),
  ...raised("25P02", "ERR_DB_TRANSACTION_FAILED"),
  ...raised("28000", "ERR_DB_ACCESS"),
  ...raised("3D000", "ERR_DB_ACCESS"),
  ...raised("42501", "ERR_DB_ACCESS"),
  ...raised("23000", "ERR_DB_CONSTRAINT"),
  ...raised("53000", "ERR_DB_UNAVAILABLE"),
  ...raised("53100", "ERR_DB_FULL"),
  ...raised("53200", "ERR_DB_OUT_OF_MEMORY"),
  ...raised("53300", "ERR_DB_UNAVAILABLE"),
  ...raised("57P03", "ERR_DB_UNAVAILABLE"),
  ...raised("54001", "ERR_DB_TOO_BIG"),
  ...raised("58030", "ERR_DB_IO"),
  ...raised("XX001", "ERR_DB_CORRUPT"),
  ...raised("XX002", "ERR_DB_CORRUPT"),
  ...raised("XX000", "ERR_DB_STATEMENT"),
  ...raised("P0001", "ERR_DB_STATEMENT"),
  ...raised("08001", "ERR_DB_UNAVAILABLE"),
  ...raised("08006", "ERR_DB_CONNECTION_LOST"),
];

/** What takes a full disk or a broken one to see, a function says. */
function raised(sqlState: string, code: DatabaseErrorCode): Case[] {
  return [{ sql: "select pg_temp.fail(?)", params: [sqlState], code, sqlState }];
}

coroutineTest("each failure of the server has its code, its constraint and no values", async () => {
  await withConnection(database.url, {}, async (client) => {
    for (const sql of SCHEMA) await client.result(sql);
    for (const { sql, params = [], code, sqlState, constraint } of CASES) {
      const error = await client.failure(sql, params);
      const found = { code: error.code, sqlState: error.sqlState, constraint: error.constraint, sql: error.sql };
      assert.deepEqual(found, { code, sqlState, constraint, sql });
      assert(error.message.startsWith("Cannot run "), error.message);
      assert(error.cause instanceof Error);
      if (params.includes("secret")) assert.doesNotMatch(inspect(error), /secret/);
      assert.equal(client.connection.ended, false);
    }
  });
});

coroutineTest("real transactions that collide have their codes", async () => {
  await withConnection(database.url, {}, async (one) => {
    await one.result("create table counter (id int primary key, n int)");
    await one.result("insert into counter values (1, 0), (2, 0)");
    await withConnection(database.url, {}, async (two) => {
      await one.control("begin isolation level serializable");
      await two.control("begin isolation level serializable");
      await one.rows("select sum(n) from counter");
      await two.rows("select sum(n) from counter");
      await one.result("update counter set n = 1 where id = 1");
      await two.result("update counter set n = 1 where id = 2");
      assert.equal(await one.control("commit"), undefined);
      assert.equal((await two.control("commit"))?.code, "ERR_DB_SERIALIZATION");

      await one.control("begin");
      await one.result("select * from counter where id = 1 for update");
      const busy = await two.failure("select * from counter where id = 1 for update nowait");
      assert.deepEqual([busy.code, busy.sqlState, busy.retryable], ["ERR_DB_BUSY", "55P03", true]);
      await one.control("rollback");

      await one.control("begin read only");
      assert.equal((await one.failure("update counter set n = 2")).code, "ERR_DB_READ_ONLY");
      assert.equal(one.connection.transaction, "failed");
      assert.equal((await one.failure("select 1")).code, "ERR_DB_TRANSACTION_FAILED");
      assert.equal((await one.failure("vacuum counter")).code, "ERR_DB_TRANSACTION_FAILED");
      await one.control("rollback");

      await one.control("begin");
      assert.equal((await one.failure("vacuum counter")).code, "ERR_DB_TRANSACTION_OPEN");
      await one.control("rollback");
    });
  });
});

coroutineTest("a deferred constraint fails the commit", async () => {
  await withConnection(database.url, {}, async (client) => {
    await client.result("create temporary table later (id int unique deferrable initially deferred)");
    const alone = await client.failure("insert into later values (1), (1)");
    assert.deepEqual([alone.code, alone.constraint], ["ERR_DB_UNIQUE", "later.id"]);
    await client.control("begin");
    await client.result("insert into later values (1), (1)");
    const atCommit = await client.control("commit");
    assert.deepEqual([atCommit?.code, atCommit?.constraint], ["ERR_DB_UNIQUE", "later.id"]);
    assert.equal(client.connection.transaction, "none");
  });
});
