import assert from "node:assert/strict";
import { ended, made, TRACE, transactionState } from "#trace";
import { setTimer } from "../host/clock.ts";
import { clockTest, type CoroutineTestOptions, type TestClock } from "../testing/mod.ts";
import type { Made } from "./pool-openings.ts";
import { Pool, type PoolOptions, type Waiter } from "./pool.ts";

/** A connection in name alone. */
interface Connection {
  readonly id: number;
}

/** A waiter that keeps what it got. */
type Wanting = Waiter<Connection> & { connection?: Connection };

const pools = new Set<Pool<Connection>>();

/** A test that gives back, at its end, what is out of its pools. */
function poolTest(name: string, body: (clock: TestClock) => unknown, options?: CoroutineTestOptions): void {
  const whole = async (clock: TestClock): Promise<void> => {
    await body(clock);
    for (const pool of pools) for (const connection of pool.drain(new Error("the end")).out) pool.destroy(connection);
    pools.clear();
  };
  clockTest(name, whole, options);
}

/** A pool whose connections the test makes when it wants. */
function testPool(options: Partial<PoolOptions<Connection>> = {}) {
  const events: string[] = [];
  const pending: ((made: Made<Connection>) => void)[] = [];
  const checks: { readonly id: number; readonly done: (isAlive: boolean) => void }[] = [];
  let count = 0;
  const pool = new Pool<Connection>({
    size: 2,
    maxWaiters: 10,
    acquireTimeoutMs: 1_000,
    create: (done) => {
      pending.push(done);
      return () => events.push("give up");
    },
    destroy: ({ id }) => events.push(`destroy ${id}`),
    close: ({ id }) => events.push(`close ${id}`),
    check: ({ id }, done) => checks.push({ id, done }),
    random: () => 0,
    ...options,
  });
  pools.add(pool);
  const waiter = (name: string): Wanting => ({
    purpose: name,
    grant(connection) {
      this.connection = connection;
      events.push(`${name} gets ${connection.id}`);
    },
    fail: (error) => events.push(`${name} fails: ${(error as { code?: string }).code}`),
  });
  const enter = (name: string): Wanting => {
    const one = waiter(name);
    pool.enter(one);
    return one;
  };
  const make = (): void => pending.shift()?.({ connection: { id: ++count } });
  return {
    pool,
    events,
    waiter,
    /** How many connections are being made. */
    making: () => pending.length,
    make,
    failToMake: (code: string) => pending.shift()?.({ error: Object.assign(new Error(code), { code }) }),
    /** Which connections are being checked. */
    checking: () => checks.map(({ id }) => id),
    endCheck: (isAlive: boolean) => checks.shift()?.done(isAlive),
    enter,
    /** Makes so many connections, which are idle then, and takes no note of it. */
    fill: (wanted: number): Connection[] => {
      const waiters = Array.from({ length: wanted }, (_, i) => enter(`filler ${i}`));
      while (pending.length > 0) make();
      const connections = waiters.map((one) => one.connection as Connection);
      for (const connection of connections) pool.release(connection);
      events.length = 0;
      return connections;
    },
  };
}

poolTest("connections are made when somebody waits, no more than `size`, and given in order", (clock) => {
  const { pool, making, enter, make, events } = testPool();
  assert.equal(making(), 0);
  const [a] = ["a", "b", "c", "d"].map(enter) as [Wanting, ...Wanting[]];
  assert.equal(making(), 2);
  make();
  make();
  assert.equal(making(), 0);
  assert.equal(pool.waiting, 2);
  pool.release(a.connection as Connection);
  assert.deepEqual(events, ["a gets 1", "b gets 2", "c gets 1"]);
  pool.release(a.connection as Connection);
  assert.deepEqual(events.slice(3), ["d gets 1"]);
  assert.equal(clock.timers, 0);
});

poolTest("an idle connection is given at once, but not past those who wait", () => {
  const { pool, enter, make, events, making } = testPool({ size: 1 });
  const a = enter("a");
  make();
  pool.release(a.connection as Connection);
  enter("b");
  assert.deepEqual(events, ["a gets 1", "b gets 1"]);
  assert.equal(making(), 0);
});

