/**
 * The limits of time and number, each just inside and just outside. The clock is the test's; the sweep looks every
 * 500 ms from the server's start, and a phase counts from the first sweep that sees it.
 */
import assert from "node:assert/strict";
import type { FindingClass } from "lunet/trace";
import { isCancelled, sleep, spawn } from "../../../packages/lunet/src/co/mod.ts";
import {
  serve,
  text,
  type Handler,
  type ServerLimits,
  type ServerOptions,
} from "../../../packages/lunet/src/http/mod.ts";
import { connect } from "../../../packages/lunet/src/net/mod.ts";
import { clockTest, coroutineTest, type TestClock } from "../../../packages/lunet/src/testing/mod.ts";
import { Client, Signal, talk, waitUntil, type Talk } from "./server-harness.ts";

const SWEEP_MS = 500;
/** Where the test clock begins. */
const START_MS = 1_000_000;
const HOST = "Host: a\r\n";
const hello: Handler = () => text("hello");

/** A test over memory whose clock is driven. `codes` has what was answered to faults. */
function limitTest(
  name: string,
  limits: Partial<ServerLimits>,
  handler: Handler,
  body: (talk: Talk & { readonly clock: TestClock; readonly codes: string[] }) => Promise<void>,
  provokes: readonly FindingClass[] = [],
): void {
  const codes: string[] = [];
  const options: ServerOptions = {
    limits: { lingerMs: 1, ...limits },
    errorReply: (error) => {
      codes.push(error.code);
      return text(error.code, { status: error.status });
    },
  };
  clockTest(name, (clock) => talk("memory", handler, (one) => body({ ...one, clock, codes }), options), { provokes });
}

/** Whether the server has closed the connection, without a wait. */
function isClosed({ client }: Talk): boolean {
  return client.connection.peerEnded || client.connection.closed;
}

limitTest("a head that is not whole after headerTimeoutMs is 408", { headerTimeoutMs: 2_000 }, hello, async (one) => {
  await one.clock.advance(200);
  await one.client.send(`GET / HTTP/1.1\r\n${HOST}`);
  await one.clock.advance(2_200);
  assert.ok(!isClosed(one));
  await one.clock.advance(2 * SWEEP_MS);
  const reply = await one.client.reply();
  assert.equal(reply.status, 408);
  assert.equal(reply.field("connection"), "close");
  await one.client.end();
  assert.deepEqual(one.codes, ["ERR_HTTP_HEADER_TIMEOUT"]);
});

limitTest("a head that drips in is 408 too", { headerTimeoutMs: 2_000 }, hello, async (one) => {
  await one.client.send("GET / HTTP/1.1\r\n");
  for (let bytes = 0; bytes < 20 && !isClosed(one); bytes++) {
    await one.client.send("X: y\r\n");
    await one.clock.advance(200);
  }
  assert.equal((await one.client.reply()).status, 408);
});

limitTest("a head that takes just less is served", { headerTimeoutMs: 2_000 }, hello, async (one) => {
  await one.client.send("GET / HTTP/1.1\r\n");
  await one.clock.advance(1_999);
  await one.client.send(`${HOST}\r\n`);
  assert.equal((await one.client.reply()).status, 200);
  await one.client.send("GET / HTTP/1.1\r\n");
  await one.clock.advance(1_999);
  await one.client.send(`${HOST}\r\n`);
  assert.equal((await one.client.reply()).status, 200);
});

limitTest("a connection that says nothing is closed without a word", { headerTimeoutMs: 2_000 }, hello, async (one) => {
  await one.clock.advance(1_999);
  assert.ok(!isClosed(one));
  await one.clock.advance(2 * SWEEP_MS);
  await one.client.end();
  assert.deepEqual(one.codes, []);
});

