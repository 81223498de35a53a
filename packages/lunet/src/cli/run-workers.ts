/** `lunet run --workers`: this process supervises those that run the program. */
import { resolve } from "node:path";
import { run } from "../co/mod.ts";
import { runWorkers } from "../workers/mod.ts";
import { TRACE_CONDITION } from "./become.ts";

/** Runs the workers to their end. Gives the exit status. */
export function superviseProgram(
  command: "run" | "trace",
  [program = "", ...args]: readonly string[],
  count: number | "auto",
): Promise<number> {
  const nodeArgs = [...process.execArgv, ...(command === "trace" ? [TRACE_CONDITION] : [])];
  // Node looks for a program where it was started, not where it is named.
  return run(() => runWorkers({ count, program: resolve(program), args, nodeArgs }), { setExitStatus: false });
}
