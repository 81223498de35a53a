/*
 * What runs leave when their guardian is killed with them: servers that nobody owns, and their data. The next run ends
 * them, by what the dead guardian has written down.
 *
 * A number alone is no proof, because numbers are given away again. Only a process that began when the one that was
 * written down began, and whose command names the run's folder, is ended.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startTime } from "../background.ts";

const PROCESSES = "processes";
const PS_TIMEOUT_MS = 3_000;
/** How long a killed process may take to be gone. */
const END_TIMEOUT_MS = 5_000;
const POLL_MS = 20;

interface Recorded {
  readonly pid: number;
  readonly startedAt: string;
}

/** Writes a living process down for the run in `folder`; the first of them is its guardian. */
export function recordProcess(folder: string, pid: number): void {
  appendFileSync(join(folder, PROCESSES), `${pid} ${startTime(pid) ?? "ended"}\n`);
}

/** Ends what dead runs below `databases` have left, takes their data away and returns how many servers it ended. */
export async function endLeftovers(databases: string): Promise<number> {
  let count = 0;
  for (const file of globSync(join(databases, "*", PROCESSES))) {
    const folder = dirname(file);
    const [guardian, ...servers] = readRecorded(file);
    if (guardian === undefined || isAlive(guardian)) continue;
    const left = servers.filter((server) => isAlive(server) && commandOf(server.pid).includes(folder));
    for (const server of left) kill(server.pid);
    await waitGone(left);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    count += left.length;
  }
  return count;
}

function readRecorded(file: string): Recorded[] {
  // Another run may be taking it away just now.
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
  return lines.map((line) => {
    const [pid, ...startedAt] = line.split(" ");
    return { pid: Number(pid), startedAt: startedAt.join(" ") };
  });
}

function isAlive({ pid, startedAt }: Recorded): boolean {
  return startTime(pid) === startedAt;
}

/** The command line of a process; empty when it has ended. */
function commandOf(pid: number): string {
  if (process.platform === "linux") {
    const file = `/proc/${pid}/cmdline`;
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }
  const args = ["-ww", "-o", "command=", "-p", String(pid)];
  return spawnSync("ps", args, { encoding: "utf8", timeout: PS_TIMEOUT_MS }).stdout;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It has ended meanwhile, or another run was faster.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function waitGone(processes: readonly Recorded[]): Promise<void> {
  const deadline = performance.now() + END_TIMEOUT_MS;
  while (processes.some(isAlive)) {
    if (performance.now() > deadline) throw new Error("Cannot end what a former run has left: it survived SIGKILL");
    await sleep(POLL_MS);
  }
}
