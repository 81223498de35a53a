/**
 * The trace build from a program's side: what it enters into the ledger itself, and what the ledger says.
 *
 * Every name is there in both builds. In the release build nothing is kept: guard calls with `if (TRACE)`, so that they
 * cost nothing there.
 *
 * @module
 */
export {
  adopt,
  armInjection,
  balance,
  checkBalance,
  describeFinding,
  disarmInjection,
  collectFindings,
  ended,
  findings,
  made,
  misused,
  ownedBy,
  snapshot,
  summaryText,
  takeFindings,
  touched,
  TRACE,
  treeText,
  waitsOn,
} from "#trace";
export type { Finding, FindingClass } from "./findings.ts";
export type { KindBalance } from "./kinds.ts";
export type { HandleNode, ScopeNode, Snapshot, WaitNode } from "./snapshot.ts";
export type { SiteBalance } from "./balance.ts";
export type { RequestTimeline } from "./timeline.ts";
export type { Span } from "./entry.ts";
export type { Injected, InjectedAt, Injection } from "./injection.ts";
