/**
 * Clients that ask without a pause and count what did not come back whole: some with a connection for each request, some
 * on connections that are kept for as long as the server keeps them.
 */
import { connect, type Socket } from "node:net";

/** What clients have seen. */
export interface Seen {
  readonly requests: number;
  readonly connections: number;
  /** What went wrong, in words: a request that was not answered whole with 200. */
  readonly failures: readonly string[];
  /** The longest that an answer took, in milliseconds. */
  readonly slowestMs: number;
}

export type ClientTarget = { readonly port: number; readonly host: string } | { readonly path: string };

/** Longer than any answer takes that is not lost. */
const ANSWER_LIMIT_MS = 10_000;
const MAX_FAILURES = 100;

export class ReloadClients {
  readonly #target: ClientTarget;
  readonly #failures: string[] = [];
  readonly #running: Promise<void>[] = [];
  #requests = 0;
  #connections = 0;
  #slowestMs = 0;
  #isEnding = false;

  constructor(target: ClientTarget) {
    this.#target = target;
  }

  start(count: { readonly fresh: number; readonly kept: number }): void {
    for (let each = 0; each < count.fresh; each++) this.#running.push(this.#run(false));
    for (let each = 0; each < count.kept; each++) this.#running.push(this.#run(true));
  }

  get seen(): Seen {
    return {
      requests: this.#requests,
      connections: this.#connections,
      failures: this.#failures,
      slowestMs: this.#slowestMs,
    };
  }

  /** Lets each finish what it asks. */
  async end(): Promise<Seen> {
    this.#isEnding = true;
    await Promise.all(this.#running);
    return this.seen;
  }

  async #run(isKept: boolean): Promise<void> {
    let connection: ClientConnection | undefined;
    while (!this.#isEnding && this.#failures.length < MAX_FAILURES) {
      const startedMs = performance.now();
      const isReused = connection !== undefined;
      try {
        if (connection === undefined) {
          connection = new ClientConnection(this.#target);
          this.#connections++;
        }
        const { closes } = await connection.ask(isKept);
        this.#requests++;
        this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedMs);
        if (isKept && !closes) continue;
      } catch (error) {
        const which = isReused ? "kept" : "fresh";
        this.#failures.push(
          `${which}: ${(error as Error).message} after ${Math.round(performance.now() - startedMs)} ms`,
        );
      }
      connection?.end();
      connection = undefined;
    }
    connection?.end();
  }
}

class ClientConnection {
  readonly #socket: Socket;
  #text = "";
  #settle: (error: Error | undefined) => void = () => {};

  constructor(target: ClientTarget) {
    this.#socket = connect({ ...target, noDelay: true });
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (text: string) => {
      this.#text += text;
      if (/\r\n\r\n[^]/.test(this.#text)) this.#settle(undefined);
    });
    this.#socket.on("error", (error) => this.#settle(error));
    this.#socket.on("close", () => this.#settle(new Error("closed without an answer")));
  }

  async ask(keep: boolean): Promise<{ readonly closes: boolean }> {
    this.#text = "";
    let limit: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
      limit = setTimeout(() => reject(new Error("found no answer")), ANSWER_LIMIT_MS);
      this.#socket.write(`GET /asked HTTP/1.1\r\nHost: a\r\n${keep ? "" : "Connection: close\r\n"}\r\n`);
    }).finally(() => clearTimeout(limit));
    this.#settle = () => {};
    if (!/^HTTP\/1\.1 200 [^]*\r\n\r\n\/asked$/.test(this.#text)) throw new Error(JSON.stringify(this.#text));
    return { closes: /\r\nConnection: close\r\n/.test(this.#text) };
  }

  end(): void {
    this.#socket.destroy();
  }
}