poolTest("who waits too long fails, and who left is not served", async (clock) => {
  const { pool, enter, make, events } = testPool({ size: 1 });
  const holder = enter("holder");
  make();
  enter("slow");
  const left = enter("left");
  assert.equal(pool.leave(left), true);
  assert.equal(pool.leave(left), false);
  await clock.advance(999);
  enter("late");
  assert.deepEqual(events, ["holder gets 1"]);
  await clock.advance(1);
  assert.deepEqual(events.slice(1), ["slow fails: ERR_DB_ACQUIRE_TIMEOUT"]);
  pool.release(holder.connection as Connection);
  assert.deepEqual(events.slice(2), ["late gets 1"]);
});

poolTest("one more than `maxWaiters` is refused", () => {
  const { pool, enter, make } = testPool({ size: 1, maxWaiters: 2 });
  enter("a");
  const b = enter("b");
  assert.throws(() => enter("c"), { code: "ERR_DB_POOL_FULL" });
  pool.leave(b);
  enter("d");
  make();
  enter("e");
  assert.throws(() => enter("f"), { code: "ERR_DB_POOL_FULL" });
  pool.drain(new Error("the end"));
});

poolTest("`maxWaiters` counts who waits, not who is served at once", () => {
  const { pool, enter, make } = testPool({ size: 1, maxWaiters: 1 });
  const a = enter("a");
  make();
  pool.release(a.connection as Connection);
  enter("b");
});

poolTest("a connection that cannot be made fails everybody who waits when there is no other", async (clock) => {
  const { pool, enter, failToMake, make, making, events } = testPool({ size: 2 });
  ["a", "b", "c"].map(enter);
  failToMake("ERR_DB_UNAVAILABLE");
  assert.deepEqual(
    events,
    ["a", "b", "c"].map((name) => `${name} fails: ERR_DB_UNAVAILABLE`),
  );
  enter("d");
  assert.equal(making(), 1, "the attempt that is under way is for whoever waits");
  make();
  assert.deepEqual(events.slice(3), ["d gets 1"]);
  await clock.advance(1_000);
  assert.deepEqual(pool.stats, { idle: 0, checking: 0, out: 1, opening: 0, waiting: 0, max: 2 });
});

poolTest("nobody fails for a connection that cannot be made while there are others", async (clock) => {
  const { pool, enter, failToMake, make, making, events } = testPool({ size: 2 });
  const a = enter("a");
  make();
  ["b", "c"].map(enter);
  failToMake("ERR_DB_UNAVAILABLE");
  assert.deepEqual(events, ["a gets 1"]);
  pool.release(a.connection as Connection);
  assert.deepEqual(events.slice(1), ["b gets 1"]);
  await clock.advance(1);
  assert.equal(making(), 1, "another one is tried for");
  pool.destroy(a.connection as Connection);
  failToMake("ERR_DB_UNAVAILABLE");
  assert.deepEqual(events.slice(2), ["destroy 1", "c fails: ERR_DB_UNAVAILABLE"]);
});

poolTest("who waited while no connection could be made is told why", async (clock) => {
  const { pool, waiter, enter, failToMake, make } = testPool({ size: 2 });
  enter("a");
  make();
  const errors: unknown[] = [];
  pool.enter({ ...waiter("b"), fail: (error) => errors.push(error) });
  failToMake("ERR_DB_UNAVAILABLE");
  await clock.advance(1_000);
  const [error] = errors as [Error];
  assert.equal(error.message, "Cannot b: found 1 of 2 connections in use for 1000 ms, 1 waiting");
  assert.equal((error.cause as { code?: string }).code, "ERR_DB_UNAVAILABLE");
});

