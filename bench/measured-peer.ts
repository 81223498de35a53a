/** One peer of a database under measurement: a process of its own, on the core for what is measured. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { pin } from "./cores.ts";
import type { Order, Outcome } from "./database-peers/peer.ts";

const ANSWER_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 5_000;

export interface PeerPlan {
  readonly name: string;
  /** TypeScript file that serves a `Peer`. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

export class MeasuredPeer {
  readonly name: string;
  readonly #process: ChildProcess;

  constructor(name: string, process: ChildProcess) {
    this.name = name;
    this.#process = process;
  }

  /** Starts it and returns when it has reached its database. */
  static async start(plan: PeerPlan): Promise<MeasuredPeer> {
    const [program, ...args] = pin("server", [process.execPath, plan.program]);
    const child = spawn(program, args, {
      env: { ...process.env, ...plan.env },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const peer = new MeasuredPeer(plan.name, child);
    await peer.#answer();
    return peer;
  }

  async measure(order: Order): Promise<Outcome> {
    const answer = this.#answer();
    this.#process.send(order);
    return (await answer) as Outcome;
  }

  /** Hangs up, upon which it ends; after `STOP_LIMIT_MS` it is made to. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    const insist = setTimeout(() => this.#process.kill("SIGKILL"), STOP_LIMIT_MS);
    if (this.#process.connected) this.#process.disconnect();
    await ended;
    clearTimeout(insist);
    if (this.#process.signalCode === "SIGKILL") throw new Error(`Cannot stop ${this.name}: it did not end`);
  }

  async #answer(): Promise<unknown> {
    const given = new AbortController();
    const signal = AbortSignal.any([given.signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
    try {
      const ended = once(this.#process, "exit", { signal }).then(([status]) => {
        throw new Error(`Cannot measure ${this.name}: it ended with status ${status}`);
      });
      const [answer] = await Promise.race([once(this.#process, "message", { signal }), ended]);
      return answer;
    } finally {
      given.abort();
    }
  }
}
