import assert from "node:assert/strict";
import type { DatabaseError } from "../errors.ts";
import { clockTest } from "../../testing/mod.ts";
import { DrivenConnection, MET } from "./driven-connection.fixture.ts";
import { Lease } from "./lease.ts";

const CANCEL_TIMEOUT_MS = 5_000;

/** A lease with one request under way, `work`, and what it came to. */
function working() {
  const connection = new DrivenConnection();
  const lease = new Lease(connection, CANCEL_TIMEOUT_MS);
  const outcomes: unknown[] = [];
  lease.send<DatabaseError | undefined>(
    (done) => connection.control("work", done),
    (outcome) => outcomes.push(outcome),
  );
  return { connection, lease, outcomes };
}

clockTest(
  "a cancel that came before the server had read the statement is sent again until it meets it",
  async (clock) => {
    const { connection, lease, outcomes } = working();
    lease.cancel();
    for (let sent = 1; sent <= 3; sent++) {
      assert.equal(connection.cancels.length, sent);
      connection.cancels.at(-1)?.(undefined);
      await clock.advance(250);
    }
    assert.equal(connection.cancels.length, 4);

    // The one before has met it; the last one is still on its way, and is waited for.
    connection.answer("work", MET);
    assert.deepEqual([connection.waiting, outcomes], [[], []]);
    connection.cancels.at(-1)?.(undefined);
    assert.deepEqual(connection.waiting, ["ping"]);
    connection.answer("ping");
    assert.deepEqual(outcomes, [MET]);
    assert.equal(clock.timers, 0);
  },
);

clockTest("a cancel is not sent again when its statement has ended", async (clock) => {
  const { connection, lease, outcomes } = working();
  lease.cancel();
  connection.cancels[0]?.(undefined);
  await clock.advance(100);
  connection.answer("work", MET);
  connection.answer("ping");
  await clock.advance(CANCEL_TIMEOUT_MS);
  assert.deepEqual([connection.cancels.length, connection.ended, outcomes], [1, false, [MET]]);
});

clockTest("a statement that no cancel ends costs its connection after the time limit", async (clock) => {
  const { connection, lease, outcomes } = working();
  lease.cancel();
  const answers = new Set<unknown>();
  while (!connection.ended) {
    const last = connection.cancels.at(-1);
    if (last !== undefined && !answers.has(last)) last(undefined);
    answers.add(last);
    await clock.advance(50);
  }
  assert.equal(connection.cancels.length, CANCEL_TIMEOUT_MS / 250);
  assert.equal((outcomes[0] as DatabaseError).code, "ERR_DB_CONNECTION_LOST");
  assert.deepEqual([outcomes.length, clock.timers], [1, 0]);
});
