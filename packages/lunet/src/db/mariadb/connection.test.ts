import assert from "node:assert/strict";
import { spawn, suspend } from "../../co/mod.ts";
import { coroutineTest } from "../../testing/mod.ts";
import { realDatabase } from "../../testing/real-databases.ts";
import { TRACE } from "../../trace/mod.ts";
import { DatabaseError } from "../errors.ts";
import type { NetworkConnection } from "../network/connection.ts";
import {
  cancel,
  closed,
  control,
  failure,
  outcomeOf,
  ping,
  result,
  rows,
  withConnection,
  withDriver,
} from "./connection.fixture.ts";

const database = realDatabase("mariadb");

async function threadIdOf(connection: NetworkConnection): Promise<number> {
  return (await rows(connection, "select connection_id()"))[0]?.[0] as number;
}

/** Waits until the server runs a statement that has `part` in it. */
async function untilItRuns(part: string): Promise<void> {
  for (;;) {
    const sql = `select id from information_schema.processlist where info like '${part}%' and db = '${database.name}'`;
    if ((await database.administer(sql)).length > 0) return;
  }
}

async function statementsPrepared(connection: NetworkConnection): Promise<number> {
  const status = await rows(
    connection,
    "select variable_value from information_schema.session_status where variable_name in ('com_stmt_prepare', 'com_stmt_close') order by variable_name desc",
  );
  return Number(status[0]?.[0]) - Number(status[1]?.[0]);
}

coroutineTest("tells what a statement changed", async () => {
  await withConnection(database.url, async (connection) => {
    await result(
      connection,
      "create or replace table person (id int primary key auto_increment, name varchar(20) unique)",
    );
    const told = async (sql: string): Promise<readonly unknown[]> => {
      const { affectedRows, lastInsertId } = await result(connection, sql);
      return [affectedRows, lastInsertId];
    };
    assert.deepEqual(await told("insert into person (name) values ('a'), ('b')"), [2, 1]);
    assert.deepEqual(await told("insert ignore into person (name) values ('a')"), [0, undefined]);
    // It found a row, and changed none.
    assert.deepEqual(await told("update person set name = 'a' where name = 'a'"), [1, undefined]);
    assert.deepEqual(await told("delete from person where id = 99"), [0, undefined]);
    assert.deepEqual(await told("select * from person"), [0, undefined]);
    assert.deepEqual(await told("create or replace table other (id int)"), [0, undefined]);
    assert.deepEqual(await told("insert into other values (1)"), [1, undefined]);
    await result(connection, "alter table person modify id bigint unsigned auto_increment");
    await result(connection, "alter table person auto_increment = 18446744073709551610");
    assert.deepEqual(await told("insert into person (name) values ('z')"), [1, 18_446_744_073_709_551_610n]);
  });
});

coroutineTest("gives the rows of an insert with returning, and how many there were", async () => {
  await withConnection(database.url, async (connection) => {
    await result(connection, "create or replace table person (id int primary key auto_increment, name varchar(20))");
    const sql = "insert into person (name) values (?), (?) returning id, name";
    const inserted = await result(connection, sql, ["a", "b"]);
    assert.deepEqual(inserted.rows, [
      [1, "a"],
      [2, "b"],
    ]);
    assert.equal(inserted.affectedRows, 2);
    const dropped = await result(connection, sql, ["c", "d"], false);
    assert.deepEqual(dropped.rows, []);
    assert.equal(dropped.affectedRows, 2);
    assert.equal((await result(connection, "delete from person returning id", [], false)).affectedRows, 4);
  });
});

coroutineTest("gives the first result of a procedure", async () => {
  await withConnection(database.url, async (connection) => {
    await control(connection, "create or replace procedure two() begin select 1 as a; select 2, 3; end");
    const { columns, rows: found } = await result(connection, "call two()");
    assert.deepEqual([columns, found], [["a"], [[1]]]);
    assert.deepEqual(await rows(connection, "select 4"), [[4]]);
  });
});

coroutineTest("keeps no more rows than the limit, and can be used afterwards", async () => {
  await withConnection(
    database.url,
    async (connection) => {
      assert.equal((await rows(connection, "select seq from seq_1_to_10")).length, 10);
      assert.equal((await failure(connection, "select seq from seq_1_to_11")).code, "ERR_DB_TOO_BIG");
      assert.deepEqual((await result(connection, "select seq from seq_1_to_100000", [], false)).rows, []);
      assert.deepEqual(await rows(connection, "select 1"), [[1]]);
    },
    { maxRows: 10 },
  );
});

coroutineTest("keeps a bounded number of prepared statements", async () => {
  await withConnection(
    database.url,
    async (connection) => {
      for (let i = 0; i < 40; i++) assert.deepEqual(await rows(connection, `select ${i}`), [[i]]);
      const open = await statementsPrepared(connection);
      assert.ok(open > 0 && open <= 8, `found ${open}`);
      for (let i = 0; i < 40; i++) await rows(connection, "select ?", [i]);
      assert.ok((await statementsPrepared(connection)) <= 8);
    },
    { statementCacheSize: 8 },
  );
});

