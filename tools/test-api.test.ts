import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { start, stop } from "./background.ts";

const program = fileURLToPath(new URL("../bin/test_api.sh", import.meta.url));

test("it refuses to test what does not listen, and says how to start it", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");

  const { status, stdout, stderr } = await testApi(`http://127.0.0.1:${port}`);
  assert.match(stderr, /Cannot test "http:\/\/127\.0\.0\.1:\d+": nothing listens \(ECONNREFUSED\); .*make start/);
  assert.equal(stdout, "");
  assert.equal(status, 2);
});

test("a server that answers anything else fails every step, and none of them ends the walk", async (t) => {
  const server = createServer((_request, reply) => {
    reply.writeHead(200, { "Access-Control-Allow-Origin": "*", "Content-Type": "application/json; charset=utf-8" });
    reply.end("{}");
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");

  const { status, stdout } = await testApi(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const lines = stdout.trimEnd().split("\n");
  const failed = lines.filter((line) => line.startsWith("FAIL "));
  assert.ok(failed.length > 25);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("ok ")),
    [],
  );
  assert.match(stdout, /FAIL DELETE \/articles\/:slug.*\n {5}.*found status 200, wanted/);
  assert.equal(lines.at(-1), `0 passed, ${failed.length} failed`);
  assert.equal(status, 1);
});

test("every step passes on Conduit, and passes again on the database that the first walk used", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "lunet-"));
  t.after(async () => {
    await stop({ root });
    rmSync(root, { recursive: true });
  });
  const { address } = await start({
    root,
    program: fileURLToPath(new URL("../apps/conduit/src/main.ts", import.meta.url)),
    environment: { ...process.env, PORT: "0", DATABASE_URL: `sqlite:${join(root, "conduit.db")}`, LOG_LEVEL: "warn" },
  });
  for (const walk of [1, 2]) {
    const { status, stdout } = await testApi(address);
    assert.doesNotMatch(stdout, /^FAIL/m, `walk ${walk}`);
    assert.match(stdout, /\n\d\d passed, 0 failed\n$/);
    assert.equal(status, 0);
  }
});

async function testApi(base: string): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(program, [base], { stdio: ["ignore", "pipe", "pipe"], timeout: 30_000 });
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await exit, stdout, stderr };
}
