/** Which core serves and which one loads. */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

/** Server and load are pinned only where there is a core for each, and a way to pin. */
export const pinned = process.platform === "linux" && availableParallelism() >= 2;

const CORES = { server: "0", load: "1" } as const;

/** The command that runs `command` on the core for its part. */
export function pin(part: keyof typeof CORES, command: readonly string[]): [program: string, ...args: string[]] {
  const [program = "", ...args] = pinned ? ["taskset", "-c", CORES[part], ...command] : command;
  return [program, ...args];
}

/** Puts a process that runs already, and what it will start, on the core for its part. */
export function pinRunning(part: keyof typeof CORES, pid: number): void {
  if (!pinned) return;
  const { status } = spawnSync("taskset", ["-a", "-c", "-p", CORES[part], String(pid)], { stdio: "ignore" });
  if (status !== 0) throw new Error(`Cannot give process ${pid} a core: taskset ended with status ${status}`);
}
