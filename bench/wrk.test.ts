import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReport } from "./wrk.ts";

const report = `Running 2s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   602.88us  581.00us  25.26ms   97.99%
    Req/Sec    98.73k     5.06k  102.12k    95.00%
  Latency Distribution
     50%  541.00us
     75%  603.00us
     90%  710.00us
     99%    2.13ms
  196420 requests in 2.00s, 43.27MB read
Requests/sec:  98173.04
Transfer/sec:     21.63MB
`;

test("figures of a report are read with their units", () => {
  assert.deepEqual(parseReport(report), { requests: 196_420, requestsPerSecond: 98_173.04, p50Ms: 0.541, p99Ms: 2.13 });
});

test("a run with error replies is refused", () => {
  assert.throws(() => parseReport(`${report}  Non-2xx or 3xx responses: 17\n`), /Cannot use this run/);
});

test("a run with socket errors is refused", () => {
  assert.throws(
    () => parseReport(`${report}  Socket errors: connect 0, read 1, write 0, timeout 0\n`),
    /Cannot use this run/,
  );
});

test("a report without figures is refused", () => {
  assert.throws(() => parseReport("unable to connect\n"), /Cannot use this run/);
});
