/** One server under measurement: a process of its own, on a core of its own, that is loaded by wrk from another core. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { pin } from "./cores.ts";
import type { Usage } from "./cpu-meter.ts";
import { runLoad } from "./wrk.ts";

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 5_000;
const meter = fileURLToPath(new URL("cpu-meter.ts", import.meta.url));

export interface ServerPlan {
  readonly name: string;
  /** TypeScript file. It prints a line with its address, `http://…`, when it listens. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One run of load against one server. */
export interface Sample {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
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
    const [program, ...args] = pin("server", [process.execPath, "--import", meter, plan.program]);
    const child = spawn(program, args, {
      env: { ...process.env, ...plan.env, HOST: "127.0.0.1", PORT: "0" },
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    let output = "";
    const url = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`Cannot start ${plan.name}: no address after ${START_LIMIT_MS} ms`)),
        START_LIMIT_MS,
      );
      child.once("exit", (code) => reject(new Error(`Cannot start ${plan.name}: it ended with status ${code}`)));
      child.stdout?.on("data", (bytes: Buffer) => {
        output += bytes.toString();
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(output);
        if (found === null) return;
        clearTimeout(late);
        resolve(found[0]);
      });
    });
    return new MeasuredServer(plan.name, url, child);
  }

  async #usage(): Promise<Usage> {
    const answer = once(this.#process, "message", { signal: AbortSignal.timeout(5_000) });
    this.#process.send("usage");
    const [usage] = (await answer) as [Usage];
    return usage;
  }

  async measure(path: string, seconds: number, connections: number): Promise<Sample> {
    const before = await this.#usage();
    const load = await runLoad(this.url + path, seconds, connections);
    const after = await this.#usage();
    return {
      ...load,
      userUs: (after.userUs - before.userUs) / load.requests,
      systemUs: (after.systemUs - before.systemUs) / load.requests,
      residentBytes: after.residentBytes,
    };
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
}
