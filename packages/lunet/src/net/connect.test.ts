import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { sleep, spawn, until, withDeadline } from "../co/mod.ts";
import { coroutineTest } from "../testing/mod.ts";
import { connect, type ConnectOptions } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { SocketError } from "./errors.ts";
import { listen } from "./listener.ts";

/** A port of loopback that nobody listens on. */
async function freePort(): Promise<number> {
  await using listener = await listen();
  return listener.port;
}

coroutineTest("a connect finds the listener by address and by name", async () => {
  await using listener = await listen();
  for (const host of [undefined, "127.0.0.1", "localhost"]) {
    const client = await connect({ port: listener.port, ...(host === undefined ? {} : { host }) });
    const server = await listener.accept();
    assert.deepEqual(client.remoteAddress, listener.address);
    client.destroy();
    server.destroy();
  }
});

coroutineTest("a refused connect says where and why", async () => {
  const port = await freePort();
  for (const host of ["127.0.0.1", "localhost"]) {
    await assert.rejects(connect({ host, port }), (error) => {
      assert.ok(error instanceof SocketError);
      assert.equal(error.code, "ERR_CONNECTION_REFUSED");
      assert.equal(error.errno, "ECONNREFUSED");
      assert.match(error.message, new RegExp(`^Cannot connect to ${host} port ${port}: .*ECONNREFUSED`));
      assert.ok(error.cause instanceof Error);
      return true;
    });
  }
});

coroutineTest("a name or a path that is not there is refused", async () => {
  await assert.rejects(connect({ host: "x".repeat(64), port: 1 }), { code: "ERR_HOST_NOT_FOUND" });
  await assert.rejects(connect({ path: join(import.meta.dirname, "no-socket") }), { code: "ERR_ADDRESS_NOT_FOUND" });
  await assert.rejects(connect({ path: import.meta.filename }), { code: "ERR_CONNECTION_REFUSED" });
});

void test("a failure with several causes names them all", () => {
  const causes = [new Error("connect ECONNREFUSED ::1:1"), new Error("connect ECONNREFUSED 127.0.0.1:1")];
  const cause = Object.assign(new AggregateError(causes), { code: "ECONNREFUSED" });
  const error = new SocketError("connect to localhost port 1", cause);
  assert.equal(error.code, "ERR_CONNECTION_REFUSED");
  assert.equal(
    error.message,
    "Cannot connect to localhost port 1: connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1",
  );
});

const wrong: ReadonlyArray<readonly [what: string, options: ConnectOptions, error: typeof Error]> = [
  ["neither port nor path", {}, TypeError],
  ["an empty host", { host: "", port: 1 }, TypeError],
  ["an empty path", { path: "" }, TypeError],
  ["a path with a NUL", { path: "a\0b" }, TypeError],
  ["port 0", { port: 0 }, RangeError],
  ["port 65,536", { port: 65_536 }, RangeError],
  ["readBufferSize 0", { port: 1, readBufferSize: 0 }, RangeError],
  ["writeBufferSize 1.5", { port: 1, writeBufferSize: 1.5 }, RangeError],
];
for (const [what, options, error] of wrong) {
  coroutineTest(`a connect with ${what} is refused`, async () => {
    await assert.rejects(connect(options), error);
  });
}

coroutineTest("a cancelled connect leaves nothing open", async () => {
  await using listener = await listen();
  for (const host of ["127.0.0.1", "localhost"]) {
    const connecting = spawn(() => connect({ host, port: listener.port }));
    connecting.cancel();
    await assert.rejects(connecting.join(), { code: "ERR_COROUTINE_CANCELLED" });
  }
  // The next one is served, whatever became of the others.
  const client = await connect({ port: listener.port });
  for (;;) {
    const server = await listener.accept();
    const { remoteAddress } = server;
    server.destroy();
    if ("port" in remoteAddress && "port" in client.localAddress && remoteAddress.port === client.localAddress.port) {
      break;
    }
  }
  client.destroy();
});

/** Sockets that this process holds, listeners apart. */
function socketCount(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
}

/** Listens with the shortest queue there is, tells its port, and then never accepts. */
const DEAF_LISTENER = `
  const { parentPort } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

coroutineTest("a deadline ends a connect that nobody answers", async () => {
  const worker = new Worker(DEAF_LISTENER, { eval: true });
  const clients: Connection[] = [];
  try {
    const port = await until(new Promise<number>((resolve) => worker.once("message", resolve)));
    // The kernel answers as many as the queue has places, and no more.
    await assert.rejects(
      async () => {
        while (clients.length < 100) clients.push(await withDeadline(50, () => connect({ port })));
      },
      { code: "ERR_DEADLINE" },
    );
    await sleep(0);
    assert.equal(socketCount(), clients.length, "found a socket on its way to a connect that was given up");
  } finally {
    for (const client of clients) client.destroy();
    await until(worker.terminate());
  }
});

void test("a connect outside a coroutine is refused", async () => {
  await assert.rejects(connect({ port: 1 }), { code: "ERR_NOT_IN_COROUTINE" });
});
