/** How long to wait before a server that does not answer is asked again: each time twice as long, up to half a minute. */
const FIRST_MS = 1_000;
const MAX_MS = 30_000;

export class Backoff {
  #nextMs = FIRST_MS;

  /** The next wait, in milliseconds. */
  next(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(ms * 2, MAX_MS);
    return ms;
  }

  /** There was an answer: the next wait is the first again. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
