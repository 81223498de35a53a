import assert from "node:assert/strict";
import { suspend } from "../../co/mod.ts";
import { coroutineTest } from "../../testing/mod.ts";
import { realDatabase } from "../../testing/real-databases.ts";
import { DatabaseError } from "../errors.ts";
import { type Outcome, type TestClient, withConnection } from "./connections.fixture.ts";

const database = realDatabase("postgres");

/** How many statements are prepared on the connection, that of the question not counted. */
async function countPrepared(client: TestClient): Promise<unknown> {
  const rows = await client.rows(
    "select count(*) from pg_prepared_statements where statement not like '%pg_prepared%'",
  );
  return rows[0]?.[0];
}

/** Waits until the server runs a statement that contains `part`. */
async function waitRunning(client: TestClient, part: string): Promise<void> {
  const [[pid]] = (await client.rows("select pg_backend_pid()")) as [[number]];
  for (;;) {
    const rows = await client.rows(
      "select 1 from pg_stat_activity where state = 'active' and pid <> ? and strpos(query, ?) > 0",
      [pid, part],
    );
    if (rows.length > 0) return;
  }
}

coroutineTest("gives rows, their columns and how many were changed", async () => {
  await withConnection(database.url, {}, async (client) => {
    const table = await client.result("create temporary table person (id int, name text)");
    assert.deepEqual(table, { columns: [], rows: [], affectedRows: 0, lastInsertId: undefined });
    const insert = await client.result("insert into person values (?, ?), (2, 'bob')", [1, "ann"]);
    assert.equal(insert.affectedRows, 2);
    const update = await client.result("update person set id = id + 1 returning id");
    assert.deepEqual([update.affectedRows, update.columns, update.rows], [2, ["id"], [[2], [3]]]);
    const read = await client.result("select id, name from person order by id");
    assert.deepEqual(
      [read.affectedRows, read.columns, read.rows],
      [
        0,
        ["id", "name"],
        [
          [2, "ann"],
          [3, "bob"],
        ],
      ],
    );
    assert.equal((await client.result("delete from person")).affectedRows, 2);
    const none = await client.result("select id from person");
    assert.deepEqual([none.columns, none.rows], [["id"], []]);
  });
});

coroutineTest("drops rows that nobody wants", async () => {
  await withConnection(database.url, { maxRows: 2 }, async (client) => {
    const outcome = await client.run("select generate_series(1, 5)", [], false);
    assert(!(outcome instanceof DatabaseError));
    assert.deepEqual(outcome.rows, []);
  });
});

coroutineTest("gives the same array of columns while they are the same", async () => {
  await withConnection(database.url, {}, async (client) => {
    const first = await client.result("select 1 as a");
    const second = await client.result("select 1 as a");
    assert.equal(first.columns, second.columns);
    // It is described each time, because nobody knows what it will show.
    const shown = await client.result("show timezone");
    assert.deepEqual(shown.rows, [["UTC"]]);
    assert.equal(shown.columns, (await client.result("show timezone")).columns);
  });
});

coroutineTest("answers come in the order of the questions, and a failure is its own question's alone", async () => {
  await withConnection(database.url, { isShared: true }, async (client) => {
    const order: string[] = [];
    await suspend<void>("all", (resume) => {
      const note = (name: string) => (outcome: Outcome) => {
        order.push(outcome instanceof DatabaseError ? `${name} ${outcome.code}` : `${name} ${String(outcome.rows[0])}`);
        if (name === "e") resume();
      };
      client.start("select 1 from pg_sleep(0.02)", [], note("a"));
      client.start("select 1 / 0", [], note("b"));
      client.start("select 3", [], note("c"));
      client.start("selec 4", [], note("d"));
      client.start("select 3", [], note("e"));
      assert.deepEqual(order, []);
      return undefined;
    });
    assert.deepEqual(order, ["a 1", "b ERR_DB_STATEMENT", "c 3", "d ERR_DB_SYNTAX", "e 3"]);
    assert.equal(client.connection.transaction, "none");
  });
});

coroutineTest(
  "the same text whose preparation failed is prepared anew, also for those that were sent behind it",
  async () => {
    await withConnection(database.url, { isShared: true }, async (client) => {
      const codes: unknown[] = [];
      await suspend<void>("both", (resume) => {
        for (let i = 0; i < 2; i++) {
          client.start("select * from later", [], (outcome) => {
            codes.push(outcome instanceof DatabaseError ? outcome.sqlState : outcome.rows);
            if (codes.length === 2) resume();
          });
        }
        return undefined;
      });
      assert.deepEqual(codes, ["42P01", "42P01"]);
      await client.result("create temporary table later (id int)");
      assert.deepEqual(await client.rows("select * from later"), []);
    });
  },
);

coroutineTest("prepares each text once, and forgets what was not used for longest", async () => {
  await withConnection(database.url, { statementCacheSize: 4 }, async (client) => {
    for (let i = 0; i < 20; i++) await client.result(`select ${i}`);
    assert(Number(await countPrepared(client)) <= 5);
    await client.result("select 19");
    const before = await client.rows("select name from pg_prepared_statements where statement = 'select 19'");
    await client.result("select 19");
    const after = await client.rows("select name from pg_prepared_statements where statement = 'select 19'");
    assert.equal(before.length, 1);
    assert.deepEqual(after, before);
  });
});

