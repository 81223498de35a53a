/**
 * Counts of rate limits in the memory of this process.
 *
 * A key is there from its first request until it has its whole quota back, so memory follows what is used, up to `maxKeys`. Keys are
 * kept by when that will be, in slots of a fraction of the window: what has passed is dropped slot by slot.
 *
 * When it is full the keys that are soonest whole again are dropped, a thousandth of all, that is, those that have used least. Whoever makes up keys to
 * push out a limited one has to use as much with each of them: `maxKeys` times the limit.
 */
import { monotonicMs } from "../../time/mod.ts";
import {
  nextArrival,
  stateOf,
  timesOf,
  type RateLimitPolicy,
  type RateLimitState,
  type RateLimitTimes,
} from "./gcra.ts";
import type { RateLimitPlace, RateLimitStore } from "./rate-limit-store.ts";

/** How many keys are kept. */
export interface MemoryRateLimitOptions {
  /** Keys at once, 1 to 10,000,000, about 150 bytes each. Default 100,000. */
  readonly maxKeys?: number;
}

const DEFAULT_MAX_KEYS = 100_000;
const MAX_MAX_KEYS = 10_000_000;
/** Slots of a window. More tell more exactly who is soonest whole. */
const SLOTS = 64;

/**
 * Keeps counts in memory: the quickest place, for one process alone. Several processes behind one port each count for
 * themselves, and together allow as many times the limit.
 *
 * @throws RangeError for `maxKeys`.
 * @example
 * ```ts
 * import { memoryRateLimits, rateLimit } from "lunet/http";
 * const limited = rateLimit({ limit: 100, windowMs: 60_000, place: memoryRateLimits({ maxKeys: 1_000 }) });
 * ```
 */
export function memoryRateLimits(options: MemoryRateLimitOptions = {}): RateLimitPlace {
  const { maxKeys = DEFAULT_MAX_KEYS } = options;
  if (!Number.isInteger(maxKeys) || maxKeys < 1 || maxKeys > MAX_MAX_KEYS) {
    throw new RangeError(`Cannot use maxKeys: found ${maxKeys}, wanted a whole number from 1 to ${MAX_MAX_KEYS}`);
  }
  return (policy) => new MemoryStore(policy, maxKeys);
}

class MemoryStore implements RateLimitStore {
  readonly #times: RateLimitTimes;
  readonly #maxKeys: number;
  /** How many are dropped when it is full: a set walks over what was deleted from it, so one at a time costs 50 us. */
  readonly #dropAtOnce: number;
  readonly #slotUs: number;
  /** Theoretical arrival times by key. */
  readonly #arrivals = new Map<string, number>();
  /** A ring from the current slot to the one that lies a window ahead: the keys whose arrival falls into each. */
  readonly #ring: ReadonlyArray<Set<string>> = Array.from({ length: SLOTS + 2 }, () => new Set());
  #slot = 0;

  constructor(policy: RateLimitPolicy, maxKeys: number) {
    this.#times = timesOf(policy);
    this.#maxKeys = maxKeys;
    this.#dropAtOnce = Math.ceil(maxKeys / 1_024);
    this.#slotUs = Math.ceil(this.#times.windowUs / SLOTS);
  }

  take(key: string): RateLimitState {
    const nowUs = Math.floor(monotonicMs() * 1000);
    this.#dropPassed(Math.floor(nowUs / this.#slotUs));
    const known = this.#arrivals.get(key);
    const next = nextArrival(known ?? nowUs, nowUs, this.#times);
    if (next !== undefined) this.#move(key, known, next);
    return stateOf(next !== undefined, next ?? known ?? nowUs, nowUs, this.#times);
  }

  #slotOf(arrivalUs: number): Set<string> {
    return this.#ring[Math.floor(arrivalUs / this.#slotUs) % this.#ring.length] as Set<string>;
  }

  #move(key: string, from: number | undefined, to: number): void {
    const slot = this.#slotOf(to);
    if (from === undefined) {
      if (this.#arrivals.size >= this.#maxKeys) this.#dropSome();
    } else if (this.#slotOf(from) !== slot) this.#slotOf(from).delete(key);
    this.#arrivals.set(key, to);
    slot.add(key);
  }

  /** Drops the keys of the slots before `slot`: they are whole again. */
  #dropPassed(slot: number): void {
    const passed = Math.min(slot - this.#slot, this.#ring.length);
    for (let offset = 0; offset < passed; offset++) {
      const keys = this.#ring[(this.#slot + offset) % this.#ring.length] as Set<string>;
      for (const key of keys) this.#arrivals.delete(key);
      keys.clear();
    }
    this.#slot = slot;
  }

  /** Drops those that are soonest whole again, to the slot. */
  #dropSome(): void {
    let left = this.#dropAtOnce;
    for (let offset = 0; offset < this.#ring.length; offset++) {
      const keys = this.#ring[(this.#slot + offset) % this.#ring.length] as Set<string>;
      for (const key of keys) {
        if (left-- === 0) return;
        keys.delete(key);
        this.#arrivals.delete(key);
      }
    }
  }
}
