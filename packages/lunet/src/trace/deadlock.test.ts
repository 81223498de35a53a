import assert from "node:assert/strict";
import { collectFindings, findDeadlocks, leased, takeFindings, TRACE, unleased, waitsForPool } from "#trace";
import { type Coroutine, scope, sleep, spawn, suspend } from "../co/mod.ts";
import { coroutineTest } from "../testing/mod.ts";

// What is looked for in programs, and how it stops them, is in test/trace/findings.test.ts. Here: where the line runs
// between waits that cannot end and those that can. The release build looks for nothing and so finds nothing.

/** What is found at an empty loop: the circle's lines, or none. */
function circleNow(): string[] {
  findDeadlocks(true);
  return takeFindings(["K"]).flatMap(({ facts }) =>
    facts.filter(([label]) => label === "circle").flatMap(([, text]) => text.split("\n")),
  );
}

/** Asserts that the circle is these coroutines, in the trace build. */
function assertCircle(names: readonly string[]): void {
  const circle = circleNow();
  const found = circle.map((line) => /coroutine "([^"]+)"/.exec(line)?.[1]);
  assert.deepEqual(new Set(found), new Set(TRACE ? names : []), circle.join("\n"));
  assert.equal(found.length, TRACE ? names.length : 0);
}

/** Coroutines that are ended together: the cancel reaches all before one sees the end of another. */
function cancelAll(coroutines: ReadonlyArray<Coroutine<unknown>>): void {
  for (const coroutine of coroutines) coroutine.cancel();
}

/** Starts coroutines each of which joins another one, by name. The last turn has run when it returns. */
async function startJoining(targets: Readonly<Record<string, string>>): Promise<Array<Coroutine<unknown>>> {
  const started = new Map<string, Coroutine<unknown>>();
  for (const [name, target] of Object.entries(targets)) {
    const body = async (): Promise<void> => {
      await sleep(0);
      await started.get(target)?.join();
    };
    started.set(name, spawn(body, { name }));
  }
  await sleep(5);
  return [...started.values()];
}

if (TRACE) collectFindings();

coroutineTest("a chain of joins with somebody at its end who can go on is no circle", async () => {
  const asleep = spawn(() => sleep(60_000), { name: "asleep" });
  const first = spawn(() => asleep.join(), { name: "first" });
  const second = spawn(() => first.join(), { name: "second" });
  assertCircle([]);
  cancelAll([second, first, asleep]);
});

coroutineTest("a circle of three is found, with all three", async () => {
  const coroutines = await startJoining({ a: "b", b: "c", c: "a" });
  assertCircle(["a", "b", "c"]);
  cancelAll(coroutines);
});

coroutineTest("whoever waits for a circle and is not in it is not named", async () => {
  const coroutines = await startJoining({ bystander: "a", a: "b", b: "a", "bystander's friend": "bystander" });
  assertCircle(["a", "b"]);
  cancelAll(coroutines);
});

coroutineTest("a wait below a coroutine keeps it from ending as its own does", async () => {
  const coroutines: Array<Coroutine<unknown>> = [];
  const parent = async (): Promise<void> => {
    spawn(
      async () => {
        await sleep(0);
        await coroutines[1]?.join();
      },
      { name: "child" },
    );
  };
  coroutines.push(spawn(parent, { name: "parent" }));
  coroutines.push(spawn(() => coroutines[0]?.join(), { name: "joiner" }));
  await sleep(5);
  assertCircle(["child", "joiner"]);
  cancelAll(coroutines);
});

coroutineTest("a circle that has just begun is told only when nothing else can happen", async () => {
  const coroutines = await startJoining({ a: "b", b: "a" });
  findDeadlocks(false);
  assert.deepEqual(takeFindings(["K"]), []);
  assertCircle(["a", "b"]);
  cancelAll(coroutines);
});

coroutineTest("a circle that stays is one finding, however often it is looked for", async () => {
  const coroutines = await startJoining({ a: "b", b: "a" });
  findDeadlocks(true);
  findDeadlocks(true);
  assert.equal(takeFindings(["K"]).length, TRACE ? 1 : 0);
  cancelAll(coroutines);
});

