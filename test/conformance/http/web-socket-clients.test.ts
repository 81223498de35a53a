/** WebSockets with the clients that there are: the one of `ws`, and Node's own, over the kernel's sockets. */
import assert from "node:assert/strict";
import { spawn as spawnProcess } from "node:child_process";
import { once } from "node:events";
import { WebSocket as WsClient } from "ws";
import { sleep, spawn, until } from "../../../packages/lunet/src/co/mod.ts";
import { serve, webSocket, type ServerWebSocket, type WebSocketOptions } from "../../../packages/lunet/src/http/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { Signal } from "./server-harness.ts";

/** What both kinds of clients have. */
interface AnyClient {
  readonly protocol: string;
  readonly extensions: string;
  binaryType: string;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: never) => void): void;
}

interface ClientKind {
  readonly name: string;
  readonly open: (url: string, protocols?: string[]) => AnyClient;
}

const KINDS: readonly ClientKind[] = [
  { name: "the client of ws", open: (url, protocols) => new WsClient(url, protocols ?? []) as unknown as AnyClient },
  { name: "Node's client", open: (url, protocols) => new WebSocket(url, protocols ?? []) as unknown as AnyClient },
];

interface Message {
  readonly data: string | ArrayBuffer;
}
interface Close {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** Waits for an event of a client's. */
function event<T>(client: AnyClient, type: string): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  client.addEventListener(type, resolve);
  return until(promise);
}

/** Serves `body`, and gives the address for a client. */
async function withSockets(
  body: (socket: ServerWebSocket) => Promise<void>,
  talk: (url: string) => Promise<void>,
  options: WebSocketOptions = {},
): Promise<void> {
  const failures: unknown[] = [];
  await using server = await serve(webSocket(body, options), { onFailure: (error) => failures.push(error) });
  await talk(server.url.replace("http", "ws"));
  assert.deepEqual(failures, []);
}

async function echo(socket: ServerWebSocket): Promise<void> {
  for await (const message of socket) await socket.send(message);
}

for (const { name, open } of KINDS) {
  coroutineTest(`${name} gets back 1,000 messages as it sent them`, () =>
    withSockets(echo, async (url) => {
      const client = open(url);
      client.binaryType = "arraybuffer";
      const received: Array<string | number> = [];
      const all = new Signal();
      client.addEventListener("message", ({ data }: Message) => {
        received.push(typeof data === "string" ? data : data.byteLength);
        if (received.length === 1_000) all.set();
      });
      await event(client, "open");
      assert.equal(client.extensions, "");
      for (let count = 0; count < 1_000; count++) {
        client.send(count % 2 === 0 ? `${count} ${"ü".repeat(count)}` : new Uint8Array(count * 10));
      }
      await all.wait();
      for (const [count, one] of received.entries()) {
        assert.equal(one, count % 2 === 0 ? `${count} ${"ü".repeat(count)}` : count * 10);
      }
      const closed = event<Close>(client, "close");
      client.close();
      const { code, wasClean } = await closed;
      assert.deepEqual([code, wasClean], [1005, true]);
    }),
  );

  coroutineTest(`${name} and the server tell each other the codes with which they close`, async () => {
    const codes: unknown[] = [];
    const body = async (socket: ServerWebSocket): Promise<void> => {
      const wish = await socket.receive();
      if (wish !== undefined) await socket.close(Number(wish), "as you wish");
      codes.push(socket.closeCode);
    };
    await withSockets(body, async (url) => {
      const first = open(url);
      await event(first, "open");
      const firstClosed = event<Close>(first, "close");
      first.close(3456, "bye");
      const ours = await firstClosed;
      assert.deepEqual([ours.code, ours.reason, ours.wasClean], [3456, "bye", true]);

      const second = open(url);
      await event(second, "open");
      const secondClosed = event<Close>(second, "close");
      second.send("4321");
      const theirs = await secondClosed;
      assert.deepEqual([theirs.code, theirs.reason, theirs.wasClean], [4321, "as you wish", true]);
    });
    assert.deepEqual(codes, [3456, 4321]);
  });

  coroutineTest(`${name} gets the subprotocol that both speak, and a message of a megabyte`, () =>
    withSockets(
      async (socket) => {
        const message = await socket.receive();
        await socket.send(`${socket.protocol} ${message?.length}`);
      },
      async (url) => {
        const client = open(url, ["other", "mine"]);
        await event(client, "open");
        assert.equal(client.protocol, "mine");
        const reply = event<Message>(client, "message");
        const closed = event<Close>(client, "close");
        client.send("x".repeat(1_048_576));
        assert.equal((await reply).data, "mine 1048576");
        assert.equal((await closed).code, 1000);
      },
      { protocols: ["mine"] },
    ),
  );

  coroutineTest(`${name} hears 1009 for a message that is too long`, () =>
    withSockets(
      echo,
      async (url) => {
        const client = open(url);
        await event(client, "open");
        const closed = event<Close>(client, "close");
        client.send("x".repeat(101));
        assert.equal((await closed).code, 1009);
      },
      { maxMessageBytes: 100 },
    ),
  );
}