coroutineTest("runs what cannot be prepared, if it has no parameters", async () => {
  await withConnection(database.url, async (connection) => {
    await result(connection, "prepare own from 'select 1, null'");
    assert.deepEqual(await rows(connection, "execute own"), [["1", null]]);
    assert.equal((await failure(connection, "execute own using ?", [1])).code, "ERR_DB_SYNTAX");
  });
});

coroutineTest("follows a table whose columns change", async () => {
  await withConnection(database.url, async (connection) => {
    await result(connection, "create or replace table growing (a int)");
    await result(connection, "insert into growing values (1)");
    assert.deepEqual(await result(connection, "select * from growing"), {
      columns: ["a"],
      rows: [[1]],
      affectedRows: 0,
      lastInsertId: undefined,
    });
    await result(connection, "alter table growing add b varchar(5) default 'x'");
    const after = await result(connection, "select * from growing");
    assert.deepEqual([after.columns, after.rows], [["a", "b"], [[1, "x"]]]);
  });
});

coroutineTest("a shared connection answers in order, also behind statements that are new to it", async () => {
  await withDriver(database.url, async ({ connect }) => {
    const connection = await connect({ isShared: true });
    const ends: string[] = [];
    const note = async (name: string, outcome: Promise<unknown>): Promise<void> => {
      await outcome;
      ends.push(name);
    };
    // All of them by the same way, which takes as many turns for each.
    const running = ["select 'a', sleep(0.05)", "select 'b'", "selec", "select 'c'", "select 'b'"].map((sql) =>
      spawn(() => note(sql, outcomeOf(connection, sql))),
    );
    for (const one of running) await one.join();
    assert.deepEqual(ends, ["select 'a', sleep(0.05)", "select 'b'", "selec", "select 'c'", "select 'b'"]);
    let isAnswered = false;
    const asked = spawn(async () => {
      await outcomeOf(connection, "select 'd', sleep(0.05)");
      isAnswered = true;
    });
    await ping(connection);
    assert.ok(isAnswered, "a ping overtook a statement that was being prepared");
    await asked.join();
    const many = Array.from({ length: 200 }, (_, i) => spawn(() => rows(connection, "select ?", [i])));
    for (const [i, one] of many.entries()) assert.deepEqual(await one.join(), [[i]]);
  });
});

coroutineTest("tells where its transaction stands", async () => {
  await withConnection(database.url, async (connection) => {
    await result(connection, "create or replace table account (id int primary key, balance int)");
    assert.equal(connection.transaction, "none");
    await control(connection, "start transaction");
    assert.equal(connection.transaction, "open");
    await result(connection, "insert into account values (1, 10)");
    assert.equal((await failure(connection, "insert into account values (1, 10)")).code, "ERR_DB_UNIQUE");
    assert.equal(connection.transaction, "open");
    assert.ok(await control(connection, "rollback to savepoint missing"));
    assert.equal(connection.transaction, "open");
    await control(connection, "commit");
    assert.equal(connection.transaction, "none");
    await control(connection, "start transaction");
    await result(connection, "create or replace table other (id int)");
    assert.equal(connection.transaction, "none");
  });
});

coroutineTest("a transaction that lost a deadlock has failed, until it is rolled back", async () => {
  await withDriver(database.url, async ({ connect }) => {
    const one = await connect();
    const other = await connect();
    await result(one, "create or replace table account (id int primary key, balance int)");
    await result(one, "insert into account values (1, 10), (2, 10)");
    await control(one, "start transaction");
    await control(other, "start transaction");
    await result(one, "update account set balance = 1 where id = 1");
    await result(other, "update account set balance = 1 where id = 2");
    const first = spawn(() => outcomeOf(one, "update account set balance = 2 where id = 2"));
    await untilItRuns("update account set balance = 2");
    const outcomes = [await outcomeOf(other, "update account set balance = 3 where id = 1"), await first.join()];
    const errors = outcomes.filter((outcome) => outcome instanceof DatabaseError);
    assert.deepEqual(
      errors.map(({ code, retryable }) => [code, retryable]),
      [["ERR_DB_DEADLOCK", true]],
    );
    const loser = outcomes[0] instanceof DatabaseError ? other : one;
    assert.equal(loser.transaction, "failed");
    await ping(loser);
    assert.equal((await failure(loser, "selec")).code, "ERR_DB_SYNTAX");
    assert.equal(loser.transaction, "failed");
    assert.equal(await control(loser, "rollback"), undefined);
    assert.equal(loser.transaction, "none");
    const winner = loser === one ? other : one;
    assert.equal(winner.transaction, "open");
    await control(winner, "rollback");
  });
});

coroutineTest("a lock that does not come ends the statement, and not the transaction", async () => {
  await withDriver(database.url, async ({ connect }) => {
    const one = await connect();
    const other = await connect();
    await result(one, "create or replace table account (id int primary key, balance int)");
    await result(one, "insert into account values (1, 10)");
    await control(one, "set innodb_lock_wait_timeout = 0");
    await control(one, "start transaction");
    await control(other, "start transaction");
    await result(other, "update account set balance = 1");
    const error = await failure(one, "update account set balance = 2");
    assert.deepEqual([error.code, error.retryable, one.transaction], ["ERR_DB_BUSY", true, "open"]);
    await control(one, "rollback");
    await control(other, "rollback");
  });
});

