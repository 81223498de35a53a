/**
 * Faults on order: what `sweep` cancels or fails, at the k-th wait of what it runs.
 *
 * Waits count while an injection is armed and when they belong to what armed it: those in its scope or below, or, of
 * those, the ones in a scope that answers a request.
 */
import { callSite } from "./call-site.ts";
import type { ScopeEntry } from "./entry.ts";
import { currentScope, scopeEntryOf } from "./ledger.ts";

/** Where a fault was put. */
export interface InjectedAt {
  readonly operation: string;
  readonly site: string;
}

/** What is done at one wait. */
export interface Injection {
  /** Waits that count: those below the scope that armed it, all of them or those of requests' handlers. */
  readonly where: "requests" | "here";
  /** Which wait, from 1; 0 only counts. */
  readonly at: number;
  /**
   * `fail` makes the error that the wait throws: instead of being begun, or, if it is a close, when it is done. `strike`
   * is called when the wait has begun.
   */
  readonly fault: { readonly fail: (at: InjectedAt) => unknown } | { readonly strike: () => void };
}

interface Armed {
  readonly injection: Injection;
  readonly below: ScopeEntry | undefined;
  readonly operations: string[];
  hit: InjectedAt | undefined;
}

/** What an injection came to. */
export interface Injected {
  /** The operations of the waits that counted, in their order. */
  readonly operations: readonly string[];
  /** Where the fault was put, if it was. */
  readonly hit: InjectedAt | undefined;
}

/** A close that fails has closed all the same, as in POSIX: it fails when it is done, and not before it is begun. */
const FAILS_LATE = /(?:^|\W)close$/;

let armed: Armed | undefined;
/** What comes when the wait that is being begun has begun: the scope that waits, and what is done. */
let blow: { readonly scope: object; readonly fault: Injection["fault"]; readonly at: InjectedAt } | undefined;

/** Arms an injection for the current scope, which replaces any other. */
export function armInjection(injection: Injection): void {
  armed = { injection, below: currentScope(), operations: [], hit: undefined };
}

/** Takes the injection away, and tells what it came to. */
export function disarmInjection(): Injected {
  const { operations = [], hit } = armed ?? {};
  armed = undefined;
  blow = undefined;
  return { operations, hit };
}

function isIn(one: Armed, scope: ScopeEntry): boolean {
  if (one.below !== undefined && !scope.isIn(one.below)) return false;
  if (one.injection.where === "here") return true;
  return scope.answering !== undefined;
}

/** Before a wait: the failure that it is to throw, if one was ordered for it, in an array. */
export function injectedFailure(scope: object, operation: string): readonly [error: unknown] | undefined {
  if (armed === undefined) return undefined;
  const entry = scopeEntryOf(scope);
  if (entry === undefined || !isIn(armed, entry)) return undefined;
  const { fault, at } = armed.injection;
  if (armed.operations.push(operation) !== at) return undefined;
  const hit = { operation, site: callSite() };
  armed.hit = hit;
  if ("fail" in fault && !FAILS_LATE.test(operation)) return [fault.fail(hit)];
  blow = { scope, fault, at: hit };
  return undefined;
}

/** After a wait has begun: strikes, if that was ordered. Gives the promise that the wait is. */
export function strike<T>(scope: object, promise: Promise<T>): Promise<T> {
  // To begin one wait may run other coroutines up to theirs, which are not the one that was meant.
  if (blow?.scope !== scope) return promise;
  const { fault, at } = blow;
  blow = undefined;
  if ("fail" in fault) {
    return promise.then(() => {
      throw fault.fail(at);
    });
  }
  fault.strike();
  return promise;
}
