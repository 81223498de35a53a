/**
 * A statement of a database, with its record: whether it has earned the place where quick reads run.
 *
 * That place is cheap, and whoever runs there holds up the others: the event loop's thread (SQLite), or a connection that
 * many share (PostgreSQL, MariaDB). So a statement starts aside, in a thread or on a connection of its own. When its last
 * `runsWanted` runs there were all quick it has the place; when one run in the place is longer than the budget it is
 * sent back, and next time it has to be quick for twice as many runs. What can be lost is one such run, by a statement
 * that was quick until then.
 */
import type { SqlText } from "./sql-text.ts";

/** How many quick runs aside earn a statement the place, at first. */
const RUNS_WANTED = 3;
/** The most runs that are ever wanted. */
const MAX_RUNS_WANTED = 1024;
/** A run aside is quick when it takes no more than this part of the budget. */
const QUICK_PART = 0.4;

/** A statement and its record. */
export class KnownStatement {
  readonly text: SqlText;
  /** It has the place. */
  isQuick = false;
  #mayBeQuick: boolean;
  #writes = false;
  #quickRuns = 0;
  #runsWanted = RUNS_WANTED;

  /** @param mayBeQuick Whether it may ever have the place. */
  constructor(text: SqlText, mayBeQuick: boolean) {
    this.text = text;
    this.#mayBeQuick = mayBeQuick;
  }

  /** It can be run again, and by anybody. */
  get isPlainRead(): boolean {
    return this.text.isPlainRead && !this.#writes;
  }

  /** Takes note that it was refused in the place, as one that writes: its text looks like a read's, and it is none. */
  wrote(): void {
    this.#writes = true;
    this.#mayBeQuick = false;
    this.isQuick = false;
  }

  /** Takes note of a run aside. */
  ranAside(elapsedMs: number, budgetMs: number): void {
    if (!this.#mayBeQuick || budgetMs === 0) return;
    this.#quickRuns = elapsedMs <= budgetMs * QUICK_PART ? this.#quickRuns + 1 : 0;
    this.isQuick = this.#quickRuns >= this.#runsWanted;
  }

  /** Takes note of a run in the place. */
  ranInPlace(elapsedMs: number, budgetMs: number): void {
    if (elapsedMs <= budgetMs) return;
    this.isQuick = false;
    this.#quickRuns = 0;
    this.#runsWanted = Math.min(this.#runsWanted * 2, MAX_RUNS_WANTED);
  }
}