coroutineTest("a statement whose columns have changed is prepared anew outside a transaction", async () => {
  await withConnection(database.url, {}, async (client) => {
    await client.result("create temporary table grown (a int)");
    await client.result("insert into grown values (1)");
    const before = await client.result("select * from grown");
    await client.result("alter table grown add column b text default 'x'");
    const after = await client.result("select * from grown");
    assert.deepEqual([before.columns, after.columns, after.rows], [["a"], ["a", "b"], [[1, "x"]]]);

    await client.control("begin");
    await client.result("alter table grown drop column b");
    const failure = await client.failure("select * from grown");
    assert.deepEqual([failure.code, failure.sqlState, failure.retryable], ["ERR_DB_STATEMENT", "0A000", false]);
    assert.equal(client.connection.transaction, "failed");
    await client.control("rollback");
    assert.deepEqual(await client.rows("select * from grown"), [[1, "x"]]);
  });
});

coroutineTest("a statement that the server was told to forget is prepared anew outside a transaction", async () => {
  await withConnection(database.url, {}, async (client) => {
    await client.result("select 1");
    await client.control("deallocate all");
    assert.deepEqual(await client.rows("select 1"), [[1]]);
    await client.control("deallocate all");
    await client.control("begin");
    assert.equal((await client.failure("select 1")).sqlState, "26000");
    await client.control("rollback");
    assert.deepEqual(await client.rows("select 1"), [[1]]);
  });
});

coroutineTest("a result of more than maxRows is ended in the server, and the connection goes on", async () => {
  await withConnection(database.url, { maxRows: 3 }, async (client) => {
    assert.equal((await client.rows("select generate_series(1, 3)")).length, 3);
    const four = await client.failure("select generate_series(1, 4)");
    assert.deepEqual([four.code, four.retryable], ["ERR_DB_TOO_BIG", false]);
    assert.match(four.message, /found more than 3 rows/);
    // At a million rows a second this would take four months.
    assert.equal((await client.failure("select generate_series(1, 10000000000000)")).code, "ERR_DB_TOO_BIG");
    assert.deepEqual(await client.rows("select 1"), [[1]]);
  });
});

coroutineTest("a write that gives more than maxRows is done, and told so", async () => {
  await withConnection(database.url, { maxRows: 3 }, async (client) => {
    await client.result("create temporary table wide (n integer, t text)");
    // Rows that are too large to be held back by the server: a cancel would come long before the last one.
    const sql = `insert into wide select n, repeat('x', 20000) from generate_series(1, 8) as n
      where pg_sleep(0.05) is not null returning n, t`;
    const failure = await client.failure(sql);
    assert.equal(failure.code, "ERR_DB_TOO_BIG");
    assert.match(failure.message, /was done/);
    assert.deepEqual(await client.rows("select count(*) from wide"), [[8]]);
  });
});

coroutineTest(
  "a shared connection drops what is beyond maxRows, and nobody else's statement is cancelled",
  async () => {
    await withConnection(database.url, { maxRows: 3, isShared: true }, async (client) => {
      const outcomes: unknown[] = [];
      await suspend<void>("both", (resume) => {
        client.start("select generate_series(1, 10000)", [], (outcome) =>
          outcomes.push((outcome as DatabaseError).code),
        );
        client.start("select 1 from pg_sleep(0.02)", [], (outcome) => {
          outcomes.push((outcome as { rows: unknown }).rows);
          resume();
        });
        return undefined;
      });
      assert.deepEqual(outcomes, ["ERR_DB_TOO_BIG", [[1]]]);
    });
  },
);

coroutineTest("takes 65535 parameters and refuses one more before it is sent", async () => {
  await withConnection(database.url, {}, async ({ connection }) => {
    const run = (count: number): Promise<Outcome> =>
      suspend<Outcome>("run", (resume) => {
        const numbers = Array.from({ length: count }, (_, i) => i + 1);
        const native = `select cardinality(array[${numbers.map((n) => `$${n}`).join(",")}])`;
        const text = { sql: native, native, kind: "read", parameterCount: count } as Parameters<
          typeof connection.run
        >[0];
        connection.run(text, numbers.map(String), true, resume);
        return undefined;
      });
    assert.deepEqual(((await run(65_535)) as { rows: unknown }).rows, [[65_535]]);
    assert.equal(((await run(65_536)) as DatabaseError).code, "ERR_DB_TOO_BIG");
    assert.equal(connection.ended, false);
  });
});

