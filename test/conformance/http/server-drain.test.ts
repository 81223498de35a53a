/** The drain: what is under way is answered, what is idle is closed, what does not end is cut off. */
import assert from "node:assert/strict";
import { Cancelled, scope, shield, sleep, spawn } from "../../../packages/lunet/src/co/mod.ts";
import { serve, Server, text, type Handler, type ServeOptions } from "../../../packages/lunet/src/http/mod.ts";
import { ConnectionServer } from "../../../packages/lunet/src/http/server.ts";
import { connect, listen, type Listener } from "../../../packages/lunet/src/net/mod.ts";
import { clockTest, coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { Client, ServerLog, Signal, turns, waitUntil } from "./server-harness.ts";

const HOST = "Host: a\r\n";

interface Running {
  readonly server: Server;
  readonly log: ServerLog;
  readonly open: () => Promise<Client>;
}

/** Serves on TCP while `body` runs. The body closes the server, or the end does. */
async function withServer(
  handler: Handler,
  body: (running: Running) => Promise<void>,
  options: ServeOptions = {},
): Promise<void> {
  const log = new ServerLog();
  const clients: Client[] = [];
  await scope(async () => {
    const server = await serve(handler, {
      onFailure: (error) => log.fail(error),
      onReply: (event) => log.replies.push(event),
      limits: { lingerMs: 100 },
      ...options,
    });
    const open = async (): Promise<Client> => {
      const client = new Client(await connect({ port: server.port }));
      clients.push(client);
      return client;
    };
    try {
      await body({ server, log, open });
    } finally {
      for (const client of clients) client.connection.destroy();
      await server.close({ graceMs: 0 });
    }
  });
  assert.deepEqual(log.takeFailures(), []);
}

/** Connects until nobody listens any more; a connection that the kernel took before may be reset. */
async function untilRefused(port: number): Promise<void> {
  for (let code = ""; code !== "ERR_CONNECTION_REFUSED";) {
    try {
      const late = await connect({ port });
      late.destroy();
    } catch (error) {
      code = String((error as { code?: unknown }).code);
      assert.match(code, /^ERR_CONNECTION_(REFUSED|RESET)$/);
    }
  }
}

coroutineTest("requests under way are answered with Connection: close, and close waits for them", () => {
  const started = new Signal();
  const go = new Signal();
  return withServer(
    async () => {
      started.set();
      await go.wait();
      return text("under way");
    },
    async ({ server, open }) => {
      const client = await open();
      await client.request("/");
      await started.wait();
      assert.equal(server.draining, false);
      const closing = spawn(() => server.close());
      await waitUntil(() => server.draining);
      assert.equal(closing.state, "running");
      go.set();
      const reply = await client.reply();
      assert.equal(reply.text(), "under way");
      assert.equal(reply.field("connection"), "close");
      await client.end();
      client.connection.destroy();
      await closing.join();
      assert.equal(server.connectionCount, 0);
    },
  );
});

coroutineTest("pipelined requests are answered too, the last with Connection: close", () => {
  const started = new Signal();
  const go = new Signal();
  return withServer(
    async (request) => {
      started.set();
      if (request.path === "/1") await go.wait();
      return text(request.path);
    },
    async ({ server, open }) => {
      const client = await open();
      await client.request("/1");
      await started.wait();
      await client.send(`GET /2 HTTP/1.1\r\n${HOST}\r\nGET /3 HTTP/1.1\r\n${HOST}\r\n`);
      const closing = spawn(() => server.close());
      await waitUntil(() => server.draining);
      await turns();
      go.set();
      for (const [path, connection] of [
        ["/1", undefined],
        ["/2", undefined],
        ["/3", "close"],
      ] as const) {
        const reply = await client.reply();
        assert.equal(reply.text(), path);
        assert.equal(reply.field("connection"), connection);
      }
      await client.end();
      client.connection.destroy();
      await closing.join();
    },
  );
});

coroutineTest("an idle connection is served within drainIdleMs, and closed then", () =>
  withServer(
    () => text("hello"),
    async ({ server, open }) => {
      const [asking, silent, fresh] = [await open(), await open(), await open()];
      for (const client of [asking, silent]) {
        await client.request("/");
        assert.equal((await client.reply()).field("connection"), undefined);
      }
      const closing = spawn(() => server.close());
      await waitUntil(() => server.draining);
      await asking.request("/");
      assert.equal((await asking.reply()).field("connection"), "close");
      await asking.end();
      await silent.end();
      await fresh.end();
      for (const client of [asking, silent, fresh]) client.connection.destroy();
      await closing.join();
    },
    { limits: { drainIdleMs: 100, lingerMs: 100 } },
  ),
);

clockTest("a request whose head has begun is answered, after drainIdleMs as well", (clock) =>
  withServer(
    () => text("hello"),
    async ({ server, open }) => {
      const client = await open();
      await client.request("/");
      await client.reply();
      await client.send("GET / HTTP/1.1\r\n");
      const closing = spawn(() => server.close());
      await waitUntil(() => server.draining);
      await turns();
      await clock.advance(5_000);
      await client.send(`${HOST}\r\n`);
      assert.equal((await client.reply()).field("connection"), "close");
      client.connection.destroy();
      await turns();
      await clock.advance(5_000);
      await closing.join();
    },
    { limits: { drainIdleMs: 0 } },
  ),
);

coroutineTest("new connections are refused while the old ones are served", () => {
  const started = new Signal();
  const go = new Signal();
  return withServer(
    async () => {
      started.set();
      await go.wait();
      return text("old");
    },
    async ({ server, open }) => {
      const client = await open();
      await client.request("/");
      await started.wait();
      const closing = spawn(() => server.close());
      await waitUntil(() => server.draining);
      await untilRefused(server.port);
      go.set();
      assert.equal((await client.reply()).text(), "old");
      client.connection.destroy();
      await closing.join();
    },
  );
});

coroutineTest("a stream under way goes on to its end", () => {
  const started = new Signal();
  async function* content(): AsyncGenerator<string> {
    yield "one ";
    started.set();
    for (let piece = 0; piece < 5; piece++) {
      await sleep(5);
      yield "more ";
    }
  }
  return withServer(
    () => ({ status: 200, content: content() }),
    async ({ server, log, open }) => {
      const client = await open();
      await client.request("/");
      await started.wait();
      const closing = spawn(() => server.close());
      assert.equal((await client.reply()).text(), "one more more more more more ");
      await client.end();
      client.connection.destroy();
      await closing.join();
      assert.deepEqual(log.lines, ["200 29"]);
    },
  );
});

coroutineTest("what is not done after the grace is cancelled, its cleanup runs, and its client gets 503", () => {
  const started = new Signal();
  const ends: string[] = [];
  return withServer(
    async () => {
      try {
        started.set();
        await sleep(60_000);
      } catch (error) {
        ends.push(error instanceof Cancelled ? String(error.reason) : "?");
        throw error;
      } finally {
        await shield(1_000, () => sleep(5));
        ends.push("cleaned up");
      }
      return text("never");
    },
    async ({ server, log, open }) => {
      const client = await open();
      await client.request("/");
      await started.wait();
      const closing = spawn(() => server.close({ graceMs: 50 }));
      const reply = await client.reply();
      assert.equal(reply.status, 503);
      assert.equal(reply.field("connection"), "close");
      assert.equal(reply.field("retry-after"), "1");
      await client.end();
      client.connection.destroy();
      await closing.join();
      assert.deepEqual(ends, ["the server closes", "cleaned up"]);
      assert.deepEqual(log.lines, ["503 24"]);
    },
  );
});

coroutineTest("a stream that is not done after the grace is cut off", () => {
  const started = new Signal();
  async function* content(): AsyncGenerator<string> {
    yield "one";
    started.set();
    await sleep(60_000);
  }
  return withServer(
    () => ({ status: 200, content: content() }),
    async ({ server, log, open }) => {
      const client = await open();
      await client.request("/");
      await started.wait();
      const closing = spawn(() => server.close({ graceMs: 20 }));
      await assert.rejects(client.reply(), { code: "ERR_REPLY_MALFORMED" });
      client.connection.destroy();
      await closing.join();
      assert.deepEqual(log.lines, ["200 3 cut"]);
    },
  );
});

coroutineTest("a grace of 0 cuts off at once", () => {
  const started = new Signal();
  return withServer(
    async () => {
      started.set();
      await sleep(60_000);
      return text("never");
    },
    async ({ server, open }) => {
      const [client, idle] = [await open(), await open()];
      await client.request("/");
      await started.wait();
      const closing = spawn(() => server.close({ graceMs: 0 }));
      assert.equal(server.draining, true);
      assert.equal((await client.reply()).status, 503);
      await idle.end();
      for (const one of [client, idle]) one.connection.destroy();
      await closing.join();
    },
  );
});

coroutineTest("a second close waits with the first, and one after the end does nothing", () => {
  const started = new Signal();
  const go = new Signal();
  return withServer(
    async () => {
      started.set();
      await go.wait();
      return text("done");
    },
    async ({ server, open }) => {
      const client = await open();
      await client.request("/");
      await started.wait();
      const first = spawn(() => server.close());
      const second = spawn(() => server.close());
      await waitUntil(() => server.draining);
      await turns();
      assert.deepEqual([first.state, second.state], ["running", "running"]);
      go.set();
      await client.reply();
      client.connection.destroy();
      await first.join();
      await second.join();
      await server.close();
    },
  );
});

coroutineTest("a second close with a shorter grace cuts the first one's short", () => {
  const started = new Signal();
  return withServer(
    async () => {
      started.set();
      await sleep(60_000);
      return text("never");
    },
    async ({ server, open }) => {
      const client = await open();
      await client.request("/");
      await started.wait();
      const first = spawn(() => server.close({ graceMs: 60_000 }));
      await waitUntil(() => server.draining);
      const second = spawn(() => server.close({ graceMs: 10 }));
      assert.equal((await client.reply()).status, 503);
      client.connection.destroy();
      await first.join();
      await second.join();
    },
  );
});

coroutineTest("close within a handler begins the drain and does not wait for itself", () => {
  let running: Server | undefined;
  return withServer(
    async (request) => {
      await running?.close();
      return text(`bye ${request.path}`);
    },
    async ({ server, open }) => {
      running = server;
      const client = await open();
      await client.request("/now");
      const reply = await client.reply();
      assert.equal(reply.text(), "bye /now");
      assert.equal(reply.field("connection"), "close");
      client.connection.destroy();
      await server.close();
    },
  );
});

coroutineTest("whoever owns the server drains it by asking its own coroutine to finish", async () => {
  const started = new Signal();
  const go = new Signal();
  let port = 0;
  const ready = new Signal();
  const owner = spawn(async () => {
    const server = await serve(
      async () => {
        started.set();
        await go.wait();
        return text("asked");
      },
      { limits: { lingerMs: 100 } },
    );
    port = server.port;
    ready.set();
  });
  await ready.wait();
  const client = new Client(await connect({ port }));
  await client.request("/");
  await started.wait();
  owner.cancel({ reason: "SIGTERM", graceMs: 5_000 });
  await turns();
  assert.equal(owner.state, "running");
  go.set();
  const reply = await client.reply();
  assert.equal(reply.text(), "asked");
  assert.equal(reply.field("connection"), "close");
  client.connection.destroy();
  await owner.join();
});

coroutineTest("an owner that is cancelled at once ends the server, its handlers and its connections", async () => {
  const started = new Signal();
  const ready = new Signal();
  let port = 0;
  const owner = spawn(async () => {
    const server = await serve(
      async () => {
        started.set();
        await sleep(60_000);
        return text("never");
      },
      { limits: { lingerMs: 100 } },
    );
    port = server.port;
    ready.set();
  });
  await ready.wait();
  const client = new Client(await connect({ port }));
  await client.request("/");
  await started.wait();
  owner.cancel();
  assert.equal((await client.reply()).status, 503);
  client.connection.destroy();
  await assert.rejects(owner.join(), { code: "ERR_COROUTINE_CANCELLED" });
});

coroutineTest("await using closes the server: its end waits for requests under way", async () => {
  const started = new Signal();
  let replies = 0;
  const client = await scope(async () => {
    await using server = await serve(
      async () => {
        started.set();
        await sleep(20);
        replies++;
        return text("done");
      },
      { limits: { lingerMs: 50 } },
    );
    const connected = new Client(await connect({ port: server.port }));
    await connected.request("/");
    await started.wait();
    return connected;
  });
  assert.equal(replies, 1);
  assert.equal((await client.reply()).field("connection"), "close");
  client.connection.destroy();
});

coroutineTest("errors of accepting are reported and survived", async () => {
  const failures: unknown[] = [];
  const system = Object.assign(new Error("accept EMFILE"), { code: "EMFILE", syscall: "accept" });
  const errors: Error[] = [system, system];
  const serving = new ConnectionServer(() => text("still here"), { onFailure: (error) => failures.push(error) });
  await using listener = await listen();
  const flaky = Object.create(listener, {
    accept: {
      value: () => {
        const error = errors.shift();
        return error === undefined ? listener.accept() : Promise.reject(error);
      },
    },
    close: { value: () => listener.close() },
    closed: { get: () => listener.closed },
    address: { value: listener.address },
    port: { value: listener.port },
    [Symbol.asyncDispose]: { value: () => listener[Symbol.asyncDispose]() },
  }) as Listener;
  const server = new Server(flaky, serving);
  const client = new Client(await connect({ port: server.port }));
  await client.request("/");
  assert.equal((await client.reply()).text(), "still here");
  assert.deepEqual(failures, [system, system]);
  client.connection.destroy();
  await server.close({ graceMs: 0 });
});

coroutineTest("url says where the server listens", async () => {
  await using four = await serve(() => text(""), { port: 0 });
  assert.equal(four.url, `http://127.0.0.1:${four.port}`);
  await using six = await serve(() => text(""), { host: "::1" });
  assert.equal(six.url, `http://[::1]:${six.port}`);
  assert.equal(four.limits.idleTimeoutMs, 65_000);
});
