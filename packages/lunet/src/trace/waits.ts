/** The ledger of waits: what each coroutine waits for, and what the checks at its two ends find. */
import { AsyncLocalStorage } from "node:async_hooks";
import { realMonotonicMs } from "../host/clock.ts";
import { printable } from "../host/printable.ts";
import { countEnded, countMade } from "./balance.ts";
import { callSite } from "./call-site.ts";
import { RequestEntry, type ScopeEntry, WaitEntry, type WaitEnd } from "./entry.ts";
import { checks, report } from "./findings.ts";
import { bind, currentScope, entryOf, handOver, lifeOf, living, scopeEntryOf, useCurrentWait } from "./ledger.ts";
import { bodyOver, bodyYielded, sliceEnded, sliceStarted } from "./loop-watch.ts";

/** The wait whose `start` runs now, and the last one that was started. */
let starting: WaitEntry | undefined;
let started: WaitEntry | undefined;

/** The wait on whose way code runs, into every callback of what its start has set going. */
const onTheWay = new AsyncLocalStorage<WaitEntry | undefined>();
useCurrentWait(() => onTheWay.getStore());

/** Waits whose target the ledger knows: what the search for circles looks at. */
export const targeted = new Set<WaitEntry>();

/** A coroutine begins to wait: `start` is called next. */
export function suspended(suspension: object, operation: string, scope: object): void {
  const inScope = scopeEntryOf(scope);
  const wait = new WaitEntry(operation, callSite(), realMonotonicMs(), inScope);
  bind(suspension, wait);
  countMade("suspension", wait.site);
  if (inScope !== undefined) {
    inScope.waits.add(wait);
    sliceEnded(inScope, wait.madeAtMs, operation, wait.site);
    wait.partOf = inScope.answering;
  }
  wait.startedIn = starting;
  wait.onTheWayOf = onTheWay.getStore();
  starting = wait;
  onTheWay.enterWith(wait);
}

/** `start` has returned; the operation is on its way, or over already. */
export function waitStarted(suspension: object, scope: object): void {
  const wait = entryOf(suspension) as WaitEntry | undefined;
  if (wait === undefined) return;
  // The start may have begun a wait of its own, or stand in the start of another one.
  starting = wait.startedIn;
  wait.startedIn = undefined;
  started = wait;
  onTheWay.enterWith(wait.onTheWayOf);
  wait.onTheWayOf = undefined;
  const ambient = currentScope();
  const expected = scopeEntryOf(scope);
  // A wait may be started from outside its coroutine; it must not change where its caller is.
  if (ambient === undefined || expected === undefined || ambient === expected || ambient.isIn(expected)) return;
  if (expected.isIn(ambient)) return;
  report(
    "I",
    "suspension",
    `${wait.operation} left the ambient scope at ${ambient.who}, wanted ${expected.who}`,
    wait.site,
    [],
  );
}

/** The wait that is being started waits on a handle: when the handle ends, so must the wait. */
export function waitsOn(thing: object): void {
  const entry = entryOf(thing);
  if (starting === undefined || entry === undefined) return;
  starting.on = entry;
  (entry.waiters ??= new Set()).add(starting);
}

/** The wait that is being started waits for a coroutine, by its scope. */
export function waitsForEnd(scope: object): void {
  const join = scopeEntryOf(scope);
  if (starting === undefined || join === undefined) return;
  starting.target = { join };
  targeted.add(starting);
}

/** The wait that is being started waits for a connection of a pool of so many. */
export function waitsForPool(pool: object, size: number, poolName: string): void {
  if (starting === undefined) return;
  starting.target = { pool, size, poolName };
  targeted.add(starting);
}

/** A wait is over: with a value, a failure or a cancel. */
export function resumed(suspension: object, end: WaitEnd, value?: unknown): void {
  const wait = entryOf(suspension) as WaitEntry | undefined;
  if (wait === undefined || !wait.alive) return;
  const now = realMonotonicMs();
  wait.alive = false;
  wait.end = end;
  wait.endedAtMs = now;
  countEnded("suspension", wait.site);
  targeted.delete(wait);
  wait.on?.waiters?.delete(wait);
  const { scope } = wait;
  if (scope === undefined) return;
  scope.waits.delete(wait);
  sliceStarted(scope, now);
  if (wait.partOf !== undefined) {
    wait.partOf.addSpan({
      operation: wait.operation,
      who: scope.coroutineName,
      site: wait.site,
      fromMs: wait.madeAtMs,
      toMs: now,
      outcome: end,
    });
  }
  if (end === "value") handOver(value, wait);
  if (end === "cancel") scope.cancelledWait ??= { operation: wait.operation, site: wait.site };
  checkStack(wait, scope);
  if (wait.isWatched && !wait.isAwaited) (scope.unawaited ??= new Set()).add(wait);
}

/**
 * The check of the stack: an operation leaves the handles of its scope as it found them, but for what it hands over. What
 * counts is what was made on its own way; what other code makes meanwhile is not its.
 */
function checkStack(wait: WaitEntry, scope: ScopeEntry): void {
  for (const left of scope.owned ?? []) {
    if (left.madeIn !== wait || left.wasGiven || !left.policy.scoped) continue;
    const what = `${wait.operation} left ${left.title} behind in ${scope.who}`;
    report("I", left.kind, what, left.site, [["operation", `${wait.operation}, at ${wait.site}`], ...lifeOf(left)]);
    return;
  }
  checks.passed++;
}

