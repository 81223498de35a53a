/** Runs one of the programs beside the tests as a process of its own, in the build that the tests run in. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** After this time a program that still runs is killed, so that a test that fails leaves nothing behind. */
const MAX_RUN_MS = 20_000;

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Program implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #ended: Promise<Outcome>;
  #stdout = "";
  #stderr = "";

  constructor(name: string, ...args: readonly string[]) {
    const file = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
    const conditions = process.execArgv.filter((arg) => arg.startsWith("--conditions="));
    this.#child = spawn(process.execPath, [...conditions, file, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: MAX_RUN_MS,
      killSignal: "SIGKILL",
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.#ended = once(this.#child, "close").then(([status, signal]) => ({
      status: status as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  /** Waits until the program has written `text` to standard output. */
  async waitOutput(text: string): Promise<void> {
    while (!this.#stdout.includes(text)) {
      const ended = await Promise.race([once(this.#child.stdout, "data").then(() => undefined), this.#ended]);
      if (ended !== undefined && !this.#stdout.includes(text)) {
        throw new Error(`Cannot wait for "${text}": found ${JSON.stringify(ended)}`);
      }
    }
  }

  /** What the program has written to standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  ended(): Promise<Outcome> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** Runs a program to its end. */
export async function runProgram(name: string, ...args: readonly string[]): Promise<Outcome> {
  await using program = new Program(name, ...args);
  return await program.ended();
}
