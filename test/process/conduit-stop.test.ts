/**
 * SIGTERM under load.
 *
 * A request counts as accepted when its connection has been answered on before and its last byte was handed to the
 * kernel before the signal was sent: the server has it, read or not yet read, and answers it whole. A request that is sent later is answered whole, or its connection is
 * closed without a byte of an answer, and then it was not carried out. A client that reads `Connection: close` sends
 * nothing more.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Conduit, JWT_SECRET, withLimit, type Answer } from "../../apps/conduit/test/harness.ts";
import { RawConnection } from "../../apps/conduit/test/raw-connection.ts";
import { recount } from "./recount.ts";

const CONNECTIONS = 40;
const ROUNDS = 3;
/** Answers on all connections together before the signal is sent. */
const ANSWERS_UNTIL_SIGNAL = 400;
/** The program's own grace is 10 s; under this load it needs a small part of it. */
const END_LIMIT_MS = 10_000;

for (let round = 1; round <= ROUNDS; round += 1) {
  test(`no accepted request is dropped at SIGTERM, and the process ends with status 0 (${round} of ${ROUNDS})`, async () => {
    const conduit = await Conduit.start({ env: { JWT_SECRET } });
    const { token } = await conduit.register();
    const created: string[] = [];
    const unanswered: string[] = [];
    let answers = 0;
    let stopping: Promise<unknown> | undefined;

    const client = async (connection: RawConnection, index: number): Promise<void> => {
      for (let time = 0; !connection.ended; time += 1) {
        const title = time % 2 === 0 ? `Article ${index} ${time}` : undefined;
        connection.write(title === undefined ? "GET /api/articles HTTP/1.1\r\nHost: x\r\n\r\n" : create(title, token));
        const accepted = stopping === undefined;
        const answer = await readWhole(connection);
        if (answer === undefined) {
          assert.ok(!accepted, `request ${time} of connection ${index} was accepted and is not answered`);
          if (title !== undefined) unanswered.push(title);
          break;
        }
        assert.equal(answer.status, title === undefined ? 200 : 201, answer.text);
        if (title !== undefined) created.push(title);
        answers += 1;
        if (answers === ANSWERS_UNTIL_SIGNAL) {
          conduit.process.child.kill("SIGTERM");
          stopping = conduit.process.end(END_LIMIT_MS);
        }
        if (answer.fields.connection?.toLowerCase() === "close") break;
      }
      connection.close();
    };
    const connections = await Promise.all(
      Array.from({ length: CONNECTIONS }, () => RawConnection.openAnswered(conduit.port)),
    );
    await Promise.all(connections.map(client));
    assert.deepEqual(await stopping, { status: 0, signal: null }, conduit.process.stderr);

    await conduit.restart();
    const stored = new Set(await titles(conduit));
    for (const title of created) assert.ok(stored.has(title), `${title} was acknowledged and is gone`);
    for (const title of unanswered) assert.ok(!stored.has(title), `${title} was carried out and not answered`);
    assert.equal(stored.size, created.length);
    recount(conduit.databasePath);
    await conduit.stop();
  });
}

/** Reads an answer. A connection that is closed or reset before its first byte gives none. */
async function readWhole(connection: RawConnection): Promise<Answer | undefined> {
  const answer = await connection.readAnswer();
  assert.ok(answer !== undefined || connection.ended);
  return answer;
}

function create(title: string, token: string): string {
  const content = JSON.stringify({ article: { title, description: "d", body: "b", tagList: ["x"] } });
  return (
    `POST /api/articles HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`
  );
}

async function titles(conduit: Conduit): Promise<string[]> {
  const all: string[] = [];
  while (true) {
    const { articles } = (await conduit.request("GET", `/api/articles?limit=100&offset=${all.length}`)).json;
    if (articles.length === 0) return all;
    all.push(...articles.map((article: any) => article.title));
  }
}

test("requests that were pipelined before SIGTERM are all answered, in order", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  const connection = await RawConnection.open(conduit.port);
  const count = 200;
  const requests = Array.from({ length: count }, (_, index) => `GET /api/tags?n=${index} HTTP/1.1\r\nHost: x\r\n\r\n`);
  connection.write(requests.join(""));
  assert.equal((await connection.readAnswer())?.status, 200);
  conduit.process.child.kill("SIGTERM");
  for (let index = 1; index < count; index += 1) {
    assert.equal((await connection.readAnswer())?.status, 200, `answer ${index}`);
  }
  await withLimit(END_LIMIT_MS, "read the end", connection.readToEnd());
  connection.close();
  assert.deepEqual(await conduit.process.end(END_LIMIT_MS), { status: 0, signal: null });
});

