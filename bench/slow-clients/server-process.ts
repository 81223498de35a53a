/** A server of the scenarios as a process of its own, and what it says. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ServerLimits } from "lunet/http";

const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 15_000;
const ANSWER_LIMIT_MS = 15_000;

/** How many descriptors a process may have here, as it is started. */
export function descriptorLimit(): number {
  const { stdout } = spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" });
  return Number(stdout.trim()) || 1_024;
}

/** What a server holds after a collection, in bytes, and how many connections it has. */
export interface Memory {
  readonly rss: number;
  /** Heap, and what hangs on it. */
  readonly used: number;
  readonly connections: number;
}

export interface ServerPlan {
  readonly program?: "server" | "bare-server";
  readonly limits?: Partial<ServerLimits>;
  /** `ulimit -n` of the process. Default: this one's. */
  readonly descriptors?: number;
}

export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #stderr = "";
  port = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, "close");
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
  }

  static async start(plan: ServerPlan = {}): Promise<ServerProcess> {
    const file = fileURLToPath(new URL(`${plan.program ?? "server"}.ts`, import.meta.url));
    const conditions = process.execArgv.filter((arg) => arg.startsWith("--conditions="));
    const command = [process.execPath, "--expose-gc", ...conditions, file, JSON.stringify(plan.limits ?? {})];
    const raise = plan.descriptors === undefined ? "" : `ulimit -n ${plan.descriptors}; `;
    // Node reads more certificates at the start, and complains when it has no descriptor for them.
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
    const child = spawn("sh", ["-c", `${raise}exec "$@"`, "sh", ...command], {
      env,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const server = new ServerProcess(child);
    try {
      const signal = AbortSignal.timeout(START_LIMIT_MS);
      for (let output = ""; server.port === 0;) {
        const [text] = (await once(child.stdout as NodeJS.ReadableStream, "data", { signal })) as [Buffer];
        output += text.toString();
        server.port = Number(/listening on (\d+)\./.exec(output)?.[1] ?? 0);
      }
    } catch (cause) {
      await server[Symbol.asyncDispose]();
      throw new Error(`Cannot start the server: ${server.#stderr}`, { cause });
    }
    return server;
  }

  /** What it wrote to standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  async memory(): Promise<Memory> {
    const answer = once(this.#child, "message", { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    this.#child.send("memory");
    return ((await answer) as [Memory])[0];
  }

  /** The most that was resident, in bytes; 0 where the system does not tell. */
  peakBytes(): number {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
      return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  signal(): void {
    this.#child.kill("SIGTERM");
  }

  /** Waits for its end and gives the exit status; null when it had to be killed. */
  async ended(): Promise<number | null> {
    const insist = setTimeout(() => this.#child.kill("SIGKILL"), STOP_LIMIT_MS);
    await this.#ended;
    clearTimeout(insist);
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
