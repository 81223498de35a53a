/**
 * Where Lunet and `node:http` may disagree about a message, each with the case of the conformance table that has the
 * reason why Lunet is right. What fits none of these is a finding.
 */
import type { HttpErrorCode } from "../../packages/lunet/src/http/http-error.ts";

/** One kind of disagreement about one message. */
export interface Disagreement {
  /**
   * - `node accepts`: it reads the message whole, and Lunet refuses it;
   * - `node refuses`: the other way round;
   * - `node waits`, `lunet waits`: one reads it whole, the other wants more;
   * - `differs`: both read it, not the same.
   */
  readonly kind: "node accepts" | "node refuses" | "node waits" | "lunet waits" | "differs";
  /** The code of the refusal: of `HttpError`, of llhttp, or a status. */
  readonly code: string;
  /** The stream from the message's first byte on. */
  readonly text: string;
}

interface Explanation extends Omit<Disagreement, "text" | "code"> {
  readonly code: HttpErrorCode | "HPE_INVALID_METHOD" | "HPE_INVALID_TRANSFER_ENCODING";
  /** What is found in a message of this kind. */
  readonly found: RegExp;
  /** The name of the case in the table. */
  readonly because: string;
}

/** The request line behind at most one empty line. */
const LINE = String.raw`^(?:\r\n)?[^\r\n]*`;

function accepts(code: HttpErrorCode, found: RegExp | string, because: string): Explanation {
  return { kind: "node accepts", code, found: typeof found === "string" ? new RegExp(found, "i") : found, because };
}

