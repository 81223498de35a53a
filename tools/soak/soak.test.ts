/** The soak for a few seconds, and against a server that answers wrongly. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { runSoakLoad } from "./load.ts";

function soak(environment: Readonly<Record<string, string>>): { status: number | null; stdout: string } {
  return spawnSync(process.execPath, [join(import.meta.dirname, "main.ts")], {
    encoding: "utf8",
    timeout: 60_000,
    env: { ...process.env, ...environment },
  });
}

test("every kind of client is served for a while, and then nothing is left", { timeout: 90_000 }, () => {
  const { status, stdout } = soak({ SOAK_SECONDS: "4", SOAK_SEED: "7" });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /faults: 0\n/);
  for (const step of ["kept", "pipelined", "events", "WebSocket", "slow reader", "away in the middle of content"]) {
    assert.match(stdout, new RegExp(`[:,] ${step}: [1-9]`));
  }
  assert.match(stdout, /request: ([1-9]\d*) made, \1 ended\n/);
  assert.match(stdout, /checks: \d+ passed, 0 failed\nsoak: passed\n$/);
});

test("wrong answers are faults", { timeout: 60_000 }, async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
    socket.on("data", () => socket.end("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const signal = AbortSignal.timeout(1_000);
  const result = await runSoakLoad({ url: `http://127.0.0.1:${port}`, seconds: 60, clients: 8, seed: 7, signal });
  assert.match(result.faultTexts.join("\n"), /kept: found 500 , wanted 200/);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test("a setting that it cannot use is refused with status 2", () => {
  const { status, stdout } = soak({ SOAK_SECONDS: "an hour" });
  assert.equal(status, 2);
  assert.equal(stdout, 'soak: Cannot use SOAK_SECONDS: found "an hour", wanted a whole number from 1 to 86400\n');
});
