/**
 * CancelRequest: asks a server to end what it runs for a connection. It goes over a connection of its own, which the
 * server closes without an answer when it has told the process that serves the connection:
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS.
 *
 * With TLS it is encrypted as the connection is, so that the secret does not go over the network in clear.
 */
import { setTimer } from "../../host/clock.ts";
import { DatabaseError } from "../errors.ts";
import type { Library, WireConnection } from "./library.ts";
import { connectWire, type Server } from "./server.ts";

/** How many are sent at once by one driver: each is a connection that the server has to take beside all others. */
export const MAX_CANCELS_AT_ONCE = 4;

/** What a server knows a connection by. */
export interface CancelKey {
  readonly processId: number;
  readonly secretKey: number;
}

/** The cancel requests of one driver. They wait for each other in the order in which they came; a connection has one at most. */
export class CancelRequests {
  readonly #library: Library;
  readonly #timeoutMs: number;
  readonly #waiting = new Set<() => void>();
  /** How to give up each that is under way, sent or not. */
  readonly #ends = new Set<() => void>();
  #sentCount = 0;
  #closed = false;

  constructor(library: Library, timeoutMs: number) {
    this.#library = library;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends one. `done` is called once, in `timeoutMs` at most: when the server has taken it, or with why it has not. */
  send(server: Server, key: CancelKey, done: (failure: DatabaseError | undefined) => void): void {
    let wire: WireConnection | undefined;
    let isOver = false;
    const start = (): void => {
      this.#sentCount++;
      wire = connectWire(this.#library, server, (begun) => begun.cancel(key.processId, key.secretKey));
      wire.on("error", (cause) => fail("an error on the way", cause));
      wire.on("errorMessage", (cause) => fail("an error of the server's", cause));
      wire.on("end", () => end(undefined));
    };
    const end = (failure: DatabaseError | undefined): void => {
      if (isOver) return;
      isOver = true;
      timer.clear();
      this.#waiting.delete(start);
      this.#ends.delete(giveUp);
      wire?.stream.destroy();
      if (wire !== undefined) this.#sentCount--;
      queueMicrotask(() => done(failure));
      this.#startNext();
    };
    const fail = (found: string, cause?: unknown): void => end(failed(server, found, cause));
    const giveUp = (): void => fail("the driver closed");
    const timer = setTimer(this.#timeoutMs, () => fail(`no end after ${this.#timeoutMs} ms`));
    this.#ends.add(giveUp);
    if (this.#closed) return giveUp();
    this.#waiting.add(start);
    this.#startNext();
  }

  /** Gives up those that are under way. */
  close(): void {
    this.#closed = true;
    for (const giveUp of this.#ends) giveUp();
  }

  #startNext(): void {
    for (const start of this.#waiting) {
      if (this.#closed || this.#sentCount >= MAX_CANCELS_AT_ONCE) return;
      this.#waiting.delete(start);
      start();
    }
  }
}

function failed(server: Server, found: string, cause: unknown): DatabaseError {
  return new DatabaseError("ERR_DB_UNAVAILABLE", `Cannot cancel a statement at ${server.name}: found ${found}`, {
    cause,
  });
}
