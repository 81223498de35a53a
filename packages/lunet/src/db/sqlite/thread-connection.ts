/**
 * A connection in a worker thread, seen from the event loop's thread.
 *
 * States: starting → open → ended, once. Requests are answered in order; each gets exactly one outcome,
 * `ERR_DB_CONNECTION_LOST` if the thread ends before it. While a request is under way the connection keeps the process
 * alive, and at no other time.
 *
 * A reply is an event like any other: when the event loop is busy it comes late by a whole turn. Who holds the writer
 * through six statements would hold it for six turns, and everybody who waits for it with him. So a request may be
 * sent patiently: the event loop stands still until the reply is there, for a moment that is less than what a turn costs
 * (`PATIENCE_MS`), and takes it at once. A reply that is not there by then comes as an event.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { ended, made, TRACE, transactionState } from "#trace";
import { DatabaseError } from "../errors.ts";
import type { ConnectionOptions } from "./connection.ts";
import { toDatabaseError } from "./database-error.ts";
import type { Reply, Request } from "./protocol.ts";

/** The sources run as they are, and the built package has JavaScript beside this file. */
const WORKER = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

/**
 * How long the event loop stands still for a reply, in milliseconds. A hop to a thread and back takes 0.02, a small
 * statement as long again.
 */
const PATIENCE_MS = 0.25;
/** After a reply that took longer this many requests are sent without patience, twice as many after each further one. */
const FIRST_PENALTY = 4;
const MAX_PENALTY = 256;

/** What a worker is started with. */
export interface WorkerInput {
  readonly options: ConnectionOptions;
  readonly port: MessagePort;
  /** One number that the worker counts up after each reply. */
  readonly replies: Int32Array<SharedArrayBuffer>;
}

/** What a request came to: a reply, or the loss of the thread. */
export type Outcome<T> = Reply<T> | DatabaseError;

/** A connection of SQLite in a thread of its own. */
export class ThreadConnection {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #replies = new Int32Array(new SharedArrayBuffer(4));
  readonly #waiting: ((outcome: Outcome<never>) => void)[] = [];
  #cause: unknown;
  #ended = false;
  #onEnd: (() => void) | undefined;
  /** How many requests are still to be sent without patience. */
  #penalty = 0;
  #nextPenalty = FIRST_PENALTY;

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
    const { port1, port2 } = new MessageChannel();
    const workerData: WorkerInput = { options, port: port2, replies: this.#replies };
    this.#worker = new Worker(WORKER, { name: `lunet sqlite ${options.role}`, workerData, transferList: [port2] });
    this.#port = port1;
    this.#port.on("message", (reply: Reply<never>) => this.#settle(reply));
    this.#worker.on("error", (error) => {
      this.#cause = error;
      this.#end();
    });
    this.#worker.on("exit", () => this.#end());
    this.#worker.unref();
    if (TRACE) made("db-connection", this, undefined, options.role);
  }

  /** True when the thread is gone. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends a request; `done` gets its outcome. */
  send<T>(request: Request, done: (outcome: Outcome<T>) => void): void {
    this.#expect(done);
    if (this.#ended) queueMicrotask(() => this.#settle(this.#lost()));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it is a thread, not a window
    else this.#port.postMessage(request);
  }

  /** As `send`. If the reply is there at once `done` is called before `sendPatiently` returns. */
  sendPatiently<T>(request: Request, done: (outcome: Outcome<T>) => void): void {
    const isPatient = this.#waiting.length === 0 && !this.#ended && this.#penalty === 0;
    if (this.#penalty > 0) this.#penalty--;
    const seen = Atomics.load(this.#replies, 0);
    this.send(request, done);
    if (!isPatient) return;
    if (Atomics.wait(this.#replies, 0, seen, PATIENCE_MS) === "timed-out") {
      this.#penalty = this.#nextPenalty;
      this.#nextPenalty = Math.min(this.#nextPenalty * 2, MAX_PENALTY);
    } else {
      this.#nextPenalty = FIRST_PENALTY;
      this.#receive();
    }
  }

  /** Takes the replies that are there, without waiting for their events. */
  #receive(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#settle(received.message as Reply<never>);
    }
  }

  /** Ends the thread without waiting for what it does, which is undone unless it was committed. */
  destroy(): void {
    this.#worker.unref();
    // oxlint-disable-next-line typescript/no-floating-promises -- #end() tells whoever waits; its end has nothing to add
    if (!this.#ended) this.#worker.terminate();
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
    if (this.#waiting.length === 0) this.#port.ref();
    this.#waiting.push(done);
  }

  #settle(outcome: Outcome<never>): void {
    if (TRACE) transactionState(this, "inTransaction" in outcome && (outcome.inTransaction ?? false));
    const done = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#port.unref();
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
    // The end of a thread can overtake its last reply.
    this.#receive();
    this.#ended = true;
    this.#port.close();
    if (TRACE) ended("db-connection", this);
    while (this.#waiting.length > 0) this.#settle(this.#lost());
    this.#onEnd?.();
  }
}
