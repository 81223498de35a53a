/**
 * What a database behind a network must do besides what every database must: pooling, losing connections, and cancels
 * that reach the server. Each rule is a test on a real server, and what is claimed of the server is read there.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { Cancelled, scope, sleep, spawn, withDeadline, type Coroutine } from "../co/mod.ts";
import { type Database, DatabaseError, migrate, open, type OpenOptions, type Param } from "../db/mod.ts";
import { monotonicMs } from "../host/clock.ts";
import { TRACE } from "../trace/mod.ts";
import { coroutineTest } from "./coroutine-test.ts";
import type { RealDatabase } from "./real-databases.ts";

/** What differs between the servers. */
export interface NetworkSuiteOptions {
  readonly keyType: string;
  /** A read that lasts as many seconds as its parameter says. */
  readonly sleep: string;
  /** A read that gives the connection's number at the server. */
  readonly connectionId: string;
  /** Lists the statements that run in the server for this database now, one row each with its text in `sql`. */
  readonly running: string;
  /** Lists the numbers of the connections to this database, but for the asking one, in `id`. */
  readonly connections: (name: string) => string;
  /** Ends a connection from outside. */
  readonly kill: (id: number) => string;
  /** A statement that changes a setting of its connection, and one that reads it; what is read when it was not changed. */
  readonly setting: { readonly change: string; readonly read: string; readonly untouched: unknown };
  /** Statements that change the schema commit the open transaction. */
  readonly schemaCommits: boolean;
}

/** How long the server may take to show what was asked of it, in milliseconds. */
const PATIENCE_MS = 5_000;
/** A statement that would last longer than any test, in seconds. */
const LONG_S = 30;
/** Of a statement that was ended early: less than this, in milliseconds. */
const EARLY_MS = 5_000;
/** The trace build looks up where each wait was made. */
const HAMMER_ROUNDS = TRACE ? 2_500 : 10_000;

/** Rows of a table that costs time when it is joined with itself. */
const NUMBERS = 200;
const join = (tables: string): string =>
  `select count(*) from ${tables.replaceAll(/\w+/g, "number $&")} where ? = 1 and ${tables.replaceAll(", ", ".i + ")}.i > 0`;
/** A plain read that lasts for about half a second, or, with 0, for no time. */
const HEAVY_FOR_A_MOMENT = join("a, b, c");
/** The same, for longer than any test. */
const HEAVY = join("a, b, c, d, e");

async function makeNumbers(database: Database): Promise<void> {
  await database.exec("create table number (i integer not null)");
  await database.exec(`insert into number values ${Array(NUMBERS).fill("(1)").join(", ")}`);
}

async function outcomeOf<T>(call: () => Promise<T>): Promise<{ readonly value?: T; readonly error?: unknown }> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error };
  }
}

async function rejectsWith(code: string, call: () => Promise<unknown>): Promise<DatabaseError> {
  const { error } = await outcomeOf(call);
  assert.ok(error instanceof DatabaseError, `wanted a DatabaseError ${code}, found ${String(error)}`);
  assert.equal(error.code, code, error.message);
  return error;
}

/** Waits until the server shows something. */
async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const sinceMs = monotonicMs();
  while (!(await isSo())) {
    assert.ok(monotonicMs() - sinceMs < PATIENCE_MS, `wanted ${what} within ${PATIENCE_MS} ms`);
    await sleep(5);
  }
}

