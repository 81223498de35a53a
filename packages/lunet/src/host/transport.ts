/**
 * A byte stream below the coroutines: what a kernel socket and a memory socket have in common.
 *
 * The transport calls its sink; it never buffers what it read. After `onClose` it calls nothing any more.
 */

/** Who receives what a transport reads and how it goes on. */
export interface TransportSink {
  /** Bytes came. Returning false stops reading until `resumeReading()`. */
  onBytes(bytes: Uint8Array): boolean;
  /** The peer has shut down its side. */
  onEnd(): void;
  /** What was written is below the high-water mark again. */
  onDrain(): void;
  /** The transport is gone; `error` says why if it failed. */
  onClose(error: Error | undefined): void;
}

/** A socket's own or its peer's address. `unknown`: the connection was gone before it was asked for. */
export type Address =
  | { readonly family: "IPv4" | "IPv6"; readonly address: string; readonly port: number }
  | { readonly family: "unix"; readonly path: string }
  | { readonly family: "memory" | "unknown" };

export interface Transport {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Bytes that were written and not yet handed to the kernel. */
  readonly bufferedBytes: number;
  /** Takes all of `data`. False when the buffer is above the high-water mark; `onDrain` follows. */
  write(data: string | Uint8Array, encoding: "utf8" | "latin1"): boolean;
  resumeReading(): void;
  /** Sends what is buffered, then the end of the stream. Calls back once, after the end was sent or failed to be. */
  shutdown(done: () => void): void;
  /** Drops what is buffered and closes. With `reset`, the peer sees a reset. */
  destroy(reset?: boolean): void;
  setNoDelay(on: boolean): void;
  setKeepAlive(idleMs: number): void;
}

/** Starts a transport for `sink`, which is called from then on. */
export type StartTransport = (sink: TransportSink) => Transport;
