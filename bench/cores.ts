/** Which core serves and which one loads. */
import { availableParallelism } from "node:os";

/** Server and load are pinned only where there is a core for each, and a way to pin. */
export const pinned = process.platform === "linux" && availableParallelism() >= 2;

const CORES = { server: "0", load: "1" } as const;

/** The command that runs `command` on the core for its part. */
export function pin(part: keyof typeof CORES, command: readonly string[]): [program: string, ...args: string[]] {
  const [program = "", ...args] = pinned ? ["taskset", "-c", CORES[part], ...command] : command;
  return [program, ...args];
}
