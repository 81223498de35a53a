/**
 * Lunet's coroutines: ordinary async functions, each owned by a scope.
 *
 * @module
 */
export { reportFailure, scope, shield, supervise, withDeadline, type SuperviseOptions } from "./bodies.ts";
export type { CancelOptions, Coroutine, CoroutineState } from "./coroutine.impl.ts";
export {
  Cancelled,
  ClosedError,
  CoroutineCancelledError,
  DeadlineError,
  LunetError,
  NotInCoroutineError,
  ScopeEndedError,
  ScopeError,
} from "./errors.ts";
export { DeadlockError, run, runRoot, spawn, type RunOptions, type SpawnOptions } from "./run.ts";
export {
  cancelRequest,
  captureContext,
  ensureCoroutine,
  giveWay,
  inCoroutine,
  isCancelled,
  liveChildren,
  remainingMs,
  sleep,
  suspend,
  until,
  waitCancelRequest,
} from "./waits.ts";