poolTest(
  "the wait after a failure doubles up to `maxBackoffMs`, in random parts, until one succeeds",
  async (clock) => {
    const parts = [0.5, 0.5, 0.5, 0.25, 0, 1, 0.5];
    const { enter, failToMake, make, making } = testPool({
      size: 3,
      acquireTimeoutMs: Infinity,
      maxBackoffMs: 40,
      random: () => parts.shift() ?? 0.5,
    });
    const [first] = ["holder", "b"].map(enter);
    make();
    assert.ok(first?.connection);
    for (const waitMs of [5, 10, 20, 10, 1, 40]) {
      failToMake("ERR_DB_UNAVAILABLE");
      await clock.advance(waitMs - 0.5);
      assert.equal(making(), 0, `tried again before ${waitMs} ms`);
      await clock.advance(0.5);
      assert.equal(making(), 1, `not tried again after ${waitMs} ms`);
    }
    make();
    enter("c");
    failToMake("ERR_DB_UNAVAILABLE");
    await clock.advance(4.5);
    assert.equal(making(), 0);
    await clock.advance(0.5);
    assert.equal(making(), 1, "a success brings the wait back to where it began");
  },
);

poolTest("after a failure there is one attempt at a time, until one succeeds", async (clock) => {
  const { enter, failToMake, make, making } = testPool({ size: 5 });
  enter("holder");
  make();
  ["a", "b", "c", "d"].map(enter);
  assert.equal(making(), 4);
  for (let i = 0; i < 4; i++) failToMake("ERR_DB_UNAVAILABLE");
  assert.equal(making(), 0);
  await clock.advance(1);
  assert.equal(making(), 1, "four that failed together count once");
  await clock.advance(100);
  assert.equal(making(), 1);
  make();
  assert.equal(making(), 3);
});

poolTest("the wait after a failure keeps the process alive as long as somebody waits for it", async (clock) => {
  const { pool, enter, failToMake, make, making } = testPool({
    acquireTimeoutMs: Infinity,
    maxBackoffMs: 100,
    min: 2,
    random: () => 1,
  });
  const a = enter("a");
  failToMake("ERR_DB_UNAVAILABLE");
  assert.equal(clock.timers, 0, "nobody waits but the pool itself");
  enter("b");
  failToMake("ERR_DB_UNAVAILABLE");
  assert.equal(clock.timers, 0);
  enter("c");
  assert.equal(clock.timers, 1);
  await clock.advance(10);
  assert.equal(making(), 1);
  make();
  assert.equal(clock.timers, 0);
  assert.equal(pool.leave(a), false);
});

poolTest("a destroyed connection is replaced when somebody waits", () => {
  const { pool, enter, make, making, events } = testPool({ size: 1 });
  const a = enter("a");
  make();
  enter("b");
  pool.destroy(a.connection as Connection);
  assert.equal(making(), 1);
  make();
  assert.deepEqual(events, ["a gets 1", "destroy 1", "b gets 2"]);
});

poolTest("a connection that ended while it was idle is not given any more", () => {
  const { pool, enter, make, making } = testPool({ size: 1 });
  const a = enter("a");
  make();
  pool.release(a.connection as Connection);
  pool.forget(a.connection as Connection);
  const b = enter("b");
  assert.equal(b.connection, undefined);
  assert.equal(making(), 1);
  make();
});

poolTest("a connection is given back once", () => {
  const { pool, enter, make } = testPool();
  const a = enter("a");
  make();
  const connection = a.connection as Connection;
  pool.release(connection);
  assert.throws(() => pool.release(connection), { code: "ERR_ASSERTION" });
  assert.throws(() => pool.destroy(connection), { code: "ERR_ASSERTION" });
});

poolTest("the next in the queue can be taken along, if it is wanted", () => {
  const { pool, enter, make } = testPool({ size: 1 });
  enter("a");
  const [b, c] = ["b", "c"].map(enter);
  make();
  assert.equal(
    pool.takeNext((waiter) => waiter.purpose === "c"),
    undefined,
  );
  assert.equal(
    pool.takeNext((waiter) => waiter.purpose === "b"),
    b,
  );
  assert.equal(
    pool.takeNext(() => true),
    c,
  );
  assert.equal(
    pool.takeNext(() => true),
    undefined,
  );
});

