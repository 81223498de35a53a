/** One server under measurement: a process of its own, on a core of its own, that is loaded by wrk from another core. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { pin } from "./cores.ts";
import { readUsage, type Usage } from "./usage.ts";
import { runLoad } from "./wrk.ts";

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 5_000;
const ASK_EVERY_MS = 50;

export interface ServerPlan {
  readonly name: string;
  /** A file. Unless `url` is given, it prints a line with its address, `http://127.0.0.1:…`, when it listens. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** What runs the program: a command with its first arguments; none for one that runs by itself. Default: this Node. */
  readonly runtime?: readonly string[];
  readonly args?: readonly string[];
  /** Where it listens, of a program that does not say it. */
  readonly url?: string;
}

/** One run of load against one server. */
export interface Sample {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** `null` of what is no request. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** CPU of the server per request, in microseconds. */
  readonly userUs: number;
  readonly systemUs: number;
  readonly residentBytes: number;
}

export class MeasuredServer {
  readonly name: string;
  readonly url: string;
  readonly #process: ChildProcess;

  constructor(name: string, url: string, process: ChildProcess) {
    this.name = name;
    this.url = url;
    this.#process = process;
  }

  static async start(plan: ServerPlan): Promise<MeasuredServer> {
    const { runtime = [process.execPath], args: more = [] } = plan;
    const [program, ...args] = pin("server", [...runtime, plan.program, ...more]);
    const child = spawn(program, args, {
      env: { ...process.env, NODE_ENV: "production", ...plan.env, HOST: "127.0.0.1", PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const url = await waitAddress(plan, child);
      return new MeasuredServer(plan.name, url, child);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  /** What it has used so far. */
  usage(): Usage {
    return readUsage(this.#pid);
  }

  /** Loads `path` and tells what the server used meanwhile. `script` is one of wrk's, for requests that are no GET. */
  async measure(path: string, seconds: number, connections: number, script?: string): Promise<Sample> {
    const before = this.usage();
    const load = await runLoad(this.url + path, seconds, connections, script);
    const after = this.usage();
    return {
      ...load,
      userUs: (after.userUs - before.userUs) / load.requests,
      systemUs: (after.systemUs - before.systemUs) / load.requests,
      residentBytes: after.residentBytes,
    };
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Ends the server: it is asked, and after `STOP_LIMIT_MS` it is made to. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    const insist = setTimeout(() => this.#process.kill("SIGKILL"), STOP_LIMIT_MS);
    this.#process.kill("SIGTERM");
    await ended;
    clearTimeout(insist);
    if (this.#process.signalCode === "SIGKILL") throw new Error(`Cannot stop ${this.name}: it did not end on SIGTERM`);
  }

  get #pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error(`Cannot measure ${this.name}: it never started`);
    return pid;
  }
}

/** Waits until the server listens, and returns where. */
async function waitAddress(plan: ServerPlan, child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const late = setTimeout(
    () => reject(new Error(`Cannot start ${plan.name}: no address after ${START_LIMIT_MS} ms`)),
    START_LIMIT_MS,
  );
  child.once("error", (error) => reject(new Error(`Cannot start ${plan.name}: ${error.message}`, { cause: error })));
  child.once("exit", (code) => reject(new Error(`Cannot start ${plan.name}: it ended with status ${code}`)));
  let output = "";
  child.stdout?.on("data", (bytes: Buffer) => {
    output += bytes.toString();
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(output);
    if (found !== null) resolve(found[0]);
  });
  try {
    return await (plan.url === undefined ? promise : Promise.race([promise, waitAnswer(plan.url)]));
  } finally {
    clearTimeout(late);
  }
}

/** Asks until there is an answer; the caller has the limit of time. */
async function waitAnswer(url: string): Promise<string> {
  for (const began = Date.now(); Date.now() - began < START_LIMIT_MS; await sleep(ASK_EVERY_MS)) {
    const isThere = await fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
      (response) => response.text().then(() => true),
      () => false,
    );
    if (isThere) return url;
  }
  throw new Error(`Cannot reach ${url}: no answer after ${START_LIMIT_MS} ms`);
}
