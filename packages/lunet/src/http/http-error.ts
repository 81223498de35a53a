/**
 * The faults that a peer can commit in a message, as one table: code, status to answer with, meaning.
 *
 * A fault of the local program (a bad reply field, a limit out of range) is a `TypeError` or `RangeError` instead and
 * is never answered to the peer.
 */

import { LunetError } from "../co/mod.ts";

/** Every code of `HttpError` with the status that answers it and what it means. */
export const httpErrors = Object.freeze({
  ERR_HTTP_LINE_END: {
    status: 400,
    meaning: "a CR or LF stands alone, or none follows chunk data; lines end with CRLF",
  },
  ERR_HTTP_CONTROL_BYTE: { status: 400, meaning: "a line contains a control byte" },
  ERR_HTTP_EMPTY_LINE: { status: 400, meaning: "more than one empty line stands before the request line" },
  ERR_HTTP_REQUEST_LINE: { status: 400, meaning: "the request line is not method, target and version" },
  ERR_HTTP_METHOD: { status: 400, meaning: "the method is not a token, or has no end" },
  ERR_HTTP_TARGET: { status: 400, meaning: "the request target has no form that its method allows" },
  ERR_HTTP_TARGET_TOO_LONG: { status: 414, meaning: "the request target is longer than maxTargetBytes" },
  ERR_HTTP_VERSION: { status: 400, meaning: "the version is malformed or older than HTTP/1.0" },
  ERR_HTTP_VERSION_UNSUPPORTED: { status: 505, meaning: "the version is neither HTTP/1.0 nor HTTP/1.1" },
  ERR_HTTP_FIELD_NAME: {
    status: 400,
    meaning: "a field line does not start with a token and a colon, or has a framing field's name with `_` for `-`",
  },
  ERR_HTTP_FIELD_FOLDED: { status: 400, meaning: "a field line starts with white space" },
  ERR_HTTP_HEADERS_TOO_LARGE: { status: 431, meaning: "the header section is longer than maxHeaderBytes" },
  ERR_HTTP_TOO_MANY_FIELDS: { status: 431, meaning: "a section has more field lines than maxFields" },
  ERR_HTTP_HOST_MISSING: { status: 400, meaning: "an HTTP/1.1 request has no Host field" },
  ERR_HTTP_HOST_REPEATED: { status: 400, meaning: "a request has more than one Host field" },
  ERR_HTTP_HOST_INVALID: { status: 400, meaning: "the Host field is not one host with an optional port" },
  ERR_HTTP_CONTENT_LENGTH: {
    status: 400,
    meaning: "Content-Length is repeated, or not a whole number up to 2^53-1, or has zeros in front",
  },
  ERR_HTTP_FRAMING_CONFLICT: { status: 400, meaning: "both Content-Length and Transfer-Encoding are given" },
  ERR_HTTP_TRANSFER_CODING: {
    status: 400,
    meaning: "Transfer-Encoding is malformed, comes with HTTP/1.0, or has chunked twice or not last",
  },
  ERR_HTTP_TRANSFER_CODING_UNKNOWN: { status: 501, meaning: "a transfer coding other than chunked is asked for" },
  ERR_HTTP_CONTENT_TYPE_REPEATED: { status: 400, meaning: "a request has more than one Content-Type field" },
  ERR_HTTP_CONTENT_UNEXPECTED: { status: 400, meaning: "TRACE or CONNECT comes with content" },
  ERR_HTTP_CONTENT_TOO_LARGE: { status: 413, meaning: "the content is longer than maxContentBytes" },
  ERR_HTTP_CHUNK: { status: 400, meaning: "a chunk has a malformed size or extension" },
  ERR_HTTP_CHUNK_LINE_TOO_LONG: {
    status: 400,
    meaning: "a chunk size has more than 16 digits, or the extensions are longer than maxChunkExtensionBytes",
  },
  ERR_HTTP_TRAILERS_TOO_LARGE: { status: 431, meaning: "the trailer section is longer than maxTrailerBytes" },
  ERR_HTTP_TRAILER_FORBIDDEN: { status: 400, meaning: "a trailer carries a field that must stand in the head" },
  ERR_HTTP_PATH: {
    status: 400,
    meaning: "a path has malformed percent-encoding, invalid UTF-8, NUL, or leaves its root",
  },
  ERR_HTTP_QUERY: { status: 400, meaning: "a query has malformed percent-encoding, invalid UTF-8, or too many pairs" },
  ERR_HTTP_EXPECTATION: { status: 417, meaning: "Expect asks for something other than 100-continue" },
  ERR_HTTP_METHOD_UNSUPPORTED: { status: 501, meaning: "CONNECT is asked for, and this is no proxy" },
  ERR_HTTP_HEADER_TIMEOUT: { status: 408, meaning: "the header section did not come within headerTimeoutMs" },
  ERR_HTTP_CONTENT_TIMEOUT: { status: 408, meaning: "the content came slower than contentMinBytesPerSecond" },
  ERR_HTTP_CONTENT_INCOMPLETE: { status: 400, meaning: "the peer ended the connection within the content" },
  ERR_HTTP_CONTENT_ENCODING: { status: 400, meaning: "the content is not UTF-8" },
  ERR_HTTP_CONTENT_JSON: { status: 400, meaning: "the content is not JSON" },
  ERR_HTTP_INVALID_REQUEST: {
    status: 400,
    meaning: "a parameter of the path or of the query is not what its route declares",
  },
  ERR_HTTP_INVALID_CONTENT: { status: 422, meaning: "the content is not what its route declares" },
  ERR_HTTP_CONTENT_CODING: { status: 415, meaning: "the content is in a content coding that is not taken" },
  ERR_HTTP_CONTENT_CODING_BROKEN: {
    status: 400,
    meaning: "the content is not what its Content-Encoding says, or is cut",
  },
  ERR_HTTP_FORM: { status: 400, meaning: "a form is malformed" },
  ERR_HTTP_FORM_TOO_LARGE: { status: 413, meaning: "a form has more parts than a limit allows, or one that is longer" },
  ERR_HTTP_MEDIA_TYPE: { status: 415, meaning: "the content is not of a media type that its route takes" },
  ERR_HTTP_NOT_FOUND: { status: 404, meaning: "no route has the path" },
  ERR_HTTP_METHOD_NOT_ALLOWED: { status: 405, meaning: "the route has not the method" },
  ERR_HTTP_WEB_SOCKET: { status: 400, meaning: "a handshake for a WebSocket is malformed" },
  ERR_HTTP_ORIGIN: { status: 403, meaning: "a page of another origin asks for a WebSocket" },
  ERR_HTTP_HANDLER_FAILED: { status: 500, meaning: "the handler failed; `cause` has why" },
  ERR_HTTP_HANDLER_TIMEOUT: { status: 503, meaning: "the handler took longer than handlerTimeoutMs" },
  ERR_HTTP_SHUTDOWN: { status: 503, meaning: "the server closes and the handler had not replied within the grace" },
  ERR_HTTP_OVERLOADED: {
    status: 503,
    meaning: "the event loop is more than maxLoopDelayMs late, or maxRequestsInFlight handlers are under way",
  },
  ERR_HTTP_RATE_LIMITED: { status: 429, meaning: "the user has made as many requests as a rate limit allows" },
  ERR_HTTP_RATE_LIMIT_UNKNOWN: {
    status: 503,
    meaning: "what counts requests for a rate limit fails, and its onStoreFailure is refuse; `cause` has why",
  },
  ERR_HTTP_CONNECTION_LIMIT: { status: 503, meaning: "the listener has maxConnections already" },
} as const);

/** One of the codes in `httpErrors`. */
export type HttpErrorCode = keyof typeof httpErrors;

/**
 * A message of the peer that cannot be served. `status` is what to answer before the connection is closed; `code` is
 * stable and one of `httpErrors`. The message is for the log: it may quote what the peer sent, in part and escaped.
 *
 * @example new HttpError("ERR_HTTP_QUERY", 'Cannot parse query "a=%": found no two hex digits after "%"').status // 400
 */
export class HttpError extends LunetError {
  declare readonly code: HttpErrorCode;
  readonly status: number;

  /**
   * What the client is told besides status and code. With it, be it empty, the answer is `application/problem+json`
   * (RFC 9457).
   */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: HttpErrorCode,
    message: string,
    options?: ErrorOptions & { readonly details?: Readonly<Record<string, unknown>> },
  ) {
    super(code, message, options);
    this.status = httpErrors[code].status;
    this.details = options?.details;
  }
}

/** Quotes what a peer sent for use in a message: escaped, and cut after 64 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
