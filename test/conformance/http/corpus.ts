/**
 * Requests and what the parser must make of them, as data. Bytes are written as latin1 text.
 *
 * A case lists the messages that come out before its end, then how it ends: with a refusal, or in the state the parser
 * is left in (`"idle"` unless it says otherwise). Of a message only what is named is compared.
 */

import type { HttpErrorCode } from "../../../packages/lunet/src/http/http-error.ts";
import type { MessageLimits } from "../../../packages/lunet/src/http/limits.ts";

export interface ExpectedMessage {
  readonly method?: string;
  readonly target?: string;
  readonly minor?: 0 | 1;
  readonly host?: string;
  readonly contentLength?: number;
  readonly chunked?: boolean;
  readonly hasContent?: boolean;
  readonly keepAlive?: boolean;
  readonly expectContinue?: boolean;
  readonly expectsUnknown?: boolean;
  readonly fields?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly content?: string;
  readonly trailers?: ReadonlyArray<readonly [name: string, value: string]>;
}

export interface Case {
  readonly name: string;
  /** The clause that decides, as "9112 3.2". */
  readonly rfc: string;
  readonly bytes: string;
  readonly limits?: Partial<MessageLimits>;
  readonly messages?: readonly ExpectedMessage[];
  readonly refusal?: readonly [status: number, code: HttpErrorCode];
  readonly state?: "idle" | "head" | "content";
}

type Refusal = readonly [status: number, code: HttpErrorCode];
type Line = readonly [name: string, rfc: string, text: string, refusal: Refusal];

const LINE_END: Refusal = [400, "ERR_HTTP_LINE_END"];
const CONTROL: Refusal = [400, "ERR_HTTP_CONTROL_BYTE"];
const REQUEST_LINE: Refusal = [400, "ERR_HTTP_REQUEST_LINE"];
const METHOD: Refusal = [400, "ERR_HTTP_METHOD"];
const TARGET: Refusal = [400, "ERR_HTTP_TARGET"];
const TARGET_TOO_LONG: Refusal = [414, "ERR_HTTP_TARGET_TOO_LONG"];
const VERSION: Refusal = [400, "ERR_HTTP_VERSION"];
const VERSION_UNSUPPORTED: Refusal = [505, "ERR_HTTP_VERSION_UNSUPPORTED"];
const NAME: Refusal = [400, "ERR_HTTP_FIELD_NAME"];
const FOLDED: Refusal = [400, "ERR_HTTP_FIELD_FOLDED"];
const TOO_LARGE: Refusal = [431, "ERR_HTTP_HEADERS_TOO_LARGE"];
const TOO_MANY: Refusal = [431, "ERR_HTTP_TOO_MANY_FIELDS"];
const NO_HOST: Refusal = [400, "ERR_HTTP_HOST_MISSING"];
const TWO_HOSTS: Refusal = [400, "ERR_HTTP_HOST_REPEATED"];
const BAD_HOST: Refusal = [400, "ERR_HTTP_HOST_INVALID"];
const LENGTH: Refusal = [400, "ERR_HTTP_CONTENT_LENGTH"];
const CONFLICT: Refusal = [400, "ERR_HTTP_FRAMING_CONFLICT"];
const CODING: Refusal = [400, "ERR_HTTP_TRANSFER_CODING"];
const UNKNOWN_CODING: Refusal = [501, "ERR_HTTP_TRANSFER_CODING_UNKNOWN"];
const CONTENT_TOO_LARGE: Refusal = [413, "ERR_HTTP_CONTENT_TOO_LARGE"];
const CHUNK: Refusal = [400, "ERR_HTTP_CHUNK"];
const CHUNK_LINE: Refusal = [400, "ERR_HTTP_CHUNK_LINE_TOO_LONG"];
const FORBIDDEN: Refusal = [400, "ERR_HTTP_TRAILER_FORBIDDEN"];

const HOST = "Host: a\r\n";
const MAX_LENGTH = "9007199254740991";
const CHUNKED_HEAD = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;

