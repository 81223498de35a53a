/**
 * Faults on order: what `sweep` cancels or fails, at the k-th wait of what it runs.
 *
 * Waits count while an injection is armed and their scope is in it: below a scope that it names, or, for a request, in a
 * scope that answers one.
 */
import type { ScopeEntry } from "./entry.ts";
import { currentScope, scopeEntryOf } from "./ledger.ts";
import { callSite } from "./call-site.ts";

/** Where a fault was put. */
export interface InjectedAt {
  readonly operation: string;
  readonly site: string;
}

/** What is done at one wait. */
export interface Injection {
  /** Waits that count: those of requests' handlers, or those below the scope that armed it. */
  readonly where: "requests" | "here";
  /** Which wait, from 1; 0 only counts. */
  readonly at: number;
  /** `fail` makes the wait throw `error` instead of starting it; `strike` is called when the wait has begun. */
  readonly fault: { readonly fail: unknown } | { readonly strike: (scope: object) => void };
}

interface Armed {
  readonly injection: Injection;
  readonly below: ScopeEntry | undefined;
  count: number;
  hit: InjectedAt | undefined;
}

let armed: Armed | undefined;

/** Arms an injection, which replaces any other. */
export function armInjection(injection: Injection): void {
  armed = { injection, below: currentScope(), count: 0, hit: undefined };
}

/** Takes the injection away. Gives how many waits there were, and where the fault was put, if it was. */
export function disarmInjection(): { readonly waits: number; readonly hit: InjectedAt | undefined } {
  const { count = 0, hit } = armed ?? {};
  armed = undefined;
  return { waits: count, hit };
}

function isIn(one: Armed, scope: ScopeEntry): boolean {
  if (one.injection.where === "here") return one.below === undefined || scope.isIn(one.below);
  for (let outer: ScopeEntry | undefined = scope; outer !== undefined; outer = outer.outer) {
    if (outer.request !== undefined) return true;
  }
  return false;
}

let strikeNext: ((scope: object) => void) | undefined;

/** Before a wait: the failure that it is to throw, if one was ordered for it, in an array. */
export function injectedFailure(scope: object, operation: string): readonly [error: unknown] | undefined {
  if (armed === undefined) return undefined;
  const entry = scopeEntryOf(scope);
  if (entry === undefined || !isIn(armed, entry)) return undefined;
  const { injection } = armed;
  if (++armed.count !== injection.at) return undefined;
  armed.hit = { operation, site: callSite() };
  if ("fail" in injection.fault) return [injection.fault.fail];
  strikeNext = injection.fault.strike;
  return undefined;
}

/** After a wait has begun: strikes, if that was ordered. */
export function strike(scope: object): void {
  if (strikeNext === undefined) return;
  const blow = strikeNext;
  strikeNext = undefined;
  blow(scope);
}
