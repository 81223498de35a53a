/*
 * The test protocol as one command: `node tools/protocol.ts`, as `make protocol` does.
 *
 * Trace build → stress test → Conduit in the trace build → API test → ApacheBench with and without kept connections →
 * a mixed load whose clients go away in the middle → SIGTERM → the ledger's balance. The first failure stops it. Each
 * step is timed and logged to `.tmp/logs/YYYYMMDD_HHMMSS/`. Everything is on loopback, and everything that is started
 * ends with the command, whichever way it ends.
 *
 * `PROTOCOL_SECONDS` (10): how long the mixed load takes. From 120 on the server's memory has to be flat too: its
 * trend after the warm-up may gain 20 MiB over the run, or 10 % where that is more (tools/memory-trend.ts).
 * `PROTOCOL_SEED` repeats a load. Status: 0 when all held, 1 for a failure, 2 for settings that it cannot use.
 */
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ensureAb, faultOf, parseAbReport } from "./ab.ts";
import { createStampedFolder } from "./log-folder.ts";
import { drawMemory, memoryTable, mib, MIN_JUDGED_S, residentBytes, trendOf, type Sample } from "./memory-trend.ts";
import { runMixedLoad, type LoadResult } from "./mixed-load.ts";
import {
  describeEnd,
  isInterrupted,
  startCommand,
  telling,
  type CommandEnd,
  type RunningCommand,
} from "./run-command.ts";
import { stressCommand } from "./stress.ts";
import { outstanding, parseTraceSummary } from "./trace-summary.ts";

const BUILD_LIMIT_MS = 120_000;
const START_LIMIT_MS = 20_000;
const API_LIMIT_MS = 60_000;
const AB_LIMIT_MS = 60_000;
/** Longer than Conduit's own grace. */
const STOP_LIMIT_MS = 30_000;

const AB_REQUESTS = 1_000;
const AB_CONNECTIONS = 50;
/** Each has one connection at a time. */
const LOAD_CLIENTS = 40;
/** So many at most, however long the load is. */
const MAX_SAMPLES = 600;

interface Settings {
  readonly seconds: number;
  readonly seed: number;
}

/** A step that failed; the message says why. */
class StepFailure extends Error {
  readonly log: string | undefined;

  constructor(message: string, log?: string) {
    super(message);
    this.log = log;
  }
}

const root = join(import.meta.dirname, "..");

/** Reads what the protocol is told. Throws RangeError that names the variable. */
function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const whole = (name: string, normally: number, most: number): number => {
    const text = environment[name] ?? "";
    if (text === "") return normally;
    if (/^\d{1,15}$/.test(text) && Number(text) >= 1 && Number(text) <= most) return Number(text);
    throw new RangeError(`Cannot use ${name}: found ${JSON.stringify(text)}, wanted a whole number from 1 to ${most}`);
  };
  return {
    seconds: whole("PROTOCOL_SECONDS", 10, 86_400),
    seed: whole("PROTOCOL_SEED", (Date.now() % 0x7fff_ffff) + 1, 0x7fff_ffff),
  };
}

