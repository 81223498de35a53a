import assert from "node:assert/strict";
import { test } from "node:test";
import { scope, shield, sleep, spawn, suspend, withDeadline } from "../../co/mod.ts";
import { connect, type Connection } from "../../net/mod.ts";
import { clockTest, coroutineTest, memoryPair, requestInProcess, type TestClock } from "../../testing/mod.ts";
import { serve, serveConnection, type ServerOptions } from "../server.ts";
import type { Handler } from "../handler.ts";
import {
  type EventSender,
  eventStream,
  serializeEvent,
  type EventStreamOptions,
  type ServerSentEvent,
} from "./event-stream.ts";

interface ReceivedEvent {
  readonly type: string;
  readonly data: string;
  readonly lastId: string;
}

/** What a browser makes of a stream (WHATWG HTML, 9.2.6). */
function parseEvents(text: string): { events: ReceivedEvent[]; retryMs: number | undefined; comments: number } {
  const events: ReceivedEvent[] = [];
  let [type, data, lastId] = ["", "", ""];
  let retryMs: number | undefined;
  let comments = 0;
  const lines = text.split(/\r\n|\r|\n/);
  // What is behind the last line end is no line.
  lines.pop();
  for (const line of lines) {
    if (line === "") {
      if (data !== "") events.push({ type: type || "message", data: data.slice(0, -1), lastId });
      [type, data] = ["", ""];
      continue;
    }
    const [, name = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "") comments++;
    else if (name === "event") type = value;
    else if (name === "data") data += `${value}\n`;
    else if (name === "id" && !value.includes("\0")) lastId = value;
    else if (name === "retry" && /^[0-9]+$/.test(value)) retryMs = Number(value);
  }
  return { events, retryMs, comments };
}

const HEAD = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Reads what has come, as far as it is here, without the head and without the frames of chunks. */
async function received(client: Connection, clock: TestClock): Promise<string> {
  let text = "";
  for (;;) {
    await clock.settle();
    const bytes = client.tryRead();
    if (bytes === undefined || bytes === null) break;
    text += Buffer.from(bytes).toString();
  }
  const start = text.startsWith("HTTP/1.1") ? text.indexOf("\r\n\r\n") + 4 : 0;
  return text
    .slice(start)
    .replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, "")
    .replace(/\r\n$/, "");
}

/** Serves one connection and gives its client's end, which is destroyed behind the body. */
async function withStream(
  handler: Handler,
  body: (client: Connection) => Promise<void>,
  options: ServerOptions = {},
  head = HEAD,
): Promise<void> {
  await scope(async () => {
    const [client, server] = memoryPair();
    const serving = spawn(() => serveConnection(handler, server, options));
    try {
      await client.write(head);
      await body(client);
    } finally {
      client.destroy({ reset: true });
    }
    await serving.join();
  });
}

const forever = (): Promise<never> => suspend<never>("for ever", () => () => {});

const serialized: ReadonlyArray<readonly [event: ServerSentEvent, text: string]> = [
  [{ data: "a" }, "data: a\n\n"],
  [{ data: "" }, "data: \n\n"],
  [{ data: "a\nb\r\nc\rd\n" }, "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"],
  [{ data: " a: b" }, "data:  a: b\n\n"],
  [{ data: "a\u2028b" }, "data: a\u2028b\n\n"],
  [{ event: "comment", id: "7", retryMs: 0, data: "x" }, "event: comment\nid: 7\nretry: 0\ndata: x\n\n"],
  [{ id: "" }, "id: \n\n"],
  [{}, "\n"],
];
for (const [event, text] of serialized) {
  void test(`${JSON.stringify(event)} is written as ${JSON.stringify(text)}`, () => {
    assert.equal(serializeEvent(event), text);
    const data = event.data?.replaceAll(/\r\n|\r/g, "\n");
    // The browser gives no event whose data is empty.
    if (data !== undefined && data !== "") assert.equal(parseEvents(text).events[0]?.data, data);
  });
}

void test("no field of an event ends its line", () => {
  for (const value of ["a\nb", "a\rb", "\r\n", "a\ndata: x"]) {
    assert.throws(() => serializeEvent({ id: value }), TypeError);
    assert.throws(() => serializeEvent({ event: value }), TypeError);
  }
  assert.throws(() => serializeEvent({ id: "a\0" }), TypeError);
  assert.throws(() => serializeEvent({ data: 7 as unknown as string }), TypeError);
  for (const retryMs of [-1, 0.5, NaN, Infinity]) assert.throws(() => serializeEvent({ retryMs }), RangeError);
});

