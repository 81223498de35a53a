/**
 * Runs a program with everything that a test of the trace build's own tools needs: a folder for sockets that is the
 * test's alone, and both output streams to wait for.
 */
import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** After this time a program that still runs is killed, so that a test that fails leaves nothing behind. */
const MAX_RUN_MS = 20_000;
/** A condition that has not come true by then does not. */
const MAX_WAIT_MS = 15_000;
const POLL_MS = 10;

const COMMAND = fileURLToPath(new URL("../../packages/lunet/src/cli/main.ts", import.meta.url));

/** The file of a program beside the tests. */
export function programFile(name: string): string {
  return fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
}

/** Waits until `condition` gives something that is neither undefined nor false. */
export async function eventually<T>(condition: () => T | Promise<T>): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + MAX_WAIT_MS;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
    if (performance.now() > deadline) throw new Error(`Cannot go on: found nothing within ${MAX_WAIT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A folder that stands for the session's, where sockets come into `lunet/`; it goes with its block. */
export class Session implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "session-"));

  /** The environment of what runs in it: neither of the two places for sockets is shared with others. */
  environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("LUNET_TRACE_"));
    return { ...Object.fromEntries(inherited), XDG_RUNTIME_DIR: this.folder, TMPDIR: this.folder, ...more };
  }

  /** The folder of the sockets. */
  get sockets(): string {
    return join(this.folder, "lunet");
  }

  socketOf(pid: number): string {
    return join(this.sockets, `${pid}.sock`);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of Node with given arguments. */
export class NodeProcess implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #ended: Promise<Ended>;
  #outcome: Ended | undefined;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: environment,
      timeout: MAX_RUN_MS,
      killSignal: "SIGKILL",
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.#ended = once(this.#child, "close").then(([status, signal]) => {
      this.#outcome = {
        status: status as number | null,
        signal: signal as NodeJS.Signals | null,
        stdout: this.stdout,
        stderr: this.stderr,
      };
      return this.#outcome;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until a stream has what `pattern` describes. Gives the match. */
  async waitText(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(() => {
      const found = pattern.exec(this[stream]);
      if (found === null && this.#outcome !== undefined) {
        throw new Error(`Cannot wait for ${String(pattern)}: found ${JSON.stringify(this.#outcome)}`);
      }
      return found ?? undefined;
    });
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  ended(): Promise<Ended> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** Starts a program beside the tests in the trace build. */
export function startTraced(name: string, args: readonly string[], environment: NodeJS.ProcessEnv): NodeProcess {
  return new NodeProcess(["--conditions=lunet-trace", programFile(name), ...args], environment);
}

/** Starts the command `lunet`. */
export function startCommand(args: readonly string[], environment: NodeJS.ProcessEnv): NodeProcess {
  return new NodeProcess([COMMAND, ...args], environment);
}

/** Runs the command `lunet` to its end. */
export function runCommand(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [COMMAND, ...args],
      { env: environment, timeout: MAX_RUN_MS, killSignal: "SIGKILL", maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        const { code, signal } = (error ?? { code: 0 }) as { code?: number | null; signal?: NodeJS.Signals };
        resolve({ status: code ?? null, signal: signal ?? null, stdout, stderr });
      },
    );
  });
}
