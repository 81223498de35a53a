// co/ alone makes promises, so nothing is found here.
export function _suspendIn(): Promise<void> {
  return new Promise(() => {});
}
