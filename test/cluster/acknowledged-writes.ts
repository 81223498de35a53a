/*
 * Writes numbers into a table, one after the other, and keeps count of what the server has acknowledged: what is there
 * afterwards has to hold all of that, and may hold what was in doubt when a server was killed.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** Writes a number; rejects when it was not acknowledged. */
export type Write = (id: number) => Promise<void>;

export class AcknowledgedWrites implements AsyncDisposable {
  readonly acknowledged: number[] = [];
  /** Numbers whose write was rejected: they may be there or not. */
  readonly inDoubt: number[] = [];
  #isEnding = false;
  readonly #ended: Promise<void>;
  #waiting: { readonly count: number; readonly reached: PromiseWithResolvers<void> } | undefined;

  constructor(write: Write) {
    this.#ended = this.#run(write);
  }

  /** Returns when `count` more have been acknowledged. */
  async waitMore(count: number): Promise<void> {
    const reached = Promise.withResolvers<void>();
    this.#waiting = { count: this.acknowledged.length + count, reached };
    await reached.promise;
  }

  /** Ends after the write under way. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  /** What was acknowledged and is not among `found`; empty when all is well. */
  lostFrom(found: readonly number[]): number[] {
    const there = new Set(found);
    return this.acknowledged.filter((id) => !there.has(id));
  }

  /** What is among `found` though it was never written. */
  strangeIn(found: readonly number[]): number[] {
    const written = new Set([...this.acknowledged, ...this.inDoubt]);
    return found.filter((id) => !written.has(id));
  }

  async #run(write: Write): Promise<void> {
    for (let id = 1; !this.#isEnding; id += 1) {
      try {
        await write(id);
        this.acknowledged.push(id);
        if (this.acknowledged.length === this.#waiting?.count) this.#waiting.reached.resolve();
      } catch {
        // Whatever it was: a failover is going on, and the next write finds its way or fails the test's time limit.
        this.inDoubt.push(id);
        await sleep(20);
      }
    }
  }
}
