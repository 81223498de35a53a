/**
 * A server in the trace build that a tool starts, loads and ends: it must not end meanwhile, its memory must be flat, and
 * at the end its ledger must balance.
 */
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { loadLines, type LoadResult } from "./load-tally.ts";
import { drawMemory, memoryTable, mib, MIN_JUDGED_S, residentBytes, trendOf, type Sample } from "./memory-trend.ts";
import { describeEnd, startCommand, telling, type CommandEnd, type RunningCommand } from "./run-command.ts";
import { outstanding, parseTraceSummary } from "./trace-summary.ts";

const START_LIMIT_MS = 20_000;
/** Longer than the grace of any server here. */
const STOP_LIMIT_MS = 30_000;
/** So many at most, however long the load is. */
const MAX_SAMPLES = 600;

/** A step that failed; the message says why. */
export class StepFailure extends Error {
  readonly log: string | undefined;

  constructor(message: string, log?: string) {
    super(message);
    this.log = log;
  }
}

export interface TracedServerPlan {
  readonly root: string;
  /** Where its output and its figures go. */
  readonly folder: string;
  /** Names the log. */
  readonly name: string;
  readonly program: string;
  readonly environment: NodeJS.ProcessEnv;
  /** The line that tells its address, which is the first group. */
  readonly listening: RegExp;
  /** After this it is ended whatever it does. Steps have limits of their own; this one is for a step that was forgotten. */
  readonly limitMs: number;
  readonly say: (line: string) => void;
}

export class TracedServer {
  readonly url: string;
  readonly #command: RunningCommand;
  readonly #plan: TracedServerPlan;

  private constructor(plan: TracedServerPlan, command: RunningCommand, url: string) {
    this.#plan = plan;
    this.#command = command;
    this.url = url;
  }

  /** Starts it and waits for its address. */
  static async start(plan: TracedServerPlan): Promise<TracedServer> {
    const { root, program, environment, limitMs } = plan;
    const listening = Promise.withResolvers<string>();
    const log = logOf(plan);
    const command = startCommand({
      program: process.execPath,
      args: ["--conditions=lunet-trace", program],
      cwd: root,
      log,
      limitMs: START_LIMIT_MS + limitMs + STOP_LIMIT_MS,
      environment: { ...environment, LUNET_TRACE_SUMMARY: "on" },
      onLine: (line) => {
        const address = plan.listening.exec(line)?.[1];
        if (address !== undefined) listening.resolve(address);
      },
    });
    const limit = setTimeout(
      () => listening.reject(new StepFailure(`it does not listen within ${START_LIMIT_MS / 1_000} s`, log)),
      START_LIMIT_MS,
    );
    const gone = command.ended.then((end): never => {
      throw goneFailure(end, log);
    });
    try {
      return new TracedServer(plan, command, await Promise.race([listening.promise, gone]));
    } finally {
      clearTimeout(limit);
      // From here `unlessCrashed` tells.
      gone.catch(() => {});
    }
  }

  get pid(): number {
    return this.#command.pid;
  }

