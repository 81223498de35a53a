/** ApacheBench: found or installed, run for a bounded time, and its report read. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const INSTALL_LIMIT_MS = 180_000;

/** What a run of ab reports. Times in milliseconds. */
export interface AbReport {
  readonly complete: number;
  readonly failed: number;
  readonly non2xx: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Sees to it that ab is there: on Debian and Ubuntu, as root, it is installed, which is said. */
export function ensureAb(say: (line: string) => void): void {
  if (isThere()) return;
  if (!existsSync("/etc/debian_version") || process.getuid?.() !== 0) {
    throw new Error(
      'Cannot load the server: found no "ab", wanted it on the PATH (Debian and Ubuntu: apt-get install apache2-utils; Fedora: dnf install httpd-tools; macOS has it)',
    );
  }
  say('found no "ab": installing apache2-utils');
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", "apache2-utils"],
  ]) {
    const { status, stderr, error } = spawnSync("apt-get", args, { encoding: "utf8", timeout: INSTALL_LIMIT_MS });
    if (status !== 0) throw new Error(`Cannot install apache2-utils: apt-get ${args[0]}: ${error?.message ?? stderr}`);
  }
}

function isThere(): boolean {
  return spawnSync("ab", ["-V"], { timeout: 5_000 }).status === 0;
}

/**
 * Reads what ab printed.
 *
 * @throws When figures are missing.
 */
export function parseAbReport(text: string): AbReport {
  const figure = (pattern: RegExp, missing = NaN): number => Number(pattern.exec(text)?.[1] ?? missing);
  const report: AbReport = {
    complete: figure(/^Complete requests:\s+(\d+)$/m),
    failed: figure(/^Failed requests:\s+(\d+)$/m),
    non2xx: figure(/^Non-2xx responses:\s+(\d+)$/m, 0),
    requestsPerSecond: figure(/^Requests per second:\s+([\d.]+)/m),
    p50Ms: figure(/^\s+50%\s+(\d+)/m),
    p99Ms: figure(/^\s+99%\s+(\d+)/m),
  };
  if (Object.values(report).every((value) => Number.isFinite(value))) return report;
  throw new Error(`Cannot read the report of ab: found\n${text.slice(-2_000)}`);
}

/** What is wrong with a report of so many requests; undefined when all were answered well. */
export function faultOf(report: AbReport, wanted: number): string | undefined {
  const { complete, failed, non2xx } = report;
  if (complete === wanted && failed === 0 && non2xx === 0) return undefined;
  return `found ${complete} answers of ${wanted}, ${failed} failed, ${non2xx} with another status than 2xx`;
}
