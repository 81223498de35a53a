/*
 * The process that owns the servers: `guardian-process.ts`, a child of this one. Servers are its children, so that they
 * end whatever becomes of us: its standard input is a pipe from here, and at the end of that pipe, which comes even with
 * kill -9, it stops them all, takes their data away and ends.
 *
 * Requests and events are lines of JSON. A request has a number, which its answer carries. The number of the request that
 * started a program stands for that program afterwards.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Account } from "./account.ts";

/** A program for the guardian to run. */
export interface GuardedProgram {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Everything that it writes is added to this file. */
  readonly log: string;
  readonly account: Account | undefined;
  /** Asks it to end, quickly and in order. */
  readonly stopSignal: NodeJS.Signals;
}

/** How a program ended. */
export interface GuardedEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Whether a signal is for the process alone, or for its children too. */
export type SignalReach = "process" | "tree";

export type GuardianRequest =
  | { readonly request: number; readonly start: GuardedProgram }
  | { readonly request: number; readonly stop: number }
  | { readonly request: number; readonly signal: NodeJS.Signals; readonly to: number; readonly reach: SignalReach };

/** `pid` and `isDone` are answers, `ended` comes later. */
export type GuardianEvent =
  | { readonly request: number; readonly pid: number }
  | { readonly request: number; readonly isDone: true }
  | { readonly request: number; readonly problem: string }
  | { readonly request: number; readonly ended: GuardedEnd };

/** A program that the guardian runs. */
export interface GuardedProcess {
  readonly pid: number;
  readonly isRunning: boolean;
  /** Resolves, never rejects, when it has ended. */
  readonly ended: Promise<GuardedEnd>;
  /** Returns when the signal has been sent. A process that has ended takes none, which is no error. */
  send(signal: NodeJS.Signals, reach: SignalReach): Promise<void>;
  /** Asks it to stop, kills it when that takes longer than 10 s, and returns when it has ended. */
  stop(): Promise<void>;
}

/** It stops its servers within STOP_TIMEOUT_MS of guardian-process.ts, and then takes their data away. */
const CLOSE_TIMEOUT_MS = 20_000;

type Child = ChildProcessByStdio<Writable, Readable, null>;

const program = fileURLToPath(new URL("guardian-process.ts", import.meta.url));

export class Guardian {
  readonly #child: Child;
  readonly #exited: Promise<void>;
  readonly #answers = new Map<number, PromiseWithResolvers<GuardianEvent>>();
  readonly #ends = new Map<number, PromiseWithResolvers<GuardedEnd>>();
  #requests = 0;
  #isGone = false;

  /**
   * Starts a guardian. `folder` is the run's own; everything in it goes with the guardian. What the guardian itself has
   * to say, which is nothing as a rule, is added to the file `log`.
   */
  constructor(folder: string, log: string) {
    const errors = openSync(log, "a");
    // Detached, so that neither Ctrl-C nor the end of a test file's process group takes it before it has done its work.
    // The types of spawn() know no descriptor among the streams.
    this.#child = spawn(process.execPath, [program, folder], {
      stdio: ["pipe", "pipe", errors],
      detached: true,
    }) as unknown as Child;
    closeSync(errors);
    const exited = Promise.withResolvers<void>();
    this.#exited = exited.promise;
    const leave = (): void => {
      this.#isGone = true;
      for (const answer of this.#answers.values()) answer.reject(new Error("Cannot reach the guardian: it has ended"));
      this.#answers.clear();
      for (const end of this.#ends.values()) end.resolve({ status: null, signal: null });
      this.#ends.clear();
      exited.resolve();
    };
    this.#child.once("error", leave);
    this.#child.once("close", leave);
    // EPIPE: it has ended, which "close" tells.
    this.#child.stdin.on("error", () => {});
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(JSON.parse(line) as GuardianEvent));
  }

  /** The guardian's own number. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Starts a program. @throws when it cannot be started. */
  async run(start: GuardedProgram): Promise<GuardedProcess> {
    const request = ++this.#requests;
    const end = Promise.withResolvers<GuardedEnd>();
    this.#ends.set(request, end);
    const answer = await this.#ask({ request, start });
    const isRunning = (): boolean => this.#ends.has(request);
    return {
      pid: "pid" in answer ? answer.pid : 0,
      get isRunning() {
        return isRunning();
      },
      ended: end.promise,
      send: async (signal, reach) => {
        await this.#ask({ request: ++this.#requests, signal, to: request, reach });
      },
      stop: async () => {
        await this.#ask({ request: ++this.#requests, stop: request });
        await end.promise;
      },
    };
  }

  /** Stops what still runs and takes the run's data away. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), CLOSE_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  async #ask(request: GuardianRequest): Promise<GuardianEvent> {
    if (this.#isGone) throw new Error("Cannot reach the guardian: it has ended");
    const answer = Promise.withResolvers<GuardianEvent>();
    this.#answers.set(request.request, answer);
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return await answer.promise;
  }

  #take(event: GuardianEvent): void {
    const { request } = event;
    if ("ended" in event) {
      this.#ends.get(request)?.resolve(event.ended);
      this.#ends.delete(request);
      return;
    }
    const answer = this.#answers.get(request);
    this.#answers.delete(request);
    if ("problem" in event) {
      this.#ends.delete(request);
      answer?.reject(new Error(event.problem));
    } else answer?.resolve(event);
  }
}
