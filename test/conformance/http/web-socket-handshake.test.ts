/** The opening handshake (RFC 6455, 4.2) as a table: what is asked, and what comes of it. */
import assert from "node:assert/strict";
import { webSocket, type WebSocketOptions } from "../../../packages/lunet/src/http/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { talk } from "./server-harness.ts";
import { handshake } from "./web-socket-harness.ts";

const FIELDS = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  Host: "example.com",
};

interface Case {
  readonly what: string;
  readonly method?: string;
  readonly fields?: Readonly<Record<string, string | readonly string[]>>;
  readonly without?: string;
  readonly content?: string;
  readonly options?: WebSocketOptions;
  readonly status: number;
  /** Fields of the reply. */
  readonly wanted?: Readonly<Record<string, string | undefined>>;
}

const version = { "sec-websocket-version": "13", upgrade: "websocket" };
const only: WebSocketOptions = { allowedOrigins: ["https://a.example", "http://b.example:8080"] };
const speaks: WebSocketOptions = { protocols: ["chat.2", "chat.1"] };

/** RFC 6455, 4.2. */
const CASES: readonly Case[] = [
  { what: "the RFC's own example", status: 101, wanted: { "sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" } },
  { what: "names in another case", fields: { Connection: "keep-alive, uPGRADE", Upgrade: "WebSocket" }, status: 101 },
  { what: "one protocol of several", fields: { Upgrade: "h2c, websocket" }, status: 101 },
  { what: "POST", method: "POST", status: 405, wanted: { allow: "GET" } },
  { what: "HEAD", method: "HEAD", status: 426, wanted: version },
  { what: "no Upgrade", without: "Upgrade", status: 426, wanted: version },
  { what: "another protocol", fields: { Upgrade: "h2c" }, status: 426, wanted: version },
  { what: "a protocol that begins alike", fields: { Upgrade: "websockets" }, status: 426 },
  { what: "no Connection", without: "Connection", status: 426, wanted: version },
  { what: "a Connection that does not name it", fields: { Connection: "keep-alive" }, status: 426 },
  { what: "no version", without: "Sec-WebSocket-Version", status: 426, wanted: version },
  { what: "an older version", fields: { "Sec-WebSocket-Version": "8" }, status: 426, wanted: version },
  { what: "two versions", fields: { "Sec-WebSocket-Version": ["13", "13"] }, status: 426 },
  { what: "a version in another spelling", fields: { "Sec-WebSocket-Version": "013" }, status: 426 },
  { what: "no key", without: "Sec-WebSocket-Key", status: 400 },
  { what: "a key of 15 bytes", fields: { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j" }, status: 400 },
  { what: "a key of 17 bytes", fields: { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZXg=" }, status: 400 },
  { what: "a key that is no base64", fields: { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZ-==" }, status: 400 },
  {
    what: "two keys",
    fields: { "Sec-WebSocket-Key": [FIELDS["Sec-WebSocket-Key"], FIELDS["Sec-WebSocket-Key"]] },
    status: 400,
  },
  { what: "content", content: "x", status: 400 },

  { what: "no Origin", status: 101 },
  { what: "the same origin", fields: { Origin: "https://example.com" }, status: 101 },
  {
    what: "the same origin with a port",
    fields: { Host: "localhost:8080", Origin: "http://localhost:8080" },
    status: 101,
  },
  {
    what: "the same origin in another case",
    fields: { Host: "EXAMPLE.com", Origin: "https://example.com" },
    status: 101,
  },
  {
    what: "the scheme's own port in Host",
    fields: { Host: "example.com:443", Origin: "https://example.com" },
    status: 101,
  },
  { what: "an IPv6 address", fields: { Host: "[::1]:8080", Origin: "http://[::1]:8080" }, status: 101 },
  { what: "another host", fields: { Origin: "https://evil.example" }, status: 403 },
  { what: "a host that begins alike", fields: { Origin: "https://example.com.evil.example" }, status: 403 },
  { what: "a host that ends alike", fields: { Origin: "https://evilexample.com" }, status: 403 },
  { what: "a subdomain", fields: { Origin: "https://a.example.com" }, status: 403 },
  { what: "another port", fields: { Origin: "https://example.com:8443" }, status: 403 },
  { what: "an origin that nobody knows", fields: { Origin: "null" }, status: 403 },
  { what: "an empty origin", fields: { Origin: "" }, status: 403 },
  { what: "an origin with a user", fields: { Origin: "https://example.com@evil.example" }, status: 403 },
  { what: "an origin with a path", fields: { Origin: "https://example.com/" }, status: 403 },
  { what: "two origins", fields: { Origin: ["https://example.com", "https://evil.example"] }, status: 403 },
  { what: "an extension of a browser", fields: { Origin: "chrome-extension://example.com" }, status: 403 },
  { what: "an origin that is allowed", options: only, fields: { Origin: "https://a.example" }, status: 101 },
  {
    what: "one that is not, though it is the same",
    options: only,
    fields: { Origin: "https://example.com" },
    status: 403,
  },
  { what: "one with another scheme", options: only, fields: { Origin: "http://a.example" }, status: 403 },
  {
    what: "any origin, where any is allowed",
    options: { allowedOrigins: "any" },
    fields: { Origin: "null" },
    status: 101,
  },

  {
    what: "a subprotocol that nobody speaks here",
    fields: { "Sec-WebSocket-Protocol": "chat.1" },
    status: 101,
    wanted: { "sec-websocket-protocol": undefined },
  },
  {
    what: "the client's first that is spoken here",
    options: speaks,
    fields: { "Sec-WebSocket-Protocol": "chat.3, chat.1, chat.2" },
    status: 101,
    wanted: { "sec-websocket-protocol": "chat.1" },
  },
  {
    what: "subprotocols in two lines",
    options: speaks,
    fields: { "Sec-WebSocket-Protocol": ["chat.3", "chat.2"] },
    status: 101,
    wanted: { "sec-websocket-protocol": "chat.2" },
  },
  {
    what: "none in common",
    options: speaks,
    fields: { "Sec-WebSocket-Protocol": "chat.3" },
    status: 101,
    wanted: { "sec-websocket-protocol": undefined },
  },
  {
    what: "a subprotocol that is no token",
    options: speaks,
    fields: { "Sec-WebSocket-Protocol": "chat/1" },
    status: 400,
  },
  { what: "a subprotocol twice", options: speaks, fields: { "Sec-WebSocket-Protocol": "chat.1, chat.1" }, status: 400 },
  { what: "no subprotocol in the field", options: speaks, fields: { "Sec-WebSocket-Protocol": "" }, status: 400 },
  {
    what: "an offer to compress, which is not taken",
    fields: { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" },
    status: 101,
    wanted: { "sec-websocket-extensions": undefined },
  },
];

for (const { what, method = "GET", fields, without, content, options, status, wanted = {} } of CASES) {
  coroutineTest(`${what}: ${status}`, async () => {
    const all: Record<string, string | readonly string[]> = { ...FIELDS, ...fields };
    if (without !== undefined) delete all[without];
    const seen: string[] = [];
    const lines = Object.entries({
      ...all,
      ...(content !== undefined && { "Content-Length": content.length }),
    }).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
    const handler = webSocket((socket) => void seen.push(socket.protocol), options);
    const reply = await talk("memory", handler, async ({ client }) => {
      await client.send(`${method} / HTTP/1.1\r\n${lines.join("")}\r\n${content ?? ""}`);
      return client.reply(method);
    });
    assert.equal(reply.status, status);
    for (const [name, value] of Object.entries(wanted)) assert.equal(reply.field(name), value, name);
    assert.equal(seen.length, status === 101 ? 1 : 0);
    if (status === 101) assert.equal(seen[0], reply.field("sec-websocket-protocol") ?? "");
  });
}

coroutineTest(
  "behind a trusted proxy the origin is compared with what the user asked for, and its scheme too",
  async () => {
    const forwarded = { Host: "lunet", "X-Forwarded-Host": "example.com", "X-Forwarded-Proto": "https" };
    const cases = { "https://example.com": 101, "http://example.com": 403, "https://lunet": 403 };
    for (const [origin, status] of Object.entries(cases)) {
      const handler = webSocket(() => {});
      const reply = await talk(
        "memory",
        handler,
        async ({ client }) => {
          await client.send(handshake({ ...forwarded, Origin: origin }));
          return client.reply();
        },
        { trustedProxies: ["memory"] },
      );
      assert.equal(reply.status, status, origin);
    }
  },
);

coroutineTest("options that cannot be used are refused when the handler is made", () => {
  const refused: ReadonlyArray<readonly [options: object, message: RegExp]> = [
    [{ maxMessageBytes: 0 }, /^Cannot use maxMessageBytes: found 0, wanted a whole number from 1 to 2147483647$/],
    [{ maxQueuedBytes: 1.5 }, /maxQueuedBytes: found 1.5/],
    [{ maxFragments: 2 ** 31 }, /maxFragments/],
    [{ pingIntervalMs: -1 }, /pingIntervalMs: found -1, wanted a whole number from 0/],
    [{ pongTimeoutMs: 0 }, /pongTimeoutMs/],
    [{ closeTimeoutMs: NaN }, /closeTimeoutMs/],
    [{ protocols: ["a b"] }, /^Cannot use protocol "a b": wanted a token$/],
    [{ allowedOrigins: "all" }, /^Cannot use allowedOrigins: found "all"/],
    [{ allowedOrigins: ["example.com"] }, /^Cannot use the origin "example.com"/],
    [{ allowedOrigins: ["https://example.com/"] }, /^Cannot use the origin/],
  ];
  for (const [options, message] of refused) assert.throws(() => webSocket(() => {}, options), { message });
});
