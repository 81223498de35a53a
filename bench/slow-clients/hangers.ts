/** Starts clients that hang on, in a process of their own, so that they disturb the server and not whoever measures. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const LIMIT_MS = 30_000;

export type HangerKind =
  | "slow heads"
  | "slow content"
  | "big replies, unread"
  | "pipelined, unread"
  | "pipelined, read"
  | "come and go"
  | "idle";

export interface HangerCounts {
  readonly thrownOut: number;
  readonly bytesTaken: number;
}

export class Hangers implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, "close");
  }

  /** Starts them and waits until all are connected. */
  static async start(port: number, kind: HangerKind, count: number): Promise<Hangers> {
    const file = fileURLToPath(new URL("hang-on.ts", import.meta.url));
    const hangers = new Hangers(fork(file, [String(port), kind, String(count)], { execArgv: [] }));
    const hanging = once(hangers.#child, "message", { signal: AbortSignal.timeout(LIMIT_MS) });
    const failed = hangers.#ended.then(() => {
      throw new Error(`Cannot hang on with "${kind}": the clients have ended`);
    });
    try {
      await Promise.race([hanging, failed]);
    } catch (error) {
      await hangers[Symbol.asyncDispose]();
      throw error;
    }
    failed.catch(() => {});
    return hangers;
  }

  async counts(): Promise<HangerCounts> {
    const answer = once(this.#child, "message", { signal: AbortSignal.timeout(LIMIT_MS) });
    this.#child.send("counts");
    return ((await answer) as [HangerCounts])[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
