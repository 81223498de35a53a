/** How transactions end when the database does not answer, or answers with a failure: with a session that the test drives. */
import assert from "node:assert/strict";
import { spawn, suspend } from "../co/mod.ts";
import { clockTest } from "../testing/mod.ts";
import type { Transaction } from "./contract.ts";
import { DatabaseError } from "./errors.ts";
import { readStatement } from "./sql-text.ts";
import { runTransaction, type Session, type TransactionHome } from "./transaction.ts";

const home: TransactionHome = { find: (sql) => readStatement(sql, "sqlite") };
const settings = { readOnly: false, endTimeoutMs: 1_000 };

/** What one of the session's operations does instead of succeeding. */
type Trouble = "fails" | "hangs" | "loses";

/** A session that notes what it is asked for. */
class TestSession implements Session {
  readonly events: string[] = [];
  readonly #troubles: Readonly<Record<string, Trouble>>;
  lost = false;

  constructor(troubles: Readonly<Record<string, Trouble>> = {}) {
    this.#troubles = troubles;
  }

  begin = (): Promise<void> => this.#do("begin");
  commit = (): Promise<void> => this.#do("commit");
  rollback = (): Promise<void> => this.#do("rollback");
  savepoint = (name: string): Promise<void> => this.#do(`savepoint ${name}`);
  releaseSavepoint = (name: string): Promise<void> => this.#do(`release ${name}`);
  rollbackTo = (name: string): Promise<void> => this.#do(`rollback to ${name}`);

  async rows<T>(): Promise<T> {
    throw new Error("not asked for in these tests");
  }

  async exec(): Promise<{ affectedRows: number; lastInsertId: undefined }> {
    await this.#do("exec");
    return { affectedRows: 0, lastInsertId: undefined };
  }

  giveBack(clean: boolean): void {
    this.events.push(clean ? "given back" : "destroyed");
  }

  async #do(operation: string): Promise<void> {
    this.events.push(operation);
    const trouble = this.#troubles[operation];
    if (trouble === "hangs") await suspend<void>(operation, () => () => {});
    if (trouble === "loses") this.lost = true;
    if (trouble !== undefined) throw new DatabaseError("ERR_DB_IO", `Cannot ${operation}: the disk is gone`);
  }
}

const insert = (tx: Transaction): Promise<unknown> => tx.exec("insert into t values (1)");
const fails = (code: string) => (error: unknown) => error instanceof DatabaseError && error.code === code;

clockTest("a transaction begins, runs and commits on a session that is given back", async () => {
  const session = new TestSession();
  await runTransaction(home, session, settings, insert);
  assert.deepEqual(session.events, ["begin", "exec", "commit", "given back"]);
});

clockTest("a begin that fails is ended like any other, and nothing of the body runs", async () => {
  const session = new TestSession({ begin: "fails" });
  await assert.rejects(runTransaction(home, session, settings, insert), fails("ERR_DB_IO"));
  assert.deepEqual(session.events, ["begin", "rollback", "given back"]);
});

clockTest("a commit that fails is rolled back, and says why it failed", async () => {
  const session = new TestSession({ commit: "fails" });
  await assert.rejects(runTransaction(home, session, settings, insert), fails("ERR_DB_IO"));
  assert.deepEqual(session.events, ["begin", "exec", "commit", "rollback", "given back"]);
});

clockTest("a commit that does not answer ends after `endTimeoutMs`, and its session is destroyed", async (clock) => {
  const session = new TestSession({ commit: "hangs" });
  const ending = spawn(() =>
    assert.rejects(runTransaction(home, session, settings, insert), fails("ERR_DB_END_TIMEOUT")),
  );
  await clock.advance(999);
  assert.equal(ending.state, "running");
  await clock.advance(1);
  await ending.join();
  assert.deepEqual(session.events, ["begin", "exec", "commit", "destroyed"]);
});

clockTest("a rollback that fails destroys the session and keeps both errors", async () => {
  const session = new TestSession({ rollback: "fails" });
  const failure = new Error("of the body");
  const ended = runTransaction(home, session, settings, async () => {
    throw failure;
  });
  await assert.rejects(ended, (error: unknown) => {
    assert.ok(fails("ERR_DB_ROLLBACK_FAILED")(error));
    const { errors } = (error as Error).cause as AggregateError;
    assert.equal(errors[0], failure);
    assert.ok(fails("ERR_DB_IO")(errors[1]));
    return true;
  });
  assert.deepEqual(session.events, ["begin", "rollback", "destroyed"]);
});

clockTest("a rollback that does not answer ends after `endTimeoutMs`, and a cancel stays a cancel", async (clock) => {
  const session = new TestSession({ rollback: "hangs" });
  const cancelled = spawn(() =>
    runTransaction(home, session, settings, () => suspend<void>("for ever", () => () => {})),
  );
  await clock.settle();
  cancelled.cancel();
  await clock.advance(999);
  assert.equal(cancelled.state, "running");
  await clock.advance(1);
  assert.equal(cancelled.state, "cancelled");
  assert.deepEqual(session.events, ["begin", "rollback", "destroyed"]);
});

clockTest("a lost session is not asked to roll back", async () => {
  const session = new TestSession({ exec: "loses" });
  await assert.rejects(runTransaction(home, session, settings, insert), fails("ERR_DB_IO"));
  assert.deepEqual(session.events, ["begin", "exec", "destroyed"]);
});

clockTest("a commit under way is waited for when its coroutine is cancelled, and counts", async () => {
  const session = new TestSession();
  let committed: (() => void) | undefined;
  session.commit = () =>
    suspend<void>("commit", (resume) => {
      committed = resume;
      return () => {};
    });
  let value: unknown;
  const committing = spawn(async () => {
    value = await runTransaction(home, session, settings, async () => "the value");
  });
  while (committed === undefined) await Promise.resolve();
  committing.cancel();
  committed();
  await committing.join();
  assert.equal(value, "the value");
  assert.deepEqual(session.events, ["begin", "given back"]);
});

clockTest("an inner transaction that cannot be undone leaves the outer one nothing but to be rolled back", async () => {
  const session = new TestSession({ "rollback to lunet_1": "fails" });
  const whole = runTransaction(home, session, settings, async (tx) => {
    const inner = tx.transaction(async () => {
      throw new Error("of the inner body");
    });
    await assert.rejects(inner, fails("ERR_DB_ROLLBACK_FAILED"));
    await assert.rejects(insert(tx), fails("ERR_DB_ROLLBACK_FAILED"));
  });
  await assert.rejects(whole, fails("ERR_DB_ROLLBACK_FAILED"));
  assert.deepEqual(session.events, ["begin", "savepoint lunet_1", "rollback to lunet_1", "rollback", "given back"]);
});

clockTest("savepoints are named by their depth and released in order", async () => {
  const session = new TestSession();
  await runTransaction(home, session, settings, async (tx) => {
    await tx.transaction((inner) => inner.transaction(insert));
    await tx.transaction(insert);
  });
  assert.deepEqual(session.events, [
    "begin",
    "savepoint lunet_1",
    "savepoint lunet_2",
    "exec",
    "release lunet_2",
    "release lunet_1",
    "savepoint lunet_1",
    "exec",
    "release lunet_1",
    "commit",
    "given back",
  ]);
});
