/*
 * What slow, many and greedy clients do to a server, as scenarios that judge themselves: `make bench-slow`, or
 * `node bench/slow-clients.ts [part of a name]…`. Each prints its figures and what it wanted; the status is 0 when all was met.
 *
 * Servers and slow clients are processes of their own, on loopback. Small versions run among the tests, in test/process.
 */
import { availableParallelism, cpus, totalmem } from "node:os";
import { descriptorLimit } from "./slow-clients/server-process.ts";
import { outOfDescriptors } from "./slow-clients/descriptors.ts";
import { drainUnderLoad } from "./slow-clients/drain.ts";
import { beyondMaxConnections, connectionFlood } from "./slow-clients/flood.ts";
import { idleConnections } from "./slow-clients/idle.ts";
import { overload } from "./slow-clients/overload.ts";
import { pipelining } from "./slow-clients/pipeline.ts";
import type { Outcome } from "./slow-clients/scenario.ts";
import { slowClients } from "./slow-clients/slow.ts";

/** Descriptors besides those of the connections. */
const OTHER_DESCRIPTORS = 200;
const IDLE = Math.min(10_000, descriptorLimit() - OTHER_DESCRIPTORS);

const SCENARIOS: Readonly<Record<string, () => Promise<Outcome>>> = {
  "1,000 slow clients hang on": () => slowClients({ clients: 1_000, seconds: 8, noiseMs: 2 }),
  "clients pipeline and read nothing": () =>
    pipelining({ clients: 8, seconds: 4, kind: "pipelined, unread", noiseMs: 20, maxGrowthMb: 64 }),
  "clients pipeline and read": () =>
    pipelining({ clients: 8, seconds: 4, kind: "pipelined, read", noiseMs: 20, maxGrowthMb: 128 }),
  "idle connections": () => idleConnections({ connections: IDLE, maxBytes: 8 * 1024, seconds: 3 }),
  "connections come and go": () => connectionFlood({ clients: 64, seconds: 5, noiseMs: 25 }),
  "more connections than maxConnections": () => beyondMaxConnections(),
  "out of descriptors": () => outOfDescriptors({ descriptors: 200, rounds: 5 }),
  "SIGTERM under load": () => drainUnderLoad({ clients: 100, rounds: 10, maxPauseMs: 40 }),
  "more work than the server can do": () =>
    overload({ clients: 100, seconds: 12, maxLoopDelayMs: 300, noiseMs: 30, compares: true }),
};

const wanted = process.argv.slice(2);
const chosen = Object.entries(SCENARIOS).filter(
  ([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
console.log(
  `Node ${process.versions.node}, ${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores, ` +
    `${Math.round(totalmem() / 2 ** 30)} GiB, ulimit -n ${descriptorLimit()}`,
);
let missed = 0;
for (const [name, run] of chosen) {
  console.log(`\n${name}`);
  const outcome = await run();
  console.log(String(outcome));
  missed += outcome.failures.length;
}
console.log(`\n${chosen.length} scenarios, ${missed} verdicts missed`);
process.exitCode = missed === 0 && chosen.length > 0 ? 0 : 1;
