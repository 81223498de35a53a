/** A statement alone that the database gives up: when it is run again, and when not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DatabaseError, type DatabaseErrorCode } from "lunet/db";
import { WRITE, writeAlone } from "./dialect.ts";

/** A write that fails so many times, and how often it ran. */
function failing(
  times: number,
  code: DatabaseErrorCode,
): { readonly write: () => Promise<string>; readonly runs: () => number } {
  let runs = 0;
  const write = async (): Promise<string> => {
    if (++runs <= times) throw new DatabaseError(code, "Cannot run it: given up");
    return "done";
  };
  return { write, runs: () => runs };
}

for (const code of ["ERR_DB_DEADLOCK", "ERR_DB_SERIALIZATION"] as const) {
  test(`${code} of a statement alone is tried again, and not for ever`, async () => {
    const passing = failing(WRITE.retry, code);
    assert.equal(await writeAlone(passing.write), "done");
    assert.equal(passing.runs(), WRITE.retry + 1);
    const lasting = failing(Infinity, code);
    await assert.rejects(writeAlone(lasting.write), { code });
    assert.equal(lasting.runs(), WRITE.retry + 1);
  });
}

test("any other failure of a statement alone stays one, because it may have been done", async () => {
  const lost = failing(1, "ERR_DB_CONNECTION_LOST");
  await assert.rejects(writeAlone(lost.write), { code: "ERR_DB_CONNECTION_LOST" });
  assert.equal(lost.runs(), 1);
});
