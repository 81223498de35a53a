/**
 * The worker's side: a process that a supervisor has started, and its channel to it.
 *
 * The channel keeps no process alive, except while something is asked over it. When it closes, the supervisor is gone:
 * the process drains, as after SIGTERM, and is ended after the grace.
 */
import type { Server, Socket } from "node:net";
import { setTimer } from "./clock.ts";
import { exitNow, onBackgroundSignal, stopSignals, writeStderr } from "./process.ts";
import type { WorkerOrder, WorkerReport } from "./worker-messages.ts";

/** Which worker this process is. */
export const WORKER_VARIABLE = "LUNET_WORKER";
/** `yes` in the process that was started first of all. */
export const FIRST_VARIABLE = "LUNET_WORKER_FIRST";
/** How ports are shared. */
export const SHARING_VARIABLE = "LUNET_WORKER_SHARING";
/** How long draining may take when the supervisor is gone, in milliseconds. */
export const GRACE_VARIABLE = "LUNET_WORKER_GRACE_MS";

const DEFAULT_GRACE_MS = 30_000;

type OrderListener = (order: WorkerOrder, handle: Server | Socket | undefined) => void;

let isWorker: boolean | undefined;
let isJoined = false;
const listeners = new Set<OrderListener>();
let waiting = 0;

/** The number of this worker, from 1; undefined in a process that no supervisor has started. */
export function workerNumber(): number | undefined {
  const number = process.env[WORKER_VARIABLE];
  if (number === undefined) return undefined;
  // What a worker starts has its environment too, and is none. Loading the module costs those that are none nothing.
  isWorker ??= process.send !== undefined && process.getBuiltinModule("node:cluster").isWorker;
  return isWorker ? Number(number) : undefined;
}

/** Begins to listen to the supervisor, if there is one. The second call does nothing. */
export function joinSupervisor(): void {
  if (isJoined || workerNumber() === undefined) return;
  isJoined = true;
  process.channel?.unref();
  // Otherwise the cluster module would end this process, with all that is under way, when the supervisor is gone.
  const { worker } = process.getBuiltinModule("node:cluster");
  if (worker !== undefined) worker.exitedAfterDisconnect = true;
  process.on("message", receive);
  process.once("disconnect", drainAlone);
  // A terminal that is closed, and whoever signals a group, means the supervisor.
  onBackgroundSignal("SIGHUP", () => {});
  report({ lunet: "joined" });
}

function receive(message: unknown, handle: unknown): void {
  if (typeof message !== "object" || message === null || !("lunet" in message)) return;
  const order = message as WorkerOrder;
  if (order.lunet === "drain") return drain(order.times);
  for (const listener of listeners) listener(order, handle as Server | Socket | undefined);
}

/** Calls `listener` with each order but those to end, as long as the process lives. */
export function onOrder(listener: OrderListener): void {
  listeners.add(listener);
}

/** Tells the supervisor. Whether it is there to hear it is not waited for. */
export function report(message: WorkerReport, handle?: Server): void {
  if (process.connected) process.send?.(message, handle, undefined, () => {});
}

/** True while the supervisor is there. */
export function hasSupervisor(): boolean {
  return isJoined && process.connected;
}

/** Keeps the process alive for an answer of the supervisor's, until the function that it returns is called. */
export function awaitSupervisor(): () => void {
  if (++waiting === 1) process.channel?.ref();
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    if (--waiting === 0) process.channel?.unref();
  };
}

/**
 * Ends as a program without a supervisor does: by SIGTERM. A signal that went to all processes at once, as Ctrl-C and
 * some service managers send it, has come here too, and must not count twice: the second one cuts off.
 */
function drain(times: number): void {
  // A signal that came in the same turn of the event loop as this is known after it.
  setImmediate(() => {
    if (stopSignals() < times) process.kill(process.pid, "SIGTERM");
  });
}

function drainAlone(): void {
  const graceMs = Number(process.env[GRACE_VARIABLE] ?? DEFAULT_GRACE_MS);
  if (stopSignals() === 0) {
    writeStderr(`lunet: worker ${workerNumber()} (pid ${process.pid}): the supervisor is gone, draining\n`);
  }
  setTimer(graceMs, () => exitNow(1), true);
  drain(1);
}