limitTest(
  "a second head that is late is 408, also behind a reply",
  { headerTimeoutMs: 2_000, idleTimeoutMs: 60_000 },
  hello,
  async (one) => {
    await one.client.send(`GET / HTTP/1.1\r\n${HOST}\r\nGET / HT`);
    assert.equal((await one.client.reply()).status, 200);
    await one.clock.advance(2_000 + 2 * SWEEP_MS);
    assert.equal((await one.client.reply()).status, 408);
    await one.client.end();
  },
);

limitTest(
  "an idle connection is closed after idleTimeoutMs, not before, and without a word",
  { idleTimeoutMs: 5_000, headerTimeoutMs: 1_000 },
  hello,
  async (one) => {
    for (let round = 0; round < 3; round++) {
      await one.client.request("/");
      assert.equal((await one.client.reply()).status, 200);
      await one.clock.advance(4_999);
      assert.ok(!isClosed(one));
    }
    await one.clock.advance(2 * SWEEP_MS);
    await one.client.end();
    assert.deepEqual(one.codes, []);
  },
);

limitTest("a limit is never applied early, however short", { idleTimeoutMs: 1 }, hello, async (one) => {
  await one.client.request("/");
  await one.client.reply();
  await one.clock.advance(SWEEP_MS - 1);
  assert.ok(!isClosed(one));
  await one.client.request("/");
  assert.equal((await one.client.reply()).status, 200);
  await one.clock.advance(2 * SWEEP_MS);
  await one.client.end();
});

const slowly: Handler = async () => {
  try {
    await sleep(3_000);
  } finally {
    finished = isCancelled() ? "cancelled" : "done";
  }
  return text("at last");
};
let finished = "";

limitTest(
  "a handler that takes just less than handlerTimeoutMs answers",
  { handlerTimeoutMs: 3_000 },
  slowly,
  async (one) => {
    await one.clock.advance(499);
    await one.client.request("/");
    await one.clock.advance(3_000);
    assert.equal((await one.client.reply()).text(), "at last");
    assert.equal(finished, "done");
  },
);

limitTest("a handler that takes longer is cancelled and 503", { handlerTimeoutMs: 1_500 }, slowly, async (one) => {
  await one.client.request("/");
  await one.clock.advance(2_500);
  const reply = await one.client.reply();
  assert.equal(reply.status, 503);
  assert.equal(reply.field("connection"), "close");
  await one.client.end();
  assert.equal(finished, "cancelled");
  assert.deepEqual(one.codes, ["ERR_HTTP_HANDLER_TIMEOUT"]);
  assert.deepEqual(one.log.lines, ["503 24"]);
});

limitTest(
  "coroutines that a plain handler left are limited by handlerTimeoutMs as well",
  { handlerTimeoutMs: 1_500, headerTimeoutMs: 600 },
  () => {
    spawn(() => sleep(60_000));
    return text("held");
  },
  async (one) => {
    await one.client.request("/");
    await one.clock.advance(1_499);
    assert.deepEqual(one.codes, []);
    await one.clock.advance(1_000);
    assert.equal((await one.client.reply()).status, 503);
    await one.client.end();
  },
);

limitTest(
  "a handler that answers in spite of its cancel is the only answer",
  { handlerTimeoutMs: 1_000 },
  async () => {
    await sleep(60_000).catch(() => {});
    return text("I was cancelled", { status: 418 });
  },
  async (one) => {
    await one.client.request("/");
    await one.clock.advance(2_000);
    const reply = await one.client.reply();
    assert.equal(reply.status, 418);
    assert.equal(reply.field("connection"), "close");
    await one.client.end();
    assert.deepEqual(one.codes, []);
    assert.deepEqual(one.log.lines, ["418 15"]);
  },
  ["M"],
);