poolTest("a pool is quiet when nobody waits and nothing is out, and not between two", () => {
  const { pool, enter, make, events } = testPool({ size: 1 });
  const a = enter("a");
  enter("b");
  make();
  pool.onQuiet(() => events.push("quiet"));
  pool.release(a.connection as Connection);
  assert.deepEqual(events, ["a gets 1", "b gets 1"]);
  pool.release(a.connection as Connection);
  assert.deepEqual(events.slice(2), ["quiet"]);
});

poolTest("draining fails who waits, hands over what there is, and destroys what comes later", () => {
  const { pool, enter, make, making, events } = testPool({ size: 3 });
  const [a, b] = ["a", "b"].map(enter) as [Wanting, Wanting];
  make();
  make();
  pool.release(a.connection as Connection);
  enter("c");
  enter("d");
  assert.equal(making(), 1);
  const { idle, out } = pool.drain(Object.assign(new Error("closed"), { code: "ERR_CLOSED" }));
  assert.deepEqual(idle, []);
  assert.deepEqual(out, [b.connection, a.connection]);
  make();
  assert.deepEqual(events, ["a gets 1", "b gets 2", "c gets 1", "give up", "d fails: ERR_CLOSED", "destroy 3"]);
  pool.destroy(b.connection as Connection);
  assert.equal(making(), 0);
});

poolTest("draining gives up what is being made, hands over what is being checked, and sets no timer", async (clock) => {
  const { pool, fill, enter, making, checking, endCheck, failToMake, events } = testPool({
    size: 3,
    min: 3,
    checkAfterMs: 10,
    idleTimeoutMs: 100,
    acquireTimeoutMs: Infinity,
  });
  const [first, second, third] = fill(3) as [Connection, Connection, Connection];
  await clock.advance(10);
  ["a", "b"].map(enter);
  assert.deepEqual(checking(), [3, 2]);
  endCheck(true);
  pool.destroy(third);
  assert.equal(making(), 1);
  const { idle, out } = pool.drain(Object.assign(new Error("closed"), { code: "ERR_CLOSED" }));
  assert.deepEqual(idle, [first, second]);
  assert.deepEqual(out, []);
  endCheck(false);
  failToMake("ERR_DB_UNAVAILABLE");
  assert.deepEqual(events, ["a gets 3", "destroy 3", "give up", "b fails: ERR_CLOSED"]);
  assert.equal(clock.nextAtMs, undefined);
  assert.deepEqual(pool.stats, { idle: 0, checking: 0, out: 0, opening: 0, waiting: 0, max: 3 });
});

poolTest("draining stops the wait for another attempt", (clock) => {
  const { pool, enter, make, failToMake } = testPool({ min: 2 });
  const a = enter("a");
  make();
  failToMake("ERR_DB_UNAVAILABLE");
  pool.release(a.connection as Connection);
  assert.notEqual(clock.nextAtMs, undefined);
  pool.drain(new Error("the end"));
  assert.equal(clock.nextAtMs, undefined);
});

clockTest("what is out when a pool is drained is nobody's loan any more", () => {
  const { pool, enter, make } = testPool();
  const a = enter("a");
  make();
  assert.deepEqual(pool.drain(new Error("the end")).out, [a.connection]);
  pools.clear();
});

poolTest("what comes back to a drained pool is destroyed", () => {
  const { pool, enter, make, events } = testPool({ size: 1 });
  const a = enter("a");
  make();
  pool.drain(new Error("the end"));
  pool.release(a.connection as Connection);
  assert.deepEqual(events, ["a gets 1", "destroy 1"]);
});

