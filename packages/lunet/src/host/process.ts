/** The process itself: its exit status, its standard error, its signals, and the moment when nothing is left to do. */
import { existsSync, readFileSync, writeSync } from "node:fs";

export function setExitStatus(status: number): void {
  process.exitCode = status;
}

/** Writes one text to standard error. It is written before the process exits. */
export function writeStderr(text: string): void {
  process.stderr.write(text);
}

/** For how long `writeStderrNow` waits at a pipe that takes nothing, in milliseconds. */
export const STDERR_STALL_MS = 1_000;
const STDERR_RETRY_MS = 2;
/** POSIX `STDERR_FILENO`. */
const STDERR = 2;

/**
 * Writes one text to standard error and returns when the system has it, also where the process is about to end.
 *
 * A pipe that is full holds the whole process. When it takes nothing for `STDERR_STALL_MS` nobody reads it: the rest of
 * the text is dropped, and the process goes on.
 */
export function writeStderrNow(text: string): void {
  const bytes = Buffer.from(text, "utf8");
  // Asking for the stream makes a pipe one that does not block. In a worker thread it has no descriptor, whatever its type says.
  const descriptor = (process.stderr.fd as number | undefined) ?? STDERR;
  let lastMs = performance.now();
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(descriptor, bytes, written);
      lastMs = performance.now();
    } catch (error) {
      // A pipe that is full for the moment is tried again; one that is gone has nobody at its end.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || performance.now() - lastMs >= STDERR_STALL_MS) return;
      // Node has no other way to wait and run nothing.
      Atomics.wait(NEVER_NOTIFIED, 0, 0, STDERR_RETRY_MS);
    }
  }
}

const NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4));

/** How long the process has run, in milliseconds. */
export function uptimeMs(): number {
  return Math.round(process.uptime() * 1_000);
}

/** Ends the process at once. What it was doing is not finished. */
export function exitNow(status: number): never {
  process.exit(status);
}

/** Calls `listener` once, when the process ends; the status that it returns, if any, is the one that counts. */
export function onExit(listener: () => number | undefined): void {
  process.once("exit", () => {
    const status = listener();
    if (status !== undefined) process.exitCode = status;
  });
}

/** Calls `work` every so many milliseconds, which keeps no process alive. Returns how to stop. */
export function everyMs(intervalMs: number, work: () => void): () => void {
  const timer = setInterval(work, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Calls `listener` at each delivery of `signal` that nobody else listens for, which keeps no process alive. */
export function onBackgroundSignal(signal: NodeJS.Signals, listener: () => void): void {
  process.on(signal, () => {
    if (process.listenerCount(signal) === 1) listener();
  });
}

/** Reads a small file at start, before anything runs that could be held up. */
export function readTextFileSync(path: string): string {
  return readFileSync(path, "utf8");
}

/** Whether a file stands at a path, asked at start. */
export function fileExistsSync(path: string): boolean {
  return existsSync(path);
}

/** Calls `listener` when the event loop has nothing left. Returns how to stop listening. */
export function onLoopEmpty(listener: () => void): () => void {
  process.on("beforeExit", listener);
  return () => process.off("beforeExit", listener);
}

/** Node keeps no process alive for a signal; a timer that never fires does. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Calls `listener` at each delivery of `signal`, until the function that it returns is called. While one listens the
 * signal's default action is off and the process stays alive.
 */
export function onSignal(signal: NodeJS.Signals, listener: () => void): () => void {
  const alive = setInterval(() => {}, MAX_DELAY_MS);
  const delivered = (): void => {
    if (STOP_SIGNALS.includes(signal)) countStop();
    listener();
  };
  process.on(signal, delivered);
  return () => {
    clearInterval(alive);
    process.off(signal, delivered);
  };
}

const STOP_SIGNALS: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT"];
let stops = 0;
let isCounted = false;

/** One delivery may have several listeners, who are all called in the same turn. */
function countStop(): void {
  if (isCounted) return;
  isCounted = true;
  stops++;
  queueMicrotask(() => (isCounted = false));
}

/** How often this process was told to end, by SIGTERM or SIGINT, while it listened for the signal. */
export function stopSignals(): number {
  return stops;
}

/**
 * Offers each failure of a promise that nobody awaits to `take`, which runs in the promise's asynchronous context. What
 * it does not take ends the process as if nobody listened, unless somebody else does.
 */
export function offerUnhandledRejections(take: (error: unknown) => boolean): void {
  process.on("unhandledRejection", (error) => {
    if (!take(error) && process.listenerCount("unhandledRejection") === 1) throw error;
  });
}

/** Waits for the next turn of the event loop. Before it every microtask has run, however many there were. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Gives the event loop one more turn, in which it calls `then`. Before it every microtask has run. */
export function turnLoop(then: () => void = () => {}): void {
  setImmediate(then);
}
