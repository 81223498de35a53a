import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { runRoot, sleep, spawn, withDeadline } from "../co/mod.ts";
import { coroutineTest } from "../testing/mod.ts";
import { connect } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { BindPolicyError, SocketError } from "./errors.ts";
import { listen, type Listener, type ListenOptions } from "./listener.ts";

const closed = { code: "ERR_CLOSED" };
const reset = { code: "ERR_CONNECTION_RESET" };

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
/** Reserved for documentation (RFC 5737): no machine has it. */
const FOREIGN_ADDRESS = "203.0.113.1";

const folder = mkdtempSync(join(tmpdir(), "lunet-"));
test.after(() => rmSync(folder, { recursive: true }));
let lastPath = 0;
const freshPath = () => join(folder, `socket-${++lastPath}`);

/** What is written to standard error during the test. */
function captureStderr(context: TestContext): string[] {
  const written: string[] = [];
  context.mock.method(process.stderr, "write", (text: string) => written.push(text) > 0);
  return written;
}

/** Runs `body` with both ends of a connection to `listener`. */
async function withPair<T>(
  listener: Listener,
  body: (client: Connection, server: Connection) => Promise<T>,
): Promise<T> {
  const client = await connectTo(listener);
  const server = await listener.accept();
  try {
    return await body(client, server);
  } finally {
    client.destroy();
    server.destroy();
  }
}

function connectTo({ address }: Listener): Promise<Connection> {
  if (address.family === "unix") return connect({ path: address.path });
  if (!("port" in address)) return assert.fail(`found a listener on ${address.family}`);
  return connect({ host: address.address, port: address.port });
}

async function turnsUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(0);
}

coroutineTest("the default is 127.0.0.1 and a port that the system chooses", async () => {
  await using listener = await listen();
  assert.deepEqual(listener.address, { family: "IPv4", address: "127.0.0.1", port: listener.port });
  assert.ok(listener.port > 0);
  await withPair(listener, async (client, server) => {
    assert.deepEqual(client.remoteAddress, listener.address);
    assert.deepEqual(server.localAddress, listener.address);
    assert.deepEqual(server.remoteAddress, client.localAddress);
  });
});

for (const host of ["0.0.0.0", "::", "0", FOREIGN_ADDRESS, "::ffff:0.0.0.0", `::ffff:${FOREIGN_ADDRESS}`, "::2"]) {
  coroutineTest(`the bind policy refuses ${host}`, async (context) => {
    const written = captureStderr(context);
    await assert.rejects(listen({ host }), (error) => {
      assert.ok(error instanceof BindPolicyError);
      assert.equal(error.code, "ERR_BIND_NOT_LOOPBACK");
      assert.equal(error.address, host === "0" ? "0.0.0.0" : host);
      assert.match(error.message, /^Cannot listen on ".*": found the address .*, wanted loopback/);
      return true;
    });
    await assert.rejects(listen({ host, dangerouslySkipLoopbackRestriction: false }), BindPolicyError);
    assert.deepEqual(written, []);
  });
}

const loopbacks = ["127.0.0.1", "127.200.3.4", "127.1", "localhost"];
if (hasIPv6) loopbacks.push("::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::FFFF:7f00:1");
for (const host of loopbacks) {
  coroutineTest(`the bind policy allows ${host}`, async (context) => {
    const written = captureStderr(context);
    await using listener = await listen({ host, dangerouslySkipLoopbackRestriction: true });
    await withPair(listener, async (client, server) => {
      await client.write("x");
      assert.equal((await server.read())?.length, 1);
    });
    assert.deepEqual(written, []);
  });
}

coroutineTest(
  "dangerouslySkipLoopbackRestriction goes past the policy and says so on standard error",
  async (context) => {
    const written = captureStderr(context);
    await assert.rejects(listen({ host: FOREIGN_ADDRESS, dangerouslySkipLoopbackRestriction: true }), {
      code: "ERR_ADDRESS_NOT_AVAILABLE",
      errno: "EADDRNOTAVAIL",
      syscall: "listen",
    });
    assert.deepEqual(written, [
      `lunet: listening on ${FOREIGN_ADDRESS}, which others can reach: the loopback restriction is switched off\n`,
    ]);
  },
);

