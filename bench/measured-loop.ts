/** A program that does one thing in a loop and prints how often it did: no server, and measured beside servers. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { pin } from "./cores.ts";
import type { Sample, ServerPlan } from "./measured-server.ts";

const run = promisify(execFile);
/** What starting and warming up may take. */
const SLACK_MS = 20_000;

/** Runs it on the core of the servers for `seconds`. */
export async function measureLoop(plan: ServerPlan, seconds: number): Promise<Sample> {
  const [program, ...args] = pin("server", [process.execPath, plan.program]);
  const { stdout } = await run(program, args, {
    env: { ...process.env, ...plan.env, BENCH_SECONDS: String(seconds) },
    timeout: seconds * 1_000 + SLACK_MS,
  });
  return JSON.parse(stdout) as Sample;
}
