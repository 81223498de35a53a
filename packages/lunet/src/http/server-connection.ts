/**
 * One connection of the server: requests in, replies out, in order, by one coroutine.
 *
 * Phases, of which the server's sweep reads the times:
 *   idle ─ first byte ─► head ─► handling (reading content: content) ─► replying ─► idle … closed
 *
 * Rules:
 * - Replies go out in the order of the requests; those to requests that came together go out in one write.
 * - A handler that returns no promise is not waited for: no scope, no suspension.
 * - Handlers run in a scope that lasts for many requests, until one of them has spawned a coroutine that still runs.
 *   Then the scope is left, which waits for it, before the reply is sent.
 * - Whatever ends the connection early (a limit, the client, a drain) cancels the coroutine and says why in `#verdict`;
 *   the last words are then written in one place, at the end of `run`.
 */
import { TRACE, ended, made } from "#trace";
import { Cancelled, captureContext, ClosedError, liveChildren, scope, type Coroutine } from "../co/mod.ts";
import { SocketError, type Connection } from "../net/mod.ts";
import { monotonicMs } from "../time/mod.ts";
import type { Handler } from "./handler.ts";
import { HttpError } from "./http-error.ts";
import type { Reply, ReplyContent, ReplyFields } from "./reply.ts";
import {
  allowsContent,
  CHUNK_END,
  CONTINUE_HEAD,
  LAST_CHUNK,
  serializeChunkSize,
  serializeFields,
  serializeHead,
  type ContentFraming,
} from "./reply-serializer.ts";
import { HttpRequest, type ContentSource } from "./request.ts";
import { MessageEnd, NEED_DATA, RequestHead, RequestParser } from "./request-parser.ts";
import type { ServerLimits } from "./server-limits.ts";

export type ConnectionPhase = "idle" | "head" | "content" | "handling" | "replying" | "closed";

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly handler: Handler;
  readonly limits: Readonly<ServerLimits>;
  /** The monotonic clock as the last sweep read it. */
  readonly nowMs: number;
  /** When the drain began, on the monotonic clock; `undefined` before. */
  readonly drainingSinceMs: number | undefined;
  /** Serialized fields that every reply gets. */
  readonly commonFields: string;
  /** The `Date` of replies made now. */
  date(): string;
  /** The reply to a fault of the peer or a failure of a handler. Never throws. */
  errorReply(error: HttpError, request: HttpRequest | undefined): Reply;
  /** Called for each reply, when it is known to be sent whole or not. */
  readonly onReply: ((event: ReplyEvent) => void) | undefined;
}

/** One reply, for the access log. */
export interface ReplyEvent {
  readonly request: HttpRequest;
  readonly status: number;
  /** Bytes of content that were handed to the connection. */
  readonly contentBytes: number;
  readonly durationMs: number;
  /** False when the client went away before all was sent. */
  readonly complete: boolean;
}

/** Text that is collected before it is written, in bytes. */
const FLUSH_BYTES = 65_536;
/** Content is written in pieces of this size, so that a stalled client shows. */
const PIECE_BYTES = 65_536;

interface StreamedReply {
  readonly request: HttpRequest;
  readonly status: number;
  readonly content: AsyncIterable<string | Uint8Array>;
  readonly framing: ContentFraming;
}

const fieldTexts = new WeakMap<ReplyFields, string>();

function fieldsText(fields: ReplyFields | undefined): string {
  if (fields === undefined) return "";
  const known = fieldTexts.get(fields);
  if (known !== undefined) return known;
  const list: Array<[string, string]> = [];
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string") list.push([name, value]);
    else for (const one of value) list.push([name, one]);
  }
  const text = serializeFields(list);
  if (Object.isFrozen(fields)) fieldTexts.set(fields, text);
  return text;
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown }).then === "function";
}

/** The fields of a web `Response`; what the server writes itself is left out. */
function fieldsOf(response: Response): ReplyFields {
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of response.headers) {
    if (name !== "content-length" && name !== "transfer-encoding" && name !== "connection" && name !== "date")
      fields[name] = value;
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) fields["set-cookie"] = cookies;
  return fields;
}

function replyOf(result: Reply | Response): Reply {
  if (!(result instanceof Response)) return result;
  const content = (result.body ?? undefined) as AsyncIterable<Uint8Array> | undefined;
  return { status: result.status, fields: fieldsOf(result), content };
}

