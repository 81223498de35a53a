/**
 * Connected streams without a kernel: what one end writes, the other reads, in later microtasks, and after
 * `TURN_BYTES` in the next turn of the event loop, so that two ends that never wait leave the others their time.
 *
 * They stand for a socket pair in tests: buffered up to `writeBufferSize`, with back-pressure, half close and close.
 * `destroy` with `reset` fails the other end with ECONNRESET, as the kernel does.
 */
import { onNextTurn } from "../host/clock.ts";
import type { Address, StartTransport, Transport, TransportSink } from "../host/transport.ts";
import { Connection, DEFAULT_WRITE_BUFFER_SIZE, type BufferOptions } from "../net/mod.ts";

/** Bytes that one end hands over within a turn of the event loop. */
const TURN_BYTES = 1024 * 1024;

const address: Address = { family: "memory" };

class MemoryTransport implements Transport {
  readonly localAddress = address;
  readonly remoteAddress = address;
  readonly #sink: TransportSink;
  readonly #writeBufferSize: number;
  readonly #pending: Uint8Array[] = [];
  #peer: MemoryTransport | undefined;
  #pendingBytes = 0;
  #turnBytes = 0;
  #paused = false;
  #scheduled = false;
  #full = false;
  #ending: (() => void) | undefined;
  #endSent = false;
  #closed = false;

  constructor(sink: TransportSink, writeBufferSize: number) {
    this.#sink = sink;
    this.#writeBufferSize = writeBufferSize;
  }

  static join(a: MemoryTransport, b: MemoryTransport): void {
    a.#peer = b;
    b.#peer = a;
    a.#schedule();
    b.#schedule();
  }

  get bufferedBytes(): number {
    return this.#pendingBytes;
  }

  write(data: string | Uint8Array, encoding: "utf8" | "latin1"): boolean {
    // Bytes are copied: the writer may use its memory again, as with a kernel.
    const bytes = typeof data === "string" ? Buffer.from(data, encoding) : Uint8Array.from(data);
    if (bytes.length === 0) return !this.#full;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#full = this.#pendingBytes >= this.#writeBufferSize;
    this.#schedule();
    return !this.#full;
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    const deliver = (): void => {
      this.#scheduled = false;
      this.#deliver();
    };
    if (this.#turnBytes < TURN_BYTES) return queueMicrotask(deliver);
    this.#turnBytes = 0;
    onNextTurn(deliver);
  }

  /** Hands what is pending to the peer, until its sink says to stop. */
  #deliver(): void {
    const peer = this.#peer;
    if (this.#closed || peer === undefined) return;
    // Nobody is left to take it: the kernel answers such bytes with a reset.
    if (peer.#closed && this.#pending.length > 0) return this.#fail();
    while (this.#pending.length > 0 && !peer.#paused && !peer.#closed) {
      if (this.#turnBytes >= TURN_BYTES) break;
      const bytes = this.#pending.shift() as Uint8Array;
      this.#pendingBytes -= bytes.length;
      this.#turnBytes += bytes.length;
      if (!peer.#sink.onBytes(bytes)) peer.#paused = true;
    }
    if (this.#full && this.#pendingBytes < this.#writeBufferSize) {
      this.#full = false;
      this.#sink.onDrain();
    }
    if (this.#pending.length > 0 && !peer.#paused) return this.#schedule();
    if (this.#pending.length === 0 && this.#ending !== undefined) {
      this.#sendEnd();
      this.#endShutdown();
    }
  }

  resumeReading(): void {
    this.#paused = false;
    if (this.#peer !== undefined) this.#peer.#schedule();
  }

  shutdown(done: () => void): void {
    this.#ending = done;
    if (this.#closed) queueMicrotask(() => this.#endShutdown());
    else this.#schedule();
  }

  #sendEnd(): void {
    const peer = this.#peer;
    if (this.#endSent || peer === undefined || peer.#closed) return;
    this.#endSent = true;
    peer.#sink.onEnd();
  }

  #endShutdown(): void {
    const done = this.#ending;
    this.#ending = undefined;
    done?.();
  }

  destroy(reset = false): void {
    if (this.#closed) return;
    // Unread bytes make a close a reset, as in TCP.
    const peer = this.#peer;
    const lost = reset || (peer !== undefined && peer.#pendingBytes > 0);
    this.#closed = true;
    queueMicrotask(() => {
      this.#sink.onClose(undefined);
      this.#endShutdown();
      if (peer === undefined || peer.#closed) return;
      if (lost) peer.#fail();
      else this.#sendEnd();
    });
  }

  #fail(): void {
    this.#closed = true;
    const cause = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", syscall: "read" });
    this.#sink.onClose(cause);
    this.#endShutdown();
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}
}

/**
 * Makes two connections that are each other's peer, without a kernel. Both belong to the caller.
 *
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { memoryPair } from "lunet/testing";
 * await run(async () => {
 *   const [client, server] = memoryPair();
 *   await client.write("ping");
 *   console.log(new TextDecoder().decode((await server.read()) ?? undefined)); // ping
 *   client.destroy();
 *   server.destroy();
 * });
 * ```
 */
export function memoryPair(options: BufferOptions = {}): [Connection, Connection] {
  const transports: MemoryTransport[] = [];
  const start: StartTransport = (sink) => {
    const transport = new MemoryTransport(sink, options.writeBufferSize ?? DEFAULT_WRITE_BUFFER_SIZE);
    transports.push(transport);
    return transport;
  };
  const pair: [Connection, Connection] = [new Connection(start, options), new Connection(start, options)];
  MemoryTransport.join(transports[0] as MemoryTransport, transports[1] as MemoryTransport);
  return pair;
}
