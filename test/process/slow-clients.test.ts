/**
 * The scenarios of `make bench-slow` in small: slow, greedy and too many clients against a server that is a process of its
 * own. Bounds of time leave room for a machine that does other things as well; the benchmark's are the real ones.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { outOfDescriptors } from "../../bench/slow-clients/descriptors.ts";
import { drainUnderLoad } from "../../bench/slow-clients/drain.ts";
import { beyondMaxConnections, connectionFlood } from "../../bench/slow-clients/flood.ts";
import { idleConnections } from "../../bench/slow-clients/idle.ts";
import { overload } from "../../bench/slow-clients/overload.ts";
import { pipelining } from "../../bench/slow-clients/pipeline.ts";
import type { Outcome } from "../../bench/slow-clients/scenario.ts";
import { slowClients } from "../../bench/slow-clients/slow.ts";

/** What other programs on the machine may add to a wait. */
const NOISE_MS = 150;
const TIMEOUT_MS = 60_000;
/** In the trace build each connection keeps where it was made; memory is the release build's. */
const isTraced = process.execArgv.includes("--conditions=lunet-trace");

function scenario(name: string, run: () => Promise<Outcome>): void {
  test(name, { timeout: TIMEOUT_MS }, async () => {
    const outcome = await run();
    assert.deepEqual(outcome.failures, [], String(outcome));
  });
}

scenario("slow clients of every kind hang on, and a well-behaved one does not notice", () =>
  slowClients({ clients: 200, seconds: 1, noiseMs: NOISE_MS }),
);

scenario("clients that pipeline and read nothing leave the others their turn", () =>
  pipelining({ clients: 4, seconds: 1, kind: "pipelined, unread", noiseMs: NOISE_MS, maxGrowthMb: 128 }),
);

scenario("idle connections hold little", () =>
  idleConnections({ connections: 500, maxBytes: isTraced ? 100_000 : 24_000, seconds: 0.5 }),
);

scenario("a flood of connections leaves nothing behind, and the others their turn", () =>
  connectionFlood({ clients: 16, seconds: 1, noiseMs: NOISE_MS }),
);

scenario("beyond maxConnections there are 503s, then resets, and room again later", () => beyondMaxConnections());

scenario("a server without descriptors left serves those it has, and others when there is room again", () =>
  outOfDescriptors({ descriptors: 80, rounds: 2 }),
);

scenario("SIGTERM under load loses no request, also of clients that were idle when it came", () =>
  drainUnderLoad({ clients: 50, rounds: 2, maxPauseMs: 60 }),
);

scenario("in an overload some are refused at once, others served in time, and it passes", () =>
  overload({ clients: 60, seconds: 3, maxLoopDelayMs: 200, noiseMs: 2 * NOISE_MS, compares: false }),
);
