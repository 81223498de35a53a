/** The chunked transfer coding: sizes, extensions, data, trailers (RFC 9112 section 7.1, RFC 9110 section 6.5). */
import { section, type Entry, type Refusal, type Section } from "../case.ts";
import {
  CHUNK,
  CHUNK_LINE,
  CHUNKED_HEAD,
  CONTENT_TOO_LARGE,
  CONTROL,
  FOLDED,
  FORBIDDEN,
  get,
  LINE_END,
  NAME,
} from "./pieces.ts";

/** What follows a head with the chunked coding, and is refused when so much of the content has been read. */
const broken = (name: string, rule: string, text: string, refusal: Refusal, content = "", why?: string): Entry => ({
  name,
  rule,
  bytes: CHUNKED_HEAD + text,
  messages: [{ chunked: true, content }],
  refusal,
  withinContent: true,
  ...(why === undefined ? {} : { why }),
});

const extension = (name: string, text: string, refusal: Refusal = CHUNK, why?: string): Entry =>
  broken(name, "9112 7.1.1", `5${text}\r\nhello\r\n0\r\n\r\n`, refusal, "", why);

const trailer = (name: string, rule: string, text: string, refusal: Refusal): Entry =>
  broken(name, rule, `5\r\nhello\r\n0\r\n${text}\r\n\r\n`, refusal, "hello");

/** Fields that decide on framing, routing, identity, or how content is read. */
const HEAD_ONLY = [
  "Content-Length: 50",
  "Transfer-Encoding: chunked",
  "Host: evil.example",
  "Authorization: Bearer evil",
  "Cookie: a=b",
  "Content-Type: text/evil",
  "Content-Encoding: gzip",
  "Content-Range: bytes 0-1/2",
  "Trailer: X",
  "Connection: close",
  "TE: trailers",
  "Expect: 100-continue",
  "Upgrade: websocket",
  "Range: bytes=0-1",
  "If-Match: *",
  "Max-Forwards: 1",
  "Cache-Control: no-store",
  "Forwarded: for=192.0.2.1",
  "X-Forwarded-For: 192.0.2.1",
];

