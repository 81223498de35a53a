import assert from "node:assert/strict";
import { test } from "node:test";
import { scope, sleep, spawn } from "../../co/mod.ts";
import type { Connection } from "../../net/mod.ts";
import { coroutineTest, memoryPair } from "../../testing/mod.ts";
import { serveConnection } from "../server.ts";
import { EventChannel } from "./event-channel.ts";
import { eventStream } from "./event-stream.ts";

/** One client of a channel. What it has read is in `text`, frames of chunks among it. */
interface Follower {
  readonly connection: Connection;
  text: string;
  /** Reads until the text has this, or to the end. */
  readUntil(wanted: string): Promise<void>;
}

/** Runs a body in which clients follow a channel, and ends them all. */
async function withFollowers(
  channel: EventChannel,
  body: (follow: (lastId?: string) => Promise<Follower>) => Promise<void>,
): Promise<void> {
  await scope(async () => {
    const connections: Connection[] = [];
    const follow = async (lastId?: string): Promise<Follower> => {
      const [connection, server] = memoryPair();
      connections.push(connection);
      const handler = (request: Parameters<typeof eventStream>[0]) =>
        eventStream(request, (events) => channel.forward(events));
      spawn(() => serveConnection(handler, server));
      const field = lastId === undefined ? "" : `Last-Event-ID: ${lastId}\r\n`;
      const before = channel.followers;
      await connection.write(`GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n`);
      while (channel.followers === before) await sleep(0);
      return {
        connection,
        text: "",
        async readUntil(this: Follower, wanted) {
          while (!this.text.includes(wanted)) {
            const bytes = await connection.read();
            if (bytes === null) return;
            this.text += Buffer.from(bytes).toString();
          }
        },
      };
    };
    try {
      await body(follow);
    } finally {
      for (const connection of connections) connection.destroy({ reset: true });
    }
  });
  assert.equal(channel.followers, 0);
}

function dataOf(text: string): string[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1] as string);
}

coroutineTest("what is published goes to all that follow, in order", async () => {
  const channel = new EventChannel();
  channel.publish({ data: "before" });
  await withFollowers(channel, async (follow) => {
    const followers = [await follow(), await follow(), await follow()];
    for (let index = 0; index < 50; index++) channel.publish({ data: String(index) });
    for (const one of followers) {
      await one.readUntil("data: 49\n");
      assert.deepEqual(
        dataOf(one.text),
        Array.from({ length: 50 }, (_, index) => String(index)),
      );
    }
    const later = await follow();
    channel.publish({ event: "comment", data: "50" });
    await later.readUntil("data: 50\n");
    assert.deepEqual(dataOf(later.text), ["50"]);
    assert.match(later.text, /event: comment\nid: \S+-52\ndata: 50\n\n/);
  });
});

coroutineTest("a browser that connects again gets what it has missed, and nothing twice", async () => {
  const channel = new EventChannel({ gap: { event: "reload", data: "all" } });
  const ids = Array.from({ length: 10 }, (_, index) => channel.publish({ data: String(index) }));
  await withFollowers(channel, async (follow) => {
    const follower = await follow(ids[6]);
    channel.publish({ data: "new" });
    await follower.readUntil("data: new\n");
    assert.deepEqual(dataOf(follower.text), ["7", "8", "9", "new"]);
    const current = await follow(ids[9]);
    channel.publish({ data: "newer" });
    await current.readUntil("data: newer\n");
    assert.deepEqual(dataOf(current.text), ["new", "newer"]);
  });
});

