/** What the message layer refuses, through the server: one answer with its status, then the end (RFC 9112, 2.2 and 9.6). */
import assert from "node:assert/strict";
import { httpErrors, text, type HttpErrorCode } from "../../../packages/lunet/src/http/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { cases } from "./corpus.ts";
import { talk } from "./server-harness.ts";

/** A sound request that stands behind each refused one. */
const NEXT = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

for (const { name, bytes, limits, refusal } of cases) {
  if (refusal === undefined) continue;
  const [status, code] = refusal;
  coroutineTest(`answers ${status} to ${name}, once, and closes`, () => {
    const codes: Array<HttpErrorCode | undefined> = [];
    const targets: string[] = [];
    return talk(
      "memory",
      async (request) => {
        targets.push(request.target);
        return text(await request.text());
      },
      async ({ client, log }) => {
        await client.send(bytes + NEXT);
        let reply = await client.reply();
        while (reply.status === 200) reply = await client.reply();
        assert.equal(reply.status, status);
        assert.equal(reply.field("connection"), "close");
        await client.end();
        assert.deepEqual(codes, [code]);
        assert.ok(!targets.includes("/smuggled"));
        assert.deepEqual(log.takeFailures(), []);
      },
      {
        ...(limits === undefined ? {} : { limits }),
        errorReply: (error) => {
          codes.push(error.code);
          return text(error.code, { status: error.status });
        },
      },
    );
  });
}

coroutineTest("the answer to a refused message tells nothing but its status", () =>
  talk(
    "memory",
    () => text("fine"),
    async ({ client }) => {
      await client.send("GET /secret HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
      const reply = await client.reply();
      assert.equal(reply.text(), "400 Bad Request\n");
      assert.equal(reply.field("content-type"), "text/plain; charset=utf-8");
    },
  ),
);

coroutineTest("sound requests before a refused one are answered first", () =>
  talk(
    "tcp",
    async (request) => text(request.path),
    async ({ client }) => {
      const sound = "GET /sound HTTP/1.1\r\nHost: a\r\n\r\n";
      await client.send(`${sound}${sound}get / HTTP/9.9\r\n\r\n`);
      assert.equal((await client.reply()).text(), "/sound");
      assert.equal((await client.reply()).text(), "/sound");
      assert.equal((await client.reply()).status, 505);
      await client.end();
    },
  ),
);

coroutineTest("the answer is not lost to a reset, though the client goes on sending", () =>
  talk(
    "tcp",
    () => text("fine"),
    async ({ client }) => {
      await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
      const more = Buffer.alloc(65_536, "x");
      for (let sent = 0; sent < 32; sent++) await client.send(more);
      const reply = await client.reply();
      assert.equal(reply.status, 413);
      assert.equal(reply.status, httpErrors.ERR_HTTP_CONTENT_TOO_LARGE.status);
      await client.end();
    },
  ),
);

coroutineTest(
  "a handler that reads content which is malformed answers as the fault says, and the connection closes",
  () =>
    talk(
      "tcp",
      async (request) => text(await request.text()),
      async ({ client, log }) => {
        await client.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n${NEXT}`);
        const reply = await client.reply();
        assert.equal(reply.status, 400);
        assert.equal(reply.field("connection"), "close");
        await client.end();
        assert.deepEqual(log.lines, ["400 16"]);
      },
    ),
);

coroutineTest("a handler may answer malformed content in its own way; nothing is read behind it", () =>
  talk(
    "memory",
    async (request) => {
      const failure: unknown = await request.text().catch((error: unknown) => error);
      return text(failure instanceof Error ? "caught" : "whole", { status: 422 });
    },
    async ({ client }) => {
      await client.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n${NEXT}`);
      const reply = await client.reply();
      assert.equal(reply.status, 422);
      assert.equal(reply.text(), "caught");
      assert.equal(reply.field("connection"), "close");
      await client.end();
    },
  ),
);

coroutineTest("content that is too long by its chunks is refused at the chunk that says so", () =>
  talk(
    "memory",
    async (request) => text(String((await request.bytes()).length)),
    async ({ client }) => {
      const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
      await client.send(`${head}a\r\n0123456789\r\n0\r\n\r\n`);
      assert.equal((await client.reply()).text(), "10");
      await client.send(`${head}a\r\n0123456789\r\n1\r\n`);
      assert.equal((await client.reply()).status, 413);
      await client.end();
    },
    { limits: { maxContentBytes: 10 } },
  ),
);

coroutineTest("content that is not UTF-8 and content that is not JSON are 400", () =>
  talk(
    "memory",
    async (request) => text(JSON.stringify(await request.json())),
    async ({ client }) => {
      await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\xc3\x28");
      assert.equal((await client.reply()).status, 400);
      await client.request("/", "{");
      assert.equal((await client.reply()).status, 400);
      await client.request("/", '{"a":1}');
      assert.equal((await client.reply()).text(), '{"a":1}');
    },
  ),
);
