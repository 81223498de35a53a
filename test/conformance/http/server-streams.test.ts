/** Replies whose content is a stream, and long ones: pace, order, and how they are cut off. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { Cancelled, sleep, spawn, until } from "../../../packages/lunet/src/co/mod.ts";
import { text, type Handler, type Reply } from "../../../packages/lunet/src/http/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { Signal, talk, waitUntil, type Client } from "./server-harness.ts";

const PIECE = Buffer.alloc(65_536, "x");

/** Pieces without an end, counted, and whether the stream was ended. */
class Endless {
  pieces = 0;
  ended = false;
  cancelled = false;

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        this.pieces++;
        yield PIECE;
      }
    } catch (error) {
      this.cancelled = error instanceof Cancelled;
      throw error;
    } finally {
      this.ended = true;
    }
  }
}

/** How many pieces are made while nobody reads. */
async function settled(stream: Endless): Promise<number> {
  let last = -1;
  let turns = 0;
  await waitUntil(() => {
    if (stream.pieces !== last) turns = 0;
    last = stream.pieces;
    return ++turns > 2_000;
  });
  return last;
}

coroutineTest("a reply that is not read stops its stream, and memory stays bounded", () => {
  const stream = new Endless();
  return talk(
    "tcp",
    () => ({ status: 200, content: stream }),
    async ({ client, log }) => {
      await client.request("/");
      const pieces = await settled(stream);
      assert.ok(pieces < 500, `${pieces} pieces of 64 KiB were made for a client that reads none`);
      client.connection.destroy({ reset: true });
      await waitUntil(() => stream.ended);
      await waitUntil(() => log.replies.length === 1);
      assert.equal(log.replies[0]?.complete, false);
    },
  );
});

coroutineTest("a stream ends with its client: its wait is cancelled and its cleanup runs", () => {
  const waiting = new Signal();
  const ends: string[] = [];
  async function* content(): AsyncGenerator<string> {
    try {
      yield "first";
      waiting.set();
      await sleep(60_000);
    } catch (error) {
      ends.push(error instanceof Cancelled ? "cancelled" : String(error));
      throw error;
    } finally {
      ends.push("cleaned up");
    }
  }
  return talk(
    "tcp",
    () => ({ status: 200, content: content() }),
    async ({ client, log }) => {
      await client.request("/");
      await waiting.wait();
      client.connection.destroy({ reset: true });
      await waitUntil(() => log.replies.length === 1);
      assert.deepEqual(ends, ["cancelled", "cleaned up"]);
      assert.deepEqual(log.lines, ["200 5 cut"]);
    },
  );
});

coroutineTest("the head of a stream goes out before its first piece, and each piece as it comes", () => {
  const go = new Signal();
  async function* content(): AsyncGenerator<string> {
    await go.wait();
    yield "data: 1\n\n";
    await sleep(1);
    yield "";
    yield "data: 2\n\n";
  }
  return talk(
    "tcp",
    () => ({ status: 200, fields: { "Content-Type": "text/event-stream" }, content: content() }),
    async ({ client }) => {
      await client.request("/");
      const head = Buffer.from((await client.connection.read()) ?? "").toString();
      assert.match(head, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
      go.set();
      assert.equal(Buffer.from((await client.connection.read()) ?? "").toString(), "9\r\ndata: 1\n\n\r\n");
    },
  );
});

coroutineTest("a stream of text, of bytes, small and large, arrives as it was made", () => {
  const parts = ["start ", Buffer.from("bytes "), "日本語 ", "y".repeat(20_000), Buffer.alloc(200_000, "z"), "", "end"];
  async function* content(): AsyncGenerator<string | Uint8Array> {
    for (const part of parts) yield part;
  }
  return talk(
    "tcp",
    () => ({ status: 200, content: content() }),
    async ({ client }) => {
      await client.request("/");
      const wanted = Buffer.concat(parts.map((part) => Buffer.from(part)));
      assert.ok(wanted.equals((await client.reply()).bytes()));
      await client.request("/");
      assert.ok(wanted.equals((await client.reply()).bytes()));
    },
  );
});

for (const over of ["memory", "tcp"] as const) {
  coroutineTest(`${over}: a long reply goes out whole to a slow reader, as text and as bytes`, () => {
    const long = "0123456789".repeat(500_000);
    const handler: Handler = (request) =>
      request.path === "/text" ? text(long) : { status: 200, content: Buffer.from(long) };
    return talk(over, handler, async ({ client, log }) => {
      for (const path of ["/text", "/bytes"]) {
        await client.request(path);
        await sleep(20);
        const reply = await client.reply();
        assert.equal(reply.field("content-length"), String(long.length));
        assert.ok(reply.text() === long);
      }
      await waitUntil(() => log.replies.length === 2);
      assert.deepEqual(log.lines, [`200 ${long.length}`, `200 ${long.length}`]);
    });
  });
}

coroutineTest("a long reply that its client does not take is told as cut", () =>
  talk(
    "tcp",
    () => ({ status: 200, content: Buffer.alloc(20_000_000) }),
    async ({ client, log }) => {
      await client.request("/");
      await client.connection.read();
      client.connection.destroy({ reset: true });
      await waitUntil(() => log.replies.length === 1);
      assert.deepEqual(log.lines, ["200 20000000 cut"]);
    },
  ),
);

/** Replies up to the first that is cut off; gives what came before it. */
async function repliesBeforeCut(client: Client): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    try {
      texts.push((await client.reply()).text());
    } catch (error) {
      const code = String((error as { code?: unknown }).code);
      assert.match(code, /^ERR_(REPLY_MALFORMED|CONNECTION_RESET)$/);
      return texts;
    }
  }
}

