/**
 * A connected byte stream, TCP, Unix or memory: reads and writes that wait, over a transport that calls back.
 *
 * State, in this order, never back: open → closing (`close` flushes and lingers) → closed. Reading ends earlier by the
 * peer's shutdown, writing by our own.
 *
 * Invariants:
 * - One coroutine reads and one writes at a time.
 * - At most `readBufferSize` bytes and one more chunk of the transport are held unread; past that the transport stops
 *   reading, so that the kernel's window closes and the peer waits.
 * - Whoever waits when the connection closes is woken: by `ERR_CLOSED` if it was closed here, else by the failure.
 */
import { endedOnce, ending, made, misused, touched, TRACE, waitsOn } from "#trace";
import { ClosedError, DeadlineError, ensureCoroutine, shield, suspend } from "../co/mod.ts";
import type { Address, StartTransport, Transport, TransportSink } from "../host/transport.ts";
import { BusyError, SocketError } from "./errors.ts";

/** Bytes that are held unread per connection before reading from the kernel stops, and the most that one read gives. */
export const DEFAULT_READ_BUFFER_SIZE = 65_536;
/** Bytes that may be written and not yet handed to the kernel before `write` waits. */
export const DEFAULT_WRITE_BUFFER_SIZE = 65_536;

/** How much a connection buffers. */
export interface BufferOptions {
  /** Bytes, 1 to 16 MiB. Default 65,536. */
  readonly readBufferSize?: number;
  /** Bytes, 1 to 16 MiB. Default 65,536. */
  readonly writeBufferSize?: number;
}

/** How long `close` flushes and waits for the peer's end. */
export const DEFAULT_LINGER_MS = 1_000;

const NO_BYTES = new Uint8Array(0);
const MAX_BUFFER_SIZE = 16 * 1024 * 1024;

export function checkBufferSize(name: string, size: number): number {
  if (!Number.isInteger(size) || size < 1 || size > MAX_BUFFER_SIZE) {
    throw new RangeError(`Cannot use ${name}: found ${size}, wanted a whole number from 1 to ${MAX_BUFFER_SIZE}`);
  }
  return size;
}

/** How `close` ends a connection. */
export interface CloseOptions {
  /**
   * How long to flush what was written and to wait for the peer's end, in milliseconds, more than 0. Default 1,000. What the peer
   * still sends is read and dropped meanwhile, because closing over unread bytes resets the connection and can take
   * our last words away from the peer (RFC 9112, 9.6).
   */
  readonly lingerMs?: number;
}

/**
 * A connected socket. Whoever got it from `accept` or `connect` owns it and ends it: `await using`, `close` or
 * `destroy`.
 *
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { connect, listen } from "lunet/net";
 * await run(async () => {
 *   await using listener = await listen({ port: 0 });
 *   await using client = await connect({ port: listener.port });
 *   await using server = await listener.accept();
 *   await client.write("ping");
 *   console.log(new TextDecoder().decode((await server.read()) ?? undefined)); // ping
 * });
 * ```
 */
