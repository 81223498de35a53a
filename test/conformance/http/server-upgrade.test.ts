/** Another protocol on the connection: who may switch, what it gets, and how it ends. */
import assert from "node:assert/strict";
import { spawn, waitCancelRequest } from "../../../packages/lunet/src/co/mod.ts";
import { serve, text, type Handler, type Upgrade } from "../../../packages/lunet/src/http/mod.ts";
import { connect, type Connection } from "../../../packages/lunet/src/net/mod.ts";
import { clockTest, coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { Client, Signal, talk, TRANSPORTS, turns } from "./server-harness.ts";

const OFFER = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: other/2, ECHO\r\n\r\n";

async function echo(connection: Connection, rest: Uint8Array): Promise<void> {
  await connection.write(rest);
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read())
    await connection.write(bytes);
}

function switchTo(serveIt: Upgrade["serve"]): Handler {
  return () => ({ status: 101, upgrade: { protocol: "echo", serve: serveIt as NonNullable<Upgrade["serve"]> } });
}

for (const over of TRANSPORTS) {
  coroutineTest(`the other protocol gets what came behind the request, and the connection, over ${over}`, () =>
    talk(over, switchTo(echo), async ({ client, log }) => {
      await client.send(`${OFFER}early `);
      const reply = await client.reply();
      assert.equal(reply.status, 101);
      assert.equal(reply.field("connection"), "Upgrade");
      assert.equal(reply.field("upgrade"), "echo");
      assert.equal(reply.field("content-length"), undefined);
      await client.send("late");
      await client.connection.shutdown();
      assert.equal(await client.rest(), "early late");
      assert.deepEqual(log.lines, ["101 0"]);
    }),
  );
}

coroutineTest("a handler that waits can switch, too, and what it has spawned is joined", () => {
  const go = new Signal();
  const handler: Handler = async () => {
    await go.wait();
    return {
      status: 101,
      upgrade: { protocol: "echo", serve: async (connection, rest) => void spawn(() => echo(connection, rest)) },
    };
  };
  return talk("tcp", handler, async ({ client }) => {
    await client.send(OFFER);
    go.set();
    assert.equal((await client.reply()).status, 101);
    await client.send("x");
    await client.connection.shutdown();
    assert.equal(await client.rest(), "x");
  });
});

const REFUSED: ReadonlyArray<readonly [what: string, request: string, handler: Handler]> = [
  ["a protocol that was not offered", OFFER.replace("ECHO", "chat"), switchTo(echo)],
  ["an offer that Connection does not name", OFFER.replace("keep-alive, Upgrade", "keep-alive"), switchTo(echo)],
  ["an offer in HTTP/1.0", OFFER.replace("HTTP/1.1", "HTTP/1.0"), switchTo(echo)],
  ["content that was not read", OFFER.replace("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx"), switchTo(echo)],
  ["a reply with content", OFFER, () => ({ status: 101, content: "x", upgrade: { protocol: "echo", serve: echo } })],
  ["101 without a protocol", OFFER, () => ({ status: 101 })],
  ["101 without serve", OFFER, switchTo(undefined)],
];
for (const [what, request, handler] of REFUSED) {
  coroutineTest(`${what} is a failure, and nothing is switched`, () =>
    talk("memory", handler, async ({ client, log }) => {
      await client.send(request);
      assert.equal((await client.reply()).status, 500);
      assert.match(String(log.takeMessages()), /Cannot switch to|Cannot serialize/);
    }),
  );
}

coroutineTest("426 names the protocol that is wanted", () =>
  talk(
    "memory",
    () => ({ ...text("no\n", { status: 426 }), upgrade: { protocol: "echo" } }),
    async ({ client }) => {
      await client.request("/");
      const reply = await client.reply();
      assert.equal(reply.field("upgrade"), "echo");
      assert.equal(reply.field("connection"), "Upgrade");
      await client.request("/", undefined, "Connection: close\r\n");
      assert.equal((await client.reply()).field("connection"), "Upgrade, close");
    },
  ),
);

coroutineTest("what the other protocol throws is reported, and ends the connection", () =>
  talk(
    "tcp",
    switchTo(async () => {
      throw new Error("broken");
    }),
    async ({ client, log }) => {
      await client.send(OFFER);
      assert.equal((await client.reply()).status, 101);
      await client.end();
      assert.deepEqual(log.takeMessages(), ["broken"]);
    },
  ),
);

coroutineTest("a client that is gone cancels the other protocol, and is no failure", () => {
  const left = new Signal();
  const handler = switchTo(async () => {
    try {
      await waitCancelRequest();
    } finally {
      left.set();
    }
  });
  return talk("tcp", handler, async ({ client }) => {
    await client.send(OFFER);
    assert.equal((await client.reply()).status, 101);
    client.connection.destroy({ reset: true });
    await left.wait();
  });
});

coroutineTest("a drain asks the other protocol to end, and cuts it off after the grace", async () => {
  const events: string[] = [];
  const handler = switchTo(async (connection) => {
    try {
      await waitCancelRequest();
      await connection.write("asked");
      await connection.read();
    } finally {
      events.push("ended");
    }
  });
  const server = await serve(handler, { limits: { lingerMs: 50 } });
  const client = new Client(await connect({ port: server.port }));
  await client.send(OFFER);
  assert.equal((await client.reply()).status, 101);
  const closing = spawn(() => server.close({ graceMs: 50 }));
  assert.equal(await client.rest(), "asked");
  client.connection.destroy();
  await closing.join();
  assert.deepEqual(events, ["ended"]);
});

clockTest("none of the limits of time but that of writing holds for it", (clock) =>
  talk("memory", switchTo(echo), async ({ client }) => {
    await client.send(OFFER);
    assert.equal((await client.reply()).status, 101);
    for (let hour = 0; hour < 4; hour++) {
      await clock.advance(3_600_000);
      await turns(5);
    }
    await client.send("x");
    await client.connection.shutdown();
    assert.equal(await client.rest(), "x");
  }),
);