  get log(): string {
    return logOf(this.#plan);
  }

  /** Ends it at once; for a run that has failed. */
  async kill(): Promise<void> {
    await this.#command.end();
  }

  /** Waits for `work`, and fails at once when the server ends meanwhile, which it must not. */
  async unlessCrashed<T>(work: Promise<T>, giveUp: () => unknown): Promise<T> {
    const crashed = this.#command.ended.then((end) => ({ end }));
    const first = await Promise.race([work.then((value) => ({ value })), crashed]);
    if ("value" in first) return first.value;
    giveUp();
    throw goneFailure(first.end, this.log);
  }

  /** Runs a load of so many seconds on it and judges it: its faults, and the server's memory. */
  async bear(seconds: number, seed: number, start: (signal: AbortSignal) => Promise<LoadResult>): Promise<void> {
    const { say, folder } = this.#plan;
    const samples: Sample[] = [];
    const startedMs = performance.now();
    const sample = (): void => {
      const bytes = residentBytes(this.pid);
      if (bytes !== undefined) samples.push({ atS: (performance.now() - startedMs) / 1_000, bytes });
    };
    sample();
    const timer = setInterval(sample, Math.max(500, (seconds * 1_000) / MAX_SAMPLES));
    const stop = new AbortController();
    let result: LoadResult;
    try {
      const load = start(stop.signal);
      result = await this.unlessCrashed(load, () => {
        stop.abort();
        // It is over; what its clients still find is nobody's.
        load.catch(() => {});
      });
    } finally {
      clearInterval(timer);
    }
    sample();
    for (const line of loadLines(result)) say(`   ${line}`);
    this.#tellMemory(samples, seconds);
    const log = join(folder, "load.log");
    writeFileSync(log, [`seed ${seed}`, ...loadLines(result), ...result.faultTexts, ""].join("\n"));
    if (result.faults > 0) {
      const found = `found ${result.faults} answers or ends that must not be:\n${result.faultTexts.join("\n")}`;
      throw new StepFailure(found, log);
    }
    this.#judgeMemory(samples, seconds);
  }

  #tellMemory(samples: readonly Sample[], seconds: number): void {
    const { say, folder, name } = this.#plan;
    if (samples.length === 0) return;
    say("   resident memory of the server");
    for (const line of memoryTable(samples)) say(`   ${line}`);
    const picture = join(folder, "memory.svg");
    writeFileSync(picture, drawMemory(samples, `Resident memory of traced ${name} under a mixed load of ${seconds} s`));
    writeFileSync(join(folder, "memory.json"), JSON.stringify(samples));
    say(`   ${relative(process.cwd(), picture)}`);
  }

  #judgeMemory(samples: readonly Sample[], seconds: number): void {
    const { say } = this.#plan;
    const trend = trendOf(samples, seconds);
    if (trend === undefined) return;
    const { growthBytes, limitBytes, meanBytes } = trend;
    const figures = `by its trend after the warm-up ${mib(growthBytes)} MiB over the run, around ${mib(meanBytes)} MiB`;
    if (seconds < MIN_JUDGED_S) {
      say(`   memory: ${figures}; judged from ${MIN_JUDGED_S} s on`);
      return;
    }
    say(`   memory: ${figures}, limit is ${mib(limitBytes)} MiB`);
    if (growthBytes > limitBytes)
      throw new StepFailure(`the server's memory grows: ${figures}, limit is ${mib(limitBytes)} MiB`);
  }

  /** Ends it with SIGTERM and judges what its ledger says. */
  async stop(): Promise<void> {
    const { say } = this.#plan;
    const end = await this.#command.end("SIGTERM", STOP_LIMIT_MS);
    if (end.status !== 0) throw goneFailure(end, this.log);
    const summary = parseTraceSummary(end.output);
    if (summary === undefined) throw new StepFailure("found no summary of the trace build", this.log);
    const { kinds, passed, failed, foreign } = summary;
    for (const [label, { made, ended }] of kinds) say(`   ${label}: ${made} made, ${ended} ended`);
    say(`   checks: ${passed} passed, ${failed} failed`);
    for (const line of foreign) say(`   not ours: ${line.trim()}`);
    const left = outstanding(summary);
    if (left.length > 0) throw new StepFailure(`not everything has ended: ${left.join(", ")}`, this.log);
    if (failed > 0) throw new StepFailure(`${failed} checks failed`, this.log);
  }
}

function logOf({ folder, name }: TracedServerPlan): string {
  return join(folder, `${name.toLowerCase()}.log`);
}

function goneFailure(end: CommandEnd, log: string): StepFailure {
  return new StepFailure(`CRITICAL: the server is gone: ${describeEnd(end)}\n${telling(end)}`, log);
}
