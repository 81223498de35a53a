/**
 * Who holds the event loop: a coroutine's slice is from its resumption to its next wait.
 *
 * A slice is told from waiting for something foreign by the beat, a timer that fires while the loop turns: a slice begins
 * no earlier than the last beat.
 */
import { realMonotonicMs } from "../host/clock.ts";
import type { ScopeEntry, WaitEntry } from "./entry.ts";
import { checks, report, settings } from "./findings.ts";

let lastBeatMs = realMonotonicMs();
let lastSliceEndMs = 0;
/** Whose code was let run last. */
let lastRunner: ScopeEntry | undefined;

/** A coroutine goes on. */
export function sliceStarted(scope: ScopeEntry, nowMs: number): void {
  scope.runsSinceMs = nowMs;
  lastRunner = scope;
}

/** A coroutine waits again, in `wait`, or its body has ended. */
export function sliceEnded(scope: ScopeEntry, nowMs: number, wait: WaitEntry | undefined): void {
  const { loopMs } = settings;
  const heldMs = nowMs - Math.max(scope.runsSinceMs, lastSliceEndMs, lastBeatMs);
  lastSliceEndMs = nowMs;
  if (loopMs === 0 || heldMs <= loopMs) return;
  lastBeatMs = nowMs;
  tell(scope, heldMs, wait === undefined ? "its end" : `${wait.operation}, at ${wait.site}`, wait?.site ?? scope.site);
}

function tell(scope: ScopeEntry, heldMs: number, until: string, site: string): void {
  const what = `${scope.who} held the loop for ${Math.round(heldMs)} ms, limit is ${settings.loopMs} ms`;
  report("L", "coroutine", what, site, [
    ["until", until],
    ["begun", `at ${scope.site}`],
  ]);
}

/** The loop has turned. A long silence that nobody's slice explains was outside the coroutines, or in a foreign await. */
export function beat(nowMs: number): void {
  const beforeMs = lastBeatMs;
  const heldMs = nowMs - Math.max(beforeMs, lastSliceEndMs);
  lastBeatMs = nowMs;
  checks.passed++;
  if (settings.loopMs === 0 || heldMs <= settings.loopMs + BEAT_MS) return;
  const runner = lastRunner;
  // Only who went on since the last beat can have been at it all the time; whoever went on before has let the loop turn.
  const isRunning = runner?.alive === true && runner.waits.size === 0 && runner.runsSinceMs >= beforeMs;
  if (isRunning) tell(runner, heldMs, "an await of something foreign", runner.site);
  else {
    const what = `the loop stood still for ${Math.round(heldMs)} ms, outside every coroutine`;
    report("L", "loop", what, "(outside)", [], true);
  }
}

/** How often the loop is looked at, in milliseconds. */
export const BEAT_MS = 50;

/** The watch begins, or goes on after a pause in which nothing was to be watched. */
export function resetBeat(): void {
  lastBeatMs = realMonotonicMs();
}
