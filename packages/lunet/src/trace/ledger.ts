/**
 * The ledger: every thing with a life, from the line that made it to its end, and who is to end it.
 *
 * Rules:
 * - A thing is owned by the scope whose code made it, or by another thing: a statement by its transaction.
 * - What a wait hands over belongs to the scope that waited, and its line is the one that waited.
 * - What a scope's body returns goes to the scope around it with all that it holds; whatever else of its handles lives when
 *   the scope ends is a finding of its own.
 * - Nothing here holds a thing: entries are found by it, never the other way round.
 */
import { realMonotonicMs } from "../host/clock.ts";
import { printable } from "../host/printable.ts";
import { countEnded, countMade, recount } from "./balance.ts";
import { callSite } from "./call-site.ts";
import { Entry, RequestEntry, ScopeEntry, type Touch, type WaitEntry } from "./entry.ts";
import { checks, type Finding, report, settings } from "./findings.ts";
import { isPlain, ownValues, visitHeld } from "./held-values.ts";
import { isRuntimeKind, policyOf } from "./kinds.ts";
import { sliceEnded } from "./loop-watch.ts";

const known = new WeakMap<object, Entry>();
/** Handles that live, and whatever else is no scope and no wait. */
export const living = new Map<number, Entry>();
/** Scopes without a scope around them. */
export const roots = new Set<ScopeEntry>();
/** Living things of kinds that have a limit of how long they may be held. */
export const limited = new Set<Entry>();

let ambientScope: () => object | undefined = () => undefined;

/** Tells the ledger how to find the scope of the code that runs now. */
export function useAmbient(current: () => object | undefined): void {
  ambientScope = current;
}

/** The entry of the scope of the code that runs now. */
export function currentScope(): ScopeEntry | undefined {
  const scope = ambientScope();
  return scope === undefined ? undefined : (known.get(scope) as ScopeEntry | undefined);
}

export function entryOf(thing: object): Entry | undefined {
  return known.get(thing);
}

export function scopeEntryOf(scope: object): ScopeEntry | undefined {
  return known.get(scope) as ScopeEntry | undefined;
}

export function bind(thing: object, entry: Entry): void {
  known.set(thing, entry);
}

const collected = new FinalizationRegistry<Entry>((entry) => {
  if (!entry.alive) return;
  if (entry.isLeaked) return close(entry, "");
  report("B", entry.kind, `${entry.title} is gone, and was never ended`, entry.site, lifeOf(entry));
  close(entry, "");
});

function open(entry: Entry, thing: object): void {
  known.set(thing, entry);
  living.set(entry.id, entry);
  countMade(entry.kind, entry.site);
  if (entry.owner !== undefined) (entry.owner.owned ??= new Set()).add(entry);
  if (settings.heldMs.has(entry.kind)) limited.add(entry);
  if (entry.policy.collectable) collected.register(thing, entry);
}

function close(entry: Entry, site: string): void {
  entry.alive = false;
  entry.endedAtMs = realMonotonicMs();
  if (entry.endedSite === "") entry.endedSite = site;
  living.delete(entry.id);
  limited.delete(entry);
  entry.owner?.owned?.delete(entry);
  countEnded(entry.kind, entry.site);
}

/**
 * A thing with a life was made.
 *
 * @param owner Who is to end it. Default: the scope of the code that runs now.
 */
export function made(kind: string, thing: object, owner?: object, name = ""): void {
  const before = known.get(thing);
  if (before?.alive === true) {
    report("D", kind, `${before.title} was entered a second time`, before.site, lifeOf(before));
    return;
  }
  const site = policyOf(kind).sited ? callSite() : "";
  const atMs = realMonotonicMs();
  const ownerEntry = owner === undefined ? currentScope() : known.get(owner);
  if (kind === "scope") return openScope(thing, new ScopeEntry(name, site, atMs, ownerEntry));
  if (kind === "request") return openRequest(thing, new RequestEntry(kind, name, site, atMs, ownerEntry));
  const entry = new Entry(kind, name, site, atMs, ownerEntry);
  if (entry.policy.scoped) {
    entry.madeIn = currentWait();
    entry.request = currentScope()?.answering?.name;
  }
  open(entry, thing);
}

/** The wait on whose way the code runs: in its start, or in what the start has set going. */
let currentWait: () => WaitEntry | undefined = () => undefined;

/** Tells the ledger how to find it. */
export function useCurrentWait(current: () => WaitEntry | undefined): void {
  currentWait = current;
}

