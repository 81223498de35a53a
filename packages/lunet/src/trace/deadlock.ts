/**
 * The search for circles: waits that can only end when another one of them does.
 *
 * A wait for a coroutine's end cannot end while any wait below that coroutine cannot. A wait for a pooled connection
 * cannot end while every connection is held by a body that cannot go on. All waits of these two kinds are taken to be
 * stuck at first; those that can end are taken out until nothing changes. What is left is a circle.
 */
import { realMonotonicMs } from "../host/clock.ts";
import { ScopeEntry, type WaitEntry } from "./entry.ts";
import { checks, report } from "./findings.ts";
import { leasesOf } from "./ledger.ts";
import { targeted } from "./waits.ts";

/** A circle is told when it has lasted so long: before, a cancel or an end may be on its way. */
const CONFIRM_MS = 150;
/** More waits than this are not searched. */
const MAX_SEARCHED = 2_000;

/** Looks for a circle and reports it. `confirmed`: nothing is on its way, the loop is empty. */
export function findDeadlocks(confirmed: boolean): void {
  if (targeted.size === 0 || targeted.size > MAX_SEARCHED) return;
  const nowMs = realMonotonicMs();
  const stuck = new Set<WaitEntry>();
  for (const wait of targeted) if (confirmed || nowMs - wait.madeAtMs >= CONFIRM_MS) stuck.add(wait);
  for (let changed = true; changed;) {
    changed = false;
    const above = scopesAbove(stuck);
    for (const wait of stuck) {
      if (!canEnd(wait, stuck, above)) continue;
      stuck.delete(wait);
      changed = true;
    }
  }
  if (stuck.size === 0) {
    checks.passed++;
    return;
  }
  leaveOutBystanders(stuck);
  const circle = [...stuck].filter((wait) => wait.scope !== undefined);
  const first = circle[0];
  if (first === undefined) return;
  const lines = circle.map((wait) => {
    const forMs = Math.round(nowMs - wait.madeAtMs);
    return `${wait.scope?.who} waits ${forMs} ms for ${targetOf(wait)}, at ${wait.site}`;
  });
  const what = `${circle.length === 1 ? "a coroutine waits for itself" : `${circle.length} coroutines wait for each other`}, and nothing but a deadline or a cancel could wake them`;
  report("K", "coroutine", what, first.site, [["circle", lines.join("\n")]]);
}

/**
 * Whether the body of a scope waits, and only for what is stuck. Coroutines that it started and that run beside it do not
 * count: it gives back what it holds without waiting for them.
 */
function isBodyStuck(owner: ScopeEntry, stuck: ReadonlySet<WaitEntry>): boolean {
  let isStuck = false;
  for (const wait of bodyWaits(owner)) {
    if (!stuck.has(wait)) return false;
    isStuck = true;
  }
  return isStuck;
}

/** What the body of a scope waits for: its own waits, and all below the inner scopes that it waits for. */
function* bodyWaits(scope: ScopeEntry, withCoroutines = false): Generator<WaitEntry> {
  yield* scope.waits;
  for (const inner of scope.inner) {
    if (withCoroutines || inner.coroutine === undefined) yield* bodyWaits(inner, true);
  }
}

/** Takes out whoever waits for the circle, and is not waited for by it: another end would not free the others. */
function leaveOutBystanders(stuck: Set<WaitEntry>): void {
  for (let changed = true; changed;) {
    changed = false;
    for (const wait of stuck) {
      if ([...stuck].some((other) => isHeldUpBy(other, wait))) continue;
      stuck.delete(wait);
      changed = true;
    }
  }
}

/** Whether the first wait cannot end before the second one does. */
function isHeldUpBy({ target }: WaitEntry, { scope }: WaitEntry): boolean {
  if (target === undefined || scope === undefined) return false;
  if ("join" in target) return scope.isIn(target.join);
  for (const { owner } of leasesOf(target.pool)) {
    if (owner instanceof ScopeEntry && isInBody(scope, owner)) return true;
  }
  return false;
}

/** Whether a scope is one that the body of `owner` runs in or waits for. */
function isInBody(scope: ScopeEntry, owner: ScopeEntry): boolean {
  for (let one: ScopeEntry | undefined = scope; one !== undefined; one = one.outer) {
    if (one === owner) return true;
    if (one.outer === owner) return one.coroutine === undefined;
  }
  return false;
}

function targetOf({ target }: WaitEntry): string {
  if (target === undefined) return "nothing";
  return "join" in target ? `the end of ${target.join.who}` : `a connection of ${target.poolName}`;
}

function canEnd(wait: WaitEntry, stuck: ReadonlySet<WaitEntry>, above: ReadonlySet<ScopeEntry>): boolean {
  const { target } = wait;
  if (target === undefined) return true;
  if ("join" in target) return !above.has(target.join);
  const leases = leasesOf(target.pool);
  if (leases.size < target.size) return true;
  for (const lease of leases) {
    const { owner } = lease;
    if (!(owner instanceof ScopeEntry) || !isBodyStuck(owner, stuck)) return true;
  }
  return false;
}

/** The scopes that a stuck wait stands in or below. */
function scopesAbove(stuck: ReadonlySet<WaitEntry>): Set<ScopeEntry> {
  const above = new Set<ScopeEntry>();
  for (const { scope: inner } of stuck) {
    for (let scope = inner; scope !== undefined && !above.has(scope); scope = scope.outer) above.add(scope);
  }
  return above;
}
