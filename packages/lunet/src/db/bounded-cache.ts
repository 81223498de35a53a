/**
 * A map with a limit that forgets what was not used for longest, roughly: two generations, each of half the limit. What
 * is found in the old one moves to the young one; when the young one is full it becomes the old one, and the old one is
 * forgotten. A hit in the young one, the common case, costs one look-up and changes nothing.
 */
export class BoundedCache<K, V> {
  readonly #half: number;
  readonly #onForget: ((value: V) => void) | undefined;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  /**
   * @param limit The most entries that are kept, at least 2.
   * @param onForget Called with each value that is forgotten, by `clear` as well.
   */
  constructor(limit: number, onForget?: (value: V) => void) {
    this.#half = Math.max(1, Math.floor(limit / 2));
    this.#onForget = onForget;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: K): V | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const older = this.#old.get(key);
    if (older === undefined) return undefined;
    this.#old.delete(key);
    this.set(key, older);
    return older;
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#forget(this.#old);
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  clear(): void {
    const generations = [this.#young, this.#old];
    this.#young = new Map();
    this.#old = new Map();
    for (const generation of generations) this.#forget(generation);
  }

  *values(): Generator<V> {
    yield* this.#young.values();
    yield* this.#old.values();
  }

  #forget(generation: Map<K, V>): void {
    if (this.#onForget !== undefined) for (const value of generation.values()) this.#onForget(value);
  }
}
