/** Many requests and many connections: nothing stays alive after them, and memory does not grow. */
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { scope, sleep, spawn } from "../../../packages/lunet/src/co/mod.ts";
import { serve, text, type Handler } from "../../../packages/lunet/src/http/mod.ts";
import { connect } from "../../../packages/lunet/src/net/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { Client, talk } from "./server-harness.ts";

const REQUESTS = 10_000;
const CONNECTIONS = 1_000;
/** What the heap may grow by between two rounds of the same load, in bytes. */
const MAX_GROWTH_BYTES = 2_000_000;
const HOST = "Host: a\r\n";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const mixed: Handler = (request) => {
  switch (request.path) {
    case "/async":
      return later();
    case "/stream":
      return { status: 200, content: pieces() };
    case "/spawn":
      spawn(() => sleep(0));
      return text("spawn");
    case "/throw":
      throw new Error("thrown");
    default:
      return text("sync");
  }
};

async function later(): Promise<ReturnType<typeof text>> {
  await sleep(0);
  return text("async");
}

async function* pieces(): AsyncGenerator<string> {
  yield "str";
  yield "eam";
}

coroutineTest(
  `${REQUESTS} requests on one connection leave nothing behind`,
  () =>
    talk(
      "tcp",
      mixed,
      async ({ client }) => {
        const round = async (requests: number): Promise<number> => {
          const paths = ["/", "/", "/", "/stream", "/throw", "/", "/", "/", "/async", "/spawn"];
          for (let index = 0; index < requests; index++) {
            const path = paths[index % (index % 100 < 90 ? 8 : 10)] as string;
            await client.request(path);
            assert.equal((await client.reply()).status, path === "/throw" ? 500 : 200);
          }
          return heapBytes();
        };
        await round(REQUESTS / 4);
        const before = await round(REQUESTS / 4);
        const after = await round(REQUESTS / 2);
        assert.ok(after - before < MAX_GROWTH_BYTES, `the heap grew by ${after - before} bytes`);
      },
      { onFailure: () => {}, onReply: () => {} },
    ),
  { timeoutMs: 40_000 },
);

coroutineTest(
  `${CONNECTIONS} connections at once are served, and leave nothing behind`,
  async () => {
    await using server = await serve(mixed, { limits: { lingerMs: 100 }, onFailure: () => {} });
    const round = async (): Promise<number> => {
      await scope(() => {
        for (let index = 0; index < CONNECTIONS; index++) {
          const path = ["/", "/async", "/stream", "/spawn", "/throw"][index % 5] as string;
          spawn(async () => {
            await using connection = await connect({ port: server.port });
            const client = new Client(connection);
            await client.send(`GET ${path} HTTP/1.1\r\n${HOST}\r\n`.repeat(2));
            for (let reply = 0; reply < 2; reply++) {
              assert.equal((await client.reply()).status, path === "/throw" ? 500 : 200);
            }
          });
        }
      });
      return heapBytes();
    };
    await round();
    const before = await round();
    const after = await round();
    assert.ok(after - before < MAX_GROWTH_BYTES, `the heap grew by ${after - before} bytes`);
  },
  { timeoutMs: 40_000 },
);