poolTest("messages say how many connections are in use and how many wait", async (clock) => {
  const { pool, waiter, enter, make } = testPool({ size: 2, maxWaiters: 2 });
  const messages: string[] = [];
  const one = (name: string): Wanting => ({
    ...waiter(name),
    fail: (error) => messages.push((error as Error).message),
  });
  ["a", "b"].map(enter);
  make();
  pool.enter(one("query"));
  assert.throws(() => pool.enter(one("exec")), {
    message: "Cannot exec: found 1 of 2 connections in use and 2 waiting, limit is 2",
  });
  make();
  pool.enter(one("exec"));
  await clock.advance(1_000);
  const only = testPool({ size: 1 });
  only.enter("a");
  only.make();
  only.pool.enter(one("begin"));
  await clock.advance(1_000);
  assert.deepEqual(messages, [
    "Cannot query: found all 2 connections in use for 1000 ms, 2 waiting",
    "Cannot exec: found all 2 connections in use for 1000 ms, 1 waiting",
    "Cannot begin: found the only connection in use for 1000 ms, 1 waiting",
  ]);
});

poolTest("a connection that is idle for `idleTimeoutMs` is closed, except for `min`", async (clock) => {
  const { pool, fill, enter, making, events } = testPool({ size: 4, min: 1, idleTimeoutMs: 100 });
  fill(3);
  const held = enter("a");
  await clock.advance(50);
  pool.release(held.connection as Connection);
  await clock.advance(49);
  assert.deepEqual(events, ["a gets 3"]);
  await clock.advance(1);
  assert.deepEqual(events.slice(1), ["close 1", "close 2"]);
  await clock.advance(1_000);
  assert.equal(events.length, 3, "the last one is kept");
  assert.equal(making(), 0);
  assert.equal(pool.stats.idle, 1);
  assert.equal(clock.nextAtMs, undefined, "there is nothing to look after");
});

poolTest("a connection is kept as one of `min` when another one is too old at the same time", async (clock) => {
  const parts = [1, 0];
  const { pool, enter, make, events } = testPool({
    min: 1,
    idleTimeoutMs: 100,
    maxAgeMs: 150,
    random: () => parts.shift() ?? 0,
  });
  const waiters = ["a", "b"].map(enter);
  make();
  make();
  await clock.advance(50);
  for (const { connection } of waiters) pool.release(connection as Connection);
  await clock.advance(100);
  assert.deepEqual(events.slice(2), ["close 2"]);
});

poolTest("one timer, which does not keep the process alive, looks after all idle connections", async (clock) => {
  const { pool, fill, enter, events } = testPool({ size: 3, idleTimeoutMs: 100, maxAgeMs: 500 });
  fill(3);
  assert.equal(clock.timers, 0);
  assert.equal(clock.nextAtMs, clock.nowMs + 100);
  await clock.advance(60);
  for (const name of ["a", "b"]) pool.release(enter(name).connection as Connection);
  assert.equal(clock.nextAtMs, clock.nowMs + 40);
  await clock.advance(40);
  assert.deepEqual(events, ["a gets 3", "b gets 3", "close 1", "close 2"]);
  assert.equal(clock.nextAtMs, clock.nowMs + 60);
  await clock.advance(60);
  assert.deepEqual(events.slice(4), ["close 3"]);
  assert.equal(clock.nextAtMs, undefined);
});

poolTest("`min` connections are made with the first, and made up again when one is lost", async (clock) => {
  const { pool, enter, make, failToMake, making } = testPool({ size: 3, min: 2 });
  assert.equal(making(), 0, "nobody has wanted one");
  const a = enter("a");
  assert.equal(making(), 2);
  make();
  make();
  pool.destroy(a.connection as Connection);
  assert.equal(making(), 1);
  failToMake("ERR_DB_UNAVAILABLE");
  assert.equal(making(), 0);
  await clock.advance(1);
  assert.equal(making(), 1);
  make();
  const b = enter("b").connection as Connection;
  pool.release(b);
  pool.forget(b);
  assert.equal(making(), 1);
  make();
  assert.equal(pool.stats.idle, 2);
});

