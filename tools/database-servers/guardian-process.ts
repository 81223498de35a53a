/*
 * Owns servers as its children: `node guardian-process.ts <folder>`, started by guardian.ts, which says what the lines on
 * the pipes mean. `<folder>` is the run's own.
 *
 * Rules: every server is a process group of its own. When standard input ends, or we are told to end, all servers are
 * stopped, those that do not stop within the limit are killed, the folder goes, and this process ends. Whatever it
 * starts stands in `<folder>/processes` before anybody hears of it, so that the next run can end what a guardian that was
 * itself killed has left: leftovers.ts.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { GuardedProgram, GuardianEvent, GuardianRequest, SignalReach } from "./guardian.ts";
import { recordProcess } from "./leftovers.ts";

/** A server that has not stopped by then is killed. */
const STOP_TIMEOUT_MS = 10_000;
const CHILDREN_TIMEOUT_MS = 3_000;

interface Owned {
  readonly child: ChildProcess;
  readonly stopSignal: NodeJS.Signals;
  /** Set while it is stopping. */
  killTimer?: NodeJS.Timeout;
}

const folder = process.argv[2]!;
const owned = new Map<number, Owned>();
let isClosing = false;

recordProcess(folder, process.pid);
const requests = createInterface({ input: process.stdin });
requests.on("line", (line) => take(JSON.parse(line) as GuardianRequest));
requests.once("close", close);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, close);
// The reader has gone before it has read all; its end of the other pipe says so, too.
process.stdout.on("error", close);

function take(message: GuardianRequest): void {
  const { request } = message;
  try {
    if ("start" in message) return start(request, message.start);
    if ("stop" in message) stop(message.stop);
    else send(message.to, message.signal, message.reach);
    tell({ request, isDone: true });
  } catch (error) {
    tell({ request, problem: (error as Error).message });
  }
}

function start(request: number, { program, args, cwd, environment, log, account, stopSignal }: GuardedProgram): void {
  const output = openSync(log, "a");
  const child = spawn(program, args, {
    cwd,
    env: environment,
    stdio: ["ignore", output, output],
    detached: true,
    ...account,
  });
  closeSync(output);
  owned.set(request, { child, stopSignal });
  child.once("error", (error) => {
    leave(request);
    tell({ request, problem: `Cannot start "${program}": ${error.message}` });
  });
  child.once("exit", (status, signal) => {
    // What it has started itself, as a copy by rsync, goes with it.
    killGroup(child.pid!);
    leave(request);
    tell({ request, ended: { status, signal } });
  });
  if (child.pid === undefined) return;
  recordProcess(folder, child.pid);
  tell({ request, pid: child.pid });
}

/** A process that has ended takes no signal; its end has been told. */
function send(request: number, signal: NodeJS.Signals, reach: SignalReach): void {
  const child = owned.get(request)?.child;
  if (child?.pid === undefined) return;
  const children = reach === "tree" ? childrenOf(child.pid) : [];
  for (const pid of [child.pid, ...children]) kill(pid, signal);
}

/** Asks it to stop, and insists after the limit. */
function stop(request: number): void {
  const server = owned.get(request);
  if (server === undefined || server.killTimer !== undefined) return;
  // A suspended process takes no other signal.
  send(request, "SIGCONT", "tree");
  send(request, server.stopSignal, "process");
  server.killTimer = setTimeout(() => send(request, "SIGKILL", "tree"), STOP_TIMEOUT_MS);
}

function leave(request: number): void {
  clearTimeout(owned.get(request)?.killTimer);
  owned.delete(request);
  if (isClosing) finishWhenAlone();
}

/** The processes that a process has started, which for PostgreSQL are all there are. */
function childrenOf(pid: number): number[] {
  if (process.platform === "linux") return numbersIn(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
  const { stdout } = spawnSync("pgrep", ["-P", String(pid)], { encoding: "utf8", timeout: CHILDREN_TIMEOUT_MS });
  return numbersIn(stdout);
}

function numbersIn(text: string): number[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map(Number);
}

function killGroup(leader: number): void {
  kill(-leader, "SIGKILL");
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, constants.signals[signal]);
  } catch (error) {
    // ESRCH: nothing is left. EPERM: macOS, when only zombies are left.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}

function tell(event: GuardianEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function close(): void {
  if (isClosing) return;
  isClosing = true;
  for (const request of owned.keys()) stop(request);
  finishWhenAlone();
}

function finishWhenAlone(): void {
  if (owned.size > 0) return;
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}
