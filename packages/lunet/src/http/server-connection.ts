/**
 * One connection of the server: requests in, replies out, in order, by one coroutine.
 *
 * Phases, of which the server's sweep reads the times:
 *   idle ─ first byte ─► head ─► handling ─► replying ─► idle … closed
 *   handling ─ 101 ─► upgraded ─► closed
 * and from handling or replying to content and back, while the handler waits for the client's content.
 *
 * Rules:
 * - Replies go out in the order of the requests; those to requests that came together go out in one write.
 * - A handler that returns no promise is not waited for: no scope, no suspension.
 * - Handlers run in a scope that lasts for many requests, until one of them has spawned a coroutine that still runs.
 *   Then the scope is left, which waits for it, before the reply is sent.
 * - Whatever ends the connection early (a limit, the client, a drain) cancels the coroutine. Why, and what is to be said
 *   of it, stands in `#verdict`; the last words are written in one place, at the end of `run`.
 * - A request is answered once. What has begun to go out is finished or cut off, never followed by an error reply.
 * - No limit of time is applied early: a phase counts from the first sweep that sees it.
 */
import { ended, made, misused, TRACE } from "#trace";
import {
  Cancelled,
  captureContext,
  giveWay,
  isCancelled,
  liveChildren,
  scope,
  spawn,
  type Coroutine,
} from "../co/mod.ts";
import type { Connection } from "../net/mod.ts";
import { monotonicMs } from "../time/mod.ts";
import { ownStream } from "./content/foreign-stream.ts";
import { isPromise, type Handler } from "./handler.ts";
import { HttpError } from "./http-error.ts";
import type { Overload } from "./overload.ts";
import { plainErrorReply, type Reply, type ReplyContent, type Upgrade } from "./reply.ts";
import { allowsContent, CONTINUE_HEAD, LAST_CHUNK, serializeHead, type ContentFraming } from "./reply-serializer.ts";
import { fieldsText } from "./reply-fields.ts";
import { isGone, latin1Of, ReplyWriter } from "./reply-writer.ts";
import { HttpRequest, type ContentSource } from "./request.ts";
import { MessageEnd, NEED_DATA, RequestHead, RequestParser, type Content } from "./request-parser.ts";
import type { ServerLimits } from "./server-limits.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";
import { replyOf } from "./web-response.ts";

type ConnectionPhase = "idle" | "head" | "content" | "handling" | "replying" | "upgraded" | "closed";

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly handler: Handler;
  readonly limits: Readonly<ServerLimits>;
  /** When the drain began, on the monotonic clock; `undefined` before. */
  readonly drainingSinceMs: number | undefined;
  /** Serialized fields that every reply gets. */
  readonly commonFields: string;
  /** Whose `X-Forwarded-` fields count. */
  readonly trustedProxies: TrustedProxies | undefined;
  /** Decides when a request is begun, and whether. */
  readonly overload: Overload;
  /** The `Date` of replies made now. */
  date(): string;
  /** The reply to a fault of the peer or a failure of a handler. Never throws. */
  errorReply(error: HttpError, request: HttpRequest | undefined): Reply;
  /** The connection has been served to its end. */
  ended(connection: ServerConnection): void;
  /** Reports what failed here. Never throws. */
  failed(error: unknown, request?: HttpRequest): void;
  /** Called for each reply, when it is known to be sent whole or not. */
  readonly onReply: ((event: ReplyEvent) => void) | undefined;
}

/** One reply, for the access log. */
export interface ReplyEvent {
  readonly request: HttpRequest;
  /** 499 when the client went away before there was one. */
  readonly status: number;
  /** Bytes of content that were handed to the connection. */
  readonly contentBytes: number;
  readonly durationMs: number;
  /** False when the reply was cut off: the client went away, its stream failed, or the server closed. */
  readonly complete: boolean;
}

/** Content that is longer is sent in pieces, at the client's pace. */
const WHOLE_CONTENT_LENGTH = 65_536;
const SWITCHING_PROTOCOLS = 101;
/** Requests that came together and are begun before other connections have their turn of the event loop. */
const TURN_REQUESTS = 64;
/** As much as the system hands over at a time: behind it more may come in the same turn. */
const WHOLE_READ_BYTES = 65_536;
/** How long a handler may ignore its cancel. Then its client is answered without it and the connection is closed. */
const ABANDON_MS = 1_000;

