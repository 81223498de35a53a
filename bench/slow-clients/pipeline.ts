/** Clients that pipeline thousands of requests, and read the replies or do not: what it costs others, and the server. */
import { Hangers, type HangerKind } from "./hangers.ts";
import { probe } from "./probe.ts";
import { disturbedBoundMs, Outcome } from "./scenario.ts";
import { ServerProcess } from "./server-process.ts";

export interface PipelinePlan {
  readonly clients: number;
  readonly seconds: number;
  readonly kind: Extract<HangerKind, "pipelined, read" | "pipelined, unread">;
  /** What the others may wait at most while these take their turns, beyond what they wait anyhow. */
  readonly noiseMs: number;
  readonly maxGrowthMb: number;
}

export async function pipelining({ clients, seconds, kind, noiseMs, maxGrowthMb }: PipelinePlan): Promise<Outcome> {
  const outcome = new Outcome();
  await using server = await ServerProcess.start();
  await probe(server.port, { seconds: Math.min(1, seconds) });
  const unloaded = await probe(server.port, { seconds });
  const before = server.peakBytes();
  const probing = probe(server.port, { seconds });
  await using hangers = await Hangers.start(server.port, kind, clients);
  const loaded = await probing;
  const { bytesTaken } = await hangers.counts();
  const grownMb = (server.peakBytes() - before) / 1e6;
  outcome.figure("clients that pipeline", clients);
  outcome.figure("replies they took", bytesTaken / 1e6, " MB");
  outcome.figure(
    "p99 of the others",
    `${unloaded.p99Ms.toFixed(2)} ms alone, ${loaded.p99Ms.toFixed(2)} ms beside them`,
  );
  outcome.figure(
    "longest wait of the others",
    `${unloaded.maxMs.toFixed(2)} ms alone, ${loaded.maxMs.toFixed(2)} ms beside them`,
  );
  outcome.figure("peak resident before", before / 1e6, " MB");
  outcome.equal("requests of the others that failed", unloaded.failed + loaded.failed, 0);
  outcome.atMost("longest wait of the others", loaded.maxMs, disturbedBoundMs(unloaded.maxMs, noiseMs), " ms");
  outcome.atMost("growth of the peak", grownMb, maxGrowthMb, " MB");
  return outcome;
}