export class Connection implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #readBufferSize: number;
  readonly #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #bytesRead = 0;
  #bytesWritten = 0;
  #readingStopped = false;
  #peerEnded = false;
  #shutdownStarted = false;
  /** What was written and the end of it have gone to the kernel, or never will. */
  #shutdownDone = false;
  #closing = false;
  #transportClosed = false;
  /** The transport's buffer is above its high-water mark. */
  #full = false;
  #failure: SocketError | undefined;
  #resumeRead: ((bytes: Uint8Array | null) => void) | undefined;
  #failRead: ((error: unknown) => void) | undefined;
  #consumer: ((bytes: Uint8Array) => boolean) | undefined;
  #resumeWrite: (() => void) | undefined;
  #failWrite: ((error: unknown) => void) | undefined;
  #resumeShutdown: (() => void) | undefined;
  #failShutdown: ((error: unknown) => void) | undefined;
  #onGone: ((how: "ended" | "closed") => void) | undefined;
  /** Wakes `close`, which waits for the end of either side and for the transport's. */
  #onClosing: (() => void) | undefined;

  readonly #startRead = (resume: (bytes: Uint8Array | null) => void, fail: (error: unknown) => void): (() => void) => {
    if (TRACE) waitsOn(this);
    this.#resumeRead = resume;
    this.#failRead = fail;
    return this.#forgetRead;
  };
  readonly #forgetRead = (): void => {
    this.#consumer = undefined;
    this.#resumeRead = undefined;
    this.#failRead = undefined;
  };

  constructor(start: StartTransport, options: BufferOptions = {}) {
    this.#readBufferSize = options.readBufferSize ?? DEFAULT_READ_BUFFER_SIZE;
    const sink: TransportSink = {
      onBytes: (bytes) => this.#receive(bytes),
      onEnd: () => this.#receiveEnd(),
      onDrain: () => this.#receiveDrain(),
      onClose: (error) => this.#receiveClose(error),
    };
    if (TRACE) made("connection", this);
    this.#transport = start(sink);
  }

  get localAddress(): Address {
    return this.#transport.localAddress;
  }

  get remoteAddress(): Address {
    return this.#transport.remoteAddress;
  }

  /** True when the handle is of no more use: closed here, or gone with a failure. */
  get closed(): boolean {
    return this.#closing || this.#transportClosed;
  }

  /** True when the peer has shut down its side; what it sent before can still be read. */
  get peerEnded(): boolean {
    return this.#peerEnded;
  }

  /** Bytes that came in over the connection's life. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Bytes that were written over the connection's life, those that are buffered among them. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Bytes that were written and not yet handed to the kernel. */
  get bufferedBytes(): number {
    return this.#transport.bufferedBytes;
  }

  /**
   * Calls `listener` when the peer goes: `"ended"` when it shuts down its side (it may still read), `"closed"` when the
   * connection is gone. One listener at a time; `undefined` takes it away.
   */
  onGone(listener: ((how: "ended" | "closed") => void) | undefined): void {
    this.#onGone = listener;
  }

  #receive(bytes: Uint8Array): boolean {
    this.#bytesRead += bytes.length;
    if (this.#closing) return true;
    if (this.#consumer !== undefined) {
      this.#feedConsumer(this.#consumer, bytes);
      return true;
    }
    if (this.#resumeRead !== undefined && bytes.length <= this.#readBufferSize) {
      this.#wakeReader(bytes);
      return true;
    }
    this.#unread.push(bytes);
    this.#unreadBytes += bytes.length;
    if (this.#resumeRead !== undefined) this.#wakeReader(this.#takeUnread());
    this.#readingStopped = this.#unreadBytes >= this.#readBufferSize;
    return !this.#readingStopped;
  }

  /** Within `consume` nobody counts as reading, so that what it starts can read on. */
  #feedConsumer(consume: (bytes: Uint8Array) => boolean, bytes: Uint8Array): void {
    const resume = this.#resumeRead;
    const fail = this.#failRead;
    this.#resumeRead = undefined;
    this.#failRead = undefined;
    let goesOn: boolean;
    try {
      goesOn = consume(bytes);
    } catch (error) {
      this.#consumer = undefined;
      fail?.(error);
      return;
    }
    // A cancel or a close meanwhile has taken the consumer away.
    const isIn = this.#consumer === consume;
    if (goesOn && isIn && this.#resumeRead === undefined) {
      this.#resumeRead = resume;
      this.#failRead = fail;
      return;
    }
    this.#consumer = undefined;
    if (!goesOn) resume?.(NO_BYTES);
    else fail?.(isIn ? new BusyError("read", "the connection") : this.#goneError());
  }

  #wakeReader(bytes: Uint8Array | null): void {
    const resume = this.#resumeRead;
    this.#forgetRead();
    resume?.(bytes);
  }

  #takeUnread(): Uint8Array {
    const first = this.#unread[0] as Uint8Array;
    const whole = first.length <= this.#readBufferSize;
    const bytes = whole ? first : first.subarray(0, this.#readBufferSize);
    if (whole) this.#unread.shift();
    else this.#unread[0] = first.subarray(this.#readBufferSize);
    this.#unreadBytes -= bytes.length;
    return bytes;
  }

  #receiveEnd(): void {
    this.#peerEnded = true;
    this.#wakeReader(null);
    this.#onClosing?.();
    this.#onGone?.("ended");
  }

  #receiveDrain(): void {
    this.#full = false;
    const resume = this.#resumeWrite;
    this.#forgetWrite();
    resume?.();
  }

  #forgetWrite(): void {
    this.#resumeWrite = undefined;
    this.#failWrite = undefined;
  }

  #forgetShutdown(): void {
    this.#resumeShutdown = undefined;
    this.#failShutdown = undefined;
  }

  #receiveClose(error: Error | undefined): void {
    this.#transportClosed = true;
    if (error !== undefined) this.#failure = new SocketError("go on with the connection", error);
    this.#failWaiters(this.#goneError());
    // The owner is done with the connection, or there is none any more, whichever is first.
    if (TRACE) endedOnce("connection", this);
    this.#onClosing?.();
    this.#onGone?.("closed");
  }

  #failWaiters(error: Error): void {
    const failRead = this.#failRead;
    const failWrite = this.#failWrite;
    const failShutdown = this.#failShutdown;
    this.#forgetRead();
    this.#forgetWrite();
    this.#forgetShutdown();
    failRead?.(error);
    failWrite?.(error);
    failShutdown?.(error);
  }

  #goneError(): Error {
    if (!this.#closing && this.#failure !== undefined) return this.#failure;
    return new ClosedError("the connection");
  }

  /**
   * What has come and was not read yet: bytes (at most `readBufferSize`), `null` at the end of the stream, `undefined`
   * when a read would wait.
   *
   * @throws ClosedError; SocketError (`ERR_CONNECTION_RESET`, …); BusyError while another coroutine reads.
   */
  tryRead(): Uint8Array | null | undefined {
    if (this.#closing) throw this.#usedAfterEnd("read");
    if (this.#resumeRead !== undefined) throw new BusyError("read", "the connection");
    if (this.#unread.length > 0) {
      const bytes = this.#takeUnread();
      if (this.#readingStopped && this.#unreadBytes < this.#readBufferSize) this.#resumeReading();
      return bytes;
    }
    if (this.#peerEnded) return null;
    if (this.#transportClosed) throw this.#goneError();
    return undefined;
  }

  #resumeReading(): void {
    this.#readingStopped = false;
    if (!this.#transportClosed && !this.#peerEnded) this.#transport.resumeReading();
  }

  /**
   * Waits for bytes and gives what has come, at most `readBufferSize`; `null` when the peer has shut down its side.
   *
   * The memory belongs to the caller. A cancelled read takes nothing out of the stream.
   *
   * @throws ClosedError when the connection is closed meanwhile; SocketError; BusyError while another coroutine reads.
   */
  read(): Promise<Uint8Array | null> {
    ensureCoroutine("net.read");
    if (TRACE) touched(this, "read");
    let ready: Uint8Array | null | undefined;
    try {
      ready = this.tryRead();
    } catch (error) {
      return Promise.reject(error);
    }
    return ready === undefined ? suspend("net.read", this.#startRead) : Promise.resolve(ready);
  }

  /**
   * Reads without being resumed for each arrival: calls `consume` with bytes as they come, outside the coroutine, while
   * this call waits. The wait ends when `consume` returns false, or at the end of the stream.
   *
   * For protocols that answer most messages at once; `consume` must not wait, and runs outside the coroutine: see
   * `captureContext`. It may start a read, or a coroutine that reads, if it then returns false. Bytes are not cut to
   * `readBufferSize`.
   *
   * @returns True when `consume` ended it, false at the end of the stream.
   * @throws As `read`, and what `consume` throws.
   */
  consume(consume: (bytes: Uint8Array) => boolean): Promise<boolean> {
    ensureCoroutine("net.consume");
    if (TRACE) touched(this, "consume");
    // No async function: most connections of a server wait here, and each would hold its frame.
    try {
      for (let bytes = this.tryRead(); bytes !== undefined; bytes = this.tryRead()) {
        if (bytes === null) return Promise.resolve(false);
        if (!consume(bytes)) return Promise.resolve(true);
      }
    } catch (error) {
      return Promise.reject(error);
    }
    this.#consumer = consume;
    return suspend("net.consume", (resume: (isGoingOn: boolean) => void, fail) =>
      this.#startRead((bytes) => resume(bytes !== null), fail),
    );
  }

  /** Closed here and used again: the fault of whoever does. */
  #usedAfterEnd(action: string): Error {
    const error = this.#goneError();
    if (TRACE) misused(this, action, error);
    return error;
  }

  #ensureWritable(): void {
    if (this.#closing) throw this.#usedAfterEnd("write");
    if (this.#transportClosed) throw this.#goneError();
    if (this.#shutdownStarted) throw new ClosedError("the writing side of the connection");
    if (this.#resumeWrite !== undefined) throw new BusyError("write", "the connection");
  }

  /**
   * Takes `data` without waiting; false, with nothing taken, when a write would have to wait.
   *
   * @param encoding How a string becomes bytes. Default UTF-8.
   * @throws ClosedError, SocketError, BusyError.
   */
  tryWrite(data: string | Uint8Array, encoding: "utf8" | "latin1" = "utf8"): boolean {
    this.#ensureWritable();
    if (this.#full) return false;
    this.#bytesWritten += encoding === "utf8" && typeof data === "string" ? Buffer.byteLength(data) : data.length;
    this.#full = !this.#transport.write(data, encoding);
    return true;
  }

  /**
   * Waits until less than `writeBufferSize` bytes are buffered and takes `data`, all of it.
   *
   * It does not wait for the peer to have read it. A write that is cancelled while it waits has written nothing. Write
   * long content in pieces, or all of it is buffered. The bytes belong to the connection until they are sent: do not
   * change them.
   *
   * @throws ClosedError when the connection is closed meanwhile; SocketError; BusyError while another coroutine writes.
   */
  async write(data: string | Uint8Array, encoding: "utf8" | "latin1" = "utf8"): Promise<void> {
    ensureCoroutine("net.write");
    if (TRACE) touched(this, "write");
    // Between the wake and here somebody else may have filled the buffer again.
    while (!this.tryWrite(data, encoding)) {
      await suspend<void>("net.write", (resume, fail) => {
        if (TRACE) waitsOn(this);
        this.#resumeWrite = resume;
        this.#failWrite = fail;
        return () => this.#forgetWrite();
      });
      // Closed while it waited, and drained before anybody was told.
      if (this.#closing) throw this.#goneError();
    }
  }

  /**
   * Sends what is buffered and then the end of the stream, and waits until that has gone to the kernel. The other
   * direction stays open. A cancel leaves the wait; the end is sent all the same. A second shutdown does nothing.
   *
   * @throws ClosedError when the connection is closed meanwhile; SocketError; BusyError while another coroutine writes.
   */
  async shutdown(): Promise<void> {
    ensureCoroutine("net.shutdown");
    if (TRACE) touched(this, "shutdown");
    if (this.#shutdownStarted && !this.closed) return;
    this.#ensureWritable();
    await suspend<void>("net.shutdown", (resume, fail) => {
      if (TRACE) waitsOn(this);
      this.#resumeShutdown = resume;
      this.#failShutdown = fail;
      this.#startShutdown();
      return () => this.#forgetShutdown();
    });
  }

  #startShutdown(): void {
    this.#shutdownStarted = true;
    this.#transport.shutdown(() => {
      this.#shutdownDone = true;
      const resume = this.#resumeShutdown;
      this.#forgetShutdown();
      resume?.();
      this.#onClosing?.();
    });
  }

  /**
   * Closes gracefully: whoever waits on the connection is woken with `ERR_CLOSED`, what was written is flushed, the end
   * is sent, the peer's end is waited for as `lingerMs` says, and the socket is closed. No cancel shortens it.
   *
   * A second close does nothing.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    ensureCoroutine("net.close");
    const { lingerMs = DEFAULT_LINGER_MS } = options;
    if (!(lingerMs > 0)) throw new RangeError(`Cannot close: found lingerMs ${lingerMs}, wanted more than 0`);
    if (this.#closing) return;
    this.#closing = true;
    if (TRACE) ending(this);
    this.#failWaiters(this.#goneError());
    if (this.#transportClosed) return;
    this.#unread.length = 0;
    if (this.#readingStopped) this.#resumeReading();
    if (!this.#shutdownStarted) this.#startShutdown();
    try {
      await shield(lingerMs, async () => {
        while (!this.#transportClosed && !(this.#shutdownDone && this.#peerEnded)) {
          await this.#closingEvent("net.linger");
        }
      });
    } catch (error) {
      // The linger time is a limit, not a promise to the peer: what is not flushed by then is dropped.
      if (!(error instanceof DeadlineError)) throw error;
    } finally {
      if (!this.#transportClosed) {
        this.#transport.destroy();
        await shield(DEFAULT_LINGER_MS, () => this.#closingEvent("net.close"));
      }
    }
  }

  /** Waits for an end: of what was written, the peer's or the transport's, whichever is next. */
  #closingEvent(operation: string): Promise<void> {
    if (this.#transportClosed) return Promise.resolve();
    return suspend<void>(operation, (resume) => {
      this.#onClosing = () => {
        this.#onClosing = undefined;
        resume();
      };
      return () => {
        this.#onClosing = undefined;
      };
    });
  }

  /** Closes at once, without a flush. With `reset`, a TCP peer sees a reset. Whoever waits is woken with `ERR_CLOSED`. */
  destroy(options: { readonly reset?: boolean } = {}): void {
    this.#closing = true;
    if (TRACE) endedOnce("connection", this);
    if (!this.#transportClosed) this.#transport.destroy(options.reset ?? false);
  }

  /** Whether small writes are sent at once instead of being joined (TCP_NODELAY). On by default. */
  setNoDelay(on: boolean): void {
    this.#transport.setNoDelay(on);
  }

  /** Probes an idle peer after `idleMs` milliseconds (SO_KEEPALIVE); 0 switches it off, which is the default. */
  setKeepAlive(idleMs: number): void {
    this.#transport.setKeepAlive(idleMs);
  }

  /** `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
