import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { scope, sleep, spawn } from "../../co/mod.ts";
import { coroutineTest, memoryPair, requestInProcess } from "../../testing/mod.ts";
import type { Handler } from "../handler.ts";
import { json, text } from "../reply.ts";
import { serveConnection } from "../server.ts";
import { decompress, type DecompressOptions } from "./decompression.ts";

const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
const encoders = {
  gzip: (content: string | Uint8Array) => gzipSync(content),
  br: (content: string | Uint8Array) => brotliCompressSync(content, fast),
  zstd: (content: string | Uint8Array) => zstdCompressSync(content),
};
const LONG = "let us say it once more, ".repeat(2_000);

const echo: Handler = async (request) => text(await request.text());

function post(handler: Handler, content: Uint8Array, coding: string, options: DecompressOptions = {}) {
  return requestInProcess(
    decompress(options)(handler),
    { method: "POST", content, fields: { "Content-Encoding": coding } },
    { limits: { maxContentBytes: 10_000_000 } },
  );
}

for (const [coding, encode] of Object.entries(encoders)) {
  coroutineTest(`content in ${coding} is read as what it was, however it comes`, async () => {
    for (const content of ["", "a", "grüße", LONG]) {
      const reply = await post(echo, encode(content), coding);
      assert.equal(reply.status, 200);
      assert.equal(reply.text(), content);
    }
    const byBytes = async function* (): AsyncGenerator<Uint8Array> {
      for (const byte of encode(LONG)) yield Uint8Array.of(byte);
    };
    const reply = await requestInProcess(decompress()(echo), {
      method: "POST",
      content: byBytes(),
      fields: { "Content-Encoding": coding.toUpperCase() },
    });
    assert.equal(reply.text(), LONG);
  });

  coroutineTest(`content in ${coding} that is malformed or cut is answered 400`, async () => {
    const whole = encode(LONG);
    for (const content of [Buffer.from("no such thing"), whole.subarray(0, -1), whole.subarray(0, 20)]) {
      const reply = await post(echo, content, coding);
      assert.equal(reply.status, 400, `${coding} of ${content.length} bytes`);
    }
  });

  const bomb = encode(Buffer.alloc(20_000_000));
  coroutineTest(`few bytes of ${coding} that become too many are answered 413, before they are held`, async () => {
    let read = 0;
    const counting: Handler = async (request) => {
      for await (const piece of request.content()) read += piece.length;
      return text("all");
    };
    assert.equal((await post(counting, bomb, coding, { maxRatio: 100_000 })).status, 413);
    assert.ok(read <= 1_048_576, `found ${read} bytes read`);
    read = 0;
    assert.equal((await post(counting, bomb, coding, { maxBytes: 1_000_000_000, maxRatio: 10 })).status, 413);
    assert.ok(read <= bomb.length * 10 + 65_536, `found ${read} bytes read`);
  });
}

coroutineTest("the limit is inclusive", async () => {
  const content = gzipSync(randomBytes(1_000));
  const length: Handler = async (request) => json((await request.bytes()).length);
  assert.equal((await post(length, content, "gzip", { maxBytes: 1_000 })).text(), "1000");
  assert.equal((await post(length, content, "gzip", { maxBytes: 999 })).status, 413);
});

coroutineTest("other codings are answered 415 with those that are taken", async () => {
  for (const coding of ["deflate", "compress", "gzip, br", "gzip,", "", "GZIPPED"]) {
    const reply = await post(echo, deflateSync("a"), coding, { codings: ["gzip", "br"] });
    assert.equal(reply.status, 415, coding);
    assert.equal(reply.field("accept-encoding"), "gzip, br");
  }
  assert.equal((await post(echo, zstdCompressSync("a"), "zstd", { codings: ["gzip"] })).status, 415);
});

coroutineTest("content without a coding, and no content, pass by", async () => {
  assert.equal((await post(echo, Buffer.from("plain"), "identity")).text(), "plain");
  const reply = await requestInProcess(decompress()(echo), { method: "POST", content: "plain" });
  assert.equal(reply.text(), "plain");
  const bare = await requestInProcess(decompress()(echo), { fields: { "Content-Encoding": "deflate" } });
  assert.equal(bare.status, 200);
});

coroutineTest("content that is left, wholly or in part, leaves nothing behind", async () => {
  const content = gzipSync(randomBytes(200_000));
  const handlers: Handler[] = [
    () => text("not read"),
    async (request) => {
      for await (const piece of request.content()) return text(String(piece.length > 0));
      return text("none");
    },
    async (request) => {
      for await (const piece of request.content()) throw new Error(`broken after ${piece.length}`);
      return text("none");
    },
  ];
  for (const handler of handlers) {
    await requestInProcess(
      decompress()(handler),
      { method: "POST", content, fields: { "Content-Encoding": "gzip" } },
      { onFailure: () => {}, limits: { maxDiscardBytes: 1_000_000 } },
    );
  }
});

coroutineTest("a reply may be made of the content as it is decoded", async () => {
  const handler: Handler = (request) => ({ status: 200, content: request.content() });
  const content = randomBytes(300_000);
  const reply = await post(handler, gzipSync(content), "gzip");
  assert.ok(Buffer.from(reply.bytes()).equals(content));
  const head = await requestInProcess(decompress()(handler), {
    method: "HEAD",
    content: gzipSync("abc"),
    fields: { "Content-Encoding": "gzip" },
  });
  assert.equal(head.status, 200);
});

coroutineTest("a client that goes away within its content ends the decoding", async () => {
  let ends = 0;
  const handler = decompress()(async (request) => {
    try {
      await request.bytes();
    } finally {
      ends++;
    }
    return text("all");
  });
  await scope(async () => {
    const [client, server] = memoryPair();
    const serving = spawn(() => serveConnection(handler, server));
    const content = gzipSync(randomBytes(100_000));
    await client.write(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: ${content.length}\r\n\r\n`,
    );
    await client.write(content.subarray(0, 50_000));
    for (let turn = 0; turn < 5; turn++) await sleep(1);
    client.destroy({ reset: true });
    await serving.join();
  });
  assert.equal(ends, 1);
});

for (const [coding, compress] of [
  ["gzip", gzipSync],
  ["br", brotliCompressSync],
  ["zstd", zstdCompressSync],
] as const) {
  coroutineTest(`what stands behind the end of content in ${coding} is no part of it, and refused`, async () => {
    const handler = decompress()(async (request) => text(await request.text()));
    const ask = (content: Uint8Array) =>
      requestInProcess(handler, { method: "POST", fields: { "Content-Encoding": coding }, content });
    assert.equal((await ask(compress("hello"))).text(), "hello");
    assert.equal((await ask(Buffer.concat([compress("hello"), Buffer.from("more")]))).status, 400);
  });
}

void test("options that make no sense are refused", () => {
  for (const options of [
    { codings: ["deflate" as "gzip"] },
    { maxBytes: -1 },
    { maxBytes: 0.5 },
    { maxRatio: 0.5 },
    { maxRatio: NaN },
  ]) {
    assert.throws(() => decompress(options), RangeError);
  }
});
