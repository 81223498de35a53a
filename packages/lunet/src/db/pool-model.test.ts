/**
 * Random operations on a pool, beside a model of it that is as simple as can be: a list of who waits, and the place of
 * each connection.
 *
 * `FC_SEED=<seed>` repeats a run; a failure prints its seed and the fewest operations that show it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { assertNothingLeft, withTestClock, type TestClock } from "../testing/mod.ts";
import type { Made } from "./pool-openings.ts";
import { Pool, type Waiter } from "./pool.ts";

const RUNS = 1_000;
const SEED = process.env["FC_SEED"] === undefined ? Date.now() % 2 ** 31 : Number(process.env["FC_SEED"]);

const SIZE = 4;
const MIN = 1;
const MAX_WAITERS = 6;
const ACQUIRE_TIMEOUT_MS = 50;
const IDLE_TIMEOUT_MS = 40;
const MAX_AGE_MS = 100;
const CHECK_AFTER_MS = 15;
const MAX_BACKOFF_MS = 40;

/** `at` picks one of those that there are. */
type Operation =
  | { readonly do: "enter" | "take" }
  | { readonly do: "leave" | "release" | "destroy" | "lose"; readonly at: number }
  | { readonly do: "answer create" | "answer check"; readonly at: number; readonly well: boolean }
  | { readonly do: "advance"; readonly ms: number };

const at = fc.nat(SIZE - 1);
const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("enter" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("take" as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("release" as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("leave" as const, "destroy" as const, "lose" as const), at }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("answer create" as const, "answer check" as const),
      at,
      well: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 30 }) }) },
);

/** A connection, where it is, and since when. One that is `lost` must be destroyed. */
interface Connection {
  readonly bornMs: number;
  place: "idle" | "checking" | "out" | "lost" | "ended";
  sinceMs: number;
}

interface Waiting extends Waiter<Connection> {
  readonly sinceMs: number;
}

/** A pool and its model. */
class Run {
  readonly #clock: TestClock;
  readonly #connections: Connection[] = [];
  /** Who waits, in the order in which they came. */
  readonly #queue: Waiting[] = [];
  readonly #creates: ((made: Made<Connection>) => void)[] = [];
  readonly #checks: { readonly connection: Connection; readonly done: (isAlive: boolean) => void }[] = [];
  /** Why whoever waits is failed now, if that is so. */
  #failure: unknown;
  #hasFailed = false;
  #hasBegun = false;
  readonly #pool: Pool<Connection>;

