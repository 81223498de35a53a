import assert from "node:assert/strict";
import { test } from "node:test";
import { clockTest, coroutineTest } from "../testing/mod.ts";
import { spawn } from "../co/mod.ts";
import { Overload } from "./overload.ts";
import type { HttpRequest } from "./request.ts";

const LOOK_MS = 100;
const request = { path: "/" } as HttpRequest;
const limits = { maxLoopDelayMs: 1_000, maxRequestsInFlight: 10 };

/** How many of `count` requests that come at once are begun. */
function admitted(overload: Overload, count: number): number {
  let begun = 0;
  for (let index = 0; index < count; index++) if (overload.admits(request)) begun++;
  return begun;
}

/** An overload that was found while each request took `requestMs`. */
function overloaded(requestMs: number, count: number): Overload {
  const overload = new Overload(limits);
  for (let look = 0; look < 2; look++) {
    assert.equal(admitted(overload, count), count);
    assert.equal(overload.active, false);
    overload.look(count * requestMs);
  }
  return overload;
}

test("a loop that is late by maxLoopDelayMs, however often, refuses nobody", () => {
  const overload = new Overload(limits);
  for (let look = 0; look < 10; look++) {
    assert.equal(admitted(overload, 1_000), 1_000);
    overload.look(LOOK_MS + 1_000);
  }
  assert.equal(overload.active, false);
});

test("a loop that is later once refuses nobody; twice in a row is an overload", () => {
  const overload = new Overload(limits);
  for (let look = 0; look < 5; look++) {
    overload.look(60_000);
    assert.equal(admitted(overload, 1_000), 1_000);
    overload.look(LOOK_MS);
  }
  assert.equal(overload.active, false);
  overload.look(LOOK_MS + 1_001);
  assert.equal(overload.active, false);
  overload.look(LOOK_MS + 1_001);
  assert.equal(overload.active, true);
});

test("in an overload as many are begun as take half of maxLoopDelayMs", () => {
  const overload = overloaded(20, 200);
  assert.equal(admitted(overload, 200), 25);
});

test("one is begun always, however long it takes", () => {
  const overload = overloaded(5_000, 1);
  for (let look = 0; look < 5; look++) {
    assert.equal(admitted(overload, 10), 1);
    overload.look(5_000);
  }
});

test("the bound halves while the loop is late, and grows by a quarter while it is quick and somebody is refused", () => {
  const overload = overloaded(20, 200);
  admitted(overload, 200);
  overload.look(2_000);
  assert.equal(admitted(overload, 200), 6);
  overload.look(200);
  assert.equal(admitted(overload, 200), 8);
  overload.look(LOOK_MS + 501);
  assert.equal(admitted(overload, 200), 8);
});

test("an overload holds until nobody was refused for five seconds, and its bound does not grow meanwhile", () => {
  const overload = overloaded(20, 200);
  const quiet = (ms: number): void => {
    for (let left = ms; left > 0; left -= LOOK_MS) {
      assert.equal(admitted(overload, 10), 10);
      overload.look(LOOK_MS);
    }
  };
  quiet(4_900);
  assert.equal(admitted(overload, 200), 25);
  overload.look(LOOK_MS + 600);
  quiet(4_900);
  assert.equal(overload.active, true);
  quiet(LOOK_MS);
  assert.equal(overload.active, false);
  assert.equal(admitted(overload, 200), 200);
});

test("what is essential is served all the same, and asked for only then", () => {
  const asked: string[] = [];
  const overload = new Overload(limits, ({ path }) => {
    asked.push(path);
    return path === "/health";
  });
  overload.look(5_000);
  assert.ok(overload.admits(request));
  overload.look(5_000);
  assert.deepEqual(asked, []);
  assert.equal(admitted(overload, 1), 1);
  assert.ok(!overload.admits(request));
  assert.ok(overload.admits({ path: "/health" } as HttpRequest));
  assert.deepEqual(asked, ["/", "/health"]);
});

coroutineTest(
  "maxRequestsInFlight handlers may be under way, and one more when one has settled or failed",
  async () => {
    const overload = new Overload({ maxLoopDelayMs: 0, maxRequestsInFlight: 2 });
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    for (const { promise } of [first, second]) {
      assert.ok(overload.admits(request));
      overload.track(promise);
    }
    assert.equal(overload.active, true);
    assert.ok(!overload.admits(request));
    first.reject(new Error("the handler failed"));
    await Promise.allSettled([first.promise]);
    assert.equal(overload.active, false);
    assert.ok(overload.admits(request));
    second.resolve();
  },
);

clockTest("a loop that comes back in time is never found late, and 0 switches the looking off", async (clock) => {
  const overload = new Overload({ maxLoopDelayMs: 1, maxRequestsInFlight: 1 });
  const watching = spawn(() => overload.watch());
  await clock.advance(10_000);
  assert.equal(overload.active, false);
  watching.cancel();
  const off = spawn(() => new Overload({ maxLoopDelayMs: 0, maxRequestsInFlight: 1 }).watch());
  await off.join();
});
