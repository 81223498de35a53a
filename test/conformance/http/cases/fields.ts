/** Line ends, control bytes and field lines (RFC 9112 sections 2.2 and 5, RFC 9110 section 5). */
import { refused, section, sound, type Entry, type Section } from "../case.ts";
import {
  CHUNKED_HEAD,
  CONTENT_TYPE,
  CONTROL,
  CONTROLS,
  FOLDED,
  get,
  HOST,
  LINE_END,
  NAME,
  nameOf,
  post,
} from "./pieces.ts";

/** Where a byte may stand, with whether the message's content has begun there. */
const PLACES: ReadonlyArray<readonly [place: string, bytes: (byte: string) => string, content?: string]> = [
  ["before the method", (byte) => `${byte}${get()}`],
  ["in a method", (byte) => `G${byte}T / HTTP/1.1\r\n${HOST}\r\n`],
  ["for a space", (byte) => `GET${byte}/ HTTP/1.1\r\n${HOST}\r\n`],
  ["in a target", (byte) => get("", `/a${byte}b`)],
  ["in a version", (byte) => `GET / HTTP/1.${byte}1\r\n${HOST}\r\n`],
  ["at the end of a request line", (byte) => `GET / HTTP/1.1${byte}\r\n${HOST}\r\n`],
  ["at the start of a field name", (byte) => get(`${byte}X: y\r\n`)],
  ["in a field name", (byte) => get(`X${byte}Y: z\r\n`)],
  ["before a colon", (byte) => get(`X${byte}: y\r\n`)],
  ["in a field value", (byte) => get(`X: a${byte}b\r\n`)],
  ["at the start of a field value", (byte) => get(`X:${byte}a\r\n`)],
  ["at the end of a field value", (byte) => get(`X: a${byte}\r\n`)],
  ["in a Content-Length", (byte) => post(`Content-Length: ${byte}5\r\n`, "hello")],
  ["in a Transfer-Encoding", (byte) => post(`Transfer-Encoding: ${byte}chunked\r\n`, "0\r\n\r\n")],
  ["behind a Transfer-Encoding", (byte) => post(`Transfer-Encoding: chunked${byte}\r\n`, "0\r\n\r\n")],
  ["in a Host", (byte) => `GET / HTTP/1.1\r\nHost: a${byte}b\r\n\r\n`],
  ["before the empty line", (byte) => `GET / HTTP/1.1\r\n${HOST}${byte}\r\n\r\n`],
  ["in a chunk size", (byte) => `${CHUNKED_HEAD}5${byte}\r\nhello\r\n0\r\n\r\n`, ""],
  ["in a chunk extension", (byte) => `${CHUNKED_HEAD}5;a${byte}b\r\nhello\r\n0\r\n\r\n`, ""],
  ["in a quoted chunk extension", (byte) => `${CHUNKED_HEAD}5;a="${byte}"\r\nhello\r\n0\r\n\r\n`, ""],
  ["in a trailer's name", (byte) => `${CHUNKED_HEAD}0\r\nX${byte}Y: z\r\n\r\n`, ""],
  ["in a trailer's value", (byte) => `${CHUNKED_HEAD}0\r\nX: a${byte}b\r\n\r\n`, ""],
];

function inPlace(
  [place, bytes, content]: (typeof PLACES)[number],
  [byte, name]: readonly [byte: string, name: string],
  refusal: typeof CONTROL,
): Entry {
  const base = { name: `${name} ${place}`, rule: byte === "\r" || byte === "\n" ? "9112 2.2" : "9110 5.5" };
  const within = content === undefined ? {} : { messages: [{ chunked: true, content }], withinContent: true };
  return { ...base, bytes: bytes(byte), refusal, ...within };
}

