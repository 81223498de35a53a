import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseSeed } from "./random.ts";
import { fuzzRequestParser } from "./request-parser.fuzz.ts";

const COUNT = Number(process.env["FUZZ_COUNT"] ?? 1_000_000);

test("reads mutated requests the same however they are cut, and frames none of them in two ways", (context) => {
  const seed = chooseSeed();
  context.diagnostic(`FUZZ_SEED=${seed} FUZZ_COUNT=${COUNT}`);
  const report = fuzzRequestParser(seed, COUNT);
  context.diagnostic(`${report.requests} requests, ${report.messages} messages accepted`);
  for (const [code, count] of [...report.refusals].sort((a, b) => b[1] - a[1])) {
    context.diagnostic(`${count} ${code === "" ? "not refused" : code}`);
  }
  assert.ok(report.messages > report.requests / 5, "enough messages are accepted for the comparison to mean something");
});
