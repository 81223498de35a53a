/** Addresses, ends and pauses in words. */
import { constants } from "node:os";
import type { Address } from "../host/transport.ts";
import type { WorkerEnd } from "./worker.ts";

/** As `server.url` of `lunet/http` has it. */
export function describeAddress(address: Address): string {
  if (!("port" in address)) return `unix:${"path" in address ? address.path : ""}`;
  return `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
}

/** The exit status; for a signal what a shell gives: 128 and its number. */
export function statusOf({ status, signal }: WorkerEnd): number {
  return status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/** How a worker that nobody told to has ended. */
export function describeEnd(end: WorkerEnd, servedMs: number, hasServed: boolean): string {
  const { status, signal, error } = end;
  const when = hasServed ? `after serving for ${Math.round(servedMs)} ms` : "before it served";
  if (error !== undefined) return `could not be started: ${error.message}`;
  const how = signal === null ? `with status ${status}` : `by ${signal}`;
  const why =
    statusOf(end) === 134 ? ": it was aborted, as the trace build does when something is left; see its report" : "";
  return `ended ${how} ${when}${why}`;
}

export function describePause(delayMs: number): string {
  return delayMs === 0 ? "at once" : `in ${delayMs} ms`;
}
