/**
 * The statement of the article list alone, rows as arrays, in a loop for BENCH_SECONDS: what no server that runs it for each
 * request can exceed. Prints what was done as JSON.
 */
import { openDatabase, PAGE } from "./article-list.ts";

const WARM_UP_MS = 300;
/** Between two looks at the clock. */
const RUNS = 100;
const statement = openDatabase().prepare(PAGE);
statement.setReturnArrays(true);

function runFor(ms: number): { runs: number; elapsedMs: number } {
  const began = performance.now();
  for (let runs = 0; ; runs += RUNS) {
    const elapsedMs = performance.now() - began;
    if (elapsedMs >= ms) return { runs, elapsedMs };
    for (let run = 0; run < RUNS; run++) statement.all(20, 0);
  }
}

runFor(WARM_UP_MS);
const before = process.cpuUsage();
const { runs, elapsedMs } = runFor(Number(process.env["BENCH_SECONDS"]) * 1_000);
const { user, system } = process.cpuUsage(before);
console.log(
  JSON.stringify({
    requests: runs,
    requestsPerSecond: (runs / elapsedMs) * 1_000,
    p50Ms: null,
    p99Ms: null,
    userUs: user / runs,
    systemUs: system / runs,
    residentBytes: process.memoryUsage.rss(),
  }),
);
