/**
 * A request's head, once its bytes are known to follow the grammar: request line, fields, and what they say about the
 * framing of the content (RFC 9112 sections 3, 6 and 9.3).
 *
 * Only the fields that decide on host, framing and the connection are read here, in one walk over the lines. Others
 * stay text until somebody asks for them.
 *
 * Faults are reported in a fixed order, whatever the order of the lines: target too long, too
 * many fields, disguised name, Host, framing, content too large, the rest.
 */

import { isFieldNamed, isToken, sliceValue, splitList } from "./fields.ts";
import { isHost } from "./host.ts";
import { HttpError, quote } from "./http-error.ts";
import type { MessageLimits } from "./limits.ts";

/** The form of an absolute request target that this server can be the origin of (RFC 9110 section 4.2). */
const ABSOLUTE_FORM = /^https?:\/\/([^/?@]+)(?:[/?]|$)/i;
/** Without zeros in front, which some readers take for octal. */
const LENGTH = /^(?:0|[1-9][0-9]*)$/;
/** In a path: what some file systems take for a slash, and NUL, LF and CR in disguise. */
const DECEIT = /^[^?]*(?:\\|%0[0ad])/i;
/** A transfer coding with optional parameters (RFC 9112 section 7). */
const CODING = /^([^\s;]+)(?:[ \t]*;[ \t]*[^\s;=]+[ \t]*=[ \t]*(?:[^\s;",=]+|"[^"\\]*"))*$/;

const H = 104;
const C = 99;
const T = 116;
const E = 101;
const DIGIT_ONE = 49;
/** " HTTP/1.1" and CRLF. */
const VERSION_BYTES = 11;

/**
 * The head of a request.
 *
 * Values are text with one character per byte (latin1), as the wire has them. It is made by `RequestParser` only, and
 * may be kept: it refers to no memory that is reused.
 */
export class RequestHead {
  /** The method as sent, case-sensitive. Any token: whether it is known is the router's to say. */
  readonly method: string;
  /** The request target as sent, in the form that its method allows (RFC 9112 section 3.2). */
  readonly target: string;
  /** The digit after `HTTP/1.`. */
  readonly minor: 0 | 1;
  /**
   * Host and port the request is for: from an absolute-form target, else from the `Host` field (RFC 9112 section
   * 3.2.2). Empty when the field is empty, or absent from an HTTP/1.0 request.
   */
  readonly host: string;
  /** The value of `Content-Length`, or -1 when there is none. */
  readonly contentLength: number;
  /** Whether the content comes in the chunked transfer coding. */
  readonly chunked: boolean;
  /** Whether content events and a `MessageEnd` follow. Without it the message ends with its head. */
  readonly hasContent: boolean;
  /** Whether the client lets the connection persist after the reply (RFC 9112 section 9.3). */
  readonly keepAlive: boolean;
  /** Whether the client waits for `100 Continue` before it sends its content (RFC 9110 section 10.1.1). */
  readonly expectContinue: boolean;
  /** Whether `Expect` asks for anything else, which 417 answers. Never with HTTP/1.0. */
  readonly expectsUnknown: boolean;

  readonly #text: string;
  readonly #fieldsStart: number;
  readonly #fieldsEnd: number;

  /** Reads `text` from `start` up to `end`, which is a head that follows the grammar, its empty line included. */
  constructor(text: string, start: number, end: number, limits: Readonly<MessageLimits>) {
    let targetStart = start + 4;
    if (text.startsWith("GET ", start)) {
      this.method = "GET";
    } else {
      targetStart = text.indexOf(" ", start) + 1;
      this.method = text.slice(start, targetStart - 1);
    }
    const targetEnd = text.indexOf(" ", targetStart);
    this.target = text.slice(targetStart, targetEnd);
    if (this.target.length > limits.maxTargetBytes) throw targetTooLong(limits);
    this.minor = text.charCodeAt(targetEnd + VERSION_BYTES - 3) === DIGIT_ONE ? 1 : 0;
    this.#text = text;
    this.#fieldsStart = targetEnd + VERSION_BYTES;
    this.#fieldsEnd = end - 2;

    let count = 0;
    let hosts = 0;
    let lengths = 0;
    let contentTypes = 0;
    let host = "";
    let length = "";
    let coding: string | undefined;
    let connection: string | undefined;
    let expect: string | undefined;
    let disguise: string | undefined;
    for (let line = this.#fieldsStart; line < this.#fieldsEnd; count++) {
      const lineEnd = text.indexOf("\r", line);
      switch (text.charCodeAt(line) | 0x20) {
        case H:
          if (isFieldNamed(text, line, "host")) {
            hosts++;
            host = sliceValue(text, line + 5, lineEnd);
          }
          break;
        case C:
          if (isFieldNamed(text, line, "connection")) {
            connection = joinLines(connection, sliceValue(text, line + 11, lineEnd));
          } else if (isFieldNamed(text, line, "content-length")) {
            lengths++;
            length = sliceValue(text, line + 15, lineEnd);
          } else if (isFieldNamed(text, line, "content-type")) {
            contentTypes++;
          } else if (isFieldNamed(text, line, "content_length")) disguise = "Content-Length";
          break;
        case T:
          if (isFieldNamed(text, line, "transfer-encoding")) {
            coding = joinLines(coding, sliceValue(text, line + 18, lineEnd));
          } else if (isFieldNamed(text, line, "transfer_encoding")) disguise = "Transfer-Encoding";
          break;
        case E:
          if (isFieldNamed(text, line, "expect")) expect = joinLines(expect, sliceValue(text, line + 7, lineEnd));
          break;
      }
      line = lineEnd + 2;
    }

    if (count > limits.maxFields) throw tooManyFields(limits);
    if (disguise !== undefined) throw disguised(disguise);
    this.host = readHost(this.target, this.method, this.minor, hosts, host);
    this.chunked = coding !== undefined;
    if (coding !== undefined) checkTransferCoding(coding, this.minor, lengths);
    this.contentLength = lengths === 0 ? -1 : readContentLength(lengths, length);
    if (this.contentLength > limits.maxContentBytes) {
      const message = `Cannot read content: found Content-Length ${length}, limit is ${limits.maxContentBytes} bytes`;
      throw new HttpError("ERR_HTTP_CONTENT_TOO_LARGE", message);
    }
    this.hasContent = this.chunked || this.contentLength > 0;
    if (this.hasContent && (this.method === "TRACE" || this.method === "CONNECT")) {
      const message = `Cannot read content: found some with ${this.method}, wanted none`;
      throw new HttpError("ERR_HTTP_CONTENT_UNEXPECTED", message);
    }
    if (contentTypes > 1) {
      const message = `Cannot read Content-Type: found ${contentTypes} lines, wanted one at most`;
      throw new HttpError("ERR_HTTP_CONTENT_TYPE_REPEATED", message);
    }
    this.keepAlive = connection === undefined ? this.minor === 1 : persists(connection, this.minor);
    const asked = expect === undefined || this.minor === 0 ? "" : expect.toLowerCase();
    this.expectContinue = asked === "100-continue" && this.hasContent;
    this.expectsUnknown = asked !== "" && asked !== "100-continue";
  }

  /**
   * The value of a field, without the white space around it; `undefined` when it is absent. Several lines of one name
   * are joined with `", "` (RFC 9110 section 5.3). Each call walks the lines: keep the value if it is used often.
   *
   * @param name in lower case, as `"content-type"`
   */
  field(name: string): string | undefined {
    const text = this.#text;
    let value: string | undefined;
    for (let line = this.#fieldsStart; line < this.#fieldsEnd;) {
      const lineEnd = text.indexOf("\r", line);
      if (isFieldNamed(text, line, name)) {
        value = joinLines(value, sliceValue(text, line + name.length + 1, lineEnd));
      }
      line = lineEnd + 2;
    }
    return value;
  }

  /**
   * The protocols that the client offers to go on with (RFC 9110 section 7.8), as sent. Empty in HTTP/1.0, and when
   * `Connection` does not name `upgrade`.
   */
  get upgrades(): readonly string[] {
    const offered = this.minor === 1 ? this.field("upgrade") : undefined;
    if (offered === undefined) return [];
    const options = splitList((this.field("connection") ?? "").toLowerCase());
    return options.includes("upgrade") ? splitList(offered).filter((protocol) => protocol !== "") : [];
  }

  /** Every field line in the order of the message, names in lower case. The caller owns the array. */
  fieldLines(): Array<[name: string, value: string]> {
    return readFieldLines(this.#text, this.#fieldsStart, this.#fieldsEnd);
  }
}

/** Checks a request line without its line end, and its parts, in the order method, version, target. Throws `HttpError`. */
export function checkRequestLine(line: string): void {
  const [method = "", target = "", version = "", more] = line.split(" ", 4);
  if (version === "" || target === "" || more !== undefined) {
    const message = `Cannot parse request line ${quote(line)}: wanted method, target and version with one space between`;
    throw new HttpError("ERR_HTTP_REQUEST_LINE", message);
  }
  if (!isToken(method)) {
    throw new HttpError("ERR_HTTP_METHOD", `Cannot parse method ${quote(method)}: wanted a token`);
  }
  checkVersion(version);
  if (!isTargetFor(method, target)) {
    const message = `Cannot parse request target ${quote(target)}: found no form that ${quote(method)} allows`;
    throw new HttpError("ERR_HTTP_TARGET", message);
  }
}

/** Field lines of a checked section, names in lower case. */
export function readFieldLines(text: string, start: number, end: number): Array<[name: string, value: string]> {
  const lines: Array<[string, string]> = [];
  for (let line = start; line < end;) {
    const colon = text.indexOf(":", line);
    const lineEnd = text.indexOf("\r", colon);
    lines.push([text.slice(line, colon).toLowerCase(), sliceValue(text, colon + 1, lineEnd)]);
    line = lineEnd + 2;
  }
  return lines;
}

export function targetTooLong({ maxTargetBytes }: Readonly<MessageLimits>): HttpError {
  return new HttpError(
    "ERR_HTTP_TARGET_TOO_LONG",
    `Cannot read request target: found more than ${maxTargetBytes} bytes`,
  );
}

export function tooManyFields({ maxFields }: Readonly<MessageLimits>): HttpError {
  return new HttpError("ERR_HTTP_TOO_MANY_FIELDS", `Cannot read fields: found more than ${maxFields} lines`);
}

/** A name that programs which turn `-` into `_` for variables take for another one. */
function disguised(name: string): HttpError {
  const message = `Cannot read fields: found a name that is "${name}" but for an underscore`;
  return new HttpError("ERR_HTTP_FIELD_NAME", message);
}

function joinLines(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

function checkVersion(version: string): void {
  if (version === "HTTP/1.1" || version === "HTTP/1.0") return;
  const wanted = "wanted HTTP/1.1 or HTTP/1.0";
  if (/^HTTP\/[1-9]\.[0-9]$/.test(version)) {
    throw new HttpError("ERR_HTTP_VERSION_UNSUPPORTED", `Cannot serve version ${quote(version)}: ${wanted}`);
  }
  throw new HttpError("ERR_HTTP_VERSION", `Cannot parse version ${quote(version)}: ${wanted}`);
}

function isTargetFor(method: string, target: string): boolean {
  if (!/^[!"$-~]+$/.test(target) || DECEIT.test(target)) return false;
  if (method === "CONNECT") return /[^:]:[0-9]+$/.test(target) && isAuthority(target);
  if (target.startsWith("/")) return true;
  if (target === "*") return method === "OPTIONS";
  return isAuthority(ABSOLUTE_FORM.exec(target)?.[1]);
}

/**
 * An `http` authority has a host that is not empty and no user information (RFC 9110 sections 4.2.1 and 4.2.4). One with
 * a comma, which RFC 3986 allows and no name has, is what two `Host` lines look like when they are joined.
 */
function isAuthority(authority: string | undefined): boolean {
  return authority !== undefined && !/^(?::|$)|,/.test(authority) && isHost(authority);
}

/** The last `Host` that was sound. Nearly all requests to a server name the same, and checking it is a tenth of reading them. */
let soundHost: string | undefined;

function readHost(target: string, method: string, minor: 0 | 1, hosts: number, host: string): string {
  if (hosts > 1) throw new HttpError("ERR_HTTP_HOST_REPEATED", `Cannot read Host: found ${hosts} lines, wanted one`);
  if (hosts === 0 && minor === 1) {
    throw new HttpError("ERR_HTTP_HOST_MISSING", "Cannot read Host: found none, wanted one with HTTP/1.1");
  }
  if (hosts === 1 && host !== soundHost && !isAuthority(host)) {
    const message = `Cannot read Host ${quote(host)}: wanted a host with an optional port`;
    throw new HttpError("ERR_HTTP_HOST_INVALID", message);
  }
  if (hosts === 1) soundHost = host;
  if (target.startsWith("/")) return host;
  return method === "CONNECT" ? target : (ABSOLUTE_FORM.exec(target)?.[1] ?? host);
}

function readContentLength(lengths: number, value: string): number {
  const length = Number(value);
  if (lengths === 1 && LENGTH.test(value) && Number.isSafeInteger(length)) return length;
  const found = lengths > 1 ? `${lengths} lines` : quote(value);
  const message = `Cannot read Content-Length: found ${found}, wanted one whole number up to 2^53-1 without zeros in front`;
  throw new HttpError("ERR_HTTP_CONTENT_LENGTH", message);
}

function checkTransferCoding(value: string, minor: 0 | 1, lengths: number): void {
  if (lengths > 0) {
    const message = "Cannot read framing: found Content-Length and Transfer-Encoding, wanted one of them";
    throw new HttpError("ERR_HTTP_FRAMING_CONFLICT", message);
  }
  if (minor === 0) {
    const message = "Cannot read framing: found Transfer-Encoding with HTTP/1.0, wanted none";
    throw new HttpError("ERR_HTTP_TRANSFER_CODING", message);
  }
  if (value.toLowerCase() === "chunked") return;
  const names = splitList(value).map((member) => CODING.exec(member)?.[1]?.toLowerCase() ?? "");
  const chunkedAt = names.indexOf("chunked");
  const isMisplaced = chunkedAt !== -1 && chunkedAt !== names.length - 1;
  if (!names.every(isToken) || isMisplaced || (names.length === 1 && chunkedAt === 0)) {
    const message = `Cannot read Transfer-Encoding ${quote(value)}: wanted "chunked" once, last and without parameters`;
    throw new HttpError("ERR_HTTP_TRANSFER_CODING", message);
  }
  const message = `Cannot decode Transfer-Encoding ${quote(value)}: wanted "chunked" alone`;
  throw new HttpError("ERR_HTTP_TRANSFER_CODING_UNKNOWN", message);
}

function persists(connection: string, minor: 0 | 1): boolean {
  const options = splitList(connection.toLowerCase());
  return !options.includes("close") && (minor === 1 || options.includes("keep-alive"));
}
