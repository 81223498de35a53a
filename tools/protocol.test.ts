/** What the protocol decides by: the reports that it reads, and the trend of the memory. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { faultOf, parseAbReport } from "./ab.ts";
import { drawMemory, MAX_GROWTH_BYTES, memoryTable, residentBytes, trendOf } from "./memory-trend.ts";
import { outstanding, parseTraceSummary } from "./trace-summary.ts";

const AB = `
Concurrency Level:      50
Time taken for tests:   0.077 seconds
Complete requests:      1000
Failed requests:        0
Keep-Alive requests:    1000
Requests per second:    12964.42 [#/sec] (mean)
Time per request:       3.857 [ms] (mean)

Percentage of the requests served within a certain time (ms)
  50%      2
  66%      3
  99%     62
 100%     70 (longest request)
`;

test("the report of ab is read, and one with failures is at fault", () => {
  const report = parseAbReport(AB);
  const figures = { complete: 1_000, failed: 0, non2xx: 0, requestsPerSecond: 12_964.42, p50Ms: 2, p99Ms: 62 };
  assert.deepEqual(report, figures);
  assert.equal(faultOf(report, 1_000), undefined);
  const bad = parseAbReport(AB.replace("Keep-Alive", "Non-2xx responses:      7\nKeep-Alive"));
  assert.equal(faultOf(bad, 1_000), "found 1000 answers of 1000, 0 failed, 7 with another status than 2xx");
  assert.ok(faultOf(report, 1_001));
  assert.ok(faultOf(parseAbReport(AB.replace(/(Failed requests: +)0/, "$13")), 1_000));
  assert.throws(() => parseAbReport("apr_socket_recv: Connection refused"), /^Error: Cannot read the report of ab/);
});

const SUMMARY = `{"level":"warn"}
lunet trace: summary
                        made  ended  live  peak
  wait                   350    350     0   119
  database connection      3      2     1     3
outstanding:
  1 × database connection, made at src/app.ts:3:4
checks: 1383 passed, 2 failed
not ours, which stops nothing:
  F 2 × a promise that lunet did not make still runs, at src/app.ts:9:1
`;

test("the summary of the trace build is read, with what is out of balance", () => {
  const summary = parseTraceSummary(SUMMARY);
  assert.ok(summary !== undefined);
  assert.deepEqual([summary.passed, summary.failed], [1_383, 2]);
  assert.deepEqual(summary.kinds.get("wait"), { made: 350, ended: 350, live: 0 });
  assert.deepEqual(outstanding(summary), ["1 × database connection"]);
  assert.deepEqual(summary.foreign, ["  F 2 × a promise that lunet did not make still runs, at src/app.ts:9:1"]);
  assert.equal(parseTraceSummary("conduit: listening on http://127.0.0.1:1"), undefined);
});

const MIB = 1024 * 1024;
/** A minute and a half in steps of a second, 100 s long: half of it the warm-up. */
function samples(bytesAt: (atS: number) => number) {
  return Array.from({ length: 101 }, (_, atS) => ({ atS, bytes: bytesAt(atS) }));
}

test("memory that finds its size in the warm-up is flat, and what goes on growing is told", () => {
  const flat = trendOf(
    samples((atS) => (atS < 20 ? atS * 10 * MIB : 200 * MIB + (atS % 2) * MIB)),
    100,
  );
  assert.ok(flat !== undefined && Math.abs(flat.growthBytes) < MIB, `found ${flat?.growthBytes}`);
  const growing = trendOf(
    samples((atS) => 100 * MIB + atS * MIB),
    100,
  );
  assert.ok(growing !== undefined);
  assert.equal(Math.round(growing.growthBytes / MIB), 100);
  assert.equal(growing.limitBytes, MAX_GROWTH_BYTES);
  assert.equal(trendOf([{ atS: 0, bytes: 1 }], 100), undefined);
  const large = trendOf(
    samples(() => 1_000 * MIB),
    100,
  );
  assert.equal(large?.limitBytes, 100 * MIB);
});

test("the samples are shown as a short table and as a picture", () => {
  const all = samples((atS) => (100 + atS) * MIB);
  const lines = memoryTable(all);
  assert.ok(lines.length <= 13, `found ${lines.length} lines`);
  assert.match(lines[0] ?? "", /^ {4}0 s {4}100\.0 MiB {2}#{20}$/);
  assert.match(lines.at(-1) ?? "", /^ {2}100 s {4}200\.0 MiB {2}#{40}$/);
  assert.match(drawMemory(all, "Memory"), /^<svg .*<polyline points="60\.0,.*<\/svg>\n$/);
});

test("the resident memory of a process is known while it lives", () => {
  const bytes = residentBytes(process.pid);
  assert.ok(bytes !== undefined && bytes > MIB && bytes < 10_000 * MIB, `found ${bytes}`);
  assert.equal(residentBytes(2 ** 22 + 1), undefined);
});

test("a setting that it cannot use is refused with status 2, before anything starts", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["tools/protocol.ts"], {
    cwd: `${import.meta.dirname}/..`,
    encoding: "utf8",
    timeout: 20_000,
    env: { ...process.env, PROTOCOL_SECONDS: "ten" },
  });
  assert.equal(status, 2);
  assert.equal(stderr, 'protocol: Cannot use PROTOCOL_SECONDS: found "ten", wanted a whole number from 1 to 86400\n');
  assert.equal(stdout, "");
});