{
  let release = (): void => {};
  limitTest(
    "a handler that ignores its cancel keeps nobody waiting: its client is answered without it",
    { handlerTimeoutMs: 1_000 },
    async () => {
      await new Promise<void>((resolve) => (release = resolve));
      return text("nobody hears this");
    },
    async (one) => {
      await one.client.request("/");
      await one.clock.advance(3_500);
      const reply = await one.client.reply();
      const end = await one.client.end();
      release();
      assert.equal(reply.status, 503);
      assert.equal(end, undefined);
      await one.serving?.join();
      assert.deepEqual(one.codes, ["ERR_HTTP_HANDLER_TIMEOUT"]);
    },
  );
}

const upload: Handler = async (request) => text(String((await request.bytes()).length));
const rate = { contentMinBytesPerSecond: 100, contentGraceMs: 2_000, handlerTimeoutMs: 1_000 };

/** Sends content of 10,000 bytes, `bytes` every second, for so many seconds. */
async function drip({ client, clock }: Talk & { clock: TestClock }, bytes: number, seconds: number): Promise<void> {
  await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 10000\r\n\r\n`);
  for (let second = 0; second < seconds; second++) {
    await clock.advance(1_000);
    if (client.connection.peerEnded) return;
    await client.send("x".repeat(bytes));
  }
}

limitTest(
  "content that comes at contentMinBytesPerSecond is read, however long it takes",
  rate,
  upload,
  async (one) => {
    await drip(one, 100, 100);
    assert.equal((await one.client.reply()).text(), "10000");
  },
);

limitTest("content that comes slower is 408 when it is contentGraceMs late", rate, upload, async (one) => {
  await drip(one, 60, 20);
  assert.ok(one.clock.nowMs - START_MS > 3_000, String(one.clock.nowMs));
  assert.ok(one.clock.nowMs - START_MS <= 5_000, String(one.clock.nowMs));
  const reply = await one.client.reply();
  assert.equal(reply.status, 408);
  assert.equal(reply.field("connection"), "close");
  await one.client.end();
  assert.deepEqual(one.codes, ["ERR_HTTP_CONTENT_TIMEOUT"]);
});

limitTest("content that stops for contentGraceMs is 408, however fast it came before", rate, upload, async (one) => {
  await drip(one, 9_000, 1);
  await one.clock.advance(1_999);
  assert.deepEqual(one.codes, []);
  await one.clock.advance(2 * SWEEP_MS);
  assert.equal((await one.client.reply()).status, 408);
});

limitTest(
  "a rate of 0 lets content take its time",
  { contentMinBytesPerSecond: 0, contentGraceMs: 1_000 },
  upload,
  async (one) => {
    await one.client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nx`);
    await one.clock.advance(3_600_000);
    await one.client.send("x");
    assert.equal((await one.client.reply()).text(), "2");
  },
);

