/** Where the counts of a rate limit are kept: what every place has to do. */
import type { RateLimitPolicy, RateLimitState } from "./gcra.ts";

/** The counts of one policy. */
export interface RateLimitStore {
  /** Counts one request of a key, of 128 characters at most. What fails is answered as the limit's `onStoreFailure` says. */
  take(key: string): RateLimitState | Promise<RateLimitState>;
}

/** A place for counts: gives a store for each policy that is kept there. */
export type RateLimitPlace = (policy: RateLimitPolicy) => RateLimitStore;
