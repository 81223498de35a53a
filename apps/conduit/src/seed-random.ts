/** A source of random numbers that one seed makes the same again: 32 bits of xorshift (G. Marsaglia, 2003). */

export class Random {
  #state: number;

  /** @param seed A whole number from 0 to 4294967295. */
  constructor(seed: number) {
    // Neighbouring seeds are spread over all states; zero would stay zero.
    this.#state = Math.imul(seed ^ 0x5bd1_e995, 0x9e37_79b1) || 1;
    for (let turn = 0; turn < 16; turn++) this.next();
  }

  /** A number from 0 up to, but without, 1. */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from 0 up to, but without, `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** Whether something happens that happens so often, from 0 (never) to 1 (always). */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of a list that is not empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** A copy of the list in another order. */
  shuffled<T>(items: readonly T[]): T[] {
    const list = [...items];
    for (let end = list.length; end > 1; end--) {
      const index = this.below(end);
      const item = list[index] as T;
      list[index] = list[end - 1] as T;
      list[end - 1] = item;
    }
    return list;
  }
}
