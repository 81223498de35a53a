/** The load generator: Debian's wrk, found or installed, run for a bounded time, and its report read. */
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import { pin } from "./cores.ts";

const run = promisify(execFile);
const INSTALL_LIMIT_MS = 180_000;
/** What wrk may take beyond the time it is told. */
const SLACK_MS = 10_000;

/** What a run of wrk reports. Times in milliseconds. */
export interface Load {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function isThere(): Promise<boolean> {
  return run("wrk", ["-v"], { timeout: 5_000 }).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
}

/** Sees to it that wrk is there: on Debian and Ubuntu, as root, it is installed. */
export async function ensureWrk(): Promise<void> {
  if (await isThere()) return;
  const isDebian = await access("/etc/debian_version").then(
    () => true,
    () => false,
  );
  if (!isDebian || process.getuid?.() !== 0) {
    throw new Error('Cannot load a server: found no "wrk", wanted it on the PATH (Debian: apt-get install wrk)');
  }
  console.log("bench: installing wrk");
  await run("apt-get", ["update", "-qq"], { timeout: INSTALL_LIMIT_MS });
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "wrk"], { timeout: INSTALL_LIMIT_MS });
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

function timeMs(text: string | undefined): number {
  const [, value = "NaN", unit = ""] = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? "") ?? [];
  return Number(value) * (UNITS[unit] ?? NaN);
}

/**
 * Reads what wrk printed.
 *
 * Throws when a figure is missing, and when replies were errors: such a run measures something else.
 */
export function parseReport(report: string): Load {
  const load: Load = {
    requests: Number(/(\d+) requests in/.exec(report)?.[1]),
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1]),
    p50Ms: timeMs(/\n\s+50%\s+(\S+)/.exec(report)?.[1]),
    p99Ms: timeMs(/\n\s+99%\s+(\S+)/.exec(report)?.[1]),
  };
  const isWhole = Object.values(load).every((value) => Number.isFinite(value) && value > 0);
  if (!isWhole || /Non-2xx|Socket errors/.test(report)) {
    throw new Error(`Cannot use this run of wrk: found errors or no figures in its report:\n${report}`);
  }
  return load;
}

/** Loads `url` with `connections` keep-alive connections for `seconds`; `script` says what is sent, if not a GET. */
export async function runLoad(url: string, seconds: number, connections: number, script?: string): Promise<Load> {
  const [program, ...args] = pin("load", [
    "wrk",
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--latency",
    "--timeout",
    "5s",
    ...(script === undefined ? [] : ["-s", script]),
    url,
  ]);
  const { stdout } = await run(program, args, { timeout: seconds * 1_000 + SLACK_MS });
  return parseReport(stdout);
}
