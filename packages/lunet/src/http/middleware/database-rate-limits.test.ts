/**
 * Counts in a database, on each of the three: SQLite, and the servers of real-databases.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { scope, spawn, suspend, withDeadline } from "../../co/mod.ts";
import { open, type Database } from "../../db/mod.ts";
import { useClock, type Clock } from "../../host/clock.ts";
import { coroutineTest } from "../../testing/mod.ts";
import { REAL_DATABASES, realDatabase } from "../../testing/real-databases.ts";
import {
  createRateLimitTable,
  databaseRateLimits,
  type RateLimitDatabase,
  type RateLimitState,
  type RateLimitStore,
} from "../mod.ts";

const POLICY = { name: "test", limit: 5, windowMs: 10_000 };

const folder = mkdtempSync(join(tmpdir(), "lunet-rate-limits-"));
after(() => rmSync(folder, { recursive: true }));
const urls: ReadonlyArray<readonly [name: string, url: string]> = [
  ["sqlite", `sqlite:${join(folder, "limits.db")}`],
  ...REAL_DATABASES.map((kind) => [kind, realDatabase(kind).url] as const),
];

/** The clock of the day, in the hands of the tests; timers are the system's. */
let nowMs = 1_800_000_000_000;
before(() => {
  const system = useClock({} as Clock);
  const driven: Clock = {
    monotonicMs: () => system.monotonicMs(),
    wallMs: () => nowMs,
    setTimer: (...timer) => system.setTimer(...timer),
  };
  useClock(driven);
});

/** A database that counts what is asked of it. */
function counting(database: Database): RateLimitDatabase & { readonly statements: string[] } {
  const statements: string[] = [];
  return {
    dialect: database.dialect,
    statements,
    queryOne: (sql, params) => (statements.push(sql), database.queryOne(sql, params)),
    exec: (sql, params) => (statements.push(sql), database.exec(sql, params)),
  };
}

async function allowed(store: RateLimitStore, key: string, requests: number): Promise<number> {
  let count = 0;
  for (let request = 0; request < requests; request++) if ((await store.take(key)).allowed) count++;
  return count;
}

let tables = 0;