const accepted: readonly Case[] = [
  {
    name: "a request with nothing but Host",
    rfc: "9112 3",
    bytes: "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    messages: [
      {
        method: "GET",
        target: "/",
        minor: 1,
        host: "a",
        contentLength: -1,
        chunked: false,
        hasContent: false,
        keepAlive: true,
        expectContinue: false,
        expectsUnknown: false,
        fields: [["host", "a"]],
      },
    ],
  },
  {
    name: "an HTTP/1.0 request without a field",
    rfc: "9112 3.2",
    bytes: "GET /a HTTP/1.0\r\n\r\n",
    messages: [{ minor: 0, host: "", keepAlive: false, fields: [] }],
  },
  {
    name: "a method that nobody knows, with every character of a token",
    rfc: "9110 9.1",
    bytes: `!#$%&'*+-.^_\`|~09azAZ / HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ method: "!#$%&'*+-.^_`|~09azAZ" }],
  },
  {
    name: "a method in lower case, as another method",
    rfc: "9110 9.1",
    bytes: `get / HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ method: "get" }],
  },
  {
    name: "one empty line before the request line",
    rfc: "9112 2.2",
    bytes: `\r\nGET /1 HTTP/1.1\r\n${HOST}\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ target: "/1" }, { target: "/2" }],
  },
  {
    name: "an empty line behind content",
    rfc: "9112 2.2",
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nhi\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ content: "hi" }, { target: "/2" }],
  },
  {
    name: "a target with every visible character but the number sign",
    rfc: "9112 3.2.1",
    bytes: `GET /!"$%&'()*+,-./09:;<=>?@AZ[\\]^_\`az{|}~ HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ target: "/!\"$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~" }],
  },
  {
    name: "a target that starts with two slashes, which name no authority",
    rfc: "9112 3.2.1",
    bytes: `GET //evil/x HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ target: "//evil/x", host: "a" }],
  },
  {
    name: "absolute-form, whose authority is the host whatever Host says",
    rfc: "9112 3.2.2",
    bytes: `GET http://b.example:81/x?y HTTP/1.1\r\n${HOST}\r\nGET HTTPS://c HTTP/1.1\r\n${HOST}\r\n`,
    messages: [
      { target: "http://b.example:81/x?y", host: "b.example:81" },
      { target: "HTTPS://c", host: "c" },
    ],
  },
  {
    name: "absolute-form with a query and no path",
    rfc: "9112 3.2.2",
    bytes: `GET http://b?c@d HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ target: "http://b?c@d", host: "b" }],
  },
  {
    name: "asterisk-form with OPTIONS",
    rfc: "9112 3.2.4",
    bytes: `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ method: "OPTIONS", target: "*", host: "a" }],
  },
  {
    name: "authority-form with CONNECT",
    rfc: "9112 3.2.3",
    bytes: `CONNECT b.example:443 HTTP/1.1\r\n${HOST}\r\nCONNECT [::1]:443 HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ target: "b.example:443", host: "b.example:443" }, { host: "[::1]:443" }],
  },
  {
    name: "field values without the white space around them",
    rfc: "9112 5.1",
    bytes: "GET / HTTP/1.1\r\nHost:a\r\nX-A: \t b  c\t \r\nX-B:\r\nX-C: \t \r\nX-D:\td\r\n\r\n",
    messages: [
      {
        fields: [
          ["host", "a"],
          ["x-a", "b  c"],
          ["x-b", ""],
          ["x-c", ""],
          ["x-d", "d"],
        ],
      },
    ],
  },
  {
    name: "bytes above 127 in a value, and a no-break space at its end",
    rfc: "9110 5.5",
    bytes: "GET / HTTP/1.1\r\nHost: a\r\nX: \xa0\x80\xff\xa0\r\n\r\n",
    messages: [
      {
        fields: [
          ["host", "a"],
          ["x", "\xa0\x80\xff\xa0"],
        ],
      },
    ],
  },
  {
    name: "colons and the other framing fields' names in a value",
    rfc: "9112 5",
    bytes: "GET / HTTP/1.1\r\nHost: a\r\nX: Content-Length: 5\r\nY: : Transfer-Encoding: chunked\r\n\r\n",
    messages: [{ contentLength: -1, chunked: false }],
  },
  {
    name: "names that begin or end like framing fields",
    rfc: "9110 5.1",
    bytes:
      "GET / HTTP/1.1\r\nHost: a\r\nHosts: b\r\nContent-Length-X: 5\r\nX-Content-Length: 5\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\nTransfer-Encodin: chunked\r\nTE: trailers\r\n\r\n",
    messages: [{ host: "a", contentLength: -1, chunked: false }],
  },
  {
    name: "framing fields in any case of letters",
    rfc: "9110 5.1",
    bytes:
      "POST / HTTP/1.1\r\nhOsT: a\r\nCONTENT-length: 2\r\n\r\nhiPOST / HTTP/1.1\r\nHOST: b\r\ntransfer-ENCODING: cHuNkEd\r\n\r\n0\r\n\r\n",
    messages: [
      { host: "a", contentLength: 2, content: "hi", trailers: [] },
      { host: "b", contentLength: -1, chunked: true, hasContent: true, content: "", trailers: [] },
    ],
  },
  {
    name: "Content-Length: 0, which has no content",
    rfc: "9112 6.3",
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ contentLength: 0, hasContent: false }, { target: "/2" }],
  },
  {
    name: "Content-Length with zeros in front, which is decimal",
    rfc: "9110 8.6",
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 010\r\n\r\n0123456789`,
    messages: [{ contentLength: 10, content: "0123456789" }],
  },
  {
    name: "content with GET",
    rfc: "9110 9.3.1",
    bytes: `GET / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ content: "abc" }, { target: "/2" }],
  },
  {
    name: "content that looks like a request, which is content",
    rfc: "9112 6.3",
    bytes:
      `POST / HTTP/1.1\r\n${HOST}Content-Length: 18\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n${HOST}\r\n`.replace(
        "Content-Length: 18",
        "Content-Length: 19",
      ),
    messages: [{ content: "GET /2 HTTP/1.1\r\n\r\n" }, { target: "/3" }],
  },
  {
    name: "content with every byte",
    rfc: "9110 6.4",
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 256\r\n\r\n${String.fromCharCode(...Array(256).keys())}`,
    messages: [{ content: String.fromCharCode(...Array(256).keys()) }],
  },
  {
    name: "content of HTTP/1.0, whose connection closes unless asked to stay",
    rfc: "9112 9.3",
    bytes: "POST / HTTP/1.0\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\nxGET / HTTP/1.0\r\n\r\n",
    messages: [{ keepAlive: true, content: "x" }, { keepAlive: false }],
  },
  {
    name: "Connection: close in a list, over several lines, in any case of letters",
    rfc: "9112 9.6",
    bytes: `GET / HTTP/1.1\r\n${HOST}Connection: keep-alive\r\nConnection: x ,\tCLOSE\r\n\r\n`,
    messages: [{ keepAlive: false }],
  },
  {
    name: "a Connection option that only begins like close",
    rfc: "9112 9.6",
    bytes: `GET / HTTP/1.1\r\n${HOST}Connection: closed\r\n\r\n`,
    messages: [{ keepAlive: true }],
  },
  {
    name: "close beside keep-alive, for which close wins",
    rfc: "9112 9.3",
    bytes: "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
    messages: [{ keepAlive: false }],
  },
  {
    name: "Expect: 100-continue with content",
    rfc: "9110 10.1.1",
    bytes: `POST / HTTP/1.1\r\n${HOST}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx`,
    messages: [{ expectContinue: true, expectsUnknown: false, content: "x" }],
  },
  {
    name: "Expect: 100-continue without content, or with HTTP/1.0, which asks for nothing",
    rfc: "9110 10.1.1",
    bytes: `GET / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\n\r\nPOST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx`,
    messages: [
      { expectContinue: false, expectsUnknown: false },
      { expectContinue: false, expectsUnknown: false },
    ],
  },
  {
    name: "an expectation that nobody knows",
    rfc: "9110 10.1.1",
    bytes: `GET / HTTP/1.1\r\n${HOST}Expect: tea\r\n\r\nPOST / HTTP/1.1\r\n${HOST}Expect: 100-continue, tea\r\nContent-Length: 1\r\n\r\nx`,
    messages: [{ expectsUnknown: true }, { expectContinue: false, expectsUnknown: true }],
  },
  {
    name: "chunks, with sizes in hex of either case and zeros in front",
    rfc: "9112 7.1",
    bytes: `${CHUNKED_HEAD}5\r\nhello\r\n00a\r\n0123456789\r\nB\r\nabcdefghijk\r\n000\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ content: "hello0123456789abcdefghijk", trailers: [] }, { target: "/2" }],
  },
  {
    name: "chunk data that looks like the end of the content",
    rfc: "9112 7.1",
    bytes: `${CHUNKED_HEAD}7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n`,
    messages: [{ content: "\r\n0\r\n\r\n" }],
  },
  {
    name: "chunk extensions: names, tokens and quoted strings",
    rfc: "9112 7.1.1",
    bytes: `${CHUNKED_HEAD}1;a\r\nx\r\n1;a=b;c="d; \\"e\\"\t"\r\ny\r\n0;last=1\r\n\r\n`,
    messages: [{ content: "xy" }],
  },
  {
    name: "trailers",
    rfc: "9112 7.1.2",
    bytes: `${CHUNKED_HEAD}0\r\nX-Sum:  1 \r\nx-sum: 2\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`,
    messages: [
      {
        trailers: [
          ["x-sum", "1"],
          ["x-sum", "2"],
        ],
      },
      { target: "/2", trailers: undefined as never },
    ],
  },
  {
    name: "pipelined requests",
    rfc: "9112 9.3.2",
    bytes: `GET /1 HTTP/1.1\r\n${HOST}\r\nPOST /2 HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nxGET /3 HTTP/1.0\r\n\r\nGET /4 HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ target: "/1" }, { target: "/2", content: "x" }, { target: "/3" }, { target: "/4" }],
  },
  { name: "nothing", rfc: "9112 9.5", bytes: "" },
  { name: "an empty line alone", rfc: "9112 2.2", bytes: "\r\n" },
  { name: "half an empty line", rfc: "9112 2.2", bytes: "\r", state: "head" },
  { name: "a head without its last byte", rfc: "9112 2.2", bytes: `GET / HTTP/1.1\r\n${HOST}\r`, state: "head" },
  { name: "a head without its empty line", rfc: "9112 2.2", bytes: `GET / HTTP/1.1\r\n${HOST}`, state: "head" },
  {
    name: "a length without all of its content",
    rfc: "9112 6.3",
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nab`,
    messages: [{ content: "ab" }],
    state: "content",
  },
  {
    name: "chunks without the last one",
    rfc: "9112 8",
    bytes: `${CHUNKED_HEAD}1\r\nx\r\n`,
    messages: [{ content: "x" }],
    state: "content",
  },
  {
    name: "a last chunk without the empty line",
    rfc: "9112 8",
    bytes: `${CHUNKED_HEAD}0\r\n`,
    messages: [{ content: "" }],
    state: "content",
  },
];

/** Whole heads that are refused. */
const heads: readonly Line[] = [
  ["a bare LF behind the request line", "9112 2.2", `GET / HTTP/1.1\n${HOST}\r\n`, LINE_END],
  ["a bare LF behind a field", "9112 2.2", "GET / HTTP/1.1\r\nHost: a\n\r\n", LINE_END],
  ["a bare LF as the empty line", "9112 2.2", `GET / HTTP/1.1\r\n${HOST}\n`, LINE_END],
  ["bare LFs throughout", "9112 2.2", "GET / HTTP/1.1\nHost: a\n\n", LINE_END],
  ["a bare LF before the request line", "9112 2.2", `\nGET / HTTP/1.1\r\n${HOST}\r\n`, LINE_END],
  ["a bare CR before the request line", "9112 2.2", `\rGET / HTTP/1.1\r\n${HOST}\r\n`, LINE_END],
  ["a bare CR in the request line", "9112 2.2", `GET /\r HTTP/1.1\r\n${HOST}\r\n`, LINE_END],
  ["a bare CR for a space", "9112 2.2", `GET\r/ HTTP/1.1\r\n${HOST}\r\n`, LINE_END],
  ["a bare CR in a field name", "9112 2.2", "GET / HTTP/1.1\r\nHo\rst: a\r\n\r\n", LINE_END],
  ["a bare CR in a value", "9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", LINE_END],
  ["CR CR LF", "9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", LINE_END],
  ["a bare CR and nothing behind it but a letter", "9112 2.2", "GET / HTTP/1.1\rH", LINE_END],
  ["LF CR", "9112 2.2", "GET / HTTP/1.1\n\rHost: a\r\n\r\n", LINE_END],
  [
    "two empty lines before the request line",
    "9112 2.2",
    `\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
    [400, "ERR_HTTP_EMPTY_LINE"],
  ],
  ["white space before the first field", "9112 2.2", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", FOLDED],

  ["a request line of one word", "9112 3", "GET\r\n\r\n", REQUEST_LINE],
  ["HTTP/0.9, which has no version", "9112 3", "GET /\r\n\r\n", REQUEST_LINE],
  ["two spaces before the target", "9112 3", `GET  / HTTP/1.1\r\n${HOST}\r\n`, REQUEST_LINE],
  ["two spaces before the version", "9112 3", `GET /  HTTP/1.1\r\n${HOST}\r\n`, REQUEST_LINE],
  ["a space behind the version", "9112 3", `GET / HTTP/1.1 \r\n${HOST}\r\n`, REQUEST_LINE],
  ["a space before the method", "9112 3", ` GET / HTTP/1.1\r\n${HOST}\r\n`, REQUEST_LINE],
  ["a space in the target", "9112 3", `GET /a b HTTP/1.1\r\n${HOST}\r\n`, REQUEST_LINE],
  ["tabs for spaces", "9112 3", `GET\t/\tHTTP/1.1\r\n${HOST}\r\n`, REQUEST_LINE],
  ["a tab in the target", "9112 3", `GET /a\tb HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["a tab behind the version", "9112 3", `GET / HTTP/1.1\t\r\n${HOST}\r\n`, VERSION],
  ["no target", "9112 3", `GET HTTP/1.1\r\n${HOST}\r\n`, REQUEST_LINE],
  ["no method", "9112 3", `/ HTTP/1.1\r\n${HOST}\r\n`, REQUEST_LINE],
  ["a method that is no token", "9110 9.1", `G(T / HTTP/1.1\r\n${HOST}\r\n`, METHOD],
  ["a method with a colon", "9110 9.1", `GET: / HTTP/1.1\r\n${HOST}\r\n`, METHOD],
  ["a method with a byte above 127", "9110 9.1", `G\xc9T / HTTP/1.1\r\n${HOST}\r\n`, METHOD],
  ["a byte order mark", "9110 9.1", `\xef\xbb\xbfGET / HTTP/1.1\r\n${HOST}\r\n`, METHOD],
  ["the first bytes of TLS", "9112 2.2", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", CONTROL],
  ["NUL in the request line", "9112 2.2", `GET /\0 HTTP/1.1\r\n${HOST}\r\n`, CONTROL],
  ["DEL in the target", "9112 2.2", `GET /\x7f HTTP/1.1\r\n${HOST}\r\n`, CONTROL],
  ["a vertical tab for a space", "9112 3", `GET\x0b/ HTTP/1.1\r\n${HOST}\r\n`, CONTROL],

  ["a target that is no path", "9112 3.2", `GET a HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["a query for a target", "9112 3.2", `GET ?a HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["a number sign in the target", "9112 3.2", `GET /a#b HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["a byte above 127 in the target", "9112 3.2", `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["asterisk-form with GET", "9112 3.2.4", `GET * HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["an asterisk and more", "9112 3.2.4", `OPTIONS *a HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["authority-form with GET", "9112 3.2.3", `GET a:80 HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["origin-form with CONNECT", "9112 3.2.3", `CONNECT / HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["absolute-form with CONNECT", "9112 3.2.3", `CONNECT http://a:80/ HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["CONNECT without a port", "9112 3.2.3", `CONNECT a HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["CONNECT with an empty port", "9112 3.2.3", `CONNECT a: HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["CONNECT without a host", "9112 3.2.3", `CONNECT :80 HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["absolute-form without a host", "9110 4.2.1", `GET http:///a HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["absolute-form with a port and no host", "9110 4.2.1", `GET http://:80/a HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["absolute-form with user information", "9110 4.2.4", `GET http://u:p@a/ HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["absolute-form with a bad port", "9110 4.2.1", `GET http://a:99999/ HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["absolute-form with another scheme", "9110 4.2", `GET ftp://a/ HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["absolute-form with one slash", "9110 4.2", `GET http:/a HTTP/1.1\r\n${HOST}\r\n`, TARGET],
  ["absolute-form without Host", "9112 3.2", "GET http://a/ HTTP/1.1\r\n\r\n", NO_HOST],
  ["absolute-form with a malformed Host", "9112 3.2", "GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n", BAD_HOST],

  ["HTTP/2.0", "9110 15.6.6", `GET / HTTP/2.0\r\n${HOST}\r\n`, VERSION_UNSUPPORTED],
  ["the preface of HTTP/2", "9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VERSION_UNSUPPORTED],
  ["HTTP/1.2", "9110 15.6.6", `GET / HTTP/1.2\r\n${HOST}\r\n`, VERSION_UNSUPPORTED],
  ["HTTP/1.9", "9110 15.6.6", `GET / HTTP/1.9\r\n${HOST}\r\n`, VERSION_UNSUPPORTED],
  ["HTTP/9.9", "9110 15.6.6", `GET / HTTP/9.9\r\n${HOST}\r\n`, VERSION_UNSUPPORTED],
  ["HTTP/3.1 with nothing behind the line", "9110 15.6.6", "GET / HTTP/3.1\r\n", VERSION_UNSUPPORTED],
  ["HTTP/0.9 by name", "9112 2.3", `GET / HTTP/0.9\r\n${HOST}\r\n`, VERSION],
  ["HTTP/1.10", "9112 2.3", `GET / HTTP/1.10\r\n${HOST}\r\n`, VERSION],
  ["HTTP/01.1", "9112 2.3", `GET / HTTP/01.1\r\n${HOST}\r\n`, VERSION],
  ["HTTP/1", "9112 2.3", `GET / HTTP/1\r\n${HOST}\r\n`, VERSION],
  ["HTTP/1.", "9112 2.3", `GET / HTTP/1.\r\n${HOST}\r\n`, VERSION],
  ["HTTP/1,1", "9112 2.3", `GET / HTTP/1,1\r\n${HOST}\r\n`, VERSION],
  ["http/1.1", "9112 2.3", `GET / http/1.1\r\n${HOST}\r\n`, VERSION],
  ["Http/1.1", "9112 2.3", `GET / Http/1.1\r\n${HOST}\r\n`, VERSION],
  ["HTTPS/1.1", "9112 2.3", `GET / HTTPS/1.1\r\n${HOST}\r\n`, VERSION],
  ["HTTP/1.x", "9112 2.3", `GET / HTTP/1.x\r\n${HOST}\r\n`, VERSION],
  ["HTTP/+1.1", "9112 2.3", `GET / HTTP/+1.1\r\n${HOST}\r\n`, VERSION],

  ["a space before the colon", "9112 5.1", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", NAME],
  ["a tab before the colon", "9112 5.1", "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n", NAME],
  ["a space in a name", "9112 5.1", "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", NAME],
  ["a line without a colon", "9112 5", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", NAME],
  ["an empty name", "9112 5", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", NAME],
  ["a name with a slash", "9110 5.1", "GET / HTTP/1.1\r\nHost: a\r\nX/Y: b\r\n\r\n", NAME],
  ["a name with a byte above 127", "9110 5.1", "GET / HTTP/1.1\r\nHost: a\r\nX\xe9: b\r\n\r\n", NAME],
  ["a quoted name", "9110 5.1", 'GET / HTTP/1.1\r\nHost: a\r\n"X": b\r\n\r\n', NAME],
  ["a folded value", "9112 5.2", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", FOLDED],
  ["a value folded with a tab", "9112 5.2", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", FOLDED],
  [
    "a folded Transfer-Encoding",
    "9112 5.2",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
    FOLDED,
  ],
  ["a line of white space", "9112 5.2", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", FOLDED],
  ["NUL in a value", "9110 5.5", "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", CONTROL],
  ["NUL in a name", "9110 5.1", "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", CONTROL],
  ["a control byte in a value", "9110 5.5", "GET / HTTP/1.1\r\nHost: a\r\nX: b\x1bc\r\n\r\n", CONTROL],
  ["DEL in a value", "9110 5.5", "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", CONTROL],

  ["no Host with HTTP/1.1", "9112 3.2", "GET / HTTP/1.1\r\n\r\n", NO_HOST],
  ["no Host among other fields", "9112 3.2", "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", NO_HOST],
  ["two Host fields", "9112 3.2", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", TWO_HOSTS],
  ["the same Host twice", "9112 3.2", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: a\r\n\r\n", TWO_HOSTS],
  ["two Host fields with HTTP/1.0", "9112 3.2", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", TWO_HOSTS],
];

const hosts: ReadonlyArray<readonly [value: string, isSound: boolean]> = [
  ["", true],
  ["a", true],
  ["a.example.", true],
  ["A-b_c~d.e", true],
  ["xn--bcher-kva.example:8080", true],
  ["a:", true],
  ["a:0", true],
  ["a:65535", true],
  ["a:00080", true],
  ["127.0.0.1:80", true],
  ["a%20b", true],
  ["a!$&'()*+,;=b", true],
  ["[::]", true],
  ["[::1]:8080", true],
  ["[1:2:3:4:5:6:7:8]", true],
  ["[1::8]", true],
  ["[1:2:3:4:5:6:7::]", true],
  ["[::ffff:192.0.2.1]", true],
  ["[1:2:3:4:5:6:192.0.2.1]", true],
  ["[v1.a:b]", true],
  ["a:65536", false],
  ["a:-1", false],
  ["a:b", false],
  ["a:80:80", false],
  ["a b", false],
  ["a\tb", false],
  ["a, b", false],
  ["a/", false],
  ["http://a", false],
  ["u@a", false],
  ["a?b", false],
  ["a#b", false],
  ["a\\b", false],
  ["a%2", false],
  ["a%zz", false],
  ["\xe9", false],
  ["<a>", false],
  ["a|b", false],
  ["[]", false],
  ["[1]", false],
  ["[:]", false],
  ["[:::]", false],
  ["[1::2::3]", false],
  ["[1:2:3:4:5:6:7]", false],
  ["[1:2:3:4:5:6:7:8:9]", false],
  ["[1:2:3:4:5:6:7:8::]", false],
  ["[12345::]", false],
  ["[::g]", false],
  ["[::1", false],
  ["::1", false],
  ["[::1]a", false],
  ["[::192.0.2.256]", false],
  ["[::192.0.2.1.]", false],
  ["[192.0.2.1]", false],
  ["[192.0.2.1::]", false],
  ["[fe80::1%25eth0]", false],
  ["[v1.]", false],
];

const hostCases = hosts.map(([value, isSound]): Case => {
  const base = { rfc: "3986 3.2.2", bytes: `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n` };
  if (!isSound) return { ...base, name: `the malformed host ${JSON.stringify(value)}`, refusal: BAD_HOST };
  return { ...base, name: `the host ${JSON.stringify(value)}`, messages: [{ host: value }] };
});

/** Framing fields that are refused, between Host and the end of the head. */
const framings: readonly Line[] = [
  ["both framing fields", "9112 6.3", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", CONFLICT],
  [
    "both framing fields, the other way round",
    "9112 6.3",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    CONFLICT,
  ],
  [
    "both framing fields with a coding that is unknown",
    "9112 6.3",
    "Transfer-Encoding: gzip\r\nContent-Length: 0\r\n",
    CONFLICT,
  ],
  ["both framing fields, both malformed", "9112 6.3", "Transfer-Encoding: ,\r\nContent-Length: x\r\n", CONFLICT],
  ["two lengths", "9112 6.3", "Content-Length: 5\r\nContent-Length: 6\r\n", LENGTH],
  ["the same length twice", "9112 6.3", "Content-Length: 5\r\ncontent-length: 5\r\n", LENGTH],
  ["a list of lengths", "9112 6.3", "Content-Length: 5, 6\r\n", LENGTH],
  ["a list of equal lengths", "9112 6.3", "Content-Length: 5,5\r\n", LENGTH],
  ["an empty length", "9110 8.6", "Content-Length:\r\n", LENGTH],
  ["a length with a plus sign", "9110 8.6", "Content-Length: +5\r\n", LENGTH],
  ["a negative length", "9110 8.6", "Content-Length: -5\r\n", LENGTH],
  ["a negative length of zero", "9110 8.6", "Content-Length: -0\r\n", LENGTH],
  ["a length in hex", "9110 8.6", "Content-Length: 0x45\r\n", LENGTH],
  ["a length in octal", "9110 8.6", "Content-Length: 0o5\r\n", LENGTH],
  ["a length with an exponent", "9110 8.6", "Content-Length: 5e0\r\n", LENGTH],
  ["a length with a fraction", "9110 8.6", "Content-Length: 5.0\r\n", LENGTH],
  ["a length with a space in it", "9110 8.6", "Content-Length: 5 0\r\n", LENGTH],
  ["a length with a separator", "9110 8.6", "Content-Length: 1_000\r\n", LENGTH],
  ["a quoted length", "9110 8.6", 'Content-Length: "5"\r\n', LENGTH],
  ["a length in digits of another script", "9110 8.6", "Content-Length: \xb2\r\n", LENGTH],
  ["a length behind a no-break space", "9110 8.6", "Content-Length: \xa05\r\n", LENGTH],
  ["a length of 2^53", "9112 6.3", "Content-Length: 9007199254740992\r\n", LENGTH],
  ["a length of 2^64", "9112 6.3", "Content-Length: 18446744073709551616\r\n", LENGTH],
  ["a length beyond every number", "9112 6.3", `Content-Length: ${"9".repeat(400)}\r\n`, LENGTH],
  ["a length over the limit", "9110 15.5.14", "Content-Length: 1048577\r\n", CONTENT_TOO_LARGE],
  ["the largest length there is", "9110 15.5.14", `Content-Length: ${MAX_LENGTH}\r\n`, CONTENT_TOO_LARGE],

  ["chunked twice", "9112 6.1", "Transfer-Encoding: chunked, chunked\r\n", CODING],
  ["chunked on two lines", "9112 6.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CODING],
  ["chunked that is not last", "9112 6.3", "Transfer-Encoding: chunked, gzip\r\n", CODING],
  [
    "chunked that is not last, on two lines",
    "9112 6.3",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    CODING,
  ],
  ["chunked twice around another", "9112 6.1", "Transfer-Encoding: chunked, gzip, chunked\r\n", CODING],
  ["chunked with a parameter", "9112 7.1", "Transfer-Encoding: chunked;a=b\r\n", CODING],
  ["chunked in quotes", "9112 7", 'Transfer-Encoding: "chunked"\r\n', CODING],
  ["chunked behind a no-break space", "9112 7", "Transfer-Encoding: \xa0chunked\r\n", CODING],
  ["chunked and another word", "9112 7", "Transfer-Encoding: chunked gzip\r\n", CODING],
  ["an empty coding", "9112 7", "Transfer-Encoding:\r\n", CODING],
  ["an empty member before chunked", "9112 7", "Transfer-Encoding: , chunked\r\n", CODING],
  ["an empty member behind chunked", "9112 7", "Transfer-Encoding: chunked,\r\n", CODING],
  ["an empty line and chunked", "9112 7", "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", CODING],
  ["a coding in brackets", "9112 7", "Transfer-Encoding: [chunked]\r\n", CODING],
  ["a vertical tab before chunked", "9110 5.5", "Transfer-Encoding: \x0bchunked\r\n", CONTROL],
  ["a space behind the name of Transfer-Encoding", "9112 5.1", "Transfer-Encoding : chunked\r\n", NAME],
  ["gzip under chunked", "9112 6.1", "Transfer-Encoding: gzip, chunked\r\n", UNKNOWN_CODING],
  [
    "gzip and chunked on two lines",
    "9112 6.1",
    "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    UNKNOWN_CODING,
  ],
  ["gzip alone", "9112 6.1", "Transfer-Encoding: gzip\r\n", UNKNOWN_CODING],
  ["identity, which is no coding any more", "9112 6.1", "Transfer-Encoding: identity\r\n", UNKNOWN_CODING],
  ["a coding that nobody knows", "9112 6.1", "Transfer-Encoding: xchunked\r\n", UNKNOWN_CODING],
  ["an unknown coding with a parameter", "9112 6.1", 'Transfer-Encoding: x;a=b;c="d e", chunked\r\n', UNKNOWN_CODING],
];

/** What follows a head with the chunked coding, and is refused. */
const chunks: readonly Line[] = [
  ["a chunk size that is no number", "9112 7.1", "g\r\n", CHUNK],
  ["an empty chunk size", "9112 7.1", "\r\n", CHUNK],
  ["an empty chunk size before an extension", "9112 7.1", ";a=b\r\n", CHUNK],
  ["a chunk size with a sign", "9112 7.1", "+5\r\nhello\r\n", CHUNK],
  ["a negative chunk size", "9112 7.1", "-5\r\nhello\r\n", CHUNK],
  ["a chunk size with 0x in front", "9112 7.1", "0x5\r\nhello\r\n", CHUNK],
  ["a space before a chunk size", "9112 7.1", " 5\r\nhello\r\n", CHUNK],
  ["a space behind a chunk size", "9112 7.1", "5 \r\nhello\r\n", CHUNK],
  ["a tab behind a chunk size", "9112 7.1", "5\t\r\nhello\r\n", CHUNK],
  ["a chunk size with a separator", "9112 7.1", "1_0\r\n", CHUNK],
  ["a chunk size with a fraction", "9112 7.1", "5.0\r\nhello\r\n", CHUNK],
  ["a chunk size with a NUL", "9112 7.1", "5\0\r\nhello\r\n", CONTROL],
  ["a chunk size of 2^53", "9112 7.1", "20000000000000\r\n", CHUNK],
  ["a chunk size of 2^64 - 1", "9112 7.1", "ffffffffffffffff\r\n", CHUNK],
  ["a chunk size of 17 digits", "9112 7.1", "00000000000000005\r\nhello\r\n", CHUNK],
  ["a chunk size without end", "9112 7.1", "0".repeat(400), CHUNK_LINE],
  ["a chunk over the limit", "9110 15.5.14", "100001\r\n", CONTENT_TOO_LARGE],
  ["a bare LF behind a chunk size", "9112 7.1", "5\nhello\r\n", LINE_END],
  ["a bare CR behind a chunk size", "9112 7.1", "5\rhello\r\n", LINE_END],
  ["CR CR LF behind a chunk size", "9112 7.1", "5\r\r\nhello\r\n", LINE_END],
  ["a bare LF within an extension", "9112 7.1.1", "5;a\nhello\r\n", LINE_END],
  ["a bare CR within an extension", "9112 7.1.1", "5;a\rb\r\nhello\r\n", LINE_END],
  ["a space before an extension", "9112 7.1.1", "5 ;a=b\r\nhello\r\n", CHUNK],
  ["a space within an extension", "9112 7.1.1", "5; a=b\r\nhello\r\n", CHUNK],
  ["a space around an equals sign", "9112 7.1.1", "5;a =b\r\nhello\r\n", CHUNK],
  ["an extension without a name", "9112 7.1.1", "5;\r\nhello\r\n", CHUNK],
  ["an extension with an empty value", "9112 7.1.1", "5;a=\r\nhello\r\n", CHUNK],
  ["an extension with an open quoted string", "9112 7.1.1", '5;a="b\r\nhello\r\n', CHUNK],
  ["an extension with more behind its quoted string", "9112 7.1.1", '5;a="b"c\r\nhello\r\n', CHUNK],
  ["an extension with a comma", "9112 7.1.1", "5;a,b\r\nhello\r\n", CHUNK],
  ["an extension with a byte above 127 in its name", "9112 7.1.1", "5;\xe9\r\nhello\r\n", CHUNK],
  ["too long an extension", "9112 7.1.1", `5;${"a".repeat(256)}\r\nhello\r\n`, CHUNK_LINE],
  ["an extension without end", "9112 7.1.1", `5;${"a".repeat(500)}`, CHUNK_LINE],
];

/** As `chunks`, with content before the refusal. */
const chunkEnds: ReadonlyArray<readonly [...Line, content: string]> = [
  ["chunk data that is longer than its size", "9112 7.1", "5\r\nhello!\r\n0\r\n\r\n", LINE_END, "hello"],
  ["chunk data that is shorter than its size", "9112 7.1", "5\r\nhell\r\n0\r\n\r\n", LINE_END, "hell\r"],
  ["a bare LF behind chunk data", "9112 7.1", "5\r\nhello\n0\r\n\r\n", LINE_END, "hello"],
  ["a bare CR behind chunk data", "9112 7.1", "5\r\nhello\r0\r\n\r\n", LINE_END, "hello"],
  ["nothing behind chunk data", "9112 7.1", "5\r\nhello0\r\n\r\n", LINE_END, "hello"],
  ["a bare LF behind the last chunk", "9112 7.1", "0\n\r\n", LINE_END, ""],
  ["a bare LF as the empty line behind the last chunk", "9112 7.1", "0\r\n\n", LINE_END, ""],
  ["a bare CR as the empty line behind the last chunk", "9112 7.1", "0\r\n\rX", LINE_END, ""],
  ["chunks that pass the limit together", "9110 15.5.14", "1\r\nx\r\n100000\r\n", CONTENT_TOO_LARGE, "x"],
  [
    "extensions that pass the limit together",
    "9112 7.1.1",
    `1;${"a".repeat(199)}\r\nx\r\n1;${"b".repeat(56)}\r\ny\r\n`,
    CHUNK_LINE,
    "x",
  ],
  ["a trailer without a colon", "9112 7.1.2", "0\r\nX\r\n\r\n", NAME, ""],
  ["a trailer with a space before its colon", "9112 5.1", "0\r\nX : y\r\n\r\n", NAME, ""],
  ["a trailer without a name", "9112 5", "0\r\n: y\r\n\r\n", NAME, ""],
  ["a folded trailer", "9112 5.2", "0\r\nX: y\r\n z\r\n\r\n", FOLDED, ""],
  ["NUL in a trailer", "9110 5.5", "0\r\nX: \0\r\n\r\n", CONTROL, ""],
  ["a bare LF behind a trailer", "9112 2.2", "0\r\nX: y\n\r\n", LINE_END, ""],
  ["a bare CR in a trailer", "9112 2.2", "0\r\nX: y\rz\r\n\r\n", LINE_END, ""],
  ["Content-Length among the trailers", "9110 6.5.1", "0\r\nContent-Length: 5\r\n\r\n", FORBIDDEN, ""],
  [
    "Transfer-Encoding among the trailers",
    "9110 6.5.1",
    "0\r\nX: y\r\ntransfer-encoding: chunked\r\n\r\n",
    FORBIDDEN,
    "",
  ],
  ["Host among the trailers", "9110 6.5.1", "0\r\nHOST: b\r\n\r\n", FORBIDDEN, ""],
  ["Authorization among the trailers", "9110 6.5.1", "0\r\nAuthorization: Token x\r\n\r\n", FORBIDDEN, ""],
  ["Cookie among the trailers", "9110 6.5.1", "0\r\nCookie: a=b\r\n\r\n", FORBIDDEN, ""],
  ["Content-Type among the trailers", "9110 6.5.1", "0\r\nContent-Type: text/html\r\n\r\n", FORBIDDEN, ""],
  ["a request line for a trailer", "9112 7.1.2", "0\r\nGET / HTTP/1.1\r\n\r\n", NAME, ""],
];

const LIMITS: MessageLimits = {
  maxHeaderBytes: 80,
  maxFields: 3,
  maxTargetBytes: 20,
  maxContentBytes: 10,
  maxTrailerBytes: 20,
  maxChunkExtensionBytes: 5,
};
const MANY: Partial<MessageLimits> = { ...LIMITS, maxHeaderBytes: 1_000 };
const target = (bytes: number): string => `/${"t".repeat(bytes - 1)}`;
/** A head of exactly so many bytes. */
const headOf = (bytes: number): string => {
  const rest = `GET / HTTP/1.1\r\n${HOST}X: \r\n\r\n`;
  return rest.replace("X: ", `X: ${"x".repeat(bytes - rest.length)}`);
};

const limits: readonly Case[] = [
  { name: "a head as long as the limit", rfc: "6585 5", bytes: headOf(80), limits: LIMITS, messages: [{}] },
  { name: "a head one byte over the limit", rfc: "6585 5", bytes: headOf(81), limits: LIMITS, refusal: TOO_LARGE },
  {
    name: "a head over the limit, not complete",
    rfc: "6585 5",
    bytes: headOf(200).slice(0, 80),
    limits: LIMITS,
    refusal: TOO_LARGE,
  },
  {
    name: "a line that ends at the limit",
    rfc: "6585 5",
    bytes: `${headOf(80).slice(0, -2)}X`,
    limits: LIMITS,
    state: "head",
  },
  {
    name: "a head over the limit by its last line",
    rfc: "6585 5",
    bytes: headOf(82).slice(0, -2),
    limits: LIMITS,
    refusal: TOO_LARGE,
  },
  { name: "a head over the default limit", rfc: "6585 5", bytes: headOf(16_385), refusal: TOO_LARGE },
  { name: "a head as long as the default limit", rfc: "6585 5", bytes: headOf(16_384), messages: [{}] },
  {
    name: "a fault before the limit, which counts first",
    rfc: "6585 5",
    bytes: headOf(200).replace("Host:", "Host :"),
    limits: LIMITS,
    refusal: NAME,
  },
  {
    name: "a fault behind the limit, which does not count",
    rfc: "6585 5",
    bytes: headOf(200).replace("xx\r", "x\0\r"),
    limits: LIMITS,
    refusal: TOO_LARGE,
  },
  {
    name: "a pipelined head over the limit",
    rfc: "6585 5",
    bytes: headOf(80) + headOf(81),
    limits: LIMITS,
    messages: [{}],
    refusal: TOO_LARGE,
  },
  {
    name: "an empty line before a head as long as the limit",
    rfc: "9112 2.2",
    bytes: `\r\n${headOf(80)}`,
    limits: LIMITS,
    messages: [{}],
  },
  { name: "a method without end", rfc: "6585 5", bytes: "A".repeat(200), limits: LIMITS, refusal: TOO_LARGE },
  {
    name: "as many fields as the limit",
    rfc: "6585 5",
    bytes: `GET / HTTP/1.1\r\n${HOST}A: 1\r\nB: 2\r\n\r\n`,
    limits: MANY,
    messages: [{}],
  },
  {
    name: "one field over the limit",
    rfc: "6585 5",
    bytes: `GET / HTTP/1.1\r\n${HOST}A: 1\r\nB: 2\r\nC: 3\r\n\r\n`,
    limits: MANY,
    refusal: TOO_MANY,
  },
  {
    name: "one field over the limit, not complete",
    rfc: "6585 5",
    bytes: `GET / HTTP/1.1\r\n${HOST}A: 1\r\nB: 2\r\nC: 3\r\n`,
    limits: MANY,
    refusal: TOO_MANY,
  },
  {
    name: "more fields than the limit and a second Host",
    rfc: "6585 5",
    bytes: `GET / HTTP/1.1\r\n${HOST}${HOST}${HOST}${HOST}\r\n`,
    limits: MANY,
    refusal: TOO_MANY,
  },
  {
    name: "one field over the limit before a malformed one",
    rfc: "6585 5",
    bytes: `GET / HTTP/1.1\r\n${HOST}A: 1\r\nB: 2\r\nC: 3\r\nD\r\n\r\n`,
    limits: MANY,
    refusal: TOO_MANY,
  },
  { name: "100 fields", rfc: "6585 5", bytes: `GET / HTTP/1.1\r\n${HOST}${"A: 1\r\n".repeat(99)}\r\n`, messages: [{}] },
  {
    name: "101 fields",
    rfc: "6585 5",
    bytes: `GET / HTTP/1.1\r\n${HOST}${"A: 1\r\n".repeat(100)}\r\n`,
    refusal: TOO_MANY,
  },
  {
    name: "a target as long as the limit",
    rfc: "9112 3",
    bytes: `GET ${target(20)} HTTP/1.1\r\n${HOST}\r\n`,
    limits: LIMITS,
    messages: [{ target: target(20) }],
  },
  {
    name: "a target one byte over the limit",
    rfc: "9112 3",
    bytes: `GET ${target(21)} HTTP/1.1\r\n${HOST}\r\n`,
    limits: LIMITS,
    refusal: TARGET_TOO_LONG,
  },
  {
    name: "a target over the limit, not complete",
    rfc: "9112 3",
    bytes: `GET ${target(21)}`,
    limits: LIMITS,
    refusal: TARGET_TOO_LONG,
  },
  {
    name: "a target as long as the limit, not complete",
    rfc: "9112 3",
    bytes: `GET ${target(20)}`,
    limits: LIMITS,
    state: "head",
  },
  {
    name: "a target over the limit and no Host",
    rfc: "9112 3",
    bytes: `GET ${target(21)} HTTP/1.1\r\n\r\n`,
    limits: LIMITS,
    refusal: TARGET_TOO_LONG,
  },
  {
    name: "a target over the limit and a bad version",
    rfc: "9112 3",
    bytes: `GET ${target(21)} HTTP/9.9\r\n\r\n`,
    limits: LIMITS,
    refusal: TARGET_TOO_LONG,
  },
  {
    name: "a target over both limits",
    rfc: "9112 3",
    bytes: `GET ${target(200)} HTTP/1.1\r\n${HOST}\r\n`,
    limits: LIMITS,
    refusal: TARGET_TOO_LONG,
  },
  {
    name: "a control byte in a target before it is too long",
    rfc: "9112 3",
    bytes: `GET /\0${target(200)} HTTP/1.1\r\n${HOST}\r\n`,
    limits: LIMITS,
    refusal: CONTROL,
  },
  {
    name: "a target of 8 KiB",
    rfc: "9112 3",
    bytes: `GET ${target(8_192)} HTTP/1.1\r\n${HOST}\r\n`,
    messages: [{ target: target(8_192) }],
  },
  {
    name: "a target of 8 KiB and one byte",
    rfc: "9112 3",
    bytes: `GET ${target(8_193)} HTTP/1.1\r\n${HOST}\r\n`,
    refusal: TARGET_TOO_LONG,
  },
  {
    name: "a target that may be one byte longer than what the head has left",
    rfc: "9112 3",
    bytes: `GET ${target(76)}`,
    limits: { ...LIMITS, maxTargetBytes: 76 },
    refusal: TOO_LARGE,
  },
  {
    name: "a target that may take what the head has left",
    rfc: "9112 3",
    bytes: `GET ${target(76)}`,
    limits: { ...LIMITS, maxTargetBytes: 75 },
    refusal: TARGET_TOO_LONG,
  },
  {
    name: "an absolute target over the limit",
    rfc: "9112 3",
    bytes: `GET http://a${target(13)} HTTP/1.1\r\n${HOST}\r\n`,
    limits: LIMITS,
    refusal: TARGET_TOO_LONG,
  },
  {
    name: "a length as large as the limit",
    rfc: "9110 15.5.14",
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\n0123456789`,
    limits: LIMITS,
    messages: [{ content: "0123456789" }],
  },
  {
    name: "a length one byte over the limit",
    rfc: "9110 15.5.14",
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 11\r\n\r\n`,
    limits: LIMITS,
    refusal: CONTENT_TOO_LARGE,
  },
  {
    name: "a length that no limit refuses",
    rfc: "9112 6.3",
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: ${MAX_LENGTH}\r\n\r\nx`,
    limits: { maxContentBytes: Number.MAX_SAFE_INTEGER },
    messages: [{ contentLength: Number.MAX_SAFE_INTEGER, content: "x" }],
    state: "content",
  },
  {
    name: "chunks as large as the limit together",
    rfc: "9110 15.5.14",
    bytes: `${CHUNKED_HEAD}9\r\n012345678\r\n1\r\n9\r\n0\r\n\r\n`,
    limits: LIMITS,
    messages: [{ content: "0123456789" }],
  },
  {
    name: "chunks one byte over the limit together",
    rfc: "9110 15.5.14",
    bytes: `${CHUNKED_HEAD}9\r\n012345678\r\n2\r\n`,
    limits: LIMITS,
    messages: [{ content: "012345678" }],
    refusal: CONTENT_TOO_LARGE,
  },
  {
    name: "a chunk that no limit refuses",
    rfc: "9112 7.1",
    bytes: `${CHUNKED_HEAD}1fffffffffffff\r\nx`,
    limits: { maxContentBytes: Number.MAX_SAFE_INTEGER },
    messages: [{ content: "x" }],
    state: "content",
  },
  {
    name: "chunks beyond 2^53-1 together",
    rfc: "9112 7.1",
    bytes: `${CHUNKED_HEAD}1\r\nx\r\n1fffffffffffff\r\n`,
    limits: { maxContentBytes: Number.MAX_SAFE_INTEGER },
    messages: [{ content: "x" }],
    refusal: CONTENT_TOO_LARGE,
  },
  {
    name: "no content at all when the limit is none",
    rfc: "9110 15.5.14",
    bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
    limits: { maxContentBytes: 0 },
    messages: [{}],
  },
  {
    name: "extensions as long as the limit together",
    rfc: "9112 7.1.1",
    bytes: `${CHUNKED_HEAD}1;a\r\nx\r\n1;bc\r\ny\r\n0\r\n\r\n`,
    limits: LIMITS,
    messages: [{ content: "xy" }],
  },
  {
    name: "extensions as long as the limit behind a size of 16 digits",
    rfc: "9112 7.1.1",
    bytes: `${CHUNKED_HEAD}0000000000000001;abcd\r\nx\r\n0\r\n\r\n`,
    limits: LIMITS,
    messages: [{ content: "x" }],
  },
  {
    name: "extensions one byte over the limit together",
    rfc: "9112 7.1.1",
    bytes: `${CHUNKED_HEAD}1;a\r\nx\r\n1;bcd\r\ny\r\n0\r\n\r\n`,
    limits: LIMITS,
    messages: [{ content: "x" }],
    refusal: CHUNK_LINE,
  },
  {
    name: "chunks that are counted for each message",
    rfc: "9110 15.5.14",
    bytes: `${CHUNKED_HEAD}9\r\n012345678\r\n0\r\n\r\n`.repeat(2),
    limits: LIMITS,
    messages: [{ content: "012345678" }, { content: "012345678" }],
  },
  {
    name: "extensions that are counted for each message",
    rfc: "9112 7.1.1",
    bytes: `${CHUNKED_HEAD}1;abcd\r\nx\r\n0\r\n\r\n`.repeat(2),
    limits: LIMITS,
    messages: [{ content: "x" }, { content: "x" }],
  },
  {
    name: "trailers as long as the limit",
    rfc: "6585 5",
    bytes: `${CHUNKED_HEAD}0\r\nX: 4567890123456\r\n\r\n`,
    limits: LIMITS,
    messages: [{ trailers: [["x", "4567890123456"]] }],
  },
  {
    name: "trailers one byte over the limit",
    rfc: "6585 5",
    bytes: `${CHUNKED_HEAD}0\r\nX: 45678901234567\r\n\r\n`,
    limits: LIMITS,
    messages: [{}],
    refusal: [431, "ERR_HTTP_TRAILERS_TOO_LARGE"],
  },
  {
    name: "trailers without end",
    rfc: "6585 5",
    bytes: `${CHUNKED_HEAD}0\r\n${"X".repeat(100)}`,
    limits: LIMITS,
    messages: [{}],
    refusal: [431, "ERR_HTTP_TRAILERS_TOO_LARGE"],
  },
  {
    name: "more trailers than the limit",
    rfc: "6585 5",
    bytes: `${CHUNKED_HEAD}0\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n`,
    limits: LIMITS,
    messages: [{}],
    refusal: TOO_MANY,
  },
  {
    name: "trailers that are counted apart from fields",
    rfc: "6585 5",
    bytes: `POST / HTTP/1.1\r\n${HOST}A: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na:\r\nb:\r\nc:\r\n\r\nGET http://a HTTP/1.1\r\n${HOST}A: 1\r\nB: 2\r\n\r\n`,
    limits: LIMITS,
    messages: [{}, {}],
  },
];

const refuse = ([name, rfc, bytes, refusal]: Line): Case => ({ name, rfc, bytes, refusal });

/** Every case. Names are unique. */
export const cases: readonly Case[] = [
  ...accepted,
  ...heads.map(refuse),
  ...hostCases,
  ...framings.map(([name, rfc, text, refusal]) =>
    refuse([name, rfc, `POST / HTTP/1.1\r\n${HOST}${text}\r\nhelloGET /2 HTTP/1.1\r\n${HOST}\r\n`, refusal]),
  ),
  {
    name: "chunked with HTTP/1.0",
    rfc: "9112 6.1",
    bytes: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    refusal: CODING,
  },
  ...chunks.map(([name, rfc, text, refusal]) => ({
    ...refuse([name, rfc, CHUNKED_HEAD + text, refusal]),
    messages: [{ chunked: true, content: "" }],
  })),
  ...chunkEnds.map(([name, rfc, text, refusal, content]) => ({
    ...refuse([name, rfc, CHUNKED_HEAD + text, refusal]),
    messages: [{ chunked: true, content }],
  })),
  ...limits,
];
