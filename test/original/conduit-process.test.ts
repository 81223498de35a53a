/** Line 12 of what broke in the system that this one succeeds: connections that stay, descriptors, signals, the address. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { Conduit, ConduitProcess, JWT_SECRET, temporaryDirectory, withLimit } from "../../apps/conduit/test/harness.ts";
import { RawConnection } from "../../apps/conduit/test/raw-connection.ts";

test("original 12: 300 idle connections keep nobody out", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  const idle = await Promise.all(Array.from({ length: 300 }, () => RawConnection.open(conduit.port)));
  for (const connection of idle.slice(0, 100)) {
    connection.write("GET /api/tags HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.equal((await connection.readAnswer())?.status, 200);
  }
  assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
  for (const connection of idle) connection.close();
  await conduit.stop();
});

test("original 12: a server that runs out of descriptors goes on when some are free again", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET }, maxDescriptors: 100 });
  assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
  const sockets: Socket[] = [];
  for (let count = 0; count < 200; count += 1) {
    const socket = connect({ host: "127.0.0.1", port: conduit.port });
    // The server may close or reset what it cannot serve.
    socket.on("error", () => {});
    sockets.push(socket);
  }
  // That the server closes some of them unanswered shows that it ran out.
  const refused = Promise.race(sockets.map((socket) => once(socket, "close")));
  await withLimit(5_000, "run out of descriptors", refused);
  const closed = sockets.filter((socket) => !socket.closed).map((socket) => once(socket, "close"));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
  const answer = await untilAnswered(conduit);
  assert.equal(answer, 200);
  await conduit.stop();
});

test("original 12: SIGTERM drops no request in flight", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET } });
  const connections = await Promise.all(Array.from({ length: 30 }, () => RawConnection.openAnswered(conduit.port)));
  for (const connection of connections) connection.write("GET /api/articles HTTP/1.1\r\nHost: x\r\n\r\n");
  conduit.process.child.kill("SIGTERM");
  for (const connection of connections) {
    assert.equal((await connection.readAnswer())?.status, 200);
    connection.close();
  }
  assert.deepEqual(await conduit.process.end(), { status: 0, signal: null });
});

test("original 12: it binds loopback, and 0.0.0.0 only when it is told to in so many words", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET, HOST: undefined } });
  assert.match(conduit.url, /^http:\/\/127\.0\.0\.1:/);
  await conduit.stop();
  const started = new ConduitProcess(temporaryDirectory(), { env: { JWT_SECRET, HOST: "0.0.0.0" } });
  const { status } = await started.end();
  assert.notEqual(status, 0);
  assert.doesNotMatch(started.stdout, /listening/);
});

/** Asks again, with a new connection each time, while the server closes what was too much for it. */
async function untilAnswered(conduit: Conduit): Promise<number | undefined> {
  const end = performance.now() + 10_000;
  while (performance.now() < end) {
    try {
      const connection = await RawConnection.open(conduit.port);
      connection.write("GET /api/tags HTTP/1.1\r\nHost: x\r\n\r\n");
      const answer = await connection.readAnswer();
      connection.close();
      if (answer !== undefined) return answer.status;
    } catch (error) {
      assert.ok(error instanceof Error);
    }
  }
  return undefined;
}