coroutineTest("a stream that fails half-way is cut off, not ended, and reported once", () => {
  async function* content(): AsyncGenerator<string> {
    yield "half";
    await sleep(1);
    throw new Error("the other half is missing");
  }
  return talk(
    "tcp",
    (request) => (request.path === "/whole" ? text("whole") : { status: 200, content: content() }),
    async ({ client, log, connect }) => {
      await client.send("GET /whole HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.deepEqual(await repliesBeforeCut(client), ["whole"]);
      assert.deepEqual(log.takeMessages(), ["the other half is missing"]);
      assert.deepEqual(log.lines, ["200 5", "200 4 cut"]);

      const old = await connect();
      await old.send("GET / HTTP/1.0\r\n\r\n");
      await assert.rejects(old.reply(), { code: "ERR_CONNECTION_RESET" });
      assert.deepEqual(log.takeMessages(), ["the other half is missing"]);
    },
  );
});

coroutineTest("a stream that fails before its first piece leaves the replies before it alone", () => {
  async function* content(): AsyncGenerator<string> {
    yield* [].map(String);
    throw new Error("nothing came");
  }
  return talk(
    "tcp",
    (request) => (request.path === "/whole" ? text("whole") : { status: 200, content: content() }),
    async ({ client, log }) => {
      await client.send("GET /whole HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2) + "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.deepEqual(await repliesBeforeCut(client), ["whole", "whole"]);
      assert.deepEqual(log.takeMessages(), ["nothing came"]);
    },
  );
});

coroutineTest("a stream of pieces that are neither text nor bytes is cut off and reported", () => {
  async function* content(): AsyncGenerator<string> {
    yield 5 as unknown as string;
  }
  return talk(
    "memory",
    () => ({ status: 200, content: content() }),
    async ({ client, log }) => {
      await client.request("/");
      assert.deepEqual(await repliesBeforeCut(client), []);
      assert.match(String(log.takeMessages()), /piece that is number/);
    },
  );
});

coroutineTest("a stream whose length is known is sent with it, and HEAD is told it", () => {
  async function* content(): AsyncGenerator<string> {
    yield "12345";
    yield "67890";
  }
  const reply = (contentLength: number): Reply => ({ status: 200, content: content(), contentLength });
  return talk(
    "memory",
    (request) => reply(Number(request.path.slice(1))),
    async ({ client, log, connect }) => {
      await client.request("/10");
      const whole = await client.reply();
      assert.equal(whole.field("content-length"), "10");
      assert.equal(whole.text(), "1234567890");
      await client.send("HEAD /10 HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.equal((await client.reply("HEAD")).field("content-length"), "10");
      await client.request("/11");
      assert.deepEqual(await repliesBeforeCut(client), []);
      assert.match(String(log.takeMessages()), /found 10 bytes, contentLength is 11/);
      const other = await connect();
      await other.request("/9");
      assert.deepEqual(await repliesBeforeCut(other), []);
      assert.match(String(log.takeMessages()), /found more bytes than its contentLength, 9/);
      const third = await connect();
      await third.request("/1.5");
      assert.equal((await third.reply()).status, 500);
      assert.match(String(log.takeMessages()), /wanted a whole number/);
    },
  );
});

coroutineTest("a stream that HEAD does not want is ended, not read", () => {
  let cancelled = 0;
  let pulled = 0;
  const handler: Handler = () =>
    new Response(
      new ReadableStream(
        {
          pull(controller) {
            pulled++;
            controller.enqueue(new Uint8Array(10));
          },
          cancel: () => void cancelled++,
        },
        { highWaterMark: 0 },
      ),
    );
  return talk("memory", handler, async ({ client }) => {
    await client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await client.reply("HEAD")).status, 200);
    await client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await client.reply("HEAD")).status, 200);
    assert.equal(cancelled, 2);
    assert.equal(pulled, 0);
  });
});

coroutineTest("a coroutine that a stream spawned ends before the next request is answered", () => {
  const events: string[] = [];
  async function* content(): AsyncGenerator<string> {
    spawn(async () => {
      await sleep(5);
      events.push("spawned ended");
    });
    yield "stream";
  }
  const handler: Handler = (request) => {
    if (request.path === "/stream") return { status: 200, content: content() };
    events.push("next");
    return text("next");
  };
  return talk("memory", handler, async ({ client }) => {
    await client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await client.reply()).text(), "stream");
    assert.equal((await client.reply()).text(), "next");
    assert.deepEqual(events, ["spawned ended", "next"]);
  });
});

