/** What a handler of WebSockets can count on: order, back-pressure, and every way in which one ends. */
import assert from "node:assert/strict";
import {
  ClosedError,
  scope,
  sleep,
  spawn,
  waitCancelRequest,
  withDeadline,
} from "../../../packages/lunet/src/co/mod.ts";
import { serve, webSocket, type ServerWebSocket } from "../../../packages/lunet/src/http/mod.ts";
import { connect } from "../../../packages/lunet/src/net/mod.ts";
import { clockTest, coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { Client, Signal, talk, turns, waitUntil } from "./server-harness.ts";
import { closeFrame, frame, FrameClient, OPCODES } from "./web-socket-harness.ts";

const { text, binary, ping, pong } = OPCODES;
const bye = closeFrame(1000);
const say = (payload: string): Buffer => frame({ opcode: text, payload });

async function echo(socket: ServerWebSocket): Promise<void> {
  for await (const message of socket) await socket.send(message);
}

coroutineTest("frames that come together with the handshake are not lost", () =>
  talk("tcp", webSocket(echo), async ({ client }) => {
    const socket = await FrameClient.open(client, Buffer.concat([say("early"), bye]));
    assert.deepEqual(await socket.readAll(), ["text early", "close 1000"]);
  }),
);

coroutineTest("a handler that returns closes with 1000, and the client's answer ends the connection", () =>
  talk(
    "tcp",
    webSocket(async (socket) => socket.send("only")),
    async ({ client, log }) => {
      const socket = await FrameClient.open(client);
      assert.equal(await socket.read(), "text only");
      assert.equal(await socket.read(), "close 1000");
      await socket.send(bye);
      assert.equal(await socket.read(), undefined);
      assert.deepEqual(log.lines, ["101 0"]);
    },
  ),
);

coroutineTest("a handler that throws closes with 1011, and what it threw is reported", () =>
  talk(
    "tcp",
    webSocket(async (socket) => {
      await socket.receive();
      throw new Error("broken");
    }),
    async ({ client, log }) => {
      const socket = await FrameClient.open(client);
      await socket.send(say("x"));
      assert.equal(await socket.read(), "close 1011");
      await socket.send(bye);
      assert.equal(await socket.read(), undefined);
      await waitUntil(() => log.replies.length > 0);
      assert.deepEqual(log.takeMessages(), ["broken"]);
    },
  ),
);

coroutineTest("something else that is closed, as a pool, is a failure like any other", () =>
  talk(
    "tcp",
    webSocket(async () => {
      throw new ClosedError("the pool");
    }),
    async ({ client, log }) => {
      const socket = await FrameClient.open(client);
      assert.equal(await socket.read(), "close 1011");
      await socket.send(bye);
      assert.equal(await socket.read(), undefined);
      await turns();
      assert.deepEqual(log.takeMessages(), ["Cannot use the pool: it is closed"]);
    },
  ),
);

coroutineTest(
  "a coroutine of the handler's that fails is the handler's failure, and its siblings are cancelled",
  () => {
    const events: string[] = [];
    const handler = webSocket(async (socket) => {
      spawn(async () => {
        try {
          for await (const _ of socket);
        } finally {
          events.push("sibling ended");
        }
      });
      spawn(async () => {
        throw new TypeError("child");
      });
    });
    return talk("tcp", handler, async ({ client, log }) => {
      const socket = await FrameClient.open(client);
      assert.equal(await socket.read(), "close 1011");
      await socket.send(bye);
      assert.equal(await socket.read(), undefined);
      assert.deepEqual(log.takeMessages(), ["child"]);
      assert.deepEqual(events, ["sibling ended"]);
    });
  },
);

coroutineTest("close sends its code and reason, waits for the client's, and ends the iteration", () => {
  const events: unknown[] = [];
  const handler = webSocket(async (socket) => {
    await socket.receive();
    await socket.close(4001, "enough");
    events.push(await socket.receive(), socket.closeCode, socket.isOpen);
    await assert.rejects(socket.send("late"), { code: "ERR_CLOSED" });
    assert.throws(() => socket.trySend("late"), { code: "ERR_CLOSED" });
    await socket.close();
  });
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    await socket.send(say("x"), say("dropped"));
    assert.equal(await socket.read(), "close 4001 enough");
    await socket.send(say("dropped too"), closeFrame(4001));
    assert.equal(await socket.read(), undefined);
    assert.deepEqual(events, [undefined, 4001, false]);
  });
});

