export function wait(): Promise<void> {
  // expect wait: use suspend() of lunet, or until()
  return new Promise(() => {});
}