/** `resume` or `fail` was called on a wait that is over. After a cancel that is allowed once: the outcome came too late. */
export function resumedAgain(suspension: object, how: "resume" | "fail"): void {
  const wait = entryOf(suspension) as WaitEntry | undefined;
  if (wait === undefined) return;
  if (wait.end === "cancel" && !wait.wasLate) {
    wait.wasLate = true;
    return;
  }
  const at = callSite();
  const what = `${how}() was called on the wait "${wait.operation}", which has ended with a ${wait.end}`;
  report("D", "suspension", what, at, [["called", `at ${at}`], ["waited", `at ${wait.site}`], ...lifeOf(wait)]);
}

/**
 * The promise of the last wait that was started goes out to the program. Whoever awaits a promise, or adds a reaction to
 * it, reads its `constructor` first (ECMA-262, PromiseResolve and SpeciesConstructor): so an own one tells of it, at
 * no change of the order in which things run.
 */
export function promiseOut(promise: Promise<unknown>): void {
  const wait = started;
  if (wait === undefined) return;
  wait.isWatched = true;
  Reflect.defineProperty(promise, "constructor", {
    configurable: true,
    get: () => {
      wait.isAwaited = true;
      // A connection's scope lives for as many waits as there are requests on it: none may stay in it.
      wait.scope?.unawaited?.delete(wait);
      return Promise;
    },
  });
  // It ended within its start: it is known only now that it can be looked at.
  if (!wait.alive && wait.scope !== undefined) (wait.scope.unawaited ??= new Set()).add(wait);
}

/** A wait was refused because its scope is cancelled: the cancel was thrown once more. */
export function waitRefused(scope: object, operation: string): void {
  const entry = scopeEntryOf(scope);
  if (entry !== undefined) entry.cancelledWait ??= { operation, site: callSite() };
}

/** Something was started or awaited in a scope that has ended: whoever does so floats. */
export function startedAfterEnd(scope: object, operation: string): void {
  const entry = scopeEntryOf(scope);
  if (entry === undefined) return;
  const site = callSite();
  const what = `"${operation}" is called by code that goes on after its scope, ${entry.who}, has ended`;
  report("F", "coroutine", what, site, [["called", `at ${site}`], ...lifeOf(entry)]);
}

/** The body of a scope was called, and has come to its first await, or to its end: whoever called it goes on. */
export function bodyBegun(scope: object): void {
  const entry = scopeEntryOf(scope);
  if (entry !== undefined) bodyYielded(entry, currentScope(), realMonotonicMs());
}

/** The body of a scope has returned, or thrown. What it began has not been waited for yet. */
export function bodyEnded(scope: object, returned: boolean, isCancelled: boolean): void {
  const entry = scopeEntryOf(scope);
  if (entry === undefined) return;
  bodyOver(entry, realMonotonicMs());
  if (!returned) return;
  if (isCancelled && entry.cancelledWait !== undefined) {
    const { operation, site } = entry.cancelledWait;
    const what = `${entry.who} was cancelled in ${operation}, and returned as if it had not been`;
    report("M", "scope", what, site, [["thrown", `out of ${operation}, at ${site}`], ...lifeOf(entry)]);
  }
  for (const inner of entry.inner) {
    if (inner.coroutine !== undefined || inner.name === "late disposal") continue;
    const what = `the scope "${inner.name}" still runs, and the body of ${entry.who} that began it has returned`;
    report("F", "scope", what, inner.site, lifeOf(inner));
  }
  for (const wait of entry.waits) floats(wait, entry, "still waits, and the body that began it has returned");
  for (const wait of entry.unawaited ?? []) if (!wait.isAwaited) floats(wait, entry, "was never awaited");
  entry.unawaited = undefined;
  checks.passed++;
}

function floats(wait: WaitEntry, scope: ScopeEntry, how: string): void {
  const facts: Array<readonly [string, string]> = [
    ["started", `at ${wait.site}`],
    ["owner", `${scope.who}, begun at ${scope.site}`],
  ];
  if (wait.partOf !== undefined) facts.push(["request", printable(wait.partOf.name)]);
  if (wait.isAwaited) {
    facts.push(["awaited", "by something that did not wait for its end, such as Promise.race or Promise.any"]);
    facts.push([
      "do",
      "Limit it with withDeadline(), or run it in a coroutine and cancel that before the body returns.",
    ]);
  }
  report("F", "suspension", `the promise of ${wait.operation} ${how}`, wait.site, facts);
}

/** The wait that is being started waits for a promise that lunet did not make. */
export function waitsForForeign(promise: PromiseLike<unknown>): void {
  const wait = starting;
  if (wait?.scope === undefined) return;
  const one = { site: wait.site };
  const running = (wait.scope.foreign ??= new Set());
  running.add(one);
  const over = (): void => void running.delete(one);
  promise.then(over, over);
}

/** At the end of a scope: foreign promises that still run. They cannot be unwound, so they are told and stop nothing. */
export function foreignLeft(scope: object): void {
  const entry = scopeEntryOf(scope);
  for (const one of entry?.foreign ?? []) {
    const what = `a promise that lunet did not make still runs, and ${entry?.who} ends`;
    report("F", "foreign promise", what, one.site, [["awaited", `with until(), at ${one.site}`]], true);
  }
}

/** The requests that are being answered. */
export function livingRequests(): RequestEntry[] {
  return [...living.values()].filter((entry) => entry instanceof RequestEntry);
}
