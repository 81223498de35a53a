import assert from "node:assert/strict";
import { inspect } from "node:util";
import { suspend } from "../../co/mod.ts";
import { coroutineTest } from "../../testing/mod.ts";
import { realDatabase } from "../../testing/real-databases.ts";
import type { Param } from "../contract.ts";
import { DatabaseError, type DatabaseErrorCode } from "../errors.ts";
import { readStatement, type SqlText } from "../sql-text.ts";
import { control, failure, result, withConnection } from "./connection.fixture.ts";

const database = realDatabase("mariadb");

const TABLES = [
  "create or replace table parent (id int primary key, name varchar(40) not null, unique key parent_name (name))",
  `create or replace table child (id int primary key, parent int, n tinyint unsigned, at datetime(3), s varchar(3),
    constraint child_parent foreign key (parent) references parent (id), constraint n_small check (n < 100), j json)`,
  "insert into parent values (1, 'a'), (2, 'b')",
  "insert into child (id, parent) values (1, 1)",
];

/** A value that must be in no message. */
const SECRET = "it's for key 'a secret";

type Case = readonly [code: DatabaseErrorCode, constraint: string | undefined, sql: string, ...params: Param[]];

const CASES: readonly Case[] = [
  ["ERR_DB_UNIQUE", "parent_name", "insert into parent values (?, ?)", 4, SECRET],
  ["ERR_DB_UNIQUE", "parent.PRIMARY", "insert into parent values (?, 'c')", 1],
  ["ERR_DB_UNIQUE", "parent.PRIMARY", "update parent set id = 1 where id = 2"],
  ["ERR_DB_FOREIGN_KEY", "child_parent", "insert into child (id, parent) values (?, ?)", 2, 77],
  ["ERR_DB_FOREIGN_KEY", "child_parent", "delete from parent where id = 1"],
  ["ERR_DB_NOT_NULL", "parent.name", "insert into parent values (5, ?)", null],
  ["ERR_DB_NOT_NULL", "parent.name", "insert into parent (id) values (5)"],
  ["ERR_DB_CHECK", "n_small", "insert into child (id, n) values (3, 100)"],
  ["ERR_DB_CHECK", "child.j", "insert into child (id, j) values (3, ?)", SECRET],
  ["ERR_DB_TYPE", undefined, "insert into child (id, n) values (3, ?)", SECRET],
  ["ERR_DB_TYPE", undefined, "insert into child (id, n) values (3, ?)", 256],
  ["ERR_DB_TYPE", undefined, "insert into child (id, s) values (3, ?)", SECRET],
  ["ERR_DB_TYPE", undefined, "insert into child (id, at) values (3, ?)", SECRET],
  ["ERR_DB_STATEMENT", undefined, "select cast(? as signed) + 1", 2n ** 63n - 1n],
  ["ERR_DB_CONSTRAINT", undefined, "signal sqlstate '45000' set message_text = 'not so'"],
  ["ERR_DB_SYNTAX", undefined, "selec 1"],
  ["ERR_DB_SYNTAX", undefined, "select nothing from parent"],
  ["ERR_DB_SYNTAX", undefined, "select * from missing"],
  ["ERR_DB_SYNTAX", undefined, "select missing_function(1)"],
  ["ERR_DB_STATEMENT_CANCELLED", undefined, "set statement max_statement_time = 0.01 for select sleep(1)"],
];

coroutineTest("each failure has its code and its constraint, and no message has a value in it", async () => {
  await withConnection(database.url, async (connection) => {
    for (const sql of TABLES) await result(connection, sql);
    await result(connection, "insert into parent values (?, ?)", [3, SECRET]);
    for (const [code, constraint, sql, ...params] of CASES) {
      const error = await failure(connection, sql, params);
      assert.deepEqual([error.code, error.constraint], [code, constraint], `${sql}: ${error.message}`);
      assert.equal(error.sql, sql);
      assert.match(error.sqlState ?? "", /^[\dA-Z]{5}$/);
      assert.doesNotMatch(inspect(error, { depth: 9 }), /secret/);
      assert.ok(error.cause instanceof Error && "errno" in error.cause);
    }
  });
});

coroutineTest("a write in a transaction that only reads is told apart", async () => {
  await withConnection(database.url, async (connection) => {
    await result(connection, "create or replace table written (id int)");
    await control(connection, "start transaction read only");
    assert.equal((await failure(connection, "insert into written values (1)")).code, "ERR_DB_READ_ONLY");
    assert.equal(connection.transaction, "open");
    await control(connection, "rollback");
  });
});

coroutineTest("a value that is larger than the server takes is refused before it is sent", async () => {
  await withConnection(database.url, async (connection) => {
    for (const big of [new Uint8Array(20_000_000), "x".repeat(20_000_000), "ä".repeat(9_000_000)]) {
      const error = await failure(connection, "select length(?)", [big]);
      assert.deepEqual([error.code, connection.ended], ["ERR_DB_TOO_BIG", false]);
    }
    assert.deepEqual((await result(connection, "select length(?)", ["x".repeat(16_000_000)])).rows, [[16_000_000]]);
    const bytes = new Uint8Array(16_000_000);
    assert.deepEqual((await result(connection, "select length(?) + length(?)", [bytes, bytes])).rows, [[32_000_000]]);
  });
});

coroutineTest("a parameter that only one side sees is told", async () => {
  await withConnection(database.url, async (connection) => {
    const text: SqlText = { ...readStatement("select 1, '?'", "mariadb"), parameterCount: 1 };
    const outcome = await suspend<unknown>("run", (resume) => {
      connection.run(text, [1], true, resume);
      return undefined;
    });
    assert.ok(outcome instanceof DatabaseError && outcome.code === "ERR_DB_SYNTAX");
  });
});

coroutineTest("a commit that failed in the middle is one of which nobody knows whether it was done", async () => {
  await withConnection(database.url, async (connection) => {
    const error = await failure(connection, "signal sqlstate 'HY000' set mysql_errno = 1180");
    assert.deepEqual([error.code, error.retryable, connection.ended], ["ERR_DB_CONNECTION_LOST", false, true]);
  });
});