/** Two line ends of another kind where one is due. */
const ENDS: ReadonlyArray<readonly [place: string, bytes: (end: string) => string, content?: string]> = [
  ["the request line", (end) => `GET / HTTP/1.1${end}${HOST}\r\n`],
  ["a field", (end) => `GET / HTTP/1.1\r\nHost: a${end}X: y\r\n\r\n`],
  ["the last field", (end) => `GET / HTTP/1.1\r\nHost: a${end}\r\n`],
  ["a head, for its empty line", (end) => `GET / HTTP/1.1\r\n${HOST}${end}`],
  ["a chunk size", (end) => `${CHUNKED_HEAD}5${end}hello\r\n0\r\n\r\n`, ""],
  ["a chunk extension", (end) => `${CHUNKED_HEAD}5;a${end}hello\r\n0\r\n\r\n`, ""],
  ["chunk data", (end) => `${CHUNKED_HEAD}5\r\nhello${end}0\r\n\r\n`, "hello"],
  ["the last chunk", (end) => `${CHUNKED_HEAD}0${end}\r\n`, ""],
  ["a trailer", (end) => `${CHUNKED_HEAD}0\r\nX: y${end}\r\n`, ""],
  ["trailers, for their empty line", (end) => `${CHUNKED_HEAD}0\r\nX: y\r\n${end}`, ""],
  ["the last chunk, for the empty line", (end) => `${CHUNKED_HEAD}0\r\n${end}`, ""],
];

/** A server may take LF alone for the end of a line of the head. */
const MAY_BE_TAKEN = "400|200 closed|open";
const MAY = "A reader may take LF alone for the end of such a line; who does not cannot be made to see other lines";
/** Where LF alone would be the end of a line, and what follows another sound one. */
const LINE_END_PLACES = new Set([
  "before the method",
  "at the end of a request line",
  "at the end of a field value",
  "behind a Transfer-Encoding",
]);

const lineEnds = [
  ["\n", "LF"],
  ["\r", "CR"],
  ["\n\r", "LF CR"],
  ["\r\r\n", "CR CR LF"],
].flatMap(([end = "", name]) =>
  ENDS.map(([place, bytes, content]): Entry => {
    const within = content === undefined ? {} : { messages: [{ chunked: true, content }], withinContent: true };
    // A CR that ends the bytes may be half a line end: a byte behind it tells.
    const whole = bytes(end).endsWith("\r") ? `${bytes(end)}X` : bytes(end);
    const mayBeTaken = end === "\n" && content === undefined;
    return {
      name: `${name} alone behind ${place}`,
      rule: "9112 2.2",
      bytes: whole,
      refusal: LINE_END,
      ...within,
      ...(mayBeTaken ? { wanted: MAY_BE_TAKEN, why: MAY } : {}),
    };
  }),
);