poolTest("a connection older than `maxAgeMs` is closed while it is idle or when it comes back", async (clock) => {
  const { pool, fill, enter, making, events } = testPool({ size: 2, min: 1, maxAgeMs: 100 });
  fill(2);
  const held = enter("a").connection as Connection;
  await clock.advance(99);
  assert.deepEqual(events, ["a gets 2"]);
  await clock.advance(1);
  assert.deepEqual(events.slice(1), ["close 1"]);
  enter("b");
  assert.equal(making(), 1);
  await clock.advance(100);
  assert.deepEqual(events.slice(2), [], "not while it is out");
  pool.release(held);
  assert.deepEqual(events.slice(2), ["close 2"], "and it is not granted once more");
  assert.equal(making(), 1);
});

poolTest("a retired pool closes what is idle at once, and what is out when it comes back", () => {
  const { pool, fill, enter, make, making, events } = testPool({ size: 3 });
  fill(2);
  const held = enter("a").connection as Connection;
  pool.retire();
  assert.deepEqual(events, ["a gets 2", "close 1"]);
  pool.release(held);
  assert.deepEqual(events.slice(2), ["close 2"]);
  enter("b");
  assert.equal(making(), 1);
  make();
  assert.deepEqual(events.slice(3), ["b gets 3"]);
});

poolTest("up to a tenth of `maxAgeMs` is added by chance", async (clock) => {
  const parts = [0, 0.5];
  const { fill, events } = testPool({ maxAgeMs: 100, random: () => parts.shift() ?? 0 });
  fill(2);
  await clock.advance(100);
  assert.deepEqual(events, ["close 1"]);
  await clock.advance(4);
  assert.deepEqual(events, ["close 1"]);
  await clock.advance(1);
  assert.deepEqual(events, ["close 1", "close 2"]);
});

poolTest("without `close` a connection is destroyed when its time is over", async (clock) => {
  const { pool, events } = testPool({ size: 1 });
  pool.drain(new Error("the end"));
  const plain = new Pool<Connection>({
    size: 1,
    maxWaiters: 1,
    acquireTimeoutMs: 100,
    idleTimeoutMs: 10,
    create: (done) => done({ connection: { id: 7 } }),
    destroy: ({ id }) => events.push(`destroy ${id}`),
  });
  plain.enter({ purpose: "a", grant: (connection) => plain.release(connection), fail: assert.fail });
  await clock.advance(10);
  assert.deepEqual(events, ["destroy 7"]);
});

poolTest("a connection that was idle for `checkAfterMs` is checked before it is granted", async (clock) => {
  const { pool, fill, enter, checking, endCheck, events } = testPool({ size: 1, checkAfterMs: 100 });
  fill(1);
  await clock.advance(99);
  pool.release(enter("a").connection as Connection);
  assert.deepEqual(events, ["a gets 1"]);
  await clock.advance(100);
  enter("b");
  assert.deepEqual(events.slice(1), []);
  assert.deepEqual(checking(), [1]);
  assert.deepEqual(pool.stats, { idle: 0, checking: 1, out: 0, opening: 0, waiting: 1, max: 1 });
  endCheck(true);
  assert.deepEqual(events.slice(1), ["b gets 1"]);
});

poolTest("who waits for a connection that turns out dead stays the first", async (clock) => {
  const { pool, fill, enter, make, making, checking, endCheck, events } = testPool({ size: 2, checkAfterMs: 100 });
  fill(2);
  await clock.advance(100);
  ["a", "b", "c"].map(enter);
  assert.deepEqual(checking(), [2, 1]);
  endCheck(false);
  assert.deepEqual(events, ["destroy 2"]);
  assert.equal(making(), 1);
  endCheck(true);
  assert.deepEqual(events.slice(1), ["a gets 1"]);
  make();
  assert.deepEqual(events.slice(2), ["b gets 3"]);
  assert.equal(pool.waiting, 1);
});

poolTest("a dead connection is the last one: who waits fails when there is no other to be had", async (clock) => {
  const { fill, enter, failToMake, endCheck, events } = testPool({ size: 1, checkAfterMs: 100 });
  fill(1);
  await clock.advance(100);
  enter("a");
  endCheck(false);
  failToMake("ERR_DB_UNAVAILABLE");
  assert.deepEqual(events, ["destroy 1", "a fails: ERR_DB_UNAVAILABLE"]);
});

