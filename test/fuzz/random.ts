/**
 * A seeded source of random numbers for tests (xorshift, 32 bits): one seed always gives the same sequence.
 */

/** The seed to use: `FUZZ_SEED` when it is set, else one from the clock. Print it, so that a failure can be repeated. */
export function chooseSeed(): number {
  const given = process.env["FUZZ_SEED"];
  if (given === undefined || given === "") return (Date.now() % 0x7fff_ffff) + 1;
  const seed = Number(given);
  if (Number.isInteger(seed) && seed > 0 && seed <= 0xffff_ffff) return seed;
  throw new RangeError(`Cannot use FUZZ_SEED "${given}": wanted a whole number from 1 to 4294967295`);
}

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e37_79b1) | 0 || 1;
  }

  /** A whole number from 0 up to, but without, `end`. */
  below(end: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % end;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}