interface StreamedReply {
  readonly request: HttpRequest;
  readonly status: number;
  readonly content: AsyncIterable<string | Uint8Array>;
  readonly framing: ContentFraming;
}

/** A connection that goes on with another protocol. */
interface UpgradedConnection {
  readonly request: HttpRequest;
  readonly serve: NonNullable<Upgrade["serve"]>;
}

/** Why a connection is ended early. */
interface Verdict {
  /** What to answer, if anything. */
  readonly error: HttpError | undefined;
  /** The request that it is about; undefined between requests. */
  readonly request: HttpRequest | undefined;
  readonly atMs: number;
}

function isStream(content: ReplyContent): content is AsyncIterable<string | Uint8Array> {
  if (typeof content === "string" || content instanceof Uint8Array) return false;
  if (typeof content[Symbol.asyncIterator] === "function") return true;
  throw new TypeError("Cannot reply: found content of another kind, wanted text, bytes, or a stream of them");
}

/** Ends a stream that nobody reads. */
async function endUnread(content: AsyncIterable<string | Uint8Array>): Promise<void> {
  await content[Symbol.asyncIterator]().return?.();
}

/** Long content goes out as a stream of one piece, at the client's pace. */
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function contentIncomplete(found: string, cause?: unknown): HttpError {
  return new HttpError("ERR_HTTP_CONTENT_INCOMPLETE", `Cannot read the content: found ${found} within it`, { cause });
}

/** What a failure is to the client. */
function faultOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  return new HttpError("ERR_HTTP_HANDLER_FAILED", "Cannot answer: the handler failed", { cause: error });
}

export class ServerConnection implements ContentSource {
  readonly #server: ConnectionHost;
  readonly #connection: Connection;
  readonly #parser: RequestParser;
  readonly #writer: ReplyWriter;
  #coroutine: Coroutine<void> | undefined;
  /** Runs a function in the coroutine's context, from outside. */
  #inContext: <T>(body: () => T) => T = (body) => body();

  #requests = 0;
  /** At how many requests the connection lets others have their turn. */
  #turnEnd = TURN_REQUESTS;
  /** The request that is being answered. */
  #request: HttpRequest | undefined;
  #requestStartedMs = 0;
  #replyStarted = false;
  /** What the handler returned, when it has to be waited for. */
  #pending: Promise<Reply | Response> | undefined;
  /** A reply that waits until its scope has been left. */
  #held: Reply | undefined;
  #streaming: StreamedReply | undefined;
  #upgraded: UpgradedConnection | undefined;
  /** The stream of a reply that cannot be sent: nobody will read it, and it has to be ended. */
  #unsent: AsyncIterable<string | Uint8Array> | undefined;
  /** The scope is left before anything else, because coroutines still run in it. */
  #leaving = false;
  /** No request is read any more. */
  #finished = false;
  #verdict: Verdict | undefined;

  /** Content of the current request of which the end was not read yet. */
  #contentLeft = false;
  #continueWanted = false;
  /** The content cannot be read to its end, so that nothing can follow it. */
  #contentBroken = false;
  /** Bytes of the current request's content that were read. */
  #contentBytes = 0;
  /** How long the client was waited for, for the current content; and since when it is, in phase content. */
  #contentWaitedMs = 0;
  #contentWaitSinceMs = 0;
  /** How much more of an answered request's content is dropped; undefined when there is none. */
  #discardLeft: number | undefined;

  #phase: ConnectionPhase = "head";
  /** When the first sweep saw the phase, on the monotonic clock; undefined until then. */
  #phaseSinceMs: number | undefined;
  /** A request was served since the phase was set. */
  #served = false;
  /** When a sweep first saw that the client had shut down its side. */
  #peerEndedMs: number | undefined;
  /** What the client had taken when the sweep last saw it take something, and when that was. */
  #takenBytes = NaN;
  #takenAtMs = 0;

  constructor(server: ConnectionHost, connection: Connection) {
    this.#server = server;
    this.#connection = connection;
    this.#parser = new RequestParser(server.limits);
    this.#writer = new ReplyWriter(connection);
  }

  get trustedProxies(): TrustedProxies | undefined {
    return this.#server.trustedProxies;
  }

