/** The runtime's own parts, with a fault at each of their waits: whatever fails, nothing is left open, lent or under way. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { scope, shield, sleep, spawn, supervise, until, withDeadline } from "lunet";
import { open, type Database } from "lunet/db";
import { open as openFile } from "lunet/fs";
import { serve, text } from "lunet/http";
import { connect, listen } from "lunet/net";
import { defineSweep, describeSweep, InjectedFailure, type Sweep } from "lunet/testing";
import { TRACE } from "lunet/trace";

const folder = mkdtempSync(join(tmpdir(), "lunet-sweep-"));
after(() => rmSync(folder, { recursive: true }));

/** An ordinary way out of a transaction: to be rolled back. */
class Refused extends Error {}

const INSERT = "insert into thing values (null)";

async function openThings(): Promise<Database> {
  const database = await open("sqlite::memory:");
  await database.exec("create table thing (id integer primary key)");
  return database;
}

async function checkThings(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.exec(INSERT);
    await tx.exec("delete from thing");
  });
}

/** Lets through what the body itself threw. */
async function refused(transaction: Promise<unknown>): Promise<void> {
  try {
    await transaction;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

const NOTHING = { setup: (): object => ({}) };

const SWEEPS: readonly Sweep[] = [
  defineSweep({
    ...NOTHING,
    name: "scopes, deadlines, shields and coroutines that are disposed of",
    body: () =>
      withDeadline(5_000, async () => {
        await using worker = spawn(() => sleep(1));
        await scope(() => void spawn(() => until(Promise.resolve())));
        await supervise(() => void spawn(() => sleep(0)), { onFailure: () => {} });
        await shield(1_000, () => sleep(0));
        await worker.join();
      }),
  }),
  defineSweep({
    ...NOTHING,
    name: "a file",
    body: async () => {
      await using file = await openFile(join(folder, "notes.txt"), "w+");
      await file.write("notes");
      await file.sync();
      await file.read(3, 1);
    },
  }),
  defineSweep({
    ...NOTHING,
    name: "a listener and both ends of a connection",
    body: async () => {
      await using listener = await listen({ port: 0 });
      await using client = await connect({ port: listener.port });
      await using server = await listener.accept();
      await client.write("ping");
      await server.read();
      await client.shutdown();
      await server.read();
    },
  }),
  defineSweep({
    ...NOTHING,
    name: "an HTTP server, from its start to its end",
    body: async () => {
      const onFailure = (error: unknown): void => {
        if (!(error instanceof InjectedFailure)) throw error;
      };
      await using server = await serve(() => text("here"), { port: 0, onFailure });
      await using client = await connect({ port: Number(new URL(server.url).port) });
      await client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      while ((await client.read()) !== null);
    },
  }),
  defineSweep({
    ...NOTHING,
    name: "a database of a file, from its opening to its close",
    body: async () => {
      await using database = await open(`sqlite:${join(folder, "things.db")}`, { sqlite: { synchronous: "normal" } });
      await database.exec("create table if not exists thing (id integer primary key)");
      await scope(() => {
        spawn(() => database.exec(INSERT));
        spawn(() => database.query("select * from thing"));
        spawn(() => database.transaction((tx) => tx.query("select 1"), { readOnly: true }));
      });
    },
  }),
  defineSweep({
    name: "a transaction that is committed, with an inner one",
    setup: openThings,
    body: (database) =>
      database.transaction(async (tx) => {
        await tx.exec(INSERT);
        await tx.transaction((inner) => inner.exec(INSERT));
      }),
    check: checkThings,
  }),
  defineSweep({
    name: "a transaction that is rolled back, with an inner one",
    setup: openThings,
    body: (database) =>
      refused(
        database.transaction(async (tx) => {
          await tx.exec(INSERT);
          await refused(
            tx.transaction(async (inner) => {
              await inner.exec(INSERT);
              throw new Refused("the inner one");
            }),
          );
          throw new Refused("the outer one");
        }),
      ),
    // A memory database is gone with its connection, and the connection with a rollback that failed.
    check: async (database) => {
      await database.exec("create table if not exists thing (id integer primary key)");
      await checkThings(database);
    },
  }),
  defineSweep({
    name: "a transaction that waits for another one",
    setup: openThings,
    body: (database) =>
      scope(() => {
        for (let i = 0; i < 2; i++) spawn(() => database.transaction((tx) => tx.exec(INSERT)));
        spawn(() => database.exec(INSERT));
      }),
    check: checkThings,
  }),
];

test("every sweep has a name of its own", () => {
  assert.equal(new Set(SWEEPS.map(({ name }) => name)).size, SWEEPS.length);
});

if (TRACE) {
  for (const one of SWEEPS) {
    test(`${one.name}: nothing is left after a fault at any wait`, async (context) => {
      const report = await one.run();
      context.diagnostic(describeSweep(report));
      assert.deepEqual(report.findings, [], describeSweep(report));
    });
  }
}
