/**
 * Workers: a program in several processes on one port, and a supervisor that keeps them alive.
 *
 * @module
 */
import { ensureCoroutine, scope } from "../co/mod.ts";
import { writeEvent } from "./event.ts";
import { resolveWorkerOptions, type RunWorkersOptions } from "./options.ts";
import { Supervisor } from "./supervisor.ts";
import { thisWorker } from "./this-worker.ts";

export type { PortSharing } from "../host/worker-messages.ts";
export type { WorkerEvent } from "./event.ts";
export type { RunWorkersOptions } from "./options.ts";
export { thisWorker, type ThisWorker } from "./this-worker.ts";

/**
 * Runs a program in several processes and waits for their end. This process becomes their supervisor and serves nothing
 * itself: in the workers everything that listens, with `lunet/net` or `lunet/http`, shares its port or Unix socket.
 *
 * - A worker that ends unasked is replaced: at once, then after pauses that double; see `RunWorkersOptions`.
 * - SIGHUP replaces all of them, one after the other, without a lost request: the new one serves before the old one
 *   drains. One that does not come to serve ends the reload.
 * - SIGTERM and SIGINT drain all: each gets SIGTERM, and is killed when it has not ended within `graceMs`. A second signal
 *   cuts off what is under way.
 * - When this process is killed, the workers notice, and drain.
 *
 * A cancel drains the workers too. Signals are taken while it waits.
 *
 * @returns The exit status: 0 after a signal; what a worker ended with that did not end in order then, or that could not
 * be started again and again; 134 when one was aborted at any time.
 * @throws RangeError and TypeError for an option; TypeError in a worker; NotInCoroutineError.
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { serve, text } from "lunet/http";
 * import { waitSignal } from "lunet/signal";
 * import { runWorkers, thisWorker } from "lunet/workers";
 *
 * async function main(): Promise<void> {
 *   await using server = await serve(() => text("hello\n"), { port: 0 });
 *   if (thisWorker()?.isFirst !== false) console.log(server.url);
 *   await waitSignal("TERM", "INT");
 * }
 *
 * const count = Number(process.env["WORKERS"] ?? 1);
 * await run(() => (count > 1 && thisWorker() === undefined ? runWorkers({ count }) : main()));
 * ```
 */
export async function runWorkers(options: RunWorkersOptions): Promise<number> {
  ensureCoroutine("runWorkers");
  const settings = resolveWorkerOptions(options);
  if (thisWorker() !== undefined) {
    throw new TypeError("Cannot run workers: found a worker, wanted the process that is to supervise them");
  }
  return scope(() => new Supervisor(settings, options.onEvent ?? writeEvent).run());
}