coroutineTest("a coroutine that a stream spawned and that fails cuts it off", () => {
  async function* content(): AsyncGenerator<string> {
    spawn(async () => {
      await sleep(1);
      throw new Error("spawned and failed");
    });
    yield "stream";
    await sleep(60_000);
  }
  return talk(
    "memory",
    () => ({ status: 200, content: content() }),
    async ({ client, log }) => {
      await client.request("/");
      assert.deepEqual(await repliesBeforeCut(client), []);
      await client.end();
      assert.deepEqual(log.lines, ["200 6 cut"]);
      assert.deepEqual(log.takeMessages(), ["spawned and failed"]);
    },
  );
});

coroutineTest("a stream that never waits lets others run", () => {
  const stream = new Endless();
  return talk(
    "memory",
    (request) => (request.path === "/" ? { status: 200, content: stream } : text("other")),
    async ({ client, connect }) => {
      await client.request("/");
      const draining = spawn(() => client.rest());
      const other = await connect();
      for (let round = 0; round < 20; round++) {
        await other.request("/other");
        assert.equal((await other.reply()).text(), "other");
      }
      draining.cancel();
      client.connection.destroy();
      await waitUntil(() => stream.ended);
    },
  );
});

const responses: Readonly<Record<string, () => Response>> = {
  "/text": () => new Response("grüße", { status: 203 }),
  "/json": () => Response.json({ a: 1 }, { status: 201 }),
  "/null": () => new Response(null, { status: 204 }),
  "/empty": () => new Response(null, { status: 200 }),
  "/stream": () => new Response(new Blob(["from ", "a ", "blob"]).stream()),
  "/cookies": () => {
    const response = new Response("c");
    response.headers.append("Set-Cookie", "a=1; Path=/");
    response.headers.append("Set-Cookie", "b=2, 3");
    response.headers.append("Vary", "A");
    response.headers.append("Vary", "B");
    return response;
  },
  "/proxied": () =>
    new Response("p", {
      headers: { Connection: "keep-alive", "Keep-Alive": "timeout=5", Date: "never", "Content-Length": "99", TE: "x" },
    }),
  "/redirect": () => Response.redirect("http://a.example/b", 303),
};

coroutineTest("a web Response is a reply", () =>
  talk(
    "memory",
    async (request) => {
      await sleep(0);
      return (responses[request.path] as () => Response)();
    },
    async ({ client, connect }) => {
      const get = async (path: string) => {
        await client.request(path);
        return client.reply();
      };
      const plain = await get("/text");
      assert.deepEqual([plain.status, plain.text()], [203, "grüße"]);
      assert.equal(plain.field("content-type"), "text/plain;charset=UTF-8");
      const answer = await get("/json");
      assert.deepEqual([answer.status, answer.json()], [201, { a: 1 }]);
      assert.equal((await get("/null")).status, 204);
      assert.equal((await get("/empty")).field("content-length"), "0");
      assert.equal((await get("/stream")).text(), "from a blob");
      const cookies = await get("/cookies");
      assert.deepEqual(cookies.fields.get("set-cookie"), ["a=1; Path=/", "b=2, 3"]);
      assert.equal(cookies.field("vary"), "A, B");
      const proxied = await get("/proxied");
      assert.equal(proxied.text(), "p");
      assert.equal(proxied.field("keep-alive"), undefined);
      assert.notEqual(proxied.field("date"), "never");
      assert.equal((await get("/redirect")).field("location"), "http://a.example/b");
      const sync = await connect();
      await sync.request("/text");
      assert.equal((await sync.reply()).text(), "grüße");
    },
  ),
);

coroutineTest("a Response whose body was read, and Response.error(), are failures of the handler", () =>
  talk(
    "memory",
    async (request) => {
      if (request.path === "/error") return Response.error();
      const response = new Response("once");
      await until(response.text());
      return response;
    },
    async ({ client, log }) => {
      await client.request("/used");
      assert.equal((await client.reply()).status, 500);
      await client.request("/error");
      assert.equal((await client.reply()).status, 500);
      assert.equal(log.takeFailures().length, 2);
    },
  ),
);

for (const [what, reply] of [
  ["a field with a line end", { status: 200, fields: { "X-A": "a\r\nb" } }],
  ["a status out of range", { status: 900 }],
] as const) {
  coroutineTest(`the stream of a reply that cannot be sent for ${what} is ended`, () => {
    const stream = new Readable({ read: () => {} });
    return talk(
      "tcp",
      () => ({ ...reply, content: stream }),
      async ({ client, log }) => {
        await client.request("/");
        assert.equal((await client.reply()).status, 500);
        await waitUntil(() => stream.destroyed);
        assert.match(String(log.takeMessages()), /Cannot serialize/);
        // The connection goes on.
        await client.request("/");
        assert.equal((await client.reply()).status, 500);
        log.takeFailures();
      },
    );
  });
}
