import assert from "node:assert/strict";
import { clockTest } from "../../testing/mod.ts";
import { DatabaseError } from "../errors.ts";
import { KnownStatement } from "../known-statement.ts";
import { readStatement } from "../sql-text.ts";
import type { Connected } from "./connector.ts";
import { DrivenConnection, MET, NOTHING } from "./driven-connection.fixture.ts";
import { SharedConnections } from "./shared-connections.ts";

const BUDGET_MS = 100;
const CHECK_AFTER_MS = 10_000;
const CANCEL_TIMEOUT_MS = 5_000;

function statementOf(sql: string): KnownStatement {
  return new KnownStatement(readStatement(sql, "postgres"), true);
}

/** One shared connection, whose server is the test. */
function sharedOne() {
  const events: string[] = [];
  const opening: Connected[] = [];
  const shared = new SharedConnections({
    size: 1,
    budgetMs: BUDGET_MS,
    cancelTimeoutMs: CANCEL_TIMEOUT_MS,
    maxAgeMs: Infinity,
    idleTimeoutMs: 60_000,
    checkAfterMs: CHECK_AFTER_MS,
    open: (done) => {
      opening.push(done);
      return () => {};
    },
    close: () => events.push("close"),
  });
  const open = (): DrivenConnection => {
    assert.equal(shared.find(), undefined);
    const connection = new DrivenConnection();
    opening.shift()?.(connection);
    return connection;
  };
  /** Sends a statement, and writes down what it came to. */
  const send = (sql: string, statement = statementOf(sql)) => {
    const place = shared.find();
    assert(place !== undefined, `no place for ${sql}`);
    const run = place.run(statement, [], (outcome) => {
      const what = outcome instanceof DatabaseError ? outcome.code : outcome === undefined ? "elsewhere" : "done";
      events.push(`${sql}: ${what}`);
    });
    return { abandon: () => place.abandon(run) };
  };
  return { shared, events, open, send };
}

clockTest("a statement that ends out of its turn does not get the one before it cancelled", async (clock) => {
  const { shared, events, open, send } = sharedOne();
  const connection = open();
  send("select 1");
  send("select 2");
  connection.answer("select 2", NOTHING);
  await clock.advance(BUDGET_MS * 3);
  assert.deepEqual([connection.cancels.length, events], [0, ["select 2: done"]]);
  connection.answer("select 1", NOTHING);
  assert.deepEqual([shared.quiet, events], [true, ["select 2: done", "select 1: done"]]);
  await clock.advance(BUDGET_MS);
});

clockTest("a connection that was long unused is asked whether it lives before it gets a statement", async (clock) => {
  const { shared, open, send } = sharedOne();
  const connection = open();
  await clock.advance(CHECK_AFTER_MS);
  assert.equal(shared.find(), undefined);
  assert.equal(shared.find(), undefined);
  assert.deepEqual(connection.waiting, ["ping"]);
  connection.answer("ping");
  send("select 1");
  connection.answer("select 1");
  await clock.advance(CANCEL_TIMEOUT_MS);
  assert.equal(connection.ended, false);

  await clock.advance(CHECK_AFTER_MS);
  assert.equal(shared.find(), undefined);
  await clock.advance(CANCEL_TIMEOUT_MS);
  assert.equal(connection.ended, true);
  await clock.settle();
  open();
});

clockTest("the late answer to a cancel of a connection that ended leaves the next one alone", async (clock) => {
  const { shared, events, open, send } = sharedOne();
  const first = open();
  send("select 1").abandon();
  await clock.advance(BUDGET_MS);
  assert.equal(first.cancels.length, 1);
  first.destroy();
  await clock.settle();

  const second = open();
  first.cancels[0]?.(undefined);
  assert.deepEqual(second.waiting, []);
  send("select 2");
  second.answer("select 2");
  assert.deepEqual([events, shared.quiet], [["select 2: done"], true]);
});

clockTest(
  "an abandoned statement is cancelled, and its connection is clean again after one more answer",
  async (clock) => {
    const { shared, events, open, send } = sharedOne();
    const connection = open();
    send("select 1").abandon();
    await clock.advance(BUDGET_MS);
    connection.cancels[0]?.(undefined);
    assert.equal(shared.find(), undefined);
    connection.answer("select 1", MET);
    assert.equal(shared.find(), undefined);
    connection.answer("ping");
    send("select 2");
    connection.answer("select 2");
    assert.deepEqual([events, connection.ended, clock.timers], [["select 2: done"], false, 0]);
  },
);

clockTest("what is refused as a write runs elsewhere, and never comes back", () => {
  const { events, open, send } = sharedOne();
  const connection = open();
  const statement = statementOf("select * from writing_view");
  send("select * from writing_view", statement);
  connection.answer("select * from writing_view", new DatabaseError("ERR_DB_READ_ONLY", "Cannot run: refused"));
  for (let i = 0; i < 10; i++) statement.ranAside(0, BUDGET_MS);
  assert.deepEqual(
    [events, statement.isQuick, statement.isPlainRead],
    [["select * from writing_view: elsewhere"], false, false],
  );
});
