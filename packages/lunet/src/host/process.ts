/** The process itself: its exit status, its standard error, its signals, and the moment when nothing is left to do. */

export function setExitStatus(status: number): void {
  process.exitCode = status;
}

/** Writes one text to standard error. It is written before the process exits. */
export function writeStderr(text: string): void {
  process.stderr.write(text);
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
  process.on(signal, listener);
  return () => {
    clearInterval(alive);
    process.off(signal, listener);
  };
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

/** Gives the event loop one more turn, in which it calls `then`. Before it every microtask has run. */
export function turnLoop(then: () => void = () => {}): void {
  setImmediate(then);
}
