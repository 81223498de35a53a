/** Clients that misbehave: they go away in the middle, stay and say nothing, or are slow. Others do not notice. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { conduitForFile } from "../../apps/conduit/test/harness.ts";
import { RawConnection } from "../../apps/conduit/test/raw-connection.ts";
import { recount } from "./recount.ts";

const conduit = await conduitForFile();
const user = await conduit.register();
const article = await conduit.publish(user);

/** A header that is never finished must be given up by the server after 10 s; watched from the start of the file. */
const unfinished = await RawConnection.open(conduit.port);
unfinished.write("GET /api/tags HTTP/1.1\r\nHost:");
const unfinishedSince = performance.now();

const opened: RawConnection[] = [];
after(() => {
  for (const connection of opened) connection.close();
});

async function open(): Promise<RawConnection> {
  const connection = await RawConnection.open(conduit.port);
  opened.push(connection);
  return connection;
}

function post(path: string, content: string, length = Buffer.byteLength(content)): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${user.token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${content}`
  );
}

const comments = `/api/articles/${article.slug}/comments`;
const whole = post(comments, '{"comment":{"body":"gone"}}');

test("a client that goes away in the middle of its request changes nothing and disturbs nobody", async () => {
  for (const cut of [1, 10, 40, 100, whole.length - 10, whole.length - 1]) {
    for (const end of ["close", "reset", "shutdown"] as const) {
      const connection = await open();
      connection.write(whole.slice(0, cut));
      assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
      await connection[end]();
      assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
    }
  }
  assert.deepEqual((await conduit.request("GET", comments)).json, { comments: [] });
});

test("a client that goes away before its answer disturbs nobody, and its write is whole or absent", async () => {
  for (let time = 0; time < 50; time += 1) {
    const connection = await open();
    connection.write(time % 2 === 0 ? whole : whole.repeat(20));
    if (time % 3 === 0) await connection.reset();
    else connection.close();
  }
  assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
  recount(conduit.databasePath);
});

test("a client that half-closes after its request gets the whole answer", async () => {
  const connection = await open();
  connection.write("GET /api/articles HTTP/1.1\r\nHost: x\r\n\r\n");
  connection.shutdown();
  assert.equal((await connection.readAnswer())?.status, 200);
  await connection.readToEnd();
});

test("300 idle connections leave the server as quick as it was", async () => {
  await Promise.all(Array.from({ length: 300 }, open));
  const times: number[] = [];
  for (let time = 0; time < 20; time += 1) {
    const start = performance.now();
    assert.equal((await conduit.request("GET", "/api/articles")).status, 200);
    times.push(performance.now() - start);
  }
  assert.ok(median(times) < 100, `median ${median(times)} ms`);
});

test("slow clients do not delay others: one that sends byte by byte, one that does not read, one that sends no content", async () => {
  const slowSender = await open();
  const slowReader = connect({ host: "127.0.0.1", port: conduit.port });
  slowReader.pause();
  slowReader.write("GET /api/articles?limit=100 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(5_000));
  const waiting = await open();
  waiting.write(post("/api/users", "", 1000));
  const times: number[] = [];
  for (const byte of whole.slice(0, 60)) {
    slowSender.write(byte);
    const start = performance.now();
    assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
    times.push(performance.now() - start);
  }
  slowReader.destroy();
  slowSender.close();
  waiting.close();
  assert.ok(median(times) < 100, `median ${median(times)} ms`);
});

test("somebody who writes does not make readers wait", async () => {
  const writes = Promise.all(Array.from({ length: 200 }, () => conduit.publish(user, { tagList: ["a", "b", "c"] })));
  const times: number[] = [];
  for (let time = 0; time < 30; time += 1) {
    const connection = await open();
    const start = performance.now();
    connection.write("GET /api/tags HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.equal((await connection.readAnswer())?.status, 200);
    times.push(performance.now() - start);
  }
  await writes;
  assert.ok(median(times) < 150, `median ${median(times)} ms`);
});

test("a header section that is not finished is answered 408 after about 10 s, or its connection is closed", async () => {
  const limitMs = 15_000 - (performance.now() - unfinishedSince);
  const timer = setTimeout(() => unfinished.close(), Math.max(limitMs, 0));
  try {
    while (!unfinished.ended && performance.now() - unfinishedSince < 15_000) {
      const answer = await unfinished.readAnswer().catch(() => undefined);
      if (answer !== undefined) assert.equal(answer.status, 408);
    }
  } finally {
    clearTimeout(timer);
  }
  const tookMs = performance.now() - unfinishedSince;
  assert.ok(tookMs < 15_000, `took ${tookMs} ms`);
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