for (const [name, url] of urls) {
  const onDatabase = (title: string, body: (database: Database, table: string) => Promise<void>): void =>
    coroutineTest(
      `${name}: ${title}`,
      async () => {
        await using database = await open(url);
        const table = `limits_${++tables}`;
        await createRateLimitTable(database, table);
        await body(database, table);
      },
      { timeoutMs: 30_000 },
    );

  onDatabase("each key has the limit at once, then one for each interval", async (database, table) => {
    const store = databaseRateLimits(database, { table })(POLICY);
    assert.deepEqual(await store.take("a"), { allowed: true, remaining: 4, resetMs: 2_000, retryAfterMs: 0 });
    assert.equal(await allowed(store, "a", 10), 4);
    assert.deepEqual(await store.take("a"), { allowed: false, remaining: 0, resetMs: 10_000, retryAfterMs: 2_000 });
    assert.equal(await allowed(store, "b", 10), 5);
    nowMs += 1_999;
    assert.equal((await store.take("a")).allowed, false);
    nowMs += 1;
    assert.equal(await allowed(store, "a", 10), 1);
    nowMs += 10_000;
    assert.equal(await allowed(store, "a", 10), 5);
  });

  onDatabase("processes that count at once allow the limit together, and no more", async (database, table) => {
    await using second = await open(url);
    const stores = [database, database, second, second].map((one) => databaseRateLimits(one, { table })(POLICY));
    const states: RateLimitState[] = [];
    await scope(() => {
      for (let request = 0; request < 40; request++) {
        const store = stores[request % stores.length] as RateLimitStore;
        spawn(async () => void states.push(await store.take("a")));
      }
    });
    assert.equal(states.length, 40);
    assert.equal(states.filter((state) => state.allowed).length, 5);
    const remaining = states.filter((state) => state.allowed).map((state) => state.remaining);
    assert.deepEqual(
      remaining.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4],
      "each was told another number",
    );
  });

  onDatabase("processes that make the table at once find it made", async (database) => {
    await using second = await open(url);
    await scope(() => {
      for (const one of [database, second, database, second]) spawn(() => createRateLimitTable(one, "at_once"));
    });
    assert.equal((await databaseRateLimits(second, { table: "at_once" })(POLICY).take("a")).allowed, true);
  });

  onDatabase("policies of one table are kept apart by their names", async (database, table) => {
    const place = databaseRateLimits(database, { table });
    assert.equal(await allowed(place(POLICY), "a", 10), 5);
    assert.equal(await allowed(place({ ...POLICY, name: "other" }), "a", 10), 5);
    assert.equal(await allowed(place(POLICY), "a", 10), 0);
  });

  onDatabase("a key is any text, and stands in the table as its digest", async (database, table) => {
    const store = databaseRateLimits(database, { table })(POLICY);
    for (const key of ["a", "A", "a ", "ä", "", "'; drop table x", "x".repeat(128)]) {
      assert.equal(await allowed(store, key, 6), 5, key);
    }
    const rows = await database.query<{ id: string }>(`select id from ${table}`);
    assert.equal(rows.length, 7);
    for (const { id } of rows) assert.match(id, /^[A-Za-z0-9_-]{43}$/);
  });

  onDatabase("a refused key costs the database nothing until it may ask again", async (database, table) => {
    const counted = counting(database);
    const store = databaseRateLimits(counted, { table })(POLICY);
    assert.equal(await allowed(store, "a", 100), 5);
    assert.equal(counted.statements.length, 6);
    nowMs += 2_000;
    assert.equal(await allowed(store, "a", 100), 1);
    assert.equal(counted.statements.length, 8);
  });

  onDatabase("a clock that was set back costs a key a window at most", async (database, table) => {
    const store = databaseRateLimits(database, { table })(POLICY);
    assert.equal(await allowed(store, "a", 6), 5);
    const aheadMs = nowMs;
    nowMs -= 3_600_000;
    assert.deepEqual(await store.take("a"), { allowed: false, remaining: 0, resetMs: 10_000, retryAfterMs: 2_000 });
    nowMs += 10_000;
    assert.equal(await allowed(store, "a", 6), 5);
    nowMs = aheadMs;
  });

  onDatabase("rows that have passed are deleted as requests come, and no others", async (database, table) => {
    const store = databaseRateLimits(database, { table })(POLICY);
    for (let key = 0; key < 60; key++) await store.take(`old ${key}`);
    nowMs += 10_000;
    assert.equal(await allowed(store, "limited", 5), 5);
    for (let key = 0; key < 34; key++) await store.take(`new ${key}`);
    const count = async (): Promise<number | undefined> =>
      (await database.queryOne<{ n: number }>(`select count(*) as n from ${table}`))?.n;
    assert.equal(await count(), 95, "after 99 requests");
    assert.equal((await store.take("limited")).allowed, false);
    assert.equal(await count(), 35, "after the hundredth");
  });

  onDatabase("several processes count on while each of them deletes what has passed", async (database, table) => {
    await using second = await open(url);
    const stores = [database, database, second, second].map((one) => databaseRateLimits(one, { table })(POLICY));
    const states: RateLimitState[] = [];
    for (let round = 0; round < 4; round++) {
      nowMs += 10_000;
      await scope(() => {
        for (let request = 0; request < 120; request++) {
          const store = stores[request % stores.length] as RateLimitStore;
          spawn(async () => void states.push(await store.take(`${round} ${request % 30}`)));
        }
      });
    }
    assert.equal(states.length, 480);
    assert.equal(states.filter((state) => !state.allowed).length, 0, "each key has four requests of five");
    const { n = 0 } = (await database.queryOne<{ n: number }>(`select count(*) as n from ${table}`)) ?? {};
    assert.equal(n, 30, "of the last round alone");
  });

  onDatabase("a table that is away is a failure of the store", async (database) => {
    const store = databaseRateLimits(database, { table: "absent" })(POLICY);
    await assert.rejects(async () => store.take("a"), { code: "ERR_DB_SYNTAX" });
  });
}

coroutineTest("a database that does not answer in time is a failure of the store", async () => {
  const database: RateLimitDatabase = {
    dialect: "sqlite",
    queryOne: () => withDeadline(60_000, () => hang()),
    exec: () => hang(),
  };
  const store = databaseRateLimits(database, { timeoutMs: 10 })(POLICY);
  await assert.rejects(async () => store.take("a"), { code: "ERR_DEADLINE" });
});

coroutineTest("options that cannot be are refused at the start", () => {
  const database = {} as RateLimitDatabase;
  for (const table of ["", "a b", "a;b", "1a", 'a"', "a".repeat(49)]) {
    assert.throws(() => databaseRateLimits(database, { table }), TypeError, table);
  }
  for (const timeoutMs of [0, 1.5, 60_001])
    assert.throws(() => databaseRateLimits(database, { timeoutMs }), RangeError);
});

function hang(): Promise<never> {
  return suspend<never>("an answer", () => () => {});
}
