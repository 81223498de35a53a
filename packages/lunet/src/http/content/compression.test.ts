import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { scope, sleep, spawn } from "../../co/mod.ts";
import {
  coroutineTest,
  memoryPair,
  requestInProcess,
  type ClientReply,
  type ClientRequest,
} from "../../testing/mod.ts";
import type { Handler } from "../handler.ts";
import { json, text, type Reply } from "../reply.ts";
import { serveConnection } from "../server.ts";
import { compress, type CompressOptions } from "./compression.ts";

const LONG = "let us say it once more, ";
const short = "x".repeat(1_023);
const middle = LONG.repeat(100);
const large = `${LONG.repeat(10_000)}grüße`;

function get(
  reply: Reply | Response | Handler,
  acceptEncoding: string | null = "gzip",
  options: CompressOptions = {},
  request: ClientRequest = {},
): Promise<ClientReply> {
  const handler: Handler = typeof reply === "function" ? reply : () => reply;
  const fields = { ...(acceptEncoding === null ? {} : { "Accept-Encoding": acceptEncoding }), ...request.fields };
  return requestInProcess(compress(options)(handler), { ...request, fields });
}

function decoded(reply: ClientReply): string {
  const bytes = reply.bytes();
  switch (reply.field("content-encoding")) {
    case "gzip":
      return gunzipSync(bytes).toString();
    case "br":
      return brotliDecompressSync(bytes).toString();
    case "zstd":
      return zstdDecompressSync(bytes).toString();
    default:
      return Buffer.from(bytes).toString();
  }
}

async function* pieces(count: number): AsyncGenerator<string> {
  for (let index = 0; index < count; index++) yield `${LONG}${index}\n`;
}

const negotiated: ReadonlyArray<readonly [accept: string | null, coding: string | undefined]> = [
  [null, undefined],
  ["", undefined],
  ["identity", undefined],
  ["deflate", undefined],
  ["gzip", "gzip"],
  ["gzip, deflate, br, zstd", "zstd"],
  ["gzip, deflate, br", "br"],
  ["gzip;q=1, br;q=0.5", "gzip"],
  ["*;q=0.1", "zstd"],
  ["gzip;q=0, br;q=0", undefined],
  ["*;q=0", undefined],
];
for (const [accept, coding] of negotiated) {
  for (const [kind, content] of [
    ["short", middle],
    ["long", large],
    ["streamed", undefined],
  ] as const) {
    coroutineTest(
      `${kind} content goes to whoever accepts "${accept ?? "nothing"}" as ${coding ?? "it is"}`,
      async () => {
        const fields = { "Content-Type": "text/plain; charset=utf-8" };
        const reply = await get((): Reply => ({ status: 200, fields, content: content ?? pieces(50) }), accept);
        assert.equal(reply.field("content-encoding"), coding);
        assert.equal(reply.field("vary"), "Accept-Encoding");
        const expected = content ?? Array.from({ length: 50 }, (_, index) => `${LONG}${index}\n`).join("");
        assert.equal(decoded(reply), expected);
        assert.equal(reply.field("content-length"), kind === "streamed" ? undefined : String(reply.bytes().length));
        if (coding !== undefined) assert.ok(reply.bytes().length < Buffer.byteLength(expected) / 2);
      },
    );
  }
}

coroutineTest("content shorter than the limit is left as it is, and says nothing", async () => {
  for (const [content, minBytes, coding] of [
    [short, undefined, undefined],
    [`${short}x`, undefined, "gzip"],
    ["x", 1, "gzip"],
    ["", 0, undefined],
    [middle, 100_000, undefined],
  ] as const) {
    const reply = await get(text(content), "gzip", minBytes === undefined ? {} : { minBytes });
    assert.equal(reply.field("content-encoding"), coding);
    assert.equal(reply.field("vary"), coding === undefined ? undefined : "Accept-Encoding");
    assert.equal(decoded(reply), content);
  }
});

coroutineTest("whoever refuses content without a coding gets one, however short", async () => {
  const reply = await get(text("hi"), "gzip, identity;q=0");
  assert.equal(reply.field("content-encoding"), "gzip");
  assert.equal(decoded(reply), "hi");
  // Of no use to anybody would be no answer.
  assert.equal((await get(text("hi"), "identity;q=0")).text(), "hi");
});