/** A pool that tells the ledger of what it lends, as those of databases do. Its connections are nothing. */
class LendingPool {
  readonly #size: number;
  readonly #out = new Set<object>();
  readonly #queue = new Set<(connection: object) => void>();
  /** How many connections there are so far, of the most that there may be. */
  readonly #made: number;

  constructor(size: number, made = size) {
    this.#size = size;
    this.#made = made;
  }

  acquire(): Promise<object> {
    return suspend<object>("acquire", (resume) => {
      if (TRACE) waitsForPool(this, this.#size, "the pool");
      this.#queue.add(resume);
      this.#lend();
      return () => void this.#queue.delete(resume);
    });
  }

  #lend(): void {
    for (const resume of this.#queue) {
      if (this.#out.size === this.#made) return;
      const connection = {};
      this.#out.add(connection);
      this.#queue.delete(resume);
      if (TRACE) leased(this, connection, "test");
      resume(connection);
    }
  }

  release(connection: object): void {
    this.#out.delete(connection);
    if (TRACE) unleased(this, connection, true);
    this.#lend();
  }
}

/** Holds one connection while it waits for what comes `then`. */
async function hold(pool: LendingPool, then: () => unknown): Promise<void> {
  const connection = await pool.acquire();
  try {
    await then();
  } finally {
    pool.release(connection);
  }
}

coroutineTest("a pool with one holder who can go on is no circle", async () => {
  const pool = new LendingPool(2);
  const coroutines = [
    spawn(() => hold(pool, () => hold(pool, () => {})), { name: "greedy" }),
    spawn(() => hold(pool, () => sleep(60_000)), { name: "slow" }),
  ];
  await sleep(5);
  assertCircle([]);
  cancelAll(coroutines);
});

coroutineTest("a holder who goes on while a child of its waits for the pool is in no circle", async () => {
  const pool = new LendingPool(1);
  const holder = async (): Promise<void> => {
    spawn(() => sleep(1).then(() => hold(pool, () => {})), { name: "child" });
    await hold(pool, () => sleep(60_000));
  };
  const holding = spawn(holder, { name: "holder" });
  await sleep(10);
  assertCircle([]);
  holding.cancel();
});

coroutineTest("a holder who waits for a scope in which a child waits for the pool is in a circle", async () => {
  const pool = new LendingPool(1);
  const holder = (): Promise<void> =>
    hold(pool, () =>
      scope(() => {
        spawn(() => hold(pool, () => {}), { name: "child" });
      }),
    );
  const holding = spawn(holder, { name: "holder" });
  await sleep(10);
  assertCircle(["child"]);
  holding.cancel();
});

coroutineTest("a pool that is still making a connection is no circle", async () => {
  const pool = new LendingPool(2, 1);
  const greedy = spawn(() => hold(pool, () => hold(pool, () => {})), { name: "greedy" });
  await sleep(5);
  assertCircle([]);
  greedy.cancel();
});

coroutineTest("a pool whose one holder waits for another is a circle of one", async () => {
  const pool = new LendingPool(1);
  const greedy = spawn(() => hold(pool, () => hold(pool, () => {})), { name: "greedy" });
  await sleep(5);
  assertCircle(["greedy"]);
  greedy.cancel();
});

coroutineTest("a pool whose holder waits for one who waits for the pool is a circle", async () => {
  const pool = new LendingPool(1);
  const coroutines: Array<Coroutine<unknown>> = [];
  coroutines.push(spawn(() => hold(pool, () => sleep(1).then(() => coroutines[1]?.join())), { name: "holder" }));
  coroutines.push(spawn(() => hold(pool, () => {}), { name: "waiter" }));
  coroutines.push(spawn(() => hold(pool, () => {}), { name: "third in the queue" }));
  await sleep(10);
  assertCircle(["holder", "waiter"]);
  cancelAll(coroutines);
});

coroutineTest("a connection that a statement holds, and no coroutine, will come back", async () => {
  const pool = {};
  const connection = {};
  if (TRACE) leased(pool, connection, "a statement");
  const waiter = spawn(
    () =>
      suspend<void>("acquire", () => {
        if (TRACE) waitsForPool(pool, 1, "the pool");
        return () => {};
      }),
    { name: "waiter" },
  );
  await sleep(1);
  assertCircle([]);
  waiter.cancel();
  if (TRACE) unleased(pool, connection, true);
});
