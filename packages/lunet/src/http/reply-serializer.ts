/**
 * The reply side of HTTP/1.1 (RFC 9112): the text of a head, of chunk frames and of trailers, without I/O.
 *
 * Text has one character per byte: write it as latin1. What an application hands over is checked here, so that no value
 * can end a line and begin another (response splitting). Framing, `Connection` and `Date` are the server's to write.
 */

import { isFieldValue, isToken } from "./fields.ts";
import { quote } from "./http-error.ts";

/** Reason phrases of RFC 9110 section 15 and the later ones in the IANA registry, by status code. */
export const reasonPhrases: Readonly<Record<number, string>> = Object.freeze({
  100: "Continue",
  101: "Switching Protocols",
  103: "Early Hints",
  200: "OK",
  201: "Created",
  202: "Accepted",
  203: "Non-Authoritative Information",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  300: "Multiple Choices",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  305: "Use Proxy",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  423: "Locked",
  424: "Failed Dependency",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
  508: "Loop Detected",
  511: "Network Authentication Required",
});

/** A list of fields; a name may occur several times. Names are written as given. */
export type FieldList = ReadonlyArray<readonly [name: string, value: string]>;

/**
 * How the content of a reply is framed (RFC 9112 section 6):
 * - a number: `Content-Length`, in bytes. For HEAD and 304 the length that GET would have been answered with;
 * - `"chunked"`: the chunked transfer coding, to HTTP/1.1 clients only;
 * - `"close"`: up to the end of the connection, which is closed then;
 * - `"none"`: nothing is said, as for 204, and for HEAD and 304 when the length is not known.
 */
export type ContentFraming = number | "chunked" | "close" | "none";

export interface ReplyHead {
  /** A final status code, 200 to 599; or 101, with `upgrade` and without framing. */
  readonly status: number;
  /** A list, which is checked; or text that `serializeFields` made. */
  readonly fields: FieldList | string;
  readonly framing: ContentFraming;
  /** The request's minor version: an HTTP/1.0 client is told when the connection persists, and gets no chunks. */
  readonly minor: 0 | 1;
  /** Whether the connection persists after this reply. `"close"` framing overrules it. */
  readonly keepAlive: boolean;
  /** The protocol that is switched to (101), or that a client is told of (426). */
  readonly upgrade?: string | undefined;
  /** The `Date` value, as `formatHttpDate` writes it. It is not checked: the server makes it once a second. */
  readonly date: string;
}

/** What a server answers to `Expect: 100-continue` when it wants the content (RFC 9110 section 15.2.1). */
export const CONTINUE_HEAD = "HTTP/1.1 100 Continue\r\n\r\n";
/** Ends the data of every chunk. */
export const CHUNK_END = "\r\n";
/** Ends chunked content that has no trailers. */
export const LAST_CHUNK = "0\r\n\r\n";

/** Fields that `serializeHead` writes, or that speak about the connection (RFC 9110 section 7.6.1). */
const RESERVED_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);
/** Trailers may not carry these besides (RFC 9110 section 6.5.1). */
const HEAD_ONLY_FIELDS: ReadonlySet<string> = new Set([
  "authorization",
  "cache-control",
  "content-encoding",
  "content-range",
  "content-type",
  "host",
  "location",
  "retry-after",
  "set-cookie",
  "trailer",
  "vary",
  "www-authenticate",
]);

/** Names that have passed the check; programs use few, and the bound keeps made-up ones from piling up. */
const checkedNames = new Set<string>();
const MAX_CHECKED_NAMES = 256;

const SWITCHING_PROTOCOLS = 101;
const FIRST_STATUS = 200;
const LAST_STATUS = 599;
const statusLines: readonly string[] = Array.from(
  { length: LAST_STATUS - FIRST_STATUS + 1 },
  (_, index) => `HTTP/1.1 ${FIRST_STATUS + index} ${reasonPhrases[FIRST_STATUS + index] ?? ""}\r\n`,
);

/**
 * Tells whether content may follow a reply's head: not after HEAD, 204 and 304 (RFC 9112 section 6.3).
 *
 * @param method the request's
 */
export function allowsContent(method: string, status: number): boolean {
  return method !== "HEAD" && status !== 204 && status !== 304;
}

/**
 * The head of a reply as latin1 text, its empty line included.
 *
 * Throws `RangeError` with code `ERR_HTTP_INVALID_STATUS` for a status outside 200 to 599 other than 101 with `upgrade`, or `ERR_HTTP_INVALID_FRAMING`
 * when 204 is given content, chunks go to an HTTP/1.0 client, or a length is no whole number; `TypeError` with code
 * `ERR_HTTP_INVALID_FIELD` for a field that is malformed or is the server's to write.
 *
 * @example
 * ```ts
 * import { formatHttpDate } from "./http-date.ts";
 * import { serializeHead } from "./reply-serializer.ts";
 * const date = formatHttpDate(0);
 * console.log(serializeHead({ status: 200, fields: [["Vary", "Accept"]], framing: 5, minor: 1, keepAlive: true, date }));
 * ```
 */