coroutineTest(
  "a client that reads no more stops the sender; when it reads again it gets everything, in order",
  async () => {
    const messages = 3_000;
    let sent = 0;
    const body = async (socket: ServerWebSocket): Promise<void> => {
      for (; sent < messages; sent++) {
        await socket.send(`${sent} ${"x".repeat(10_000)}`);
        assert.ok(socket.bufferedBytes < 100_000);
      }
    };
    await withSockets(body, async (url) => {
      const client = new WsClient(url);
      let received = 0;
      let isInOrder = true;
      client.on("message", (data: Buffer) => {
        isInOrder &&= Number.parseInt(data.subarray(0, 8).toString()) === received++;
      });
      await event(client as unknown as AnyClient, "open");
      client.pause();
      let before = -1;
      while (before !== sent) {
        before = sent;
        await sleep(50);
      }
      // The kernel's buffers and the client's: megabytes of the 30.
      assert.ok(sent < messages / 2, `the server could send ${sent} messages`);
      client.resume();
      const { code } = await event<Close>(client as unknown as AnyClient, "close");
      assert.deepEqual([code, received, isInOrder], [1000, messages, true]);
    });
  },
  { timeoutMs: 20_000 },
);

coroutineTest("a client that is killed cancels the handler", async () => {
  const left = new Signal();
  const open = new Signal();
  const body = async (socket: ServerWebSocket): Promise<void> => {
    open.set();
    try {
      await echo(socket);
    } finally {
      left.set();
    }
  };
  await withSockets(body, async (url) => {
    const client = spawnProcess(process.execPath, ["-e", `new WebSocket(${JSON.stringify(url)})`], { stdio: "ignore" });
    const exited = once(client, "exit");
    try {
      await open.wait();
    } finally {
      client.kill("SIGKILL");
    }
    await left.wait();
    await until(exited);
  });
});

coroutineTest(
  "500 WebSockets at once are echoed, and a drain says 1001 to each",
  async () => {
    const server = await serve(webSocket(echo));
    const url = server.url.replace("http", "ws");
    const codes: number[] = [];
    const clients = await until(
      Promise.all(
        Array.from({ length: 500 }, async (_, at) => {
          const client = new WsClient(url);
          client.on("close", (code) => codes.push(code));
          await once(client, "open");
          client.send(String(at));
          const [data] = (await once(client, "message")) as [Buffer];
          assert.equal(data.toString(), String(at));
          return client;
        }),
      ),
    );
    assert.equal(server.connectionCount, clients.length);
    const closing = spawn(() => server.close({ graceMs: 5_000 }));
    await closing.join();
    assert.deepEqual(codes.length, 500);
    assert.deepEqual(new Set(codes), new Set([1001]));
  },
  { timeoutMs: 20_000 },
);