coroutineTest("what cannot be sent is refused before anything is", () => {
  const handler = webSocket(async (socket) => {
    for (const code of [999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, NaN])
      await assert.rejects(socket.close(code), RangeError);
    await assert.rejects(socket.close(1000, "é".repeat(62)), { message: /found a reason of 124 bytes, wanted 123/ });
    for (const message of [undefined, 1, {}, [1], new ArrayBuffer(1)] as never[])
      await assert.rejects(socket.send(message), TypeError);
    await socket.close(1000, "é".repeat(61) + "x");
  });
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    assert.equal(await socket.read(), `close 1000 ${"é".repeat(61)}x`);
    await socket.send(bye);
    assert.equal(await socket.read(), undefined);
  });
});

clockTest("a client that does not answer a Close frame is left after closeTimeoutMs", (clock) =>
  talk(
    "memory",
    webSocket((socket) => socket.close(4000), { closeTimeoutMs: 3_000 }),
    async ({ client }) => {
      const socket = await FrameClient.open(client);
      assert.equal(await socket.read(), "close 4000");
      await clock.advance(2_999);
      const end = spawn(() => socket.read());
      await clock.settle();
      assert.equal(end.state, "running");
      await clock.advance(1);
      assert.equal(await end.join(), undefined);
      client.connection.destroy();
      await clock.advance(1_000);
    },
  ),
);

coroutineTest("a handler that works on the last message answers it before the client's Close is", () => {
  const go = new Signal();
  const handler = webSocket(async (socket) => {
    for await (const message of socket) {
      await go.wait();
      await socket.send(message);
    }
  });
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    await socket.send(say("slow"), bye);
    await turns();
    go.set();
    assert.deepEqual(await socket.readAll(), ["text slow", "close 1000"]);
  });
});

clockTest(
  "a handler that does not come to the end of the messages is not waited for longer than closeTimeoutMs",
  (clock) => {
    const events: string[] = [];
    const handler = webSocket(
      async (socket) => {
        try {
          await socket.receive();
          await sleep(86_400_000);
        } finally {
          events.push(`ended ${socket.closeCode}`);
        }
      },
      { closeTimeoutMs: 3_000, pingIntervalMs: 0 },
    );
    return talk("memory", handler, async ({ client }) => {
      const socket = await FrameClient.open(client);
      await socket.send(say("a"), bye);
      await clock.settle();
      const answer = spawn(() => socket.read());
      await clock.advance(2_999);
      assert.equal(answer.state, "running");
      await clock.advance(1);
      assert.equal(await answer.join(), "close 1000");
      assert.deepEqual(events, []);
      await clock.advance(3_000);
      assert.deepEqual(events, ["ended 1000"]);
    });
  },
);

coroutineTest("a handler that only sends is told by its send that the client has closed, which is no failure", () => {
  const handler = webSocket(async (socket) => {
    for (let count = 0; ; count++) {
      await socket.send(String(count));
      await sleep(1);
    }
  });
  return talk("tcp", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    assert.equal(await socket.read(), "text 0");
    await socket.send(closeFrame(3000));
    assert.equal((await socket.readAll()).at(-1), "close 3000");
  });
});

coroutineTest("the client's close asks the handler to end", () => {
  const handler = webSocket(async () => void (await waitCancelRequest()));
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    await socket.send(closeFrame(1001));
    assert.deepEqual(await socket.readAll(), ["close 1001"]);
  });
});

for (const [how, leave] of [
  ["resets its connection", (client: Client) => void client.connection.destroy({ reset: true })],
  ["ends its connection without a Close frame", (client: Client) => client.connection.shutdown()],
] as const) {
  coroutineTest(`a client that ${how} cancels the handler, which is no failure`, () => {
    const left = new Signal();
    let code: number | undefined;
    const handler = webSocket(async (socket) => {
      try {
        await sleep(86_400_000);
      } finally {
        code = socket.closeCode;
        left.set();
      }
    });
    return talk("tcp", handler, async ({ client }) => {
      await FrameClient.open(client);
      await leave(client);
      await left.wait();
      assert.equal(code, 1006);
    });
  });
}

coroutineTest("a violation ends the iteration behind the messages before it", () => {
  const events: unknown[] = [];
  const handler = webSocket(async (socket) => {
    for await (const message of socket) events.push(message);
    events.push(socket.closeCode);
    await turns();
    await assert.rejects(socket.send("late"), { code: "ERR_CLOSED" });
  });
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    await socket.send(say("a"), say("b"), frame({ opcode: 5 }));
    assert.deepEqual(await socket.readAll(), ["close 1002"]);
    await waitUntil(() => events.length > 2);
    assert.deepEqual(events, ["a", "b", 1002]);
  });
});

