/** Slow clients of every kind hang on while a well-behaved one goes on as if they were not there. */
import { Hangers, type HangerKind } from "./hangers.ts";
import { probe } from "./probe.ts";
import { disturbedBoundMs, Outcome } from "./scenario.ts";
import { ServerProcess } from "./server-process.ts";

const MIX: readonly HangerKind[] = ["slow heads", "slow content", "big replies, unread", "idle"];

export interface SlowPlan {
  /** Of all kinds together. */
  readonly clients: number;
  readonly seconds: number;
  /** What the machine's own noise may add to a p99. */
  readonly noiseMs: number;
}

export async function slowClients({ clients, seconds, noiseMs }: SlowPlan): Promise<Outcome> {
  const outcome = new Outcome();
  await using server = await ServerProcess.start();
  // What "alone" is, is measured at the same time, on a server without slow clients: other programs disturb both alike.
  await using twin = await ServerProcess.start();
  for (const { port } of [server, twin]) await probe(port, { seconds: Math.min(1, seconds) });
  const meeting = probe(server.port, { seconds: seconds + 1 });
  await using hangers = new AsyncDisposableStack();
  const all: Hangers[] = [];
  for (const kind of MIX) {
    all.push(hangers.use(await Hangers.start(server.port, kind, Math.ceil(clients / MIX.length))));
  }
  const met = await meeting;
  const [loaded, unloaded] = await Promise.all([probe(server.port, { seconds }), probe(twin.port, { seconds })]);
  const { connections, rss } = await server.memory();
  const counts = await Promise.all(all.map((one) => one.counts()));
  outcome.figure("slow clients that hang on", connections);
  outcome.figure(
    "thrown out by a limit meanwhile",
    counts.reduce((sum, { thrownOut }) => sum + thrownOut, 0),
  );
  outcome.figure("requests of the well-behaved client", `${unloaded.requests} alone, ${loaded.requests} beside them`);
  outcome.figure("p50", `${unloaded.p50Ms.toFixed(2)} ms alone, ${loaded.p50Ms.toFixed(2)} ms beside them`);
  outcome.figure("p99", `${unloaded.p99Ms.toFixed(2)} ms alone, ${loaded.p99Ms.toFixed(2)} ms beside them`);
  outcome.figure("p99 while they come", met.p99Ms, " ms", 2);
  outcome.figure("resident", rss / 1e6, " MB");
  outcome.atLeast("slow clients connected", connections, Math.floor(clients * 0.9));
  outcome.equal("requests that failed", unloaded.failed + met.failed + loaded.failed, 0);
  outcome.atMost("p99 beside them", loaded.p99Ms, disturbedBoundMs(unloaded.p99Ms, noiseMs), " ms", 2);
  return outcome;
}
