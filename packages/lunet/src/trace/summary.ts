/** The summary at exit: what was made and ended, what is left and where it was made, and what the checks say. */
import { describeFinding, droppedFindings, type Finding, findings, checks, isFatal, report } from "./findings.ts";
import { balance, type SiteBalance, siteBalances } from "./balance.ts";
import { lifeOf, living } from "./ledger.ts";
import { type KindBalance, policyOf } from "./kinds.ts";

/** The most places that are listed. */
const MAX_LISTED = 20;

/**
 * The last check of all: that everything has ended. A handle that is left is a finding; a normal exit, the stress test
 * and the protocol all come through here.
 */
export function checkBalance(): void {
  for (const entry of living.values()) {
    if (entry.isLeaked) continue;
    report("A", entry.kind, `${entry.title} is still alive at the end of the program`, entry.site, lifeOf(entry));
  }
  // Scopes and waits are not among the living: of them there is the count.
  for (const kind of ["scope", "suspension"]) {
    const live = balance().get(kind)?.live ?? 0;
    if (live === 0) checks.passed++;
    else {
      const site = siteBalances().find((one) => one.kind === kind && one.live !== 0)?.site ?? "";
      report("A", kind, `${live} × ${policyOf(kind).label} never ended`, site, []);
    }
  }
}

/** Whether something was found that stops a program. */
export function hasFatalFindings(): boolean {
  return findings().some(isFatal);
}

/** The summary as data: one line of standard error with `LUNET_TRACE_SUMMARY=json`. */
export interface Summary {
  /** By kind: how many were made and ended, how many live, and the most at once. */
  readonly balance: Readonly<Record<string, KindBalance>>;
  /** The lines whose things live. */
  readonly outstanding: readonly SiteBalance[];
  readonly checks: { readonly passed: number; readonly failed: number };
  readonly findings: readonly Finding[];
}

/** The summary as data. */
export function summaryJson(): Summary {
  return {
    balance: Object.fromEntries(balance()),
    outstanding: siteBalances().filter(({ live }) => live > 0),
    checks,
    findings: findings(),
  };
}

/** The summary as text; findings that have been told already are only counted. */
export function summaryText(): string {
  const kinds = [...balance()].filter(([, { made }]) => made > 0);
  const rows = kinds.map(([kind, one]) => [policyOf(kind).label, one.made, one.ended, one.live, one.peak].map(String));
  const table = columns([["", "made", "ended", "live", "peak"], ...rows]);
  const parts = [`lunet trace: summary\n${table}`];
  const left = siteBalances()
    .filter(({ live }) => live > 0)
    .sort((a, b) => b.live - a.live);
  if (left.length > 0) {
    const listed = left
      .slice(0, MAX_LISTED)
      .map((one) => `  ${one.live} × ${policyOf(one.kind).label}, made at ${one.site}`);
    const more = left.length > MAX_LISTED ? `\n  and ${left.length - MAX_LISTED} more places` : "";
    parts.push(`outstanding:\n${listed.join("\n")}${more}`);
  }
  parts.push(`checks: ${checks.passed} passed, ${checks.failed} failed`);
  const all = findings();
  const own = all.filter((one) => isFatal(one) && !one.isTold);
  const foreign = all.filter((one) => one.foreign);
  const known = all.filter((one) => one.known !== undefined && !one.foreign);
  for (const one of own) parts.push(describeFinding(one));
  if (foreign.length > 0)
    parts.push(`not ours, which stops nothing:\n${foreign.map((one) => listing(one)).join("\n")}`);
  if (known.length > 0) {
    parts.push(`known to the baseline:\n${known.map((one) => `${listing(one)}: ${one.known}`).join("\n")}`);
  }
  if (droppedFindings() > 0) parts.push(`and ${droppedFindings()} findings more, which were only counted`);
  return `${parts.join("\n")}\n`;
}

function listing(one: { class: string; what: string; site: string; count: number }): string {
  return `  ${one.class} ${one.count > 1 ? `${one.count} × ` : ""}${one.what}, at ${one.site}`;
}

function columns(rows: ReadonlyArray<readonly string[]>): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0))).join("  ");
  return rows.map((row) => `  ${line(row)}`).join("\n");
}