coroutineTest("a stream is a reply with its type, that nobody keeps, buffers or counts", async () => {
  const handler: Handler = (request) =>
    eventStream(
      request,
      async (events) => {
        await events.send({ data: "one", id: "1" });
        await events.send({ event: "end", data: "two\nlines" });
      },
      { retryMs: 2_000, fields: { "Access-Control-Allow-Origin": "*" } },
    );
  const reply = await requestInProcess(handler);
  assert.equal(reply.status, 200);
  assert.equal(reply.field("content-type"), "text/event-stream");
  assert.equal(reply.field("cache-control"), "no-cache");
  assert.equal(reply.field("x-accel-buffering"), "no");
  assert.equal(reply.field("access-control-allow-origin"), "*");
  assert.equal(reply.field("content-length"), undefined);
  const { events, retryMs } = parseEvents(reply.text());
  assert.equal(retryMs, 2_000);
  assert.deepEqual(events, [
    { type: "message", data: "one", lastId: "1" },
    { type: "end", data: "two\nlines", lastId: "1" },
  ]);
});

coroutineTest("HEAD begins no stream", async () => {
  let begun = false;
  const handler: Handler = (request) =>
    eventStream(request, async () => {
      begun = true;
    });
  const reply = await requestInProcess(handler, { method: "HEAD" });
  assert.equal(reply.field("content-type"), "text/event-stream");
  assert.equal(begun, false);
});

coroutineTest("the id that the browser saw last is the sender's, decoded as UTF-8", async () => {
  const ids: Array<string | undefined> = [];
  const handler: Handler = (request) => eventStream(request, async (events) => void ids.push(events.lastId));
  await requestInProcess(handler, { fields: { "Last-Event-ID": Buffer.from("grüße-7").toString("latin1") } });
  await requestInProcess(handler, { fields: { "Last-Event-ID": "" } });
  await requestInProcess(handler);
  assert.deepEqual(ids, ["grüße-7", undefined, undefined]);
});

clockTest("each event goes out as it is sent, and no limit of the handler's time ends the stream", async (clock) => {
  const handler: Handler = (request) =>
    eventStream(request, async (events) => {
      for (let number = 1; ; number++) {
        await events.send({ data: String(number) });
        await sleep(10_000);
      }
    });
  await withStream(handler, async (client) => {
    for (let number = 1; number <= 30; number++) {
      assert.equal(await received(client, clock), `data: ${number}\n\n`);
      await clock.advance(10_000);
    }
  });
});

clockTest("silence is broken by a comment, and only silence", async (clock) => {
  const sends: Array<() => void> = [];
  const handler: Handler = (request) =>
    eventStream(
      request,
      async (events) => {
        for (;;) {
          await suspend<void>("told", (resume) => {
            sends.push(resume);
            return () => {};
          });
          await events.send({ data: "x" });
        }
      },
      { heartbeatMs: 5_000 },
    );
  await withStream(handler, async (client) => {
    await clock.settle();
    await clock.advance(4_999);
    assert.equal(await received(client, clock), "");
    await clock.advance(1);
    assert.equal(await received(client, clock), ":\n\n");
    await clock.advance(4_000);
    sends.shift()?.();
    await clock.advance(4_999);
    assert.equal(await received(client, clock), "data: x\n\n");
    await clock.advance(1);
    assert.equal(await received(client, clock), ":\n\n");
  });
});

clockTest("without a heartbeat a stream may stay silent", async (clock) => {
  const options: EventStreamOptions = { heartbeatMs: 0 };
  await withStream(
    (request) => eventStream(request, forever, options),
    async (client) => {
      await clock.advance(3_600_000);
      assert.equal(await received(client, clock), "");
    },
  );
});

coroutineTest("a client that does not read makes the sender wait, and nothing piles up", async () => {
  let sent = 0;
  const handler: Handler = (request) =>
    eventStream(request, async (events) => {
      for (; sent < 100_000; sent++) await events.send({ data: "x".repeat(1_000) });
    });
  await withStream(handler, async (client) => {
    await client.read();
    for (let turn = 0; turn < 20; turn++) await sleep(0);
    const stopped = sent;
    // The pending text, the piece on its way, and what the two sockets hold.
    assert.ok(stopped < 400, `found ${stopped} events of 1,000 bytes sent to a client that does not read`);
    for (let turn = 0; turn < 20; turn++) await sleep(0);
    assert.equal(sent, stopped);
    while (sent === stopped) await client.read();
  });
});

clockTest("a client that takes nothing is ended by writeStallMs, heartbeats or not", async (clock) => {
  let cancelled = 0;
  const handler: Handler = (request) =>
    eventStream(request, async (events) => {
      try {
        for (;;) await events.send({ data: "x".repeat(10_000) });
      } finally {
        cancelled++;
      }
    });
  await scope(async () => {
    const [client, server] = memoryPair();
    const serving = spawn(() => serveConnection(handler, server, { limits: { writeStallMs: 20_000 } }));
    await client.write(HEAD);
    await clock.advance(19_000);
    assert.equal(cancelled, 0);
    await clock.advance(3_000);
    assert.equal(cancelled, 1);
    await serving.join();
    client.destroy();
  });
});

