export function onEnd(work: () => void): void {
  // expect edge: use waitSignal() of lunet/signal
  process.on("SIGTERM", work);
}
