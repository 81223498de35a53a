/**
 * One WebSocket at the server (RFC 6455), on a connection that has been upgraded: messages in, messages out, and the
 * closing handshake. The frames are `ws`'s (library.ts).
 *
 * Coroutines, all in the scope of `serve`: the handler's; one that reads; one that pings; one that waits for the server's
 * drain.
 *
 * How it ends, whichever is first:
 * - The client closes, or violates the protocol: nothing is read any more. The handler takes the messages that came before,
 *   and gets to their end; then the Close frame is sent, which answers the client's or says what it did wrong. A handler that
 *   does not take messages is not waited for. It is asked to end, and cancelled after `closeTimeoutMs`.
 * - The handler returns (1000) or throws (1011), or `close` is called, or the server drains (1001): the Close frame is sent, and
 *   the client's waited for, for `closeTimeoutMs`. Messages that still come are dropped.
 * - The connection is gone, or the client answers no ping: whoever works for it is cancelled at once.
 * After a Close frame nothing is sent. The connection is closed by the server, when `serve` returns.
 */
import { ended, made, TRACE } from "#trace";
import {
  ClosedError,
  DeadlineError,
  ensureCoroutine,
  scope,
  spawn,
  supervise,
  suspend,
  waitCancelRequest,
  withDeadline,
  type Coroutine,
} from "../../co/mod.ts";
import type { Connection } from "../../net/mod.ts";
import { monotonicMs, sleep, sleepUntil } from "../../time/mod.ts";
import { isGone } from "../reply-writer.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { FrameReceiver, Library } from "./library.ts";
import { MessageQueue, type WebSocketMessage } from "./message-queue.ts";
import type { WebSocketLimits } from "./options.ts";

/** RFC 6455, 7.4.1. */
const NORMAL_CLOSURE = 1000;
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
/** Not sent: the Close frame has no code. */
const NO_STATUS = 1005;
/** Not sent: the connection ended without a Close frame. */
const ABNORMAL_CLOSURE = 1006;
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;

/** What violations that `ws` finds are answered with, by its codes. All others are protocol errors. */
const VIOLATIONS: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: POLICY_VIOLATION,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
};

/** A Close frame's payload is at most 125 bytes, of which two are the code (RFC 6455, 5.5). */
const MAX_REASON_BYTES = 123;
/**
 * Pieces of one frame that may wait for its end. A piece costs more than its bytes: a client that sends a frame in pieces
 * that are smaller than this on average could make it cost a hundredfold.
 */
const MIN_PIECE_BYTES = 64;
const MIN_PIECES = 1_024;

/** The reading side's end: what it is answered with. */
interface Ending {
  readonly code: number;
  readonly reason: Uint8Array;
}

const NO_REASON = new Uint8Array(0);

/** What a WebSocket needs of the handshake. */
export interface WebSocketStart {
  readonly connection: Connection;
  readonly library: Library;
  readonly limits: WebSocketLimits;
  readonly protocol: string;
}

/**
 * A WebSocket of a client. It belongs to the server; the handler that `webSocket` was given has it until it returns.
 *
 * Iterating gives the client's messages: text, or bytes, which belong to the taker. It ends when the WebSocket is being closed, by whichever
 * side. What is not taken yet waits, up to `maxQueuedBytes`; then the client waits. Breaking off leaves the WebSocket open.
 *
 * @example
 * ```ts
 * import { webSocket } from "lunet/http";
 * const shout = webSocket(async (socket) => {
 *   for await (const message of socket) {
 *     if (typeof message === "string") await socket.send(message.toUpperCase());
 *     else return socket.close(1003, "text only");
 *   }
 * });
 * ```
 */
export class ServerWebSocket implements AsyncIterable<WebSocketMessage> {
  /** The subprotocol that was agreed upon; empty without one. */
  readonly protocol: string;
  readonly #connection: Connection;
  readonly #limits: WebSocketLimits;
  readonly #writer: FrameWriter;
  readonly #receiver: FrameReceiver;
  readonly #queue: MessageQueue;
  /** Pings that came with the last bytes and are not answered yet. */
  #pings: Uint8Array[] = [];
  #handling: Coroutine<void> | undefined;
  /** The client's Close frame, or what it did wrong. */
  #ending: Ending | undefined;
  #closeCode: number | undefined;
  /** Nothing is read any more. */
  #isOver = false;
  readonly #overWaiters = new Set<() => void>();
  /** Since when the client is waited for, on the monotonic clock; undefined while it is kept waiting. */
  #readingSinceMs: number | undefined;
  /** The handler has called `close`. */
  #isClosedHere = false;
  #peerClosed: ClosedError | undefined;

