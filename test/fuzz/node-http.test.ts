import assert from "node:assert/strict";
import { test } from "node:test";
import { cases } from "../conformance/http/corpus.ts";
import { EXPLANATIONS } from "./node-disagreements.ts";
import { fuzzAgainstNode } from "./node-http.fuzz.ts";
import { chooseSeed } from "./random.ts";

/** New disagreements are for `make fuzz` to find; here is seen that what was found stays explained. */
const SEED = 20_261_125;

const COUNT = Number(process.env["FUZZ_COUNT"] ?? 40_000);

test("every explanation names a case of the conformance table", () => {
  const names = new Set(cases.map(({ name }) => name));
  assert.deepEqual(
    EXPLANATIONS.filter(({ because }) => !names.has(because)).map(({ because }) => because),
    [],
  );
});

test("reads mutated requests as node:http does, or has a reason", async (context) => {
  const seed = process.env["FUZZ_SEED"] === undefined ? SEED : chooseSeed();
  context.diagnostic(`FUZZ_SEED=${seed} FUZZ_COUNT=${COUNT}`);
  const report = await fuzzAgainstNode(seed, COUNT);
  context.diagnostic(`${report.requests} requests, ${report.messages} messages read the same`);
  for (const [because, count] of [...report.explained].sort((a, b) => b[1] - a[1])) {
    context.diagnostic(`${count} explained by "${because}"`);
  }
  assert.ok(report.messages > report.requests / 10, "enough messages are read for the comparison to mean something");
});
