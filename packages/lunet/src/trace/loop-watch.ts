/**
 * Who holds the event loop: a coroutine's slice is from its resumption to its next wait.
 *
 * A slice is told from waiting for something foreign by the beat, a timer that fires while the loop turns: a slice begins
 * no earlier than the last beat.
 */
import { realMonotonicMs } from "../host/clock.ts";
import type { ScopeEntry } from "./entry.ts";
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

/**
 * A coroutine's code does not go on: it waits again, lets an inner scope run, or has ended.
 *
 * @param until What comes next, and where.
 */
export function sliceEnded(scope: ScopeEntry, nowMs: number, until: string, site: string): void {
  const { loopMs } = settings;
  const heldMs = nowMs - Math.max(scope.runsSinceMs, lastSliceEndMs, lastBeatMs);
  lastSliceEndMs = nowMs;
  scope.runsSinceMs = 0;
  if (loopMs === 0 || heldMs <= loopMs) return;
  lastBeatMs = nowMs;
  tell(scope, heldMs, `${until}, at ${site}`, site);
}

/**
 * The body of a scope was called, and has come to its first await: `caller` goes on. What comes before is the scope's, and
 * what comes after is the caller's.
 */
export function bodyYielded(scope: ScopeEntry, caller: ScopeEntry | undefined, nowMs: number): void {
  sliceEnded(scope, nowMs, "its first await", scope.site);
  if (caller !== undefined) sliceStarted(caller, nowMs);
}

/**
 * The body of a scope has ended. That is told some microtasks later: when the scope was not let run since its last slice,
 * and somebody else was since the last beat, the time between is theirs.
 */
export function bodyOver(scope: ScopeEntry, nowMs: number): void {
  const runner = lastRunner;
  const isOthers =
    scope.runsSinceMs === 0 && runner?.alive === true && runner !== scope && runner.runsSinceMs >= lastBeatMs;
  if (isOthers) sliceEnded(runner, nowMs, "an await of something foreign", runner.site);
  else sliceEnded(scope, nowMs, "its end", scope.site);
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
