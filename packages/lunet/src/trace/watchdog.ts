/** The part of the trace build that looks at the clock: what is held for too long, circles, and a loop that stands still. */
import { realMonotonicMs } from "../host/clock.ts";
import { everyMs } from "../host/process.ts";
import { findDeadlocks } from "./deadlock.ts";
import { report, settings } from "./findings.ts";
import { checkWaiters, lifeOf, limited } from "./ledger.ts";
import { beat, BEAT_MS, resetBeat } from "./loop-watch.ts";

let stop: (() => void) | undefined;
let running = 0;

/** Watches while at least one root runs. */
export function startWatchdog(): void {
  running++;
  if (stop !== undefined) return;
  resetBeat();
  stop = everyMs(BEAT_MS, tick);
}

/** A root has ended. */
export function stopWatchdog(): void {
  running--;
  if (running > 0) return;
  stop?.();
  stop = undefined;
}

function tick(): void {
  const nowMs = realMonotonicMs();
  beat(nowMs);
  for (const entry of limited) {
    const limitMs = settings.heldMs.get(entry.kind) ?? Infinity;
    // A lease that no wait has handed over belongs to a running statement, which has limits of its own.
    const isStatements = entry.kind === "lease" && entry.owner === undefined;
    if (entry.isOverdue || isStatements || nowMs - entry.madeAtMs <= limitMs) continue;
    entry.isOverdue = true;
    const heldMs = Math.round(nowMs - entry.madeAtMs);
    report(
      "C",
      entry.kind,
      `${entry.title} is held for ${heldMs} ms, limit is ${limitMs} ms`,
      entry.site,
      lifeOf(entry),
    );
  }
  checkWaiters(nowMs);
  findDeadlocks(false);
}
