/*
 * Coroutines that write numbers through lunet, each one after the other, and keep count of what became of every number:
 * acknowledged, or failed with an error that says what is known of it. A number is never used twice.
 */
import assert from "node:assert/strict";
import { type Coroutine, DeadlineError, ScopeError, sleep, spawn, suspend } from "lunet";
import { DatabaseError, type DatabaseErrorCode } from "lunet/db";
import { monotonicMs } from "lunet/time";

/** What a program meets while a cluster changes over. Anything else is a fault. */
const EXPECTED: readonly DatabaseErrorCode[] = [
  "ERR_DB_CONNECTION_LOST",
  "ERR_DB_UNAVAILABLE",
  "ERR_DB_DEADLOCK",
  "ERR_DB_SERIALIZATION",
  "ERR_DB_ACQUIRE_TIMEOUT",
];
const PAUSE_AFTER_FAILURE_MS = 20;

/** Writes what belongs to a number; returns when that was acknowledged. */
export type Write = (id: number) => Promise<void>;

export class LunetWriters {
  readonly acknowledged: number[] = [];
  /** What may have been done and may not. */
  readonly inDoubt: number[] = [];
  /** What has not been done, by the error's word: it was safe to try again, or it was cancelled. */
  readonly undone: number[] = [];
  readonly unexpected: unknown[] = [];
  readonly #counts = new Map<string, number>();
  readonly #writers: readonly Coroutine<void>[];
  #nextId = 1;
  #isEnding = false;
  #waiting: { readonly count: number; readonly resume: () => void } | undefined;
  #lastMs = monotonicMs();
  #longestPauseMs = 0;
  #longestWriteMs = 0;

  /** Call it in the scope that the writers shall belong to. */
  constructor(count: number, write: Write) {
    this.#writers = Array.from({ length: count }, () => spawn(() => this.#run(write), { name: "writer" }));
  }

  /** Returns when `count` more have been acknowledged. */
  async waitMore(count: number): Promise<void> {
    await suspend<void>("wait for writes", (resume) => {
      this.#waiting = { count: this.acknowledged.length + count, resume };
      return () => {
        this.#waiting = undefined;
      };
    });
  }

  /** Forgets the longest of before. */
  measure(): void {
    this.#longestPauseMs = 0;
    this.#longestWriteMs = 0;
  }

  /** The longest time since `measure()` in which nothing was acknowledged, and that one write took, failed ones too. */
  get longest(): { readonly pauseMs: number; readonly writeMs: number } {
    return { pauseMs: Math.round(this.#longestPauseMs), writeMs: Math.round(this.#longestWriteMs) };
  }

  /** Ends after the writes under way. */
  async end(): Promise<void> {
    this.#isEnding = true;
    for (const writer of this.#writers) await writer.join();
  }

  /** Nothing acknowledged is missing among `found`, nothing is there that was said not to be, and errors were the expected ones. */
  assertAgainst(found: readonly number[], where: string): void {
    const there = new Set(found);
    assert.deepEqual(this.unexpected, [], where);
    assert.deepEqual(
      this.acknowledged.filter((id) => !there.has(id)),
      [],
      `${where}: acknowledged, and not there`,
    );
    assert.deepEqual(
      this.undone.filter((id) => there.has(id)),
      [],
      `${where}: there, though its error said that it was not done`,
    );
    const written = new Set([...this.acknowledged, ...this.inDoubt]);
    assert.deepEqual(
      found.filter((id) => !written.has(id)),
      [],
      `${where}: there, and never written`,
    );
  }

  /** For the log. */
  describe(): string {
    const errors = [...this.#counts].map(([name, count]) => `${count} ${name}`).join(", ");
    return `${this.acknowledged.length} acknowledged, ${this.inDoubt.length} in doubt, ${this.undone.length} not done; ${errors || "no errors"}`;
  }

  async #run(write: Write): Promise<void> {
    while (!this.#isEnding) {
      const id = this.#nextId++;
      const sinceMs = monotonicMs();
      try {
        await write(id);
        this.#acknowledge(id);
      } catch (error) {
        this.#judge(id, error);
        await sleep(PAUSE_AFTER_FAILURE_MS);
      } finally {
        this.#longestWriteMs = Math.max(this.#longestWriteMs, monotonicMs() - sinceMs);
      }
    }
  }

  #acknowledge(id: number): void {
    const nowMs = monotonicMs();
    this.#longestPauseMs = Math.max(this.#longestPauseMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    this.acknowledged.push(id);
    if (this.acknowledged.length !== this.#waiting?.count) return;
    const { resume } = this.#waiting;
    this.#waiting = undefined;
    resume();
  }

  #judge(id: number, thrown: unknown): void {
    // Past its deadline it may have failed for another reason as well, and that one says more.
    const error = thrown instanceof ScopeError ? thrown.errors.at(-1) : thrown;
    const isDatabases = error instanceof DatabaseError;
    const isUndone = error instanceof DeadlineError || (isDatabases && error.retryable);
    (isUndone ? this.undone : this.inDoubt).push(id);
    const isExpected = error instanceof DeadlineError || (isDatabases && EXPECTED.includes(error.code));
    if (!isExpected) this.unexpected.push(error);
    const name = isDatabases ? `${error.code}${error.retryable ? " (retryable)" : ""}` : String(error);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}
