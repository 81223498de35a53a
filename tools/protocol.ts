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
import { join, relative } from "node:path";
import { ensureAb, faultOf, parseAbReport } from "./ab.ts";
import { createStampedFolder } from "./log-folder.ts";
import { runMixedLoad } from "./mixed-load.ts";
import { describeEnd, isInterrupted, startCommand, telling } from "./run-command.ts";
import { readWhole } from "./settings.ts";
import { stressCommand } from "./stress.ts";
import { StepFailure, TracedServer } from "./traced-server.ts";

const BUILD_LIMIT_MS = 120_000;
const API_LIMIT_MS = 60_000;
const AB_LIMIT_MS = 60_000;

const AB_REQUESTS = 1_000;
const AB_CONNECTIONS = 50;
/** Each has one connection at a time. */
const LOAD_CLIENTS = 40;

interface Settings {
  readonly seconds: number;
  readonly seed: number;
}

const root = join(import.meta.dirname, "..");

/** Reads what the protocol is told. Throws RangeError that names the variable. */
function readSettings(environment: NodeJS.ProcessEnv): Settings {
  return {
    seconds: readWhole("PROTOCOL_SECONDS", 10, 86_400, environment),
    seed: readWhole("PROTOCOL_SEED", (Date.now() % 0x7fff_ffff) + 1, 0x7fff_ffff, environment),
  };
}

class Protocol {
  readonly #settings: Settings;
  readonly #folder: string;
  #server: TracedServer | undefined;

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
    await this.#server?.kill();
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
    const giveUp = (): unknown => command.end();
    const end = await (this.#server?.unlessCrashed(command.ended, giveUp) ?? command.ended);
    if (end.status === 0 && end.problem === undefined) return end.output;
    throw new StepFailure(`${describeEnd(end)}\n${telling(end)}`, path);
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
    this.#server = await TracedServer.start({
      root,
      folder: this.#folder,
      name: "Conduit",
      program: join(root, "apps", "conduit", "src", "main.ts"),
      limitMs: API_LIMIT_MS + 2 * AB_LIMIT_MS + 2 * this.#settings.seconds * 1_000,
      environment: {
        ...process.env,
        HOST: "127.0.0.1",
        PORT: "0",
        UNIX_SOCKET: "",
        DATABASE_URL: `sqlite:${database}`,
        JWT_SECRET: "",
        LOG_LEVEL: "warn",
      },
      listening: /^conduit: listening on (http:\S+)$/,
      say,
    });
    const { url, pid } = this.#server;
    say(`   ${url}, process ${pid}, data in ${relative(process.cwd(), database)}`);
  }

  get #running(): TracedServer {
    if (this.#server === undefined) throw new StepFailure("found no server, wanted the one of an earlier step");
    return this.#server;
  }

  async #testApi(): Promise<void> {
    await this.#command("api", join(root, "bin", "test_api.sh"), [this.#running.url], API_LIMIT_MS, /^FAIL|passed, /);
  }

  async #ab(log: string, flags: readonly string[]): Promise<void> {
    ensureAb((line) => say(`   ${line}`));
    const args = [
      "-q",
      "-c",
      String(AB_CONNECTIONS),
      "-n",
      String(AB_REQUESTS),
      ...flags,
      `${this.#running.url}/api/tags`,
    ];
    const report = parseAbReport(await this.#command(`ab-${log}`, "ab", args, AB_LIMIT_MS));
    const fault = faultOf(report, AB_REQUESTS);
    if (fault !== undefined) throw new StepFailure(fault, join(this.#folder, `ab-${log}.log`));
    say(
      `   ${Math.round(report.requestsPerSecond)} requests/s, median ${report.p50Ms} ms, 99 % within ${report.p99Ms} ms`,
    );
  }

  async #load(): Promise<void> {
    const { seconds, seed } = this.#settings;
    const { url } = this.#running;
    say(`   PROTOCOL_SEED=${seed}, ${LOAD_CLIENTS} clients`);
    await this.#running.bear(seconds, seed, (signal) =>
      runMixedLoad({ url, seconds, clients: LOAD_CLIENTS, seed, signal }),
    );
  }

  async #stop(): Promise<void> {
    const server = this.#running;
    this.#server = undefined;
    await server.stop();
  }
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
