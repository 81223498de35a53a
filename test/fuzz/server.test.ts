import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { coroutineTest } from "../../packages/lunet/src/testing/mod.ts";
import { TRACE } from "../../packages/lunet/src/trace/mod.ts";
import { chooseSeed } from "./random.ts";
import { fuzzServer } from "./server.fuzz.ts";

const COUNT = Number(process.env["FUZZ_COUNT"] ?? 20_000);
const TRACED_COUNT = 2_000;
const TIMEOUT_MS = 60_000;

coroutineTest(
  "answers mutated requests without a failure, and every connection ends",
  async (context) => {
    const seed = chooseSeed();
    context.diagnostic(`FUZZ_SEED=${seed} FUZZ_COUNT=${COUNT}`);
    const report = await fuzzServer(seed, COUNT);
    const statuses = [...report.statuses].sort((a, b) => b[1] - a[1]).map(([status, count]) => `${status}: ${count}`);
    context.diagnostic(`${report.requests} requests, replies by status: ${statuses.join(", ")}`);
    assert.ok(
      (report.statuses.get(200) ?? 0) > COUNT / 20,
      "enough requests are served for the rest to mean something",
    );
  },
  { timeoutMs: TIMEOUT_MS },
);

if (!TRACE) {
  test(
    "in the trace build nothing of mutated requests is left in the ledger",
    { timeout: TIMEOUT_MS },
    async (context) => {
      const seed = chooseSeed();
      context.diagnostic(`FUZZ_SEED=${seed} FUZZ_COUNT=${TRACED_COUNT}`);
      // NODE_TEST_CONTEXT would make the child report to this test's runner.
      const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--conditions=lunet-trace", "--test-reporter=tap", import.meta.filename],
        { env: { ...environment, FUZZ_SEED: String(seed), FUZZ_COUNT: String(TRACED_COUNT) }, timeout: TIMEOUT_MS },
      );
      assert.match(stdout, /^# pass 1$/m);
    },
  );
}
