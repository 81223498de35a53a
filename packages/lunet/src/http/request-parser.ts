/**
 * The request side of HTTP/1.1 (RFC 9112): bytes in, events out, without I/O and without a clock.
 *
 * Rules:
 * - The events, and the fault with the byte at which it shows, depend on the bytes alone and never on how they were cut
 *   into pieces. Content pieces are the exception: they end where the pushed bytes end.
 * - Lines end with CRLF. Nothing that two readers could frame differently is accepted (RFC 9112 section 11.2).
 * - A head that arrives whole is checked by one regular expression. Any other, and any that fails it, goes through the
 *   line reader, which alone decides what the fault is.
 * - After a fault nothing is read any more: where the next message starts is no longer known.
 *
 *   head ─┬─ no content ────────────────────────────────────────────────► head
 *         ├─ Content-Length ─► fixed ───────────────────────────────────► head
 *         └─ chunked ─► size ─► data ─► dataEnd ─► size … size 0 ─► trailers ─► head
 *   any ─► failed
 */

import { ByteQueue } from "./byte-queue.ts";
import { checkFieldLine, TOKEN_CHARACTERS, VALUE_CHARACTERS } from "./fields.ts";
import { HttpError, quote } from "./http-error.ts";
import { defaultMessageLimits } from "./limits.ts";
import type { MessageLimits } from "./limits.ts";
import { checkRequestLine, readFieldLines, RequestHead, targetTooLong, tooManyFields } from "./request-head.ts";

export { RequestHead } from "./request-head.ts";

/** What `next` returns when the bytes so far hold no further event. */
export const NEED_DATA: unique symbol = Symbol("NEED_DATA");

/** The end of a message whose head has `hasContent`. */
export class MessageEnd {
  /** Trailer fields (RFC 9110 section 6.5), names in lower case, in order. */
  readonly trailers: ReadonlyArray<readonly [name: string, value: string]>;

  constructor(trailers: ReadonlyArray<readonly [name: string, value: string]>) {
    this.trailers = trailers;
  }
}

/** A piece of content: a view of pushed bytes, never empty, which the receiver may keep. */
export type Content = Uint8Array;

export type ParserEvent = typeof NEED_DATA | RequestHead | Content | MessageEnd;

/** Where the parser stands, for the server's deadlines. */
export type ParserState = "idle" | "head" | "content" | "failed";

type LimitFault = (limits: Readonly<MessageLimits>) => HttpError;

type Phase = "head" | "fixed" | "size" | "data" | "dataEnd" | "trailers" | "failed";

/**
 * A whole head with a target in origin-form, which CONNECT has none of. Each class excludes what follows it, so that
 * matching takes linear time.
 */
const WHOLE_HEAD = new RegExp(
  `(?!CONNECT )[${TOKEN_CHARACTERS}]+ /[!"$&->@-\\[\\]-~]*(?:%(?!0[0AaDd])[!"$&->@-\\[\\]-~]*)*(?:\\?[!"$-~]*)? HTTP/1\\.[01]\\r\\n(?:[${TOKEN_CHARACTERS}]+:[${VALUE_CHARACTERS}]*\\r\\n)*\\r\\n`,
  "y",
);
const CHUNK_SIZE = /^[0-9A-Fa-f]{1,16}$/;
/** Strict RFC 9112 section 7.1.1: no white space around `;` and `=`. */
const CHUNK_EXTENSIONS = new RegExp(
  `^(?:;[${TOKEN_CHARACTERS}]+(?:=(?:[${TOKEN_CHARACTERS}]+|"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[${VALUE_CHARACTERS}])*"))?)*$`,
);
const MAX_CHUNK_SIZE_DIGITS = 16;

