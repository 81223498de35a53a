/** Runs the programs around the servers, which end by themselves: those that make, copy and repair data folders. */
import { execFile } from "node:child_process";
import type { Account } from "./account.ts";

export interface ProgramRun {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly account: Account | undefined;
  readonly limitMs: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** What it reads; nothing unless given. */
  readonly input?: string;
}

/** What every program here gets: where programs are, and messages in English. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: `/usr/sbin:/sbin:${process.env["PATH"] ?? "/usr/bin:/bin"}`,
  LC_ALL: "C",
};

/** Runs a program to its end and returns its output. @throws with what it said, when it fails or takes too long. */
export async function runProgram(run: ProgramRun): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = {
    cwd: run.cwd,
    env: { ...ENVIRONMENT, ...run.environment },
    timeout: run.limitMs,
    killSignal: "SIGKILL" as const,
    maxBuffer: 10_000_000,
    ...run.account,
  };
  const child = execFile(run.program, run.args, options, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else {
      const why = error.killed === true ? `it took longer than ${run.limitMs} ms` : `ended with ${error.code}`;
      reject(new Error(`Cannot run "${run.program}": ${why}\n${stdout}${stderr}`, { cause: error }));
    }
  });
  // EPIPE: it does not read, and its end says whether that was right.
  child.stdin?.on("error", () => {});
  child.stdin?.end(run.input ?? "");
  return await promise;
}
