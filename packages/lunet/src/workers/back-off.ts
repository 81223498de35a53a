/** How long to wait before something that ended is started again. */

/** None the first time, then `firstMs`, then twice as long each time, up to `maxMs`. */
export class BackOff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #nextMs = 0;

  constructor(firstMs: number, maxMs: number) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  /** The pause before the next start. */
  next(): number {
    const delayMs = this.#nextMs;
    this.#nextMs = delayMs === 0 ? this.#firstMs : Math.min(delayMs * 2, this.#maxMs);
    return delayMs;
  }

  /** What was started has lived long enough: the next pause is none again. */
  reset(): void {
    this.#nextMs = 0;
  }
}