/** Fields that decide on framing, routing, the sender's identity or how content is read (RFC 9110 section 6.5.1). */
const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set([
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "keep-alive",
  "max-forwards",
  "origin",
  "pragma",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

const NO_TRAILERS = new MessageEnd([]);
const CR = 13;
const LF = 10;
const SPACE = 32;

/**
 * Reads the requests of one connection.
 *
 * Push bytes as they arrive, then call `next` until it returns `NEED_DATA`. A `RequestHead` with `hasContent` is
 * followed by content pieces and one `MessageEnd`; one without it is the whole message, and no `MessageEnd` follows.
 * What is pushed is kept until `next` has returned it, so the caller bounds it by not pushing while it does not read.
 * When the peer's stream ends, a `state` other than `"idle"` says that a message was cut off.
 *
 * `next` throws `HttpError` for a message that cannot be served, and the same error at every later call; `push` then
 * drops what it is given.
 *
 * @example
 * ```ts
 * import { NEED_DATA, RequestHead, RequestParser } from "./request-parser.ts";
 * const parser = new RequestParser();
 * parser.push(Buffer.from("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"));
 * for (let event = parser.next(); event !== NEED_DATA; event = parser.next()) {
 *   if (event instanceof RequestHead) console.log(event.method, event.target, event.field("host")); // GET /a localhost
 * }
 * ```
 */
export class RequestParser {
  readonly #limits: Readonly<MessageLimits>;
  readonly #queue = new ByteQueue();
  #phase: Phase = "head";
  #error: unknown;

  /** Text of the stream from `#textOffset` on; heads that arrived together share it. */
  #text = "";
  #textOffset = 0;

  /** Checked lines of the head or trailer section that is read line by line, with their line ends. */
  #lines = "";
  #fields = 0;
  #skippedEmptyLine = false;

  /** Content bytes that are still to come: of the message, or of the chunk. */
  #remaining = 0;
  #contentBytes = 0;
  #extensionBytes = 0;

  /** @param limits Checked by whoever has them: a server's are, once, at its start. */
  constructor(limits: Readonly<MessageLimits> = defaultMessageLimits) {
    this.#limits = limits;
  }

  /** How many pushed bytes no event has covered yet. */
  get bufferedBytes(): number {
    return this.#queue.length;
  }

  /**
   * `"idle"` between messages with nothing of the next one, `"head"` when part of a head is here, `"content"` from a
   * head with `hasContent` to its `MessageEnd`, `"failed"` after a fault.
   */
  get state(): ParserState {
    if (this.#phase === "failed") return "failed";
    if (this.#phase !== "head") return "content";
    return this.#lines === "" && this.#queue.length === 0 ? "idle" : "head";
  }

  /** Hands bytes over. The parser keeps a view of them: the caller does not write to that memory again. */
  push(bytes: Uint8Array): void {
    if (this.#phase !== "failed" && bytes.length > 0) this.#queue.push(bytes);
  }

  /** Gives the bytes that no event has covered, for another protocol. Nothing is read any more. */
  detach(): Uint8Array {
    const rest = this.#queue.take(this.#queue.length);
    this.#phase = "failed";
    this.#error = new TypeError("Cannot read a request: found the connection given to another protocol");
    this.#lines = this.#text = "";
    this.#queue.release();
    return rest;
  }

  /** The next event, or `NEED_DATA`. */
  next(): ParserEvent {
    try {
      switch (this.#phase) {
        case "head":
          return this.#nextHead();
        case "fixed":
          return this.#nextFixed();
        case "failed":
          throw this.#error;
        default:
          return this.#nextChunked();
      }
    } catch (error) {
      this.#phase = "failed";
      this.#error = error;
      this.#lines = this.#text = "";
      this.#queue.release();
      throw error;
    }
  }

  #nextHead(): RequestHead | typeof NEED_DATA {
    if (this.#lines === "" && !this.#queue.hasLineBegun) {
      if (!this.#skipEmptyLine()) return NEED_DATA;
      const head = this.#readWholeHead();
      if (head !== undefined) return this.#begin(head);
    }
    if (!this.#readHeadLines()) return NEED_DATA;
    return this.#begin(new RequestHead(this.#lines, 0, this.#lines.length, this.#limits));
  }

  #begin(head: RequestHead): RequestHead {
    this.#lines = "";
    this.#fields = 0;
    this.#skippedEmptyLine = false;
    this.#contentBytes = 0;
    this.#extensionBytes = 0;
    this.#remaining = head.contentLength;
    if (head.hasContent) this.#phase = head.chunked ? "size" : "fixed";
    return head;
  }

  /** RFC 9112 section 2.2 lets one empty line stand before a request line. Returns whether a request line may start. */
  #skipEmptyLine(): boolean {
    for (;;) {
      const first = this.#queue.at(0);
      if (first !== undefined && first !== CR && first !== LF) return true;
      if (first === undefined) {
        // An idle connection holds no memory.
        this.#queue.release();
        this.#text = "";
        return false;
      }
      if (!this.#queue.readLineEnd()) return false;
      if (this.#skippedEmptyLine) {
        throw new HttpError("ERR_HTTP_EMPTY_LINE", "Cannot read request: found two empty lines before it, wanted one");
      }
      this.#skippedEmptyLine = true;
    }
  }

  /** The head at the front when all of it is here and sound; reading it line by line decides about any other. */
  #readWholeHead(): RequestHead | undefined {
    let start = this.#queue.offset - this.#textOffset;
    if (!matchesHead(this.#text, start)) {
      // Decode no more than a head may have, so that whatever matches is within the limit.
      this.#text = this.#queue.text(this.#limits.maxHeaderBytes);
      this.#textOffset = this.#queue.offset;
      start = 0;
      if (!matchesHead(this.#text, start)) return undefined;
    }
    const end = WHOLE_HEAD.lastIndex;
    const head = new RequestHead(this.#text, start, end, this.#limits);
    this.#queue.skip(end - start);
    return head;
  }

  /** Reads and checks lines until the empty one. Returns whether the head is complete; it is in `#lines` then. */
  #readHeadLines(): boolean {
    for (;;) {
      const isFirst = this.#lines === "";
      const left = this.#limits.maxHeaderBytes - this.#lines.length;
      const line = isFirst ? this.#readRequestLine(left) : this.#readLine(left, headTooLarge);
      if (line === undefined) return false;
      if (isFirst) checkRequestLine(line);
      else if (line !== "") this.#checkField(line);
      this.#lines += `${line}\r\n`;
      if (line === "") return true;
    }
  }

  /** As `#readLine`, and refuses a target at the byte that makes it too long, be it the last that arrives. */
  #readRequestLine(left: number): string | undefined {
    const targetStart = this.#queue.indexOf(SPACE, 0) + 1;
    if (targetStart === 0 || targetStart > left) return this.#readLine(left, methodTooLong);
    const targetEnd = this.#queue.indexOf(SPACE, targetStart);
    const lastEnd = targetStart + this.#limits.maxTargetBytes;
    const isWithin = targetEnd !== -1 && targetEnd <= lastEnd;
    if (!isWithin && lastEnd < left) return this.#readLine(lastEnd + 1, targetTooLong);
    return this.#readLine(left, headTooLarge);
  }

  /**
   * Takes the next line without its CRLF; `undefined` when its end is not here yet. The line with its end must fit into
   * `limitBytes`, else the fault is `tooLong`.
   */
  #readLine(limitBytes: number, tooLong: LimitFault): string | undefined {
    const line = this.#queue.readLine(limitBytes);
    if (line === undefined && this.#queue.length >= limitBytes) throw tooLong(this.#limits);
    return line;
  }

  #checkField(line: string): void {
    this.#fields++;
    if (this.#fields > this.#limits.maxFields) throw tooManyFields(this.#limits);
    checkFieldLine(line);
  }

  #nextFixed(): Content | MessageEnd | typeof NEED_DATA {
    if (this.#remaining > 0) return this.#takeContent();
    this.#phase = "head";
    return NO_TRAILERS;
  }

  #takeContent(): Content | typeof NEED_DATA {
    if (this.#queue.length === 0) return NEED_DATA;
    const piece = this.#queue.take(this.#remaining);
    this.#remaining -= piece.length;
    return piece;
  }

  #nextChunked(): Content | MessageEnd | typeof NEED_DATA {
    for (;;) {
      switch (this.#phase) {
        case "size":
          if (!this.#readChunkSize()) return NEED_DATA;
          this.#phase = this.#remaining === 0 ? "trailers" : "data";
          break;
        case "data": {
          const piece = this.#takeContent();
          if (this.#remaining === 0) this.#phase = "dataEnd";
          return piece;
        }
        case "dataEnd":
          if (!this.#queue.readLineEnd()) return NEED_DATA;
          this.#phase = "size";
          break;
        default:
          return this.#readTrailers();
      }
    }
  }

  #readChunkSize(): boolean {
    const extensionsLeft = this.#limits.maxChunkExtensionBytes - this.#extensionBytes;
    const line = this.#readLine(MAX_CHUNK_SIZE_DIGITS + extensionsLeft + 2, chunkLineTooLong);
    if (line === undefined) return false;
    const semicolon = line.indexOf(";");
    const digits = semicolon === -1 ? line : line.slice(0, semicolon);
    const extensions = line.slice(digits.length);
    const size = CHUNK_SIZE.test(digits) ? Number.parseInt(digits, 16) : -1;
    if (!Number.isSafeInteger(size) || size < 0 || !CHUNK_EXTENSIONS.test(extensions)) {
      const message = `Cannot parse chunk line ${quote(line)}: wanted 1 to 16 hex digits up to 2^53-1, then extensions`;
      throw new HttpError("ERR_HTTP_CHUNK", message);
    }
    if (extensions.length > extensionsLeft) throw chunkLineTooLong(this.#limits);
    const { maxContentBytes } = this.#limits;
    if (size > maxContentBytes - this.#contentBytes) {
      const found = `found a chunk of ${size} bytes after ${this.#contentBytes}`;
      throw new HttpError("ERR_HTTP_CONTENT_TOO_LARGE", `Cannot read content: ${found}, limit is ${maxContentBytes}`);
    }
    this.#extensionBytes += extensions.length;
    this.#contentBytes += size;
    this.#remaining = size;
    return true;
  }

  #readTrailers(): MessageEnd | typeof NEED_DATA {
    for (;;) {
      const line = this.#readLine(this.#limits.maxTrailerBytes - this.#lines.length, trailersTooLarge);
      if (line === undefined) return NEED_DATA;
      if (line === "") break;
      this.#checkField(line);
      const name = line.slice(0, line.indexOf(":")).toLowerCase();
      if (FORBIDDEN_TRAILERS.has(name)) {
        const message = `Cannot accept trailer ${quote(name)}: wanted it in the head`;
        throw new HttpError("ERR_HTTP_TRAILER_FORBIDDEN", message);
      }
      this.#lines += `${line}\r\n`;
    }
    this.#phase = "head";
    if (this.#lines === "") return NO_TRAILERS;
    const trailers = readFieldLines(this.#lines, 0, this.#lines.length);
    this.#lines = "";
    this.#fields = 0;
    return new MessageEnd(trailers);
  }
}

/** Whether a whole head starts at `at`; it ends at `WHOLE_HEAD.lastIndex` then. */
function matchesHead(text: string, at: number): boolean {
  WHOLE_HEAD.lastIndex = at;
  return WHOLE_HEAD.test(text);
}

function headTooLarge({ maxHeaderBytes }: Readonly<MessageLimits>): HttpError {
  return new HttpError("ERR_HTTP_HEADERS_TOO_LARGE", `Cannot read head: found more than ${maxHeaderBytes} bytes`);
}

function methodTooLong({ maxHeaderBytes }: Readonly<MessageLimits>): HttpError {
  return new HttpError("ERR_HTTP_METHOD", `Cannot read method: found no end within ${maxHeaderBytes} bytes`);
}

function trailersTooLarge({ maxTrailerBytes }: Readonly<MessageLimits>): HttpError {
  return new HttpError("ERR_HTTP_TRAILERS_TOO_LARGE", `Cannot read trailers: found more than ${maxTrailerBytes} bytes`);
}

function chunkLineTooLong({ maxChunkExtensionBytes }: Readonly<MessageLimits>): HttpError {
  const message = `Cannot read chunk line: found more than a size and ${maxChunkExtensionBytes} bytes of extensions in all`;
  return new HttpError("ERR_HTTP_CHUNK_LINE_TOO_LONG", message);
}
