/**
 * Reads on the event loop's thread, for statements that are known to be quick.
 *
 * A hop to a thread costs several times what a quick statement costs, and node:sqlite cannot interrupt a long one. So a statement
 * earns its place: it starts in a thread; when its last `runsWanted` runs there were all quick it runs inline; when a
 * run inline is longer than the budget it goes back, and next time it has to be quick for twice as many runs.
 * What the event loop can lose is one such run, by a statement that was quick until then.
 */
import type { Param } from "../contract.ts";
import { bindParameters, SQLITE_BINDING } from "../parameters.ts";
import type { SqlText } from "../sql-text.ts";
import { type ConnectionOptions, type ResultRows, SqliteConnection, isLocked } from "./connection.ts";
import { toDatabaseError } from "./database-error.ts";
import { describeFailure } from "./failure.ts";

/** How many quick runs in a thread earn a statement its place inline, at first. */
const RUNS_WANTED = 3;
/** The most runs that are ever wanted. */
const MAX_RUNS_WANTED = 1024;
/** A run in a thread is quick when it takes no more than this part of the budget. */
const QUICK_PART = 0.4;

/** A statement of a database, with its record. */
export class KnownStatement {
  readonly text: SqlText;
  /** It runs on the event loop's thread. */
  inline = false;
  #quickRuns = 0;
  #runsWanted = RUNS_WANTED;

  constructor(text: SqlText) {
    this.text = text;
  }

  /** Takes note of a run in a thread. */
  ranInThread(elapsedMs: number, budgetMs: number): void {
    if (budgetMs === 0 || this.text.kind !== "read") return;
    this.#quickRuns = elapsedMs <= budgetMs * QUICK_PART ? this.#quickRuns + 1 : 0;
    this.inline = this.#quickRuns >= this.#runsWanted;
  }

  /** Takes note of a run on the event loop's thread. */
  ranInline(elapsedMs: number, budgetMs: number): void {
    if (elapsedMs <= budgetMs) return;
    this.inline = false;
    this.#quickRuns = 0;
    this.#runsWanted = Math.min(this.#runsWanted * 2, MAX_RUNS_WANTED);
  }
}

/** The event loop's own connection, opened when it is first needed. */
export class InlineReader {
  readonly #options: ConnectionOptions;
  readonly #budgetMs: number;
  #connection: SqliteConnection | undefined;
  #columnsChanged = false;

  constructor(options: ConnectionOptions, budgetMs: number) {
    this.#options = options;
    this.#budgetMs = budgetMs;
  }

  /** Runs a statement at once. Undefined when a lock is in the way: the event loop must not wait for it. */
  run(statement: KnownStatement, params: readonly Param[]): ResultRows | undefined {
    const { text } = statement;
    const bound = bindParameters(text.sql, text.parameterCount, params, SQLITE_BINDING);
    try {
      this.#connection ??= new SqliteConnection(this.#options);
      if (this.#columnsChanged) {
        this.#connection.forgetColumns();
        this.#columnsChanged = false;
      }
      const result = this.#connection.rows(text, bound, false);
      statement.ranInline(result.elapsedMs, this.#budgetMs);
      return result;
    } catch (error) {
      if (isLocked(error)) return undefined;
      throw toDatabaseError(describeFailure(error), "run", text.sql);
    }
  }

  /** Changes with each commit: this connection makes none. Undefined when a lock is in the way. */
  dataVersion(): number | undefined {
    try {
      this.#connection ??= new SqliteConnection(this.#options);
      return this.#connection.dataVersion();
    } catch (error) {
      if (isLocked(error)) return undefined;
      throw toDatabaseError(describeFailure(error), "read the version", "pragma data_version");
    }
  }

  /** The schema may have changed: names of columns are asked for anew. */
  forgetColumns(): void {
    this.#columnsChanged = true;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}
