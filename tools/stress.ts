/*
 * Runs the stress test in the trace build: `node tools/stress.ts`, as `make stress` does. What it can be told is in
 * test/stress/stress.ts. The status is that of the test: 0, or what went wrong. Where the programs of PostgreSQL and
 * MariaDB are there, it works on a server of each, too.
 *
 * The test has a watchdog of its own; this one is for a loop that does not turn any more.
 */
import { join, relative } from "node:path";
import { createStampedFolder } from "./log-folder.ts";
import { describeEnd, startCommand } from "./run-command.ts";
import { startTestDatabases } from "./test-databases.ts";

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
  const logs = createStampedFolder(join(root, ".tmp", "logs"));
  const log = join(logs, "stress.log");
  const say = (text: string): void => console.log(text);
  const databases = await startTestDatabases({ root, logs, say });
  if (databases.state !== "running") say(`stress: on SQLite alone: ${databases.reason}`);
  const environment = { ...process.env, ...(databases.state === "running" && databases.environment) };
  const end = await startCommand({ ...stressCommand(root), environment, log, onLine: say }).ended;
  if (databases.state === "running") await databases.close();
  console.log(`log: ${relative(process.cwd(), log)}`);
  if (end.status !== 0) console.error(`stress: ${describeEnd(end)}`);
  process.exitCode = end.status ?? 1;
}