function openScope(thing: object, entry: ScopeEntry): void {
  const running = currentScope();
  if (running !== undefined) sliceEnded(running, entry.madeAtMs, `the scope "${entry.name}"`, entry.site);
  known.set(thing, entry);
  countMade("scope", entry.site);
  const { outer } = entry;
  entry.runsSinceMs = entry.madeAtMs;
  if (outer === undefined) roots.add(entry);
  else outer.inner.add(entry);
}

function openRequest(thing: object, entry: RequestEntry): void {
  open(entry, thing);
  entry.scope = currentScope();
  if (entry.scope !== undefined) entry.scope.answers = entry;
}

/** The body of a coroutine runs in `scope`. */
export function coroutineRuns(coroutine: object, scope: object): void {
  const entry = known.get(scope);
  if (entry instanceof ScopeEntry) entry.coroutine = known.get(coroutine);
}

let onRequestEnd: (request: RequestEntry) => void = () => {};

/** Calls `listener` with each request that has ended. */
export function useRequestEnd(listener: (request: RequestEntry) => void): void {
  onRequestEnd = listener;
}

/** A thing is being ended: the line that does so is the program's, whichever callback tells of its end later. */
export function ending(thing: object): void {
  const entry = known.get(thing);
  if (entry?.alive !== true) return;
  entry.isEnding = true;
  if (entry.policy.ringed) entry.endedSite = callSite();
}

/** A thing with a life has ended. */
export function ended(kind: string, thing: object): void {
  const entry = known.get(thing);
  if (entry === undefined) throw new TypeError(`Cannot end a ${kind}: found one that was never made`);
  if (!entry.alive) {
    report("D", kind, `${entry.title} was ended a second time`, callSite(), lifeOf(entry));
    return;
  }
  checks.passed++;
  if (entry instanceof ScopeEntry) return endScope(entry);
  close(entry, entry.endedSite === "" && (entry.policy.ringed || entry.owned !== undefined) ? callSite() : "");
  if (entry instanceof RequestEntry) {
    if (entry.scope?.answers === entry) entry.scope.answers = undefined;
    onRequestEnd(entry);
  }
  if (entry.waiters !== undefined && entry.waiters.size > 0) left.set(entry, 0);
  if (entry.owned !== undefined) for (const one of entry.owned) if (one.policy.scoped) leaked(one, entry);
}

/** Handles that ended while somebody waited on them, and how often they were looked at since. */
const left = new Map<Entry, number>();
/** How soon whoever waits on a handle has to be told of its end: the system may take some turns of the loop. */
const TOLD_WITHIN_MS = 200;
/** On a busy loop all of that may be one turn, whose end, with the system's close, comes after the watchdog. Looks are turns. */
const TOLD_WITHIN_LOOKS = 3;

/** Whoever waited on a handle when it ended has to have been told. */
export function checkWaiters(nowMs: number): void {
  for (const [entry, looks] of left) {
    left.set(entry, looks + 1);
    if (looks < TOLD_WITHIN_LOOKS || nowMs - entry.endedAtMs < TOLD_WITHIN_MS) continue;
    left.delete(entry);
    checks.passed++;
    for (const wait of entry.waiters ?? []) {
      const what = `${wait.operation} of ${wait.scope?.who} still waits on ${entry.title}, which has ended`;
      report("A", "suspension", what, wait.site, [
        ["waits", `at ${wait.site}`],
        ...lifeOf(entry),
        ["do", "Whoever ends a thing wakes those who wait on it: fail their wait, with ClosedError for instance."],
      ]);
    }
  }
}

function endScope(entry: ScopeEntry): void {
  entry.alive = false;
  entry.endedAtMs = realMonotonicMs();
  countEnded("scope", entry.site);
  if (entry.outer === undefined) roots.delete(entry);
  else entry.outer.inner.delete(entry);
}

/** A thing that either side may end first has ended. */
export function endedOnce(kind: string, thing: object): void {
  if (known.get(thing)?.alive === true) ended(kind, thing);
}

/** Something is still alive at the end of what owns it. */
function leaked(entry: Entry, owner: Entry, failure?: unknown): void {
  const letter = entry.kind === "transaction" ? "G" : "A";
  const ends = owner instanceof ScopeEntry ? owner.who : owner.title;
  const facts = failure === undefined ? [] : [["failed", `${ends}, with ${describeError(failure)}`] as const];
  report(letter, entry.kind, `${entry.title} is still alive, and ${ends} ends`, entry.site, [
    ...facts,
    ...lifeOf(entry),
  ]);
  // Told once: from here nobody owns it.
  entry.isLeaked = true;
  disown(entry);
}

