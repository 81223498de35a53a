/**
 * Every limit of the server in one table, each just inside and just outside, with what the client sees: the last column of
 * the table in docs/http.md. A limit without a row does not compile, and fails the first test.
 *
 * What has to do with time is driven by the clock of the test; the sweep looks every 500 ms.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep, spawn } from "../../../packages/lunet/src/co/mod.ts";
import {
  defaultServerLimits,
  serve,
  text,
  type Handler,
  type Server,
  type ServerLimits,
} from "../../../packages/lunet/src/http/mod.ts";
import { connect } from "../../../packages/lunet/src/net/mod.ts";
import { clockTest, coroutineTest, type ClientReply, type TestClock } from "../../../packages/lunet/src/testing/mod.ts";
import { Client, Signal, talk, turns, waitUntil, type Talk } from "./server-harness.ts";

const SWEEPS_MS = 1_000;
const HOST = "Host: a\r\n";

interface Bench extends Talk {
  readonly clock: TestClock;
}

/** Over memory, with a clock that the test drives. */
interface DrivenRow {
  readonly limits: Partial<ServerLimits>;
  readonly handler?: Handler;
  readonly inside: (bench: Bench) => Promise<void>;
  readonly outside: (bench: Bench) => Promise<void>;
}

/** Over TCP and in real time, where several connections or the kernel are part of it. */
interface RealRow {
  readonly limits: Partial<ServerLimits>;
  readonly handler?: Handler;
  readonly insideOf: (server: Server, open: () => Promise<Client>) => Promise<void>;
  readonly outsideOf: (server: Server, open: () => Promise<Client>) => Promise<void>;
}

const hello: Handler = () => text("hello");
const upload: Handler = async (request) => text(String((await request.bytes()).length));

/** The next reply has this status. */
async function expect(client: Client, status: number): Promise<ClientReply> {
  const reply = await client.reply();
  assert.equal(reply.status, status);
  return reply;
}

/** The client is told so, and the connection ends. */
async function expectRefusal(client: Client, status: number): Promise<void> {
  const reply = await expect(client, status);
  assert.equal(reply.field("connection"), "close");
  await client.end();
}

async function expectRetry(client: Client): Promise<ClientReply> {
  const reply = await expect(client, 503);
  assert.match(reply.field("retry-after") ?? "", /^[1-9]\d*$/);
  return reply;
}

function isEnded({ client }: Talk): boolean {
  return client.connection.peerEnded || client.connection.closed;
}

/** A message that is read or refused for its size alone. */
function sized(limits: Partial<ServerLimits>, inside: string, outside: string, status: number): DrivenRow {
  return {
    limits,
    handler: upload,
    inside: async ({ client }) => {
      await client.send(inside);
      const reply = await expect(client, 200);
      assert.equal(reply.field("connection"), undefined);
    },
    outside: async ({ client }) => {
      await client.send(outside);
      await expectRefusal(client, status);
    },
  };
}

function head(bytes: number): string {
  const start = `GET / HTTP/1.1\r\n${HOST}X: `;
  return `${start}${"x".repeat(bytes - start.length - 4)}\r\n\r\n`;
}

function post(length: number): string {
  return `POST / HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\n\r\n${"x".repeat(length)}`;
}

const CHUNKED = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
const large = Buffer.alloc(1_000_000, "x");

const PIECE_BYTES = 50_000;
let made = 0;
async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (made = 0; made < count;) {
    made++;
    yield Buffer.alloc(PIECE_BYTES, "x");
  }
}

const hold = { go: new Signal() };