  /** Use `webSocket`. */
  constructor({ connection, library, limits, protocol }: WebSocketStart) {
    this.protocol = protocol;
    this.#connection = connection;
    this.#limits = limits;
    this.#writer = new FrameWriter(connection, library);
    this.#queue = new MessageQueue(limits.maxQueuedBytes);
    this.#receiver = new library.Receiver({
      isServer: true,
      allowSynchronousEvents: true,
      maxPayload: limits.maxMessageBytes,
      maxFragments: limits.maxFragments,
      maxBufferedChunks: Math.min(MIN_PIECES + Math.ceil(limits.maxMessageBytes / MIN_PIECE_BYTES), 2 ** 31 - 1),
    });
    this.#receiver.on("message", (data, isBinary) => this.#receive(data, isBinary));
    this.#receiver.on("ping", (data) => this.#pings.push(data));
    this.#receiver.on("conclude", (code, reason) => (this.#ending ??= { code, reason: Uint8Array.from(reason) }));
    // It is looked at where the bytes come from: in `#take`.
    this.#receiver.on("error", () => {});
  }

  /**
   * How the client's side ended (RFC 6455, 7.4): the code of its Close frame, 1005 for one without a code; the code of what it did wrong; 1006 if it
   * was gone without a word. Undefined while it is open.
   */
  get closeCode(): number | undefined {
    return this.#closeCode ?? (this.#connection.closed ? ABNORMAL_CLOSURE : undefined);
  }

  /** True until a Close frame was sent or the connection is gone: `send` may work. */
  get isOpen(): boolean {
    return !this.#writer.closeSent && this.closeCode !== ABNORMAL_CLOSURE;
  }

  /** Bytes that were sent and not yet handed to the kernel. */
  get bufferedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  /**
   * Sends text, or bytes, and waits until the connection takes it: as long as more than `writeBufferSize` bytes wait for the
   * client. It does not wait for the client to have read it. Bytes are copied. Any number of coroutines may send; each message goes
   * out whole, in the order of the calls. A send that is cancelled has sent nothing.
   *
   * @throws ClosedError (`ERR_CLOSED`) after the WebSocket is closed, by whichever side; TypeError for anything else than
   * text or bytes.
   */
  async send(message: WebSocketMessage): Promise<void> {
    ensureCoroutine("webSocket.send");
    const kind = kindOf(message);
    this.#ensureOpen();
    let isSent: boolean;
    try {
      isSent = await this.#writer.write(kind, message);
    } catch (error) {
      throw isGone(error) ? this.#peerClosedError(error) : error;
    }
    if (!isSent) this.#ensureOpen();
  }

  /**
   * Sends text or bytes if that needs no wait; false when it would, and the message has not been sent. For messages that a
   * slow client may miss.
   *
   * @throws As `send`.
   */
  trySend(message: WebSocketMessage): boolean {
    const kind = kindOf(message);
    this.#ensureOpen();
    return this.#writer.tryWrite(kind, message);
  }

  /** Throws when nothing can be sent any more. After its own `close` that is the handler's doing. */
  #ensureOpen(): void {
    if (!this.isOpen) throw this.#isClosedHere ? new ClosedError("the WebSocket") : this.#peerClosedError();
  }

  /** One error for all that is in vain and not the handler's doing, so that it is known again as no failure. */
  #peerClosedError(cause?: unknown): ClosedError {
    return (this.#peerClosed ??= new ClosedError("the WebSocket", { cause }));
  }

  /**
   * Waits for the client's next message; undefined when the WebSocket is being closed, by whichever side.
   *
   * @throws BusyError while another coroutine receives.
   */
  receive(): Promise<WebSocketMessage | undefined> {
    ensureCoroutine("webSocket.receive");
    return this.#queue.take();
  }

  [Symbol.asyncIterator](): AsyncIterator<WebSocketMessage, undefined> {
    return {
      next: async () => {
        const value = await this.receive();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
    };
  }

  /**
   * Closes the WebSocket: sends a Close frame and waits for the client's, for `closeTimeoutMs` at most. Messages that still
   * come are dropped. A handler that returns does the same with 1000, one that throws with 1011. A second close waits with
   * the first.
   *
   * @param code 1000 (default) to 1003, 1007 to 1014, or one of the application's, 3000 to 4999 (RFC 6455, 7.4).
   * @param reason For the client's log, at most 123 bytes of UTF-8. Default: none.
   * @throws RangeError for another code, or a longer reason.
   */
  async close(code: number = NORMAL_CLOSURE, reason = ""): Promise<void> {
    ensureCoroutine("webSocket.close");
    const isStandard = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
    if (!Number.isInteger(code) || !(isStandard || (code >= 3000 && code <= 4999))) {
      throw new RangeError(`Cannot close with code ${code}: wanted 1000 to 1003, 1007 to 1014, or 3000 to 4999`);
    }
    const bytes = Buffer.from(reason);
    if (bytes.length > MAX_REASON_BYTES) {
      throw new RangeError(`Cannot close: found a reason of ${bytes.length} bytes, wanted ${MAX_REASON_BYTES} at most`);
    }
    this.#isClosedHere = true;
    await this.#handshake({ code, reason: bytes });
  }

  /** Sends a Close frame, unless one was sent, and waits for the client's. */
  async #handshake(ending: Ending): Promise<void> {
    if (this.#isOver && !this.isOpen) return;
    try {
      await withDeadline(this.#limits.closeTimeoutMs, async () => {
        await this.#sendClose(this.#ending ?? ending);
        this.#queue.drop();
        await this.#untilOver();
      });
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      this.#end(ABNORMAL_CLOSURE);
    }
  }

  async #sendClose({ code, reason }: Ending): Promise<void> {
    const payload = code === NO_STATUS ? NO_REASON : Buffer.concat([Buffer.from([code >> 8, code & 0xff]), reason]);
    try {
      await this.#writer.write("close", payload);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Waits until nothing is read any more. */
  async #untilOver(): Promise<void> {
    if (this.#isOver) return;
    await suspend<void>("webSocket.close", (resume) => {
      this.#overWaiters.add(resume);
      return () => void this.#overWaiters.delete(resume);
    });
  }

  /** Nothing is read any more. What is in the queue can still be taken. */
  #end(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#closeCode = code;
    this.#queue.end();
    for (const wake of this.#overWaiters) wake();
    this.#overWaiters.clear();
  }

  /** Runs `body` with the WebSocket, to the end of both. `rest` is what has come already. */
  async serve(rest: Uint8Array, body: () => void | Promise<void>): Promise<void> {
    if (TRACE) made("web-socket", this);
    try {
      await scope(() => this.#serve(rest, body));
    } finally {
      // The grace is over, or the connection is gone.
      if (this.isOpen) this.#sendLastWords();
      this.#receiver.destroy();
      if (TRACE) ended("web-socket", this);
    }
  }

  async #serve(rest: Uint8Array, body: () => void | Promise<void>): Promise<void> {
    const helpers = [
      spawn(() => this.#read(rest), { name: "web socket reader" }),
      spawn(() => this.#ping(), { name: "web socket pings" }),
      spawn(() => this.#closeAtDrain(), { name: "web socket drain" }),
    ];
    let failure: { readonly error: unknown } | undefined;
    await supervise(
      () => {
        this.#handling = spawn(body, { name: "web socket" });
      },
      { onFailure: (error) => (failure ??= { error }) },
    );
    const isPeers = failure?.error === this.#peerClosed && this.#peerClosed !== undefined;
    await this.#handshake({
      code: failure === undefined || isPeers ? NORMAL_CLOSURE : INTERNAL_ERROR,
      reason: NO_REASON,
    });
    for (const helper of helpers) helper.cancel();
    if (failure !== undefined && !isPeers) throw failure.error;
  }

  #sendLastWords(): void {
    try {
      this.#writer.tryWrite("close", Buffer.from([GOING_AWAY >> 8, GOING_AWAY & 0xff]));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Reads to the client's end, and answers it. */
  async #read(rest: Uint8Array): Promise<void> {
    const { closeTimeoutMs } = this.#limits;
    try {
      await this.#readFrames(rest);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    const ending = this.#ending;
    if (ending === undefined) {
      this.#end(ABNORMAL_CLOSURE);
      this.#handling?.cancel({ reason: "the client went away" });
      return;
    }
    this.#end(ending.code);
    if (!this.#writer.closeSent && this.#queue.isRead) await this.#untilRead();
    await this.#sendClose(ending);
    await this.#shutdown();
    this.#handling?.cancel({ reason: "the WebSocket is closed", graceMs: closeTimeoutMs });
  }

  /** The server is the first to end the connection after both Close frames (RFC 6455, 7.1.1). */
  async #shutdown(): Promise<void> {
    try {
      await this.#connection.shutdown();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Waits until the handler has got to the end of the messages. */
  async #untilRead(): Promise<void> {
    try {
      await withDeadline(this.#limits.closeTimeoutMs, () => this.#queue.waitEndSeen());
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
    }
  }

  async #readFrames(rest: Uint8Array): Promise<void> {
    if (rest.length > 0) await this.#take(rest);
    while (this.#ending === undefined) {
      if (!this.#queue.hasRoom) await this.#queue.waitRoom();
      this.#readingSinceMs = monotonicMs();
      const bytes = await this.#connection.read();
      this.#readingSinceMs = undefined;
      if (bytes === null) return;
      await this.#take(bytes);
    }
  }

  /** Takes in what came: messages go into the queue, pings are answered. */
  async #take(bytes: Uint8Array): Promise<void> {
    this.#receiver.write(bytes);
    const violation = this.#receiver.errored as { readonly code?: string } | null;
    if (violation !== null) {
      this.#ending ??= { code: VIOLATIONS[violation.code ?? ""] ?? PROTOCOL_ERROR, reason: NO_REASON };
    }
    if (this.#pings.length === 0) return;
    const pings = this.#pings;
    this.#pings = [];
    await this.#writer.writePongs(pings);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#writer.closeSent) return;
    if (!isBinary) this.#queue.push(data.toString(), data.length);
    // A few bytes would keep all that was read with them.
    else this.#queue.push(data.length * 2 < data.buffer.byteLength ? Uint8Array.from(data) : data, data.length);
  }

  /** Asks the client for a sign of life, time and again. */
  async #ping(): Promise<void> {
    const { pingIntervalMs, pongTimeoutMs } = this.#limits;
    while (pingIntervalMs > 0) {
      await sleep(pingIntervalMs);
      if (this.#isOver) return;
      const { bytesRead } = this.#connection;
      try {
        if (!(await this.#writer.write("ping", NO_REASON))) return;
      } catch (error) {
        if (isGone(error)) return;
        throw error;
      }
      let untilMs = monotonicMs() + pongTimeoutMs;
      while (this.#connection.bytesRead === bytesRead && !this.#isOver) {
        await sleepUntil(untilMs);
        const waitedUntilMs = (this.#readingSinceMs ?? untilMs) + pongTimeoutMs;
        if (waitedUntilMs <= untilMs && this.#connection.bytesRead === bytesRead) return this.#loseClient();
        untilMs = waitedUntilMs;
      }
    }
  }

  /** Whoever is silent for so long is gone, or cannot be told. */
  #loseClient(): void {
    if (this.#isOver) return;
    this.#end(ABNORMAL_CLOSURE);
    this.#connection.destroy({ reset: true });
    this.#handling?.cancel({ reason: "the client answers no ping" });
  }

  async #closeAtDrain(): Promise<void> {
    await waitCancelRequest();
    await this.#handshake({ code: GOING_AWAY, reason: NO_REASON });
  }
}

function kindOf(message: unknown): "text" | "binary" {
  if (typeof message === "string") return "text";
  if (message instanceof Uint8Array) return "binary";
  throw new TypeError(`Cannot send a message: found ${typeof message}, wanted text or bytes`);
}