  /** Hands over the coroutine that `run` runs in, which is what gets cancelled. */
  start(coroutine: Coroutine<void>): void {
    this.#coroutine = coroutine;
    this.#connection.onGone((how) => {
      if (how === "closed") this.#peerGone();
    });
    if (this.#connection.closed) this.#peerGone();
  }

  /** Cancels whoever works for a client that is gone. Whoever waits for it is told by its wait. */
  #peerGone(): void {
    if (this.#phase === "idle" || this.#phase === "head" || this.#phase === "closed") return;
    this.#coroutine?.cancel({ reason: "the client went away" });
  }

  /** Ends the connection from outside its coroutine. `error`, if any, is answered when no reply has begun. */
  #end(nowMs: number, error?: HttpError): void {
    if (this.#verdict !== undefined) return;
    this.#verdict = { error, request: this.#request, atMs: nowMs };
    this.#coroutine?.cancel({ reason: error ?? "the connection is ended by a limit" });
  }

  /** Applies the limits of time, and says whether one of them ends the connection. */
  sweep(nowMs: number): boolean {
    if (this.#phase === "closed") return false;
    const before = this.#verdict;
    this.#phaseSinceMs ??= nowMs;
    if (this.#connection.peerEnded) this.#peerEndedMs ??= nowMs;
    this.#sweepPhase(nowMs, nowMs - this.#phaseSinceMs);
    this.#sweepWriting(nowMs);
    const verdict = this.#verdict;
    if (verdict !== undefined && nowMs - verdict.atMs >= ABANDON_MS) this.#abandon(verdict);
    return verdict !== before;
  }

  #sweepPhase(nowMs: number, tookMs: number): void {
    const { limits, drainingSinceMs } = this.#server;
    switch (this.#phase) {
      case "idle":
      case "head":
        // The last reply has been sent: it is closed as it is.
        if (this.#finished) break;
        this.#sweepWaiting(nowMs, tookMs);
        if (drainingSinceMs === undefined || this.#parser.state === "head") break;
        // One that came when the drain had begun has its time as well.
        if (Math.min(tookMs, nowMs - drainingSinceMs) >= limits.drainIdleMs) this.#end(nowMs);
        break;
      case "content":
        this.#sweepContent(nowMs);
        break;
      case "handling":
        if (tookMs >= limits.handlerTimeoutMs) {
          const message = `Cannot answer in time: the handler took more than ${limits.handlerTimeoutMs} ms`;
          this.#end(
            nowMs,
            this.#request === undefined ? undefined : new HttpError("ERR_HTTP_HANDLER_TIMEOUT", message),
          );
        }
        this.#sweepHalfClosed(nowMs);
        break;
      case "replying":
        if (this.#connection.bufferedBytes === 0) this.#sweepHalfClosed(nowMs);
        break;
      case "upgraded":
      case "closed":
    }
  }

  #sweepWaiting(nowMs: number, tookMs: number): void {
    const { headerTimeoutMs, idleTimeoutMs } = this.#server.limits;
    if (this.#phase === "idle") {
      if (tookMs >= idleTimeoutMs) this.#end(nowMs);
    } else if (tookMs >= headerTimeoutMs) {
      const message = `Cannot read the header section: not whole after ${headerTimeoutMs} ms`;
      this.#end(nowMs, this.#parser.state === "head" ? new HttpError("ERR_HTTP_HEADER_TIMEOUT", message) : undefined);
    }
  }

  #sweepContent(nowMs: number): void {
    const { contentMinBytesPerSecond: rate, contentGraceMs } = this.#server.limits;
    const waitMs = nowMs - this.#contentWaitSinceMs;
    const waitedMs = this.#contentWaitedMs + waitMs;
    const isSlow = this.#contentBytes < (rate * (waitedMs - contentGraceMs)) / 1000;
    if (rate === 0 || (!isSlow && waitMs < contentGraceMs)) return;
    const found = `found ${this.#contentBytes} bytes in ${Math.round(waitedMs)} ms and none for ${Math.round(waitMs)} ms`;
    const wanted = `wanted ${rate} a second and no gap of ${contentGraceMs} ms`;
    this.#end(nowMs, new HttpError("ERR_HTTP_CONTENT_TIMEOUT", `Cannot read the content: ${found}, ${wanted}`));
  }

  /** A client that has shut down its side is most often gone: what keeps it waiting now is cancelled. */
  #sweepHalfClosed(nowMs: number): void {
    if (this.#peerEndedMs === undefined) return;
    const sinceMs = Math.max(this.#peerEndedMs, this.#phaseSinceMs ?? nowMs);
    if (nowMs - sinceMs >= this.#server.limits.halfCloseMs) this.#end(nowMs);
  }

  #sweepWriting(nowMs: number): void {
    const { takenBytes } = this.#writer;
    if (this.#connection.bufferedBytes === 0 || takenBytes !== this.#takenBytes) {
      this.#takenBytes = takenBytes;
      this.#takenAtMs = nowMs;
    } else if (nowMs - this.#takenAtMs >= this.#server.limits.writeStallMs) {
      this.#end(nowMs);
      this.#connection.destroy({ reset: true });
    }
  }

  /**
   * The handler does not give way to its cancel: its client is answered without it, and it works for nobody. Called in
   * the coroutine of the sweep, which waits for the close.
   */
  #abandon({ error, request }: Verdict): void {
    if (this.#connection.closed) return;
    if (error !== undefined && request === this.#request && !this.#replyStarted) {
      this.#writeFault(error, request);
      this.#writer.tryFlush();
    }
    spawn(() => this.#connection.close({ lingerMs: this.#server.limits.lingerMs }), { name: "http close" });
  }

  #enter(phase: ConnectionPhase): void {
    this.#phase = phase;
    this.#phaseSinceMs = undefined;
    this.#served = false;
  }

  /** Serves the connection to its end and closes it; with `refusal`, that is its only answer. */
  async run(refusal?: HttpError): Promise<void> {
    // Most connections are idle most of the time and hold what this chain of calls holds: it is short on purpose.
    try {
      if (refusal !== undefined) this.#refuse(refusal);
      do {
        this.#leaving = false;
        try {
          await scope(() => this.#serveRequests());
        } catch (error) {
          const request = this.#request;
          if (error instanceof Cancelled || request === undefined || this.#connection.closed) throw error;
          // The handler failed, or a coroutine that it had spawned: after it, or instead of it.
          this.#held = this.#failureReply(error, request);
        }
      } while (!this.#finished || this.#held !== undefined);
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      // What is the client's doing is no failure, once there is nobody to tell it to.
      if (!isGone(error) && !(error instanceof HttpError)) this.#server.failed(error, this.#request);
    } finally {
      try {
        await this.#finish();
      } finally {
        this.#server.ended(this);
      }
    }
  }

  /** Serves until the connection is finished, or until a handler leaves coroutines behind. */
  async #serveRequests(): Promise<void> {
    this.#inContext = captureContext();
    for (;;) {
      await this.#takeOver();
      if (this.#finished || this.#leaving) return;
      if (!this.#advance()) continue;
      this.#enter(this.#parser.state === "idle" && this.#requests > 0 ? "idle" : "head");
      if (!(await this.#connection.consume(this.#consume))) this.#finished = true;
    }
  }

  /** Takes bytes in as they arrive, while the coroutine waits for them. False when the coroutine has to go on itself. */
  readonly #consume = (bytes: Uint8Array): boolean => {
    if (bytes.length < WHOLE_READ_BYTES) this.#turnEnd = this.#requests + TURN_REQUESTS;
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
        return !this.#finished && this.#writer.tryFlush();
      }
      if (!this.#dispatch(head) || this.#finished || this.#requests >= this.#turnEnd) return false;
    }
  };

  /** The phase follows the parser only where the sweep would see the difference. */
  #phaseIsStale(): boolean {
    const isIdle = this.#parser.state === "idle" && this.#requests > 0;
    return this.#served || (this.#phase === "idle") !== isIdle;
  }

  /** The next request's head, if it has arrived. A message that cannot be served is answered, and is the last. */
  #nextHead(): RequestHead | undefined {
    try {
      for (;;) {
        const event = this.#parser.next();
        if (event instanceof RequestHead) return event;
        if (event === NEED_DATA || !this.#discard(event)) return undefined;
      }
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      // The content of a request that was answered is no message of its own.
      if (this.#discardLeft === undefined) this.#refuse(error);
      this.#finished = true;
      return undefined;
    }
  }

  /** Drops content that a handler left. False when that is too much. */
  #discard(event: Content | MessageEnd): boolean {
    if (event instanceof MessageEnd) this.#discardLeft = undefined;
    else {
      this.#discardLeft = (this.#discardLeft ?? 0) - event.length;
      if (this.#discardLeft < 0) this.#finished = true;
    }
    return !this.#finished;
  }

  #refuse(error: HttpError): void {
    this.#finished = true;
    this.#writeFault(error, undefined);
  }

  /** Starts a request. False when its reply has to be waited for. */
  #dispatch(head: RequestHead): boolean {
    const server = this.#server;
    const request = new HttpRequest(head, this, this.#peerAddress);
    if (TRACE) made("request", request, this, `${head.method} ${head.target}`);
    this.#request = request;
    this.#requests++;
    this.#served = true;
    this.#replyStarted = false;
    this.#contentLeft = head.hasContent;
    this.#continueWanted = head.expectContinue;
    this.#contentBroken = false;
    this.#contentBytes = 0;
    this.#contentWaitedMs = 0;
    if (server.onReply !== undefined) this.#requestStartedMs = monotonicMs();
    let reply: Reply;
    try {
      if (head.expectsUnknown) throw new HttpError("ERR_HTTP_EXPECTATION", "Cannot meet Expect: wanted 100-continue");
      if (head.method === "CONNECT") throw new HttpError("ERR_HTTP_METHOD_UNSUPPORTED", "Cannot serve CONNECT");
      const turn = server.overload.admit(request);
      const result = turn === undefined ? server.handler(request) : this.#handleLater(turn, request);
      if (isPromise(result)) {
        const pending = Promise.resolve(result);
        // The coroutine takes it over in a later microtask; a rejection until then is not unhandled.
        server.overload.track(pending);
        this.#pending = pending;
        this.#enter("handling");
        return false;
      }
      reply = replyOf(result);
    } catch (error) {
      if (liveChildren() > 0) return this.#dispatchFailure(error);
      reply = this.#failureReply(error, request);
    }
    if (liveChildren() === 0) return this.#answer(request, reply);
    this.#hold(reply);
    this.#enter("handling");
    return false;
  }

  async #handleLater(turn: Promise<void>, request: HttpRequest): Promise<Reply | Response> {
    await turn;
    return this.#server.handler(request);
  }

  /** A handler that threw at once and left coroutines fails as one that throws later: they are cancelled first. */
  #dispatchFailure(cause: unknown): false {
    this.#pending = Promise.reject(cause);
    this.#pending.catch(() => {});
    this.#enter("handling");
    return false;
  }

  readonly #peerAddress = (): string => {
    const { remoteAddress } = this.#connection;
    return "address" in remoteAddress ? remoteAddress.address : remoteAddress.family;
  };

  #hold(reply: Reply): void {
    this.#held = reply;
    this.#leaving = true;
  }

  /** Goes on with what `#advance` left: waits for the handler, sends a stream, waits for a slow client. */
  async #takeOver(): Promise<void> {
    if (this.#pending !== undefined) await this.#awaitHandler(this.#pending);
    else if (this.#held !== undefined && !this.#leaving) {
      const held = this.#held;
      this.#held = undefined;
      this.#answer(this.#request as HttpRequest, held);
    }
    if (this.#unsent !== undefined) await this.#endUnsent(this.#unsent);
    const stream = this.#streaming;
    if (stream !== undefined) await this.#sendStream(stream);
    const flushed = this.#writer.flush();
    if (flushed !== undefined) {
      if (!this.#leaving) this.#enter("replying");
      await flushed;
    }
    if (this.#upgraded !== undefined) await this.#serveUpgraded(this.#upgraded);
    else if (this.#requests >= this.#turnEnd) await this.#giveWay();
  }

  async #endUnsent(content: AsyncIterable<string | Uint8Array>): Promise<void> {
    this.#unsent = undefined;
    try {
      await endUnread(ownStream(content));
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      this.#server.failed(error);
    }
  }

  /** Lets other connections have their turn of the event loop. What the client goes on to send waits meanwhile. */
  async #giveWay(): Promise<void> {
    this.#turnEnd = this.#requests + TURN_REQUESTS;
    if (this.#finished || this.#leaving) return;
    this.#enter("replying");
    await giveWay();
  }

  /** Lets another protocol have the connection, to its end. */
  async #serveUpgraded({ request, serve }: UpgradedConnection): Promise<void> {
    this.#upgraded = undefined;
    this.#enter("upgraded");
    try {
      await serve(this.#connection, this.#parser.detach());
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      // Another connection that is gone, or a closed pool, is the program's failure while this client is there.
      if (!isGone(error) || !this.#connection.closed) this.#server.failed(error, request);
    }
  }

  async #awaitHandler(pending: Promise<Reply | Response>): Promise<void> {
    this.#pending = undefined;
    const request = this.#request as HttpRequest;
    // Replies to earlier requests do not wait for this one.
    const flushed = this.#writer.flush();
    if (flushed !== undefined) await flushed;
    // What the handler throws ends the scope, with the coroutines that it has spawned.
    const reply = replyOf(await pending);
    if (liveChildren() > 0 || isCancelled()) this.#hold(reply);
    else this.#answer(request, reply);
  }

  #failureReply(error: unknown, request: HttpRequest): Reply {
    return this.#server.errorReply(faultOf(error), request);
  }

  /** For the handler: the next piece of the request's content. */
  async nextContent(request: HttpRequest): Promise<Uint8Array | null> {
    if (request !== this.#request) {
      const error = new TypeError(
        "Cannot read the content: found the request answered, wanted a read before its reply",
      );
      if (TRACE) misused(request, "content", error);
      throw error;
    }
    if (this.#continueWanted && this.#replyStarted) {
      throw new TypeError("Cannot read the content: found it refused by a reply that has begun");
    }
    try {
      while (this.#contentLeft) {
        const event = this.#parser.next();
        if (event === NEED_DATA) await this.#receiveContent();
        else if (event instanceof MessageEnd) {
          this.#contentLeft = false;
          request.trailers = event.trailers;
        } else {
          // Whoever was not told to continue and sends all the same will not be told any more.
          this.#continueWanted = false;
          const content = event as Content;
          this.#contentBytes += content.length;
          return content;
        }
      }
      return null;
    } catch (error) {
      if (error instanceof HttpError) this.#contentBroken = true;
      throw error;
    }
  }

  /** For the handler: the whole content, when it has a length and is here. What else there is to say `nextContent` says. */
  tryContent(request: HttpRequest): Uint8Array | undefined {
    const { contentLength } = request.head;
    if (request !== this.#request || !this.#contentLeft || this.#contentBytes > 0) return undefined;
    if (contentLength < 0 || this.#parser.bufferedBytes < contentLength) return undefined;
    const content = this.#parser.next() as Content;
    // The end follows at once.
    this.#parser.next();
    this.#contentLeft = false;
    this.#continueWanted = false;
    this.#contentBytes = content.length;
    return content;
  }

  /** Waits for more of the content. Only this time counts as the client's. */
  async #receiveContent(): Promise<void> {
    const phase = this.#phase;
    this.#enter("content");
    this.#contentWaitSinceMs = monotonicMs();
    try {
      if (this.#continueWanted) this.#writer.add(CONTINUE_HEAD);
      this.#continueWanted = false;
      const flushed = this.#writer.flush();
      if (flushed !== undefined) await flushed;
      const bytes = await this.#connection.read();
      if (bytes === null) throw contentIncomplete("the end of the connection");
      this.#parser.push(bytes);
    } catch (cause) {
      throw isGone(cause) ? contentIncomplete("the connection gone", cause) : cause;
    } finally {
      this.#contentWaitedMs += monotonicMs() - this.#contentWaitSinceMs;
      this.#enter(phase);
    }
  }

  /** Decides about content that the handler left: small content is dropped as it comes, other content ends it all. */
  #leaveContent(head: RequestHead): void {
    this.#contentLeft = false;
    const leftBytes = head.contentLength - this.#contentBytes;
    if (this.#continueWanted || this.#contentBroken || leftBytes > this.#server.limits.maxDiscardBytes) {
      this.#finished = true;
    } else this.#discardLeft = this.#server.limits.maxDiscardBytes;
  }

  /** Whether more of the client's requests has arrived. */
  #hasMore(): boolean {
    if (this.#parser.bufferedBytes > 0) return true;
    const bytes = this.#connection.closed ? undefined : this.#connection.tryRead();
    if (!(bytes instanceof Uint8Array)) return false;
    this.#parser.push(bytes);
    return true;
  }

  /** Answers a request. False when its content is sent by the coroutine. */
  #answer(request: HttpRequest, reply: Reply): boolean {
    const { head } = request;
    const server = this.#server;
    const last = this.#requests >= server.limits.maxRequestsPerConnection;
    if (!head.keepAlive || last || this.#verdict !== undefined) this.#finished = true;
    else if (server.drainingSinceMs !== undefined && !this.#hasMore()) this.#finished = true;
    const { content } = reply;
    let { status } = reply;
    let contentBytes = 0;
    let stream: AsyncIterable<string | Uint8Array> | undefined;
    try {
      if (content !== undefined && isStream(content)) stream = content;
      if (status === SWITCHING_PROTOCOLS) this.#startUpgrade(request, reply);
      if (this.#contentLeft && stream === undefined) this.#leaveContent(head);
      if (content !== undefined && (isStream(content) || content.length > WHOLE_CONTENT_LENGTH)) {
        this.#startStream(request, reply, content);
        return false;
      }
      contentBytes = this.#writeWhole(reply, head.method, head.minor);
    } catch (error) {
      // The handler's reply cannot be sent as it is: a field with a line end, a status out of range.
      this.#upgraded = undefined;
      this.#unsent = stream;
      if (this.#contentLeft) this.#leaveContent(head);
      ({ status, contentBytes } = this.#writeFault(faultOf(error), request));
    }
    this.#replied(request, status, contentBytes, !this.#connection.closed);
    if (this.#upgraded !== undefined) this.#finished = true;
    if (this.#unsent !== undefined) return false;
    return !this.#writer.isDue || this.#writer.tryFlush();
  }

  /** Checks that the protocol may be switched here. It is, once the reply has gone out. */
  #startUpgrade(request: HttpRequest, { upgrade, content }: Reply): void {
    const { protocol = "", serve } = upgrade ?? {};
    const isOffered = request.upgrades.some((offered) => offered.toLowerCase() === protocol.toLowerCase());
    if (serve === undefined || content !== undefined || this.#contentLeft || !isOffered) {
      throw new TypeError(
        `Cannot switch to "${protocol}": wanted a protocol that the client offers, a serve(), no content, and the request's read`,
      );
    }
    this.#upgraded = { request, serve };
  }

  #replied(request: HttpRequest, status: number, contentBytes: number, complete: boolean): void {
    this.#request = undefined;
    if (TRACE) ended("request", request);
    const { onReply } = this.#server;
    if (onReply === undefined) return;
    try {
      onReply({ request, status, contentBytes, durationMs: monotonicMs() - this.#requestStartedMs, complete });
    } catch (error) {
      this.#server.failed(error, request);
    }
  }

  #headText(reply: Reply, framing: ContentFraming, minor: 0 | 1): string {
    return serializeHead({
      status: reply.status,
      fields: fieldsText(reply.fields) + (this.#request?.addedReplyFields ?? "") + this.#server.commonFields,
      framing,
      minor,
      keepAlive: !this.#finished,
      upgrade: reply.upgrade?.protocol,
      date: this.#server.date(),
    });
  }

  /** Adds a reply with all its content. Gives the bytes of content; throws for a reply that cannot be serialized. */
  #writeWhole(reply: Reply, method: string, minor: 0 | 1): number {
    const { content } = reply;
    let text = "";
    if (content !== undefined && typeof content !== "string" && !(content instanceof Uint8Array)) {
      throw new TypeError("Cannot reply: found a stream, wanted text or bytes in an error reply");
    }
    if (content !== undefined && content.length > 0) {
      if (typeof content !== "string") text = latin1Of(content);
      // Text whose UTF-8 is as long as it is ASCII, which latin1 leaves as it is; other text is transcoded once.
      else text = Buffer.byteLength(content) === content.length ? content : latin1Of(Buffer.from(content));
    }
    const { status } = reply;
    const isBare = status === 204 || status === SWITCHING_PROTOCOLS || (status === 304 && content === undefined);
    const framing = isBare ? "none" : text.length;
    const head = this.#headText(reply, framing, minor);
    const sent = allowsContent(method, reply.status);
    this.#replyStarted = true;
    this.#writer.add(sent ? head + text : head);
    return sent ? text.length : 0;
  }

  /** Adds the reply to a fault, whatever becomes of the application's own. */
  #writeFault(error: HttpError, request: HttpRequest | undefined): { status: number; contentBytes: number } {
    const reply = this.#server.errorReply(error, request);
    const method = request?.method ?? "GET";
    const minor = request?.head.minor ?? 1;
    try {
      return { status: reply.status, contentBytes: this.#writeWhole(reply, method, minor) };
    } catch (failure) {
      this.#server.failed(failure, request);
      return { status: error.status, contentBytes: this.#writeWhole(plainErrorReply(error), method, minor) };
    }
  }

  /** Begins a reply that the coroutine sends. A head that cannot be serialized throws here, before anything is out. */
  #startStream(request: HttpRequest, reply: Reply, content: ReplyContent): void {
    const { head } = request;
    const { status } = reply;
    const whole = typeof content === "string" ? Buffer.from(content) : content;
    const length = whole instanceof Uint8Array ? whole.length : reply.contentLength;
    let framing: ContentFraming = status === 204 ? "none" : (length ?? "none");
    if (framing === "none" && allowsContent(head.method, status)) framing = head.minor === 1 ? "chunked" : "close";
    // A reply that says yes may be made of the content, which could not be asked for any more after its head.
    const asks = this.#continueWanted && status < 300;
    if (framing === "close" || (this.#continueWanted && !asks)) this.#finished = true;
    const text = this.#headText(reply, framing, head.minor);
    if (asks) this.#continueWanted = false;
    this.#writer.add(asks ? CONTINUE_HEAD + text : text);
    this.#replyStarted = true;
    this.#streaming = {
      request,
      status,
      content: whole instanceof Uint8Array ? once(whole) : ownStream(whole),
      framing,
    };
  }

  async #sendStream(stream: StreamedReply): Promise<void> {
    const { request, status, framing } = stream;
    this.#streaming = undefined;
    this.#enter("replying");
    const sent = { contentBytes: 0 };
    let complete = false;
    try {
      const flushed = this.#writer.flush();
      if (flushed !== undefined) await flushed;
      if (allowsContent(request.method, status)) await this.#sendPieces(stream, sent);
      else await endUnread(stream.content);
      complete = !this.#connection.closed;
    } catch (error) {
      // The head is out: only an end before its time tells the client that the content is not whole.
      this.#finished = true;
      this.#writer.drop();
      if (framing === "close") this.#connection.destroy({ reset: true });
      if (error instanceof Cancelled) throw error;
      const isClients = error instanceof HttpError || (isGone(error) && this.#connection.closed);
      if (!isClients) this.#server.failed(error, request);
    } finally {
      if (this.#contentLeft) this.#leaveContent(request.head);
      this.#replied(request, status, sent.contentBytes, complete);
    }
    if (liveChildren() === 0) return;
    this.#leaving = true;
    this.#enter("handling");
  }

  async #sendPieces({ content, framing }: StreamedReply, sent: { contentBytes: number }): Promise<void> {
    for await (const piece of content) {
      const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
      if (!(bytes instanceof Uint8Array)) {
        throw new TypeError(`Cannot send content: found a piece that is ${typeof piece}, wanted text or bytes`);
      }
      if (bytes.length === 0) continue;
      if (typeof framing === "number" && sent.contentBytes + bytes.length > framing) {
        throw new RangeError(`Cannot send content: found more bytes than its contentLength, ${framing}`);
      }
      sent.contentBytes += bytes.length;
      await this.#writer.addPiece(bytes, framing === "chunked");
      this.#enter("replying");
    }
    if (framing === "chunked") this.#writer.add(LAST_CHUNK);
    if (typeof framing === "number" && sent.contentBytes < framing) {
      throw new RangeError(`Cannot send content: found ${sent.contentBytes} bytes, contentLength is ${framing}`);
    }
  }

  /** What is to be said at the end: of a limit, or of a request that nobody will answer any more. */
  #lastWords(): HttpError | undefined {
    const verdict = this.#verdict;
    if (verdict !== undefined) return verdict.request === this.#request ? verdict.error : undefined;
    if (this.#request === undefined || this.#replyStarted) return undefined;
    return new HttpError("ERR_HTTP_SHUTDOWN", "Cannot answer: the server closes");
  }

  /** The connection's last words, and its end. */
  async #finish(): Promise<void> {
    this.#finished = true;
    const connection = this.#connection;
    const request = this.#request;
    const error = connection.closed ? undefined : this.#lastWords();
    let said = { status: 499, contentBytes: 0 };
    if (error !== undefined) said = this.#writeFault(error, request);
    if (request !== undefined) this.#replied(request, said.status, said.contentBytes, error !== undefined);
    this.#phase = "closed";
    if (connection.closed) return connection.destroy();
    if (!this.#writer.tryFlush()) connection.destroy();
    await connection.close({ lingerMs: this.#server.limits.lingerMs });
  }
}