/** Adds the tests of the suite. Call it at the top of a test file. */
export function networkSuite(server: RealDatabase, options: NetworkSuiteOptions): void {
  function networkTest(
    rule: string,
    body: (database: Database) => Promise<void>,
    opened: OpenOptions = {},
    timeoutMs = 15_000,
  ): void {
    const run = async (): Promise<void> => {
      await server.empty();
      await using database = await open(server.url, opened);
      await database.exec(
        `create table account (id ${options.keyType}, name varchar(40) not null unique, amount integer not null)`,
      );
      await database.exec("insert into account (name, amount) values ('ada', 100), ('bob', 100)");
      await body(database);
    };
    coroutineTest(`${server.kind}: ${rule}`, run, { timeoutMs });
  }

  const insert = "insert into account (name, amount) values (?, ?)";
  const amountOf = async (database: Database, name: string): Promise<unknown> =>
    (await database.queryRows("select amount from account where name = ?", [name]))[0]?.[0];

  /** How many statements with `mark` in their text run in the server. */
  async function countRunning(mark: string): Promise<number> {
    const rows = await server.administer(options.running);
    return rows.filter((row) => String(row["sql"]).includes(mark)).length;
  }
  const runs = (mark: string) => eventually(`"${mark}" to run`, async () => (await countRunning(mark)) > 0);
  const hasEnded = (mark: string) =>
    eventually(`"${mark}" to have ended`, async () => (await countRunning(mark)) === 0);
  const connectionIds = async (): Promise<number[]> =>
    (await server.administer(options.connections(server.name))).map((row) => Number(row["id"]));

  const one: OpenOptions = { network: { max: 1, shared: 0 } };
  const long = (mark: string): [string, Param[]] => [`${options.sleep} /* ${mark} */`, [LONG_S]];

  networkTest(
    "a cancelled read ends in the server, and its connection is used again",
    async (database) => {
      const id = await database.queryRows(options.connectionId);
      const sleeper = spawn(() => database.queryRows(...long("read-cancelled")));
      await runs("read-cancelled");
      const sinceMs = monotonicMs();
      sleeper.cancel();
      await assert.rejects(sleeper.join(), { code: "ERR_COROUTINE_CANCELLED" });
      assert.ok(monotonicMs() - sinceMs < EARLY_MS);
      await hasEnded("read-cancelled");
      assert.deepEqual(await database.queryRows(options.connectionId), id);
    },
    one,
  );

  networkTest(
    "a deadline ends a statement in the server",
    async (database) => {
      await assert.rejects(
        withDeadline(200, () => database.queryRows(...long("read-late"))),
        { code: "ERR_DEADLINE" },
      );
      await hasEnded("read-late");
      assert.equal(await amountOf(database, "ada"), 100);
    },
    one,
  );

  networkTest(
    "a cancelled statement of a transaction ends in the server, and the transaction is undone",
    async (database) => {
      const id = await database.queryRows(options.connectionId);
      const writer = spawn(() =>
        database.transaction(async (tx) => {
          await tx.exec("update account set amount = 0 where name = 'ada'");
          await tx.queryRows(...long("in-transaction"));
        }),
      );
      await runs("in-transaction");
      writer.cancel();
      await assert.rejects(writer.join(), { code: "ERR_COROUTINE_CANCELLED" });
      assert.equal(writer.state, "cancelled");
      await hasEnded("in-transaction");
      assert.equal(await amountOf(database, "ada"), 100);
      assert.deepEqual(await database.queryRows(options.connectionId), id);
    },
    one,
  );

  networkTest("a cancelled write that waits for a lock is not done, and says so", async (database) => {
    const holder = await hold(database, "update account set amount = 1 where name = 'ada'");
    const waiting = spawn(() => database.exec("update account set amount = 2 where name = 'ada' /* blocked */"));
    await runs("blocked");
    waiting.cancel();
    await assert.rejects(waiting.join(), { code: "ERR_COROUTINE_CANCELLED" });
    assert.equal(waiting.state, "cancelled");
    await hasEnded("blocked");
    await holder.end();
    assert.equal(await amountOf(database, "ada"), 1);
  });

  networkTest(
    "cancels that meet the end of a statement hit no other, and lose no connection",
    async (database) => {
      const before = new Set(await openAll(database));
      const counts = { cancelled: 0, done: 0 };
      const rounds = Array.from({ length: HAMMER_ROUNDS }, (_, i) => i).values();
      await scope(() => {
        for (let worker = 0; worker < 4; worker++) {
          spawn(async () => {
            for (const round of rounds) await hammer(database, round, counts);
          });
        }
      });
      assert.equal(counts.cancelled + counts.done, HAMMER_ROUNDS);
      assert.ok(counts.cancelled > HAMMER_ROUNDS / 100, `found ${counts.cancelled} cancelled`);
      assert.ok(counts.done > HAMMER_ROUNDS / 100, `found ${counts.done} done`);
      for (const id of await openAll(database)) assert.ok(before.has(id), "wanted the connections there were");
    },
    { network: { max: 4, shared: 0 } },
    120_000,
  );

  /** The numbers of all four connections, each held by somebody. */
  async function openAll(database: Database): Promise<number[]> {
    const ids: number[] = [];
    const holders: Coroutine<void>[] = [];
    let held = 0;
    for (let i = 0; i < 4; i++) {
      holders.push(
        spawn(() =>
          database.transaction(async (tx) => {
            ids.push(Number((await tx.queryRows(options.connectionId))[0]?.[0]));
            held++;
            while (held < 4) await sleep(1);
          }),
        ),
      );
    }
    for (const holder of holders) await holder.join();
    return ids;
  }

  /** Cancels a statement at about the moment when it ends, and sees that the next one on the connection is unharmed. */
  async function hammer(database: Database, round: number, counts: { cancelled: number; done: number }): Promise<void> {
    const isWrite = round % 4 === 0;
    const seconds = randomInt(0, 4) / 1_000;
    const statement = spawn<unknown>(() =>
      isWrite
        ? database.exec(
            `update account set amount = amount + 1 where name = 'ada' and (${options.sleep.replace("?", String(seconds))}) is not null`,
          )
        : database.queryRows(options.sleep, [seconds]),
    );
    for (let turns = randomInt(0, 12); turns > 0; turns--) await sleep(0);
    if (round % 2 === 0) await sleep(1);
    statement.cancel();
    const { error } = await outcomeOf<unknown>(() => statement.join());
    if (error === undefined) counts.done++;
    else counts.cancelled++;
    if (error !== undefined) assert.equal((error as { code?: string }).code, "ERR_COROUTINE_CANCELLED");
    assert.deepEqual(await database.queryRows("select name from account where name = ?", ["bob"]), [["bob"]]);
  }

  networkTest(
    "a statement alone that meets a transaction the other way round is run again until it is done",
    async (database) => {
      const both = "update account set amount = amount + 1 where name in ('ada', 'bob')";
      const oneOf = "update account set amount = amount + 1 where name = ?";
      await scope(() => {
        for (let i = 0; i < 4; i++) {
          spawn(() => database.exec(both));
          spawn(() =>
            database.transaction(
              async (tx) => {
                for (const name of ["bob", "ada"]) await tx.exec(oneOf, [name]);
              },
              { retry: 100 },
            ),
          );
        }
      });
      assert.deepEqual(await database.queryRows("select amount from account"), [[108], [108]]);
    },
  );

  networkTest(
    "200 coroutines share 5 connections fairly, and leave them clean",
    async (database) => {
      const done = Array.from({ length: 200 }, () => 0);
      const failures: unknown[] = [];
      let isOver = false;
      await scope(() => {
        for (let worker = 0; worker < 200; worker++) {
          spawn(async () => {
            while (!isOver) {
              await database.transaction(async (tx) => {
                await tx.queryRows("select amount from account where name = 'ada'");
              });
              (done[worker] as number)++;
              if (done[worker] === 20) isOver = true;
            }
          });
          if (worker % 10 === 0) {
            spawn(async () => {
              // Its turn does not come in time.
              const late = await outcomeOf(() =>
                withDeadline(1, () => database.transaction((tx) => tx.queryRows(options.sleep, [0.01]))),
              );
              failures.push(late.error);
            });
          }
        }
      });
      const least = Math.min(...done);
      const most = Math.max(...done);
      assert.ok(most <= 2 * least, `wanted nobody to have more than twice as many turns, found ${least} to ${most}`);
      assert.equal(failures.length, 20);
      for (const failure of failures) assert.equal((failure as { code?: string } | undefined)?.code, "ERR_DEADLINE");
      assert.equal((await connectionIds()).length, 5);
      assert.equal(await amountOf(database, "ada"), 100);
    },
    { network: { max: 5, shared: 0 } },
    30_000,
  );

  networkTest(
    "who cannot have a connection in time is told how many there are",
    async (database) => {
      const holder = await hold(database, "update account set amount = 1 where name = 'ada'");
      const error = await rejectsWith("ERR_DB_ACQUIRE_TIMEOUT", () => database.queryRows("select 1"));
      assert.match(error.message, /connections? in use for 100 ms/);
      assert.equal(error.retryable, true);
      assert.equal(error.fault, "load");
      await holder.end();
    },
    { acquireTimeoutMs: 100, network: { max: 1, shared: 0 } },
  );

  networkTest("a deadlock in an inner transaction is told as one, and the whole is run again", async (database) => {
    const add = "update account set amount = amount + 1 where name = ?";
    let attempts = 0;
    const addTo = (outer: string, inner: string): Promise<void> =>
      database.transaction(
        async (tx) => {
          await tx.exec(add, [outer]);
          attempts++;
          while (attempts < 2) await sleep(1);
          await tx.transaction((innermost) => innermost.exec(add, [inner]));
        },
        { retry: 5 },
      );
    await scope(() => {
      spawn(() => addTo("ada", "bob"));
      spawn(() => addTo("bob", "ada"));
    });
    assert.ok(attempts > 2, "wanted a deadlock");
    assert.deepEqual([await amountOf(database, "ada"), await amountOf(database, "bob")], [102, 102]);
  });

  networkTest("inside a transaction the database is not to be read either", async (database) => {
    await database.transaction(async () => {
      await rejectsWith("ERR_DB_TRANSACTION_OPEN", () => database.queryRows("select 1"));
    });
  });

  networkTest(
    "a read whose connection is ended runs once more, on another",
    async (database) => {
      await makeNumbers(database);
      const [id] = await database.queryRows<[number]>(options.connectionId);
      const reader = spawn(() => database.queryRows(`${HEAVY_FOR_A_MOMENT} /* to-be-lost */`, [1]));
      await runs("to-be-lost");
      await server.administer(options.kill(id?.[0] as number));
      assert.deepEqual(await reader.join(), [[NUMBERS ** 3]]);
      assert.notDeepEqual(await database.queryRows(options.connectionId), [id]);
    },
    one,
  );

  networkTest(
    "of a write whose connection is ended it is said that nobody knows",
    async (database) => {
      const [id] = await database.queryRows<[number]>(options.connectionId);
      const sql = `update account set amount = 7 where name = 'ada' and (${options.sleep.replace("?", String(LONG_S))}) is not null /* write-lost */`;
      const writer = spawn(() => outcomeOf(() => database.exec(sql)));
      await runs("write-lost");
      await server.administer(options.kill(id?.[0] as number));
      const { error } = await writer.join();
      assert.equal((error as DatabaseError).code, "ERR_DB_CONNECTION_LOST");
      assert.equal((error as DatabaseError).retryable, false);
      assert.equal((error as DatabaseError).fault, "database");
      await hasEnded("write-lost");
      assert.equal(await amountOf(database, "ada"), 100);
    },
    one,
  );

  networkTest(
    "a transaction whose connection is ended before its commit may be tried again",
    async (database) => {
      const error = await rejectsWith("ERR_DB_CONNECTION_LOST", () =>
        database.transaction(async (tx) => {
          await tx.exec("update account set amount = 7 where name = 'ada'");
          const [id] = await tx.queryRows<[number]>(options.connectionId);
          await server.administer(options.kill(id?.[0] as number));
          await tx.exec("update account set amount = 8 where name = 'bob'");
        }),
      );
      assert.equal(error.retryable, true);
      assert.equal(await amountOf(database, "ada"), 100);
    },
    one,
  );

  networkTest(
    "connections that ended while they were idle are replaced unnoticed",
    async (database) => {
      for (let round = 0; round < 3; round++) {
        for (const id of await connectionIds()) await server.administer(options.kill(id));
        await eventually("the connections to be gone", async () => (await connectionIds()).length === 0);
        await database.exec(insert, [`name ${round}`, 1]);
      }
      assert.deepEqual(await database.queryRows("select count(*) from account"), [[5]]);
    },
    { network: { max: 3, shared: 0 } },
  );

  networkTest(
    "a connection in which something was set is not used again",
    async (database) => {
      const { change, read, untouched } = options.setting;
      await database.exec(change);
      assert.deepEqual(await database.queryRows(read), [[untouched]]);
      await database.transaction(async (tx) => {
        await tx.exec(change);
        assert.notDeepEqual(await tx.queryRows(read), [[untouched]]);
      });
      assert.deepEqual(await database.queryRows(read), [[untouched]]);
    },
    one,
  );

  networkTest(
    "quick reads share connections, and a neighbour that hangs is ended for the others",
    async (database) => {
      await makeNumbers(database);
      // A statement that is quick as long as its parameter says so.
      for (let i = 0; i < 10; i++) await database.queryRows(HEAVY, [0]);
      const quick = await connectionIds();
      const sleeper = spawn(() => database.queryRows(HEAVY, [1]));
      const sql = "select name from account where name = ?";
      for (let i = 0; i < 10; i++) await database.queryRows(sql, ["ada"]);
      await eventually("it to run", async () => (await server.administer(options.running)).length > 0);
      const readers = Array.from({ length: 50 }, (_, i) =>
        spawn(() => database.queryRows(sql, [i % 2 === 0 ? "ada" : "bob"])),
      );
      sleeper.cancel();
      const sinceMs = monotonicMs();
      for (const [i, reader] of readers.entries())
        assert.deepEqual(await reader.join(), [[i % 2 === 0 ? "ada" : "bob"]]);
      assert.ok(monotonicMs() - sinceMs < EARLY_MS);
      for (const id of quick) assert.ok((await connectionIds()).includes(id), "wanted no connection lost");
      await eventually("it to have ended", async () => (await server.administer(options.running)).length === 0);
    },
    { network: { max: 2, shared: 1 } },
  );

  if (options.schemaCommits) {
    networkTest("a statement before which the server would commit is refused in a transaction", async (database) => {
      const { error } = await outcomeOf(() =>
        database.transaction(async (tx) => {
          await tx.exec("update account set amount = 1");
          await tx.exec("create table other (id integer)");
        }),
      );
      assert.equal((error as DatabaseError).code, "ERR_DB_TRANSACTION_STATEMENT");
      assert.equal(await amountOf(database, "ada"), 100);
    });
  }

  networkTest("several that migrate at once apply each step once", async (database) => {
    const steps = [
      { name: "0001-a.sql", sql: "create table a (id integer primary key); insert into a values (1);" },
      { name: "0002-b.sql", sql: "create table b (id integer primary key); insert into b values (1);" },
    ];
    const applied: string[] = [];
    await scope(() => {
      for (let i = 0; i < 4; i++) {
        spawn(async () => {
          await using other = await open(server.url, { network: { max: 1 } });
          applied.push(...(await migrate(other, steps)));
        });
      }
    });
    assert.deepEqual(applied.toSorted(), ["0001-a.sql", "0002-b.sql"]);
    assert.deepEqual(await database.queryRows("select id from a"), [[1]]);
    assert.deepEqual(await migrate(database, steps), []);
  });

  networkTest("a migration that fails says where, and what is left of it", async (database) => {
    const broken = [
      {
        name: "0001-a.sql",
        sql: "create table a (id integer primary key); insert into a values (1); insert into a values (1);",
      },
    ];
    const error = await rejectsWith("ERR_DB_MIGRATION_FAILED", () => migrate(database, broken));
    assert.equal((error.cause as DatabaseError).code, "ERR_DB_UNIQUE");
    if (options.schemaCommits) {
      assert.match(error.message, /2 of its 3 statements are done and stay/);
      await database.exec("delete from a");
      assert.deepEqual(await migrate(database, broken), ["0001-a.sql"]);
    } else {
      const mended = [{ name: "0001-a.sql", sql: "create table a (id integer primary key);" }];
      assert.deepEqual(await migrate(database, mended), ["0001-a.sql"]);
    }
  });

  coroutineTest(
    `${server.kind}: a wrong password, a name that is not there and a server that is not there are told apart`,
    async () => {
      const wrong = new URL(server.url);
      wrong.password = "not-the-secret";
      const refused = await rejectsWith("ERR_DB_ACCESS", () => open(wrong.href));
      assert.doesNotMatch(refused.message, /not-the-secret/);
      assert.equal(refused.retryable, false);
      const nowhere = new URL(server.url);
      nowhere.pathname = "/lunet_no_such_database";
      await rejectsWith("ERR_DB_ACCESS", () => open(nowhere.href));
      const silent = new URL(server.url);
      silent.port = "1";
      const gone = await rejectsWith("ERR_DB_UNAVAILABLE", () => open(silent.href));
      assert.equal(gone.retryable, true);
    },
  );

  coroutineTest(`${server.kind}: of several hosts the first that takes the connection is used`, async () => {
    const { port, pathname, username, password } = new URL(server.url);
    const scheme = server.kind;
    const url = `${scheme}://${username}:${password}@127.0.0.1:1,127.0.0.1:${port}${pathname}`;
    await using database = await open(url);
    assert.deepEqual(await database.queryRows("select 1"), [[1]]);
  });

  coroutineTest(`${server.kind}: opening is given up when its coroutine is cancelled`, async () => {
    const opening = spawn(() => open(server.url));
    opening.cancel();
    const { error } = await outcomeOf(() => opening.join());
    assert.ok(
      error instanceof Cancelled || (error as { code?: string }).code === "ERR_COROUTINE_CANCELLED",
      String(error),
    );
  });
}

/** Runs a statement in a transaction that stays open until `end()` is called. */
async function hold(database: Database, sql: string): Promise<{ end(): Promise<void> }> {
  let isOver = false;
  let hasRun = false;
  const holder = spawn(() =>
    database.transaction(async (tx) => {
      await tx.exec(sql);
      hasRun = true;
      while (!isOver) await sleep(1);
    }),
  );
  while (!hasRun) await sleep(1);
  return {
    async end() {
      isOver = true;
      await holder.join();
    },
  };
}
