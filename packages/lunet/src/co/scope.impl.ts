/**
 * The scope: the one mechanism behind `run`, `spawn`, `scope`, `supervise`, `withDeadline` and `shield`.
 *
 * A scope owns what was started in it: coroutines, inner scopes, and the waits of the code that runs directly in it.
 * It ends when its body and everything it owns have ended, and not before.
 *
 * State of a scope, in this order, never back: open → (asked → ) cancelled → ended.
 * - asked: somebody wants it to finish; nothing is interrupted. A timer turns it into cancelled after the grace.
 * - cancelled: every wait below it, up to the next shield, throws `Cancelled`, now and each time again.
 * - ended: nothing may be started or awaited in it any more.
 *
 * Invariants:
 * - `effective` of a scope is the `Cancelled` of the outermost cancelled scope around it that no shield keeps away.
 *   The outermost, because its exception unwinds every inner scope as well.
 * - `live` counts what the scope still waits for: inner scopes, coroutines, late disposals.
 * - Nothing waits in a scope that has ended. Waits that its body began and did not await are cancelled at its end, and
 *   those that cannot be cancelled are waited for.
 * - Cancelling never runs a coroutine's code at once: it rejects promises, and code goes on in a later microtask.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  bodyBegun,
  bodyEnded,
  ended,
  foreignLeft,
  injectedFailure,
  made,
  promiseOut,
  resumed,
  resumedAgain,
  scopeEnding,
  startedAfterEnd,
  strike,
  suspended,
  TRACE,
  useAmbient,
  waitRefused,
  waitStarted,
} from "#trace";
import { monotonicMs, setTimer, type Timer } from "../host/clock.ts";
import { nextTurn } from "../host/process.ts";
import {
  Cancelled,
  CoroutineCancelledError,
  DeadlineError,
  NotInCoroutineError,
  ScopeEndedError,
  ScopeError,
} from "./errors.ts";

/** What becomes of a scope when a child fails: it fails too, or it reports the failure and goes on. */
export type _FailurePolicy = { readonly report: (error: unknown, name: string) => void } | undefined;

export interface _ScopeOptions {
  readonly name: string;
  readonly parent: _Scope | undefined;
  /** Cancels from outside do not reach into the scope. */
  readonly shielded?: boolean;
  /** Set for a supervisor. */
  readonly failurePolicy?: _FailurePolicy;
}

/** How long what came too late to be handed over may take to be disposed of, in milliseconds. */
const LATE_DISPOSAL_BUDGET_MS = 30_000;

/** What asked a scope to finish, before it is cancelled. */
export interface _CancelRequest {
  readonly reason: unknown;
  readonly graceMs: number;
}

export class _Scope {
  readonly name: string;
  readonly parent: _Scope | undefined;
  readonly shielded: boolean;
  readonly failurePolicy: _FailurePolicy;
  /** On the monotonic clock; the earliest of all deadlines in force here. */
  deadlineAt: number;
  effective: Cancelled | undefined;
  request: _CancelRequest | undefined;
  ended = false;
  live = 0;

  /** Scopes directly inside, among them those of the coroutines that were spawned here: a list through the scopes. */
  #firstInner: _Scope | undefined;
  #nextInner: _Scope | undefined;
  #previousInner: _Scope | undefined;
  #own: Cancelled | undefined;
  #timedOut = false;
  #deadlineTimer: Timer | undefined;
  #graceTimer: Timer | undefined;
  #graceEndsAt = Infinity;
  #failures: unknown[] | undefined;
  /** A cancel that came out of the body or of a child, not caused by a handle's `cancel()`. */
  #interruption: Cancelled | undefined;
  #firstWait: _Suspension<never> | undefined;
  #onIdle: (() => void) | undefined;
  #requestListeners: Set<(request: _CancelRequest) => void> | undefined;

  constructor(options: _ScopeOptions) {
    const { parent } = options;
    this.name = options.name;
    this.parent = parent;
    this.shielded = options.shielded ?? false;
    this.failurePolicy = options.failurePolicy;
    const open = parent === undefined || this.shielded;
    this.deadlineAt = open ? Infinity : parent.deadlineAt;
    this.effective = open ? undefined : parent.effective;
    this.request = open ? undefined : parent.request;
    if (parent !== undefined) parent.#adopt(this);
    if (TRACE) made("scope", this, parent, this.name);
  }

  /** The `Cancelled` of this very scope, if it was cancelled itself. */
  get own(): Cancelled | undefined {
    return this.#own;
  }

  get failures(): readonly unknown[] {
    return this.#failures ?? [];
  }

