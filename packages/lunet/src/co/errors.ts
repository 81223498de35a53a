/** The base of every error that lunet throws, and the errors of the coroutine layer. */

/**
 * The base of lunet's operating errors. Match `code`, which is stable, never the message.
 *
 * @example
 * ```ts
 * import { LunetError, run, sleep, withDeadline } from "lunet";
 * await run(async () => {
 *   try {
 *     await withDeadline(20, () => sleep(1000));
 *   } catch (error) {
 *     if (error instanceof LunetError && error.code === "ERR_DEADLINE") console.log("too slow");
 *     else throw error;
 *   }
 * });
 * ```
 */
export class LunetError extends Error {
  /** Stable identifier, such as `ERR_DEADLINE`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** `ERR_NOT_IN_COROUTINE`: an operation that may wait was called outside a coroutine. */
export class NotInCoroutineError extends LunetError {
  constructor(operation: string) {
    super(
      "ERR_NOT_IN_COROUTINE",
      `Cannot call "${operation}": found no coroutine, wanted a call inside run() or spawn()`,
    );
  }
}

/** `ERR_SCOPE_ENDED`: something was started or awaited in a scope that has ended; its coroutine floats. */
export class ScopeEndedError extends LunetError {
  constructor(operation: string, scope: string) {
    super("ERR_SCOPE_ENDED", `Cannot call "${operation}": found scope "${scope}" already ended, wanted a living one`);
  }
}

/**
 * `ERR_CLOSED`: a handle (file, socket, listener, pool, …) was used after its end, or it was closed while somebody
 * waited on it. Both builds throw it.
 *
 * @example
 * ```ts
 * import { ClosedError } from "lunet";
 * console.log(new ClosedError('file "a.txt"').message); // Cannot use file "a.txt": it is closed
 * ```
 */
export class ClosedError extends LunetError {
  /** @param what The thing that is closed, with its name or address: `file "a.txt"`. */
  constructor(what: string, options?: ErrorOptions) {
    super("ERR_CLOSED", `Cannot use ${what}: it is closed`, options);
  }
}

/** `ERR_DEADLINE`: the time given to `withDeadline` or `shield` was over before the body ended. */
export class DeadlineError extends LunetError {
  /** The time that was given, in milliseconds. */
  readonly timeoutMs: number;

  constructor(timeoutMs: number, options?: ErrorOptions) {
    super("ERR_DEADLINE", `Cannot finish in time: the deadline of ${timeoutMs} ms is over`, options);
    this.timeoutMs = timeoutMs;
  }
}

/** `ERR_COROUTINE_CANCELLED`: what `join()` throws when the coroutine it waits for was cancelled. */
export class CoroutineCancelledError extends LunetError {
  /** The reason given to `cancel()`. */
  readonly reason: unknown;

  constructor(name: string, cancelled: Cancelled) {
    super("ERR_COROUTINE_CANCELLED", `Cannot join coroutine "${name}": it was cancelled`, { cause: cancelled });
    this.reason = cancelled.reason;
  }
}

/** `ERR_SCOPE_FAILED`: more than one thing failed in a scope. `errors` has all of them, in the order they happened. */
export class ScopeError extends LunetError {
  readonly errors: readonly unknown[];

  constructor(scope: string, errors: readonly unknown[]) {
    const messages = errors.map((error) => (error instanceof Error ? error.message : String(error)));
    super("ERR_SCOPE_FAILED", `Cannot finish scope "${scope}": ${errors.length} failures: ${messages.join("; ")}`, {
      cause: errors[0],
    });
    this.errors = errors;
  }
}

/**
 * Thrown at a wait when the scope around it is cancelled, so that `finally` and `await using` run.
 *
 * It is no failure: let it pass. Whoever catches it meets it again at the next wait, until the cancelled scope is left.
 */
export class Cancelled extends Error {
  readonly code = "ERR_CANCELLED";
  override readonly name = "Cancelled";
  /** What was given to `cancel()`, or the failure or deadline that caused the cancel. */
  readonly reason: unknown;
  /** The scope that was cancelled; the exception ends at its boundary. */
  readonly scope: object;

  constructor(reason: unknown, scope: object) {
    super(`Cancelled: ${reason instanceof Error ? reason.message : String(reason)}`);
    this.reason = reason;
    this.scope = scope;
  }
}