test("slow requests that were pipelined before SIGTERM are all answered too", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  const { email, password } = await conduit.register();
  const content = JSON.stringify({ user: { email, password } });
  const login =
    "POST /api/users/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
    `Content-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`;
  const connection = await RawConnection.openAnswered(conduit.port);
  const count = 10;
  connection.write(login.repeat(count));
  assert.equal((await connection.readAnswer())?.status, 200);
  conduit.process.child.kill("SIGTERM");
  for (let index = 1; index < count; index += 1) {
    const answer = await connection.readAnswer();
    assert.equal(answer?.status, 200, `answer ${index}`);
    assert.equal(answer?.fields.connection?.toLowerCase() === "close", index === count - 1, `answer ${index}`);
  }
  connection.close();
  assert.deepEqual(await conduit.process.end(END_LIMIT_MS), { status: 0, signal: null });
});

test("a request whose content is still coming at SIGTERM is read to its end and answered with Connection: close", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  const { token } = await conduit.register();
  const request = create("Half at the signal", token);
  const connection = await RawConnection.openAnswered(conduit.port);
  connection.write(request.slice(0, -20));
  // An answer on another connection that was sent after the half request shows that the server has had its turn.
  assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
  conduit.process.child.kill("SIGTERM");
  await untilRefused(conduit.port);
  connection.write(request.slice(-20));
  const answer = await connection.readAnswer();
  assert.ok(answer !== undefined);
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.fields.connection?.toLowerCase(), "close");
  connection.close();
  assert.deepEqual(await conduit.process.end(END_LIMIT_MS), { status: 0, signal: null });
});

test("readyz answers 503 to whoever still asks while the server drains", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  const [one, two] = [await RawConnection.openAnswered(conduit.port), await RawConnection.openAnswered(conduit.port)];
  conduit.process.child.kill("SIGTERM");
  // The first connection is asked until it is told to close: from then on the server drains.
  for (let closing = false; !closing;) {
    one.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    const answer = await one.readAnswer();
    assert.equal(answer?.status, 200);
    closing = answer?.fields.connection?.toLowerCase() === "close";
  }
  two.write("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal((await two.readAnswer())?.status, 503);
  for (const connection of [one, two]) connection.close();
  assert.deepEqual(await conduit.process.end(END_LIMIT_MS), { status: 0, signal: null });
});

test("idle connections do not hold up the end", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  const idle = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(conduit.port)));
  assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
  const start = performance.now();
  await conduit.stop();
  const tookMs = performance.now() - start;
  assert.ok(tookMs < 5_000, `took ${tookMs} ms`);
  for (const connection of idle) {
    await connection.readToEnd();
    connection.close();
  }
});

test("a client that never finishes its request does not hold up the end beyond the grace", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET, GRACE_MS: "1000" } });
  const connection = await RawConnection.open(conduit.port);
  connection.write("POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
  assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
  await conduit.stop();
  connection.close();
});

test("a second signal ends the process at once", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  const connection = await RawConnection.open(conduit.port);
  connection.write("POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
  assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
  conduit.process.child.kill("SIGTERM");
  await untilRefused(conduit.port);
  const start = performance.now();
  conduit.process.child.kill("SIGTERM");
  await conduit.process.end(END_LIMIT_MS);
  const tookMs = performance.now() - start;
  assert.ok(tookMs < 3_000, `took ${tookMs} ms`);
  connection.close();
});

test("SIGINT ends it as SIGTERM does", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  conduit.process.child.kill("SIGINT");
  assert.deepEqual(await conduit.process.end(END_LIMIT_MS), { status: 0, signal: null });
});

/** Waits until nothing listens on the port any more: the first phase of the drain has begun. */
async function untilRefused(port: number): Promise<void> {
  const end = performance.now() + END_LIMIT_MS;
  while (performance.now() < end) {
    try {
      const connection = await RawConnection.open(port);
      connection.close();
    } catch {
      return;
    }
  }
  throw new Error(`Cannot see the drain: found port ${port} still open after ${END_LIMIT_MS} ms`);
}
