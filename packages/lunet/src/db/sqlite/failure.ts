/** Failures of SQLite as plain data. A worker imports this file, so it imports nothing: a thread starts sooner. */

/** A failure as plain data, which crosses from a worker. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  /** The code of the error object: of node:sqlite, or of `connection.ts`. */
  readonly code: string | undefined;
  /** SQLite's extended result code, when it comes from SQLite. */
  readonly errcode: number | undefined;
  readonly stack: string | undefined;
  /** SQLite would not compile the statement. */
  readonly compiling: boolean;
}

/** Makes plain data of whatever was thrown. */
export function describeFailure(thrown: unknown): Failure {
  const compiling = thrown instanceof Error && "code" in thrown && thrown.code === "COMPILE_ERROR";
  const error = compiling ? thrown.cause : thrown;
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), code: undefined, errcode: undefined, stack: undefined, compiling };
  }
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return {
    name: error.name,
    message: error.message,
    code: typeof code === "string" ? code : undefined,
    errcode: typeof errcode === "number" ? errcode : undefined,
    stack: error.stack,
    compiling,
  };
}

/** Whether another connection held a lock, so that the same can be tried again: nothing was done. */
export function isBusy(failure: Failure): boolean {
  const primary = failure.errcode === undefined ? undefined : failure.errcode & 0xff;
  return primary === 5 || primary === 6;
}
