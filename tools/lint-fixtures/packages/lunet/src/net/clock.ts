// expect edge: use monotonicMs() of lunet/time
export const now = () => performance.now();
// expect edge: use wallMs() of lunet/time
export const today = () => Date.now();