const leftAlone: ReadonlyArray<readonly [why: string, fields: Record<string, string>]> = [
  ["it has no type", {}],
  ["it is a picture", { "Content-Type": "image/png" }],
  ["it is of no known kind", { "Content-Type": "application/octet-stream" }],
  ["it is an event stream", { "Content-Type": "text/event-stream" }],
  ["it has a coding", { "Content-Type": "text/css", "Content-Encoding": "br" }],
  ["it has no coding, by name", { "content-type": "text/css", "content-encoding": "identity" }],
  ["nobody may change it", { "Content-Type": "text/css", "Cache-Control": "public, No-Transform" }],
  ["its bytes have a digest", { "Content-Type": "text/css", "Content-Digest": "sha-256=:YQ==:" }],
  ["it is a range", { "Content-Type": "text/css", "Content-Range": "bytes 0-9/10" }],
];
for (const [why, fields] of leftAlone) {
  coroutineTest(`a reply is left alone when ${why}`, async () => {
    const reply = await get({ status: 200, fields, content: middle });
    assert.equal(reply.text(), middle);
    assert.equal(reply.field("content-encoding"), fields["Content-Encoding"] ?? fields["content-encoding"]);
    assert.equal(reply.field("vary"), undefined);
  });
}

coroutineTest("statuses without content, parts and interim ones are left alone, errors are not", async () => {
  const fields = { "Content-Type": "text/plain" };
  for (const status of [204, 206, 304]) {
    const reply = await get({ status, fields, ...(status === 206 ? { content: middle } : {}) });
    assert.equal(reply.field("content-encoding"), undefined);
  }
  const missing = await get(text(middle, { status: 404 }));
  assert.equal(missing.status, 404);
  assert.equal(missing.field("content-encoding"), "gzip");
});

coroutineTest("HEAD says what GET would", async () => {
  for (const content of [middle, large]) {
    const got = await get(text(content));
    const head = await get(text(content), "gzip", {}, { method: "HEAD" });
    assert.equal(head.bytes().length, 0);
    for (const name of ["content-encoding", "content-length", "vary"]) assert.equal(head.field(name), got.field(name));
  }
  let read = false;
  const unread = async function* (): AsyncGenerator<string> {
    read = true;
    yield middle;
  };
  const head = await get(
    (): Reply => ({ status: 200, fields: { "Content-Type": "text/css" }, content: unread() }),
    "gzip",
    {},
    { method: "HEAD" },
  );
  assert.equal(head.field("content-encoding"), "gzip");
  assert.equal(read, false);
});

coroutineTest("tags become weak, ranges are not offered, and Vary is added to", async () => {
  const fields = { etag: '"a"', "Accept-Ranges": "bytes", vary: "Origin" };
  const reply = await get(text(middle, { fields }));
  assert.equal(reply.field("etag"), 'W/"a"');
  assert.equal(reply.field("accept-ranges"), undefined);
  assert.equal(reply.field("vary"), "Origin, Accept-Encoding");
  const plain = await get(text(middle, { fields }), "identity");
  assert.equal(plain.field("etag"), '"a"');
  assert.equal(plain.field("accept-ranges"), "bytes");
  assert.equal(plain.field("vary"), "Origin, Accept-Encoding");
  for (const vary of ["*", "accept-encoding", "Origin , Accept-Encoding"]) {
    assert.equal((await get(text(middle, { fields: { ETag: 'W/"a"', Vary: vary } }))).field("vary"), vary);
  }
});

coroutineTest("a web Response is compressed, with all its cookies", async () => {
  const headers = new Headers({ "Content-Type": "application/json" });
  headers.append("Set-Cookie", "a=1");
  headers.append("Set-Cookie", "b=2");
  const reply = await get(() => new Response(middle, { headers }), "br");
  assert.equal(reply.field("content-encoding"), "br");
  assert.equal(decoded(reply), middle);
  assert.deepEqual(reply.fields.get("set-cookie"), ["a=1", "b=2"]);
});

coroutineTest("a handler that returns plainly is still answered without a wait", async () => {
  const handler = compress()(() => json({ text: middle }));
  let plain: unknown;
  await requestInProcess(
    (request) => {
      plain = handler(request);
      return plain as Reply;
    },
    { fields: { "Accept-Encoding": "gzip" } },
  );
  assert.ok(!(plain instanceof Promise));
});