coroutineTest("a cancel ends what runs, and after a ping the connection goes on", async () => {
  await withConnection(database.url, {}, async (client) => {
    await withConnection(database.url, {}, async (other) => {
      const outcome = suspend<Outcome>("slow", (resume) => {
        client.start("select pg_sleep(60)", [], resume);
        return undefined;
      });
      await waitRunning(other, "pg_sleep(60)");
      assert.equal(await client.cancel(), undefined);
      const failure = await outcome;
      assert(failure instanceof DatabaseError);
      assert.deepEqual([failure.code, failure.sqlState], ["ERR_DB_STATEMENT_CANCELLED", "57014"]);
      assert.equal(await client.ping(), undefined);
      assert.deepEqual(await client.rows("select 1"), [[1]]);
    });
  });
});

coroutineTest("a cancel that comes late hits nothing that is sent after a ping", async () => {
  await withConnection(database.url, {}, async (client) => {
    for (let round = 0; round < 300; round++) {
      const statement = suspend<Outcome>("quick", (resume) => {
        client.start("select 1", [], resume);
        return undefined;
      });
      assert.equal(await client.cancel(), undefined);
      await statement;
      assert.equal(await client.ping(), undefined);
      assert.deepEqual(await client.rows("select 2"), [[2]]);
    }
  });
});

coroutineTest("a connection that the server ends tells everybody, with the server's last words", async () => {
  await withConnection(database.url, { isShared: true }, async (client) => {
    const [[pid]] = (await client.rows("select pg_backend_pid()")) as [[number]];
    const outcomes: DatabaseError[] = [];
    const both = suspend<void>("both", (resume) => {
      const note = (outcome: Outcome): void => {
        outcomes.push(outcome as DatabaseError);
        if (outcomes.length === 2) resume();
      };
      client.start("select pg_sleep(50)", [], note);
      client.start("select 2", [], note);
      return undefined;
    });
    await withConnection(database.url, {}, async (other) => {
      await waitRunning(other, "pg_sleep(50)");
      await other.rows("select pg_terminate_backend(cast(? as int))", [pid]);
    });
    await both;
    for (const { code, retryable, cause, message } of outcomes) {
      assert.deepEqual([code, retryable], ["ERR_DB_CONNECTION_LOST", false]);
      assert.equal((cause as { code?: string }).code, "57P01");
      assert.match(message, /127\.0\.0\.1/);
    }
    assert.equal(client.connection.ended, true);
    assert.equal((await client.failure("select 3")).code, "ERR_DB_CONNECTION_LOST");
    assert.equal((await client.ping())?.code, "ERR_DB_CONNECTION_LOST");
    assert.equal((await client.control("begin"))?.code, "ERR_DB_CONNECTION_LOST");
  });
});

coroutineTest(
  "an idle connection that the server ends calls its listener, and nothing reaches the process",
  async () => {
    await withConnection(database.url, {}, async (client) => {
      const [[pid]] = (await client.rows("select pg_backend_pid()")) as [[number]];
      const end = suspend<void>("end", (resume) => {
        client.connection.onEnd(resume);
        return undefined;
      });
      await withConnection(database.url, {}, async (other) => {
        await other.rows("select pg_terminate_backend(cast(? as int))", [pid]);
      });
      await end;
      const failure = await client.failure("select 1");
      assert.equal((failure.cause as { code?: string }).code, "57P01");
    });
  },
);

coroutineTest("destroy tells what is under way, after it has returned, once", async () => {
  await withConnection(database.url, {}, async (client) => {
    const told: string[] = [];
    const lost = suspend<Outcome>("slow", (resume) => {
      client.start("select pg_sleep(60)", [], (outcome) => {
        told.push("run");
        resume(outcome);
      });
      return undefined;
    });
    const end = suspend<void>("end", (resume) => {
      client.connection.onEnd(() => {
        told.push("end");
        resume();
      });
      return undefined;
    });
    client.connection.destroy();
    client.connection.destroy();
    assert.deepEqual([client.connection.ended, told], [true, []]);
    assert.equal(((await lost) as DatabaseError).code, "ERR_DB_CONNECTION_LOST");
    await end;
    await client.close();
    assert.deepEqual(told, ["run", "end"]);
    let calls = 0;
    client.connection.onEnd(() => calls++);
    assert.equal(calls, 1);
  });
});

coroutineTest("close waits for what is under way, and the server's side is gone after it", async () => {
  await withConnection(database.url, {}, async (other) => {
    let pid = 0;
    const outcomes: Outcome[] = [];
    await withConnection(database.url, { isShared: true }, async (client) => {
      [[pid]] = (await client.rows("select pg_backend_pid()")) as [[number]];
      client.start("select 7 from pg_sleep(0.02)", [], (outcome) => outcomes.push(outcome));
    });
    assert.deepEqual((outcomes[0] as { rows: unknown }).rows, [[7]]);
    // The server's process says good-bye before it leaves its list.
    while ((await other.rows("select 1 from pg_stat_activity where pid = ?", [pid])).length > 0);
  });
});

coroutineTest("knows where its transaction stands", async () => {
  await withConnection(database.url, {}, async (client) => {
    const states: string[] = [];
    for (const sql of ["begin", "select 1", "selec", "rollback"]) {
      await client.control(sql);
      states.push(client.connection.transaction);
    }
    assert.deepEqual(states, ["open", "open", "failed", "none"]);
  });
});
