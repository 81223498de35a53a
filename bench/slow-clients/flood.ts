/** Connections that come as fast as they can, and more of them than there may be. */
import { Hangers } from "./hangers.ts";
import { probe } from "./probe.ts";
import { pause, RawClient } from "./raw-client.ts";
import { disturbedBoundMs, Outcome } from "./scenario.ts";
import { ServerProcess } from "./server-process.ts";

export interface FloodPlan {
  /** Clients that connect and close, half of them with a request, again and again. */
  readonly clients: number;
  readonly seconds: number;
  readonly noiseMs: number;
}

export async function connectionFlood({ clients, seconds, noiseMs }: FloodPlan): Promise<Outcome> {
  const outcome = new Outcome();
  await using server = await ServerProcess.start();
  await probe(server.port, { seconds: Math.min(1, seconds) });
  const unloaded = await probe(server.port, { seconds });
  const probing = probe(server.port, { seconds });
  const startedMs = performance.now();
  const hangers = await Hangers.start(server.port, "come and go", clients);
  let opened = 0;
  let loaded;
  try {
    loaded = await probing;
    opened = (await hangers.counts()).thrownOut;
  } finally {
    await hangers[Symbol.asyncDispose]();
  }
  const tookMs = performance.now() - startedMs;
  const one = (await RawClient.open(server.port)).listen();
  outcome.figure("connections opened and closed", `${opened}, ${((opened * 1_000) / tookMs).toFixed(0)} a second`);
  outcome.figure("p99", `${unloaded.p99Ms.toFixed(2)} ms alone, ${loaded.p99Ms.toFixed(2)} ms beside them`);
  outcome.equal("a client after the flood", (await one.request())?.status ?? "no reply", 200);
  await one.close();
  let left = Infinity;
  for (let attempt = 0; attempt < 50 && left > 0; attempt++) {
    await pause(50);
    left = (await server.memory()).connections;
  }
  outcome.equal("connections left", left, 0);
  outcome.equal("requests of the client beside them that failed", unloaded.failed + loaded.failed, 0);
  outcome.atMost("p99 of the client beside them", loaded.p99Ms, disturbedBoundMs(unloaded.p99Ms, noiseMs), " ms", 2);
  return outcome;
}

const MAX_CONNECTIONS = 100;
/** As in the server: more than these at one time are reset. */
const MAX_REFUSED = 256;

export async function beyondMaxConnections(): Promise<Outcome> {
  const outcome = new Outcome();
  await using server = await ServerProcess.start({ limits: { maxConnections: MAX_CONNECTIONS, lingerMs: 10_000 } });
  const served: RawClient[] = [];
  for (let index = 0; index < MAX_CONNECTIONS; index++) served.push((await RawClient.open(server.port)).listen());
  const first = await Promise.all(served.map((client) => client.request()));
  const refused: RawClient[] = [];
  for (let index = 0; index < MAX_REFUSED + 100; index++)
    refused.push((await RawClient.open(server.port, { allowHalfOpen: true })).listen());
  const answers = await Promise.all(refused.map((client) => client.reply()));
  const second = await Promise.all(served.map((client) => client.request()));
  const isServed = (reply: { status: number } | undefined): boolean => reply?.status === 200;
  const isRetry = (reply: { head: string; status: number } | undefined): boolean =>
    reply?.status === 503 && /\r\nRetry-After: \d+\r\n/i.test(`${reply.head}\r\n`);
  outcome.equal("served", first.filter(isServed).length, MAX_CONNECTIONS);
  outcome.equal("refused with 503 and Retry-After", answers.filter(isRetry).length, MAX_REFUSED);
  outcome.equal("reset", refused.filter(({ error }) => error === "ECONNRESET").length, 100);
  outcome.equal("served again on the connections that were there", second.filter(isServed).length, MAX_CONNECTIONS);
  await Promise.all(refused.map((client) => client.close()));
  await served.pop()?.close();
  let late: number | undefined;
  for (let attempt = 0; attempt < 50 && late !== 200; attempt++) {
    const client = (await RawClient.open(server.port)).listen();
    late = (await client.request())?.status;
    await client.close();
    if (late !== 200) await pause(20);
  }
  outcome.equal("a client when there is room again", late ?? "no reply", 200);
  await Promise.all(served.map((client) => client.close()));
  return outcome;
}
