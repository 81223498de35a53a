/**
 * The release build's trace: a constant and hooks that do nothing.
 *
 * Call sites read `if (TRACE) made("file", this)`. The constant is false in this file, so the engine and the bundler
 * drop the call. `on.ts` exports the same names; a test compares them, and that nothing of it is left in a release.
 */
import type { WaitEnd } from "./entry.ts";
import type { Finding, FindingClass } from "./findings.ts";
import type { Injected, Injection } from "./injection.ts";
import type { KindBalance } from "./kinds.ts";
import type { Snapshot } from "./snapshot.ts";

/** True in the trace build, chosen by the import condition `lunet-trace`. */
export const TRACE: boolean = false;

/** A thing with a life was created, in the current scope or by `owner`. */
export function made(_kind: string, _thing: object, _owner?: object, _name?: string): void {}

/** A thing with a life has ended. */
export function ended(_kind: string, _thing: object): void {}

/** A thing is being ended. */
export function ending(_thing: object): void {}

/** A thing that either side may end first has ended. */
export function endedOnce(_kind: string, _thing: object): void {}

/** A handle is used. */
export function touched(_thing: object, _operation: string): void {}

/** A handle is used after its end; `error` is about to be thrown for it. */
export function misused(_thing: object, _operation: string, _error: Error): void {}

/** The current scope takes a handle over. */
export function adopt(_thing: object): void {}

/** A thing is owned by another, and not by the scope that it was made in. */
export function ownedBy(_thing: object, _owner: object): void {}

/** How to find the scope of the code that runs now. */
export function useAmbient(_current: () => object | undefined): void {}

/** The body of a coroutine runs in a scope. */
export function coroutineRuns(_coroutine: object, _scope: object): void {}

/** The body of a scope was called, and has come to its first await. */
export function bodyBegun(_scope: object): void {}

/** The body of a scope has returned or thrown. */
export function bodyEnded(_scope: object, _returned: boolean, _isCancelled: boolean): void {}

/** A scope is about to end; its body returned `value`. */
export function scopeEnding(_scope: object, _value: unknown, _failures: readonly unknown[]): void {}

/** At the end of a scope: promises that lunet did not make and that still run. */
export function foreignLeft(_scope: object): void {}

/** A pool gave a connection out. */
export function leased(_pool: object, _connection: object, _purpose: string): void {}

/** A pool got a connection back. */
export function unleased(_pool: object, _connection: object, _clean: boolean): void {}

/** A database connection told whether a transaction is open on it. */
export function transactionState(_connection: object, _isOpen: boolean): void {}

/** A coroutine begins to wait. */
export function suspended(_suspension: object, _operation: string, _scope: object): void {}

/** The operation that is waited for has been started. */
export function waitStarted(_suspension: object, _scope: object): void {}

/** The wait that is being started waits on a handle. */
export function waitsOn(_thing: object): void {}

/** The wait that is being started waits for the end of a scope. */
export function waitsForEnd(_scope: object): void {}

/** The wait that is being started waits for a connection. */
export function waitsForPool(_pool: object, _size: number, _poolName: string): void {}

/** The wait that is being started waits for a promise that lunet did not make. */
export function waitsForForeign(_promise: PromiseLike<unknown>): void {}

/** The promise of the wait that was started goes out. */
export function promiseOut(_promise: Promise<unknown>): void {}

/** A wait is over. */
export function resumed(_suspension: object, _end: WaitEnd, _value?: unknown): void {}

/** A wait that is over was resumed or failed again. */
export function resumedAgain(_suspension: object, _how: "resume" | "fail"): void {}

/** A wait was refused, because its scope is cancelled. */
export function waitRefused(_scope: object, _operation: string): void {}

/** Something was started in a scope that has ended. */
export function startedAfterEnd(_scope: object, _operation: string): void {}

/** Looks for coroutines that wait for each other. */
export function findDeadlocks(_confirmed: boolean): void {}

/** Work that did not wait. */
export function ran(_operation: string, _elapsedMs: number): void {}

/** A root is about to run. */
export function rootStarted(): void {}

/** A root has ended. */
export function rootEnded(): void {}

/** The failure that a wait is to throw. */
export function injectedFailure(_scope: object, _operation: string): readonly [error: unknown] | undefined {
  return undefined;
}

/** Strikes at the wait that has begun. */
export function strike<T>(_scope: object, promise: Promise<T>): Promise<T> {
  return promise;
}

/** Arms an injection. */
export function armInjection(_injection: Injection): void {}

/** Takes the injection away. */
export function disarmInjection(): Injected {
  return { operations: [], hit: undefined };
}

/** Keeps findings instead of stopping. */
export function collectFindings(): void {}

/** The findings so far. None in the release build, which looks for nothing. */
export function findings(): readonly Finding[] {
  return [];
}

/** Takes findings out of the ledger. */
export function takeFindings(_which?: readonly FindingClass[] | ((finding: Finding) => boolean)): Finding[] {
  return [];
}

/** The report of one finding. */
export function describeFinding(_finding: Finding): string {
  return "";
}

/** The balance by kind. Empty in the release build, which counts nothing. */
export function balance(): ReadonlyMap<string, Readonly<KindBalance>> {
  return new Map();
}

/** Checks that all has ended. */
export function checkBalance(): void {}

/** The summary that is written at exit. */
export function summaryText(): string {
  return "";
}

/** The live tree; undefined in the release build, which knows of none. */
export function snapshot(): Snapshot | undefined {
  return undefined;
}

/** A snapshot as text. */
export function treeText(_shot: Snapshot): string {
  return "";
}
