/**
 * A database on a server, with a cancel and a failure at each wait of what a program does with it. Afterwards what was
 * acknowledged is there and nothing else; the server shows no statement under way, no open transaction and no connection
 * too many; and all connections are usable and as new.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { scope, sleep, spawn, until } from "lunet";
import { migrate, open, type Database, type OpenOptions, type Transaction } from "lunet/db";
import { defineSweep, describeSweep, type Sweep, type SweepFault } from "lunet/testing";
import { monotonicMs } from "lunet/time";
import { TRACE } from "lunet/trace";
import type { RealDatabase, RealDatabaseKind } from "../../packages/lunet/src/testing/real-databases.ts";

/** How long the server may take to show that something has ended, in milliseconds. */
const PATIENCE_MS = 3_000;
/** One sweep may take this long on a machine that is busy. */
const TIMEOUT_MS = 60_000;
const MAX = 2;
const ALONE: OpenOptions = { acquireTimeoutMs: 2_000, network: { max: MAX, shared: 0 } };
const SHARING: OpenOptions = { acquireTimeoutMs: 2_000, network: { max: MAX, shared: 1 } };

/** What differs between the servers. */
interface Dialect {
  /** Lists the connections but for the asking one: whether a statement is under way, what is known of them. */
  readonly connections: string;
  /** The numbers of the connections with a transaction open, those of other databases among them. */
  readonly inTransaction: (server: RealDatabase) => Promise<ReadonlySet<number>>;
  /** Counts those that the migrations make. */
  readonly tables: string;
  /** How many connections are kept beside the pool's: MariaDB is told by one of them to end a statement. */
  readonly forCancels: number;
}

const DIALECTS: Readonly<Record<RealDatabaseKind, Dialect>> = {
  postgres: {
    connections: `select pid as id, state is distinct from 'idle' as busy, state, query from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`,
    // It is a state other than idle.
    inTransaction: async () => new Set(),
    tables: "select count(*) from pg_tables where schemaname = 'public' and tablename like 'step%'",
    forCancels: 0,
  },
  mariadb: {
    connections: `select id, command <> 'Sleep' as busy, state, info from information_schema.processlist
      where db = database() and id <> connection_id()`,
    // The table of transactions shows what was there up to 100 ms ago.
    inTransaction: async (server) => {
      const [row] = await server.administer("show engine innodb status");
      const transactions = String(row?.["Status"]).split("---TRANSACTION ");
      const active = transactions.filter((one) => /^\S+, ACTIVE/.test(one));
      return new Set(active.map((one) => Number(/thread id (\d+)/.exec(one)?.[1])));
    },
    tables: `select count(*) from information_schema.tables
      where table_schema = database() and table_name like 'step%'`,
    forCancels: 1,
  },
};

const SCHEMA: readonly string[] = [
  "create table account (id integer primary key, balance integer not null)",
  "insert into account values (1, 100), (2, 100)",
  "create table note (name varchar(40) not null)",
  "create table touched (times integer not null)",
  "insert into touched values (0)",
];

const BALANCE = "select balance from account where id = ?";
const TAKE = "update account set balance = balance - 1 where id = ?";
const GIVE = "update account set balance = balance + 1 where id = ?";
const NOTE = "insert into note values (?)";
const TOUCH = "update touched set times = times + 1";
const TOUCHED = "select times from touched";

/** An ordinary way out of a transaction: to be rolled back. */
class Refused extends Error {}

/** What a run works with, and what was acknowledged to it. */
interface Fixture {
  readonly database: Database;
  /** How much has gone from the first account to the second. */
  moved: number;
  notes: number;
}

async function setup(url: string, options: OpenOptions): Promise<Fixture> {
  const fixture = { database: await open(url, options), moved: 0, notes: 0 };
  await reset(fixture);
  return fixture;
}

async function reset(fixture: Fixture): Promise<void> {
  await fixture.database.exec("update account set balance = 100");
  await fixture.database.exec("delete from note");
  fixture.moved = 0;
  fixture.notes = 0;
}

async function move(tx: Transaction): Promise<void> {
  await tx.exec(TAKE, [1]);
  await tx.exec(GIVE, [2]);
}