poolTest("who leaves while a connection is checked leaves it to the next, or idle", async (clock) => {
  const { pool, fill, enter, endCheck, events } = testPool({ size: 1, checkAfterMs: 100 });
  const [connection] = fill(1);
  await clock.advance(100);
  const a = enter("a");
  enter("b");
  pool.leave(a);
  endCheck(true);
  assert.deepEqual(events, ["b gets 1"]);
  pool.release(connection as Connection);
  await clock.advance(100);
  pool.leave(enter("c"));
  endCheck(true);
  assert.equal(pool.stats.idle, 1);
  enter("d");
  assert.deepEqual(events, ["b gets 1", "d gets 1"], "it has just been checked");
});

poolTest("the wait for a check counts towards `acquireTimeoutMs`", async (clock) => {
  const { pool, fill, enter, endCheck, events } = testPool({ size: 1, checkAfterMs: 100 });
  fill(1);
  await clock.advance(100);
  enter("a");
  await clock.advance(1_000);
  assert.deepEqual(events, ["a fails: ERR_DB_ACQUIRE_TIMEOUT"]);
  endCheck(true);
  assert.equal(pool.stats.idle, 1);
});

poolTest("a pool is not quiet while a connection is checked or made", async (clock) => {
  const { pool, fill, enter, make, endCheck, events } = testPool({ size: 1, checkAfterMs: 100 });
  pool.leave(enter("a"));
  pool.onQuiet(() => events.push("quiet"));
  assert.equal(events.length, 0);
  make();
  assert.deepEqual(events, ["quiet"]);
  fill(1);
  await clock.advance(100);
  pool.leave(enter("b"));
  pool.onQuiet(() => events.push("quiet"));
  assert.equal(events.length, 0);
  endCheck(false);
  assert.deepEqual(events, ["destroy 1", "quiet"]);
});

poolTest(
  "the trace build finds a connection that comes back with a transaction open",
  async (clock) => {
    const { pool, fill, enter, endCheck } = testPool({ size: 1, checkAfterMs: 100 });
    const [connection] = fill(1) as [Connection];
    if (TRACE) made("db-connection", connection, undefined, "test");
    await clock.advance(100);
    enter("a");
    endCheck(true);
    if (TRACE) transactionState(connection, true);
    pool.release(connection);
    if (TRACE) ended("db-connection", connection);
  },
  { provokes: ["G"] },
);

poolTest("200 who wait for 5 connections are served in order, whatever becomes of the connections", async (clock) => {
  const WAITERS = 200;
  const SIZE = 5;
  let attempts = 0;
  let out = 0;
  let most = 0;
  const served: number[] = [];
  const pool = new Pool<Connection>({
    size: SIZE,
    maxWaiters: WAITERS,
    acquireTimeoutMs: Infinity,
    checkAfterMs: 0,
    random: () => 0.5,
    create(done) {
      const id = ++attempts;
      const isMade = id <= SIZE || id % 3 === 0;
      setTimer(2, () => done(isMade ? { connection: { id } } : { error: new Error("no connection") }));
    },
    check: ({ id }, done) => void setTimer(1, () => done(id % 2 === 0)),
    destroy() {},
  });
  pools.add(pool);
  const enter = (number: number): void =>
    pool.enter({
      purpose: `be number ${number}`,
      grant(connection) {
        served.push(number);
        most = Math.max(most, ++out);
        setTimer(1 + (number % 7), () => {
          out--;
          if (number % 5 === 0) pool.destroy(connection);
          else pool.release(connection);
        });
      },
      fail: assert.fail,
    });
  for (let number = 0; number < WAITERS; number++) enter(number);
  await clock.advance(10_000);
  assert.deepEqual(
    served,
    Array.from({ length: WAITERS }, (_, number) => number),
  );
  assert.equal(most, SIZE);
  assert.equal(pool.quiet, true);
});