/** Lines of a stack that are told of a failure: a leak is often its consequence. */
const MAX_STACK_LINES = 6;

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error.stack ?? String(error)).split("\n").slice(0, MAX_STACK_LINES).join("\n");
}

function disown(entry: Entry): void {
  entry.owner?.owned?.delete(entry);
  entry.owner = undefined;
}

function give(entry: Entry, to: Entry | undefined): void {
  entry.owner?.owned?.delete(entry);
  entry.wasGiven = true;
  entry.owner = to;
  if (to !== undefined) (to.owned ??= new Set()).add(entry);
}

/** A thing is owned by another one, and not by the scope that it was made in. */
export function ownedBy(thing: object, owner: object): void {
  const entry = known.get(thing);
  if (entry?.alive === true) give(entry, known.get(owner));
}

/** The current scope takes over a handle that another one made, and all of its kind of duty: to end it. */
export function adopt(thing: object): void {
  const entry = known.get(thing);
  const scope = currentScope();
  if (entry === undefined || !entry.alive || scope === undefined) return;
  give(entry, scope);
}

/** What a wait hands over belongs to whoever waited. */
export function handOver(value: unknown, wait: WaitEntry): void {
  if (typeof value !== "object" || value === null || wait.scope === undefined) return;
  for (const thing of handed(value)) {
    for (const entry of [known.get(thing), leaseOf(thing)]) {
      if (entry === undefined || !entry.alive || !entry.policy.scoped) continue;
      if (entry.site !== wait.site) recount(entry.kind, entry.site, wait.site);
      entry.site = wait.site;
      give(entry, wait.scope);
    }
  }
}

/** Parts of a plain value that are looked at when a wait hands it over: a pair, a small record; not a list of rows. */
const MAX_HANDED = 8;

/** The value of a wait, or the things in a small plain one. */
function handed(value: object): object[] {
  if (known.has(value) || leases.has(value) || !isPlain(value)) return [value];
  const keys = Object.keys(value);
  if (keys.length > MAX_HANDED) return [];
  return ownValues(value).filter((part): part is object => typeof part === "object" && part !== null);
}

/**
 * The body of a scope has come to its end, and so has all that it waits for.
 *
 * @param value What the body returned: it goes to the scope around, with the handles that it holds.
 * @param failures What the scope fails with: a handle is often left because of it.
 */
export function scopeEnding(scope: object, value: unknown, failures: readonly unknown[]): void {
  const entry = known.get(scope) as ScopeEntry | undefined;
  if (entry === undefined) return;
  checks.passed++;
  if (entry.owned === undefined || entry.owned.size === 0) return;
  const isOpaque = visitHeld(value, (thing) => {
    const found = known.get(thing);
    for (const held of [found, leaseOf(thing)]) {
      if (held?.alive === true && held.owner === entry) give(held, entry.outer);
    }
    // The runtime's own things hold what the ledger knows; a program's own may hold anything.
    if (found !== undefined) return isRuntimeKind(found.kind) ? "closed" : "opaque";
    return undefined;
  });
  // Whoever is given away leaves the set on the way.
  for (const one of entry.owned) {
    if (!one.policy.scoped) continue;
    if (isOpaque) give(one, entry.outer);
    else leaked(one, entry, failures[0]);
  }
}

/** A handle is used: remembered, and checked to be used below its owner's scope. */
export function touched(thing: object, operation: string): void {
  const entry = known.get(thing);
  if (entry === undefined) return;
  const site = entry.policy.ringed ? remember(entry, operation) : "";
  const { owner } = entry;
  if (!(owner instanceof ScopeEntry)) return;
  const scope = currentScope();
  if (scope === undefined) return;
  if (scope.isIn(owner)) {
    checks.passed++;
    return;
  }
  // Told once for each user.
  if (entry.strangers?.has(scope) === true) return;
  (entry.strangers ??= new WeakSet()).add(scope);
  const at = site === "" ? callSite() : site;
  const what = `${entry.title} is used by ${scope.who}, and belongs to ${owner.who}`;
  report("H", entry.kind, what, at, [["used", `${operation}, at ${at}`], ...lifeOf(entry)]);
}

