/** The well-behaved client: a few connections, a steady rate, and how long each reply took. */
import { HELLO, pause, RawClient } from "./raw-client.ts";

export interface Probed {
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface ProbePlan {
  readonly seconds: number;
  readonly connections?: number;
  /** Requests a second on each connection. */
  readonly rate?: number;
  readonly request?: string;
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/**
 * Sends at a rate of its own, whether or not the server keeps up: a request that had to wait for the one before counts from
 * when it was to be sent, or a server that stands still would look like one slow reply.
 */
export async function probe(port: number, plan: ProbePlan): Promise<Probed> {
  const { seconds, connections = 4, rate = 100, request = HELLO } = plan;
  const tookMs: number[] = [];
  let failed = 0;
  const untilMs = performance.now() + seconds * 1_000;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const client = (await RawClient.open(port)).listen();
      let dueMs = performance.now();
      while (performance.now() < untilMs && !client.isClosed) {
        const waitMs = dueMs - performance.now();
        if (waitMs > 0) await pause(waitMs);
        const sinceMs = waitMs > 0 ? performance.now() : dueMs;
        const reply = await client.request(request);
        if (reply?.status === 200) tookMs.push(performance.now() - sinceMs);
        else failed++;
        dueMs += 1_000 / rate;
      }
      await client.close();
    }),
  );
  tookMs.sort((a, b) => a - b);
  return {
    requests: tookMs.length,
    failed,
    p50Ms: percentile(tookMs, 0.5),
    p99Ms: percentile(tookMs, 0.99),
    maxMs: tookMs.at(-1) ?? NaN,
  };
}
