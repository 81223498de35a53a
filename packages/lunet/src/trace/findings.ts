/**
 * What the checks of the trace build find: its classes, its report, and what becomes of it.
 *
 * A finding stops the program with status 134, unless findings are collected (`LUNET_TRACE_FINDINGS=collect`, and under
 * test): then the program ends with that status at its end, for what nobody has taken meanwhile. What is not the
 * program's own doing (`foreign`), and what a baseline names, is reported and stops nothing.
 */
import { exitNow, writeStderrNow } from "../host/process.ts";
import { isMainThread } from "node:worker_threads";
import { readBaseline } from "./baseline.ts";
import { readSettings } from "./settings.ts";

/** Status of a program that was stopped: what a shell gives for SIGABRT. */
export const TRACE_EXIT_STATUS = 134;

/** The most findings that are kept; more are counted. */
const MAX_FINDINGS = 1_000;

/** The classes. There is no J. */
export const FINDING_CLASSES = {
  A: {
    title: "still alive when its scope ends",
    advice:
      "End it before its scope ends: `await using` ends it when its block is left, on every way out. To keep it, return it from the scope's body, or adopt() it in the scope that keeps it.",
  },
  B: {
    title: "collected by the garbage collector without having been closed",
    advice: "Nothing refers to it any more, and nobody ended it: hold it with `await using`, or end it in a `finally`.",
  },
  C: {
    title: "held longer than its limit",
    advice:
      "Give it back sooner: move what waits for others (a peer, a user, a sleep) out of the part that holds it. The limit is LUNET_TRACE_HELD_MS.",
  },
  D: {
    title: "ended twice, or resumed twice",
    advice: "Decide who ends it, once. A second resume or fail gives its value to nobody.",
  },
  E: {
    title: "used after its end",
    advice: "Use it before its end, or end it later: what `await using` holds ends with its block.",
  },
  F: {
    title: "nobody awaits or owns it",
    advice: "Await it, or give it to a coroutine with spawn(): then its scope waits for it, and its failure is heard.",
  },
  G: {
    title: "a transaction without an end",
    advice: "Use transaction(body), which begins it inside the `try` that ends it, and ends it on every way out.",
  },
  H: {
    title: "used outside its owner's scope",
    advice:
      "A handle belongs to the scope that made it. Pass it to coroutines below that scope, return it outwards, or take it over with adopt().",
  },
  I: {
    title: "an operation left its coroutine's stack other than it found it",
    advice: "What an operation acquires on its way it ends before it resumes, or hands over as its value.",
  },
  K: {
    title: "coroutines that wait for each other",
    advice:
      "Break the circle: do not join, or wait for a pooled connection, while holding what the other one needs first.",
  },
  L: {
    title: "held the loop too long",
    advice:
      "Every other coroutine stood still meanwhile. Divide the work with sleep(0), or move it to a thread. The limit is LUNET_TRACE_LOOP_MS.",
  },
  M: {
    title: "swallowed a cancel",
    advice:
      "Let `Cancelled` pass: catch what you expect and throw the rest on. For clean-up use `finally` and shield().",
  },
} as const satisfies Readonly<Record<string, { readonly title: string; readonly advice: string }>>;

/** The letter of a class. */
export type FindingClass = keyof typeof FINDING_CLASSES;

/** One thing that was found. */
export interface Finding {
  readonly class: FindingClass;
  /** The kind of thing that it is about: `file`, `coroutine`, … */
  readonly kind: string;
  /** What was found, in one sentence. */
  readonly what: string;
  /** The line that is to blame, `path:line:column in function`: by it a baseline knows a finding. */
  readonly site: string;
  /** What else is known, in the order in which it is told; `do` takes the place of the class's advice. */
  readonly facts: ReadonlyArray<readonly [label: string, text: string]>;
  /** It is not the program's own doing; it stops nothing. */
  readonly foreign: boolean;
  /** The baseline's reason, when the baseline names it. */
  readonly known: string | undefined;
  /** How often it was found, by class, kind and site. */
  count: number;
  /** Its report was written when it was found, so the summary does not repeat it. */
  isTold: boolean;
}

export const settings = readSettings(process.env);

let mode = settings.findings;
// A worker has no findings of its own as a rule, and its folder may be another one.
const baseline = readBaseline(isMainThread ? settings.baseline : undefined);
const found = new Map<string, Finding>();
let dropped = 0;

/** Checks that were made, and those that found something. */
export const checks = { passed: 0, failed: 0 };

/** From now on findings are kept and stop nothing: for tests, which assert that there is none. */
export function collectFindings(): void {
  mode = "collect";
}

/** Reports a finding, and stops the program unless findings are collected. */
export function report(
  letter: FindingClass,
  kind: string,
  what: string,
  site: string,
  facts: Finding["facts"],
  foreign = false,
): void {
  checks.failed++;
  const key = `${letter} ${kind} ${site}`;
  const known = baseline.reasonFor({ class: letter, kind, site });
  const again = found.get(key);
  // A row of the baseline may have expired since.
  if (again !== undefined && (again.known === undefined || known !== undefined)) {
    again.count++;
    return;
  }
  if (found.size >= MAX_FINDINGS) {
    dropped++;
    return;
  }
  const finding: Finding = { class: letter, kind, what, site, facts, foreign, known, count: 1, isTold: false };
  found.set(key, finding);
  if (mode === "collect" || !isFatal(finding)) return;
  writeStderrNow(
    `${describeFinding(finding)}\nlunet trace: the program stops with status ${TRACE_EXIT_STATUS}; class ${letter} is explained in docs/trace.md\n`,
  );
  finding.isTold = true;
  exitNow(TRACE_EXIT_STATUS);
}

/** Whether a finding stops the program. */
export function isFatal(finding: Finding): boolean {
  return !finding.foreign && finding.known === undefined;
}

/** The findings so far that nobody has taken. */
export function findings(): readonly Finding[] {
  return [...found.values()];
}

/** How many were found beyond the most that are kept. */
export function droppedFindings(): number {
  return dropped;
}

/**
 * Takes findings out of the ledger, all, those of some classes, or those that `which` says yes to: whoever does has dealt
 * with them.
 */
export function takeFindings(which?: readonly FindingClass[] | ((finding: Finding) => boolean)): Finding[] {
  const taken: Finding[] = [];
  const isWanted = typeof which === "function" ? which : (one: Finding) => which?.includes(one.class) ?? true;
  for (const [key, finding] of found) {
    if (!isWanted(finding)) continue;
    found.delete(key);
    checks.failed -= finding.count;
    taken.push(finding);
  }
  return taken;
}

/** The report of one finding, for a tired person: what, where, who, and what to do. */
export function describeFinding(finding: Finding): string {
  const { title, advice } = FINDING_CLASSES[finding.class];
  const lines: Array<readonly [string, string]> = [["what", finding.what], ...finding.facts];
  if (!finding.facts.some(([label]) => label === "do")) lines.push(["do", advice]);
  if (finding.known !== undefined) lines.push(["baseline", finding.known]);
  const width = Math.max(...lines.map(([label]) => label.length));
  const text = lines.map(
    ([label, value]) => `  ${label.padEnd(width)}  ${value.replaceAll("\n", `\n${" ".repeat(width + 4)}`)}`,
  );
  const often = finding.count > 1 ? `, ${finding.count} times` : "";
  return `\nlunet trace: finding ${finding.class}, ${title}${often}\n${text.join("\n")}\n`;
}