clockTest("a client that answers pings stays, one that is silent for pongTimeoutMs is reset", (clock) => {
  const events: string[] = [];
  const handler = webSocket(
    async (socket) => {
      try {
        await echo(socket);
      } finally {
        events.push(`ended ${socket.closeCode}`);
      }
    },
    { pingIntervalMs: 30_000, pongTimeoutMs: 10_000 },
  );
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    for (let round = 0; round < 3; round++) {
      const next = spawn(() => socket.read());
      await clock.advance(30_000);
      assert.equal(await next.join(), "ping");
      await socket.send(frame({ opcode: pong }));
      await clock.advance(10_000);
    }
    const next = spawn(() => socket.read());
    await clock.advance(30_000);
    assert.equal(await next.join(), "ping");
    await clock.advance(9_999);
    assert.deepEqual(events, []);
    await clock.advance(1);
    assert.deepEqual(events, ["ended 1006"]);
    await assert.rejects(async () => socket.read(), { code: "ERR_CONNECTION_RESET" });
  });
});

clockTest("a client whose messages the handler leaves unread is not taken for gone", (clock) => {
  const go = new Signal();
  const handler = webSocket(
    async (socket) => {
      await go.wait();
      await echo(socket);
    },
    { pingIntervalMs: 1_000, pongTimeoutMs: 1_000, maxQueuedBytes: 1 },
  );
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    await socket.send(say("waits"));
    await clock.advance(600_000);
    go.set();
    let answer = await socket.read();
    while (answer === "ping") answer = await socket.read();
    assert.equal(answer, "text waits");
    await socket.send(bye);
    let last: string | undefined;
    for (let one = await socket.read(); one !== undefined; one = await socket.read()) last = one;
    assert.equal(last, "close 1000");
  });
});

coroutineTest("a drain closes with 1001, and ends when the client has answered", async () => {
  const events: unknown[] = [];
  const handler = webSocket(async (socket) => {
    await echo(socket);
    events.push("ended");
  });
  const server = await serve(handler);
  const client = new Client(await connect({ port: server.port }));
  const socket = await FrameClient.open(client);
  const closing = spawn(() => server.close({ graceMs: 60_000 }));
  assert.equal(await socket.read(), "close 1001");
  await socket.send(closeFrame(1001));
  assert.equal(await socket.read(), undefined);
  client.connection.destroy();
  await closing.join();
  assert.deepEqual(events, ["ended"]);
});

coroutineTest("a handler that does not end in a drain is cancelled after the grace", async () => {
  const events: string[] = [];
  const handler = webSocket(
    async () => {
      try {
        await sleep(86_400_000);
      } finally {
        events.push("ended");
      }
    },
    { closeTimeoutMs: 60_000 },
  );
  const server = await serve(handler, { limits: { lingerMs: 10 } });
  const client = new Client(await connect({ port: server.port }));
  const socket = await FrameClient.open(client);
  await server.close({ graceMs: 20 });
  assert.deepEqual(events, ["ended"]);
  assert.equal(await socket.read(), "close 1001");
  client.connection.destroy();
});

coroutineTest("a server that is cut off at once still says 1001", async () => {
  const server = await serve(webSocket(echo), { limits: { lingerMs: 10 } });
  const client = new Client(await connect({ port: server.port }));
  const socket = await FrameClient.open(client);
  await server.close({ graceMs: 0 });
  assert.deepEqual(await socket.readAll(), ["close 1001"]);
  client.connection.destroy();
});

coroutineTest(
  "what many coroutines send at once goes out whole, each in its order",
  () => {
    const handler = webSocket(async (socket) => {
      await scope(() => {
        for (let sender = 0; sender < 10; sender++) {
          spawn(async () => {
            for (let count = 0; count < 50; count++)
              await socket.send(`${sender} ${count} ${"x".repeat(sender * 300)}`);
          });
        }
      });
    });
    return talk("tcp", handler, async ({ client }) => {
      const socket = await FrameClient.open(client);
      const next = Array.from({ length: 10 }, () => 0);
      for (let count = 0; count < 500; count++) {
        const message = (await socket.read()) ?? "";
        if (message.endsWith("characters")) continue;
        const [, sender, at] = /^text (\d) (\d+)/.exec(message) ?? [];
        assert.equal(Number(at), next[Number(sender)]!++);
      }
      assert.equal(next[0], 50);
      assert.equal(await socket.read(), "close 1000");
      await socket.send(bye);
      assert.equal(await socket.read(), undefined);
    });
  },
  { timeoutMs: 20_000 },
);

