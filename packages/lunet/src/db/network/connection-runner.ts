/** Statements one after another on one connection, outside transactions: for migrations where each commits by itself. */
import type { ExecResult, Param } from "../contract.ts";
import { type Binding, bindParameters } from "../parameters.ts";
import { readStatement, type SqlText } from "../sql-text.ts";
import { type Shape, StatementRunner } from "../statement-runner.ts";
import type { RunResult } from "./connection.ts";
import { type Lease, sendOn } from "./lease.ts";

/** How many statement handles it keeps. */
const HANDLE_CACHE_SIZE = 16;

/** Runs statements on a connection that is held. */
export class ConnectionRunner extends StatementRunner<SqlText> {
  readonly #lease: Lease;
  readonly #dialect: "postgres" | "mariadb";
  readonly #binding: Binding;

  constructor(lease: Lease, dialect: "postgres" | "mariadb", binding: Binding) {
    super(HANDLE_CACHE_SIZE);
    this.#lease = lease;
    this.#dialect = dialect;
    this.#binding = binding;
  }

  find(sql: string): SqlText {
    return readStatement(sql, this.#dialect);
  }

  async run<T>(text: SqlText, params: readonly Param[], shape: Shape<T>): Promise<T> {
    return shape(await this.#send(text, params, true));
  }

  async effect(text: SqlText, params: readonly Param[]): Promise<ExecResult> {
    const { affectedRows, lastInsertId } = await this.#send(text, params, false);
    return { affectedRows, lastInsertId };
  }

  #send(text: SqlText, params: readonly Param[], wantRows: boolean): Promise<RunResult> {
    const bound = bindParameters(text.sql, text.parameterCount, params, this.#binding);
    return sendOn<RunResult>(this.#lease, wantRows ? "query" : "exec", (done) =>
      this.#lease.connection.run(text, bound, wantRows, done),
    );
  }
}
