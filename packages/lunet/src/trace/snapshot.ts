/** The live tree: scopes and coroutines, what each waits for, and what it holds; as data and as text. */
import { realMonotonicMs, wallMs } from "../host/clock.ts";
import { printable } from "../host/printable.ts";
import { uptimeMs } from "../host/process.ts";
import { type Entry, RequestEntry, ScopeEntry, type WaitEntry } from "./entry.ts";
import { checks, findings, type Finding } from "./findings.ts";
import type { KindBalance } from "./kinds.ts";
import { balance, type SiteBalance, siteBalances } from "./balance.ts";
import { living, roots } from "./ledger.ts";
import { livingRequests } from "./waits.ts";
import { lastRequests, type RequestTimeline, timelineOf } from "./timeline.ts";

/** A thing that lives. Times in milliseconds. */
export interface HandleNode {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly site: string;
  readonly ageMs: number;
  /** The last use: operation, line, how long ago. */
  readonly lastTouch: { readonly operation: string; readonly site: string; readonly agoMs: number } | undefined;
}

/** What a coroutine waits for. */
export interface WaitNode {
  readonly operation: string;
  readonly site: string;
  readonly forMs: number;
  /** The handle, the coroutine or the pool that it waits for, where that is known. */
  readonly on: string | undefined;
}

/** A scope with all that is in it. */
export interface ScopeNode {
  readonly id: number;
  /** `coroutine` for one that was spawned, `scope` for an inner one, `root` for `run`. */
  readonly kind: "root" | "coroutine" | "scope";
  readonly name: string;
  readonly site: string;
  readonly ageMs: number;
  readonly waits: readonly WaitNode[];
  readonly handles: readonly HandleNode[];
  readonly request: string | undefined;
  readonly children: readonly ScopeNode[];
}

/** All that the trace build knows at one moment: the JSON of `lunet ps --json`. */
export interface Snapshot {
  readonly pid: number;
  readonly program: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly uptimeMs: number;
  readonly tree: readonly ScopeNode[];
  /** Living things that no scope owns: what a database or a listener holds, and what was made outside coroutines. */
  readonly unowned: readonly HandleNode[];
  readonly balance: Readonly<Record<string, KindBalance>>;
  readonly sites: readonly SiteBalance[];
  readonly checks: { readonly passed: number; readonly failed: number };
  readonly findings: readonly Finding[];
  readonly requests: readonly RequestTimeline[];
}

/** Looks at everything now. */
export function snapshot(): Snapshot {
  const nowMs = realMonotonicMs();
  const unowned = [...living.values()].filter(
    (entry) => !(entry.owner instanceof ScopeEntry) && entry.kind !== "timer" && !(entry instanceof RequestEntry),
  );
  return {
    pid: process.pid,
    program: process.argv[1] ?? "",
    at: new Date(wallMs()).toISOString(),
    uptimeMs: uptimeMs(),
    tree: [...roots].map((root) => scopeNode(root, nowMs)),
    unowned: unowned.map((entry) => handleNode(entry, nowMs)),
    balance: Object.fromEntries([...balance()].map(([kind, one]) => [kind, { ...one }])),
    sites: siteBalances().map((one) => ({ ...one })),
    checks: { ...checks },
    findings: findings(),
    requests: [...livingRequests().map(timelineOf), ...lastRequests()],
  };
}

function scopeNode(scope: ScopeEntry, nowMs: number): ScopeNode {
  const handles = [...(scope.owned ?? [])].filter((one) => one.kind !== "coroutine" && one.kind !== "timer");
  return {
    id: scope.id,
    kind: scope.outer === undefined ? "root" : scope.coroutine === undefined ? "scope" : "coroutine",
    name: scope.name,
    site: scope.site,
    ageMs: nowMs - scope.madeAtMs,
    waits: [...scope.waits].map((wait) => waitNode(wait, nowMs)),
    handles: handles.map((one) => handleNode(one, nowMs)),
    request: scope.answers?.name,
    children: [...scope.inner].map((inner) => scopeNode(inner, nowMs)),
  };
}

function waitNode(wait: WaitEntry, nowMs: number): WaitNode {
  return { operation: wait.operation, site: wait.site, forMs: nowMs - wait.madeAtMs, on: subjectOf(wait) };
}

function subjectOf({ on, target }: WaitEntry): string | undefined {
  if (on !== undefined) return on.title;
  if (target === undefined) return undefined;
  return "join" in target ? target.join.who : `a connection of ${target.poolName}`;
}

function handleNode(entry: Entry, nowMs: number): HandleNode {
  const [touch] = entry.lastTouches();
  return {
    id: entry.id,
    kind: entry.kind,
    name: entry.name,
    site: entry.site,
    ageMs: nowMs - entry.madeAtMs,
    lastTouch: touch && { operation: touch.operation, site: touch.site, agoMs: nowMs - touch.atMs },
  };
}

/** The tree as text, for a terminal. */
export function treeText(shot: Snapshot): string {
  const lines = [`lunet ps: process ${shot.pid}, ${shot.program}, up ${duration(shot.uptimeMs)}, ${shot.at}`];
  for (const root of shot.tree) addScope(lines, root, "");
  if (shot.tree.length === 0) lines.push("  nothing runs");
  if (shot.unowned.length > 0) {
    lines.push("held by things, not by scopes:");
    for (const one of shot.unowned) lines.push(`  ${handleText(one)}`);
  }
  return `${lines.join("\n")}\n`;
}

function addScope(lines: string[], node: ScopeNode, indent: string): void {
  const request = node.request === undefined ? "" : `, answers ${printable(node.request)}`;
  lines.push(
    `${indent}${node.kind} "${node.name}" #${node.id}, ${duration(node.ageMs)}${request}, begun at ${node.site}`,
  );
  const inner = `${indent}  `;
  for (const wait of node.waits) {
    const on = wait.on === undefined ? "" : ` on ${wait.on}`;
    lines.push(`${inner}waits ${duration(wait.forMs)} in ${wait.operation}${on}, at ${wait.site}`);
  }
  for (const handle of node.handles) lines.push(`${inner}holds ${handleText(handle)}`);
  for (const child of node.children) addScope(lines, child, inner);
}

/** A statement's text is its name: a line of a terminal has to hold it. */
const MAX_NAME_LENGTH = 80;

function shortened(name: string): string {
  const line = printable(name.replaceAll(/\s+/g, " "));
  return line.length <= MAX_NAME_LENGTH ? line : `${line.slice(0, MAX_NAME_LENGTH)}…`;
}

function handleText({ kind, name, id, ageMs, site, lastTouch }: HandleNode): string {
  const touch =
    lastTouch === undefined
      ? ""
      : `; last ${lastTouch.operation} ${duration(lastTouch.agoMs)} ago at ${lastTouch.site}`;
  return `${kind}${name === "" ? "" : ` "${shortened(name)}"`} #${id}, ${duration(ageMs)}${site === "" ? "" : `, made at ${site}`}${touch}`;
}

/** `12 ms`, `3.4 s`, `5 min 2 s` */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1_000)} s`;
}