coroutineTest("what it was in the middle of is told when its connection is killed", async () => {
  await withDriver(database.url, async ({ connect }) => {
    const connection = await connect({ isShared: true });
    const id = await threadIdOf(connection);
    const ended = suspend<void>("end", (resume) => {
      connection.onEnd(resume);
      return undefined;
    });
    const first = spawn(() => failure(connection, "select sleep(20)"));
    const second = spawn(() => failure(connection, "select 2"));
    await untilItRuns("select sleep(20)");
    await database.administer(`kill ${id}`);
    assert.equal((await first.join()).code, "ERR_DB_CONNECTION_LOST");
    assert.equal((await second.join()).code, "ERR_DB_CONNECTION_LOST");
    assert.ok((await first.join()).cause instanceof Error);
    await ended;
    assert.ok(connection.ended);
    assert.equal((await failure(connection, "select 3")).code, "ERR_DB_CONNECTION_LOST");
  });
});

coroutineTest("an idle connection notices that it was killed", async () => {
  await withConnection(database.url, async (connection) => {
    const id = await threadIdOf(connection);
    const ended = suspend<void>("end", (resume) => {
      connection.onEnd(resume);
      return undefined;
    });
    await database.administer(`kill ${id}`);
    await ended;
    assert.ok(connection.ended);
  });
});

coroutineTest("destroy tells what was under way, and ends the connection at the server", async () => {
  await withConnection(database.url, async (connection) => {
    await rows(connection, "select 1");
    const running = spawn(() => failure(connection, "select sleep(20)"));
    await untilItRuns("select sleep(20)");
    connection.destroy();
    assert.ok(connection.ended);
    assert.equal((await running.join()).code, "ERR_DB_CONNECTION_LOST");
    await closed(connection);
  });
});

coroutineTest("close waits for the socket, and the server has nothing left", async () => {
  await withConnection(database.url, async (connection) => {
    const id = await threadIdOf(connection);
    await suspend<void>("close", (resume) => {
      connection.close(resume);
      return undefined;
    });
    assert.ok(connection.ended);
    for (;;) {
      const found = await database.administer(`select 1 from information_schema.processlist where id = ${id}`);
      if (found.length === 0) break;
    }
  });
});

coroutineTest("a cancel ends what runs, and the connection goes on", async () => {
  await withConnection(database.url, async (connection) => {
    const running = spawn(() => failure(connection, "select sleep(20)"));
    await untilItRuns("select sleep(20)");
    assert.equal(await cancel(connection), undefined);
    const error = await running.join();
    assert.deepEqual([error.code, error.sqlState], ["ERR_DB_STATEMENT_CANCELLED", "70100"]);
    assert.equal(await ping(connection), undefined);
    assert.deepEqual(await rows(connection, "select 1"), [[1]]);
  });
});

coroutineTest("a cancelled statement leaves its transaction open", async () => {
  await withConnection(database.url, async (connection) => {
    await control(connection, "start transaction");
    const running = spawn(() => failure(connection, "select sleep(20)"));
    await untilItRuns("select sleep(20)");
    await cancel(connection);
    assert.equal((await running.join()).code, "ERR_DB_STATEMENT_CANCELLED");
    assert.equal(connection.transaction, "open");
    await control(connection, "rollback");
  });
});

coroutineTest("a cancel of a connection that is gone is no failure", async () => {
  await withConnection(database.url, async (connection, { connect }) => {
    // The killer is there, so that the second one finds a number that nobody has.
    assert.equal(await cancel(connection), undefined);
    const other = await connect();
    await closed(other);
    assert.equal(await cancel(other), undefined);
  });
});

coroutineTest(
  "a late cancel never meets the next statement",
  async () => {
    await withConnection(database.url, async (connection) => {
      await result(connection, "create or replace table number (i int) select seq as i from seq_0_to_199");
      const sql = "select count(*) from number a, number b where a.i < ?";
      const met = { cancelled: 0, done: 0 };
      for (let round = 0; round < (TRACE ? 300 : 1_500); round++) {
        const running = spawn(() => outcomeOf(connection, sql, [(round % 8) * 25]));
        const cancelling = spawn(() => cancel(connection));
        const outcome = await running.join();
        if (outcome instanceof DatabaseError) {
          assert.equal(
            outcome.code,
            "ERR_DB_STATEMENT_CANCELLED",
            `${outcome.message} ${String((outcome.cause as { errno?: number }).errno)}`,
          );
          met.cancelled++;
        } else met.done++;
        assert.equal(await cancelling.join(), undefined);
        assert.equal(await ping(connection), undefined);
        assert.deepEqual(await rows(connection, "select ?", [round]), [[round]]);
      }
      assert.ok(met.cancelled > 0 && met.done > 0, JSON.stringify(met));
    });
  },
  { timeoutMs: 30_000 },
);
