/** What a coroutine waits with: `suspend`, and the waits that are made of it. */
import { AsyncLocalStorage } from "node:async_hooks";
import { TRACE, waitsForForeign } from "#trace";
import { monotonicMs, onNextTurn, setTimer } from "../host/clock.ts";
import type { Cancelled } from "./errors.ts";
import { _currentScope, _requireScope, _suspendIn } from "./scope.impl.ts";

/**
 * Throws `NotInCoroutineError` unless the caller runs in a coroutine. Every operation that may wait calls it, in both
 * builds, before it has any effect.
 *
 * @param operation What the caller is about to do, for the message.
 */
export function ensureCoroutine(operation: string): void {
  _requireScope(operation);
}

/** True in a coroutine. */
export function inCoroutine(): boolean {
  return _currentScope() !== undefined;
}

/**
 * Waits for one outcome of one operation: the only way to wait, which every operation of the runtime is written with.
 *
 * `start` begins the operation and gets `resume` and `fail`; the first call of either ends the wait. A second one is nobody's:
 * the trace build finds it (class D), so whoever listens for two events takes both listeners away at the first. It returns
 * how to cancel the operation. The rules of a cancel:
 * - No function returned: the operation cannot be cancelled; the wait goes on to its outcome, which counts.
 * - The function is called, and the wait throws `Cancelled`. If it calls `resume` or `fail` itself, because the outcome
 *   was there first, that outcome counts: what was acquired is handed over.
 * - The function is called once at most, also when a second cancel follows from further out.
 * - The function returns `"pending"`: the cancel is on its way, and the wait goes on until `resume` or `fail`. It may `fail` with the
 *   `Cancelled` that it was given.
 * - A value that comes after the end is disposed of (`Symbol.asyncDispose`, `Symbol.dispose`), never dropped.
 *
 * @param operation A name for messages and traces.
 * @throws Cancelled at once, without starting, in a cancelled scope; NotInCoroutineError outside a coroutine.
 * @example
 * ```ts
 * import { run, suspend } from "lunet";
 * const ring = new EventTarget();
 * const rings = () => suspend<Event>("ring", (resume) => {
 *   ring.addEventListener("ring", resume, { once: true });
 *   return () => ring.removeEventListener("ring", resume);
 * });
 * await run(async () => {
 *   queueMicrotask(() => ring.dispatchEvent(new Event("ring")));
 *   console.log((await rings()).type); // ring
 * });
 * ```
 */
export function suspend<T>(
  operation: string,
  start: (
    resume: (value: T) => void,
    fail: (error: unknown) => void,
  ) => ((cancelled: Cancelled) => void | "pending") | undefined,
): Promise<T> {
  return _suspendIn(_requireScope(operation), operation, start);
}

/**
 * Waits `delayMs` milliseconds (0 or more) on the monotonic clock.
 *
 * @throws RangeError for a negative delay or no number.
 */
export function sleep(delayMs: number): Promise<void> {
  if (!(delayMs >= 0)) throw new RangeError(`Cannot sleep: found ${delayMs} ms, wanted 0 or more`);
  return suspend<void>("sleep", (resume) => {
    const timer = setTimer(delayMs, resume);
    return () => timer.clear();
  });
}

/**
 * Waits until the event loop has gone round, so that everything else that is ready has its turn: for whoever has much to do
 * and nothing to wait for. It takes no time of its own, and no test clock drives it.
 *
 * @example
 * ```ts
 * import { giveWay, run } from "lunet";
 * await run(async () => {
 *   for (let part = 0; part < 10; part++) {
 *     // … a few milliseconds of work …
 *     await giveWay();
 *   }
 * });
 * ```
 */
export function giveWay(): Promise<void> {
  return suspend<void>("giveWay", onNextTurn);
}

/**
 * Waits for a promise that lunet did not make, and stops waiting at a cancel.
 *
 * The promise itself goes on: nobody can unwind it. A value that it gives after the cancel is disposed of if it can be;
 * a failure after the cancel has nobody left to tell and is dropped.
 *
 * @example
 * ```ts
 * import { run, until, withDeadline } from "lunet";
 * await run(async () => {
 *   const answer = await withDeadline(1000, () => until(Promise.resolve(42)));
 *   console.log(answer); // 42
 * });
 * ```
 */
export function until<T>(promise: PromiseLike<T>): Promise<T> {
  const scope = _requireScope("until");
  let isTaken = false;
  const outcome = _suspendIn<T>(scope, "until", (resume, fail) => {
    if (TRACE) waitsForForeign(promise);
    isTaken = true;
    promise.then(resume, fail);
    return () => {};
  });
  // The wait was refused, in a cancelled scope. The promise goes on all the same, and is left as by a cancel.
  if (!isTaken) {
    promise.then(
      (value) => scope.discard(value),
      () => {},
    );
  }
  return outcome;
}

/** Why the code that runs now was asked to finish by `cancel({ graceMs })`; undefined if it was not. */
export function cancelRequest(): { readonly reason: unknown; readonly graceMs: number } | undefined {
  return _requireScope("cancelRequest").request;
}

/**
 * Waits until the current scope is asked to finish by `cancel({ graceMs })`, and gives the reason and the grace.
 *
 * A server spawns a coroutine that waits here, and then stops accepting.
 */
export function waitCancelRequest(): Promise<{ readonly reason: unknown; readonly graceMs: number }> {
  const scope = _requireScope("waitCancelRequest");
  if (scope.request !== undefined && scope.effective === undefined) return Promise.resolve(scope.request);
  return _suspendIn(scope, "waitCancelRequest", (resume) => scope.onRequest(resume));
}

/** Milliseconds to the earliest deadline in force; `Infinity` without one, 0 when it is over. */
export function remainingMs(): number {
  return Math.max(0, _requireScope("remainingMs").deadlineAt - monotonicMs());
}

/**
 * True when the current scope has been cancelled, so that the next wait throws. For code that works long without a wait
 * of lunet's.
 *
 * @example
 * ```ts
 * import { isCancelled, run, spawn } from "lunet";
 * await run(async () => {
 *   const worker = spawn(async () => {
 *     for (let part = 0; part < 1_000 && !isCancelled(); part++) await Promise.resolve(part); // nothing of lunet's
 *   });
 *   worker.cancel();
 * });
 * ```
 */
export function isCancelled(): boolean {
  return _requireScope("isCancelled").effective !== undefined;
}

/** How many coroutines and inner scopes of the current scope still run. */
export function liveChildren(): number {
  return _requireScope("liveChildren").live;
}

/**
 * Keeps the current coroutine's context for code that runs outside it, such as a transport's callback: what the returned
 * function runs belongs to the coroutine, as if it had been called there. It must not be used after the coroutine's end.
 */
export function captureContext(): <T>(body: () => T) => T {
  ensureCoroutine("captureContext");
  return AsyncLocalStorage.snapshot();
}