coroutineTest("of an id that is not known any more, or never was, the gap is told", async () => {
  const channel = new EventChannel({ maxKeptEvents: 5, gap: { event: "reload", data: "all" } });
  const ids = Array.from({ length: 10 }, (_, index) => channel.publish({ data: String(index) }));
  const [word] = (ids[0] as string).split(/-(?=\d+$)/) as [string];
  const gone = [
    ids[0] as string,
    ids[3] as string,
    `${word}-11`,
    `${word}-0`,
    `${word}-1e1`,
    `${word}-`,
    "other-7",
    "7",
  ];
  await withFollowers(channel, async (follow) => {
    for (const id of gone) {
      const follower = await follow(id);
      await follower.readUntil("data: all\n");
      channel.publish({ data: `after ${id}` });
      await follower.readUntil(`data: after ${id}\n`);
      assert.deepEqual(dataOf(follower.text), ["all", `after ${id}`], id);
      follower.connection.destroy({ reset: true });
      while (channel.followers > 0) await sleep(0);
      // What is kept of it would be news to the next.
      for (let index = 0; index < 5; index++) channel.publish({ data: "x" });
    }
  });
  const fresh = new EventChannel({ maxKeptEvents: 5, gap: { event: "reload", data: "all" } });
  const kept = Array.from({ length: 10 }, (_, index) => fresh.publish({ data: String(index) }));
  await withFollowers(fresh, async (follow) => {
    const follower = await follow(kept[4]);
    await follower.readUntil("data: 9\n");
    assert.deepEqual(dataOf(follower.text), ["5", "6", "7", "8", "9"]);
  });
});

const long = "x".repeat(1_000);

coroutineTest("a client that cannot follow is ended, the others go on, and no more is kept for it", async () => {
  const channel = new EventChannel({ maxKeptEvents: 100 });
  await withFollowers(channel, async (follow) => {
    const slow = await follow();
    const fast = await follow();
    for (let index = 0; index < 2_000; index++) {
      channel.publish({ data: `${long} ${index}` });
      if (index % 20 === 19) await fast.readUntil(`${index}\n`);
    }
    assert.equal(channel.keptEvents, 100);
    assert.equal(dataOf(fast.text).length, 2_000);
    await slow.readUntil("0\r\n\r\n");
    const last = /x ([0-9]+)$/.exec(dataOf(slow.text).at(-1) ?? "")?.[1];
    assert.equal(dataOf(slow.text).length, Number(last) + 1, "what it got has no gap");
    assert.ok(Number(last) < 1_000);
    assert.equal(channel.followers, 1);
  });
});

coroutineTest("a client that cannot follow may go on with the newest, after it was told", async () => {
  const channel = new EventChannel({ maxKeptEvents: 100, whenBehind: "skip", gap: { event: "reload", data: "all" } });
  await withFollowers(channel, async (follow) => {
    const slow = await follow();
    for (let index = 0; index < 2_000; index++) {
      channel.publish({ data: `${long} ${index}` });
      if (index % 20 === 19) await sleep(0);
    }
    await slow.readUntil("data: all\n");
    channel.publish({ data: "new" });
    await slow.readUntil("data: new\n");
    assert.deepEqual(dataOf(slow.text).slice(-2), ["all", "new"]);
    assert.ok(dataOf(slow.text).length < 1_000);
  });
});

void test("what is kept is bounded in events and in characters", () => {
  const channel = new EventChannel({ maxKeptEvents: 10, maxKeptCharacters: 5_000 });
  for (let index = 0; index < 100; index++) channel.publish({ data: "x" });
  assert.equal(channel.keptEvents, 10);
  for (let index = 0; index < 100; index++) channel.publish({ data: long });
  assert.equal(channel.keptEvents, 4);
  channel.publish({ data: "x".repeat(10_000) });
  assert.equal(channel.keptEvents, 1);
});

void test("options that make no sense are refused", () => {
  for (const maxKeptEvents of [0, 1.5, 1_000_001, NaN])
    assert.throws(() => new EventChannel({ maxKeptEvents }), RangeError);
  for (const maxKeptCharacters of [0, -1, 2 ** 31])
    assert.throws(() => new EventChannel({ maxKeptCharacters }), RangeError);
  assert.throws(() => new EventChannel({ whenBehind: "wait" as "end" }), RangeError);
  assert.throws(() => new EventChannel({ gap: { id: "\n" } }), TypeError);
});
