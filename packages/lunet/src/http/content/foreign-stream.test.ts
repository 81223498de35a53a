import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { scope, sleep, spawn } from "../../co/mod.ts";
import { coroutineTest, memoryPair, requestInProcess } from "../../testing/mod.ts";
import type { Handler } from "../handler.ts";
import type { Reply } from "../reply.ts";
import { serveConnection } from "../server.ts";

/** What became of a stream. */
interface Fate {
  made: number;
  ends: number;
}

const PIECE = new Uint8Array(10_000);

/** Streams of `count` pieces, and then an end, or silence. */
const kinds: Readonly<Record<string, (count: number, fate: Fate, isSilent: boolean) => Reply | Response>> = {
  "a web stream": (count, fate, isSilent) => ({ status: 200, content: webStream(count, fate, isSilent) }),
  "a Response with a web stream": (count, fate, isSilent) => new Response(webStream(count, fate, isSilent)),
  "a Readable of Node": (count, fate, isSilent) => ({
    status: 200,
    content: new Readable({
      read() {
        if (fate.made < count) this.push(PIECE.slice(fate.made++ % 1));
        else if (!isSilent) this.push(null);
      },
      destroy(error, done) {
        fate.ends++;
        done(error);
      },
    }),
  }),
};

function webStream(count: number, fate: Fate, isSilent: boolean): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      if (fate.made < count) {
        fate.made++;
        controller.enqueue(PIECE.slice());
      } else if (!isSilent) {
        fate.ends++;
        controller.close();
      } else return new Promise(() => {});
      return undefined;
    },
    cancel() {
      fate.ends++;
    },
  });
}

/** Serves one connection, and gives its client's end. */
async function withClient(handler: Handler, body: (client: ReturnType<typeof memoryPair>[0]) => Promise<void>) {
  const failures: unknown[] = [];
  await scope(async () => {
    const [client, server] = memoryPair();
    const serving = spawn(() => serveConnection(handler, server, { onFailure: (error) => failures.push(error) }));
    await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await body(client);
    client.destroy({ reset: true });
    await serving.join();
  });
  assert.deepEqual(failures, []);
}

for (const [kind, make] of Object.entries(kinds)) {
  coroutineTest(`${kind} is sent to its end`, async () => {
    const fate: Fate = { made: 0, ends: 0 };
    const reply = await requestInProcess(() => make(50, fate, false));
    assert.equal(reply.bytes().length, 50 * PIECE.length);
    assert.equal(fate.ends, 1);
  });

  coroutineTest(`${kind} is not read faster than its client reads`, async () => {
    const fate: Fate = { made: 0, ends: 0 };
    await withClient(
      () => make(1_000_000, fate, false),
      async (client) => {
        await client.read();
        let before = -1;
        while (before !== fate.made) {
          before = fate.made;
          await sleep(20);
        }
        assert.ok(fate.made < 100, `found ${fate.made} pieces of 10 kB made for a client that does not read`);
      },
    );
    assert.equal(fate.ends, 1);
  });

  coroutineTest(`${kind} that is silent is ended at once when its client goes`, async () => {
    const fate: Fate = { made: 0, ends: 0 };
    await withClient(
      () => make(1, fate, true),
      async (client) => {
        let bytes = 0;
        while (bytes < PIECE.length) bytes += (await client.read())?.length ?? 0;
        client.destroy({ reset: true });
        // Before a sweep of the server looks at the connection.
        for (let turn = 0; turn < 20 && fate.ends === 0; turn++) await sleep(1);
        assert.equal(fate.ends, 1);
      },
    );
  });

  coroutineTest(`${kind} that HEAD does not want is ended`, async () => {
    const fate: Fate = { made: 0, ends: 0 };
    await requestInProcess(() => make(10, fate, true), { method: "HEAD" });
    assert.equal(fate.ends, 1);
    assert.ok(fate.made <= 1);
  });
}

coroutineTest("a stream of Node or of the web that fails is cut off and reported", async () => {
  const contents = [
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("broken")),
    }),
    new Readable({
      read() {
        this.destroy(new Error("broken"));
      },
    }),
  ];
  for (const content of contents) {
    const failures: unknown[] = [];
    const options = { onFailure: (error: unknown) => failures.push(error) };
    await assert.rejects(requestInProcess(() => ({ status: 200, content }), {}, options));
    assert.deepEqual(failures.map(String), ["Error: broken"]);
  }
});

coroutineTest("a web stream whose cancel fails is reported", async () => {
  const failures: unknown[] = [];
  const content = new ReadableStream<Uint8Array>({
    cancel() {
      throw new Error("cancel is broken");
    },
  });
  const options = { onFailure: (error: unknown) => failures.push(error) };
  await requestInProcess(() => ({ status: 200, content }), { method: "HEAD" }, options);
  assert.deepEqual(failures.map(String), ["Error: cancel is broken"]);
});

coroutineTest("content of a request is read as fast as the reply that is made of it", async () => {
  await scope(async () => {
    const [client, server] = memoryPair();
    const echo: Handler = (request) => ({ status: 200, content: request.content() });
    const serving = spawn(() => serveConnection(echo, server, { limits: { maxContentBytes: 100_000_000 } }));
    const length = 10_000_000;
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
    let sent = 0;
    const sending = spawn(async () => {
      for (; sent < length; sent += PIECE.length) await client.write(PIECE);
    });
    let before = -1;
    while (before !== sent) {
      before = sent;
      await sleep(20);
    }
    assert.ok(sent < 1_000_000, `found ${sent} bytes taken of a client that does not read`);
    while (client.bytesRead < length) await client.read();
    await sending.join();
    client.destroy({ reset: true });
    await serving.join();
  });
});