class Protocol {
  readonly #settings: Settings;
  readonly #folder: string;
  #server: RunningCommand | undefined;
  #url = "";

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#folder = createStampedFolder(join(root, ".tmp", "logs"));
  }

  /** Runs every step. True when all passed. */
  async run(): Promise<boolean> {
    const steps: ReadonlyArray<readonly [name: string, run: () => Promise<void>]> = [
      ["trace build", () => this.#build()],
      ["stress test", () => this.#stress()],
      ["Conduit in the trace build", () => this.#start()],
      ["API test", () => this.#testApi()],
      [`ab -c ${AB_CONNECTIONS} -n ${AB_REQUESTS} -k`, () => this.#ab("kept", ["-k"])],
      [`ab -c ${AB_CONNECTIONS} -n ${AB_REQUESTS}`, () => this.#ab("closed", [])],
      [`mixed load for ${this.#settings.seconds} s`, () => this.#load()],
      ["end, and the balance", () => this.#stop()],
    ];
    say(`protocol: logs in ${relative(process.cwd(), this.#folder)}`);
    const startedMs = performance.now();
    for (const [index, [name, run]] of steps.entries()) {
      const label = `${index + 1} of ${steps.length}, ${name}`;
      say(`== ${label}`);
      const stepStartedMs = performance.now();
      try {
        await run();
      } catch (error) {
        await this.#report(label, secondsSince(stepStartedMs), error as Error);
        return false;
      }
      say(`   ok in ${secondsSince(stepStartedMs)} s`);
    }
    say(`protocol: all ${steps.length} steps passed in ${secondsSince(startedMs)} s`);
    return true;
  }

  async #report(label: string, seconds: string, error: Error): Promise<void> {
    if (isInterrupted()) return say(`protocol: interrupted at step ${label}`);
    const log = error instanceof StepFailure ? error.log : undefined;
    say(
      `protocol: FAILED at step ${label}, after ${seconds} s: ${error instanceof StepFailure ? error.message : error.stack}`,
    );
    if (log !== undefined) say(`protocol: its log is ${relative(process.cwd(), log)}`);
    await this.#server?.end();
  }

  /** Runs a program to its end; any other than status 0 fails the step. */
  async #command(
    log: string,
    program: string,
    args: readonly string[],
    limitMs: number,
    show?: RegExp,
  ): Promise<string> {
    const path = join(this.#folder, `${log}.log`);
    const onLine = (line: string): void => {
      if (show?.test(line) === true) say(`   ${line}`);
    };
    const command = startCommand({ program, args, cwd: root, log: path, limitMs, onLine });
    const end = await this.#unlessCrashed(command.ended, () => command.end());
    if (end.status === 0 && end.problem === undefined) return end.output;
    throw new StepFailure(`${describeEnd(end)}\n${telling(end)}`, path);
  }

  /** Waits for `work`, and fails at once when the server ends meanwhile, which it must not. */
  async #unlessCrashed<T>(work: Promise<T>, giveUp: () => unknown): Promise<T> {
    if (this.#server === undefined) return work;
    const crashed = this.#server.ended.then((end) => ({ end }));
    const first = await Promise.race([work.then((value) => ({ value })), crashed]);
    if ("value" in first) return first.value;
    giveUp();
    throw this.#crash(first.end);
  }

  #crash(end: CommandEnd): StepFailure {
    return new StepFailure(`CRITICAL: the server is gone: ${describeEnd(end)}\n${telling(end)}`, this.#serverLog);
  }

  get #serverLog(): string {
    return join(this.#folder, "conduit.log");
  }

  async #build(): Promise<void> {
    const script = join(root, "tools", "build.ts");
    await this.#command("build", process.execPath, [script, "--trace-only"], BUILD_LIMIT_MS, /files,/);
  }

  async #stress(): Promise<void> {
    const { program, args, limitMs } = stressCommand(root);
    await this.#command("stress", program, args, limitMs, /^stress: (?!operations)|^checks: /);
  }

  async #start(): Promise<void> {
    const database = join(createStampedFolder(join(root, ".tmp")), "conduit.db");
    const listening = Promise.withResolvers<string>();
    this.#server = startCommand({
      program: process.execPath,
      args: ["--conditions=lunet-trace", join(root, "apps", "conduit", "src", "main.ts")],
      cwd: root,
      log: this.#serverLog,
      // The steps have their limits; this one is for a step that was forgotten.
      limitMs: 2 * START_LIMIT_MS + API_LIMIT_MS + 2 * AB_LIMIT_MS + 2 * this.#settings.seconds * 1_000 + STOP_LIMIT_MS,
      environment: {
        ...process.env,
        HOST: "127.0.0.1",
        PORT: "0",
        UNIX_SOCKET: "",
        DATABASE_URL: `sqlite:${database}`,
        JWT_SECRET: "",
        LOG_LEVEL: "warn",
        LUNET_TRACE_SUMMARY: "on",
      },
      onLine: (line) => {
        const address = /^conduit: listening on (http:\S+)$/.exec(line)?.[1];
        if (address !== undefined) listening.resolve(address);
      },
    });
    const limit = setTimeout(
      () => listening.reject(new StepFailure(`it does not listen within ${START_LIMIT_MS / 1_000} s`, this.#serverLog)),
      START_LIMIT_MS,
    );
    this.#url = await this.#unlessCrashed(listening.promise, () => {}).finally(() => clearTimeout(limit));
    say(`   ${this.#url}, process ${this.#server.pid}, data in ${relative(process.cwd(), database)}`);
  }

  async #testApi(): Promise<void> {
    await this.#command("api", join(root, "bin", "test_api.sh"), [this.#url], API_LIMIT_MS, /^FAIL|passed, /);
  }

  async #ab(log: string, flags: readonly string[]): Promise<void> {
    ensureAb((line) => say(`   ${line}`));
    const args = ["-q", "-c", String(AB_CONNECTIONS), "-n", String(AB_REQUESTS), ...flags, `${this.#url}/api/tags`];
    const report = parseAbReport(await this.#command(`ab-${log}`, "ab", args, AB_LIMIT_MS));
    const fault = faultOf(report, AB_REQUESTS);
    if (fault !== undefined) throw new StepFailure(fault, join(this.#folder, `ab-${log}.log`));
    say(
      `   ${Math.round(report.requestsPerSecond)} requests/s, median ${report.p50Ms} ms, 99 % within ${report.p99Ms} ms`,
    );
  }

  async #load(): Promise<void> {
    const { seconds, seed } = this.#settings;
    const pid = this.#server?.pid ?? 0;
    say(`   PROTOCOL_SEED=${seed}, ${LOAD_CLIENTS} clients`);
    const samples: Sample[] = [];
    const startedMs = performance.now();
    const sample = (): void => {
      const bytes = residentBytes(pid);
      if (bytes !== undefined) samples.push({ atS: (performance.now() - startedMs) / 1_000, bytes });
    };
    sample();
    const timer = setInterval(sample, Math.max(500, (seconds * 1_000) / MAX_SAMPLES));
    const stop = new AbortController();
    let result: LoadResult;
    try {
      const load = runMixedLoad({ url: this.#url, seconds, clients: LOAD_CLIENTS, seed, signal: stop.signal });
      result = await this.#unlessCrashed(load, () => {
        stop.abort();
        // It is over; what its clients still find is nobody's.
        load.catch(() => {});
      });
    } finally {
      clearInterval(timer);
    }
    sample();
    this.#tellLoad(result);
    this.#tellMemory(samples, seconds);
    const text = [`seed ${seed}`, ...loadLines(result), ...result.faultTexts, ""].join("\n");
    const log = join(this.#folder, "load.log");
    writeFileSync(log, text);
    if (result.faults > 0) {
      throw new StepFailure(
        `found ${result.faults} answers or ends that must not be:\n${result.faultTexts.join("\n")}`,
        log,
      );
    }
    this.#judgeMemory(samples, seconds);
  }

  #tellLoad(result: LoadResult): void {
    for (const line of loadLines(result)) say(`   ${line}`);
  }

  #tellMemory(samples: readonly Sample[], seconds: number): void {
    if (samples.length === 0) return;
    say("   resident memory of the server");
    for (const line of memoryTable(samples)) say(`   ${line}`);
    const picture = join(this.#folder, "memory.svg");
    writeFileSync(picture, drawMemory(samples, `Resident memory of traced Conduit under a mixed load of ${seconds} s`));
    writeFileSync(join(this.#folder, "memory.json"), JSON.stringify(samples));
    say(`   ${relative(process.cwd(), picture)}`);
  }

  #judgeMemory(samples: readonly Sample[], seconds: number): void {
    const trend = trendOf(samples, seconds);
    if (trend === undefined) return;
    const { growthBytes, limitBytes, meanBytes } = trend;
    const figures = `by its trend after the warm-up ${mib(growthBytes)} MiB over the run, around ${mib(meanBytes)} MiB`;
    if (seconds < MIN_JUDGED_S) {
      say(`   memory: ${figures}; judged from PROTOCOL_SECONDS=${MIN_JUDGED_S} on`);
      return;
    }
    say(`   memory: ${figures}, limit is ${mib(limitBytes)} MiB`);
    if (growthBytes > limitBytes)
      throw new StepFailure(`the server's memory grows: ${figures}, limit is ${mib(limitBytes)} MiB`);
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const end = await server.end("SIGTERM", STOP_LIMIT_MS);
    if (end.status !== 0) throw this.#crash(end);
    const summary = parseTraceSummary(end.output);
    if (summary === undefined) throw new StepFailure("found no summary of the trace build", this.#serverLog);
    const { kinds, passed, failed, foreign } = summary;
    for (const [label, { made, ended }] of kinds) say(`   ${label}: ${made} made, ${ended} ended`);
    say(`   checks: ${passed} passed, ${failed} failed`);
    for (const line of foreign) say(`   not ours: ${line.trim()}`);
    const left = outstanding(summary);
    if (left.length > 0) throw new StepFailure(`not everything has ended: ${left.join(", ")}`, this.#serverLog);
    if (failed > 0) throw new StepFailure(`${failed} checks failed`, this.#serverLog);
  }
}

function loadLines({ requests, seconds, byStatus, aborted, byStep, faults }: LoadResult): string[] {
  const list = <K>(counts: ReadonlyMap<K, number>): string =>
    [...counts].map(([what, count]) => `${String(what)}: ${count}`).join(", ");
  return [
    `${requests} requests, ${Math.round(requests / seconds)}/s; left in the middle: ${aborted}; faults: ${faults}`,
    `by status: ${list(byStatus)}`,
    `by step: ${list(byStep)}`,
  ];
}

function secondsSince(startedMs: number): string {
  return ((performance.now() - startedMs) / 1_000).toFixed(1);
}

function say(line: string): void {
  console.log(line);
}

try {
  const settings = readSettings(process.env);
  process.exitCode = (await new Protocol(settings).run()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  console.error(`protocol: ${error.message}`);
  process.exitCode = 2;
}