const fieldLines: readonly Entry[] = [
  {
    name: "field values without the white space around them",
    rule: "9112 5.1",
    why: "White space around a value is no part of it, and must be taken off",
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
  sound([
    "a Host behind a tab, in any case of letters, and an empty field",
    "9112 5.1",
    "GET / HTTP/1.1\r\nhoSt:\ta\r\nempty:\r\n\r\n",
    { host: "a" },
    "White space is spaces and tabs, and names have no case",
  ]),
  sound([
    "every character of a token in a name",
    "9110 5.6.2",
    get("!#$%&'*+-.^_`|~09azAZ: y\r\n"),
    {
      fields: [
        ["host", "a"],
        ["!#$%&'*+-.^_`|~09azaz", "y"],
      ],
    },
    "They are all allowed",
  ]),
  sound([
    "bytes above 127 in a value, and a no-break space at its end",
    "9110 5.5",
    get("X: \xa0\x80\xff\xa0\r\n"),
    {
      fields: [
        ["host", "a"],
        ["x", "\xa0\x80\xff\xa0"],
      ],
    },
    "They are opaque data, and no white space",
  ]),
  sound([
    "colons and the other framing fields' names in a value",
    "9112 5",
    get("X: Content-Length: 5\r\nY: : Transfer-Encoding: chunked\r\n"),
    { contentLength: -1, chunked: false },
    "The first colon ends the name",
  ]),
  sound([
    "names that begin or end like framing fields",
    "9110 5.1",
    get(
      "Hosts: b\r\nContent-Length-X: 5\r\nX-Content-Length: 5\r\nContent.Length: 5\r\nTransfer-Encodin: chunked\r\nTE: trailers\r\n",
    ),
    { host: "a", contentLength: -1, chunked: false },
    "They are other fields",
  ]),
  {
    name: "framing fields in any case of letters",
    rule: "9110 5.1",
    why: "Names have no case",
    bytes:
      "POST / HTTP/1.1\r\nhOsT: a\r\nCONTENT-length: 2\r\n\r\nhiPOST / HTTP/1.1\r\nHOST: b\r\ntransfer-ENCODING: cHuNkEd\r\n\r\n0\r\n\r\n",
    messages: [
      { host: "a", contentLength: 2, content: "hi", trailers: [] },
      { host: "b", contentLength: -1, chunked: true, hasContent: true, content: "", trailers: [] },
    ],
  },
  sound([
    "a field that looks injected, and is two fields",
    "9112 5",
    get("X-Test: val\r\nInjected: yes\r\n"),
    {
      fields: [
        ["host", "a"],
        ["x-test", "val"],
        ["injected", "yes"],
      ],
    },
    "On the wire these are two fields, whoever made them",
  ]),
  refused(["a space before the colon", "CVE-2021-22959", get("X-Test : value\r\n"), NAME]),
  refused(["a space before the colon of Host", "9112 5.1", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", NAME]),
  refused(["a tab before the colon", "9112 5.1", get("X\t: b\r\n"), NAME]),
  refused(["a space in a name", "9112 5.1", get("X Y: b\r\n"), NAME]),
  refused(["a tab in a name", "9112 5.1", get("X\tY: b\r\n"), NAME]),
  refused(["a line without a colon", "9112 5", get("NoColonHere\r\n"), NAME]),
  refused(["an empty name", "9112 5", get(": b\r\n"), NAME]),
  refused(["a colon alone", "9112 5", get(":\r\n"), NAME]),
  ...[...'"(),/;<=>?@[\\]{}'].map((sign) =>
    refused([`a name with ${sign}`, "9110 5.6.2", get(`X${sign}Y: b\r\n`), NAME]),
  ),
  refused(["a name with a byte above 127", "9110 5.1", get("X\xe9: b\r\n"), NAME]),
  refused(["a name with UTF-8", "9110 5.1", get("X-T\xc3\xabst: b\r\n"), NAME]),
  refused(["a no-break space at the end of a name", "9110 5.1", get("Content-Length\xa0: 10\r\n"), NAME]),
  refused(["0x85 at the end of a name", "9110 5.1", get("Content-Length\x85: 10\r\n"), NAME]),
  refused(["a quoted name", "9110 5.1", get('"X": b\r\n'), NAME]),
  refused(["a request line for a field", "9112 5", get("GET / HTTP/1.1\r\n"), NAME]),
  ...["Content_Length: 11", "content_length: 99", "Transfer_Encoding: chunked"].map((field) => ({
    ...refused([
      `${field}, with an underscore`,
      "9110 17.10",
      post(`Content-Length: 5\r\n${field}\r\n`, "hello"),
      NAME,
      "Programs that make variables of fields take it for the framing field; nobody needs it",
    ]),
    wanted: "400|200 closed|open",
  })),
  {
    ...refused([
      "two Content-Type fields",
      "9110 8.3",
      post("Content-Length: 5\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n", "hello"),
      CONTENT_TYPE,
      "It stands once; readers who choose differently read different content",
    ]),
    wanted: "400|200 closed|open",
  },
];

export const fields: readonly Section[] = [
  section(
    "Line ends",
    "Lines end with CRLF. A reader may take LF alone for a line end, and must not take CR alone for one: whatever is accepted here, another reader sees other lines (CVE-2023-30589 and many more)",
    [
      {
        ...refused(["bare LFs throughout", "9112 2.2", "GET / HTTP/1.1\nHost: a\n\n", LINE_END, MAY]),
        wanted: MAY_BE_TAKEN,
      },
      {
        ...refused(["a bare LF before the request line", "9112 2.2", `\n${get()}`, LINE_END, MAY]),
        wanted: MAY_BE_TAKEN,
      },
      refused(["a bare CR before the request line", "9112 2.2", `\r${get()}`, LINE_END]),
      refused(["a bare LF for a space of the request line", "9112 2.2", `GET /\nHTTP/1.1\r\n${HOST}\r\n`, LINE_END]),
      refused(["a bare CR and nothing behind it but a letter", "9112 2.2", "GET / HTTP/1.1\rH", LINE_END]),
      refused([
        "a CR and a letter for the empty line",
        "CVE-2023-30589",
        `GET / HTTP/1.1\r\n${HOST}\rZ: y\r\n\r\n`,
        LINE_END,
      ]),
      refused(["empty lines of bare LFs in a value", "9112 2.2", get("X:\n\nGET / HTTP/1.1\r\n"), LINE_END]),
      refused(["a field behind a bare CR in a value", "9112 2.2", get("X: y\rSmuggled: z\r\n"), LINE_END]),
      refused(["LF, NUL and CR in a value", "9112 2.2", get("X: v\n\0\ralue\r\n"), LINE_END]),
      ...lineEnds,
    ],
  ),
  section(
    "Bare CR and LF within lines",
    "A CR or LF in a protocol element makes it invalid: it must be refused or replaced with a space, and who refuses cannot be read in two ways",
    ["\r", "\n"].flatMap((byte) =>
      PLACES.filter(([place]) => place !== "before the empty line").map((place) => {
        const entry = inPlace(place, [byte, byte === "\r" ? "a bare CR" : "a bare LF"], LINE_END);
        const mayBeTaken = byte === "\n" && LINE_END_PLACES.has(place[0]);
        return mayBeTaken ? { ...entry, wanted: MAY_BE_TAKEN, why: MAY } : entry;
      }),
    ),
  ),
  section(
    "Control bytes",
    "No control byte but HTAB stands in a line: NUL cuts strings short in C, and others are white space to some (RFC 9110 section 5.5)",
    PLACES.flatMap((place) =>
      CONTROLS.map((byte) => ({
        ...inPlace(place, [String.fromCharCode(byte), nameOf(byte)], CONTROL),
        row: `any of ${CONTROLS.length} control bytes ${place[0]}`,
      })),
    ),
  ),
  section(
    "Field lines",
    "A field line is a token, a colon directly behind it, and a value. White space before the colon or the name hides a field from some readers",
    fieldLines,
  ),
  section(
    "Folded lines",
    "Folding is obsolete; a server must refuse it or make it spaces. Unfolded or not, some reader sees another value (RFC 9112 section 5.2)",
    [
      refused(["a folded value", "9112 5.2", get("X: b\r\n c\r\n"), FOLDED]),
      refused(["a value folded with a tab", "9112 5.2", get("X: b\r\n\tc\r\n"), FOLDED]),
      refused([
        "a folded Transfer-Encoding",
        "9112 5.2",
        post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
        FOLDED,
      ]),
      refused([
        "a folded Transfer-Encoding and a Content-Length",
        "9112 5.2",
        post("Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n", "hello"),
        FOLDED,
      ]),
      refused([
        "OPTIONS with a folded Transfer-Encoding and a Content-Length",
        "9112 5.2",
        `OPTIONS / HTTP/1.1\r\n${HOST}Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\nhello`,
        FOLDED,
      ]),
      refused(["a folded Content-Length", "9112 5.2", post("Content-Length: 1\r\n 0\r\n", "0123456789"), FOLDED]),
      refused(["a Host folded into another field", "9112 5.2", "GET / HTTP/1.1\r\nX: y\r\n Host: a\r\n\r\n", FOLDED]),
      refused(["a line of white space", "9112 5.2", get(" \r\n"), FOLDED]),
      refused(["white space before the first field", "9112 2.2", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", FOLDED]),
      refused(["a tab before the first field", "9112 2.2", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", FOLDED]),
      refused([
        "a line of white space before the first field",
        "9112 2.2",
        "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n",
        FOLDED,
      ]),
    ],
  ),
];
