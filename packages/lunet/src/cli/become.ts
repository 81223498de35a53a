/** How the command becomes another program of Node, in the same process. */
import { refuseUsage } from "./usage.ts";

/** Chooses the trace build wherever the package is imported. */
export const TRACE_CONDITION = "--conditions=lunet-trace";

/**
 * Becomes Node with other arguments. What this Node was started with (`--env-file`, `--import`, a limit of memory) counts
 * for it too. Returns, with a status, only where a process cannot become another.
 */
export function becomeNode(command: string, args: readonly string[], environment: NodeJS.ProcessEnv): number {
  const { execArgv, execPath, platform } = process;
  if (process.execve === undefined || platform === "win32") {
    return refuseUsage(command, `the system ${platform}`, "one on which a process can become another program");
  }
  return process.execve(execPath, [execPath, ...execArgv, ...args], environment);
}
