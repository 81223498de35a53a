import assert from "node:assert/strict";
import { sleep } from "../co/mod.ts";
import { empty, json, Router, text, type HttpRequest } from "../http/mod.ts";
import { coroutineTest } from "./coroutine-test.ts";
import { exchange, requestInProcess } from "./http-client.ts";
import { memoryPair } from "./memory-sockets.ts";
import { ReplyReader } from "./reply-reader.ts";

const describe = async (request: HttpRequest) =>
  json({
    method: request.method,
    target: request.target,
    host: request.host,
    type: request.field("content-type") ?? null,
    content: await request.text(),
  });

coroutineTest("a request reaches the handler and its reply comes back", async () => {
  const reply = await requestInProcess(() => text("hello\n", { status: 201, fields: { "X-Two": ["a", "b"] } }));
  assert.equal(reply.status, 201);
  assert.equal(reply.text(), "hello\n");
  assert.equal(reply.field("content-length"), "6");
  assert.equal(reply.field("Content-Type"), "text/plain; charset=utf-8");
  assert.equal(reply.field("x-two"), "a, b");
  assert.deepEqual(reply.fields.get("x-two"), ["a", "b"]);
  assert.equal(reply.field("x-three"), undefined);
  assert.deepEqual(reply.interim, []);
});

coroutineTest("method, target, fields and content are sent as given", async () => {
  const reply = await requestInProcess(describe, {
    method: "PUT",
    path: "/a?b=c",
    fields: { Host: "example.org", "Content-Type": "text/plain" },
    content: "grüß",
  });
  assert.deepEqual(reply.json(), {
    method: "PUT",
    target: "/a?b=c",
    host: "example.org",
    type: "text/plain",
    content: "grüß",
  });
});

coroutineTest("JSON is sent with its type, and a stream chunk by chunk", async () => {
  const sent = await requestInProcess(describe, { method: "POST", json: { a: [1] } });
  assert.equal(sent.json().type, "application/json");
  assert.equal(sent.json().content, '{"a":[1]}');
  async function* pieces() {
    yield "one ";
    yield "";
    yield new TextEncoder().encode("two");
  }
  const streamed = await requestInProcess(describe, { method: "POST", content: pieces() });
  assert.equal(streamed.json().content, "one two");
});

coroutineTest("replies are read whole, framed by length, by chunks and by the method", async () => {
  async function* pieces() {
    yield "first ";
    await sleep(1);
    yield "second";
  }
  const stream = () => ({ status: 200, content: pieces() });
  const chunked = await requestInProcess(stream);
  assert.equal(chunked.field("transfer-encoding"), "chunked");
  assert.equal(chunked.text(), "first second");
  const head = await requestInProcess(() => text("hello"), { method: "HEAD" });
  assert.equal(head.field("content-length"), "5");
  assert.equal(head.text(), "");
  assert.equal((await requestInProcess(() => empty())).bytes().length, 0);
  const old = await exchange(stream, "GET / HTTP/1.0\r\n\r\n");
  assert.match(old, /^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*\r\n\r\nfirst second$/);
});

coroutineTest("a router stands for its handler, and options reach the server", async () => {
  const router = new Router().route("POST", "/", describe);
  const refused = await requestInProcess(
    router,
    { method: "POST", content: "x".repeat(11) },
    { limits: { maxContentBytes: 10 }, fields: { "X-Common": "yes" } },
  );
  assert.equal(refused.status, 413);
  assert.equal(refused.field("x-common"), "yes");
  assert.equal((await requestInProcess(router, { path: "/else" })).status, 404);
});

coroutineTest("a large content that the handler leaves is given up after the reply", async () => {
  const content = new Uint8Array(900_000);
  const reply = await requestInProcess(() => text("no"), { method: "POST", content });
  assert.equal(reply.text(), "no");
  assert.equal(reply.field("connection"), "close");
});

coroutineTest("a content that never ends is given up after the reply", async () => {
  let isLeft = false;
  async function* pieces() {
    try {
      for (;;) yield new Uint8Array(10_000);
    } finally {
      isLeft = true;
    }
  }
  const reply = await requestInProcess(() => text("no"), { method: "POST", content: pieces() });
  assert.equal(reply.text(), "no");
  assert.ok(isLeft);
});

coroutineTest("a second reply is an error", async () => {
  const content = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const request = { method: "POST", fields: { "Content-Length": "0" }, content };
  await assert.rejects(
    requestInProcess(() => text("hello"), request),
    { code: "ERR_REPLY_MALFORMED" },
  );
});

