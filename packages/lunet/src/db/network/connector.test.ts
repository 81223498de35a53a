import assert from "node:assert/strict";
import { clockTest } from "../../testing/mod.ts";
import { DatabaseError, type DatabaseErrorCode } from "../errors.ts";
import { parseAddress } from "./address.ts";
import type { NetworkConnection } from "./connection.ts";
import { Connector } from "./connector.ts";

/** What it comes to when the hosts fail so, in their order. */
async function failureOf(codes: readonly DatabaseErrorCode[], settle: () => Promise<void>): Promise<unknown> {
  const left = [...codes];
  const driver = {
    dialect: "postgres" as const,
    connect: (_options: unknown, done: (failure: DatabaseError) => void) => {
      const code = left.shift() ?? "ERR_DB_UNAVAILABLE";
      queueMicrotask(() => done(new DatabaseError(code, "Cannot connect")));
      return () => {};
    },
    close: () => {},
  };
  const address = parseAddress(`postgres://u@${codes.map((_, i) => `h${i}`).join(",")}/db`);
  const outcomes: unknown[] = [];
  new Connector(driver, address, { connectTimeoutMs: 1_000, needsWrites: false, onMoved: () => {} }).connect(
    false,
    (outcome) => outcomes.push(outcome instanceof DatabaseError ? outcome.code : outcome),
  );
  await settle();
  assert.equal(outcomes.length, 1);
  return outcomes[0];
}

clockTest(
  "a password that every host refuses is the program's fault, one that some refuse is not known to be",
  async (clock) => {
    const settle = (): Promise<void> => clock.settle();
    assert.equal(await failureOf(["ERR_DB_ACCESS", "ERR_DB_ACCESS"], settle), "ERR_DB_ACCESS");
    assert.equal(await failureOf(["ERR_DB_ACCESS", "ERR_DB_UNAVAILABLE"], settle), "ERR_DB_UNAVAILABLE");
    assert.equal(await failureOf(["ERR_DB_ACCESS"], settle), "ERR_DB_ACCESS");
  },
);

clockTest(
  "when another host than before takes connections it is told, before the first of them is there",
  async (clock) => {
    let good = "h0";
    const driver = {
      dialect: "mariadb" as const,
      connect: ({ host }: { host: object }, done: (opened: NetworkConnection | DatabaseError) => void) => {
        const isGood = "host" in host && host.host === good;
        const opened = isGood
          ? ({ host: good } as NetworkConnection)
          : new DatabaseError("ERR_DB_UNAVAILABLE", "Cannot connect");
        queueMicrotask(() => done(opened));
        return () => {};
      },
      close: () => {},
    };
    const events: string[] = [];
    const options = { connectTimeoutMs: 1_000, needsWrites: true, onMoved: () => events.push("moved") };
    const connector = new Connector(driver, parseAddress("mariadb://u@h0,h1/db?sslmode=disable"), options);
    const connect = async (): Promise<void> => {
      connector.connect(false, (opened) => events.push(opened instanceof DatabaseError ? opened.code : opened.host));
      await clock.settle();
    };
    await connect();
    good = "h1";
    await connect();
    await connect();
    assert.deepEqual(events, ["h0", "moved", "h1", "h1"]);
  },
);