export const chunks: readonly Section[] = [
  section(
    "Chunk sizes",
    "A size is hex digits and nothing else: who reads `0x5`, `+5` or `1_0` as a number sees other chunks than who stops at the first byte that is no digit",
    [
      {
        name: "chunks, with sizes in hex of either case and zeros in front",
        rule: "9112 7.1",
        why: "They are all sizes",
        bytes: `${CHUNKED_HEAD}5\r\nhello\r\n00a\r\n0123456789\r\nB\r\nabcdefghijk\r\n000\r\n\r\n${get("", "/2")}`,
        messages: [{ content: "hello0123456789abcdefghijk", trailers: [] }, { target: "/2" }],
      },
      {
        name: "content of no chunk but the last",
        rule: "9112 7.1",
        why: "It is empty content",
        bytes: `${CHUNKED_HEAD}0\r\n\r\n`,
        messages: [{ content: "" }],
      },
      {
        name: "chunk data that looks like the end of the content",
        rule: "9112 7.1",
        why: "The size decides",
        bytes: `${CHUNKED_HEAD}7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n`,
        messages: [{ content: "\r\n0\r\n\r\n" }],
      },
      {
        name: "chunks without the last one",
        rule: "9112 8",
        why: "More may come: an answer would take half a message for a whole one",
        bytes: `${CHUNKED_HEAD}1\r\nx\r\n`,
        messages: [{ content: "x" }],
        state: "content",
      },
      {
        name: "a last chunk without the empty line",
        rule: "9112 8",
        why: "Trailers may come",
        bytes: `${CHUNKED_HEAD}0\r\n`,
        messages: [{ content: "" }],
        state: "content",
      },
      broken("a chunk size that is no number", "9112 7.1", "g\r\n", CHUNK),
      broken("a chunk size of a letter behind F", "9112 7.1", "Z\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("an empty chunk size", "9112 7.1", "\r\n", CHUNK),
      broken("an empty chunk size and an empty line", "9112 7.1", "\r\n\r\n", CHUNK),
      broken("an empty line between chunks", "9112 7.1", "1\r\nx\r\n\r\n0\r\n\r\n", CHUNK, "x"),
      broken("an empty chunk size before an extension", "9112 7.1", ";a=b\r\n", CHUNK),
      broken("a chunk size with a plus sign", "9112 7.1", "+5\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a last chunk with a plus sign", "9112 7.1", "+0\r\n\r\nX", CHUNK),
      broken("a negative chunk size", "9112 7.1", "-5\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a negative chunk size of one", "9112 7.1", "-1\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a negative hex chunk size of zero", "9112 7.1", "-0x0\r\n\r\n", CHUNK),
      broken("a chunk size with 0x in front", "9112 7.1", "0x5\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a chunk size with 0X in front", "9112 7.1", "0X5\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a chunk size with h behind it", "9112 7.1", "5h\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a chunk size and letters", "9112 7.1", "5these-bytes-are-no-digits\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a chunk size with a number sign", "9112 7.1", "#5\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a space before a chunk size", "9112 7.1", " 5\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a tab before a chunk size", "9112 7.1", "\t5\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a space behind a chunk size", "9112 7.1", "5 \r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a tab behind a chunk size", "9112 7.1", "5\t\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a space within a chunk size", "9112 7.1", "1 0\r\nhello world!!!!!\r\n0\r\n\r\n", CHUNK),
      broken("a chunk size with a separator", "9112 7.1", "1_0\r\nhello world!!!!!\r\n0\r\n\r\n", CHUNK),
      broken("a last chunk with a separator", "9112 7.1", "0_2e\r\n\r\n", CHUNK),
      broken("a chunk size with a comma", "9112 7.1", "1,0\r\nhello world!!!!!\r\n0\r\n\r\n", CHUNK),
      broken("a chunk size with a fraction", "9112 7.1", "5.0\r\nhello\r\n0\r\n\r\n", CHUNK),
      broken("a chunk size in quotes", "9112 7.1", '"5"\r\nhello\r\n0\r\n\r\n', CHUNK),
      broken("a chunk size with a NUL", "9112 7.1", "5\0\r\nhello\r\n0\r\n\r\n", CONTROL),
      broken("a chunk size with a byte above 127", "9112 7.1", "5\xa0\r\nhello\r\n0\r\n\r\n", CHUNK),
      { ...broken("a chunk size of 2^53", "9112 7.1", "20000000000000\r\n", CHUNK), wanted: "400?|413? closed|waits" },
      {
        ...broken("a chunk size of 2^64 - 1", "9112 7.1", "ffffffffffffffff\r\n", CHUNK),
        wanted: "400?|413? closed|waits",
      },
      broken(
        "a chunk size of 2^64 and five, which wraps to five",
        "9112 7.1",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        CHUNK,
      ),
      {
        ...broken("a chunk size of 17 digits", "9112 7.1", "00000000000000005\r\nhello\r\n0\r\n\r\n", CHUNK),
        why: "Zeros in front are allowed; sixteen digits are more than any size needs",
        wanted: "400|200 closed|open",
      },
      {
        ...broken("a chunk size without end", "9112 7.1", "0".repeat(400), CHUNK_LINE),
        why: "A line that grows without end is cut off",
      },
      {
        ...broken("a chunk over the limit", "9110 15.5.14", "100001\r\n", CONTENT_TOO_LARGE),
        why: "Content that will not be read is refused at the chunk that says so",
        lunetOnly: true,
      },
    ],
  ),
  section(
    "Chunk extensions",
    "An extension is to be ignored, so it has to be read strictly: a line end in it, or a quote without an end, moves the chunk (CVE-2023-30589, CVE-2024-22019 and the TERM.EXT family)",
    [
      {
        name: "chunk extensions: names, tokens and quoted strings",
        rule: "9112 7.1.1",
        why: "A server must ignore what it does not know",
        bytes: `${CHUNKED_HEAD}1;a\r\nx\r\n1;a=b;c="d; \\"e\\"\t"\r\ny\r\n0;last=1\r\n\r\n`,
        messages: [{ content: "xy" }],
      },
      extension("an extension without a name", ";"),
      extension("an extension with an empty value", ";a="),
      extension("an extension with a value and no name", ";=b"),
      extension("an extension with an open quoted string", ';a="b'),
      extension("an extension with more behind its quoted string", ';a="b"c'),
      extension("an extension with a quote within its value", ';a=7"b"'),
      extension("two semicolons before an extension", ";;a"),
      extension("an extension with a comma", ";a,b"),
      extension("an extension with a bracket", ";bad[=x"),
      extension("an extension with a byte above 127 in its name", ";\xe9"),
      extension("an extension with a NUL", ";\0ext", CONTROL),
      ...(
        [
          ["a space before an extension", " ;a=b"],
          ["a space within an extension", "; a=b"],
          ["a space around an equals sign", ";a =b"],
          ["a tab before an extension", "\t;a=b"],
        ] as const
      ).map(([name, text]) => ({
        ...extension(
          name,
          text,
          CHUNK,
          "Bad white space is to be read and dropped; it has moved chunks in several proxies, and no client sends it",
        ),
        wanted: "400|200 closed|open",
      })),
      broken(
        "a CR in the white space before an extension",
        "9112 7.1.1",
        "5\r\r;ABCD\r\n34\r\nE\r\n0\r\n\r\n",
        LINE_END,
      ),
      broken("a bare LF for an extension", "9112 7.1.1", "5;\nhello\r\n0\r\n\r\n", LINE_END),
      broken("a bare LF within an extension", "9112 7.1.1", "5;a\nhello\r\n0\r\n\r\n", LINE_END),
      broken("a bare CR within an extension", "9112 7.1.1", "5;a\rX\r\nhello\r\n0\r\n\r\n", LINE_END),
      broken("a bare LF within a quoted extension", "9112 7.1.1", '5;a="\n"\r\nhello\r\n0\r\n\r\n', LINE_END),
      broken("a line end within a quoted extension", "9112 7.1.1", '5;a="\r\nhello\r\n0\r\n\r\n"\r\n', CHUNK),
      { ...extension("too long an extension", `;${"a".repeat(256)}`, CHUNK_LINE), lunetOnly: true },
      {
        ...broken(
          "an extension of 64 KiB",
          "CVE-2024-22019",
          `5;${"a".repeat(65_536)}\r\nhello\r\n0\r\n\r\n`,
          CHUNK_LINE,
        ),
        wanted: "400|413|431 closed",
      },
      { ...broken("an extension without end", "CVE-2024-22019", `5;${"a".repeat(500)}`, CHUNK_LINE), lunetOnly: true },
    ],
  ),
  section(
    "Chunk data",
    "It is as long as its size says, and CRLF stands behind it: whatever else stands there was framed by another rule",
    [
      broken("chunk data that is longer than its size", "9112 7.1", "5\r\nhello!\r\n0\r\n\r\n", LINE_END, "hello"),
      broken(
        "chunk data that is two bytes longer than its size",
        "9112 7.1",
        "5\r\nhello!!\r\n0\r\n\r\n",
        LINE_END,
        "hello",
      ),
      broken("chunk data that is shorter than its size", "9112 7.1", "5\r\nhell\r\n0\r\n\r\n", LINE_END, "hell\r"),
      broken("nothing behind chunk data", "9112 7.1", "5\r\nhello0\r\n\r\n", LINE_END, "hello"),
      broken("a space behind chunk data", "9112 7.1", "5\r\nhello \r\n0\r\n\r\n", LINE_END, "hello"),
      broken("two other bytes behind chunk data", "9112 7.1", "5\r\nhelloXX0\r\n\r\n", LINE_END, "hello"),
      broken("CR and another byte behind chunk data", "9112 7.1", "5\r\nhello\rX0\r\n\r\n", LINE_END, "hello"),
      {
        ...broken(
          "chunks that pass the limit together",
          "9110 15.5.14",
          "1\r\nx\r\n100000\r\n",
          CONTENT_TOO_LARGE,
          "x",
        ),
        why: "Content that will not be read is refused at the chunk that says so",
        lunetOnly: true,
      },
      {
        ...broken(
          "extensions that pass the limit together",
          "CVE-2024-22019",
          `1;${"a".repeat(199)}\r\nx\r\n1;${"b".repeat(56)}\r\ny\r\n`,
          CHUNK_LINE,
          "x",
        ),
        why: "Small chunks with long extensions cost much and bring little",
        lunetOnly: true,
      },
    ],
  ),
  section(
    "Trailers",
    "What decides on framing, routing, identity or how content is read stands in the head; in a trailer it comes after the decision, and who merges it decides anew (RFC 9110 section 6.5.1)",
    [
      {
        name: "trailers",
        rule: "9112 7.1.2",
        why: "A server must read them",
        bytes: `${CHUNKED_HEAD}5\r\nhello\r\n0\r\nX-Sum:  1 \r\nx-sum: 2\r\n\r\n${get("", "/2")}`,
        messages: [
          {
            content: "hello",
            trailers: [
              ["x-sum", "1"],
              ["x-sum", "2"],
            ],
          },
          { target: "/2", trailers: undefined as never },
        ],
      },
      trailer("a trailer without a colon", "9112 7.1.2", "X", NAME),
      trailer("a trailer with a space before its colon", "9112 5.1", "X : y", NAME),
      trailer("a trailer without a name", "9112 5", ": y", NAME),
      trailer("a folded trailer", "9112 5.2", "X: y\r\n z", FOLDED),
      trailer("white space before the first trailer", "9112 5.2", " X: y", FOLDED),
      trailer("NUL in a trailer", "9110 5.5", "X: \0", CONTROL),
      trailer("a request line for a trailer", "9112 7.1.2", "GET / HTTP/1.1", NAME),
      ...HEAD_ONLY.map((field) => ({
        ...trailer(`${field.slice(0, field.indexOf(":"))} among the trailers`, "9110 6.5.1", field, FORBIDDEN),
        why: "It must not be merged into the head; a client that sends it there is refused, so that nobody can do so behind us",
        wanted: "400|200 closed|open",
      })),
    ],
  ),
];
