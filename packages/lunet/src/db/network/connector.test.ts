import assert from "node:assert/strict";
import { clockTest } from "../../testing/mod.ts";
import { DatabaseError, type DatabaseErrorCode } from "../errors.ts";
import { parseAddress } from "./address.ts";
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
  new Connector(driver, address, { connectTimeoutMs: 1_000, needsWrites: false }).connect(false, (outcome) =>
    outcomes.push(outcome instanceof DatabaseError ? outcome.code : outcome),
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
