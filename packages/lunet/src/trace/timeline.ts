/** The last requests that were answered, each with what it waited for: what the page draws. */
import type { RequestEntry, Span } from "./entry.ts";
import { realMonotonicMs } from "../host/clock.ts";
import { currentScope, useRequestEnd } from "./ledger.ts";
import { callSite } from "./call-site.ts";

/** How many requests are remembered. */
const MAX_REQUESTS = 200;

/** One request with the parts of its time. Times in milliseconds; those of spans count from the request's beginning. */
export interface RequestTimeline {
  readonly id: number;
  /** Method and target. */
  readonly name: string;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly running: boolean;
  readonly spans: ReadonlyArray<Omit<Span, "fromMs" | "toMs"> & { readonly fromMs: number; readonly toMs: number }>;
  readonly droppedSpans: number;
}

const last: RequestEntry[] = [];
let next = 0;

useRequestEnd((request) => {
  last[next] = request;
  next = (next + 1) % MAX_REQUESTS;
});

/** Work that did not wait, such as a statement on the event loop's own connection, is a part of its request's time too. */
export function ran(operation: string, elapsedMs: number): void {
  const scope = currentScope();
  const who = scope?.coroutineName ?? "";
  const request = scope?.answering;
  if (request === undefined) return;
  const toMs = realMonotonicMs();
  request.addSpan({ operation, who, site: callSite(), fromMs: toMs - elapsedMs, toMs, outcome: "value" });
}

/** The last requests, the latest first. */
export function lastRequests(): RequestTimeline[] {
  return [...last.slice(next), ...last.slice(0, next)].reverse().map(timelineOf);
}

export function timelineOf(request: RequestEntry): RequestTimeline {
  const from = request.madeAtMs;
  const to = request.alive ? realMonotonicMs() : request.endedAtMs;
  return {
    id: request.id,
    name: request.name,
    startedAtMs: from,
    durationMs: to - from,
    running: request.alive,
    spans: request.spans.map((span) => ({ ...span, fromMs: span.fromMs - from, toMs: span.toMs - from })),
    droppedSpans: request.droppedSpans,
  };
}
