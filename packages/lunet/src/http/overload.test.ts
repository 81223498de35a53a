import assert from "node:assert/strict";
import { clockTest, coroutineTest } from "../testing/mod.ts";
import { giveWay, spawn, type Coroutine } from "../co/mod.ts";
import { HOLD_MS, Overload, SLICE_MS } from "./overload.ts";
import type { HttpRequest } from "./request.ts";

const LOOK_MS = 100;
const request = { path: "/" } as HttpRequest;
const limits = { maxLoopDelayMs: 1_000, maxRequestsInFlight: 10_000 };

/** Requests that come at once: how many are begun, wait and are refused; `begun` grows when those that wait have their turn. */
class Arrivals {
  begun = 0;
  inLine = 0;
  refused = 0;
  readonly #all: Coroutine<void>[] = [];

  constructor(overload: Overload, count: number) {
    for (let index = 0; index < count; index++) this.#all.push(spawn(() => this.#arrive(overload)));
  }

  async #arrive(overload: Overload): Promise<void> {
    try {
      const turn = overload.admit(request);
      if (turn !== undefined) {
        this.inLine++;
        await turn;
      }
      this.begun++;
    } catch (error) {
      if (error !== overload.error) throw error;
      this.refused++;
    }
  }

  get line(): string {
    return `${this.begun} begun, ${this.inLine} in line, ${this.refused} refused`;
  }

  cancel(): void {
    for (const one of this.#all) one.cancel();
  }
}

function arrive(overload: Overload, count: number): string {
  const arrivals = new Arrivals(overload, count);
  arrivals.cancel();
  return arrivals.line;
}

/** An overload that was found while each of `count` requests at once took `requestMs`. */
function overloaded(requestMs: number, count: number): Overload {
  const overload = new Overload(limits);
  for (let look = 0; look < 2; look++) {
    assert.equal(arrive(overload, count), `${count} begun, 0 in line, 0 refused`);
    assert.equal(overload.active, false);
    overload.look(count * requestMs);
  }
  assert.equal(overload.active, true);
  return overload;
}

coroutineTest("a loop that is late by maxLoopDelayMs, however often, keeps nobody waiting", () => {
  const overload = new Overload(limits);
  for (let look = 0; look < 10; look++) {
    assert.equal(arrive(overload, 100), "100 begun, 0 in line, 0 refused");
    overload.look(LOOK_MS + 1_000);
  }
  assert.equal(overload.active, false);
});

coroutineTest("a loop that is later once keeps nobody waiting; twice in a row is an overload", () => {
  const overload = new Overload(limits);
  for (let look = 0; look < 5; look++) {
    overload.look(60_000);
    assert.equal(arrive(overload, 100), "100 begun, 0 in line, 0 refused");
    overload.look(LOOK_MS);
  }
  overload.look(LOOK_MS + 1_001);
  assert.equal(overload.active, false);
  overload.look(LOOK_MS + 1_001);
  assert.equal(overload.active, true);
});

coroutineTest(
  "a slice is begun, as many as take half of maxLoopDelayMs wait in line, and the others are refused",
  () => {
    // 2 ms each: 5 in a slice of 10 ms, 250 in half a second.
    assert.equal(arrive(overloaded(2, 1_000), 1_000), "5 begun, 250 in line, 745 refused");
    // 20 ms each: one in a slice, 25 in half a second.
    assert.equal(arrive(overloaded(20, 200), 200), "1 begun, 25 in line, 174 refused");
    // However long they take, one is begun and one may wait.
    assert.equal(arrive(overloaded(5_000, 1), 10), "1 begun, 1 in line, 8 refused");
  },
);

coroutineTest("those in line are begun slice by slice, in the order they came", async () => {
  const overload = overloaded(2, 1_000);
  const arrivals = new Arrivals(overload, 20);
  const order: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    overload.look(2 * SLICE_MS);
    await giveWay();
    order.push(arrivals.begun);
  }
  assert.deepEqual(order, [10, 15, 20]);
});