coroutineTest(
  "a client that does not read stops send, and trySend says so; what a cancelled send had is not sent",
  () => {
    const events: unknown[] = [];
    const done = new Signal();
    const handler = webSocket(async (socket) => {
      let sent = 0;
      const send = (): Promise<void> => withDeadline(50, () => socket.send("x".repeat(10_000)));
      try {
        for (;;) {
          await send();
          sent++;
        }
      } catch (error) {
        assert.equal((error as { code?: unknown }).code, "ERR_DEADLINE");
      }
      events.push(sent < 100, socket.bufferedBytes < 200_000, socket.trySend("never"));
      await assert.rejects(
        withDeadline(20, () => socket.send("never")),
        { code: "ERR_DEADLINE" },
      );
      done.set();
      await socket.send(`last ${sent}`);
    });
    return talk("memory", handler, async ({ client }) => {
      const socket = await FrameClient.open(client);
      await done.wait();
      assert.deepEqual(events, [true, true, false]);
      const seen = new Set<string>();
      let last = "";
      for (let one = await socket.read(); one !== "close 1000"; one = await socket.read()) {
        assert.ok(one !== undefined);
        seen.add(one);
        last = one;
      }
      assert.match(last, /^text last \d+$/);
      assert.deepEqual(seen.size, 2);
      await socket.send(bye);
      assert.equal(await socket.read(), undefined);
    });
  },
);

coroutineTest(
  "a handler that does not read stops the client, and only so much is held",
  () => {
    const go = new Signal();
    let received = 0;
    const handler = webSocket(
      async (socket) => {
        await go.wait();
        for await (const message of socket) received += message.length;
      },
      { maxQueuedBytes: 10_000 },
    );
    return talk("tcp", handler, async ({ client }) => {
      const socket = await FrameClient.open(client);
      const message = frame({ opcode: binary, payload: Buffer.alloc(1_000) });
      let sent = 0;
      const sending = spawn(async () => {
        for (; sent < 20_000; sent++) await socket.send(message);
      });
      let before = -1;
      while (before !== sent) {
        before = sent;
        await sleep(50);
      }
      // What the kernel's two buffers hold, ours, and the queue: megabytes of the 20.
      assert.ok(sent < 12_000, `the client could send ${sent} messages`);
      go.set();
      await sending.join();
      await socket.send(bye);
      assert.deepEqual(await socket.readAll(), ["close 1000"]);
      assert.equal(received, 20_000_000);
    });
  },
  { timeoutMs: 20_000 },
);

coroutineTest("a second receiver is refused while one waits", () => {
  const handler = webSocket(async (socket) => {
    const first = spawn(() => socket.receive());
    assert.throws(() => void socket.receive(), { code: "ERR_BUSY" });
    await first.join();
  });
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    await socket.send(say("x"));
    assert.equal(await socket.read(), "close 1000");
  });
});

coroutineTest("a receive that is cancelled takes no message", () => {
  const handler = webSocket(async (socket) => {
    await assert.rejects(
      withDeadline(10, () => socket.receive()),
      { code: "ERR_DEADLINE" },
    );
    await socket.send("now");
    await echo(socket);
  });
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    assert.equal(await socket.read(), "text now");
    await socket.send(say("x"), bye);
    assert.deepEqual(await socket.readAll(), ["text x", "close 1000"]);
  });
});

coroutineTest("breaking off the iteration leaves the WebSocket open", () => {
  const handler = webSocket(async (socket) => {
    for await (const message of socket) {
      await socket.send(`first ${String(message)}`);
      break;
    }
    for await (const message of socket) await socket.send(`then ${String(message)}`);
  });
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    await socket.send(say("a"), say("b"), bye);
    assert.deepEqual(await socket.readAll(), ["text first a", "text then b", "close 1000"]);
  });
});

coroutineTest("a message of more frames than maxFragments, and a frame in too many pieces, are 1008", async () => {
  const handler = webSocket(echo, { maxFragments: 3 });
  const part = (fin: boolean, opcode = 0): Buffer => frame({ opcode, payload: "x", fin });
  await talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    await socket.send(part(false, text), part(false), part(true));
    assert.equal(await socket.read(), "text xxx");
    await socket.send(part(false, text), part(false), part(false), part(true));
    assert.deepEqual(await socket.readAll(), ["close 1008"]);
  });
  await talk("memory", webSocket(echo, { maxMessageBytes: 4_096 }), async ({ client }) => {
    const socket = await FrameClient.open(client);
    for (const byte of frame({ opcode: text, payload: "x".repeat(4_096) })) {
      if (client.connection.peerEnded) break;
      await client.connection.write(Buffer.from([byte]));
    }
    assert.deepEqual(await socket.readAll(), ["close 1008"]);
  });
});

coroutineTest("pings are answered while the handler does something else", () => {
  const go = new Signal();
  const handler = webSocket(async () => go.wait());
  return talk("memory", handler, async ({ client }) => {
    const socket = await FrameClient.open(client);
    await socket.send(frame({ opcode: ping, payload: "are you there" }));
    assert.equal(await socket.read(), "pong are you there");
    go.set();
    assert.equal(await socket.read(), "close 1000");
    await socket.send(bye);
  });
});