function blockLoop(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

/** Sends one request after the other, each of which holds the loop for so long, until `isEnough`. */
async function holdLoop(client: Client, ms: number, count: number, isEnough: () => boolean): Promise<void> {
  for (let request = 0; request < count && !isEnough(); request++) {
    await client.request(`/${ms}`);
    await expect(client, 200);
  }
}

const blocking: Handler = (request) => {
  blockLoop(Number(request.path.slice(1)));
  return text("done");
};

const ROWS: Readonly<Record<keyof ServerLimits, DrivenRow | RealRow>> = {
  maxHeaderBytes: sized({ maxHeaderBytes: 100 }, head(100), head(101), 431),
  maxFields: sized(
    { maxFields: 3 },
    `GET / HTTP/1.1\r\n${HOST}A: 1\r\nB: 2\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}A: 1\r\nB: 2\r\nC: 3\r\n\r\n`,
    431,
  ),
  maxTargetBytes: sized(
    { maxTargetBytes: 10 },
    `GET /123456789 HTTP/1.1\r\n${HOST}\r\n`,
    `GET /1234567890 HTTP/1.1\r\n${HOST}\r\n`,
    414,
  ),
  maxContentBytes: sized({ maxContentBytes: 10 }, post(10), post(11), 413),
  maxTrailerBytes: sized(
    { maxTrailerBytes: 10 },
    `${CHUNKED}1\r\nx\r\n0\r\nA: 123\r\n\r\n`,
    `${CHUNKED}1\r\nx\r\n0\r\nA: 1234\r\n\r\n`,
    431,
  ),
  maxChunkExtensionBytes: sized(
    { maxChunkExtensionBytes: 5 },
    `${CHUNKED}1;abcd\r\nx\r\n0\r\n\r\n`,
    `${CHUNKED}1;abcde\r\nx\r\n0\r\n\r\n`,
    400,
  ),
  maxConnections: {
    limits: { maxConnections: 2, lingerMs: 200 },
    insideOf: async (_, open) => {
      for (const client of [await open(), await open()]) {
        await client.request("/");
        await expect(client, 200);
      }
    },
    outsideOf: async (_, open) => {
      for (const client of [await open(), await open()]) {
        await client.request("/");
        await expect(client, 200);
      }
      const third = await open();
      assert.equal((await expectRetry(third)).field("connection"), "close");
      await third.end();
    },
  },
  maxRequestsInFlight: {
    limits: { maxRequestsInFlight: 2 },
    handler: async (request) => {
      if (request.path === "/held") await hold.go.wait();
      return text("done");
    },
    insideOf: async (_, open) => {
      hold.go = new Signal();
      const [first, second] = [await open(), await open()];
      await first.request("/held");
      await second.request("/");
      await expect(second, 200);
      hold.go.set();
      await expect(first, 200);
    },
    outsideOf: async (server, open) => {
      hold.go = new Signal();
      const [first, second, third] = [await open(), await open(), await open()];
      await first.request("/held");
      await second.request("/held");
      await waitUntil(() => server.overloaded);
      await third.request("/");
      assert.equal((await expectRetry(third)).field("connection"), undefined);
      hold.go.set();
      await expect(first, 200);
      await expect(second, 200);
      await third.request("/");
      await expect(third, 200);
    },
  },
  maxLoopDelayMs: {
    limits: { maxLoopDelayMs: 150 },
    handler: blocking,
    insideOf: async (server, open) => {
      await holdLoop(await open(), 20, 20, () => false);
      assert.equal(server.overloaded, false);
    },
    outsideOf: async (server, open) => {
      const clients = await Promise.all(Array.from({ length: 10 }, () => open()));
      for (const client of clients) {
        await client.request("/0");
        await expect(client, 200);
      }
      await holdLoop(await open(), 200, 10, () => server.overloaded);
      assert.equal(server.overloaded, true);
      // They come in one turn of the loop: one is begun, one may wait in line, the others are told at once.
      await Promise.all(clients.map((client) => client.request("/50")));
      const statuses: number[] = [];
      for (const client of clients) {
        const reply = await client.reply();
        statuses.push(reply.status);
        assert.equal(reply.field("connection"), undefined);
        if (reply.status === 503) assert.match(reply.field("retry-after") ?? "", /^[1-9]\d*$/);
      }
      assert.ok(statuses.includes(200) && statuses.includes(503), statuses.join(" "));
    },
  },
  maxRequestsPerConnection: {
    limits: { maxRequestsPerConnection: 2 },
    inside: async ({ client }) => {
      await client.request("/");
      assert.equal((await expect(client, 200)).field("connection"), undefined);
    },
    outside: async ({ client }) => {
      await client.request("/");
      await expect(client, 200);
      await client.request("/");
      await expectRefusal(client, 200);
    },
  },
  headerTimeoutMs: {
    limits: { headerTimeoutMs: 2_000 },
    inside: async ({ client, clock }) => {
      await client.send(`GET / HTTP/1.1\r\n${HOST}`);
      await clock.advance(1_999);
      await client.send("\r\n");
      await expect(client, 200);
    },
    outside: async ({ client, clock }) => {
      await client.send(`GET / HTTP/1.1\r\n${HOST}`);
      await clock.advance(2_000 + SWEEPS_MS);
      await expectRefusal(client, 408);
    },
  },
  idleTimeoutMs: {
    limits: { idleTimeoutMs: 2_000 },
    inside: async ({ client, clock }) => {
      await client.request("/");
      await expect(client, 200);
      await clock.advance(1_999);
      await client.request("/");
      await expect(client, 200);
    },
    outside: async ({ client, clock }) => {
      await client.request("/");
      await expect(client, 200);
      await clock.advance(2_000 + SWEEPS_MS);
      await client.end();
    },
  },
  contentMinBytesPerSecond: {
    limits: { contentMinBytesPerSecond: 10, contentGraceMs: 2_000 },
    handler: upload,
    inside: async ({ client, clock }) => {
      await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\n`);
      for (let second = 0; second < 10; second++) {
        await clock.advance(1_000);
        await client.send("x".repeat(10));
      }
      await expect(client, 200);
    },
    outside: async (one) => {
      await one.client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\n`);
      for (let second = 0; second < 10 && !isEnded(one); second++) {
        await one.clock.advance(1_000);
        if (!isEnded(one)) await one.client.send("x".repeat(5));
      }
      await expectRefusal(one.client, 408);
    },
  },
  contentGraceMs: {
    limits: { contentMinBytesPerSecond: 1, contentGraceMs: 2_000 },
    handler: upload,
    inside: async ({ client, clock }) => {
      await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\n${"x".repeat(99)}`);
      await clock.advance(1_999);
      await client.send("x");
      await expect(client, 200);
    },
    outside: async ({ client, clock }) => {
      await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\n${"x".repeat(99)}`);
      await clock.advance(2_000 + SWEEPS_MS);
      await expectRefusal(client, 408);
    },
  },
  handlerTimeoutMs: {
    limits: { handlerTimeoutMs: 2_000 },
    handler: async (request) => {
      await sleep(Number(request.path.slice(1)));
      return text("done");
    },
    inside: async ({ client, clock }) => {
      await client.request("/1999");
      await clock.advance(1_999);
      await expect(client, 200);
    },
    outside: async ({ client, clock }) => {
      await client.request("/60000");
      await clock.advance(2_000 + SWEEPS_MS);
      await expectRetry(client);
      await client.end();
    },
  },
  writeStallMs: {
    limits: { writeStallMs: 2_000 },
    handler: () => ({ status: 200, content: large }),
    inside: async ({ client, clock }) => {
      await client.request("/");
      await clock.advance(1_999);
      await expect(client, 200);
    },
    outside: async ({ client, clock }) => {
      await client.request("/");
      await clock.advance(2_000 + SWEEPS_MS);
      await assert.rejects(client.reply(), { code: "ERR_CONNECTION_RESET" });
    },
  },
  halfCloseMs: {
    limits: { halfCloseMs: 2_000 },
    handler: async (request) => {
      await sleep(Number(request.path.slice(1)));
      return text("done");
    },
    inside: async ({ client, clock }) => {
      await client.request("/1999");
      await client.connection.shutdown();
      await clock.advance(1_999);
      await expect(client, 200);
    },
    outside: async ({ client, clock }) => {
      await client.request("/60000");
      await client.connection.shutdown();
      await clock.advance(2_000 + SWEEPS_MS);
      await client.end();
    },
  },
  maxDiscardBytes: {
    limits: { maxDiscardBytes: 1_000 },
    inside: async ({ client }) => {
      await client.send(post(1_000));
      assert.equal((await expect(client, 200)).field("connection"), undefined);
      await client.request("/");
      await expect(client, 200);
    },
    outside: async ({ client }) => {
      await client.send(post(1_001));
      await expectRefusal(client, 200);
    },
  },
  drainIdleMs: {
    limits: { drainIdleMs: 400, lingerMs: 200 },
    insideOf: async (server, open) => {
      const client = await open();
      await client.request("/");
      await expect(client, 200);
      const closing = spawn(() => server.close());
      await waitUntil(() => server.draining);
      // Several times round, and one look at the connections.
      await sleep(100);
      await client.request("/");
      await expectRefusal(client, 200);
      client.connection.destroy();
      await closing.join();
    },
    outsideOf: async (server, open) => {
      const client = await open();
      await client.request("/");
      await expect(client, 200);
      const startedMs = performance.now();
      const closing = spawn(() => server.close());
      await client.end();
      assert.ok(performance.now() - startedMs >= 400, "it was closed early");
      client.connection.destroy();
      await closing.join();
    },
  },
  lingerMs: {
    limits: { lingerMs: 2_000 },
    inside: async ({ client, clock, serving }) => {
      await client.send(`GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
      await expectRefusal(client, 200);
      await clock.advance(1_999);
      assert.equal(serving?.state, "running");
    },
    outside: async ({ client, clock, serving }) => {
      await client.send(`GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
      await expectRefusal(client, 200);
      await clock.advance(2_000);
      assert.equal(serving?.state, "done");
    },
  },
  readBufferSize: {
    limits: { readBufferSize: 65_536, maxContentBytes: 100_000_000 },
    handler: async (request) => {
      await hold.go.wait();
      return text(String((await request.bytes()).length));
    },
    insideOf: async (_, open) => {
      hold.go = new Signal();
      const client = await open();
      await client.send(post(60_000));
      hold.go.set();
      await expect(client, 200);
    },
    outsideOf: async (_, open) => {
      hold.go = new Signal();
      const client = await open();
      // More than the kernel holds for both ends: the client's write is not taken before the server reads.
      const content = 14_000_000;
      const sending = spawn(() => client.send(post(content)));
      await turns(100);
      assert.ok(client.connection.bufferedBytes > 0);
      hold.go.set();
      assert.equal((await expect(client, 200)).text(), String(content));
      await sending.join();
    },
  },
  writeBufferSize: {
    limits: { writeBufferSize: 65_536 },
    handler: (request) => ({ status: 200, content: pieces(Number(request.path.slice(1))) }),
    insideOf: async (_, open) => {
      const client = await open();
      await client.request("/2");
      await waitUntil(() => made === 2);
      assert.equal((await expect(client, 200)).bytes().length, 2 * PIECE_BYTES);
    },
    outsideOf: async (_, open) => {
      const client = await open();
      await client.request("/400");
      await turns(500);
      // Nobody takes the reply: its stream waits behind the buffer, and behind some megabytes that the kernel holds.
      assert.ok(made < 320, `${made} pieces were made`);
      assert.equal((await expect(client, 200)).bytes().length, 400 * PIECE_BYTES);
    },
  },
};

test("every limit has a row", () => {
  assert.deepEqual(Object.keys(ROWS), Object.keys(defaultServerLimits));
});

for (const [name, row] of Object.entries(ROWS)) {
  const handler = row.handler ?? hello;
  if ("inside" in row) {
    for (const [side, body] of [
      ["inside", row.inside],
      ["outside", row.outside],
    ] as const) {
      clockTest(`${name}, just ${side}`, (clock) =>
        talk("memory", handler, (one) => body({ ...one, clock }), { limits: { lingerMs: 1, ...row.limits } }),
      );
    }
  } else {
    for (const [side, body] of [
      ["inside", row.insideOf],
      ["outside", row.outsideOf],
    ] as const) {
      coroutineTest(`${name}, just ${side}`, async () => {
        await using server = await serve(handler, { limits: row.limits });
        const clients: Client[] = [];
        const open = async (): Promise<Client> => {
          const client = new Client(await connect({ port: server.port }));
          clients.push(client);
          return client;
        };
        await body(server, open);
        for (const client of clients) client.connection.destroy();
      });
    }
  }
}