function remember(entry: Entry, operation: string): string {
  const site = callSite();
  const touch: Touch = { operation, atMs: realMonotonicMs(), site };
  const ring = (entry.touches ??= []);
  if (ring.length < settings.touches) ring.push(touch);
  else ring[entry.touchCount % ring.length] = touch;
  entry.touchCount++;
  return site;
}

/** A handle is used after its end. `error`, which is about to be thrown, is told where that was. */
export function misused(thing: object, operation: string, error: Error): void {
  const entry = known.get(thing);
  if (entry === undefined || (entry.alive && !entry.isEnding)) return;
  const site = callSite();
  error.message += `; it was made at ${entry.site}${entry.endedSite === "" ? "" : ` and ended at ${entry.endedSite}`}`;
  const letter = operation === "close" ? "D" : "E";
  const what = letter === "D" ? `${entry.title} is closed a second time` : `${entry.title} is used after its end`;
  const scope = currentScope();
  const by = scope === undefined ? "" : `, by ${scope.who}`;
  report(letter, entry.kind, what, site, [["used", `${operation}, at ${site}${by}`], ...lifeOf(entry)]);
}

/** What is told of a thing in every report. */
export function lifeOf(entry: Entry): Finding["facts"] {
  const now = realMonotonicMs();
  const facts: Array<readonly [string, string]> = [["made", `${placed(entry.site)}${ago(now - entry.madeAtMs)}`]];
  if (entry.request !== undefined) facts.push(["request", printable(entry.request)]);
  if (entry.alive && entry.isEnding) facts.push(["ending", `at ${entry.endedSite}`]);
  if (!entry.alive) {
    facts.push(["ended", `${placed(entry.endedSite)}${ago(now - entry.endedAtMs)}`]);
  }
  const touches = entry.lastTouches().map((one) => `${one.operation} at ${one.site}, ${ago(now - one.atMs)}`);
  if (touches.length > 0) facts.push(["touched", touches.join("\n")]);
  const { owner } = entry;
  if (owner instanceof ScopeEntry) {
    facts.push(["owner", `${owner.who}${owner.alive ? "" : ", which has ended"}, begun at ${owner.site}`]);
  } else facts.push(["owner", owner === undefined ? "nobody" : owner.title]);
  return facts;
}

/** The beginning of a fact that has a line, which not every kind keeps. */
function placed(site: string): string {
  return site === "" ? "" : `at ${site}, `;
}

function ago(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms ago` : `${(ms / 1_000).toFixed(1)} s ago`;
}

/** Leases: what is out of a pool, by connection. */
const leases = new WeakMap<object, Entry>();
const leasesOfPool = new WeakMap<object, Set<Entry>>();

function leaseOf(connection: object): Entry | undefined {
  return leases.get(connection);
}

/** The connections that are out of a pool. */
export function leasesOf(pool: object): ReadonlySet<Entry> {
  return leasesOfPool.get(pool) ?? new Set();
}

/** A pool gave a connection out. Until a wait hands it over it belongs to the statement that runs on it. */
export function leased(pool: object, connection: object, purpose: string): void {
  const token = {};
  const entry = new Entry("lease", purpose, "", realMonotonicMs(), undefined);
  open(entry, token);
  leases.set(connection, entry);
  let ofPool = leasesOfPool.get(pool);
  if (ofPool === undefined) leasesOfPool.set(pool, (ofPool = new Set()));
  ofPool.add(entry);
}

/** A connection came back to its pool, to be used again (`clean`) or to be destroyed. */
export function unleased(pool: object, connection: object, clean: boolean): void {
  const entry = leases.get(connection);
  if (entry === undefined || !entry.alive) return;
  leases.delete(connection);
  leasesOfPool.get(pool)?.delete(entry);
  const state = known.get(connection);
  if (clean && state?.hasOpenTransaction === true) {
    const what = `${state.title} comes back to its pool with a transaction open`;
    const site = entry.site === "" ? callSite() : entry.site;
    report("G", "lease", what, site, [
      ["lent", `to ${entry.name}`],
      ["given back", `at ${callSite()}`],
      ...lifeOf(entry),
    ]);
  } else checks.passed++;
  close(entry, "");
}

/** A database connection has told whether a transaction is open on it. */
export function transactionState(connection: object, isOpen: boolean): void {
  const entry = known.get(connection);
  if (entry !== undefined) entry.hasOpenTransaction = isOpen;
}
