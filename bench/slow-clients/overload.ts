/** More work than the server can do: the rest is refused at once, those who are served wait a bounded time, and it recovers. */
import type { ServerLimits } from "lunet/http";
import { percentile } from "./probe.ts";
import { pause, RawClient } from "./raw-client.ts";
import { Outcome } from "./scenario.ts";
import { ServerProcess } from "./server-process.ts";

export interface OverloadPlan {
  /** Each asks for 20 ms of the server's only thread as often as it is let. */
  readonly clients: number;
  readonly seconds: number;
  readonly maxLoopDelayMs: number;
  /** What the machine's own noise may add to a p99. */
  readonly noiseMs: number;
  /** Whether the same load is put on a server without a limit, too. */
  readonly compares: boolean;
}

const BURN = "GET /burn HTTP/1.1\r\nHost: a\r\n\r\n";
const HEALTH = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
/** How long a client stays away that was refused: less than it is told to. */
const AWAY_MS = 250;

interface Waits {
  readonly servedMs: number[];
  readonly refusedMs: number[];
  failed: number;
  withoutRetryAfter: number;
}

async function insist(port: number, untilMs: number, countFromMs: number, waits: Waits): Promise<void> {
  const client = (await RawClient.open(port)).listen();
  while (performance.now() < untilMs && !client.isClosed) {
    const sinceMs = performance.now();
    const reply = await client.request(BURN);
    const tookMs = performance.now() - sinceMs;
    if (reply?.status === 200) {
      if (sinceMs >= countFromMs) waits.servedMs.push(tookMs);
    } else if (reply?.status === 503) {
      if (!/\r\nretry-after: [1-9]\d*(\r|$)/i.test(reply.head)) waits.withoutRetryAfter++;
      if (sinceMs >= countFromMs) waits.refusedMs.push(tookMs);
      await pause(AWAY_MS);
    } else waits.failed++;
  }
  await client.close();
}

async function run(limits: Partial<ServerLimits>, plan: OverloadPlan, outcome?: Outcome): Promise<Waits> {
  await using server = await ServerProcess.start({ limits });
  const waits: Waits = { servedMs: [], refusedMs: [], failed: 0, withoutRetryAfter: 0 };
  const startMs = performance.now();
  const untilMs = startMs + plan.seconds * 1_000;
  const countFromMs = startMs + (plan.seconds * 1_000) / 3;
  const clients = Array.from({ length: plan.clients }, () => insist(server.port, untilMs, countFromMs, waits));
  const health = (await RawClient.open(server.port)).listen();
  let healthy = 0;
  let unhealthy = 0;
  while (performance.now() < untilMs - 200) {
    await pause(100);
    if ((await health.request(HEALTH))?.status === 200) healthy++;
    else unhealthy++;
  }
  await Promise.all(clients);
  const recoveredMs = performance.now();
  let after = 0;
  while (after !== 200 && performance.now() - recoveredMs < 5_000) after = (await health.request(BURN))?.status ?? 0;
  outcome?.figure("served again after", performance.now() - recoveredMs, " ms");
  outcome?.equal("health checks refused", unhealthy, 0);
  outcome?.atLeast("health checks served", healthy, 1);
  outcome?.equal("a request when the load is gone", after, 200);
  await health.close();
  waits.servedMs.sort((a, b) => a - b);
  waits.refusedMs.sort((a, b) => a - b);
  return waits;
}

export async function overload(plan: OverloadPlan): Promise<Outcome> {
  const outcome = new Outcome();
  const { maxLoopDelayMs, clients, seconds, noiseMs, compares } = plan;
  const waits = await run({ maxLoopDelayMs }, plan, outcome);
  const p99Ms = percentile(waits.servedMs, 0.99);
  const perSecond = (served: readonly number[]): number => served.length / ((seconds * 2) / 3);
  const waited = (sorted: readonly number[]): string =>
    `${percentile(sorted, 0.5).toFixed(0)} · ${percentile(sorted, 0.99).toFixed(0)} ms`;
  outcome.figure(
    "clients",
    `${clients}, each asking for 20 ms of the only thread; the last two thirds of ${seconds} s count`,
  );
  outcome.figure("served a second", perSecond(waits.servedMs), "", 1);
  outcome.figure("refused a second", perSecond(waits.refusedMs), "", 1);
  outcome.figure("p50 · p99 of those served", waited(waits.servedMs));
  outcome.figure("p50 · p99 of those refused", waited(waits.refusedMs));
  outcome.equal("requests without any answer", waits.failed, 0);
  outcome.equal("refusals without Retry-After in whole seconds", waits.withoutRetryAfter, 0);
  outcome.atLeast("refused", waits.refusedMs.length, 1);
  outcome.atMost("p99 of those served", p99Ms, maxLoopDelayMs + noiseMs, " ms", 0);
  if (!compares) return outcome;
  const without = await run({ maxLoopDelayMs: 0 }, plan);
  const share = Math.round((100 * waits.servedMs.length) / without.servedMs.length);
  outcome.figure("served a second without a limit", perSecond(without.servedMs), "", 1);
  outcome.figure("p50 · p99 without a limit", waited(without.servedMs));
  outcome.atLeast("served, in percent of what is served without a limit", share, 85);
  return outcome;
}
