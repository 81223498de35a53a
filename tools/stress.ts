/*
 * Runs the stress test in the trace build: `node tools/stress.ts`, as `make stress` does. What it can be told is in
 * test/stress/stress.ts. The status is that of the test: 0, or what went wrong.
 *
 * The test has a watchdog of its own; this one is for a loop that does not turn any more.
 */
import { join, relative } from "node:path";
import { createStampedFolder } from "./log-folder.ts";
import { describeEnd, startCommand } from "./run-command.ts";

/** How much longer than its own limit the test may take. */
const EXTRA_S = 30;
const DEFAULT_LIMIT_S = 120;

/** The command that runs the stress test. */
export function stressCommand(root: string): { program: string; args: string[]; cwd: string; limitMs: number } {
  // A value that cannot be used is refused by the test itself.
  const limitS = Number(process.env["STRESS_LIMIT_S"]) || DEFAULT_LIMIT_S;
  return {
    program: process.execPath,
    args: ["--conditions=lunet-trace", join(root, "test", "stress", "stress.ts")],
    cwd: root,
    limitMs: (limitS + EXTRA_S) * 1_000,
  };
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const log = join(createStampedFolder(join(root, ".tmp", "logs")), "stress.log");
  const end = await startCommand({ ...stressCommand(root), log, onLine: (line) => console.log(line) }).ended;
  console.log(`log: ${relative(process.cwd(), log)}`);
  if (end.status !== 0) console.error(`stress: ${describeEnd(end)}`);
  process.exitCode = end.status ?? 1;
}