coroutineTest("each piece of a stream arrives as it is made", async () => {
  let gone = Promise.withResolvers<void>();
  const handler = compress()(() => ({
    status: 200,
    fields: { "Content-Type": "text/plain" },
    content: (async function* () {
      yield `${LONG}one`;
      await gone.promise;
      yield "two";
    })(),
  }));
  for (const coding of ["gzip", "br", "zstd"]) {
    gone = Promise.withResolvers<void>();
    await scope(async () => {
      const [client, server] = memoryPair();
      const serving = spawn(() => serveConnection(handler, server));
      await client.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept-Encoding: ${coding}\r\n\r\n`);
      let received = Buffer.alloc(0);
      // A chunk that has come whole is a piece that was flushed.
      while (!/\r\n\r\n[0-9a-f]+\r\n[^]+\r\n$/.test(received.toString("latin1"))) {
        received = Buffer.concat([received, (await client.read()) ?? assert.fail()]);
      }
      gone.resolve();
      for (let bytes = await client.read(); bytes !== null; bytes = await client.read()) {
        received = Buffer.concat([received, bytes]);
      }
      assert.match(received.toString("latin1"), /\r\n0\r\n\r\n$/);
      client.destroy();
      await serving.join();
    });
  }
});

coroutineTest("a client that does not read stops the stream, and one that goes ends it", async () => {
  for (const coding of ["gzip", "br", "zstd"]) {
    let [made, ends] = [0, 0];
    const random = async function* (): AsyncGenerator<string> {
      try {
        for (; ; made++) yield Array.from({ length: 1_000 }, () => Math.random().toString(36)).join("");
      } finally {
        ends++;
      }
    };
    const handler = compress()(() => ({ status: 200, fields: { "Content-Type": "text/plain" }, content: random() }));
    await scope(async () => {
      const [client, server] = memoryPair();
      const serving = spawn(() => serveConnection(handler, server));
      await client.write(`GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${coding}\r\n\r\n`);
      await client.read();
      let before = -1;
      while (before !== made) {
        before = made;
        await sleep(50);
      }
      assert.ok(made < 100, `found ${made} pieces of 11 kB made for a client that does not read`);
      client.destroy({ reset: true });
      await serving.join();
    });
    assert.equal(ends, 1);
  }
});

coroutineTest("a stream that fails half-way is cut off and reported", async () => {
  const failures: unknown[] = [];
  const failing = async function* (): AsyncGenerator<string> {
    yield middle;
    throw new Error("broken");
  };
  const handler = compress()(() => ({ status: 200, fields: { "Content-Type": "text/plain" }, content: failing() }));
  await assert.rejects(
    requestInProcess(handler, { fields: { "Accept-Encoding": "br" } }, { onFailure: (error) => failures.push(error) }),
  );
  assert.deepEqual(failures.map(String), ["Error: broken"]);
});

coroutineTest("a web stream is ended when its client goes, and when HEAD does not want it", async () => {
  for (const method of ["GET", "HEAD"]) {
    let cancelled = 0;
    const silent = (): ReadableStream<string> =>
      new ReadableStream({
        pull: () => new Promise<never>(() => {}),
        cancel: () => void cancelled++,
      });
    const handler = compress()(() => ({ status: 200, fields: { "Content-Type": "text/plain" }, content: silent() }));
    await scope(async () => {
      const [client, server] = memoryPair();
      const serving = spawn(() => serveConnection(handler, server));
      await client.write(`${method} / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\n\r\n`);
      await client.read();
      client.destroy({ reset: true });
      await serving.join();
    });
    assert.equal(cancelled, 1, method);
  }
});

coroutineTest("what is too much to compress at once is sent as it is", async () => {
  const handler = compress({ maxConcurrent: 2 })(() => text(large));
  const codings: Array<string | undefined> = [];
  await scope(() => {
    for (let index = 0; index < 6; index++) {
      spawn(async () => {
        const reply = await requestInProcess(handler, { fields: { "Accept-Encoding": "br" } });
        assert.equal(reply.field("vary"), "Accept-Encoding");
        assert.equal(decoded(reply), large);
        codings.push(reply.field("content-encoding"));
      });
    }
  });
  assert.equal(codings.filter((coding) => coding === "br").length, 2);
  // They have given their places back.
  assert.equal(
    (await requestInProcess(handler, { fields: { "Accept-Encoding": "br" } })).field("content-encoding"),
    "br",
  );
});

void test("options that make no sense are refused", () => {
  const wrong: CompressOptions[] = [
    { codings: ["deflate" as "gzip"] },
    { minBytes: -1 },
    { minBytes: 1.5 },
    { maxConcurrent: 0 },
    { levels: { gzip: 10 } },
    { levels: { br: 12 } },
    { levels: { zstd: 0 } },
  ];
  for (const options of wrong) assert.throws(() => compress(options), RangeError, JSON.stringify(options));
});