coroutineTest("who is cancelled in line leaves it, and is never begun", async () => {
  const overload = overloaded(20, 200);
  const arrivals = new Arrivals(overload, 26);
  assert.equal(arrivals.line, "1 begun, 25 in line, 0 refused");
  arrivals.cancel();
  assert.equal(arrive(overload, 30), "0 begun, 25 in line, 5 refused");
  for (let turn = 0; turn < 30; turn++) overload.look(20);
  await giveWay();
  assert.equal(arrivals.begun, 1);
});

coroutineTest("a slice shrinks when its turn took too long, and grows while it is quick and others wait", async () => {
  const overload = overloaded(2, 1_000);
  const first = new Arrivals(overload, 1_000);
  overload.look(25);
  await giveWay();
  assert.equal(first.begun, 5 + 2, "5 that took 25 ms are 2 in 10 ms");
  const sizes: number[] = [];
  for (let turn = 0; turn < 4; turn++) {
    const before = first.begun;
    overload.look(SLICE_MS);
    await giveWay();
    sizes.push(first.begun - before);
  }
  assert.deepEqual(sizes, [3, 4, 6, 8]);
  first.cancel();
});

coroutineTest("an overload holds until nobody had to wait for five seconds", () => {
  const overload = overloaded(2, 1_000);
  const quiet = (ms: number): void => {
    for (let left = ms; left > 0; left -= SLICE_MS) {
      assert.equal(arrive(overload, 3), "3 begun, 0 in line, 0 refused");
      overload.look(SLICE_MS);
    }
  };
  quiet(HOLD_MS - SLICE_MS);
  assert.equal(arrive(overload, 6), "5 begun, 1 in line, 0 refused");
  overload.look(2 * SLICE_MS);
  quiet(HOLD_MS - SLICE_MS);
  assert.equal(overload.active, true);
  quiet(SLICE_MS);
  assert.equal(overload.active, false);
  assert.equal(arrive(overload, 1_000), "1000 begun, 0 in line, 0 refused");
});

coroutineTest("what is essential is served all the same, and asked for only then", () => {
  const asked: string[] = [];
  const overload = new Overload(limits, ({ path }) => {
    asked.push(path);
    return path === "/health";
  });
  overload.look(5_000);
  arrive(overload, 1);
  overload.look(5_000);
  arrive(overload, 1);
  assert.deepEqual(asked, []);
  assert.equal(overload.admit({ path: "/health" } as HttpRequest), undefined);
  assert.deepEqual(asked, ["/health"]);
});

coroutineTest(
  "maxRequestsInFlight handlers may be under way, and one more when one has settled or failed",
  async () => {
    const overload = new Overload({ maxLoopDelayMs: 0, maxRequestsInFlight: 2 });
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    for (const { promise } of [first, second]) {
      assert.equal(overload.admit(request), undefined);
      overload.track(promise);
    }
    assert.equal(arrive(overload, 3), "0 begun, 0 in line, 3 refused");
    first.reject(new Error("the handler failed"));
    await Promise.allSettled([first.promise]);
    assert.equal(overload.active, false);
    assert.equal(arrive(overload, 3), "3 begun, 0 in line, 0 refused");
    second.resolve();
  },
);

clockTest("a loop that comes back in time is never late, and 0 switches the looking off", async (clock) => {
  const overload = new Overload({ maxLoopDelayMs: 1, maxRequestsInFlight: 1 });
  const watching = spawn(() => overload.watch());
  await clock.advance(10_000);
  assert.equal(overload.active, false);
  watching.cancel();
  const off = spawn(() => new Overload({ maxLoopDelayMs: 0, maxRequestsInFlight: 1 }).watch());
  await off.join();
});

clockTest("who waits in line when the watch ends is begun", async (clock) => {
  const overload = new Overload({ maxLoopDelayMs: 1_000, maxRequestsInFlight: 100 });
  const watching = spawn(() => overload.watch());
  await clock.settle();
  for (let look = 0; look < 2; look++) overload.look(5_000);
  const arrivals = new Arrivals(overload, 2);
  assert.equal(arrivals.line, "1 begun, 1 in line, 0 refused");
  watching.cancel();
  await clock.settle();
  assert.equal(arrivals.begun, 2);
});
