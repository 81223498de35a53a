/**
 * The generic cell rate algorithm (ITU-T I.371): a limit per key whose whole state is one point in time.
 *
 * That point, the theoretical arrival time, is when the key will have its whole quota back. Each request that is allowed moves it on by
 * one interval, from now if it has passed; a request that would move it further than a window from now is refused
 * and moves nothing. So a key has `limit` requests at once, then one for each interval: at most twice the limit in any window,
 * and the limit in the long run. Nothing starts anew at the full minute, and nothing has to be cleaned up.
 *
 * Times are whole microseconds, so that every place that counts comes to the same result.
 */

/** How much a key may have. */
export interface RateLimitPolicy {
  /** What it is called in fields, and kept apart by where several share a place. */
  readonly name: string;
  /** Requests within a window. */
  readonly limit: number;
  readonly windowMs: number;
}

/** What became of a request. */
export interface RateLimitState {
  readonly allowed: boolean;
  /** How many more would be allowed now. */
  readonly remaining: number;
  /** How long until the whole quota is there again. */
  readonly resetMs: number;
  /** How long until one more is allowed; 0 when one is now. */
  readonly retryAfterMs: number;
}

/** A policy in microseconds: one interval for each request, and the window that they make up. */
export interface RateLimitTimes {
  readonly intervalUs: number;
  readonly windowUs: number;
}

export function timesOf({ limit, windowMs }: RateLimitPolicy): RateLimitTimes {
  const intervalUs = Math.ceil((windowMs * 1000) / limit);
  return { intervalUs, windowUs: intervalUs * limit };
}

/** The arrival time after one more request of a key that has `tatUs`; `undefined` when it is refused. */
export function nextArrival(
  tatUs: number,
  nowUs: number,
  { intervalUs, windowUs }: RateLimitTimes,
): number | undefined {
  return tatUs <= nowUs + windowUs - intervalUs ? Math.max(tatUs, nowUs) + intervalUs : undefined;
}

/** What is to be said of a key that has `tatUs` after a request. */
export function stateOf(allowed: boolean, tatUs: number, nowUs: number, times: RateLimitTimes): RateLimitState {
  const { intervalUs, windowUs } = times;
  const usedUs = Math.max(0, tatUs - nowUs);
  const remaining = Math.max(0, Math.floor((windowUs - usedUs) / intervalUs));
  const retryAfterMs = Math.max(0, usedUs + intervalUs - windowUs) / 1000;
  return { allowed, remaining, resetMs: usedUs / 1000, retryAfterMs };
}
