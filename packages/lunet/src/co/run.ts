/** `run`, where a program enters lunet, and `spawn`. */
import { findDeadlocks, rootEnded, rootStarted, TRACE } from "#trace";
import { offerUnhandledRejections, onLoopEmpty, setExitStatus, turnLoop, writeStderr } from "../host/process.ts";
import { joinSupervisor } from "../host/worker-channel.ts";
import { _spawnIn, type Coroutine } from "./coroutine.impl.ts";
import { Cancelled, LunetError, ScopeError } from "./errors.ts";
import { _currentScope, _receiveUnhandled, _requireScope, _runIn, _Scope } from "./scope.impl.ts";

/** `ERR_DEADLOCK`: coroutines wait, and nothing in the process is left that could resume them. */
export class DeadlockError extends LunetError {
  constructor(waits: readonly string[]) {
    super("ERR_DEADLOCK", `Cannot go on: found nothing left that could resume ${waits.join(", ") || "the body"}`);
  }
}

/** How `run` reports. */
export interface RunOptions {
  /** Set the process's exit status. Default true. */
  readonly setExitStatus?: boolean;
  /** Where an uncaught failure is written. Default: standard error. */
  readonly onFailure?: (report: string, error: unknown) => void;
}

/**
 * Runs `main` in a root scope, waits for everything that was started in it, and maps the outcome to the exit status:
 * the whole number (0 to 255) that `main` returned, 0 for anything else, 1 for a failure, which is reported with the
 * coroutine's trace.
 *
 * It may run more than once in a process, not inside itself. From the first run on, the failure of a promise that nobody
 * awaits is the failure of the scope that it was made in; outside a scope it ends the process, as ever.
 *
 * @returns The exit status. It never throws for a failure of `main`.
 * @example
 * ```ts
 * import { run, sleep } from "lunet";
 * await run(async () => {
 *   await sleep(10);
 *   console.log("done");
 * });
 * ```
 */
export async function run(main: () => unknown, options: RunOptions = {}): Promise<number> {
  let status: number;
  try {
    const value = await runRoot(main);
    status = typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255 ? value : 0;
  } catch (error) {
    status = 1;
    const report = describeFailure(error);
    if (options.onFailure === undefined) writeStderr(report);
    else options.onFailure(report, error);
  }
  if (options.setExitStatus ?? true) setExitStatus(status);
  return status;
}

/**
 * Runs `body` in a root scope and gives its value or throws its failure: `run` for tests and for code that embeds
 * lunet. The process's exit status is not touched.
 *
 * @throws DeadlockError when the event loop is empty while the body waits.
 */
export async function runRoot<T>(body: () => T | Promise<T>): Promise<T> {
  if (_currentScope() !== undefined)
    throw new TypeError("Cannot run: found a coroutine around the call, wanted scope()");
  if (!receivesUnhandled) {
    offerUnhandledRejections(_receiveUnhandled);
    receivesUnhandled = true;
  }
  joinSupervisor();
  if (TRACE) rootStarted();
  const root = new _Scope({ name: "run", parent: undefined });
  const watch = watchDeadlock(root);
  try {
    return await Promise.race([_runIn(root, body), watch.givenUp]);
  } catch (error) {
    throw error instanceof Cancelled && error.scope === root ? error.reason : error;
  } finally {
    watch.stop();
    if (TRACE) rootEnded();
  }
}

/** Set at the first root and never taken back: a promise may fail, unawaited, just as its root ends. */
let receivesUnhandled = false;

/**
 * At an empty event loop cancels the root. When it is empty once more, because what waits cannot be cancelled, gives up
 * on it, so that the process does not end as if all were well.
 */
function watchDeadlock(root: _Scope): { readonly givenUp: Promise<never>; readonly stop: () => void } {
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  let deadlock: DeadlockError | undefined;
  const stop = onLoopEmpty(() => {
    if (deadlock !== undefined) return reject(deadlock);
    if (TRACE) findDeadlocks(true);
    deadlock = new DeadlockError([...root.waits()].map((wait) => `"${wait.operation}" in "${wait.scope}"`));
    root.cancel(deadlock);
    turnLoop();
  });
  return { givenUp, stop };
}

function describeFailure(error: unknown): string {
  const failures = failuresIn(error);
  if (failures.length === 0) failures.push(error);
  return failures.map((failure) => `lunet: uncaught failure: ${describe(failure)}\n`).join("");
}

/** The single failures of one that stands for several. Cancels among them are no failures. */
function failuresIn(error: unknown): unknown[] {
  if (error instanceof Cancelled) return [];
  if (error instanceof SuppressedError) return [...failuresIn(error.suppressed), ...failuresIn(error.error)];
  if (error instanceof ScopeError || error instanceof AggregateError) return error.errors.flatMap(failuresIn);
  return [error];
}

/** How far a report follows the causes of a failure; they may form a circle. */
const MAX_CAUSES = 10;

function describe(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? `${error.name}: ${error.message}`;
  if (error.cause === undefined || depth === MAX_CAUSES) return text;
  return `${text}\n  caused by: ${describe(error.cause, depth + 1)}`;
}

/** What a coroutine is called by. */
export interface SpawnOptions {
  /** For messages and traces. Default: the function's name, or `"anonymous"`. */
  readonly name?: string;
}

/**
 * Starts a coroutine in the current scope: `body` runs at once, up to its first wait. The scope does not end before it.
 *
 * Its failure cancels the scope (a supervisor reports it and goes on). What it spawns itself belongs to it, and it ends
 * after them.
 *
 * @throws NotInCoroutineError outside `run()`; ScopeEndedError in a scope that has ended.
 * @example
 * ```ts
 * import { run, sleep, spawn } from "lunet";
 * await run(async () => {
 *   const answer = spawn(async () => { await sleep(5); return 42; });
 *   console.log(await answer.join()); // 42
 * });
 * ```
 */
export function spawn<T>(body: () => T | Promise<T>, options: SpawnOptions = {}): Coroutine<T> {
  return _spawnIn(_requireScope("spawn"), options.name ?? (body.name || "anonymous"), body);
}
