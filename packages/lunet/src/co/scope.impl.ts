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
 * - Cancelling never runs a coroutine's code at once: it rejects promises, and code goes on in a later microtask.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { TRACE, ended, made, resumed, suspended } from "#trace";
import { monotonicMs, setTimer, type Timer } from "../host/clock.ts";
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

  /** Scopes directly inside, among them those of the coroutines that were spawned here. */
  readonly #inner = new Set<_Scope>();
  #own: Cancelled | undefined;
  #timedOut = false;
  #deadlineTimer: Timer | undefined;
  #graceTimer: Timer | undefined;
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
    if (TRACE) made("scope", this, parent);
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
    for (const inner of this.#inner) yield* inner.waits();
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
    this.#graceTimer?.clear();
    this.#graceTimer = setTimer(graceMs, () => this.cancel(reason));
    this.#receiveRequest({ reason, graceMs });
  }

  #receiveRequest(request: _CancelRequest): void {
    if (this.request !== undefined) return;
    this.request = request;
    for (const listener of this.#requestListeners ?? []) listener(request);
    this.#requestListeners = undefined;
    for (const inner of this.#inner) if (!inner.shielded) inner.#receiveRequest(request);
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
    let wait = this.#firstWait;
    while (wait !== undefined) {
      const next: _Suspension<never> | undefined = wait.next;
      wait.interrupt(cancelled);
      wait = next;
    }
    for (const inner of this.#inner) if (!inner.shielded) inner.#interrupt(cancelled);
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
    this.#inner.add(inner);
    this.childStarted();
  }

  #release(inner: _Scope): void {
    this.#inner.delete(inner);
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
    Promise.resolve()
      .then(() => _runIn(new _Scope({ name: "late disposal", parent: owner, shielded: true }), dispose))
      .catch((error: unknown) => owner.receive(error, "late disposal"))
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
  }

  /** Resolves when nothing that was started in the scope lives any more. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Ends the scope and throws what it failed with, or the cancel that goes on outwards. */
  end(): void {
    this.ended = true;
    this.#deadlineTimer?.clear();
    this.#graceTimer?.clear();
    // Waits that the body started and did not await would float from here on.
    if (this.#firstWait !== undefined) this.#interrupt(new Cancelled(new ScopeEndedError("wait", this.name), this));
    if (this.parent !== undefined) this.parent.#release(this);
    if (TRACE) ended("scope", this);

    const failures = this.#failures;
    const interruption = this.#interruption;
    const ownInterruption = interruption !== undefined && interruption.scope === this;
    const errors = this.#timedOut && (ownInterruption || failures !== undefined) ? [this.#own?.reason] : [];
    errors.push(...(failures ?? []));
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new ScopeError(this.name, errors);
    if (interruption !== undefined) throw interruption;
  }
}

function disposerOf(value: unknown): (() => unknown) | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const disposable = value as Partial<AsyncDisposable & Disposable>;
  const dispose = disposable[Symbol.asyncDispose] ?? disposable[Symbol.dispose];
  return dispose === undefined ? undefined : () => dispose.call(value);
}

const ambient = new AsyncLocalStorage<_Scope>();

/** The scope of the code that runs now; undefined outside every coroutine. */
export function _currentScope(): _Scope | undefined {
  return ambient.getStore();
}

export function _requireScope(operation: string): _Scope {
  const scope = ambient.getStore();
  if (scope === undefined) throw new NotInCoroutineError(operation);
  return scope;
}

/** Runs `body` in `scope`, waits for all that the scope owns, ends it, and gives the body's value. */
export async function _runIn<T>(scope: _Scope, body: () => T | Promise<T>): Promise<T> {
  let value: T | undefined;
  try {
    value = await ambient.run(scope, body);
  } catch (error) {
    scope.receive(error, scope.name);
  }
  while (scope.live > 0) await scope.idle();
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
    scope.addWait(this as unknown as _Suspension<never>);
    if (TRACE) suspended(this, operation, scope);
    try {
      this.#cancel = start(
        (value) => this.resume(value),
        (error) => this.fail(error),
      );
    } catch (error) {
      this.fail(error);
    }
  }

  resume(value: T): void {
    if (this.#over) this.scope.discard(value);
    else {
      this.#end();
      this.#resolve(value);
    }
  }

  fail(error: unknown): void {
    if (this.#over) return;
    this.#end();
    this.#reject(error);
  }

  /** Cancels the operation. What it still acquires while it is being cancelled is handed over, not dropped. */
  interrupt(cancelled: Cancelled): void {
    if (this.#over || this.#cancel === undefined) return;
    let outcome: void | "pending";
    try {
      outcome = this.#cancel(cancelled);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (outcome !== "pending") this.fail(cancelled);
  }

  #end(): void {
    this.#over = true;
    this.scope.removeWait(this as unknown as _Suspension<never>);
    if (TRACE) resumed(this);
  }
}

/** Starts an operation. Returns how to cancel it, or nothing if it cannot be. */
export type _SuspendStart<T> = (
  resume: (value: T) => void,
  fail: (error: unknown) => void,
) => ((cancelled: Cancelled) => void | "pending") | undefined;

export function _suspendIn<T>(scope: _Scope, operation: string, start: _SuspendStart<T>): Promise<T> {
  if (scope.effective !== undefined) return Promise.reject(scope.effective);
  if (scope.ended) return Promise.reject(new ScopeEndedError(operation, scope.name));
  return new Promise<T>((resolve, reject) => {
    new _Suspension(operation, scope, resolve, reject, start);
  });
}