export class ServerConnection implements ContentSource {
  readonly #server: ConnectionHost;
  readonly #connection: Connection;
  readonly #parser: RequestParser;
  #coroutine: Coroutine<void> | undefined;
  #out = "";
  #requests = 0;
  #request: HttpRequest | undefined;
  #requestStartedMs = 0;
  /** A reply whose scope is being left; it is sent when the coroutines that its handler spawned have ended. */
  #held: Reply | undefined;
  /** What the handler returned, when it has to be waited for. */
  #pending: Promise<Reply | Response> | undefined;
  #streaming: StreamedReply | undefined;
  /** Runs a function in the coroutine's context, from outside. */
  #inContext: <T>(body: () => T) => T = (body) => body();
  /** A request was served since the phase was set. */
  #served = false;
  /** Content of the current request that the handler has not read yet. */
  #contentLeft = false;
  #continueWanted = false;
  #finished = false;
  /** Why the connection is ended early, and what to say at its end. */
  #verdict: { readonly error: HttpError | undefined } | undefined;
  #replyStarted = false;

  phase: ConnectionPhase = "head";
  /** When the phase began, on the monotonic clock. */
  phaseSinceMs: number;
  /** Bytes of content that came in this phase. */
  #contentBytes = 0;
  /** For the sweep: bytes that waited to be sent when it last looked, and since when they are no fewer. */
  #stalledBytes = 0;
  #stalledSinceMs = 0;

  constructor(server: ConnectionHost, connection: Connection) {
    this.#server = server;
    this.#connection = connection;
    this.#parser = new RequestParser(server.limits);
    this.phaseSinceMs = server.nowMs;
  }

  /** Hands over the coroutine that `run` runs in, which is what gets cancelled. */
  start(coroutine: Coroutine<void>): void {
    this.#coroutine = coroutine;
    this.#connection.onGone((how) => this.#peerGone(how));
  }

