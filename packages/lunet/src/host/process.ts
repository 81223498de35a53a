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

/** Calls `listener` at each delivery of `signal`. While one listens, the signal's default action is off. */
export function onSignal(signal: NodeJS.Signals, listener: () => void): () => void {
  process.on(signal, listener);
  return () => process.off(signal, listener);
}