limitTest(
  "the time that a handler takes between two pieces is not the client's",
  { ...rate, handlerTimeoutMs: 60_000 },
  async (request) => {
    let bytes = 0;
    for await (const piece of request.content()) {
      bytes += piece.length;
      await sleep(20_000);
    }
    return text(String(bytes));
  },
  async (one) => {
    await one.client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nab`);
    await one.clock.advance(20_500);
    await one.client.send("cd");
    await one.clock.advance(20_500);
    assert.equal((await one.client.reply()).text(), "4");
  },
);

limitTest(
  "a half-closed client still gets an answer that comes within halfCloseMs",
  { halfCloseMs: 1_000 },
  async () => {
    await sleep(999);
    return text("in time");
  },
  async (one) => {
    await one.client.request("/");
    await one.client.connection.shutdown();
    await one.clock.advance(999);
    const reply = await one.client.reply();
    assert.equal(reply.text(), "in time");
    await one.client.end();
  },
);

limitTest(
  "a handler that takes longer for a half-closed client is cancelled",
  { halfCloseMs: 1_000 },
  slowly,
  async (one) => {
    await one.client.request("/");
    await one.client.connection.shutdown();
    await one.clock.advance(1_000 + 2 * SWEEP_MS);
    await one.client.end();
    assert.equal(finished, "cancelled");
    assert.deepEqual(one.log.lines, ["499 0 cut"]);
    assert.deepEqual(one.codes, []);
  },
);

// What follows the reply makes no difference: a client that left is as gone when it was the last one.
for (const [which, fields] of [
  ["", ""],
  [", also when the reply is the connection's last", "Connection: close\r\n"],
] as const) {
  const go = new Signal();
  async function* content(): AsyncGenerator<string> {
    yield "first ";
    for (let piece = 0; piece < 5; piece++) {
      await sleep(900);
      yield "piece ";
    }
    await go.wait();
    yield "never";
  }
  limitTest(
    `a stream goes on for a half-closed client while its pieces come within halfCloseMs, and then ends${which}`,
    { halfCloseMs: 1_000 },
    () => ({ status: 200, content: content() }),
    async (one) => {
      await one.client.request("/", undefined, fields);
      await one.client.connection.shutdown();
      await one.clock.advance(4_600);
      assert.ok(!isClosed(one));
      await one.clock.advance(1_000 + 2 * SWEEP_MS);
      await assert.rejects(one.client.reply(), { code: "ERR_REPLY_MALFORMED" });
      assert.deepEqual(one.log.lines, ["200 36 cut"]);
    },
  );
}

for (const version of ["1.1", "1.0"]) {
  let pieces = 0;
  limitTest(
    `a stream over HTTP/${version} that reads its request's content waits for it no longer than contentGraceMs, with Connection: close`,
    { contentMinBytesPerSecond: 100, contentGraceMs: 2_000 },
    (request) => ({
      status: 200,
      content: (async function* () {
        for await (const piece of request.content()) {
          pieces++;
          yield piece;
        }
      })(),
    }),
    async (one) => {
      const fields = `${HOST}Content-Length: 10\r\nConnection: close\r\n`;
      await one.client.send(`POST / HTTP/${version}\r\n${fields}\r\nhello`);
      await one.clock.advance(1_900);
      assert.deepEqual([pieces, one.log.lines], [1, []]);
      await one.clock.advance(100 + 2 * SWEEP_MS);
      assert.deepEqual(one.log.lines, ["200 5 cut"]);
    },
  );
}

const large: Handler = () => ({ status: 200, content: Buffer.alloc(10_000_000) });

limitTest(
  "a client that takes nothing of its reply for writeStallMs is reset",
  { writeStallMs: 3_000 },
  large,
  async (one) => {
    await one.client.request("/");
    await one.clock.advance(2_999);
    assert.deepEqual(one.log.lines, []);
    await one.clock.advance(2 * SWEEP_MS);
    assert.equal(one.log.replies[0]?.complete, false);
    await assert.rejects(one.client.reply(), { code: "ERR_CONNECTION_RESET" });
  },
);

limitTest(
  "a client that takes a little now and then is not, however long it takes, nor as idle or late",
  { writeStallMs: 3_000, idleTimeoutMs: 2_000, headerTimeoutMs: 2_000, handlerTimeoutMs: 2_000 },
  large,
  async (one) => {
    await one.client.request("/");
    // The head is a read of its own.
    await one.client.connection.read();
    for (let left = 10_000_000; left > 0;) {
      await one.clock.advance(2_500);
      left -= (await one.client.connection.read())?.length ?? Infinity;
    }
    assert.deepEqual(one.log.lines, ["200 10000000"]);
  },
);

