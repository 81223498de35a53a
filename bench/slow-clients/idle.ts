/** Many connections that have been served once and then say nothing: what each of them holds, beside one of node:net alone. */
import { Hangers } from "./hangers.ts";
import { probe } from "./probe.ts";
import { Outcome } from "./scenario.ts";
import { ServerProcess, type ServerPlan } from "./server-process.ts";

export interface IdlePlan {
  readonly connections: number;
  /** What a connection may hold beyond node:net's own, in bytes. */
  readonly maxBytes: number;
  /** How long a well-behaved client is watched beside them. */
  readonly seconds: number;
}

interface Held {
  readonly residentBytes: number;
  readonly usedBytes: number;
  readonly connections: number;
  readonly failed: number;
  readonly p99Ms: number;
}

/** What each connection holds, in a server that has served as many before and let them go: what it keeps for good is not theirs. */
async function held(plan: ServerPlan, { connections, seconds }: IdlePlan): Promise<Held> {
  await using server = await ServerProcess.start(plan);
  await probe(server.port, { seconds: Math.min(1, seconds) });
  const before = await server.memory();
  await using _ = await Hangers.start(server.port, "idle", connections);
  const beside = await probe(server.port, { seconds });
  const after = await server.memory();
  return {
    residentBytes: (after.rss - before.rss) / connections,
    usedBytes: (after.used - before.used) / connections,
    connections: after.connections,
    failed: beside.failed,
    p99Ms: beside.p99Ms,
  };
}

export async function idleConnections(plan: IdlePlan): Promise<Outcome> {
  const outcome = new Outcome();
  const bare = await held({ program: "bare-server" }, plan);
  const ours = await held({ limits: { maxConnections: plan.connections + 100 } }, plan);
  outcome.figure("idle connections", ours.connections);
  for (const [name, of] of [
    ["resident", (one: Held) => one.residentBytes],
    ["heap and what hangs on it", (one: Held) => one.usedBytes],
  ] as const) {
    const difference = of(ours) - of(bare);
    outcome.figure(
      `${name}, bytes per connection`,
      `${of(ours).toFixed(0)}, node:net alone ${of(bare).toFixed(0)}, difference ${difference.toFixed(0)}`,
    );
  }
  outcome.figure("p99 of a client beside them", ours.p99Ms, " ms", 2);
  outcome.atLeast("connections held", ours.connections, plan.connections);
  outcome.equal("requests that failed", ours.failed, 0);
  outcome.atMost(
    "bytes per idle connection over node:net's",
    ours.residentBytes - bare.residentBytes,
    plan.maxBytes,
    "",
    0,
  );
  return outcome;
}
