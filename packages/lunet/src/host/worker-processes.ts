/**
 * The supervisor's side of its workers: processes of Node's cluster, what they report, and the sockets that go from one
 * to the next. The only place that starts processes.
 */
import cluster from "node:cluster";
import { createServer, Server, type Socket } from "node:net";
import { availableParallelism } from "node:os";
import type { WorkerOrder, WorkerReport } from "./worker-messages.ts";

/** What goes along with a message. */
export type SocketHandle = Server | Socket;

/** How a process is started. */
export interface WorkerProgram {
  /** The path of the program. */
  readonly program: string;
  readonly args: readonly string[];
  /** Node's own arguments, before the program. */
  readonly nodeArgs: readonly string[];
  /** Added to this process's environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What a process does. Nothing is called after `onExit`. */
export interface WorkerEvents {
  onReport(report: WorkerReport, handle: SocketHandle | undefined): void;
  /** It has ended; `error` says why it could not be started. */
  onExit(status: number | null, signal: NodeJS.Signals | null, error: Error | undefined): void;
}

export interface WorkerProcess {
  /** 0 if it could not be started. */
  readonly pid: number;
  /** Says something to it. A process that has ended hears nothing; `sent` is called all the same. */
  send(order: WorkerOrder, handle?: SocketHandle, sent?: () => void): void;
  kill(signal: NodeJS.Signals): void;
}

/** How many processes can run at once here. */
export function processorCount(): number {
  return availableParallelism();
}

/** Starts a process, whose standard streams are this one's. */
export function startWorkerProcess(program: WorkerProgram, events: WorkerEvents): WorkerProcess {
  cluster.setupPrimary({ exec: program.program, args: [...program.args], execArgv: [...program.nodeArgs] });
  const worker = cluster.fork(program.environment);
  let hasEnded = false;
  const end = (status: number | null, signal: NodeJS.Signals | null, error?: Error): void => {
    if (hasEnded) return;
    hasEnded = true;
    events.onExit(status, signal, error);
  };
  worker.on("message", (message: unknown, handle: SocketHandle | undefined) => {
    if (hasEnded || !isReport(message)) closeHandle(handle);
    // What is sent stays in order, so this comes behind every connection that was dealt out before.
    else if (message.lunet === "left" && worker.isConnected()) worker.send(message);
    else events.onReport(message, handle);
  });
  worker.on("exit", (status: number | null, signal: string | null) => end(status, signal as NodeJS.Signals | null));
  worker.process.on("error", (error) => {
    // It is told of messages that could not be sent as well; those to a process that ends are nobody's loss.
    if (worker.process.pid === undefined) end(1, null, error);
  });
  return {
    pid: worker.process.pid ?? 0,
    send(order, handle, sent = () => {}) {
      if (hasEnded || !worker.isConnected()) return sent();
      worker.send(order, handle, undefined, sent);
    },
    kill(signal) {
      if (!hasEnded) worker.process.kill(signal);
    },
  };
}

function isReport(message: unknown): message is WorkerReport {
  return typeof message === "object" && message !== null && "lunet" in message;
}

/** Lets go of a socket that nobody wants. */
export function closeHandle(handle: SocketHandle | undefined): void {
  if (handle instanceof Server) handle.close();
  else handle?.destroy();
}

/**
 * Sends a listening socket on to a process. Node accepts on it here as well until it is gone, so what comes meanwhile is
 * sent after it.
 */
export function forwardListener(
  handle: SocketHandle,
  to: WorkerProcess,
  order: WorkerOrder,
  connectionOrder: WorkerOrder,
): void {
  const holder = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  holder.on("connection", (socket) => to.send(connectionOrder, socket));
  holder.on("error", () => {});
  holder.listen(handle);
  to.send(order, holder, () => void holder.close());
}
