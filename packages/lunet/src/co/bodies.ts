/** What brackets a body: `scope`, `supervise`, `withDeadline`, `shield`. Each waits for all that was started in it. */
import { writeStderr } from "../host/process.ts";
import { _requireLivingScope, _runIn, _Scope } from "./scope.impl.ts";

function checkTimeout(name: string, timeoutMs: number): void {
  if (typeof timeoutMs !== "number") {
    throw new TypeError(`Cannot call ${name}: found ${typeof timeoutMs} for the time, wanted milliseconds as a number`);
  }
  if (!(timeoutMs > 0)) throw new RangeError(`Cannot call ${name}: found ${timeoutMs} ms, wanted more than 0`);
}

/**
 * Runs `body` and waits for every coroutine that was spawned in it.
 *
 * The first failure, of the body or of a coroutine, cancels the rest. One failure is thrown as it is; if cleaning up
 * fails as well, a `ScopeError` (`ERR_SCOPE_FAILED`) has all of them in `errors`.
 *
 * @returns What `body` returned, when all has ended.
 * @throws NotInCoroutineError outside `run()`.
 * @example
 * ```ts
 * import { run, scope, sleep, spawn } from "lunet";
 * await run(async () => {
 *   await scope(async () => {
 *     spawn(() => sleep(20));
 *     spawn(() => sleep(10));
 *   });
 *   console.log("both have ended");
 * });
 * ```
 */
export function scope<T>(body: () => T | Promise<T>): Promise<T> {
  // No async function: whoever waits for long in many scopes holds one frame less for each.
  try {
    return _runIn(new _Scope({ name: "scope", parent: _requireLivingScope("scope") }), body);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** How a supervisor treats its coroutines. */
export interface SuperviseOptions {
  /**
   * Called with each failure of a coroutine, and with the coroutine's name. Default: the failure is written to standard
   * error. What it throws fails the supervisor.
   */
  readonly onFailure?: (error: unknown, name: string) => void;
}

function reportCoroutine(error: unknown, name: string): void {
  reportFailure(`coroutine "${name}"`, error);
}

/** Writes a failure that the program survives to standard error, with its trace. `what` says who failed. */
export function reportFailure(what: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  writeStderr(`lunet: ${what} failed, the rest goes on: ${text}\n`);
}

/**
 * Runs `body` and isolates the coroutines that are spawned in it: a failure is reported, the others go on. An accept
 * loop is one. A failure of the body itself cancels them all and is thrown.
 *
 * @returns What `body` returned, when every coroutine has ended.
 * @example
 * ```ts
 * import { run, spawn, supervise } from "lunet";
 * await run(async () => {
 *   await supervise(
 *     async () => {
 *       spawn(async () => { throw new Error("broken"); });
 *       spawn(async () => console.log("not touched by it"));
 *     },
 *     { onFailure: (error, name) => console.log("reported", name, error) },
 *   );
 * });
 * ```
 */
export async function supervise<T>(body: () => T | Promise<T>, options: SuperviseOptions = {}): Promise<T> {
  const failurePolicy = { report: options.onFailure ?? reportCoroutine };
  return _runIn(new _Scope({ name: "supervise", parent: _requireLivingScope("supervise"), failurePolicy }), body);
}

/**
 * Runs `body` and cancels it when it takes longer than `timeoutMs` milliseconds (more than 0).
 *
 * The deadline reaches every wait below, and is inherited: an inner one can only be earlier. A body that ends all the
 * same, because it was past its last wait, counts.
 *
 * @throws DeadlineError (`ERR_DEADLINE`) after the body has unwound. With failures of its cleanup, a `ScopeError`.
 * @example
 * ```ts
 * import { run, sleep, withDeadline } from "lunet";
 * await run(async () => {
 *   await withDeadline(50, () => sleep(1000)).catch((error) => console.log(error.code)); // ERR_DEADLINE
 * });
 * ```
 */
export async function withDeadline<T>(timeoutMs: number, body: () => T | Promise<T>): Promise<T> {
  checkTimeout("withDeadline", timeoutMs);
  const inner = new _Scope({ name: "withDeadline", parent: _requireLivingScope("withDeadline") });
  inner.startDeadline(timeoutMs);
  return _runIn(inner, body);
}

/**
 * Runs `body`, a cleanup, out of reach of every cancel and deadline from outside, for `budgetMs` milliseconds at most.
 *
 * It cannot be switched on for later code, so a shield never outlives its body. After it a cancel that came meanwhile
 * is met at the next wait.
 *
 * @throws DeadlineError (`ERR_DEADLINE`) when the budget is used up.
 * @example
 * ```ts
 * import { run, shield, sleep, withDeadline } from "lunet";
 * await run(async () => {
 *   await withDeadline(20, async () => {
 *     try {
 *       await sleep(1000);
 *     } finally {
 *       await shield(500, () => sleep(10)); // say goodbye to the peer
 *     }
 *   }).catch((error) => console.log(error.code)); // ERR_DEADLINE
 * });
 * ```
 */
export async function shield<T>(budgetMs: number, body: () => T | Promise<T>): Promise<T> {
  checkTimeout("shield", budgetMs);
  const inner = new _Scope({ name: "shield", parent: _requireLivingScope("shield"), shielded: true });
  inner.startDeadline(budgetMs);
  return _runIn(inner, body);
}
