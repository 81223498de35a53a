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

import { checkFieldLine, TOKEN_CHARACTERS, VALUE_CHARACTERS } from "./fields.ts";
import { HttpError, quote } from "./http-error.ts";
import { defaultMessageLimits, resolveMessageLimits } from "./limits.ts";
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
  `(?!CONNECT )[${TOKEN_CHARACTERS}]+ /[!"$-~]* HTTP/1\\.[01]\\r\\n(?:[${TOKEN_CHARACTERS}]+:[${VALUE_CHARACTERS}]*\\r\\n)*\\r\\n`,
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
const NO_BYTES = Buffer.alloc(0);
const SMALLEST_BUFFER_BYTES = 1_024;

const HTAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const DEL = 127;

/**
 * Reads the requests of one connection.
 *
 * Push bytes as they arrive, then call `next` until it returns `NEED_DATA`. A `RequestHead` with `hasContent` is
 * followed by content pieces and one `MessageEnd`; one without it is the whole message, and no `MessageEnd` follows.
 * What is pushed is kept until `next` has returned it, so the caller bounds it by not pushing while it does not read.
 * When the peer's stream ends, a `state` other than `"idle"` says that a message was cut off.
 *
 * `next` throws `HttpError` for a message that cannot be served, and the same error at every later call; `push` then
 * drops what it is given. The constructor throws `RangeError` as `resolveMessageLimits` does.
 *
 * @example
 * const parser = new RequestParser();
 * parser.push(bytes);
 * for (let event = parser.next(); event !== NEED_DATA; event = parser.next()) {
 *   if (event instanceof RequestHead) console.log(event.method, event.target);
 * }
 */
export class RequestParser {
  readonly #limits: Readonly<MessageLimits>;
  #phase: Phase = "head";
  #error: unknown;

  /** Bytes from `#start` up to `#end` are unread. Memory before `#end` is never written again: views of it are out. */
  #buffer: Buffer = NO_BYTES;
  #start = 0;
  #end = 0;
  /** Whether the parser allocated `#buffer` and may write behind `#end`. */
  #isOwned = false;
  /** Bytes behind `#start` that hold no complete line, so that each byte is looked at once. */
  #scanned = 0;

  /** The text of `#buffer` from `#textStart` on; heads that arrived together share it. */
  #text = "";
  #textStart = 0;

  /** Checked lines of the head or trailer section that the line reader is in, with their line ends. */
  #lines = "";
  #fields = 0;
  #skippedEmptyLine = false;

  /** Content bytes that are still to come: of the message, or of the chunk. */
  #remaining = 0;
  #contentBytes = 0;
  #extensionBytes = 0;

  constructor(limits?: Partial<MessageLimits>) {
    this.#limits = limits === undefined ? defaultMessageLimits : resolveMessageLimits(limits);
  }

  /** How many pushed bytes no event has covered yet. */
  get bufferedBytes(): number {
    return this.#end - this.#start;
  }

