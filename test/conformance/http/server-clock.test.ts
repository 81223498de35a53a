/** Limits of time on the system's own clock: the sweep runs, and what it sees is the real time. */
import assert from "node:assert/strict";
import { sleep, spawn } from "../../../packages/lunet/src/co/mod.ts";
import { serve, text, type Handler, type ServerLimits } from "../../../packages/lunet/src/http/mod.ts";
import { connect, listen, SocketError } from "../../../packages/lunet/src/net/mod.ts";
import { ConnectionServer, Server } from "../../../packages/lunet/src/http/server.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { Client, waitUntil } from "./server-harness.ts";

const LIMIT_MS = 300;
/** Two sweeps, and what a busy machine adds. */
const LATE_MS = 3_000;
/** How long accepting pauses, less what a timer may be early. */
const PAUSE_MS = 98;

const upload: Handler = async (request) => text(String((await request.bytes()).length));

/** A test of how long a client is let do something. `body` returns when the connection has ended. */
function realTest(name: string, limits: Partial<ServerLimits>, body: (client: Client) => Promise<number>): void {
  coroutineTest(name, async () => {
    await using server = await serve(upload, { limits: { lingerMs: 100, ...limits } });
    await using connection = await connect({ port: server.port });
    const sinceMs = await body(new Client(connection));
    const tookMs = performance.now() - sinceMs;
    assert.ok(tookMs >= LIMIT_MS, `ended after ${tookMs} ms, early`);
    assert.ok(tookMs < LIMIT_MS + LATE_MS, `ended after ${tookMs} ms, late`);
  });
}

/** Sends `start` and then byte by byte, until that is answered with 408. Gives when it began. */
async function untilRefused(client: Client, start: string): Promise<number> {
  const sinceMs = performance.now();
  const dripping = spawn(async () => {
    await client.send(start);
    while (!client.connection.peerEnded) {
      await client.send("x");
      await sleep(50);
    }
  });
  assert.equal((await client.reply()).status, 408);
  await client.end();
  await dripping.join().catch(() => {});
  return sinceMs;
}

realTest("an idle connection ends after idleTimeoutMs", { idleTimeoutMs: LIMIT_MS }, async (client) => {
  await client.request("/");
  assert.equal((await client.reply()).status, 200);
  const sinceMs = performance.now();
  await client.end();
  return sinceMs;
});

realTest("a head that drips in is 408 after headerTimeoutMs", { headerTimeoutMs: LIMIT_MS }, async (client) => {
  return untilRefused(client, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
});

realTest(
  "content slower than contentMinBytesPerSecond is 408 after contentGraceMs",
  { contentMinBytesPerSecond: 1_000, contentGraceMs: LIMIT_MS },
  async (client) => {
    return untilRefused(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  },
);

coroutineTest("content at the rate is read to its end, however long it takes", async () => {
  const limits = { contentMinBytesPerSecond: 100, contentGraceMs: LIMIT_MS };
  await using server = await serve(upload, { limits });
  await using connection = await connect({ port: server.port });
  const client = new Client(connection);
  await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  for (let part = 0; part < 20; part++) {
    await sleep(75);
    await client.send("x".repeat(50));
  }
  assert.equal((await client.reply()).text(), "1000");
});

coroutineTest("a system that cannot accept is reported, and accepting goes on after a pause", async () => {
  const reported: unknown[] = [];
  const listener = await listen({ port: 0 });
  const serving = new ConnectionServer(upload, { onFailure: (error) => reported.push(error) });
  await using server = new Server(listener, serving);
  for (let failure = 1; failure <= 3; failure++) {
    await using before = await connect({ port: server.port });
    const client = new Client(before);
    await client.request("/");
    assert.equal((await client.reply()).status, 200);
    const failedMs = performance.now();
    listener._fail(Object.assign(new Error("accept EMFILE"), { code: "EMFILE", errno: -24, syscall: "accept" }));
    await waitUntil(() => reported.length === failure);
    assert.ok(reported[failure - 1] instanceof SocketError);
    // Those who are there are served meanwhile, and others afterwards.
    await client.request("/");
    assert.equal((await client.reply()).status, 200);
    await using after = await connect({ port: server.port });
    const late = new Client(after);
    await late.request("/");
    assert.equal((await late.reply()).status, 200);
    assert.ok(performance.now() - failedMs >= PAUSE_MS, "accepting did not pause");
  }
});
