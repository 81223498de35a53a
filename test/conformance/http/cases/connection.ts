/** Persistence, pipelining, expectations, upgrades and other protocols (RFC 9112 section 9, RFC 9110 sections 7.8 and 10.1.1). */
import { refused, section, sound, type Entry, type Section } from "../case.ts";
import { CONTROL, get, HOST, METHOD, post, REQUEST_LINE, SMUGGLED, VERSION_UNSUPPORTED } from "./pieces.ts";

const WEBSOCKET = "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** An offer of another protocol that the server has not: the request is answered as if there were none. */
const declined = (name: string, rule: string, bytes: string, wanted: string): Entry => ({
  name,
  rule,
  bytes,
  messages: [{}],
  wanted,
});

export const connections: readonly Section[] = [
  section(
    "Connections",
    "A connection persists in HTTP/1.1 until somebody says `close`, and in HTTP/1.0 only when both want it",
    [
      {
        name: "content of HTTP/1.0, whose connection closes unless asked to stay",
        rule: "9112 9.3",
        bytes: "POST / HTTP/1.0\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\nxGET / HTTP/1.0\r\n\r\n",
        messages: [{ keepAlive: true, content: "x" }, { keepAlive: false }],
        wanted: "200 200? closed",
      },
      {
        ...sound(["HTTP/1.0 that asks for nothing", "9112 9.3", `GET / HTTP/1.0\r\n${HOST}\r\n`, { keepAlive: false }]),
        wanted: "200 closed",
        fields: [["transfer-encoding", null]],
      },
      {
        ...sound([
          "HTTP/1.0 that asks to stay",
          "9112 9.3",
          `GET / HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n`,
          { keepAlive: true },
          "It may stay, and the client has to be told",
        ]),
        wanted: "200 open|closed",
        fields: [["connection", /^(?:keep-alive|close)$/i]],
      },
      {
        ...sound(["Connection: close", "9112 9.6", get("Connection: close\r\n"), { keepAlive: false }]),
        wanted: "200 closed",
        fields: [["connection", /^close$/i]],
      },
      {
        ...sound([
          "Connection: close in a list, over several lines, in any case of letters",
          "9112 9.6",
          get("Connection: keep-alive\r\nConnection: x ,\tCLOSE\r\n"),
          { keepAlive: false },
        ]),
        wanted: "200 closed",
      },
      sound([
        "a Connection option that only begins like close",
        "9112 9.6",
        get("Connection: closed\r\n"),
        { keepAlive: true },
      ]),
      {
        ...sound([
          "close beside keep-alive, for which close wins",
          "9112 9.3",
          "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
          { keepAlive: false },
        ]),
        wanted: "200 closed",
      },
      {
        name: "a request behind one that closes",
        rule: "9112 9.6",
        why: "What comes behind `close` is not answered",
        bytes: get("Connection: close\r\n") + SMUGGLED,
        messages: [{ keepAlive: false }, { target: "/smuggled" }],
        wanted: "200 closed",
      },
      {
        name: "a length in Connection, which takes no field away",
        rule: "9110 7.6.1",
        why: "Connection is for proxies: an origin server that dropped the length would read content as a request",
        bytes: post("Connection: Content-Length\r\nContent-Length: 5\r\n", "hello"),
        messages: [{ content: "hello" }],
        wanted: "200|400 open|closed",
      },
      {
        name: "pipelined requests",
        rule: "9112 9.3.2",
        why: "They are answered in their order",
        bytes: `${get("", "/1")}POST /2 HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx${get("", "/3")}`,
        messages: [{ target: "/1" }, { target: "/2", content: "x" }, { target: "/3" }],
      },
      {
        name: "a hundred pipelined requests",
        rule: "9112 9.3.2",
        why: "They are answered in their order",
        bytes: get().repeat(100),
        messages: Array.from({ length: 100 }, () => ({ target: "/" })),
      },
      {
        name: "a refused request behind a sound one",
        rule: "9112 9.3.2",
        why: "What came before is answered first",
        bytes: `${get()}GET / HTTP/1.1\r\n\r\n`,
        messages: [{ target: "/" }],
        refusal: [400, "ERR_HTTP_HOST_MISSING"],
      },
    ],
  ),
  section(
    "Expectations",
    "Who waits for `100 Continue` gets it when the content is wanted; an expectation that nobody knows may be refused",
    [
      {
        name: "Expect: 100-continue with content behind it",
        rule: "9110 10.1.1",
        why: "Content that is there already needs no interim reply, and may have one",
        bytes: post("Expect: 100-Continue\r\nContent-Length: 1\r\n", "x"),
        messages: [{ expectContinue: true, expectsUnknown: false, content: "x" }],
        wanted: "100? 200|417 open|closed",
      },
      {
        name: "Expect: 100-continue and no content yet",
        rule: "9110 10.1.1",
        why: "The client waits for it",
        bytes: post("Expect: 100-continue\r\nContent-Length: 5\r\n"),
        messages: [{ expectContinue: true, content: "" }],
        state: "content",
        wanted: "100 waits",
      },
      {
        ...sound([
          "Expect: 100-continue without content",
          "9110 10.1.1",
          get("Expect: 100-continue\r\n"),
          { expectContinue: false, expectsUnknown: false },
          "There is nothing to wait for: the server may leave it out",
        ]),
        wanted: "100? 200 open",
      },
      {
        ...sound([
          "Expect: 100-continue with HTTP/1.0",
          "9110 15.2",
          "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
          { expectContinue: false, expectsUnknown: false },
          "HTTP/1.0 has no interim replies: none may be sent",
        ]),
        wanted: "200 closed",
      },
      {
        ...sound(["an expectation that nobody knows", "9110 10.1.1", get("Expect: tea\r\n"), { expectsUnknown: true }]),
        wanted: "417|200 open|closed",
      },
      {
        ...sound(["Expect: 200-ok", "9110 10.1.1", get("Expect: 200-ok\r\n"), { expectsUnknown: true }]),
        wanted: "417|200 open|closed",
      },
      {
        ...sound([
          "a known expectation beside one that nobody knows",
          "9110 10.1.1",
          post("Expect: 100-continue, tea\r\nContent-Length: 1\r\n", "x"),
          { expectContinue: false, expectsUnknown: true },
        ]),
        wanted: "100? 417|200 open|closed",
      },
      {
        name: "content behind a refused expectation",
        rule: "9110 10.1.1",
        why: "Whether it comes is not known: it is read as content, or the connection closes",
        bytes: post(`Expect: tea\r\nContent-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
        messages: [{ expectsUnknown: true, content: SMUGGLED }],
        wanted: "417|200 open|closed",
      },
    ],
  ),
  section(
    "Upgrades that are not offered",
    "A server answers as if `Upgrade` were not there, and never switches to what it does not speak",
    [
      declined(
        "h2c",
        "9113 3.1",
        get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"),
        "200 open",
      ),
      {
        ...declined(
          "h2c with content",
          "9113 3.1",
          post("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n", "hello"),
          "200 open",
        ),
        messages: [{ content: "hello" }],
      },
      declined(
        "a protocol that nobody knows",
        "9110 7.8",
        get("Connection: Upgrade\r\nUpgrade: totally-made-up/1.0\r\n"),
        "200 open",
      ),
      declined("TLS within HTTP", "2817 3", get("Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n"), "200|426 open|closed"),
      declined(
        "WebSocket where there is none",
        "6455 4.2.2",
        get(`Connection: Upgrade\r\n${WEBSOCKET}Sec-WebSocket-Version: 13\r\n`),
        "200|400|426 open|closed",
      ),
      declined(
        "WebSocket of a version that nobody knows",
        "6455 4.4",
        get(`Connection: Upgrade\r\n${WEBSOCKET}Sec-WebSocket-Version: 99\r\n`),
        "200|400|426 open|closed",
      ),
      declined(
        "WebSocket with POST",
        "6455 4.1",
        post(`Connection: Upgrade\r\n${WEBSOCKET}Sec-WebSocket-Version: 13\r\n`),
        "200|400|405|426 open|closed",
      ),
      declined(
        "WebSocket without a Connection option",
        "9110 7.8",
        get(`${WEBSOCKET}Sec-WebSocket-Version: 13\r\n`),
        "200|400|426 open|closed",
      ),
      declined(
        "WebSocket with HTTP/1.0",
        "9110 7.8",
        `GET / HTTP/1.0\r\n${HOST}Connection: Upgrade\r\n${WEBSOCKET}Sec-WebSocket-Version: 13\r\n\r\n`,
        "200|400|426 closed",
      ),
      {
        name: "a request behind an upgrade that is not taken",
        rule: "9110 7.8",
        why: "HTTP goes on",
        bytes: get("Connection: Upgrade\r\nUpgrade: h2c\r\n") + get("", "/2"),
        messages: [{}, { target: "/2" }],
      },
    ],
  ),
  section(
    "Other protocols",
    "What is no HTTP/1.1 is refused at the byte that shows it, and nothing is answered in its own words",
    [
      {
        ...refused([
          "the preface of HTTP/2",
          "9113 3.4",
          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
          VERSION_UNSUPPORTED,
        ]),
        wanted: "505?|400? closed",
      },
      {
        ...refused(["the first bytes of TLS", "9112 2.2", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", CONTROL]),
        wanted: "400? closed",
      },
      {
        ...refused([
          "bytes at random",
          "9112 2.2",
          String.fromCharCode(
            ...Array.from({ length: 256 }, (_, index) => (Math.imul(index + 7, 2_654_435_761) >>> 13) & 0xff),
          ),
          METHOD,
        ]),
        refusal: CONTROL,
        wanted: "400? closed",
      },
      { ...refused(["a greeting of SSH", "9112 3", "SSH-2.0-OpenSSH_9.6\r\n", REQUEST_LINE]), wanted: "400? closed" },
      { ...refused(["a greeting of SMTP", "9112 3", "EHLO a.example\r\n", REQUEST_LINE]), wanted: "400? closed" },
      {
        ...refused(["a PROXY header", "9112 3", `PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n${get()}`, REQUEST_LINE]),
        wanted: "400? closed",
      },
      {
        ...refused(["a reply for a request", "9112 3", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", METHOD]),
        wanted: "400? closed",
      },
    ],
  ),
];