coroutineTest("a name that nobody has is refused", async () => {
  // A label is at most 63 characters long, so nobody has to be asked.
  const host = "x".repeat(64);
  await assert.rejects(listen({ host }), {
    code: "ERR_HOST_NOT_FOUND",
    message: new RegExp(`^Cannot resolve "${host}"`),
  });
});

const wrong: ReadonlyArray<readonly [what: string, options: ListenOptions, error: typeof Error]> = [
  ["an empty host", { host: "" }, TypeError],
  ["a host with a NUL", { host: "local\0host" }, TypeError],
  ["an empty path", { path: "" }, TypeError],
  ["a path with a NUL", { path: "a\0b" }, TypeError],
  ["port -1", { port: -1 }, RangeError],
  ["port 65,536", { port: 65_536 }, RangeError],
  ["port 1.5", { port: 1.5 }, RangeError],
  ["backlog 0", { backlog: 0 }, RangeError],
  ["backlog 65,536", { backlog: 65_536 }, RangeError],
  ["readBufferSize 0", { readBufferSize: 0 }, RangeError],
  ["readBufferSize above 16 MiB", { readBufferSize: 16 * 1024 * 1024 + 1 }, RangeError],
  ["writeBufferSize NaN", { writeBufferSize: NaN }, RangeError],
];
for (const [what, options, error] of wrong) {
  coroutineTest(`${what} is refused`, async () => {
    await assert.rejects(listen(options), error);
  });
}

coroutineTest("a port in use is refused, and free again after the close", async () => {
  const first = await listen();
  const { port } = first;
  await assert.rejects(listen({ port }), (error) => {
    assert.ok(error instanceof SocketError);
    assert.equal(error.code, "ERR_ADDRESS_IN_USE");
    assert.equal(error.errno, "EADDRINUSE");
    assert.match(error.message, new RegExp(`^Cannot listen on 127\\.0\\.0\\.1 port ${port}: `));
    assert.ok(error.cause instanceof Error);
    return true;
  });
  first.close();
  await using second = await listen({ port });
  assert.equal(second.port, port);
});

coroutineTest("a listen that is cancelled leaves nothing bound", async () => {
  const probe = await listen();
  const { port } = probe;
  probe.close();
  const path = freshPath();
  for (const where of [{ port }, { port, host: "localhost" }, { path }]) {
    // Cancelled at each step on its way.
    for (let steps = 0; steps < 20; steps++) {
      const listening = spawn(() => listen(where));
      for (let step = 0; step < steps; step++) await Promise.resolve();
      listening.cancel();
      const bound = await listening.join().catch(() => undefined);
      bound?.close();
      await sleep(0);
      assert.ok(!existsSync(path));
    }
  }
  await using listener = await listen({ port });
  assert.equal(listener.port, port);
});

coroutineTest("a Unix socket is listened on by its path, and the file goes with the listener", async () => {
  const path = freshPath();
  const listener = await listen({ path });
  assert.deepEqual(listener.address, { family: "unix", path });
  assert.equal(listener.port, 0);
  await withPair(listener, async (client, server) => {
    assert.deepEqual(client.remoteAddress, { family: "unix", path });
    assert.deepEqual(server.remoteAddress, { family: "unix", path });
  });
  assert.ok(existsSync(path));
  listener.close();
  assert.ok(!existsSync(path));
});

coroutineTest("the file of a Unix socket that a dead process left is replaced", async () => {
  const path = freshPath();
  const dead = await listen({ path });
  // The close removes the path that was bound, so a socket that nobody listens on stays behind under another name.
  renameSync(path, `${path}.kept`);
  dead.close();
  renameSync(`${path}.kept`, path);
  await assert.rejects(connect({ path }), { code: "ERR_CONNECTION_REFUSED" });
  await using listener = await listen({ path });
  await withPair(listener, async (client) => assert.equal(client.closed, false));
});

