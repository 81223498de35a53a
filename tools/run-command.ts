/*
 * Starts programs for the tools that run several of them: stress, protocol.
 *
 * Rules: everything that a program writes goes to its log; every program has a limit of time; and none outlives this
 * process, whether it ends by itself, by a failure or by a signal. Only what was started here is ended, by its handle.
 */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { PassThrough, type Readable } from "node:stream";

/** How long a program may take to end after SIGTERM, before it gets SIGKILL. */
export const END_GRACE_MS = 5_000;
/** The same, when this process itself is told to end. */
const INTERRUPT_GRACE_MS = 500;
/** How much of a program's output is kept in memory; the log has all of it. */
const MAX_KEPT_CHARACTERS = 1_000_000;

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Everything that it writes goes here. */
  readonly log: string;
  /** After this it is ended, and its end says so. */
  readonly limitMs: number;
  /** Default: this process's own. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Called with each line that it writes. */
  readonly onLine?: (line: string) => void;
}

export interface CommandEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set when its time was over, or it could not be started. */
  readonly problem: string | undefined;
  /** What it wrote on both streams, the end of it if that was much. */
  readonly output: string;
}

export interface RunningCommand {
  readonly pid: number;
  /** Resolves, never rejects, when it has ended and all of its output has been read. */
  readonly ended: Promise<CommandEnd>;
  /** What it has written so far. */
  readonly output: () => string;
  /** Asks it to end, and insists after the grace. */
  end(signal?: NodeJS.Signals, graceMs?: number): Promise<CommandEnd>;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

const children = new Set<Child>();
let interrupted = false;

/** Whether a signal has told this process to end: then what failed in its programs is no news. */
export function isInterrupted(): boolean {
  return interrupted;
}

process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    const leave = (): never => process.exit(128 + constants.signals[signal]);
    // A second signal does not wait.
    if (interrupted) leave();
    interrupted = true;
    // They are told first, so that they can leave in order; what takes too long is ended with this process.
    for (const child of children) child.kill("SIGTERM");
    setTimeout(leave, children.size === 0 ? 0 : INTERRUPT_GRACE_MS);
  });
}

/** Starts a program. */
export function startCommand(command: Command): RunningCommand {
  const { program, args, cwd, limitMs, environment = process.env } = command;
  const child: Child = spawn(program, args, { cwd, env: environment, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  const log = createWriteStream(command.log, { flags: "a" });
  const lines = new PassThrough();
  let output = "";
  let open = 2;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-MAX_KEPT_CHARACTERS);
      log.write(text);
      lines.write(text);
    });
    stream.once("close", () => {
      if (--open === 0) lines.end();
    });
  }
  createInterface({ input: lines }).on("line", (line) => command.onLine?.(line));

  let problem: string | undefined;
  const timer = setTimeout(() => {
    problem = `it took longer than ${limitMs / 1_000} s`;
    child.kill("SIGKILL");
  }, limitMs);
  const failed = Promise.withResolvers<void>();
  child.once("error", (error) => {
    problem = `it cannot be started: ${error.message}`;
    failed.resolve();
  });
  const ended = Promise.race([once(child, "close").catch(() => failed.promise), failed.promise]).then(() => {
    clearTimeout(timer);
    children.delete(child);
    log.end();
    return { status: child.exitCode, signal: child.signalCode, problem, output };
  });
  return {
    pid: child.pid ?? 0,
    ended,
    output: () => output,
    async end(signal = "SIGTERM", graceMs = END_GRACE_MS) {
      child.kill(signal);
      const insist = setTimeout(() => child.kill("SIGKILL"), graceMs);
      const end = await ended;
      clearTimeout(insist);
      return end;
    },
  };
}

/** How much of a program's output is shown when it has failed. */
const TAIL_LINES = 30;
/** What a program ends with that the trace build stops, and how its reports begin. */
export const TRACE_STATUS = 134;
const FINDING = "lunet trace: finding ";

/** What to show of a program that has failed: what the trace build found, or else the end of its output. */
export function telling({ status, output }: CommandEnd): string {
  const finding = status === TRACE_STATUS ? output.indexOf(FINDING) : -1;
  const lines = output.trimEnd().split("\n");
  const shown = finding === -1 ? lines.slice(-TAIL_LINES) : output.slice(finding).split("\n", TAIL_LINES);
  return shown.join("\n");
}

/** Says how a program ended, for a sentence that begins with its name. */
export function describeEnd({ status, signal, problem }: CommandEnd): string {
  if (status === TRACE_STATUS) return "the trace build stopped it, with status 134";
  return problem ?? (signal === null ? `it ended with status ${status}` : `it was ended by ${signal}`);
}
