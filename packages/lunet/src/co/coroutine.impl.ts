/** The coroutine: a scope with a body that was started and not awaited, and a handle for whoever started it. */
import { coroutineRuns, ended, made, startedAfterEnd, TRACE, waitsForEnd } from "#trace";
import { Cancelled, CoroutineCancelledError, ScopeEndedError } from "./errors.ts";
import { _requireScope, _runIn, _Scope, _suspendIn } from "./scope.impl.ts";

/** Where a coroutine stands. It leaves `running` once, when its body and everything it owns have ended. */
export type CoroutineState = "running" | "done" | "failed" | "cancelled";

/** How to end a coroutine. */
export interface CancelOptions {
  /** What the coroutine finds in `Cancelled.reason`. Default: `"cancelled"`. */
  readonly reason?: unknown;
  /**
   * How long the coroutine may go on after it was asked, in milliseconds; then its waits throw. Default 0: at once.
   */
  readonly graceMs?: number;
}

/**
 * A running call of a function, owned by the scope that it was spawned in.
 *
 * @typeParam T What its body returns.
 */
export interface Coroutine<T> extends AsyncDisposable {
  /** For messages and traces. Default: the function's name. */
  readonly name: string;
  readonly state: CoroutineState;
  /**
   * Waits until the coroutine has ended and gives what it returned. Throws what it failed with, and
   * `CoroutineCancelledError` if it was cancelled. Leaving the wait does not end the coroutine.
   */
  join(): Promise<T>;
  /**
   * Ends the coroutine: `cancel()` at once; `cancel({ graceMs })` asks first and insists after the grace. Does not
   * wait; use `join()`, or `await using`, which cancels and waits.
   */
  cancel(options?: CancelOptions): void;
}

export class _Coroutine<T> implements Coroutine<T> {
  readonly name: string;
  readonly #scope: _Scope;
  #state: CoroutineState = "running";
  #value: T | undefined;
  #error: unknown;
  #joiners: Set<() => void> | undefined;

  constructor(parent: _Scope, name: string, body: () => T | Promise<T>) {
    this.name = name;
    this.#scope = new _Scope({ name, parent });
    if (TRACE) {
      made("coroutine", this, parent, name);
      coroutineRuns(this, this.#scope);
    }
    parent.childStarted();
    _runIn(this.#scope, body).then(
      (value) => this.#end(parent, "done", value, undefined),
      (error: unknown) => {
        const cancelled = error instanceof Cancelled;
        this.#end(parent, cancelled ? "cancelled" : "failed", undefined, error);
      },
    );
  }

  get state(): CoroutineState {
    return this.#state;
  }

  #end(parent: _Scope, state: CoroutineState, value: T | undefined, error: unknown): void {
    this.#state = state;
    this.#value = value;
    this.#error = error;
    if (TRACE) ended("coroutine", this);
    for (const wake of this.#joiners ?? []) wake();
    this.#joiners = undefined;
    // A cancel that was meant for this coroutine alone is no news to its parent.
    const own = error instanceof Cancelled && error.scope === this.#scope;
    if (state !== "done" && !own) parent.receiveFromChild(error, this.name);
    parent.childEnded();
  }

  /** Waits, in the scope of whoever asks, until the coroutine has ended, however it ended. */
  _ended(waiter: _Scope): Promise<void> {
    if (this.#state !== "running") return Promise.resolve();
    for (let scope: _Scope | undefined = waiter; scope !== undefined; scope = scope.parent) {
      if (scope === this.#scope) {
        throw new TypeError(
          `Cannot join coroutine "${this.name}": found a call from inside it, which would wait for ever`,
        );
      }
    }
    return _suspendIn<void>(waiter, `join ${this.name}`, (resume) => {
      if (TRACE) waitsForEnd(this.#scope);
      this.#joiners ??= new Set();
      this.#joiners.add(resume);
      return () => {
        this.#joiners?.delete(resume);
      };
    });
  }

  async _join(waiter: _Scope): Promise<T> {
    await this._ended(waiter);
    if (this.#state === "done") return this.#value as T;
    // Where the joiner is being cancelled too, that is what ends it, and no failure.
    if (this.#error instanceof Cancelled && waiter.effective !== undefined) throw waiter.effective;
    if (this.#error instanceof Cancelled) throw new CoroutineCancelledError(this.name, this.#error);
    throw this.#error;
  }

  join(): Promise<T> {
    return this._join(_requireScope("join"));
  }

  cancel(options: CancelOptions = {}): void {
    const { reason = "cancelled", graceMs = 0 } = options;
    if (!(graceMs >= 0))
      throw new RangeError(`Cannot cancel "${this.name}": found graceMs ${graceMs}, wanted 0 or more`);
    if (graceMs > 0) this.#scope.ask(reason, graceMs);
    else this.#scope.cancel(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    // The end of an owned thing is cleanup: it is waited for even when the owner is being cancelled.
    const parent = _requireScope("dispose");
    const cleanup = new _Scope({ name: `end of ${this.name}`, parent, shielded: true });
    await _runIn(cleanup, () => this._ended(cleanup));
  }
}

export function _spawnIn<T>(parent: _Scope, name: string, body: () => T | Promise<T>): _Coroutine<T> {
  if (parent.ended) {
    if (TRACE) startedAfterEnd(parent, `spawn ${name}`);
    throw new ScopeEndedError(`spawn ${name}`, parent.name);
  }
  return new _Coroutine(parent, name, body);
}
