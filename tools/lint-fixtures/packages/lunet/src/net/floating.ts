async function work(): Promise<void> {}

export function start(): void {
  // expect typescript/no-floating-promises: spawn() of lunet
  work();
  // expect typescript/no-floating-promises: spawn() of lunet
  void work();
  // expect typescript/no-misused-promises: spawn() of lunet
  [1].forEach(work);
}
