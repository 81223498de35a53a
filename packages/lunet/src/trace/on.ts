/**
 * The trace build's hooks. What they keep is in ledger.ts and waits.ts, what they find in findings.ts; docs/trace.md says
 * what each class of finding means. `off.ts` has the same names for the release build, where they do nothing.
 */
import { realMonotonicMs, useClock, type Clock, type Timer } from "../host/clock.ts";
import { made as enter, ended as leave } from "./ledger.ts";

export const TRACE: boolean = true;

export {
  adopt,
  coroutineRuns,
  ended,
  endedOnce,
  ending,
  leased,
  made,
  misused,
  ownedBy,
  scopeEnding,
  touched,
  transactionState,
  unleased,
  useAmbient,
} from "./ledger.ts";
export {
  bodyBegun,
  bodyEnded,
  foreignLeft,
  promiseOut,
  resumed,
  resumedAgain,
  startedAfterEnd,
  suspended,
  waitRefused,
  waitsForEnd,
  waitsForForeign,
  waitsForPool,
  waitsOn,
  waitStarted,
} from "./waits.ts";
export { balance } from "./balance.ts";
export { findDeadlocks } from "./deadlock.ts";
export { collectFindings, describeFinding, findings, takeFindings } from "./findings.ts";
export { armInjection, disarmInjection, injectedFailure, strike } from "./injection.ts";
export { rootEnded, rootStarted } from "./session.ts";
export { snapshot, treeText } from "./snapshot.ts";
export { checkBalance, summaryText } from "./summary.ts";
export { ran } from "./timeline.ts";

/** Timers go through the ledger too: those of the process's own clock; a clock that a test drives counts its own. */
class TracedTimer implements Timer {
  readonly #timer: Timer;
  #isSet = true;

  constructor(delayMs: number, fire: () => void, background: boolean) {
    enter("timer", this);
    this.#timer = untraced.setTimer(
      delayMs,
      () => {
        this.#end();
        fire();
      },
      background,
    );
  }

  #end(): void {
    if (!this.#isSet) return;
    this.#isSet = false;
    leave("timer", this);
  }

  clear(): void {
    this.#timer.clear();
    this.#end();
  }
}

const untraced: Clock = useClock({
  monotonicMs: realMonotonicMs,
  wallMs: () => untraced.wallMs(),
  setTimer: (delayMs, fire, background = false) => new TracedTimer(delayMs, fire, background),
});
