/** The content of requests: its pace, its end, and what becomes of content that nobody reads. */
import assert from "node:assert/strict";
import { spawn } from "../../../packages/lunet/src/co/mod.ts";
import { text, type Handler, type HttpRequest } from "../../../packages/lunet/src/http/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { Signal, talk, waitUntil } from "./server-harness.ts";

const HOST = "Host: a\r\n";

coroutineTest("a request that is not read stops its client", () => {
  const go = new Signal();
  const handler: Handler = async (request) => {
    await go.wait();
    let bytes = 0;
    for await (const piece of request.content()) bytes += piece.length;
    return text(String(bytes));
  };
  return talk(
    "tcp",
    handler,
    async ({ client }) => {
      const size = 64 * 1_048_576;
      await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: ${size}\r\n\r\n`);
      let sent = 0;
      const sending = spawn(async () => {
        const piece = Buffer.alloc(65_536);
        for (; sent < size; sent += piece.length) await client.send(piece);
      });
      const stopped = await settled(() => sent);
      assert.ok(stopped < size / 2, `${stopped} bytes were taken`);
      go.set();
      assert.equal((await client.reply()).text(), String(size));
      await sending.join();
    },
    { limits: { maxContentBytes: 64 * 1_048_576 } },
  );
});

/** The value when it has not changed for many turns of the event loop. */
async function settled(value: () => number): Promise<number> {
  let last = -1;
  let turns = 0;
  await waitUntil(() => {
    if (value() !== last) turns = 0;
    last = value();
    return ++turns > 2_000;
  });
  return last;
}

coroutineTest("a handler reads content while it comes, piece by piece", () => {
  const pieces: string[] = [];
  const handler: Handler = async (request) => {
    for await (const piece of request.content()) pieces.push(Buffer.from(piece).toString());
    return text("done");
  };
  return talk("tcp", handler, async ({ client }) => {
    await client.send(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`);
    for (const piece of ["one", "two", "three"]) {
      await client.send(`${piece.length}\r\n${piece}\r\n`);
      await waitUntil(() => pieces.at(-1) === piece);
    }
    await client.send("0\r\n\r\n");
    assert.equal((await client.reply()).text(), "done");
    assert.deepEqual(pieces, ["one", "two", "three"]);
  });
});

coroutineTest("a reply may be made of the request's content as it comes", () =>
  talk(
    "tcp",
    (request) => ({ status: 200, content: request.content() }),
    async ({ client }) => {
      await client.send(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`);
      const content = Buffer.alloc(300_000, "abcdefg");
      const sending = spawn(async () => {
        for (let start = 0; start < content.length; start += 50_000) {
          const piece = content.subarray(start, start + 50_000);
          await client.send(`${piece.length.toString(16)}\r\n`);
          await client.send(piece);
          await client.send("\r\n");
        }
        await client.send("0\r\n\r\n");
      });
      assert.ok(content.equals((await client.reply()).bytes()));
      await sending.join();
      await client.request("/", "again");
      assert.equal((await client.reply()).text(), "again");
    },
  ),
);

coroutineTest("a reply that is made of the content asks for it before its head", () =>
  talk(
    "tcp",
    (request) => ({ status: 200, content: request.content() }),
    async ({ client }) => {
      await client.send(`POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
      const first = Buffer.from((await client.connection.read()) ?? "").toString("latin1");
      assert.match(first, /^HTTP\/1\.1 100 Continue\r\n\r\n/);
      await client.send("echo");
      assert.match(first + (await untilText(client.connection, "0\r\n\r\n", first)), /HTTP\/1\.1 200 [^]*echo/);
    },
  ),
);

async function untilText(
  connection: { read(): Promise<Uint8Array | null> },
  end: string,
  before: string,
): Promise<string> {
  let found = "";
  while (!(before + found).endsWith(end)) found += Buffer.from((await connection.read()) ?? end).toString("latin1");
  return found;
}

coroutineTest("a refusing stream cannot ask for content any more, says so, and is cut off", () =>
  talk(
    "tcp",
    (request) => ({ status: 403, content: request.content() }),
    async ({ client, log }) => {
      await client.send(`POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
      await assert.rejects(client.reply(), { code: "ERR_REPLY_MALFORMED" });
      assert.match(String(log.takeMessages()), /refused by a reply/);
    },
  ),
);

for (const framing of ["length", "chunked"] as const) {
  const post = (bytes: number): [head: string, content: string] =>
    framing === "length"
      ? [`POST / HTTP/1.1\r\n${HOST}Content-Length: ${bytes}\r\n\r\n`, "x".repeat(bytes)]
      : [
          `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`,
          `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n0\r\n\r\n`,
        ];
  const refuse: Handler = (request) => text(request.method, { status: 401 });
  const limits = { maxDiscardBytes: 1_000 };

  for (const [when, late] of [
    ["at once", false],
    ["after its reply", true],
  ] as const) {
    coroutineTest(`small content (${framing}) that nobody reads and that comes ${when} keeps the connection`, () =>
      talk(
        "tcp",
        refuse,
        async ({ client }) => {
          for (let round = 0; round < 3; round++) {
            const [head, content] = post(1_000);
            await client.send(late ? head : head + content);
            const reply = await client.reply();
            assert.equal(reply.status, 401);
            assert.equal(reply.field("connection"), undefined);
            if (late) await client.send(content);
          }
          await client.request("/");
          assert.equal((await client.reply()).text(), "GET");
        },
        { limits },
      ),
    );
  }

  coroutineTest(`content (${framing}) that nobody reads and that is one byte too long ends the connection`, () =>
    talk(
      "tcp",
      refuse,
      async ({ client, log }) => {
        const [head, content] = post(1_001);
        await client.send(`${head}${content}GET /next HTTP/1.1\r\n${HOST}\r\n`);
        const reply = await client.reply();
        assert.equal(reply.status, 401);
        assert.equal(reply.field("connection"), framing === "length" ? "close" : undefined);
        await client.end();
        assert.equal(log.replies.length, 1);
      },
      { limits },
    ),
  );
}

coroutineTest("content that is read in part counts for its rest only", () =>
  talk(
    "tcp",
    async (request) => {
      const first = await request.content().next();
      return text(String(first.value?.length));
    },
    async ({ client }) => {
      await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 3000\r\n\r\n${"x".repeat(2_000)}`);
      const reply = await client.reply();
      assert.equal(reply.text(), "2000");
      assert.equal(reply.field("connection"), undefined);
      await client.send("x".repeat(1_000));
      await client.send(`GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
      assert.equal((await client.reply()).text(), "undefined");
      await client.end();
    },
    { limits: { maxDiscardBytes: 1_000 } },
  ),
);

coroutineTest("malformed content that nobody reads ends the connection without a second answer", () =>
  talk(
    "tcp",
    () => text("no", { status: 401 }),
    async ({ client }) => {
      await client.send(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
      assert.equal((await client.reply()).status, 401);
      await client.end();
    },
  ),
);

for (const how of ["half-closes", "resets"] as const) {
  coroutineTest(`a client that ${how} within the content is no failure of the handler`, () => {
    const codes: unknown[] = [];
    const reading = new Signal();
    return talk(
      "tcp",
      async (request) => {
        reading.set();
        try {
          await request.bytes();
        } catch (error) {
          codes.push((error as { code?: unknown }).code);
          throw error;
        }
        return text("whole");
      },
      async ({ client, log }) => {
        await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\n12345`);
        await reading.wait();
        if (how === "resets") {
          client.connection.destroy({ reset: true });
        } else {
          await client.connection.shutdown();
          const reply = await client.reply();
          assert.equal(reply.status, 400);
          assert.equal(reply.field("connection"), "close");
          await client.end();
        }
        await waitUntil(() => log.replies.length === 1);
        assert.deepEqual(codes, ["ERR_HTTP_CONTENT_INCOMPLETE"]);
        assert.equal(log.replies[0]?.complete, how === "half-closes");
      },
    );
  });
}

