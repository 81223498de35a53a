/** Line 16 of what broke in the system that this one succeeds: the runtime itself, by its public exports. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { runRoot, sleep, spawn } from "lunet";
import { open, readFile } from "lunet/fs";
import { connect, listen } from "lunet/net";
import { assertFindings } from "lunet/testing";
import { balance, TRACE } from "lunet/trace";

const directory = mkdtempSync(join(tmpdir(), "lunet-original-"));
after(() => rmSync(directory, { recursive: true }));

const CLOSED = { code: "ERR_CLOSED" };

test("original 16: closing a socket wakes its reader with an error of its own", async () => {
  await runRoot(async () => {
    await using listener = await listen({ host: "127.0.0.1", port: 0 });
    await using client = await connect({ host: "127.0.0.1", port: listener.port });
    await using server = await listener.accept();
    const reader = spawn(() => assert.rejects(client.read(), CLOSED));
    const peer = spawn(async () => {
      assert.equal(await server.read(), null);
      server.destroy();
    });
    await client.close();
    await reader.join();
    await peer.join();
  });
});

test("original 16: destroying a socket wakes its reader too, and closing a listener whoever accepts", async () => {
  await runRoot(async () => {
    await using listener = await listen({ host: "127.0.0.1", port: 0 });
    await using client = await connect({ host: "127.0.0.1", port: listener.port });
    await using _server = await listener.accept();
    const reader = spawn(() => assert.rejects(client.read(), CLOSED));
    client.destroy();
    await reader.join();
    const accepting = spawn(() => assert.rejects(listener.accept(), CLOSED));
    listener.close();
    await accepting.join();
  });
});

test("original 16: a second close does nothing, and use after it is an error", async () => {
  // The trace build finds the use after the end, which is on purpose here.
  await assertFindings(["E"], () => runRoot(useAfterClose));
});

async function useAfterClose(): Promise<void> {
  await using listener = await listen({ host: "127.0.0.1", port: 0 });
  await using client = await connect({ host: "127.0.0.1", port: listener.port });
  await using server = await listener.accept();
  server.destroy();
  await client.close();
  await client.close();
  client.destroy();
  client.destroy();
  await assert.rejects(client.read(), CLOSED);
  await assert.rejects(client.write("x"), CLOSED);
  listener.close();
  listener.close();
  await assert.rejects(listener.accept(), CLOSED);
}

test("original 17: a real leak is found, by the line that made it, and the references come out even without one", async () => {
  const path = join(directory, "leaked");
  const clean = balance().get("file")?.live;
  await assertFindings([], () =>
    runRoot(async () => {
      await using _file = await open(path, "w");
    }),
  );
  assert.equal(balance().get("file")?.live ?? 0, clean ?? 0);
  await assertFindings(["A"], () => runRoot(async () => void (await open(path, "w"))));
  assert.equal(balance().get("file")?.live, TRACE ? 1 : undefined);
});

test('original 16: connect("localhost") connects', async () => {
  await runRoot(async () => {
    await using listener = await listen({ host: "localhost", port: 0 });
    for (let time = 0; time < 20; time += 1) {
      await using client = await connect({ host: "localhost", port: listener.port });
      await using server = await listener.accept();
      await client.write("ping");
      assert.equal(Buffer.from((await server.read()) ?? []).toString(), "ping");
      // The client closes at once when its peer has ended.
      server.destroy();
    }
  });
});

test("original 16: sleeps leave nothing behind", async () => {
  setFlagsFromString("--expose-gc");
  // The collector is not reachable otherwise in a process that is started without the flag.
  const collect = runInNewContext("gc") as () => void;
  await runRoot(async () => {
    const sleepAll = async (): Promise<void> => {
      await Promise.all(Array.from({ length: 1_000 }, () => sleep(0)));
    };
    // A leak shows in every batch; a table of the engine or of the ledger grows or shrinks in one.
    const grown: number[] = [];
    for (let batch = 0, before = 0; batch < 5; batch += 1) {
      for (let time = 0; time < 100; time += 1) await sleepAll();
      collect();
      const { heapUsed } = process.memoryUsage();
      if (batch > 0) grown.push(heapUsed - before);
      before = heapUsed;
    }
    // 100,000 sleeps of 178 bytes each would be 17.8 MB.
    assert.ok(Math.min(...grown) < 3_000_000, `grown by ${grown.join(", ")} bytes`);
  });
});

test("original 16: reads and writes of files honour their offset and do not stop at NUL", async () => {
  await runRoot(async () => {
    const path = join(directory, "offsets");
    await using file = await open(path, "w+");
    await file.write(Buffer.from("0123456789"), 0);
    await file.write(Buffer.from("a\0b"), 4);
    const read = async (length: number, position: number): Promise<string> =>
      Buffer.from((await file.read(length, position)) ?? []).toString("latin1");
    assert.equal(await read(10, 0), "0123a\x00b789");
    assert.equal(await read(3, 4), "a\x00b");
    assert.equal(await read(100, 8), "89");
    await file.write(Buffer.from("\0\0end"), 12);
    assert.equal(Buffer.from(await readFile(path)).toString("latin1"), "0123a\x00b789\x00\x00\x00\x00end");
  });
});