  /** The operations that wait below this scope, for messages. */
  *waits(): Generator<{ scope: string; operation: string }> {
    for (let wait = this.#firstWait; wait !== undefined; wait = wait.next) {
      yield { scope: this.name, operation: wait.operation };
    }
    for (let inner = this.#firstInner; inner !== undefined; inner = inner.#nextInner) yield* inner.waits();
  }

  /** Gives the scope `timeoutMs` from now. An earlier deadline from outside stays in force. */
  startDeadline(timeoutMs: number): void {
    const at = monotonicMs() + timeoutMs;
    if (at >= this.deadlineAt) return;
    this.deadlineAt = at;
    this.#deadlineTimer = setTimer(timeoutMs, () => {
      if (this.#own === undefined) this.#timedOut = true;
      this.cancel(new DeadlineError(timeoutMs));
    });
  }

  /** Asks the scope to finish and cancels it after the grace. Asking again can only shorten the grace. */
  ask(reason: unknown, graceMs: number): void {
    if (this.ended || this.#own !== undefined) return;
    const endsAt = monotonicMs() + graceMs;
    if (endsAt < this.#graceEndsAt) {
      this.#graceEndsAt = endsAt;
      this.#graceTimer?.clear();
      this.#graceTimer = setTimer(graceMs, () => this.cancel(reason));
    }
    this.#receiveRequest({ reason, graceMs });
  }

  #receiveRequest(request: _CancelRequest): void {
    if (this.request !== undefined) return;
    this.request = request;
    for (const listener of this.#requestListeners ?? []) listener(request);
    this.#requestListeners = undefined;
    for (let inner = this.#firstInner; inner !== undefined; inner = inner.#nextInner) {
      if (!inner.shielded) inner.#receiveRequest(request);
    }
  }

  /** Calls `listener` once, when the scope is asked to finish. Returns how to stop listening. */
  onRequest(listener: (request: _CancelRequest) => void): () => void {
    this.#requestListeners ??= new Set();
    this.#requestListeners.add(listener);
    return () => {
      this.#requestListeners?.delete(listener);
    };
  }

  /** Cancels the scope at once. The first reason stays. */
  cancel(reason: unknown): void {
    if (this.ended || this.#own !== undefined) return;
    this.#own = new Cancelled(reason, this);
    this.#graceTimer?.clear();
    // Around an outer cancel nothing changes for the waits: they have that one already, and it unwinds this scope too.
    if (this.effective === undefined) this.#interrupt(this.#own);
  }

  #interrupt(cancelled: Cancelled): void {
    this.effective = cancelled;
    this.#interruptWaits(cancelled);
    for (let inner = this.#firstInner; inner !== undefined; inner = inner.#nextInner) {
      if (!inner.shielded) inner.#interrupt(cancelled);
    }
  }

  #interruptWaits(cancelled: Cancelled): void {
    // Collected first: cancelling one operation may resume another, which takes it out of the list.
    const waits: _Suspension<never>[] = [];
    for (let wait = this.#firstWait; wait !== undefined; wait = wait.next) waits.push(wait);
    for (const wait of waits) wait.interrupt(cancelled);
  }

  /** Takes in an error of the body or of a child. What is cancellation is kept apart from what is failure. */
  receive(error: unknown, from: string): void {
    if (error instanceof Cancelled) {
      if (error.scope === this || this.#isBelow(error.scope)) {
        // An outer interruption outranks this scope's own: it has further to go.
        if (this.#interruption === undefined || this.#interruption.scope === this) this.#interruption = error;
        return;
      }
      // A promise shared with a coroutine that was cancelled: here it is a failure like any other.
      error = new CoroutineCancelledError(from, error);
    }
    this.#failures ??= [];
    // A body that joined the child that failed brings the same error a second time.
    if (!this.#failures.includes(error)) this.#failures.push(error);
    this.cancel(error);
  }

  /** Takes in what a coroutine that was spawned here ended with. A supervisor reports a failure and goes on. */
  receiveFromChild(error: unknown, name: string): void {
    if (this.failurePolicy === undefined || error instanceof Cancelled) this.receive(error, name);
    else {
      try {
        this.failurePolicy.report(error, name);
      } catch (reportError) {
        this.receive(reportError, name);
      }
    }
  }

  #isBelow(scope: object): boolean {
    for (let outer = this.parent; outer !== undefined; outer = outer.parent) if (outer === scope) return true;
    return false;
  }

  #adopt(inner: _Scope): void {
    inner.#nextInner = this.#firstInner;
    if (this.#firstInner !== undefined) this.#firstInner.#previousInner = inner;
    this.#firstInner = inner;
    this.live++;
  }

  #release(inner: _Scope): void {
    const previous = inner.#previousInner;
    const next = inner.#nextInner;
    if (previous === undefined) this.#firstInner = next;
    else previous.#nextInner = next;
    if (next !== undefined) next.#previousInner = previous;
    inner.#nextInner = undefined;
    inner.#previousInner = undefined;
    this.childEnded();
  }

  childStarted(): void {
    this.live++;
  }

  childEnded(): void {
    this.live--;
    if (this.live === 0) this.#onIdle?.();
  }

  /** Disposes of what was acquired too late to be handed over. The nearest living scope waits for it. */
  discard(value: unknown): void {
    const dispose = disposerOf(value);
    if (dispose === undefined) return;
    let owner: _Scope = this;
    while (owner.ended && owner.parent !== undefined) owner = owner.parent;
    owner.childStarted();
    const disposal = new _Scope({ name: "late disposal", parent: owner, shielded: true });
    disposal.startDeadline(LATE_DISPOSAL_BUDGET_MS);
    void _runIn(disposal, dispose)
      .catch((error: unknown) => {
        // After the root's end nobody is left to take it: then it ends the process, as any rejection does.
        if (owner.ended) throw error;
        owner.receive(error, "late disposal");
      })
      .finally(() => owner.childEnded());
  }

  addWait(wait: _Suspension<never>): void {
    wait.next = this.#firstWait;
    if (this.#firstWait !== undefined) this.#firstWait.previous = wait;
    this.#firstWait = wait;
  }

  removeWait(wait: _Suspension<never>): void {
    if (wait.previous === undefined) this.#firstWait = wait.next;
    else wait.previous.next = wait.next;
    if (wait.next !== undefined) wait.next.previous = wait.previous;
    wait.next = undefined;
    wait.previous = undefined;
    if (this.#firstWait === undefined) this.#onIdle?.();
  }

  /** True while a wait of the scope's own body has not come to its end. */
  get hasWaits(): boolean {
    return this.#firstWait !== undefined;
  }

  /** Resolves when a child or the last wait has ended; look again whether anything is left. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Cancels the waits that the body began and did not await, and waits for those that are not over at once. */
  async endFloatingWaits(): Promise<void> {
    if (this.effective === undefined) this.effective = new Cancelled(new ScopeEndedError("wait", this.name), this);
    this.#interruptWaits(this.effective);
    // One turn of the loop, so that their cleanups run up to their waits: after the end they would have no owner.
    await nextTurn();
    while (this.live > 0 || this.hasWaits) await this.idle();
  }

  /** Ends the scope and throws what it failed with, or the cancel that goes on outwards. */
  end(): void {
    this.ended = true;
    this.#deadlineTimer?.clear();
    this.#graceTimer?.clear();
    if (this.parent !== undefined) this.parent.#release(this);
    if (TRACE) foreignLeft(this);
    if (TRACE) ended("scope", this);

    const failures = this.#failures;
    const interruption = this.#interruption;
    const ownInterruption = interruption !== undefined && interruption.scope === this;
    const errors: unknown[] = [];
    if (this.#timedOut && (ownInterruption || failures !== undefined)) errors.push(this.#deadlineError());
    if (failures !== undefined) errors.push(...failures);
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new ScopeError(this.name, errors);
    // The cancel of floating waits is nobody's news: it did not come from outside, and nobody asked for it.
    if (interruption !== undefined && (!ownInterruption || interruption === this.#own)) throw interruption;
  }

  #deadlineError(): unknown {
    const error = this.#own?.reason;
    // It was made by a timer. From here its stack has the coroutine whose time was over.
    if (error instanceof DeadlineError) Error.captureStackTrace(error);
    return error;
  }
}

function disposerOf(value: unknown): (() => unknown) | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const disposable = value as Partial<AsyncDisposable & Disposable>;
  const dispose = disposable[Symbol.asyncDispose] ?? disposable[Symbol.dispose];
  return dispose === undefined ? undefined : () => dispose.call(value);
}

const ambient = new AsyncLocalStorage<_Scope>();
if (TRACE) useAmbient(() => ambient.getStore());

/** The scope of the code that runs now; undefined outside every coroutine. */
export function _currentScope(): _Scope | undefined {
  return ambient.getStore();
}

export function _requireScope(operation: string): _Scope {
  const scope = ambient.getStore();
  if (scope === undefined) throw new NotInCoroutineError(operation);
  return scope;
}

/**
 * `await using` in a cancelled scope meets the cancel once more in each disposer that waits, and wraps both in a
 * `SuppressedError`. Cancels alone are a cancel still; with a failure among them it is a failure.
 */
function withoutSuppressedCancels(error: unknown): unknown {
  if (!(error instanceof SuppressedError)) return error;
  const later = withoutSuppressedCancels(error.error);
  const earlier = withoutSuppressedCancels(error.suppressed);
  return later instanceof Cancelled && earlier instanceof Cancelled ? later : error;
}

/** The scope for an inner one: the current, which must be living, or what starts in it would have no owner. */
export function _requireLivingScope(operation: string): _Scope {
  const scope = _requireScope(operation);
  if (scope.ended) {
    if (TRACE) startedAfterEnd(scope, operation);
    throw new ScopeEndedError(operation, scope.name);
  }
  return scope;
}

/**
 * Takes in the failure of a promise that nobody awaited, in the context in which the promise was made: it is the failure
 * of the nearest scope that still lives. A cancel that nobody awaited is no failure.
 *
 * @returns False if it belongs to no coroutine, or to none that lives.
 */
export function _receiveUnhandled(error: unknown): boolean {
  if (error instanceof Cancelled) return true;
  let scope = ambient.getStore();
  while (scope?.ended === true) scope = scope.parent;
  scope?.receive(error, scope.name);
  return scope !== undefined;
}

/** Runs `body` in `scope`, waits for all that the scope owns, ends it, and gives the body's value. */
export async function _runIn<T>(scope: _Scope, body: () => T | Promise<T>): Promise<T> {
  let value: T | undefined;
  try {
    const running = ambient.run(scope, body);
    if (TRACE) bodyBegun(scope);
    value = await running;
    if (TRACE) bodyEnded(scope, true, scope.effective !== undefined);
  } catch (error) {
    if (TRACE) bodyEnded(scope, false, false);
    scope.receive(withoutSuppressedCancels(error), scope.name);
  }
  while (scope.live > 0) await scope.idle();
  if (scope.hasWaits) await scope.endFloatingWaits();
  if (TRACE) scopeEnding(scope, value, scope.failures);
  scope.end();
  return value as T;
}

/**
 * One wait of one coroutine, from its suspension to its resumption. It ends exactly once: by `resume`, by `fail`, or
 * by a cancel.
 */
export class _Suspension<T> {
  readonly operation: string;
  readonly scope: _Scope;
  next: _Suspension<never> | undefined = undefined;
  previous: _Suspension<never> | undefined = undefined;
  #over = false;
  #resolve: (value: T) => void;
  #reject: (error: unknown) => void;
  #cancel: ((cancelled: Cancelled) => void | "pending") | undefined;

  constructor(
    operation: string,
    scope: _Scope,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
    start: _SuspendStart<T>,
  ) {
    this.operation = operation;
    this.scope = scope;
    this.#resolve = resolve;
    this.#reject = reject;
    scope.addWait(this);
    if (TRACE) suspended(this, operation, scope);
    try {
      this.#cancel = start(
        (value) => this.resume(value),
        (error) => this.fail(error),
      );
    } catch (error) {
      this.fail(error);
    }
    if (TRACE) waitStarted(this, scope);
    // The start itself may have cancelled its scope.
    if (scope.effective !== undefined) this.interrupt(scope.effective);
  }

  resume(value: T): void {
    if (this.#over) {
      if (TRACE) resumedAgain(this, "resume");
      this.scope.discard(value);
      return;
    }
    if (TRACE) resumed(this, "value", value);
    this.#end();
    this.#resolve(value);
  }

  fail(error: unknown): void {
    if (this.#over) {
      if (TRACE) resumedAgain(this, "fail");
      return;
    }
    if (TRACE) resumed(this, error instanceof Cancelled ? "cancel" : "failure");
    this.#end();
    this.#reject(error);
  }

  /**
   * Cancels the operation, once: a second cancel, from further out, finds the first on its way. What the operation still
   * acquires while it is being cancelled is handed over, not dropped.
   */
  interrupt(cancelled: Cancelled): void {
    const cancel = this.#cancel;
    if (this.#over || cancel === undefined) return;
    this.#cancel = undefined;
    let outcome: void | "pending";
    try {
      outcome = cancel(cancelled);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (outcome !== "pending") this.fail(cancelled);
  }

  #end(): void {
    this.#over = true;
    this.scope.removeWait(this);
  }
}

/** Starts an operation. Returns how to cancel it, or nothing if it cannot be. */
export type _SuspendStart<T> = (
  resume: (value: T) => void,
  fail: (error: unknown) => void,
) => ((cancelled: Cancelled) => void | "pending") | undefined;

export function _suspendIn<T>(scope: _Scope, operation: string, start: _SuspendStart<T>): Promise<T> {
  if (scope.effective !== undefined) {
    if (TRACE) waitRefused(scope, operation);
    return Promise.reject(scope.effective);
  }
  if (scope.ended) {
    if (TRACE) startedAfterEnd(scope, operation);
    return Promise.reject(new ScopeEndedError(operation, scope.name));
  }
  if (TRACE) {
    const injected = injectedFailure(scope, operation);
    if (injected !== undefined) return Promise.reject(injected[0]);
  }
  const promise = new Promise<T>((resolve, reject) => {
    new _Suspension(operation, scope, resolve, reject, start);
  });
  if (TRACE) {
    promiseOut(promise);
    return strike(scope, promise);
  }
  return promise;
}
