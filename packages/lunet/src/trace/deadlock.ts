/**
 * The search for circles: waits that can only end when another one of them does.
 *
 * A wait for a coroutine's end cannot end while any wait below that coroutine cannot. A wait for a pooled connection
 * cannot end while every connection is held by somebody who cannot go on. All waits of these two kinds are taken to be
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
    for (const wait of stuck) {
      if (!canEnd(wait, stuck)) continue;
      stuck.delete(wait);
      changed = true;
    }
  }
  if (stuck.size === 0) {
    checks.passed++;
    return;
  }
  const circle = [...stuck].filter((wait) => wait.scope !== undefined);
  const first = circle[0];
  if (first === undefined) return;
  const lines = circle.map((wait) => {
    const forMs = Math.round(nowMs - wait.madeAtMs);
    return `${wait.scope?.who} waits ${forMs} ms for ${targetOf(wait)}, at ${wait.site}`;
  });
  const what = `${circle.length === 1 ? "a coroutine waits for itself" : `${circle.length} coroutines wait for each other`}, and nothing else could wake them`;
  report("K", "coroutine", what, first.site, [["circle", lines.join("\n")]]);
}

function targetOf({ target }: WaitEntry): string {
  if (target === undefined) return "nothing";
  return "join" in target ? `the end of ${target.join.who}` : `a connection of ${target.poolName}`;
}

function canEnd(wait: WaitEntry, stuck: ReadonlySet<WaitEntry>): boolean {
  const { target } = wait;
  if (target === undefined) return true;
  if ("join" in target) return !hasStuckBelow(target.join, stuck);
  const leases = leasesOf(target.pool);
  if (leases.size < target.size) return true;
  for (const lease of leases) {
    const { owner } = lease;
    if (!(owner instanceof ScopeEntry) || !hasStuckBelow(owner, stuck)) return true;
  }
  return false;
}

function hasStuckBelow(scope: ScopeEntry, stuck: ReadonlySet<WaitEntry>): boolean {
  for (const wait of stuck) if (wait.scope?.isIn(scope) === true) return true;
  return false;
}