coroutineTest("a Unix socket that somebody listens on is refused and goes on", async () => {
  const path = freshPath();
  await using first = await listen({ path });
  await assert.rejects(listen({ path }), { code: "ERR_ADDRESS_IN_USE" });
  // The question whether it is alive was a connection too.
  (await first.accept()).destroy();
  await withPair(first, async (client) => assert.equal(client.closed, false));
});

coroutineTest("a path that is no socket is refused and left alone", async () => {
  const file = freshPath();
  writeFileSync(file, "precious");
  await assert.rejects(listen({ path: file }), { code: "ERR_ADDRESS_IN_USE" });
  assert.equal(readFileSync(file, "utf8"), "precious");
  const directory = freshPath();
  mkdirSync(directory);
  await assert.rejects(listen({ path: directory }), { code: "ERR_ADDRESS_IN_USE" });
  await assert.rejects(listen({ path: join(file, "below") }), SocketError);
  await assert.rejects(listen({ path: join(folder, "missing", "socket") }), SocketError);
});

coroutineTest("connections wait for accept in their order", async () => {
  await using listener = await listen();
  assert.equal(listener.tryAccept(), undefined);
  const clients: Connection[] = [];
  for (const word of ["a", "b", "c"]) {
    const client = await connectTo(listener);
    clients.push(client);
    await client.write(word);
  }
  for (const word of ["a", "b", "c"]) {
    await using server = await listener.accept();
    assert.equal(Buffer.from((await server.read()) ?? []).toString(), word);
    clients.shift()?.destroy();
  }
  await withPair(listener, async () => {});
  assert.equal(listener.dropped, 0);
});

coroutineTest("tryAccept takes a connection that waits", async () => {
  await using listener = await listen();
  const client = await connectTo(listener);
  let server = listener.tryAccept();
  for (; server === undefined; server = listener.tryAccept()) await sleep(0);
  assert.deepEqual(server.remoteAddress, client.localAddress);
  client.destroy();
  server.destroy();
});

coroutineTest("accept waits for a connection, one coroutine at a time", async () => {
  await using listener = await listen();
  const accepting = spawn(() => listener.accept());
  await assert.rejects(listener.accept(), { code: "ERR_BUSY" });
  const client = await connectTo(listener);
  const server = await accepting.join();
  assert.deepEqual(server.remoteAddress, client.localAddress);
  client.destroy();
  server.destroy();
});

/** Connects to a listener whose queue is full. The reset comes during the connect or after it. */
async function connectInVain(listener: Listener): Promise<void> {
  await assert.rejects(async () => {
    const client = await connectTo(listener);
    try {
      await client.read();
    } finally {
      client.destroy();
    }
  }, reset);
}

coroutineTest("no more than backlog connections wait; what comes on top is reset and counted", async () => {
  await using listener = await listen({ backlog: 2 });
  const clients = [await connectTo(listener), await connectTo(listener)];
  for (let count = 1; count <= 3; count++) {
    await connectInVain(listener);
    assert.equal(listener.dropped, count);
  }
  for (const client of clients) {
    const server = await listener.accept();
    assert.deepEqual(server.remoteAddress, client.localAddress);
    client.destroy();
    server.destroy();
  }
  // There is room again.
  await withPair(listener, async (client) => assert.equal(client.closed, false));
  assert.equal(listener.dropped, 3);
});

coroutineTest(
  "a close wakes whoever accepts, and a second close does nothing",
  async () => {
    const listener = await listen();
    const accepting = spawn(() => listener.accept().catch((error: unknown) => error));
    listener.close();
    assert.equal(((await accepting.join()) as { code?: string }).code, "ERR_CLOSED");
    listener.close();
    await listener[Symbol.asyncDispose]();
    await assert.rejects(listener.accept(), closed);
    assert.throws(() => listener.tryAccept(), closed);
  },
  { provokes: ["E"] },
);