  /**
   * `"idle"` between messages with nothing of the next one, `"head"` when part of a head is here, `"content"` from a
   * head with `hasContent` to its `MessageEnd`, `"failed"` after a fault.
   */
  get state(): ParserState {
    if (this.#phase === "failed") return "failed";
    if (this.#phase !== "head") return "content";
    return this.#lines === "" && this.#start === this.#end ? "idle" : "head";
  }

  /** Hands bytes over. The parser keeps a view of them: the caller does not write to that memory again. */
  push(bytes: Uint8Array): void {
    if (this.#phase === "failed" || bytes.length === 0) return;
    this.#text = "";
    if (this.#start === this.#end) {
      this.#buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#start = 0;
      this.#end = bytes.length;
      this.#isOwned = false;
      return;
    }
    const needed = this.#end - this.#start + bytes.length;
    if (!this.#isOwned || this.#end + bytes.length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(SMALLEST_BUFFER_BYTES, needed * 2));
      this.#buffer.copy(grown, 0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
      this.#buffer = grown;
      this.#isOwned = true;
    }
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
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
      this.#fail(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    this.#phase = "failed";
    this.#error = error;
    this.#lines = "";
    this.#release();
  }

  /** Lets go of memory, so that an idle connection holds none. */
  #release(): void {
    this.#buffer = NO_BYTES;
    this.#start = this.#end = 0;
    this.#text = "";
  }

  #nextHead(): RequestHead | typeof NEED_DATA {
    if (this.#lines === "" && this.#scanned === 0) {
      if (!this.#skipEmptyLine()) return NEED_DATA;
      const head = this.#readWholeHead();
      if (head !== undefined) return this.#begin(head);
    }
    if (!this.#readHeadLines()) return NEED_DATA;
    const head = new RequestHead(this.#lines, 0, this.#lines.length, this.#limits);
    return this.#begin(head);
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
    if (this.#start === this.#end) {
      this.#release();
      return false;
    }
    const first = this.#buffer[this.#start];
    if (first === LF) throw loneLineEnd("LF");
    if (first !== CR) return true;
    if (this.#end - this.#start < 2) return false;
    if (this.#buffer[this.#start + 1] !== LF) throw loneLineEnd("CR");
    if (this.#skippedEmptyLine) {
      throw new HttpError("ERR_HTTP_EMPTY_LINE", "Cannot read request: found two empty lines before it, wanted one");
    }
    this.#skippedEmptyLine = true;
    this.#start += 2;
    return this.#skipEmptyLine();
  }

  /** The head at `#start` when all of it is here and sound; the line reader decides about any other. */
  #readWholeHead(): RequestHead | undefined {
    let at = this.#start - this.#textStart;
    if (this.#text === "" || !matchesHead(this.#text, at)) {
      if (this.#text !== "" && at === 0) return undefined;
      // Decode no more than a head may have, so that whatever matches is within the limit.
      this.#text = this.#decode(this.#start, Math.min(this.#end, this.#start + this.#limits.maxHeaderBytes));
      this.#textStart = this.#start;
      at = 0;
      if (!matchesHead(this.#text, at)) return undefined;
    }
    const head = new RequestHead(this.#text, at, WHOLE_HEAD.lastIndex, this.#limits);
    this.#start = this.#textStart + WHOLE_HEAD.lastIndex;
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

  #checkField(line: string): void {
    this.#fields++;
    if (this.#fields > this.#limits.maxFields) throw tooManyFields(this.#limits);
    checkFieldLine(line);
  }

  /** As `#readLine`, and refuses a target at the byte that makes it too long, be it the last that arrives. */
  #readRequestLine(left: number): string | undefined {
    const methodEnd = this.#buffer.indexOf(SPACE, this.#start);
    if (methodEnd !== -1 && methodEnd < this.#end) {
      const lastEnd = methodEnd + 1 + this.#limits.maxTargetBytes;
      const targetEnd = this.#buffer.indexOf(SPACE, methodEnd + 1);
      const isWithin = targetEnd !== -1 && targetEnd < this.#end && targetEnd <= lastEnd;
      const targetLeft = lastEnd + 1 - this.#start;
      if (!isWithin && targetLeft <= left) return this.#readLine(targetLeft, targetTooLong);
    }
    return this.#readLine(left, headTooLarge);
  }

  /**
   * Takes the next line without its CRLF; `undefined` when its end is not here yet. The line with its end must fit into
   * `limitBytes`, else the fault is `tooLong`. Faults show at the byte that makes them certain.
   */
  #readLine(limitBytes: number, tooLong: LimitFault): string | undefined {
    const bytes = this.#buffer;
    const stop = Math.min(this.#end, this.#start + limitBytes);
    let at = this.#start + this.#scanned;
    for (; at < stop; at++) {
      const byte = bytes[at] as number;
      if ((byte > 31 && byte !== DEL) || byte === HTAB) continue;
      if (byte === CR && at + 1 === stop) break;
      if (byte === CR && bytes[at + 1] === LF) {
        const line = this.#decode(this.#start, at);
        this.#start = at + 2;
        this.#scanned = 0;
        return line;
      }
      if (byte === CR || byte === LF) throw loneLineEnd(byte === CR ? "CR" : "LF");
      const message = `Cannot read line: found control byte 0x${byte.toString(16).padStart(2, "0")}, wanted none but HTAB`;
      throw new HttpError("ERR_HTTP_CONTROL_BYTE", message);
    }
    if (this.#end - this.#start >= limitBytes) throw tooLong(this.#limits);
    this.#scanned = at - this.#start;
    return undefined;
  }

  #nextFixed(): Content | MessageEnd | typeof NEED_DATA {
    if (this.#remaining > 0) return this.#takeContent();
    this.#phase = "head";
    return NO_TRAILERS;
  }

  #takeContent(): Content | typeof NEED_DATA {
    const length = Math.min(this.#remaining, this.#end - this.#start);
    if (length === 0) return NEED_DATA;
    const piece = this.#buffer.subarray(this.#start, this.#start + length);
    this.#start += length;
    this.#remaining -= length;
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
          if (!this.#readChunkEnd()) return NEED_DATA;
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
    if (size > this.#limits.maxContentBytes - this.#contentBytes) {
      const message = `Cannot read content: found a chunk of ${size} bytes after ${this.#contentBytes}, limit is ${this.#limits.maxContentBytes}`;
      throw new HttpError("ERR_HTTP_CONTENT_TOO_LARGE", message);
    }
    this.#extensionBytes += extensions.length;
    this.#contentBytes += size;
    this.#remaining = size;
    return true;
  }

  #readChunkEnd(): boolean {
    const length = this.#end - this.#start;
    if (length === 0) return false;
    const isSound = this.#buffer[this.#start] === CR && (length === 1 || this.#buffer[this.#start + 1] === LF);
    if (!isSound) throw new HttpError("ERR_HTTP_CHUNK", "Cannot read chunk: found no CRLF where its data ends");
    if (length === 1) return false;
    this.#start += 2;
    return true;
  }

  #readTrailers(): MessageEnd | typeof NEED_DATA {
    for (;;) {
      const left = this.#limits.maxTrailerBytes - this.#lines.length;
      const line = this.#readLine(left, trailersTooLarge);
      if (line === undefined) return NEED_DATA;
      if (line === "") break;
      this.#checkField(line);
      const name = line.slice(0, line.indexOf(":")).toLowerCase();
      if (FORBIDDEN_TRAILERS.has(name)) {
        throw new HttpError(
          "ERR_HTTP_TRAILER_FORBIDDEN",
          `Cannot accept trailer ${quote(name)}: it must stand in the head`,
        );
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

  #decode(start: number, end: number): string {
    return this.#buffer.toString("latin1", start, end);
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

function trailersTooLarge({ maxTrailerBytes }: Readonly<MessageLimits>): HttpError {
  return new HttpError("ERR_HTTP_TRAILERS_TOO_LARGE", `Cannot read trailers: found more than ${maxTrailerBytes} bytes`);
}

function chunkLineTooLong({ maxChunkExtensionBytes }: Readonly<MessageLimits>): HttpError {
  const message = `Cannot read chunk line: found more than a size and ${maxChunkExtensionBytes} bytes of extensions in all`;
  return new HttpError("ERR_HTTP_CHUNK_LINE_TOO_LONG", message);
}

function loneLineEnd(found: "CR" | "LF"): HttpError {
  return new HttpError("ERR_HTTP_LINE_END", `Cannot read line: found ${found} alone, wanted CRLF`);
}