coroutineTest("a client that goes away cancels the body, wherever it waits", async () => {
  const bodies: Array<(events: EventSender) => Promise<void>> = [
    forever,
    async (events) => {
      for (;;) await events.send({ data: "x".repeat(10_000) });
    },
    () => sleep(60_000),
  ];
  for (const body of bodies) {
    let ends = 0;
    const failures: unknown[] = [];
    const handler: Handler = (request) =>
      eventStream(request, async (events) => {
        try {
          await events.send({ data: "hello" });
          await body(events);
        } finally {
          ends++;
        }
      });
    await withStream(
      handler,
      async (client) => {
        await client.read();
        client.destroy({ reset: true });
      },
      { onFailure: (error) => failures.push(error) },
    );
    assert.equal(ends, 1);
    assert.deepEqual(failures, []);
  }
});

coroutineTest("what a body fails with cuts its stream off and is reported once", async () => {
  const failures: unknown[] = [];
  const handler: Handler = (request) =>
    eventStream(request, async (events) => {
      await events.send({ data: "before" });
      throw new Error("broken");
    });
  await withStream(
    handler,
    async (client) => {
      let text = "";
      for (let bytes = await client.read(); bytes !== null; bytes = await client.read())
        text += Buffer.from(bytes).toString();
      assert.match(text, /data: before\n\n\r\n$/);
    },
    { onFailure: (error) => failures.push(error) },
  );
  assert.deepEqual(failures.map(String), ["Error: broken"]);
});

coroutineTest("what a body fails with when the client is gone is reported too", async () => {
  const failures: unknown[] = [];
  const handler: Handler = (request) =>
    eventStream(request, async () => {
      try {
        await forever();
      } finally {
        // oxlint-disable-next-line no-unsafe-finally -- the failure of a cleanup is what the test is about
        throw new Error("broken cleanup");
      }
    });
  await withStream(
    handler,
    async (client) => {
      await client.read();
      client.destroy({ reset: true });
    },
    { onFailure: (error) => failures.push(error) },
  );
  assert.match(failures.map(String).join(), /broken cleanup/);
});

coroutineTest("a body that sends from several coroutines is waited for as a whole", async () => {
  const handler: Handler = (request) =>
    eventStream(request, async (events) => {
      for (const name of ["a", "b", "c"]) {
        spawn(async () => {
          for (let index = 0; index < 100; index++) await events.send({ event: name, data: "x".repeat(1_000) });
        });
      }
    });
  const { events } = parseEvents((await requestInProcess(handler)).text());
  for (const name of ["a", "b", "c"]) assert.equal(events.filter(({ type }) => type === name).length, 100);
});

coroutineTest(
  "a sender is of no use after its stream",
  async () => {
    let kept: EventSender | undefined;
    const handler: Handler = (request) =>
      eventStream(request, async (events) => {
        kept = events;
      });
    await requestInProcess(handler);
    await assert.rejects(kept?.send({ data: "late" }) ?? Promise.resolve(), { code: "ERR_CLOSED" });
  },
  { provokes: ["E"] },
);

coroutineTest("a drain ends a stream at its end, after what its body has to say", async () => {
  const server = await serve(
    (request) =>
      eventStream(request, async (events) => {
        try {
          await events.send({ data: "hello" });
          await forever();
        } finally {
          await shield(1_000, () => events.send({ event: "bye", data: "soon again" }));
        }
      }),
    { port: 0, limits: { drainIdleMs: 10 } },
  );
  await using client = await connect({ port: server.port });
  await client.write(HEAD);
  let text = "";
  while (!text.includes("hello")) text += Buffer.from((await client.read()) ?? []).toString();
  await withDeadline(5_000, () => server.close({ graceMs: 4_000 }));
  for (let bytes = await client.read(); bytes !== null; bytes = await client.read())
    text += Buffer.from(bytes).toString();
  assert.match(text, /event: bye\ndata: soon again\n\n\r\n0\r\n\r\n$/);
});

coroutineTest("the time between heartbeats is checked", async () => {
  for (const heartbeatMs of [-1, 0.5, NaN, 86_400_001]) {
    const handler: Handler = (request) => {
      assert.throws(() => eventStream(request, forever, { heartbeatMs }), RangeError);
      return { status: 204 };
    };
    assert.equal((await requestInProcess(handler)).status, 204);
  }
});
