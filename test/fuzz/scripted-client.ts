/**
 * A client that has said all before it listens: a transport that brings bytes in one piece or two, then the end, and keeps what it
 * is sent. It costs no coroutine and no second connection.
 */
import type { Address, StartTransport, Transport, TransportSink } from "../../packages/lunet/src/host/transport.ts";
import { Connection } from "../../packages/lunet/src/net/mod.ts";

const ADDRESS: Address = { family: "memory" };

export class ScriptedClient implements Transport {
  readonly localAddress = ADDRESS;
  readonly remoteAddress = ADDRESS;
  readonly bufferedBytes = 0;
  /** The server's end of the connection. */
  readonly connection: Connection;
  readonly #pieces: Uint8Array[];
  #sink: TransportSink | undefined;
  #paused = false;
  #isDelivering = false;
  #endSent = false;
  #sent = "";
  #isClosed = false;

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = [...pieces];
    const start: StartTransport = (sink) => {
      this.#sink = sink;
      this.#deliverLater();
      return this;
    };
    this.connection = new Connection(start);
  }

  /** What the server sent, one character per byte. */
  get sent(): string {
    return this.#sent;
  }

  /** Whether the server has closed the connection. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  #deliverLater(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    queueMicrotask(() => {
      this.#isDelivering = false;
      this.#deliver();
    });
  }

  /** Brings one piece, or the end. */
  #deliver(): void {
    if (this.#paused || this.#isClosed || this.#endSent) return;
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      this.#endSent = true;
      this.#sink?.onEnd();
      return;
    }
    if (this.#sink?.onBytes(piece) === false) this.#paused = true;
    this.#deliverLater();
  }

  write(data: string | Uint8Array, encoding: "utf8" | "latin1"): boolean {
    this.#sent +=
      typeof data === "string" && encoding === "latin1" ? data : Buffer.from(data as never).toString("latin1");
    return true;
  }

  resumeReading(): void {
    this.#paused = false;
    this.#deliverLater();
  }

  shutdown(done: () => void): void {
    queueMicrotask(done);
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    queueMicrotask(() => this.#sink?.onClose(undefined));
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}
}
