/**
 * A connection in a worker thread, seen from the event loop's thread.
 *
 * States: starting → open → ended, once. Requests are answered in order; each gets exactly one reply, `connectionLost`
 * if the thread ends before it. While a request is under way the thread keeps the process alive, and at no other time.
 */
import { Worker } from "node:worker_threads";
import { TRACE, ended, made } from "#trace";
import { DatabaseError } from "../errors.ts";
import type { ConnectionOptions } from "./connection.ts";
import { toDatabaseError } from "./database-error.ts";
import type { Reply, Request } from "./protocol.ts";

/** The sources run as they are, and the built package has JavaScript beside this file. */
const WORKER = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

/** What a request came to: a reply, or the loss of the thread. */
export type Outcome<T> = Reply<T> | DatabaseError;

/** A connection of SQLite in a thread of its own. */
export class ThreadConnection {
  readonly #worker: Worker;
  readonly #waiting: ((outcome: Outcome<never>) => void)[] = [];
  #cause: unknown;
  #ended = false;
  #onEnd: (() => void) | undefined;

  /** Starts the thread and opens the connection; `done` is called once. */
  static start(options: ConnectionOptions, done: (opened: ThreadConnection | DatabaseError) => void): void {
    const connection = new ThreadConnection(options);
    connection.#expect((outcome) => {
      if (outcome instanceof DatabaseError) done(outcome);
      else if (outcome.ok) done(connection);
      else connection.#waitEnd(() => done(toDatabaseError(outcome.failure, "open", options.path)));
    });
  }

  private constructor(options: ConnectionOptions) {
    this.#worker = new Worker(WORKER, { name: `lunet sqlite ${options.role}`, workerData: options });
    this.#worker.on("message", (reply: Reply<never>) => this.#settle(reply));
    this.#worker.on("error", (error) => {
      this.#cause = error;
      this.#end();
    });
    this.#worker.on("exit", () => this.#end());
    if (TRACE) made("db-connection", this);
  }

  /** True when the thread is gone. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends a request; `done` gets its outcome, never before `send` has returned. */
  send<T>(request: Request, done: (outcome: Outcome<T>) => void): void {
    this.#expect(done);
    if (this.#ended) queueMicrotask(() => this.#settle(this.#lost()));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it is a thread, not a window
    else this.#worker.postMessage(request);
  }

  /** Ends the thread without waiting for what it does, which is undone unless it was committed. */
  destroy(): void {
    this.#worker.unref();
    if (!this.#ended) void this.#worker.terminate();
    this.#end();
  }

  /** Closes the connection and ends the thread; `done` gets how the closing went, when the thread is gone. */
  close(done: (outcome: Outcome<void>) => void): void {
    this.send<void>({ do: "close" }, (outcome) => this.#waitEnd(() => done(outcome)));
  }

  #waitEnd(done: () => void): void {
    this.#worker.ref();
    if (this.#ended) done();
    else this.#onEnd = done;
  }

  /** Calls `listener` when the thread has ended by itself. */
  onEnd(listener: () => void): void {
    this.#onEnd = listener;
  }

  #expect(done: (outcome: Outcome<never>) => void): void {
    if (this.#waiting.length === 0) this.#worker.ref();
    this.#waiting.push(done);
  }

  #settle(outcome: Outcome<never>): void {
    const done = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#worker.unref();
    done?.(outcome);
  }

  #lost(): DatabaseError {
    return new DatabaseError(
      "ERR_DB_CONNECTION_LOST",
      "Cannot finish the statement: found the connection's thread ended, wanted an answer",
      { cause: this.#cause },
    );
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (TRACE) ended("db-connection", this);
    while (this.#waiting.length > 0) this.#settle(this.#lost());
    this.#onEnd?.();
  }
}