coroutineTest("a close resets the connections that nobody accepted and leaves the accepted ones", async () => {
  const listener = await listen({ backlog: 1 });
  await withPair(listener, async (client, server) => {
    const left = await connectTo(listener);
    await connectInVain(listener);
    listener.close();
    await assert.rejects(async () => left.read(), reset);
    left.destroy();
    await server.write("still here");
    assert.equal((await client.read())?.length, 10);
  });
  await assert.rejects(connectTo(listener), { code: "ERR_CONNECTION_REFUSED" });
});

coroutineTest("a cancelled accept neither loses nor leaks the connection that arrives meanwhile", async () => {
  await using listener = await listen();
  for (let round = 0; round < 60; round++) {
    const accepting = spawn(() => listener.accept());
    const connecting = spawn(() => connectTo(listener));
    for (let turn = 0; turn < round % 6; turn++) await sleep(0);
    accepting.cancel();
    const client = await connecting.join();
    const accepted = await accepting.join().catch(() => undefined);
    const server = accepted ?? (await listener.accept());
    assert.deepEqual(server.remoteAddress, client.localAddress);
    client.destroy();
    server.destroy();
  }
  assert.equal(listener.tryAccept(), undefined);
});

coroutineTest("what was accepted in the moment of a cancel belongs to the coroutine, which ends it", async () => {
  await using listener = await listen();
  const client = await connectTo(listener);
  const states: string[] = [];
  const serving = spawn(async () => {
    await using server = await listener.accept();
    states.push(server.closed ? "closed" : "open");
    await server.read();
  });
  await turnsUntil(() => states.length > 0);
  serving.cancel();
  await assert.rejects(serving.join(), { code: "ERR_COROUTINE_CANCELLED" });
  assert.equal(await client.read(), null);
  client.destroy();
});

coroutineTest("a deadline ends an accept", async () => {
  await using listener = await listen();
  await assert.rejects(
    withDeadline(5, () => listener.accept()),
    { code: "ERR_DEADLINE" },
  );
  await withPair(listener, async () => {});
});

coroutineTest("a failure of the system is told to whoever accepts, and accepting goes on", async () => {
  await using listener = await listen();
  const tooMany = Object.assign(new Error("accept EMFILE"), { code: "EMFILE", syscall: "accept" });
  const accepting = spawn(() => listener.accept().catch((error: unknown) => error));
  listener._fail(tooMany);
  const failure = await accepting.join();
  assert.ok(failure instanceof SocketError);
  assert.equal(failure.code, "ERR_SOCKET");
  assert.equal(failure.errno, "EMFILE");
  assert.equal(failure.cause, tooMany);
  listener._fail(tooMany);
  await withPair(listener, async () => {});
});

coroutineTest("the buffers of a listener are those of its connections", async () => {
  await using listener = await listen({ readBufferSize: 3, writeBufferSize: 5 });
  await withPair(listener, async (client, server) => {
    await client.write("0123456789");
    assert.equal((await server.read())?.length, 3);
    await server.write("0123456789");
    const first = await client.read();
    assert.equal(first?.length, 10);
  });
});

coroutineTest(
  "an address that is asked for after the end is unknown, or what it was when it was asked for",
  async () => {
    await using listener = await listen();
    await withPair(listener, async (client, server) => {
      const { localAddress } = client;
      client.destroy();
      server.destroy();
      await sleep(0);
      assert.deepEqual(client.localAddress, localAddress);
      assert.deepEqual(server.remoteAddress, { family: "unknown" });
    });
  },
);

void test("listen and accept outside a coroutine are refused", async () => {
  await assert.rejects(listen(), { code: "ERR_NOT_IN_COROUTINE" });
  const listener = await runRoot(() => listen());
  await assert.rejects(listener.accept(), { code: "ERR_NOT_IN_COROUTINE" });
  listener.close();
});