coroutineTest("interim replies are told apart from the reply", async () => {
  const fields = { Expect: "100-continue" };
  const reply = await requestInProcess(describe, { method: "POST", fields, content: "x" });
  assert.deepEqual(reply.interim, [100]);
  assert.equal(reply.status, 200);
});

coroutineTest("a reply that is cut off is an error", async () => {
  async function* pieces() {
    yield "first";
    throw new Error("broken");
  }
  await assert.rejects(
    requestInProcess(() => ({ status: 200, content: pieces() }), {}, { onFailure: () => {} }),
    // By a reset, or by an end before the last chunk.
    ({ code }) => code === "ERR_CONNECTION_RESET" || code === "ERR_REPLY_MALFORMED",
  );
});

coroutineTest("a handler that does not answer meets the deadline and is cancelled", async () => {
  const events: string[] = [];
  const forever = async () => {
    try {
      await sleep(60_000);
    } finally {
      events.push("cancelled");
    }
    return text("late");
  };
  await assert.rejects(requestInProcess(forever, { timeoutMs: 20 }), { code: "ERR_DEADLINE" });
  assert.deepEqual(events, ["cancelled"]);
});

coroutineTest("a request that would split into lines is refused before it is sent", async () => {
  const never = () => assert.fail("the handler was called");
  await assert.rejects(requestInProcess(never, { path: "/ HTTP/1.1\r\nHost: b" }), TypeError);
  await assert.rejects(requestInProcess(never, { fields: { A: "b\r\nC: d" } }), TypeError);
  await assert.rejects(requestInProcess(never, { path: "/日本" }), TypeError);
});

coroutineTest("raw bytes are exchanged piece by piece, and connections are taken too", async () => {
  const request = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
  const both = await exchange((one) => text(one.path), [...request, request]);
  assert.equal(both.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
  assert.match(await exchange(() => text(""), "GET /\r\n\r\n"), /^HTTP\/1\.1 400 /);
  const [client, server] = memoryPair();
  await server.write("raw");
  await server.shutdown();
  assert.equal(await exchange(client, "words"), "raw");
  assert.equal(Buffer.from((await server.read()) ?? []).toString(), "words");
  client.destroy();
  server.destroy();
});

/** What the reader makes of `bytes`, which a server sent and then ended. */
async function readReply(bytes: string, method?: string): Promise<ReplyReader> {
  const [client, server] = memoryPair();
  try {
    await server.write(bytes, "latin1");
    await server.shutdown();
    const reader = new ReplyReader(client);
    await reader.read(method);
    await reader.readEnd();
    return reader;
  } finally {
    client.destroy();
    server.destroy();
  }
}

const malformed: ReadonlyArray<readonly [what: string, reply: string, method?: string]> = [
  ["no status line", "hello\r\n\r\n"],
  ["another version", "HTTP/1.0 200 OK\r\n\r\n"],
  ["a status out of range", "HTTP/1.1 600 X\r\n\r\n"],
  ["a bare LF", "HTTP/1.1 204 OK\n\n"],
  ["white space before the colon", "HTTP/1.1 204 OK\r\nA : b\r\n\r\n"],
  ["a folded field", "HTTP/1.1 204 OK\r\nA: b\r\n c\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"],
  ["a length in hex", "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\nx"],
  ["two framings", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
  ["a length in a 204", "HTTP/1.1 204 OK\r\nContent-Length: 0\r\n\r\n"],
  ["content after HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "HEAD"],
  ["content after a 304", "HTTP/1.1 304 OK\r\nContent-Length: 1\r\n\r\nx"],
  ["content that is longer than its length", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy"],
  ["content that is shorter than its length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx"],
  ["a head that ends early", "HTTP/1.1 200 OK\r\nA: b\r\n"],
  ["a chunk without a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n"],
  ["a chunk that is longer than its size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n"],
  ["chunks without the last", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"],
];

for (const [what, reply, method] of malformed) {
  coroutineTest(`the reader refuses ${what}`, async () => {
    await assert.rejects(readReply(reply, method), { code: "ERR_REPLY_MALFORMED" });
  });
}

coroutineTest("the reader takes replies of each framing, one after the other", async () => {
  await readReply("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n");
  await readReply("HTTP/1.1 200 OK\r\n\r\nup to the end");
  await readReply("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "HEAD");
  await readReply("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
});
