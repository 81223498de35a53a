export function plan(work: () => void): void {
  // expect edge: use sleep() or withDeadline() of lunet
  setTimeout(work, 1);
  // expect edge: use ticks() of lunet/time
  setInterval(work, 1);
  // expect edge: use giveWay() of lunet
  setImmediate(work);
  // expect edge: use withDeadline() of lunet
  AbortSignal.timeout(1);
  queueMicrotask(work);
}
