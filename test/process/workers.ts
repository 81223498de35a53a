/** A program in several workers, and what its supervisor says. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunWorkersOptions } from "../../packages/lunet/src/workers/mod.ts";
import type { ClientTarget } from "./reload-clients.ts";
import { eventually, NodeProcess, programFile } from "./traced.ts";

const ANSWER_LIMIT_MS = 10_000;

export interface WorkersOptions extends Partial<RunWorkersOptions> {
  readonly path?: string;
  readonly port?: number;
  /** Serves on this port, too, so long after the first. */
  readonly later?: { readonly port: number; readonly ms: number };
  /** Cancels the supervisor after so long. */
  readonly deadlineMs?: number;
}

/** True while a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** `programs/workers.ts`, under its supervisor. */
export class Workers implements AsyncDisposable {
  readonly process: NodeProcess;
  readonly folder = mkdtempSync(join(tmpdir(), "workers-"));
  readonly #count: number;
  /** All that have ever served. */
  readonly #pids = new Set<number>();

  constructor(count: number, options: WorkersOptions = {}, plan = "") {
    this.#count = count;
    this.plan(plan);
    const conditions = process.execArgv.filter((arg) => arg.startsWith("--conditions="));
    const args = [...conditions, programFile("workers"), String(count), JSON.stringify(options)];
    this.process = new NodeProcess(args, { ...process.env, FOLDER: this.folder });
  }

  /** Starts them and waits until all serve. */
  static async start(count: number, options: WorkersOptions = {}): Promise<Workers> {
    const workers = new Workers(count, options);
    try {
      await workers.until(() => workers.serving().size === count);
      return workers;
    } catch (error) {
      await workers[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What the next start is to do: `fail`, `hang`, or nothing. */
  plan(what: string): void {
    writeFileSync(join(this.folder, "plan"), what);
  }

  get said(): string {
    return this.process.stderr;
  }

  get target(): ClientTarget {
    const found = /serves (?:http:\/\/([\d.]+):(\d+)|unix:(\S+))\./.exec(this.process.stdout);
    if (found === null) throw new Error(`Cannot find where it serves: found ${JSON.stringify(this.process)}`);
    const [, host = "", port, path] = found;
    return path === undefined ? { host, port: Number(port) } : { path };
  }

  /** The processes that serve now, by worker, as the log has it. */
  serving(): Map<number, number> {
    const now = new Map<number, number>();
    for (const [, number, pid, what] of this.said.matchAll(/worker (\d+) \(pid (\d+)\) (serves|ended|has drained)/g)) {
      this.#pids.add(Number(pid));
      if (what === "serves") now.set(Number(number), Number(pid));
      else if (now.get(Number(number)) === Number(pid)) now.delete(Number(number));
    }
    return now;
  }

  /** Waits until it is so, as long as the supervisor lives. */
  async until(condition: () => boolean): Promise<void> {
    let end: object | undefined;
    const ended = this.process.ended().then((outcome) => (end = outcome));
    await eventually(() => condition() || end !== undefined);
    if (!condition()) throw new Error(`Cannot go on: found ${JSON.stringify(await ended)}`);
  }

  /** Waits until a line of the log has been written so often. */
  async untilSaid(text: string, times = 1): Promise<void> {
    await this.until(() => this.said.split(text).length > times);
  }

  /** Waits until every worker serves, other processes than `before`. */
  async untilReplaced(before: ReadonlyMap<number, number>): Promise<void> {
    await this.until(() => {
      const now = this.serving();
      return now.size === this.#count && [...now].every(([number, pid]) => before.get(number) !== pid);
    });
  }

  /** Asks over a connection of its own. */
  ask(path: string): Promise<string> {
    const target = this.target;
    const where = "path" in target ? { socketPath: target.path } : target;
    return new Promise((resolve, reject) => {
      const sent = request({ ...where, path, agent: new Agent(), timeout: ANSWER_LIMIT_MS }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
        response.on("end", () => resolve(response.statusCode === 200 ? text : `${response.statusCode}`));
        response.on("error", reject);
      });
      sent.on("timeout", () => sent.destroy(new Error("found no answer")));
      sent.on("error", reject);
      sent.end();
    });
  }

  /** Asks again and again until a worker has answered that has not answered yet. Gives pids by number. */
  async askAll(): Promise<Map<number, number>> {
    const found = new Map<number, number>();
    await eventually(async () => {
      const [number = 0, pid = 0] = (await this.ask("/who")).split(" ").map(Number);
      found.set(number, pid);
      return found.size === this.#count;
    });
    return found;
  }

  /** The supervisor's end, when every worker that ever served is gone, too. */
  async ended(): Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }> {
    const { status, signal } = await this.process.ended();
    this.serving();
    await eventually(() => [...this.#pids].every((pid) => !isAlive(pid)));
    return { status, signal };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    this.serving();
    for (const pid of this.#pids) {
      // One that does not end by itself is the failure that the test is about to report.
      await eventually(() => !isAlive(pid)).catch(() => isAlive(pid) && process.kill(pid, "SIGKILL"));
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