  #peerGone(how: "ended" | "closed"): void {
    if (this.phase !== "handling" && this.phase !== "content" && this.phase !== "replying") return;
    const reason = "the client went away";
    if (how === "closed") this.#coroutine?.cancel({ reason });
    else if (this.phase === "handling") this.#coroutine?.cancel({ reason, graceMs: this.#server.limits.halfCloseMs });
  }

  /** Ends the connection from outside its coroutine: `error`, if any, is answered when no reply has begun. */
  end(error?: HttpError): void {
    if (this.#finished || this.#verdict !== undefined) return;
    this.#verdict = { error };
    this.#coroutine?.cancel({ reason: error ?? "the connection is ended by a limit" });
  }

  /** Applies the limits of time. */
  sweep(nowMs: number): void {
    const { limits, drainingSinceMs } = this.#server;
    const tookMs = nowMs - this.phaseSinceMs;
    const waits = this.phase === "idle" || (this.phase === "head" && this.#parser.state === "idle");
    if (waits && drainingSinceMs !== undefined && nowMs - drainingSinceMs >= limits.drainIdleMs) this.end();
    switch (this.phase) {
      case "idle":
        if (tookMs > limits.idleTimeoutMs) this.end();
        break;
      case "head":
        if (tookMs > limits.headerTimeoutMs) {
          const message = `Cannot read the header section: not whole after ${limits.headerTimeoutMs} ms`;
          this.end(this.#parser.state === "idle" ? undefined : new HttpError("ERR_HTTP_HEADER_TIMEOUT", message));
        }
        break;
      case "content":
        if (tookMs > limits.contentGraceMs && this.#contentBytes < (limits.contentMinBytesPerSecond * tookMs) / 1000) {
          const message = `Cannot read the content: found ${this.#contentBytes} bytes in ${Math.round(tookMs)} ms, wanted ${limits.contentMinBytesPerSecond} a second`;
          this.end(new HttpError("ERR_HTTP_CONTENT_TIMEOUT", message));
        }
        break;
      case "handling":
        if (tookMs > limits.handlerTimeoutMs) {
          const message = `Cannot answer in time: the handler took more than ${limits.handlerTimeoutMs} ms`;
          this.end(new HttpError("ERR_HTTP_HANDLER_TIMEOUT", message));
        }
        break;
      case "replying":
      case "closed":
        break;
    }
    const waiting = this.#connection.bufferedBytes;
    if (waiting === 0 || waiting < this.#stalledBytes || this.#stalledBytes === 0) this.#stalledSinceMs = nowMs;
    this.#stalledBytes = waiting;
    if (waiting > 0 && nowMs - this.#stalledSinceMs > limits.writeStallMs) {
      this.end();
      this.#connection.destroy({ reset: true });
    }
  }

  #enter(phase: ConnectionPhase): void {
    this.phase = phase;
    this.phaseSinceMs = this.#server.nowMs;
    this.#served = false;
  }

  /** Serves the connection to its end and closes it. */
  async run(): Promise<void> {
    try {
      while (!this.#finished) await this.#serveInScope();
    } catch (error) {
      // That the peer is gone is no failure of the server.
      if (!(error instanceof SocketError) && !(error instanceof ClosedError)) throw error;
    } finally {
      await this.#finish();
    }
  }

  async #serveInScope(): Promise<void> {
    try {
      await scope(() => this.#serveRequests());
    } catch (error) {
      if (error instanceof Cancelled || this.#request === undefined) throw error;
      // A coroutine that the handler had spawned failed, after the handler or instead of it.
      this.#held = this.#failureReply(error, this.#request);
    }
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#answer(this.#request as HttpRequest, held);
    await this.#sendStream();
  }

  /** Serves until the connection is finished, or until a handler leaves coroutines behind. */
  async #serveRequests(): Promise<void> {
    this.#inContext = captureContext();
    while (!this.#finished && this.#held === undefined) {
      if (this.#advance()) {
        this.#enter(this.#parser.state === "idle" && this.#requests > 0 ? "idle" : "head");
        if (!(await this.#connection.consume(this.#consume))) this.#finished = true;
      }
      await this.#takeOver();
    }
  }

  /** Takes bytes in as they arrive, while the coroutine waits for them. False when the coroutine has to go on itself. */
  readonly #consume = (bytes: Uint8Array): boolean => {
    this.#parser.push(bytes);
    return this.#inContext(this.#advance);
  };

  /**
   * Serves what has arrived as far as it goes without waiting. True when that was all, and more bytes are wanted; false
   * when something is left for the coroutine: a handler's promise, a stream, a slow client, the end.
   */
  readonly #advance = (): boolean => {
    for (;;) {
      const head = this.#nextHead();
      if (head === undefined) {
        if (this.#phaseIsStale()) this.#enter(this.#parser.state === "idle" ? "idle" : "head");
        return !this.#finished && this.#tryFlush();
      }
      if (!this.#dispatch(head)) return false;
      if (this.#finished) return false;
    }
  };

  /** The phase follows the parser only where the sweep would see the difference. */
  #phaseIsStale(): boolean {
    const isIdle = this.#parser.state === "idle" && this.#requests > 0;
    return this.#served || (this.phase === "idle") !== isIdle;
  }

  /** Starts a request. False when its reply has to be waited for. */
  #dispatch(head: RequestHead): boolean {
    const server = this.#server;
    const request = new HttpRequest(head, this, this.#peerAddress);
    if (TRACE) made("request", request, this);
    this.#request = request;
    this.#requests++;
    this.#served = true;
    this.#contentLeft = head.hasContent;
    this.#continueWanted = head.expectContinue;
    this.#replyStarted = false;
    if (server.onReply !== undefined) this.#requestStartedMs = monotonicMs();
    let reply: Reply;
    try {
      if (head.expectsUnknown) throw new HttpError("ERR_HTTP_EXPECTATION", "Cannot meet Expect: wanted 100-continue");
      if (head.method === "CONNECT") throw new HttpError("ERR_HTTP_METHOD_UNSUPPORTED", "Cannot serve CONNECT");
      const result = server.handler(request);
      if (isPromise(result)) {
        this.#pending = result;
        this.#enter("handling");
        // The coroutine takes it over in a later microtask; a rejection until then is not unhandled.
        result.catch(() => {});
        return false;
      }
      reply = replyOf(result);
    } catch (error) {
      reply = this.#failureReply(error, request);
    }
    if (liveChildren() > 0) {
      this.#held = reply;
      return false;
    }
    return this.#answer(request, reply);
  }

  /** Goes on with what `#advance` left: waits for the handler, sends a stream, waits for a slow client. */
  async #takeOver(): Promise<void> {
    const flushed = this.#flush();
    if (flushed !== undefined) await flushed;
    const pending = this.#pending;
    if (pending !== undefined) {
      this.#pending = undefined;
      const request = this.#request as HttpRequest;
      let reply: Reply;
      try {
        reply = replyOf(await pending);
      } catch (error) {
        if (error instanceof Cancelled) throw error;
        reply = this.#failureReply(error, request);
      }
      if (liveChildren() > 0) {
        this.#held = reply;
        return;
      }
      this.#answer(request, reply);
    }
    await this.#sendStream();
  }

  async #sendStream(): Promise<void> {
    const stream = this.#streaming;
    this.#streaming = undefined;
    if (stream !== undefined) await this.#streamContent(stream);
  }

  /** The next request's head, if it has arrived. A message that cannot be served is answered, and is the last. */
  #nextHead(): RequestHead | undefined {
    try {
      const event = this.#parser.next();
      return event instanceof RequestHead ? event : undefined;
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#refuse(error);
      return undefined;
    }
  }

  /** Answers `error` instead of the first request, and closes. Called before `run`. */
  refuseAtOnce(error: HttpError): void {
    this.#refuse(error);
  }

  #refuse(error: HttpError): void {
    this.#writeWhole(this.#server.errorReply(error, undefined), "GET", 1, false);
    this.#finished = true;
  }

  readonly #peerAddress = (): string => {
    const { remoteAddress } = this.#connection;
    return "address" in remoteAddress ? remoteAddress.address : remoteAddress.family;
  };

  #failureReply(error: unknown, request: HttpRequest): Reply {
    const fault =
      error instanceof HttpError
        ? error
        : new HttpError("ERR_HTTP_HANDLER_FAILED", "Cannot answer: the handler failed", { cause: error });
    return this.#server.errorReply(fault, request);
  }

  /** For the handler: the next piece of the request's content. */
  async nextContent(): Promise<Uint8Array | null> {
    if (!this.#contentLeft) return null;
    if (this.phase !== "content") {
      this.#enter("content");
      this.#contentBytes = 0;
    }
    for (;;) {
      const event = this.#parser.next();
      if (event === NEED_DATA) {
        if (this.#continueWanted) {
          this.#continueWanted = false;
          this.#out += CONTINUE_HEAD;
        }
        const flushed = this.#flush();
        if (flushed !== undefined) await flushed;
        const bytes = await this.#connection.read();
        if (bytes === null) {
          const message = "Cannot read the content: found the end of the connection within it";
          throw new HttpError("ERR_HTTP_CONTENT_INCOMPLETE", message);
        }
        this.#contentBytes += bytes.length;
        this.#parser.push(bytes);
      } else if (event instanceof MessageEnd) {
        this.#contentLeft = false;
        this.#enter("handling");
        return null;
      } else {
        // Whoever was not told to continue and sends all the same will not be told any more.
        this.#continueWanted = false;
        return event as Uint8Array;
      }
    }
  }

  /** Reads past content that the handler left. False when that is too much, or not worth it: the connection ends then. */
  #discardArrived(): boolean {
    if (this.#continueWanted) return false;
    let left = this.#server.limits.maxDiscardBytes;
    try {
      for (;;) {
        const event = this.#parser.next();
        if (event instanceof MessageEnd) return true;
        if (event === NEED_DATA) {
          const bytes = this.#connection.tryRead();
          if (!(bytes instanceof Uint8Array)) return false;
          this.#parser.push(bytes);
        } else {
          left -= (event as Uint8Array).length;
          if (left < 0) return false;
        }
      }
    } catch (error) {
      if (error instanceof HttpError) return false;
      throw error;
    }
  }

  /** Answers a request. False when the content is a stream, which the coroutine sends. */
  #answer(request: HttpRequest, reply: Reply): boolean {
    const { head } = request;
    const server = this.#server;
    if (this.#contentLeft && !this.#discardArrived()) this.#finished = true;
    this.#contentLeft = false;
    const last = this.#requests >= server.limits.maxRequestsPerConnection;
    if (!head.keepAlive || last || server.drainingSinceMs !== undefined) this.#finished = true;
    const { content } = reply;
    let contentBytes = 0;
    try {
      if (typeof content === "string" || content === undefined || content instanceof Uint8Array) {
        contentBytes = this.#writeWhole(reply, head.method, head.minor, !this.#finished);
      } else {
        this.#startStream(request, reply, content);
        return false;
      }
    } catch (error) {
      // The handler's reply cannot be sent as it is: a field with a line end, a status out of range.
      reply = this.#failureReply(error, request);
      contentBytes = this.#writeWhole(reply, head.method, head.minor, !this.#finished);
    }
    this.#replied(request, reply.status, contentBytes, true);
    return this.#out.length < FLUSH_BYTES || this.#tryFlush();
  }

  #replied(request: HttpRequest, status: number, contentBytes: number, complete: boolean): void {
    this.#request = undefined;
    if (TRACE) ended("request", request);
    const { onReply } = this.#server;
    if (onReply === undefined) return;
    onReply({ request, status, contentBytes, durationMs: monotonicMs() - this.#requestStartedMs, complete });
  }

  #headText(reply: Reply, framing: ContentFraming, minor: 0 | 1, keepAlive: boolean): string {
    return serializeHead({
      status: reply.status,
      fields: fieldsText(reply.fields) + this.#server.commonFields,
      framing,
      minor,
      keepAlive,
      date: this.#server.date(),
    });
  }

  /** Puts a reply whose content is at hand into `#out`. Gives the bytes of its content. */
  #writeWhole(reply: Reply, method: string, minor: 0 | 1, keepAlive: boolean): number {
    const content = reply.content as Exclude<ReplyContent, AsyncIterable<unknown>> | undefined;
    let text = "";
    if (content !== undefined && content.length > 0) {
      if (typeof content !== "string")
        text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("latin1");
      // Text whose UTF-8 is as long as it is ASCII, which latin1 leaves as it is; other text is transcoded once.
      else text = Buffer.byteLength(content) === content.length ? content : Buffer.from(content).toString("latin1");
    }
    const framing = reply.status === 204 || (reply.status === 304 && content === undefined) ? "none" : text.length;
    const head = this.#headText(reply, framing, minor, keepAlive);
    const sent = allowsContent(method, reply.status);
    this.#replyStarted = true;
    this.#out += sent ? head + text : head;
    return sent ? text.length : 0;
  }

  /** Begins a reply whose content is a stream. A head that cannot be serialized throws here, before anything is out. */
  #startStream(request: HttpRequest, reply: Reply, content: AsyncIterable<string | Uint8Array>): void {
    const { method, minor } = request.head;
    const framing = !allowsContent(method, reply.status) ? "none" : minor === 1 ? "chunked" : "close";
    if (framing === "close") this.#finished = true;
    this.#out += this.#headText(reply, framing, minor, !this.#finished);
    this.#replyStarted = true;
    this.#streaming = { request, status: reply.status, content, framing };
  }

  async #streamContent({ request, status, content, framing }: StreamedReply): Promise<void> {
    this.#enter("replying");
    let contentBytes = 0;
    let complete = false;
    try {
      if (framing !== "none") {
        for await (const piece of content) {
          const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
          if (bytes.length === 0) continue;
          contentBytes += bytes.length;
          if (framing === "chunked") this.#out += serializeChunkSize(bytes.length);
          await this.#flush();
          await this.#writeBytes(bytes);
          if (framing === "chunked") this.#out += CHUNK_END;
        }
        if (framing === "chunked") this.#out += LAST_CHUNK;
      }
      complete = true;
    } catch (error) {
      // The head is out: only cutting the message off tells the client that it is not whole.
      this.#finished = true;
      this.#out = "";
      this.#connection.destroy({ reset: true });
      if (error instanceof Cancelled) throw error;
      if (!(error instanceof SocketError) && !(error instanceof ClosedError)) this.#failureReply(error, request);
    } finally {
      this.#replied(request, status, contentBytes, complete);
    }
  }

  async #writeBytes(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      const piece = bytes.subarray(start, start + PIECE_BYTES);
      if (!this.#connection.tryWrite(piece)) await this.#connection.write(piece);
    }
  }

  /** Writes what has been collected, if that needs no wait. */
  #tryFlush(): boolean {
    const text = this.#out;
    if (text === "") return true;
    if (text.length > PIECE_BYTES || this.#connection.closed || !this.#connection.tryWrite(text, "latin1"))
      return false;
    this.#out = "";
    return true;
  }

  /** Writes what has been collected. Waits when the client is slow to take it. */
  #flush(): Promise<void> | undefined {
    const text = this.#out;
    this.#out = "";
    if (text.length > PIECE_BYTES) return this.#writeText(text);
    if (text === "" || this.#connection.tryWrite(text, "latin1")) return undefined;
    return this.#connection.write(text, "latin1");
  }

  async #writeText(text: string): Promise<void> {
    for (let start = 0; start < text.length; start += PIECE_BYTES) {
      await this.#connection.write(text.slice(start, start + PIECE_BYTES), "latin1");
    }
  }

  /** The connection's last words, and its end. */
  async #finish(): Promise<void> {
    this.#finished = true;
    const request = this.#request;
    if (request !== undefined) this.#replied(request, this.#verdict?.error?.status ?? 499, 0, false);
    const fault = this.#verdict?.error;
    if (fault !== undefined && !this.#connection.closed && (request === undefined || !this.#replyStarted)) {
      this.#writeWhole(this.#server.errorReply(fault, request), request?.method ?? "GET", 1, false);
    }
    this.phase = "closed";
    if (this.#connection.closed) return this.#connection.destroy();
    if (this.#out !== "" && !this.#connection.tryWrite(this.#out, "latin1")) this.#connection.destroy();
    await this.#connection.close({ lingerMs: this.#server.limits.lingerMs });
  }
}
