/**
 * The npm package `pg`, as far as lunet uses it, and the one place that says what its types leave out.
 *
 * What is used is what `pg` 8.23 does: a client that sends without waiting (`pipeline`), calls each query's handlers with
 * the server's messages in order, and tells messages as events of `client.connection`.
 */
import type { Duplex } from "node:stream";
import type * as pg from "pg";
import { until } from "../../co/mod.ts";
import { DatabaseError } from "../errors.ts";

/** What `import("pg")` gives. */
export type Library = typeof pg;

/** A connection of `pg`, with the methods that its types do not have. */
export interface WireConnection extends pg.Connection {
  connect(port: number, host: string): void;
  connect(path: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
  attachListeners(stream: Duplex): void;
}

/** A client of `pg`: its callbacks, and what its types do not have. */
export interface WireClient {
  readonly connection: WireConnection;
  /** The server's process for this connection, and the secret that a cancel request proves itself with. */
  readonly processID: number | null;
  readonly secretKey: number | null;
  /** What the startup message says. */
  getStartupConf: () => Readonly<Record<string, string>>;
  connect(done: (error: Error | null | undefined) => void): void;
  query(request: { submit(connection: WireConnection): unknown }): void;
  end(done: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
}

/** The columns that a server announces. */
export interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/** A row: each field in text format, or null. */
export interface DataRow {
  readonly fields: unknown[];
}

/** An ErrorResponse, after https://www.postgresql.org/docs/current/protocol-error-fields.html. */
export interface ServerFailure extends Error {
  readonly severity: string | undefined;
  readonly code: string | undefined;
  readonly detail: string | undefined;
  readonly position: string | undefined;
  readonly schema: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
  readonly dataType: string | undefined;
  readonly constraint: string | undefined;
  readonly routine: string | undefined;
}

/** Loads `pg`, which only a program does that opens such a database. */
export async function loadLibrary(): Promise<Library> {
  try {
    return await until(import("pg"));
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause)) throw cause;
    throw new DatabaseError(
      "ERR_DB_OPEN",
      `Cannot open a database: found no package "pg" that loads, wanted it installed`,
      {
        cause,
      },
    );
  }
}

/** Makes a client, which is not connected yet. */
export function createClient(library: Library, config: pg.ClientConfig): WireClient {
  return new library.Client(config) as unknown as WireClient;
}

/** Whether an error is one that a server sent. */
export function isServerFailure(library: Library, error: unknown): error is ServerFailure {
  return error instanceof library.DatabaseError && typeof error.code === "string";
}