/** Lets through what the body itself threw. */
async function refused(transaction: Promise<unknown>): Promise<void> {
  try {
    await transaction;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

async function addNote(fixture: Fixture): Promise<void> {
  await fixture.database.exec(NOTE, ["noted"]);
  fixture.notes++;
}

/** Waits until nothing is under way in the server, no transaction is open, and the pool has no more connections than it may. */
async function settles(server: RealDatabase, poolSize: number): Promise<void> {
  const { connections, inTransaction, forCancels } = DIALECTS[server.kind];
  const most = poolSize === 0 ? 0 : poolSize + forCancels;
  const sinceMs = monotonicMs();
  for (;;) {
    const rows = await until(server.administer(connections));
    const active = await until(inTransaction(server));
    const busy = rows.filter((row) => Number(row["busy"]) !== 0 || active.has(Number(row["id"])));
    if (rows.length <= most && busy.length === 0) return;
    if (monotonicMs() - sinceMs > PATIENCE_MS) {
      assert.fail(`wanted at most ${most} connections and all of them idle, found ${inspect(rows)}`);
    }
    await sleep(10);
  }
}

/**
 * Has every connection of the pool in use at once, each in a transaction that is begun as by default: it sees what is
 * committed meanwhile, which one with another isolation level would not.
 */
async function useAll(server: RealDatabase, { database }: Fixture): Promise<void> {
  const { promise: haveAllRead, resolve } = Promise.withResolvers<void>();
  let readers = 0;
  const touchWhenAllHaveRead = haveAllRead.then(() => server.administer(TOUCH));
  await scope(() => {
    for (let i = 0; i < MAX; i++) {
      spawn(() =>
        database.transaction(async (tx) => {
          const before = await tx.queryOne<{ times: number }>(TOUCHED);
          if (++readers === MAX) resolve();
          await until(touchWhenAllHaveRead);
          const after = await tx.queryOne<{ times: number }>(TOUCHED);
          assert.equal(after?.times, (before?.times ?? NaN) + 1, "the isolation level is another one");
        }),
      );
    }
  });
}

async function check(server: RealDatabase, shared: number, fixture: Fixture): Promise<void> {
  const { database, moved, notes } = fixture;
  await settles(server, MAX + shared);
  // First, because a level that is set for the next transaction holds for a single statement, too.
  await useAll(server, fixture);
  assert.deepEqual(await database.queryRows("select id, balance from account order by id"), [
    [1, 100 - moved],
    [2, 100 + moved],
  ]);
  assert.deepEqual(await database.queryRows("select count(*) from note"), [[notes]]);
  await settles(server, MAX + shared);
}

/** As `setup`, with a statement that is known to be quick, and the shared connection that it runs on. */
async function setupSharing(server: RealDatabase): Promise<Fixture> {
  const fixture = await setup(server.url, SHARING);
  const sinceMs = monotonicMs();
  while ((await until(server.administer(DIALECTS[server.kind].connections))).length < 2) {
    assert.ok(monotonicMs() - sinceMs < PATIENCE_MS, "no shared connection was opened");
    await fixture.database.queryRows(BALANCE, [1]);
  }
  return fixture;
}

/** A sweep, and what is demanded of it as a whole. */
interface Case {
  readonly sweep: Sweep;
  readonly faults?: readonly SweepFault[];
  /** Throws when the runs did not do what they were made for. */
  readonly reached?: () => void;
}

function statementCases(server: RealDatabase): Case[] {
  const define = (name: string, body: (fixture: Fixture) => Promise<unknown>, options = ALONE): Case => ({
    sweep: defineSweep({
      name,
      setup: () => (options === SHARING ? setupSharing(server) : setup(server.url, options)),
      reset,
      body,
      check: (fixture) => check(server, options.network?.shared ?? 0, fixture),
      teardown: ({ database }) => database.close(),
    }),
  });

  let runsAgain = 0;
  return [
    define("statements, prepared ones among them", async (fixture) => {
      const { database } = fixture;
      await database.queryRows(BALANCE, [1]);
      await addNote(fixture);
      const balance = database.prepare(BALANCE);
      for (let i = 0; i < 2; i++) await balance.queryRows([2]);
      const note = database.prepare(NOTE);
      for (let i = 0; i < 2; i++) {
        await note.exec(["prepared"]);
        fixture.notes++;
      }
    }),
    define(
      "reads that share a connection",
      async (fixture) => {
        await scope(() => {
          for (let i = 0; i < 3; i++) spawn(() => fixture.database.queryRows(BALANCE, [1]));
          spawn(() => addNote(fixture));
        });
        await fixture.database.queryRows(BALANCE, [2]);
      },
      SHARING,
    ),
    define("connections that are waited for", async (fixture) => {
      await scope(() => {
        for (let i = 0; i < 2 * MAX; i++) {
          spawn(async () => {
            await fixture.database.transaction(move);
            fixture.moved++;
          });
        }
        spawn(() => addNote(fixture));
        spawn(() => fixture.database.queryRows(BALANCE, [1]));
      });
    }),
    define("a transaction that is committed, with an inner one", async (fixture) => {
      await fixture.database.transaction(async (tx) => {
        const balance = tx.prepare(BALANCE);
        await balance.queryRows([1]);
        await move(tx);
        await tx.transaction((inner) => inner.exec(TAKE, [2]));
        await tx.exec(GIVE, [2]);
        await balance.queryRows([1]);
      });
      fixture.moved++;
    }),
    define("a transaction that is rolled back, with an inner one", async ({ database }) => {
      await refused(
        database.transaction(async (tx) => {
          await move(tx);
          await refused(
            tx.transaction(async (inner) => {
              await inner.exec(TAKE, [1]);
              throw new Refused("the inner one");
            }),
          );
          await tx.queryRows(BALANCE, [1]);
          throw new Refused("the outer one");
        }),
      );
    }),
    define("an inner transaction that is undone in one that is committed", async (fixture) => {
      await fixture.database.transaction(async (tx) => {
        await move(tx);
        await refused(
          tx.transaction(async (inner) => {
            await inner.transaction((innermost) => innermost.exec(TAKE, [1]));
            throw new Refused("the inner one");
          }),
        );
      });
      fixture.moved++;
    }),
    define("transactions that are begun in other ways", async (fixture) => {
      const { database } = fixture;
      await database.transaction((tx) => tx.queryRows(BALANCE, [1]), { readOnly: true });
      for (const isolation of ["repeatable read", "serializable"] as const) {
        await database.transaction(move, { isolation });
        fixture.moved++;
      }
    }),
    define("a transaction that waits in the server for another's lock", async (fixture) => {
      const { database } = fixture;
      await scope(async () => {
        const { promise: isLocked, resolve } = Promise.withResolvers<void>();
        spawn(async () => {
          await database.transaction(async (tx) => {
            await move(tx);
            resolve();
            // The other comes to the lock meanwhile, and is cancelled with this one.
            await sleep(30);
          });
          fixture.moved++;
        });
        await until(isLocked);
        await database.transaction(move);
        fixture.moved++;
      });
    }),
    {
      ...define("transactions that are run again after a serialization failure", async (fixture) => {
        const { promise: haveBothRead, resolve } = Promise.withResolvers<void>();
        let readers = 0;
        const moveWhatWasRead = async (): Promise<void> => {
          let attempts = 0;
          await fixture.database.transaction(
            async (tx) => {
              if (attempts++ > 0) runsAgain++;
              const [row] = await tx.queryRows<[number]>(BALANCE, [1]);
              if (++readers === 2) resolve();
              await until(haveBothRead);
              await tx.exec("update account set balance = ? where id = 1", [(row?.[0] ?? 0) - 1]);
              await tx.exec(GIVE, [2]);
            },
            { isolation: "serializable", retry: 10 },
          );
          fixture.moved++;
        };
        await scope(() => {
          for (let i = 0; i < 2; i++) spawn(moveWhatWasRead);
        });
      }),
      reached: () => assert.ok(runsAgain > 0, "no transaction was run again"),
    },
  ];
}

/** Databases that are opened and closed in the body. */
function lifeCases(server: RealDatabase): Case[] {
  const countNotes = async (): Promise<number> => {
    const [row] = await until(server.administer("select count(*) as notes from note"));
    return Number(row?.["notes"]);
  };
  const define = (name: string, body: (fixture: Fixture) => Promise<unknown>): Case => ({
    sweep: defineSweep({
      name,
      setup: async () => ({ notes: await countNotes() }),
      body: async (state) => {
        await using database = await open(server.url, SHARING);
        const fixture = { database, moved: 0, notes: 0 };
        try {
          await body(fixture);
        } finally {
          state.notes += fixture.notes;
        }
      },
      check: async ({ notes }) => {
        await settles(server, 0);
        assert.equal(await countNotes(), notes);
      },
    }),
  });
  return [
    define("a database from its opening to its close", async (fixture) => {
      await scope(() => {
        spawn(() => addNote(fixture));
        spawn(() => fixture.database.queryRows(BALANCE, [1]));
        spawn(() => fixture.database.transaction((tx) => tx.queryRows(BALANCE, [1]), { readOnly: true }));
      });
    }),
    define("a database that is closed while it works", async (fixture) => {
      await scope(async () => {
        for (let i = 0; i < MAX + 1; i++) spawn(() => addNote(fixture));
        // They have begun.
        await sleep(0);
        await fixture.database.close();
      });
    }),
  ];
}

/** Migrations, which go on where they were interrupted. `ifNotExists` is for those whose statements may be run twice. */
function migrationCase(server: RealDatabase, ifNotExists: string, faults: readonly SweepFault[]): Case {
  const { tables } = DIALECTS[server.kind];
  const steps = [
    {
      name: "0001-one.sql",
      sql: `create table ${ifNotExists} step1 (id integer primary key); create table ${ifNotExists} step2 (id integer primary key);`,
    },
    { name: "0002-two.sql", sql: `create table ${ifNotExists} step3 (id integer primary key); delete from step1;` },
  ];
  return {
    faults,
    sweep: defineSweep({
      name: `migrations, ${faults.join(" and ")}`,
      setup: async () => {
        const names = "lunet_migration, lunet_migration_progress, step1, step2, step3";
        await until(server.administer(`drop table if exists ${names}`));
        return open(server.url, ALONE);
      },
      body: async (database) => {
        await migrate(database, steps);
      },
      check: async (database) => {
        await settles(server, MAX);
        await migrate(database, steps);
        assert.deepEqual(await migrate(database, steps), []);
        const names = await database.queryRows("select name from lunet_migration order by number");
        assert.deepEqual(names, [["0001-one.sql"], ["0002-two.sql"]]);
        assert.equal(Number((await database.queryRows(tables))[0]?.[0]), 3);
      },
    }),
  };
}

function migrationCases(server: RealDatabase): Case[] {
  if (server.kind === "postgres") return [migrationCase(server, "", ["cancel", "fail"])];
  // A statement that is done and whose record fails is run again: MariaDB has no transaction for both.
  return [migrationCase(server, "", ["cancel"]), migrationCase(server, "if not exists", ["fail"])];
}

/** Adds the sweeps of one server's database. Call it at the top of a test file. */
export function sweepDatabase(server: RealDatabase): void {
  const cases = [...statementCases(server), ...lifeCases(server), ...migrationCases(server)];

  test(`${server.kind}: every sweep has a name of its own`, () => {
    assert.equal(new Set(cases.map(({ sweep }) => sweep.name)).size, cases.length);
  });

  if (!TRACE) return;
  for (const { sweep, faults, reached } of cases) {
    const rule = `${server.kind}: ${sweep.name}: nothing is left after a fault at any wait`;
    test(rule, { timeout: TIMEOUT_MS }, async (context) => {
      await server.empty();
      for (const sql of SCHEMA) await server.administer(sql);
      const report = await sweep.run({ ...(faults && { faults }) });
      context.diagnostic(describeSweep(report));
      assert.deepEqual(report.findings, [], describeSweep(report));
      reached?.();
    });
  }
}
