async function sell(): Promise<void> {}

export function open(): void {
  // expect typescript/no-floating-promises: spawn() of lunet
  void sell();
}
