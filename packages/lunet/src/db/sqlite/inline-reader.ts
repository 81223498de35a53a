/**
 * Reads on the event loop's thread, for statements that are known to be quick.
 *
 * A hop to a thread costs several times what a quick statement costs, and node:sqlite cannot interrupt a long one. So a statement
 * earns its place here (`known-statement.ts`).
 */
import type { Param } from "../contract.ts";
import type { KnownStatement } from "../known-statement.ts";
import { bindParameters, SQLITE_BINDING } from "../parameters.ts";
import { type ConnectionOptions, type ResultRows, SqliteConnection, isLocked } from "./connection.ts";
import { toDatabaseError } from "./database-error.ts";
import { describeFailure } from "./failure.ts";

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
      statement.ranInPlace(result.heldMs, this.#budgetMs);
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
