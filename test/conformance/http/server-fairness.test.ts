/** One connection with much to do lets the others have their turn, and holds no more than its limits say. */
import assert from "node:assert/strict";
import { giveWay, spawn } from "../../../packages/lunet/src/co/mod.ts";
import { serve, text, type Handler } from "../../../packages/lunet/src/http/mod.ts";
import { connect } from "../../../packages/lunet/src/net/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { Client, talk, waitUntil } from "./server-harness.ts";

const PIPELINED = 1_000;
/** Requests of one connection between two turns. */
const TURN_REQUESTS = 64;

async function openTo(port: number): Promise<Client> {
  return new Client(await connect({ port }));
}

for (const [kind, answer] of [
  ["plain", () => text("x")],
  ["a promise that is kept at once", () => Promise.resolve(text("x"))],
] as const) {
  coroutineTest(`requests that came together let those of another connection in between: ${kind}`, async () => {
    const order: string[] = [];
    const handler: Handler = (request) => {
      order.push(request.path);
      return answer();
    };
    await using server = await serve(handler);
    const many = await openTo(server.port);
    const one = await openTo(server.port);
    for (const client of [many, one]) {
      await client.request("/first");
      await client.reply();
    }
    order.length = 0;
    // Both are in the kernel before the server has its turn.
    const sending = [many.send("GET /many HTTP/1.1\r\nHost: a\r\n\r\n".repeat(PIPELINED)), one.request("/one")];
    await Promise.all(sending);
    await one.reply();
    const before = order.indexOf("/one");
    assert.ok(before <= 4 * TURN_REQUESTS, `${before} requests of the other connection were begun before`);
    for (let reply = 0; reply < PIPELINED; reply++) assert.equal((await many.reply()).status, 200);
    assert.equal(order.length, PIPELINED + 1);
    for (const client of [many, one]) client.connection.destroy();
  });
}

coroutineTest("connections that are over a limit together are ended in many turns", async () => {
  const COUNT = 200;
  const MOST_IN_A_TURN = 48;
  const turns: number[] = [];
  let inTurn = 0;
  const countInTurn = (): void => {
    if (inTurn++ > 0) return;
    setImmediate(() => {
      turns.push(inTurn);
      inTurn = 0;
    });
  };
  await using server = await serve(() => text("x"), { limits: { headerTimeoutMs: 1_000 } });
  const clients = await Promise.all(Array.from({ length: COUNT }, async () => await openTo(server.port)));
  for (const client of clients) await client.send("GET / HT");
  await Promise.all(
    clients.map(async (client) => {
      assert.equal((await client.reply()).status, 408);
      countInTurn();
    }),
  );
  await giveWay();
  assert.equal(
    turns.reduce((sum, count) => sum + count, 0),
    COUNT,
  );
  assert.ok(Math.max(...turns) <= MOST_IN_A_TURN, `${turns.join(" ")} were answered in a turn`);
  for (const client of clients) client.connection.destroy();
});

coroutineTest("requests that came together are all answered when the client has shut down its side behind them", () =>
  talk(
    "tcp",
    () => text("x"),
    async ({ client }) => {
      await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(PIPELINED));
      await client.connection.shutdown();
      for (let reply = 0; reply < PIPELINED; reply++) assert.equal((await client.reply()).status, 200);
      await client.end();
    },
  ),
);

coroutineTest("a drain that begins between the turns of a connection answers all that it has sent", async () => {
  let begun = 0;
  // All together they take longer than from one look of the drain at its connections to the next.
  const handler: Handler = () => {
    begun++;
    const untilMs = performance.now() + 0.3;
    while (performance.now() < untilMs);
    return text("x");
  };
  await using server = await serve(handler, { limits: { drainIdleMs: 0 } });
  const client = await openTo(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(PIPELINED));
  await waitUntil(() => begun > 0);
  assert.ok(begun < PIPELINED, `all ${begun} were begun in one turn`);
  const closing = spawn(() => server.close());
  let last;
  for (let reply = 0; reply < PIPELINED; reply++) {
    last = await client.reply();
    assert.equal(last.status, 200);
  }
  assert.equal(last?.field("connection"), "close");
  await client.end();
  client.connection.destroy();
  await closing.join();
});

coroutineTest("a client that reads no replies is not read from any further, and costs no handler", async () => {
  let begun = 0;
  const content = "x".repeat(10_000);
  const handler: Handler = (request) => {
    if (request.path === "/many") begun++;
    return text(content);
  };
  await talk("memory", handler, async ({ client }) => {
    const sending = spawn(() => client.send("GET /many HTTP/1.1\r\nHost: a\r\n\r\n".repeat(10_000)));
    for (let turn = 0; turn < 500; turn++) await giveWay();
    // Two write buffers of 64 KB, and what a memory socket holds for its reader.
    assert.ok(begun < 60, `${begun} were begun`);
    client.connection.destroy();
    await sending.join().catch(() => {});
  });
});