export function serializeHead(head: ReplyHead): string {
  const { status, framing, minor } = head;
  const statusLine = statusLines[status - FIRST_STATUS] ?? switchingLine(head);
  if (statusLine === undefined) {
    const found = `Cannot serialize status "${String(status)}": wanted a whole number from ${FIRST_STATUS} to ${LAST_STATUS}`;
    throw Object.assign(new RangeError(found), { code: "ERR_HTTP_INVALID_STATUS" });
  }
  const fields = typeof head.fields === "string" ? head.fields : serializeFields(head.fields);
  return `${statusLine}${fields}${framingLines(status, framing, minor)}${connectionLine(head)}Date: ${head.date}\r\n\r\n`;
}

/**
 * Field lines of a reply as latin1 text, for `ReplyHead.fields`: fields that many replies share are checked once.
 *
 * Throws `TypeError` with code `ERR_HTTP_INVALID_FIELD` for a field that is malformed or is the server's to write.
 *
 * @example serializeFields([["Vary", "Accept"]]) // "Vary: Accept\r\n"
 */
export function serializeFields(fields: FieldList): string {
  let text = "";
  for (const [name, value] of fields) {
    checkField(name, value);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/**
 * The line before a chunk's data. The data is followed by `CHUNK_END`.
 *
 * Throws `RangeError` with code `ERR_HTTP_INVALID_FRAMING` for a size that is no whole number above zero: a chunk of
 * size zero ends the content.
 *
 * @example serializeChunkSize(255) // "ff\r\n"
 */
export function serializeChunkSize(bytes: number): string {
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw invalidFraming(`chunk of ${bytes} bytes`, "more than none");
  return `${bytes.toString(16)}\r\n`;
}

/**
 * The last chunk with trailers; without any it equals `LAST_CHUNK`.
 *
 * Throws `TypeError` with code `ERR_HTTP_INVALID_FIELD` as `serializeHead` does, and for fields that must stand in the head.
 *
 * @example serializeTrailers([["Server-Timing", "db;dur=53"]])
 */
export function serializeTrailers(fields: FieldList): string {
  let text = "0\r\n";
  for (const [name, value] of fields) {
    checkField(name, value);
    if (HEAD_ONLY_FIELDS.has(name.toLowerCase())) throw invalidField(name, "as a trailer", "it in the head");
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

function framingLines(status: number, framing: ContentFraming, minor: 0 | 1): string {
  if (status === 204) {
    if (framing === "none" || framing === 0) return "";
    throw invalidFraming(`status 204 with content "${framing}"`, "none");
  }
  if (typeof framing === "number") {
    if (Number.isSafeInteger(framing) && framing >= 0) return `Content-Length: ${framing}\r\n`;
    throw invalidFraming(`content of ${framing} bytes`, "a whole number");
  }
  if (framing !== "chunked") return "";
  if (minor === 0) throw invalidFraming("chunked content for HTTP/1.0", "a length or the end of the connection");
  return "Transfer-Encoding: chunked\r\n";
}

/** The status line of the one interim reply that is a reply, to whom it may be sent (RFC 9110 section 15.2.2). */
function switchingLine({ status, upgrade, framing, minor }: ReplyHead): string | undefined {
  if (status !== SWITCHING_PROTOCOLS || upgrade === undefined || framing !== "none" || minor === 0) return undefined;
  return "HTTP/1.1 101 Switching Protocols\r\n";
}

function connectionLine(head: ReplyHead): string {
  if (head.upgrade !== undefined) return upgradeLines(head, head.upgrade);
  if (!head.keepAlive || head.framing === "close") return "Connection: close\r\n";
  return head.minor === 1 ? "" : "Connection: keep-alive\r\n";
}

/** `Upgrade` counts only where `Connection` names it (RFC 9110 section 7.8). */
function upgradeLines(head: ReplyHead, protocol: string): string {
  if (!isProtocol(protocol)) throw invalidField("Upgrade", `value ${quote(protocol)}`, "a protocol's name");
  const others = head.status === SWITCHING_PROTOCOLS ? "" : connectionLine({ ...head, upgrade: undefined });
  const options = others === "" ? "Upgrade\r\n" : `Upgrade, ${others.slice("Connection: ".length)}`;
  return `Connection: ${options}Upgrade: ${protocol}\r\n`;
}

/** A name, with a version or without (RFC 9110 section 7.8). */
function isProtocol(text: string): boolean {
  const [name = "", version, more] = text.split("/");
  return more === undefined && isToken(name) && (version === undefined || isToken(version));
}

function checkField(name: unknown, value: unknown): void {
  if (typeof name !== "string" || !checkedNames.has(name)) checkName(name);
  if (typeof value !== "string" || !isFieldValue(value)) {
    throw invalidField(name, `value ${quote(String(value))}`, "text of bytes without control characters");
  }
}

function checkName(name: unknown): void {
  if (typeof name !== "string" || !isToken(name)) throw invalidField(name, "it as a name", "a token");
  if (RESERVED_FIELDS.has(name.toLowerCase()))
    throw invalidField(name, "it among the fields", "the server to write it");
  if (checkedNames.size < MAX_CHECKED_NAMES) checkedNames.add(name);
}

function invalidField(name: unknown, found: string, wanted: string): TypeError {
  const message = `Cannot serialize field ${quote(String(name))}: found ${found}, wanted ${wanted}`;
  return Object.assign(new TypeError(message), { code: "ERR_HTTP_INVALID_FIELD" });
}

function invalidFraming(found: string, wanted: string): RangeError {
  const message = `Cannot serialize reply: found ${found}, wanted ${wanted}`;
  return Object.assign(new RangeError(message), { code: "ERR_HTTP_INVALID_FRAMING" });
}
