/**
 * What is asked of a server on one connection: each a query object of `pg`, whose handlers the client calls with the
 * messages that answer it.
 *
 * A request ends with ReadyForQuery and with nothing else. Each sends a Sync of its own, so a failure of one skips nothing
 * of the next: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING.
 */
import type { BindConfig } from "pg";
import { DatabaseError, quoteSql } from "../errors.ts";
import type { BoundValue } from "../parameters.ts";
import type { RunResult } from "../network/connection.ts";
import type { DataRow, Library, RowDescription, ServerFailure, WireConnection } from "./library.ts";
import { type Layout, NO_LAYOUT, type PreparedStatement, type PreparedStatements } from "./prepared-statements.ts";
import { toWire } from "./values.ts";

/** The handlers that `pg` calls. */
export abstract class ServerRequest {
  /** What failed first: what the server said, or an error of the library's, which comes with the connection's end alone. */
  failure: DatabaseError | ServerFailure | undefined;
  /** `pg` has these of its queries; it keeps no record of a request without a name. */
  readonly name: undefined;
  readonly callback: undefined;

  /** Writes the messages. What it returns `pg` takes for an error. */
  abstract submit(connection: WireConnection): undefined;

  handleError(error: ServerFailure): void {
    this.failure ??= error;
  }

  handleRowDescription(_message: RowDescription): void {}
  handleDataRow(_message: DataRow): void {}
  handleCommandComplete(_message: { readonly text: string }): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleReadyForQuery(): void {}
}

/** `pg` sends only its own queries without waiting; it knows them by their prototype. */
export function makeKnown(library: Library): void {
  if (!(ServerRequest.prototype instanceof library.Query))
    Object.setPrototypeOf(ServerRequest.prototype, library.Query.prototype);
}

/** A statement of lunet's own in the simple protocol, unprepared. */
export class ControlRequest extends ServerRequest {
  readonly sql: string;
  /** The first field of the last row. */
  value: unknown;

  constructor(sql: string) {
    super();
    this.sql = sql;
  }

  override submit(connection: WireConnection): undefined {
    connection.query(this.sql);
  }

  override handleDataRow({ fields }: DataRow): void {
    [this.value] = fields;
  }
}

/** Asks for nothing but an answer. */
export class SyncRequest extends ServerRequest {
  override submit(connection: WireConnection): undefined {
    connection.sync();
  }
}

/** The commands whose tag counts rows that were changed. */
const CHANGED = /^(?:INSERT \d+|UPDATE|DELETE|MERGE) (\d+)$/;

/** How a statement is run. */
export interface StatementOptions {
  readonly wantRows: boolean;
  readonly maxRows: number;
  /** Called at the first row beyond `maxRows`. */
  readonly onTooLong: () => void;
}

/** A prepared statement. */
export class StatementRequest extends ServerRequest {
  readonly statement: PreparedStatement;
  readonly params: readonly BoundValue[];
  readonly options: StatementOptions;
  readonly #statements: PreparedStatements;
  #layout: Layout | undefined;
  readonly #rows: unknown[][] = [];
  #rowCount = 0;
  #affectedRows = 0;

  constructor(
    statements: PreparedStatements,
    statement: PreparedStatement,
    params: readonly BoundValue[],
    options: StatementOptions,
  ) {
    super();
    this.#statements = statements;
    this.statement = statement;
    this.params = params;
    this.options = options;
  }

  /** It gave more rows than `maxRows`; those beyond were dropped. */
  get isTooLong(): boolean {
    return this.options.wantRows && this.#rowCount > this.options.maxRows;
  }

  override submit(connection: WireConnection): undefined {
    const { statement } = this;
    this.#layout = statement.knownLayout;
    const { stream } = connection;
    stream.cork();
    try {
      for (const name of this.#statements.takeForgotten()) connection.close({ type: "S", name }, true);
      if (!statement.isSent) {
        connection.parse({ name: statement.name, text: statement.text.native, types: [] }, true);
        statement.isSent = true;
      }
      connection.bind(bindMessage(statement.name, this.params), true);
      if (this.#layout === undefined) connection.describe(PORTAL, true);
      connection.execute(PORTAL_RUN, true);
    } catch (error) {
      // There is no memory for the message. What was written of it before still has its end.
      const { sql } = statement.text;
      const message = `Cannot send ${quoteSql(sql)}: ${error instanceof Error ? error.message : String(error)}`;
      this.failure = new DatabaseError("ERR_DB_TOO_BIG", message, { cause: error, sql });
    } finally {
      connection.sync();
      stream.uncork();
    }
  }

  override handleRowDescription(message: RowDescription): void {
    this.#layout = this.statement.describe(message);
  }

  override handleDataRow({ fields }: DataRow): void {
    const { wantRows, maxRows, onTooLong } = this.options;
    if (!wantRows) return;
    this.#rowCount++;
    if (this.#rowCount > maxRows) {
      if (this.#rowCount === maxRows + 1) onTooLong();
      return;
    }
    // The library makes an array for each row and keeps none, so it becomes the row.
    const parsers = this.#layout?.parsers ?? [];
    for (let i = 0; i < fields.length; i++) {
      const parse = parsers[i];
      const text = fields[i];
      if (parse !== undefined && text !== null) fields[i] = parse(text as string);
    }
    this.#rows.push(fields);
  }

  override handleCommandComplete({ text }: { readonly text: string }): void {
    if (this.#layout === undefined) {
      this.statement.describeNone();
      this.#layout = NO_LAYOUT;
    }
    if (this.statement.text.kind !== "read") this.#affectedRows = Number(CHANGED.exec(text)?.[1] ?? 0);
  }

  /** The result, once it has ended without a failure. */
  get result(): RunResult {
    return {
      columns: this.#layout?.columns ?? [],
      rows: this.#rows,
      affectedRows: this.#affectedRows,
      lastInsertId: undefined,
    };
  }
}

/** The unnamed portal. */
const PORTAL = { type: "P", name: "" } as const;
const PORTAL_RUN = {};

function bindMessage(statement: string, values: readonly BoundValue[]): BindConfig {
  // The types of the library do not know that the mapper makes the values what they must be.
  return { statement, values: values as (string | null)[], valueMapper: toWire };
}
