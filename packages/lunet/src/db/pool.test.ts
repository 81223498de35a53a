import assert from "node:assert/strict";
import { clockTest, type TestClock } from "../testing/mod.ts";
import { Pool, type PoolOptions, type Waiter } from "./pool.ts";

/** A connection in name alone. */
interface Connection {
  readonly id: number;
}

/** A waiter that keeps what it got. */
type Wanting = Waiter<Connection> & { connection?: Connection };

type Made = { readonly connection: Connection } | { readonly error: unknown };

const pools = new Set<Pool<Connection>>();

/** A test that gives back, at its end, what is out of its pools. */
function poolTest(name: string, body: (clock: TestClock) => unknown): void {
  clockTest(name, async (clock) => {
    await body(clock);
    for (const pool of pools) for (const connection of pool.drain(new Error("the end")).out) pool.destroy(connection);
    pools.clear();
  });
}

/** A pool whose connections the test makes when it wants. */
function testPool(options: Partial<PoolOptions<Connection>> = {}) {
  const events: string[] = [];
  const pending: ((made: Made) => void)[] = [];
  let made = 0;
  const pool = new Pool<Connection>({
    size: 2,
    maxWaiters: 10,
    acquireTimeoutMs: 1_000,
    create: (done) => pending.push(done),
    destroy: ({ id }) => events.push(`destroy ${id}`),
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
  return {
    pool,
    events,
    waiter,
    /** How many connections are being made. */
    making: () => pending.length,
    make: () => pending.shift()?.({ connection: { id: ++made } }),
    failToMake: (code: string) => pending.shift()?.({ error: Object.assign(new Error(code), { code }) }),
    enter: (name: string): Wanting => {
      const one = waiter(name);
      pool.enter(one);
      return one;
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

poolTest("a connection that cannot be made fails who waited longest, and the next one is tried for", () => {
  const { enter, failToMake, make, making, events } = testPool({ size: 1 });
  enter("a");
  enter("b");
  failToMake("ERR_DB_OPEN");
  assert.equal(making(), 1);
  make();
  assert.deepEqual(events, ["a fails: ERR_DB_OPEN", "b gets 1"]);
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
  assert.deepEqual(events, ["a gets 1", "b gets 2", "c gets 1", "d fails: ERR_CLOSED", "destroy 3"]);
  pool.destroy(b.connection as Connection);
  assert.equal(making(), 0);
});