coroutineTest("the content is taken once", () => {
  const handler: Handler = async (request) => {
    const content = await request.text();
    await assert.rejects(request.text(), { name: "TypeError", message: /wanted one reader/ });
    return text(content);
  };
  return talk("memory", handler, async ({ client }) => {
    await client.request("/", "abc");
    assert.equal((await client.reply()).text(), "abc");
  });
});

coroutineTest(
  "a request that is answered gives no content of the next one",
  () => {
    let kept: HttpRequest | undefined;
    const handler: Handler = async (request) => {
      if (kept === undefined) {
        kept = request;
        return text("kept");
      }
      await assert.rejects(kept.text(), { name: "TypeError", message: /wanted a read before its reply/ });
      return text(await request.text());
    };
    return talk("memory", handler, async ({ client }) => {
      await client.request("/", "one");
      assert.equal((await client.reply()).text(), "kept");
      await client.request("/", "two");
      assert.equal((await client.reply()).text(), "two");
    });
  },
  { provokes: ["E"] },
);

coroutineTest("content that has come with the head can be had without a wait, once", async () => {
  const seen: unknown[] = [];
  const handler: Handler = (request) => {
    const bytes = request.tryBytes();
    seen.push(bytes === undefined ? undefined : Buffer.from(bytes).toString());
    if (bytes !== undefined) assert.throws(() => request.tryBytes(), { name: "TypeError" });
    return text("ok");
  };
  await talk("memory", handler, async ({ client }) => {
    await client.send(
      `POST / HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nabPOST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\ncde`,
    );
    await client.reply();
    await client.reply();
    await client.request("/");
    await client.reply();
    assert.deepEqual(seen.splice(0), ["ab", "cde", ""]);
    // Nothing is taken when a part is missing, and content in chunks is waited for.
    await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nab`);
    await client.reply();
    await client.send(`cPOST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`);
    await client.reply();
    assert.deepEqual(seen.splice(0), [undefined, undefined]);
    await client.send(`POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx`);
    assert.deepEqual((await client.reply()).interim, []);
    assert.deepEqual(seen, ["x"]);
  });
});

coroutineTest("content that was not had at once is read by waiting, all of it", () => {
  const handler: Handler = async (request) => text(`${request.tryBytes() === undefined} ${await request.text()}`);
  return talk("memory", handler, async ({ client }) => {
    await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nab`);
    await client.send("c");
    assert.equal((await client.reply()).text(), "true abc");
  });
});
