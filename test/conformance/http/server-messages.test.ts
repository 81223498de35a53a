/** Messages through the server: framing, versions, methods, persistence (RFC 9110, RFC 9112), over every transport. */
import assert from "node:assert/strict";
import { sleep } from "../../../packages/lunet/src/co/mod.ts";
import { empty, json, text, type Handler } from "../../../packages/lunet/src/http/mod.ts";
import { coroutineTest, exchange } from "../../../packages/lunet/src/testing/mod.ts";
import { TRANSPORTS, talk } from "./server-harness.ts";

const HOST = "Host: a\r\n";

/** Says what the request was. `/async…` waits before, `/stream…` replies in pieces. */
const echo: Handler = (request) => {
  if (request.path.startsWith("/stream")) return { status: 200, content: pieces(request.path) };
  if (request.path.startsWith("/async")) return later(request.path);
  return text(`${request.method} ${request.path}`);
};

async function later(path: string): Promise<ReturnType<typeof text>> {
  await sleep(1);
  return text(`later ${path}`);
}

async function* pieces(path: string): AsyncGenerator<string> {
  yield "piece ";
  await sleep(1);
  yield path;
}

const contentOf: Handler = async (request) => json({ content: await request.text(), trailers: request.trailers });

for (const over of TRANSPORTS) {
  coroutineTest(`${over}: a connection serves one request after another`, () =>
    talk(over, echo, async ({ client, log }) => {
      for (const path of ["/one", "/async/two", "/stream/three", "/four"]) {
        await client.request(path);
        const reply = await client.reply();
        assert.equal(reply.status, 200);
        assert.equal(reply.field("connection"), undefined);
        assert.match(reply.text(), new RegExp(`${path}$`));
      }
      assert.deepEqual(log.lines, ["200 8", "200 16", "200 19", "200 9"]);
    }),
  );

  coroutineTest(`${over}: pipelined requests are answered in order, whoever is quicker`, () =>
    talk(over, echo, async ({ client }) => {
      const paths = ["/1", "/async/2", "/3", "/stream/4", "/5", "/stream/6", "/async/7", "/8"];
      await client.send(paths.map((path) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`).join(""));
      for (const path of paths) assert.match((await client.reply()).text(), new RegExp(`${path}$`));
    }),
  );

  coroutineTest(`${over}: content comes by its length and in chunks`, () =>
    talk(over, contentOf, async ({ client }) => {
      await client.request("/", "grüße 日本語");
      assert.equal((await client.reply()).json().content, "grüße 日本語");
      await client.send(
        `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n` +
          "4;note=x\r\nfirs\r\n1\r\nt\r\nA\r\n and secon\r\n1\r\nd\r\n0\r\nDigest: abc\r\nETag: x\r\n\r\n",
      );
      assert.deepEqual((await client.reply()).json(), {
        content: "first and second",
        trailers: [
          ["digest", "abc"],
          ["etag", "x"],
        ],
      });
      await client.request("/", "");
      assert.equal((await client.reply()).json().content, "");
    }),
  );

  coroutineTest(`${over}: a megabyte goes there and back, whole, in both framings`, () =>
    talk(
      over,
      async (request) => ({ status: 200, content: await request.bytes() }),
      async ({ client }) => {
        const content = Buffer.alloc(1_048_576, "0123456789abcdefghijklmnopqrstuvwxyz");
        await client.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: ${content.length}\r\n\r\n`);
        await client.send(content);
        const reply = await client.reply();
        assert.equal(reply.field("content-length"), String(content.length));
        assert.ok(content.equals(reply.bytes()));
        await client.send(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`);
        for (let start = 0; start < content.length; start += 100_000) {
          const piece = content.subarray(start, start + 100_000);
          await client.send(`${piece.length.toString(16)}\r\n`);
          await client.send(piece);
          await client.send("\r\n");
        }
        await client.send("0\r\n\r\n");
        assert.ok(content.equals((await client.reply()).bytes()));
      },
    ),
  );

  coroutineTest(`${over}: content that is not read before the client half-closes is there`, () =>
    talk(over, contentOf, async ({ client }) => {
      await client.request("/", "all of it");
      await client.connection.shutdown();
      assert.equal((await client.reply()).json().content, "all of it");
      await client.end();
    }),
  );
}

coroutineTest("requests that are cut at any byte are answered as those that come whole", async () => {
  const requests =
    `GET /a HTTP/1.1\r\n${HOST}\r\n` +
    `POST /b HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello` +
    `POST /c HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n` +
    `HEAD /d HTTP/1.1\r\n${HOST}\r\n` +
    `GET /e HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
  const handler: Handler = async (request) => text(`${request.method} ${request.path} ${await request.text()}\n`);
  const replies = async (parts: readonly string[]): Promise<string> =>
    (await exchange(handler, parts)).replaceAll(/Date: [^\r]*/g, "Date: now");
  const whole = await replies([requests]);
  assert.equal(whole.match(/HTTP\/1\.1 200 OK/g)?.length, 5);
  assert.match(whole, /POST \/b hello\n/);
  assert.match(whole, /POST \/c abc\n/);
  for (let at = 1; at < requests.length; at++) {
    assert.equal(await replies([requests.slice(0, at), requests.slice(at)]), whole, `cut at ${at}`);
  }
  assert.equal(await replies(requests.split("")), whole, "byte by byte");
});

coroutineTest("an HTTP/1.0 client is answered and its connection closed", () =>
  talk("tcp", echo, async ({ client }) => {
    await client.send("GET /old HTTP/1.0\r\n\r\n");
    const reply = await client.reply();
    assert.equal(reply.text(), "GET /old");
    assert.equal(reply.field("connection"), "close");
    await client.end();
  }),
);

coroutineTest("an HTTP/1.0 client that asks for it keeps its connection", () =>
  talk("tcp", echo, async ({ client }) => {
    for (const path of ["/one", "/async/two"]) {
      await client.send(`GET ${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
      assert.equal((await client.reply()).field("connection"), "keep-alive");
    }
  }),
);

coroutineTest("an HTTP/1.0 client gets no chunks: a stream goes up to the end of the connection", () =>
  talk("tcp", echo, async ({ client }) => {
    await client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const reply = await client.reply();
    assert.equal(reply.field("transfer-encoding"), undefined);
    assert.equal(reply.field("connection"), "close");
    assert.equal(reply.text(), "piece /stream");
  }),
);

coroutineTest("an HTTP/1.0 client's Expect is not answered with an interim reply", () =>
  talk("memory", contentOf, async ({ client }) => {
    await client.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    const reply = await client.reply();
    assert.deepEqual(reply.interim, []);
    assert.equal(reply.json().content, "hi");
  }),
);

coroutineTest("Connection: close of the client is met, and what it sends after it is ignored", () =>
  talk("tcp", echo, async ({ client, log }) => {
    await client.send(`GET /last HTTP/1.1\r\n${HOST}Connection: close\r\n\r\nGET /more HTTP/1.1\r\n${HOST}\r\n`);
    assert.equal((await client.reply()).field("connection"), "close");
    await client.end();
    assert.equal(log.replies.length, 1);
  }),
);

coroutineTest("HEAD gets the fields that GET would get, and no content", () =>
  talk("memory", echo, async ({ client, log }) => {
    for (const [path, length] of [
      ["/text", "10"],
      ["/async", "12"],
      ["/stream", undefined],
    ] as const) {
      await client.send(`HEAD ${path} HTTP/1.1\r\n${HOST}\r\n`);
      const reply = await client.reply("HEAD");
      assert.equal(reply.status, 200);
      assert.equal(reply.field("content-length"), length);
      assert.equal(reply.field("transfer-encoding"), undefined);
    }
    assert.deepEqual(log.lines, ["200 0", "200 0", "200 0"]);
  }),
);

coroutineTest("204 and 304 have no content and no length, whatever the handler gave", () => {
  const handler: Handler = (request) => {
    if (request.path === "/empty") return empty();
    if (request.path === "/unchanged") return { status: 304, fields: { ETag: '"x"' } };
    return { status: request.path === "/204" ? 204 : 304, content: pieces("") };
  };
  return talk("memory", handler, async ({ client }) => {
    for (const [path, status] of [
      ["/empty", 204],
      ["/unchanged", 304],
      ["/204", 204],
      ["/304", 304],
    ] as const) {
      await client.request(path);
      const reply = await client.reply();
      assert.equal(reply.status, status);
      assert.equal(reply.field("content-length"), undefined);
      assert.equal(reply.field("transfer-encoding"), undefined);
    }
    await client.request("/empty");
    assert.equal((await client.reply()).status, 204);
  });
});

coroutineTest("100 Continue is sent when the handler asks for the content", () =>
  talk("tcp", contentOf, async ({ client }) => {
    await client.send(`POST / HTTP/1.1\r\n${HOST}Expect: 100-Continue\r\nContent-Length: 4\r\n\r\n`);
    assert.equal(Buffer.from((await client.connection.read()) ?? "").toString(), "HTTP/1.1 100 Continue\r\n\r\n");
    await client.send("sent");
    const reply = await client.reply();
    assert.deepEqual(reply.interim, []);
    assert.equal(reply.json().content, "sent");
    await client.request("/", "");
    assert.equal((await client.reply()).status, 200);
  }),
);

coroutineTest("100 Continue goes out after the replies before it, and before its own", () =>
  talk(
    "tcp",
    async (request) => (request.path === "/first" ? later("/first") : contentOf(request)),
    async ({ client }) => {
      const asks = `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`;
      await client.send(`GET /first HTTP/1.1\r\n${HOST}\r\n${asks}`);
      const first = await client.reply();
      assert.equal(first.text(), "later /first");
      assert.deepEqual(first.interim, []);
      await client.send("sent");
      const second = await client.reply();
      assert.deepEqual(second.interim, [100]);
      assert.equal(second.json().content, "sent");
    },
  ),
);

coroutineTest("100 Continue is not sent when the content is there already", () =>
  talk("memory", contentOf, async ({ client }) => {
    await client.request("/", "there", "Expect: 100-continue\r\n");
    assert.deepEqual((await client.reply()).interim, []);
  }),
);

coroutineTest(
  "a handler that refuses before it asks for the content sends no 100 Continue, and the connection closes",
  () =>
    talk(
      "tcp",
      () => text("no", { status: 403 }),
      async ({ client }) => {
        await client.send(`POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
        const reply = await client.reply();
        assert.deepEqual(reply.interim, []);
        assert.equal(reply.status, 403);
        assert.equal(reply.field("connection"), "close");
        await client.end();
      },
    ),
);

coroutineTest("an expectation that is not known is answered 417, CONNECT 501, and no handler is called", () =>
  talk(
    "memory",
    () => assert.fail("the handler was called"),
    async ({ client }) => {
      await client.send(`GET / HTTP/1.1\r\n${HOST}Expect: tea\r\n\r\n`);
      assert.equal((await client.reply()).status, 417);
      await client.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
      assert.equal((await client.reply()).status, 501);
      await client.send(`GET / HTTP/1.1\r\n${HOST}Expect: tea\r\nContent-Length: 3\r\n\r\n`);
      assert.equal((await client.reply()).status, 417);
    },
  ),
);

coroutineTest("the length of text is that of its UTF-8, in every range of it", () => {
  const texts = ["", "plain", "é", "grüße", "日本語", "emoji 🦊", "\u0000", "\ud800", `${"日".repeat(30_000)}🦊`];
  return talk(
    "memory",
    (request) => text(texts[Number(request.path.slice(1))] as string),
    async ({ client }) => {
      for (const [index, wanted] of texts.entries()) {
        await client.request(`/${index}`);
        const reply = await client.reply();
        const bytes = Buffer.from(wanted);
        assert.equal(reply.field("content-length"), String(bytes.length));
        assert.ok(bytes.equals(reply.bytes()));
      }
    },
  );
});

coroutineTest("bytes go out as they are, also as a view of larger memory", () => {
  const all = Uint8Array.from({ length: 256 }, (_, index) => index);
  return talk(
    "tcp",
    () => ({ status: 200, content: all.subarray(100, 200) }),
    async ({ client }) => {
      await client.request("/");
      assert.deepEqual([...(await client.reply()).bytes()], [...all.subarray(100, 200)]);
    },
  );
});

coroutineTest("every reply has one Date, of this second", () =>
  talk("memory", echo, async ({ client }) => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    await client.request("/");
    const values = (await client.reply()).fields.get("date") ?? [];
    assert.equal(values.length, 1);
    const date = Date.parse(String(values[0]));
    assert.ok(date >= before && date <= Date.now(), String(values[0]));
  }),
);

coroutineTest("the common fields are on every reply, those to malformed requests included", () =>
  talk(
    "tcp",
    (request) => {
      if (request.path === "/throws") throw new Error("broken");
      return echo(request);
    },
    async ({ client, log, connect }) => {
      const fields = async (bytes: string): Promise<unknown> => {
        const one = await connect();
        await one.send(bytes);
        const reply = await one.reply();
        return [reply.status, reply.field("x-frame-options"), reply.fields.get("link")];
      };
      const common = ["DENY", ["<a>", "<b>"]];
      assert.deepEqual(await fields(`GET / HTTP/1.1\r\n${HOST}\r\n`), [200, ...common]);
      assert.deepEqual(await fields(`GET /stream HTTP/1.1\r\n${HOST}\r\n`), [200, ...common]);
      assert.deepEqual(await fields(`GET /throws HTTP/1.1\r\n${HOST}\r\n`), [500, ...common]);
      assert.deepEqual(await fields("nonsense\r\n\r\n"), [400, ...common]);
      assert.deepEqual(await fields("GET / HTTP/3.0\r\n\r\n"), [505, ...common]);
      assert.deepEqual(log.takeMessages(), ["broken"]);
      await client.request("/");
      assert.equal((await client.reply()).field("x-frame-options"), "DENY");
    },
    { fields: { "X-Frame-Options": "DENY", Link: ["<a>", "<b>"] } },
  ),
);

coroutineTest("the last request that a connection may make is answered with Connection: close", () =>
  talk(
    "tcp",
    echo,
    async ({ client, log }) => {
      await client.send(`GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(5));
      assert.equal((await client.reply()).field("connection"), undefined);
      assert.equal((await client.reply()).field("connection"), undefined);
      assert.equal((await client.reply()).field("connection"), "close");
      await client.end();
      assert.equal(log.replies.length, 3);
    },
    { limits: { maxRequestsPerConnection: 3 } },
  ),
);

coroutineTest("the request tells where it comes from, and has an identifier of its own", async () => {
  const seen: string[] = [];
  const handler: Handler = (request) => {
    seen.push(request.id);
    return text(request.remoteAddress);
  };
  const addresses: string[] = [];
  for (const over of TRANSPORTS) {
    await talk(over, handler, async ({ client }) => {
      await client.request("/");
      addresses.push((await client.reply()).text());
    });
  }
  assert.deepEqual(addresses, ["memory", "127.0.0.1", "unix"]);
  assert.equal(new Set(seen).size, 3);
});