  constructor(clock: TestClock, parts: readonly number[]) {
    this.#clock = clock;
    let part = 0;
    this.#pool = new Pool<Connection>({
      size: SIZE,
      min: MIN,
      maxWaiters: MAX_WAITERS,
      acquireTimeoutMs: ACQUIRE_TIMEOUT_MS,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      maxAgeMs: MAX_AGE_MS,
      checkAfterMs: CHECK_AFTER_MS,
      maxBackoffMs: MAX_BACKOFF_MS,
      random: () => (parts[part++ % parts.length] ?? 0) / 10,
      create: (done) => {
        this.#creates.push(done);
      },
      check: (connection, done) => {
        assert.ok(this.#pool.waiting > 0, "nothing is checked for nobody");
        assert.ok(clock.nowMs - connection.sinceMs >= CHECK_AFTER_MS, "what is fresh is not checked");
        this.#move(connection, "idle", "checking");
        this.#checks.push({ connection, done });
      },
      destroy: (connection) => this.#move(connection, "lost", "ended"),
      close: (connection) => {
        const isOld = clock.nowMs - connection.bornMs >= MAX_AGE_MS;
        const isIdleForLong = clock.nowMs - connection.sinceMs >= IDLE_TIMEOUT_MS;
        assert.ok(isOld || isIdleForLong, "a connection is closed when its time is over");
        this.#move(connection, "idle", "ended");
      },
    });
  }

  #in(place: Connection["place"]): Connection[] {
    return this.#connections.filter((connection) => connection.place === place);
  }

  get #living(): number {
    return this.#connections.length - this.#in("ended").length;
  }

  #move(connection: Connection, from: Connection["place"], to: Connection["place"]): void {
    assert.equal(connection.place, from, `a connection that goes to "${to}"`);
    connection.place = to;
    connection.sinceMs = this.#clock.nowMs;
  }

  #waiter(): Waiting {
    const waiter: Waiting = {
      purpose: "wait",
      sinceMs: this.#clock.nowMs,
      grant: (connection) => {
        assert.equal(this.#queue.shift(), waiter, "who came first is served first");
        assert.ok(this.#clock.nowMs - connection.sinceMs < CHECK_AFTER_MS, "what is not fresh is checked");
        this.#move(connection, "idle", "out");
      },
      fail: (error) => {
        assert.equal(this.#queue.shift(), waiter, "who came first fails first");
        if (this.#failure !== undefined) {
          assert.equal(error, this.#failure);
          assert.equal(this.#living, 0, "nobody fails for what cannot be made while there are connections");
        } else {
          assert.equal((error as { code?: string }).code, "ERR_DB_ACQUIRE_TIMEOUT");
          assert.equal(this.#clock.nowMs - waiter.sinceMs, ACQUIRE_TIMEOUT_MS);
        }
      },
    };
    return waiter;
  }

  async do(operation: Operation): Promise<void> {
    switch (operation.do) {
      case "enter": {
        this.#hasBegun = true;
        const waiter = this.#waiter();
        const isFull = this.#queue.length === MAX_WAITERS;
        this.#queue.push(waiter);
        if (isFull) {
          assert.throws(() => this.#pool.enter(waiter), { code: "ERR_DB_POOL_FULL" });
          this.#queue.pop();
        } else this.#pool.enter(waiter);
        break;
      }
      case "take": {
        const taken = this.#pool.takeNext(() => true);
        assert.equal(taken, this.#queue.shift());
        break;
      }
      case "leave": {
        const [waiter] = this.#queue.splice(operation.at, 1);
        if (waiter !== undefined) assert.equal(this.#pool.leave(waiter), true);
        break;
      }
      case "release":
      case "destroy": {
        const connection = this.#in("out")[operation.at];
        if (connection === undefined) break;
        this.#move(connection, "out", operation.do === "release" ? "idle" : "lost");
        this.#pool[operation.do](connection);
        const isTooOld = this.#clock.nowMs - connection.bornMs >= MAX_AGE_MS * 1.1;
        if (isTooOld) assert.equal(connection.place, "ended", "what is too old is not granted once more");
        break;
      }
      case "lose": {
        const connection = this.#in("idle")[operation.at];
        if (connection === undefined) break;
        this.#move(connection, "idle", "ended");
        this.#pool.forget(connection);
        break;
      }
      case "answer create":
        this.#answerCreate(operation.at, operation.well);
        break;
      case "answer check": {
        const [check] = this.#checks.splice(operation.at, 1);
        if (check === undefined) break;
        this.#move(check.connection, "checking", operation.well ? "idle" : "lost");
        check.done(operation.well);
        break;
      }
      case "advance":
        await this.#clock.advance(operation.ms);
        for (const { bornMs } of this.#in("idle")) {
          assert.ok(this.#clock.nowMs - bornMs < MAX_AGE_MS * 1.1, "nothing too old stays idle");
        }
        break;
    }
    this.#compare();
  }

  #answerCreate(place: number, well: boolean): void {
    const [done] = this.#creates.splice(place, 1);
    if (done === undefined) return;
    this.#hasFailed = !well;
    if (well) {
      const { nowMs } = this.#clock;
      const connection: Connection = { bornMs: nowMs, place: "idle", sinceMs: nowMs };
      this.#connections.push(connection);
      done({ connection });
    } else {
      const isTheEnd = this.#living === 0;
      this.#failure = new Error("no connection");
      done({ error: this.#failure });
      this.#failure = undefined;
      if (isTheEnd) assert.equal(this.#queue.length, 0, "everybody fails when there is nothing to wait for");
    }
  }

  /** What holds after each operation. */
  #compare(): void {
    const [idle, checking, out] = [this.#in("idle"), this.#in("checking"), this.#in("out")].map((all) => all.length);
    const [opening, waiting] = [this.#creates.length, this.#queue.length];
    assert.deepEqual(this.#pool.stats, { idle, checking, out, opening, waiting, max: SIZE });
    assert.equal(checking, this.#checks.length);
    const count = this.#living + opening;
    assert.ok(count <= SIZE, "there are never more than `size`");
    assert.ok(count >= MIN || !this.#hasBegun || this.#hasFailed, "`min` are kept");
    if (waiting > this.#checks.length + opening) {
      assert.equal(idle, 0, "nobody waits while a connection is idle");
      assert.ok(count === SIZE || this.#hasFailed, "nobody waits while a connection could be made");
    }
    assert.equal(this.#pool.quiet, waiting === 0 && out === 0 && checking === 0 && opening === 0);
  }

  /** Lets everything come to its end, and drains the pool. */
  async end(): Promise<void> {
    const all = { at: 0, well: true };
    let isQuiet = false;
    this.#pool.onQuiet(() => (isQuiet = true));
    while (!this.#pool.quiet) {
      await this.do({ do: "answer create", ...all });
      await this.do({ do: "answer check", ...all });
      await this.do({ do: "release", ...all });
      await this.do({ do: "advance", ms: 1 });
    }
    assert.ok(isQuiet);
    const { idle, out } = this.#pool.drain(new Error("the end"));
    assert.deepEqual(new Set(idle), new Set(this.#in("idle")));
    assert.deepEqual(out, []);
    assert.equal(this.#clock.nextAtMs, undefined, "no timer is left");
  }
}

test(`a pool does what its model does (seed ${SEED})`, { timeout: 60_000 }, async () => {
  const operations = fc.array(anyOperation, { minLength: 1, maxLength: 80, size: "max" });
  const parts = fc.array(fc.nat(9), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(operations, parts, async (all, randomParts) => {
      await assertNothingLeft(() =>
        withTestClock(async (clock) => {
          const run = new Run(clock, randomParts);
          for (const each of all) await run.do(each);
          await run.end();
        }),
      );
    }),
    { numRuns: RUNS, seed: SEED },
  );
});