limitTest(
  "a slow client of many small replies is not taken for an idle one",
  { writeStallMs: 60_000, idleTimeoutMs: 2_000, headerTimeoutMs: 2_000, handlerTimeoutMs: 2_000 },
  () => text("x".repeat(10_000)),
  async (one) => {
    const sending = spawn(() => one.client.send(`GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(100)));
    await one.clock.advance(20_000);
    for (let reply = 0; reply < 100; reply++) assert.equal((await one.client.reply()).status, 200);
    await sending.join();
    assert.deepEqual(one.codes, []);
  },
);

limitTest("closing waits lingerMs for the client's end", { lingerMs: 4_000 }, hello, async (one) => {
  await one.client.send(`GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
  await one.client.reply();
  await one.client.end();
  await one.clock.advance(3_999);
  assert.equal(one.serving?.state, "running");
  await one.clock.advance(1);
  assert.equal(one.serving?.state, "done");
});

coroutineTest(
  "one connection more than maxConnections is 503 with Retry-After, and there is room again later",
  async () => {
    const codes: string[] = [];
    await using server = await serve(hello, {
      limits: { maxConnections: 2, lingerMs: 200 },
      errorReply: (error) => {
        codes.push(error.code);
        return text("full", { status: error.status, fields: { "Retry-After": "1" } });
      },
    });
    const open = async (): Promise<Client> => new Client(await connect({ port: server.port }));
    const first = await open();
    const second = await open();
    for (const client of [first, second]) {
      await client.request("/");
      assert.equal((await client.reply()).status, 200);
    }
    const refused: Client[] = [];
    for (let count = 0; count < 5; count++) {
      const third = await open();
      const reply = await third.reply();
      assert.equal(reply.status, 503);
      assert.equal(reply.field("retry-after"), "1");
      assert.equal(reply.field("connection"), "close");
      await third.end();
      refused.push(third);
    }
    assert.equal(server.connectionCount, 2);
    assert.deepEqual(codes, Array(5).fill("ERR_HTTP_CONNECTION_LIMIT"));
    // Those that were refused and linger take nobody's place.
    first.connection.destroy();
    await waitUntil(() => server.connectionCount === 1);
    const fourth = await open();
    await fourth.request("/");
    assert.equal((await fourth.reply()).status, 200);
    for (const client of [second, fourth, ...refused]) client.connection.destroy();
  },
);

coroutineTest("the default answer at the limit says when to come again", async () => {
  await using server = await serve(hello, { limits: { maxConnections: 1 } });
  const first = new Client(await connect({ port: server.port }));
  await first.request("/");
  await first.reply();
  const second = new Client(await connect({ port: server.port }));
  const reply = await second.reply();
  assert.equal(reply.status, 503);
  assert.equal(reply.field("retry-after"), "1");
  for (const client of [first, second]) client.connection.destroy();
});

coroutineTest("a flood beyond maxConnections is answered as far as there is room, and then reset", async () => {
  await using server = await serve(hello, { limits: { maxConnections: 1, lingerMs: 60_000 } });
  const first = new Client(await connect({ port: server.port }));
  await first.request("/");
  await first.reply();
  const clients: Client[] = [];
  let answered = 0;
  let reset = 0;
  for (let count = 0; count < 300; count++) {
    try {
      const client = new Client(await connect({ port: server.port }));
      clients.push(client);
      assert.equal((await client.reply()).status, 503);
      answered++;
    } catch (error) {
      assert.equal((error as { code?: string }).code, "ERR_CONNECTION_RESET");
      reset++;
    }
  }
  assert.equal(answered, 256);
  assert.equal(reset, 44);
  await first.request("/");
  assert.equal((await first.reply()).status, 200);
  for (const client of [first, ...clients]) client.connection.destroy();
});

coroutineTest("a limit out of range stops the start, and says what is wanted", async () => {
  for (const limits of [
    { maxConnections: 0 },
    { idleTimeoutMs: 1.5 },
    { writeStallMs: NaN },
    { readBufferSize: 1e9 },
  ]) {
    await assert.rejects(serve(hello, { limits }), { name: "RangeError", code: "ERR_HTTP_INVALID_LIMIT" });
  }
  await assert.rejects(serve(hello, { limits: { maxConnection: 5 } as Partial<ServerLimits> }), {
    code: "ERR_HTTP_INVALID_LIMIT",
  });
});