export const EXPLANATIONS: readonly Explanation[] = [
  accepts("ERR_HTTP_LINE_END", /^(?:\r\n)?\r(?!\n)/, "a bare CR before the request line"),
  accepts("ERR_HTTP_LINE_END", /^(?:\r\n)?\n/, "a bare LF before the request line"),
  accepts("ERR_HTTP_LINE_END", /^(?:\r\n)?[^\r\n]*\n/, "HTTP/0.9 that ends with LF"),
  accepts("ERR_HTTP_EMPTY_LINE", /^\r\n\r\n/, "two empty lines before the request line"),
  accepts("ERR_HTTP_REQUEST_LINE", String.raw`^(?:\r\n)?CONNECT +\r\n`, "CONNECT without a target"),
  accepts("ERR_HTTP_REQUEST_LINE", String.raw`^(?:\r\n)?\S+ +\S+ *\r\n`, "HTTP/0.9, which has no version"),
  accepts("ERR_HTTP_REQUEST_LINE", `${LINE} {2}`, "two spaces before the target"),
  accepts("ERR_HTTP_VERSION", String.raw`${LINE} HTTP/0\.9\r\n`, "HTTP/0.9 by name"),
  accepts("ERR_HTTP_VERSION", String.raw`${LINE} (?:RTSP|ICE)/`, "RTSP/1.0"),
  accepts("ERR_HTTP_VERSION_UNSUPPORTED", String.raw`${LINE} HTTP/2\.0\r\n`, "HTTP/2.0"),
  accepts("ERR_HTTP_TARGET", `${LINE}#`, "a number sign in the target"),
  accepts("ERR_HTTP_TARGET", String.raw`${LINE}\\`, "a backslash in a path"),
  accepts("ERR_HTTP_TARGET", `${LINE}%0[0ad]`, "an encoded %00 in a path"),
  accepts("ERR_HTTP_TARGET", String.raw`^(?:\r\n)?\S+ \*`, "asterisk-form with GET"),
  accepts("ERR_HTTP_TARGET", String.raw`^(?:\r\n)?\S+ https?://[/:]`, "absolute-form without a host"),
  accepts("ERR_HTTP_TARGET", String.raw`^(?:\r\n)?\S+ https?://[^/?]*@`, "absolute-form with user information"),
  accepts("ERR_HTTP_TARGET", String.raw`^(?:\r\n)?\S+ https?://`, "absolute-form with a bad port"),
  accepts("ERR_HTTP_TARGET", String.raw`^(?:\r\n)?\S+ (?!https?:)[a-z]+:`, "absolute-form with another scheme"),
  accepts("ERR_HTTP_TARGET", String.raw`^(?:\r\n)?CONNECT `, "CONNECT without a port"),
  accepts("ERR_HTTP_HOST_MISSING", String.raw`^(?:\r\n)?CONNECT `, "no Host with HTTP/1.1"),
  accepts("ERR_HTTP_HOST_REPEATED", String.raw`\r\nhost:[^]*\r\nhost:`, "two Host fields"),
  accepts("ERR_HTTP_HOST_INVALID", String.raw`\r\nhost:[ \t]*(?::|\r\n)`, 'the malformed host ""'),
  accepts("ERR_HTTP_HOST_INVALID", String.raw`\r\nhost:[^\r\n]*,`, 'the malformed host "a,b"'),
  accepts("ERR_HTTP_HOST_INVALID", String.raw`\r\nhost:`, 'the malformed host "a b"'),
  accepts(
    "ERR_HTTP_FIELD_NAME",
    String.raw`\r\n(?:content_length|transfer_encoding):`,
    "Content_Length: 11, with an underscore",
  ),
  accepts(
    "ERR_HTTP_CONTENT_TYPE_REPEATED",
    String.raw`\r\ncontent-type:[^]*\r\ncontent-type:`,
    "two Content-Type fields",
  ),
  accepts("ERR_HTTP_CONTENT_UNEXPECTED", String.raw`^(?:\r\n)?TRACE `, "TRACE with content"),
  accepts("ERR_HTTP_CONTENT_UNEXPECTED", String.raw`^(?:\r\n)?CONNECT `, "CONNECT with content"),
  accepts("ERR_HTTP_CONTENT_LENGTH", String.raw`\r\ncontent-length:[ \t]*0\d`, "the length 05, with zeros in front"),
  accepts("ERR_HTTP_TRANSFER_CODING", String.raw`${LINE} HTTP/1\.0\r\n`, "chunked with HTTP/1.0"),
  accepts(
    "ERR_HTTP_TRANSFER_CODING",
    String.raw`\r\ntransfer-encoding:[^]*\r\ntransfer-encoding:`,
    "a coding that is no token, and chunked on two lines",
  ),
  accepts("ERR_HTTP_TRANSFER_CODING", String.raw`\r\ntransfer-encoding:[^]*,`, "a comma right before chunked"),
  accepts("ERR_HTTP_TRANSFER_CODING_UNKNOWN", String.raw`\r\ntransfer-encoding:`, "gzip under chunked"),
  accepts("ERR_HTTP_CHUNK", String.raw`;[^\r\n]*=[^\r\n]*"`, "an extension with a quote within its value"),
  accepts("ERR_HTTP_CHUNK", ";;", "two semicolons before an extension"),
  accepts("ERR_HTTP_CHUNK", ";=", "an extension with a value and no name"),
  accepts("ERR_HTTP_CHUNK", String.raw`;[^\r\n]*=(?:\r\n|;)`, "an extension with an empty value"),
  accepts("ERR_HTTP_CHUNK", String.raw`\r\n0[0-9a-f]{16,}`, "a chunk size of 17 digits"),
  accepts("ERR_HTTP_CHUNK_LINE_TOO_LONG", /\r\n[0-9a-f]+;/i, "too long an extension"),
  accepts(
    "ERR_HTTP_TRAILER_FORBIDDEN",
    String.raw`\r\n0+(?:;[^\r\n]*)?\r\n[^\r\n]`,
    "Content-Length among the trailers",
  ),
  accepts("ERR_HTTP_CHUNK_LINE_TOO_LONG", String.raw`\r\n0{17,}`, "a chunk size of 17 digits"),
  // Node does not ask for the framing of a request that offers to upgrade.
  accepts("ERR_HTTP_TRANSFER_CODING", String.raw`\r\nupgrade:`, "a coding that is no token, and chunked on two lines"),
  // And of CONNECT not at all.
  ...(
    [
      "ERR_HTTP_CONTENT_LENGTH",
      "ERR_HTTP_FRAMING_CONFLICT",
      "ERR_HTTP_TRANSFER_CODING",
      "ERR_HTTP_TRANSFER_CODING_UNKNOWN",
    ] as const
  ).map((code) => accepts(code, String.raw`^(?:\r\n)?CONNECT `, "CONNECT with content")),
  {
    kind: "node refuses",
    code: "HPE_INVALID_TRANSFER_ENCODING",
    found: /\r\ntransfer-encoding:[^\r\n]*\t *\r\n/i,
    because: "a tab behind chunked",
  },
  {
    kind: "node refuses",
    code: "HPE_INVALID_METHOD",
    found: /^(?:\r\n)?\S+ /,
    because: "a method that nobody knows, with every character of a token",
  },
];

/** The first explanation that fits, if any does. */
export function explain({ kind, code, text }: Disagreement): Explanation | undefined {
  return EXPLANATIONS.find((one) => one.kind === kind && one.code === code && one.found.test(text));
}
