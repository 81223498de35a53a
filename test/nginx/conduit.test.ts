/** Conduit behind nginx, as deploy/nginx/lunet.conf configures it: its UI, whose files are compressed already, and its live events. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { scope, spawn, until } from "lunet";
import { migrate, open, type Database } from "lunet/db";
import { serve } from "lunet/http";
import { coroutineTest } from "lunet/testing";
import { createApp } from "../../apps/conduit/src/app.ts";
import { Log } from "../../apps/conduit/src/log.ts";
import { Passwords } from "../../apps/conduit/src/password.ts";
import { Tokens } from "../../apps/conduit/src/token.ts";
import { webUi } from "../../apps/conduit/src/web-ui.ts";
import { NginxRun, SERVER_NAME } from "../../tools/nginx/nginx-run.ts";
import { get, getHttp2, RawClient, waitFor } from "./behind-nginx.ts";

const root = join(import.meta.dirname, "..", "..");
const MIGRATIONS = fileURLToPath(new URL("../../apps/conduit/migrations/sqlite/", import.meta.url));
const DOCUMENT = "<!doctype html><title>Conduit</title>";
const SCRIPT = "let a = 1;\n".repeat(1_000);
const NAVIGATES = { Accept: "text/html,*/*;q=0.8", "Accept-Encoding": "gzip, deflate, br" };
const ROWS = [
  "INSERT INTO users VALUES (1, 'a', 'a', 'a@x', 'a@x', '', NULL, NULL, 1, 0, 5)",
  "INSERT INTO articles VALUES (1, 'a', 1, 't', 'd', '[]', 7, 7, 0, 'b')",
];

let nginx: NginxRun;
const folder = mkdtempSync(join(tmpdir(), "conduit-behind-nginx-"));
before(async () => {
  nginx = await NginxRun.start({ root, logs: process.env["LUNET_TEST_LOGS"] ?? join(root, ".tmp", "nginx-logs") });
  mkdirSync(join(folder, "assets"));
  for (const [name, content] of [
    ["index.html", DOCUMENT],
    ["assets/index-a1b2c3d4.js", SCRIPT],
  ] as const) {
    writeFileSync(join(folder, name), content);
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content));
    writeFileSync(join(folder, `${name}.gz`), gzipSync(content));
  }
});
after(async () => {
  rmSync(folder, { recursive: true });
  await nginx.close();
});

/** Runs `body` while Conduit serves on a socket that nginx knows. `streamsEnded` has the event streams that were logged. */
async function withConduit(body: (database: Database, log: readonly string[]) => Promise<void>): Promise<void> {
  await scope(async () => {
    await using database = await open("sqlite::memory:");
    await migrate(database, MIGRATIONS);
    for (const sql of ROWS) await database.exec(sql);
    const lines: string[] = [];
    const app = createApp({
      database,
      tokens: new Tokens(Buffer.from("a signing key for tests alone, 46 bytes of it."), 3_600),
      passwords: new Passwords({ concurrency: 1, maxWaiting: 1, waitMs: 1_000 }),
      log: new Log("info", { write: (line) => void lines.push(line), flushSync: () => {} }),
      keptAnswersBytes: 0,
      trustedProxies: ["unix"],
      isDraining: () => false,
      pages: webUi({ folder, images: "https" }),
    });
    await using _watching = spawn(app.watch);
    await using _server = await serve(app.handler, { ...app.serverOptions, path: nginx.socketA });
    nginx.open(nginx.socketA);
    await body(database, lines);
  });
}

coroutineTest(
  "the UI's pages and files come as Conduit sends them: compressed once, to be kept or asked for",
  async () => {
    await withConduit(async () => {
      const page = await until(get(nginx, { path: "/article/a", fields: NAVIGATES }));
      assert.equal(page.status, 200);
      assert.equal(page.fields["content-encoding"], "br");
      assert.equal(page.fields["cache-control"], "no-cache");
      assert.match(String(page.fields["content-security-policy"]), /^default-src 'none'; script-src 'self';/);
      assert.equal(page.fields["x-content-type-options"], "nosniff");
      const fields = { ...NAVIGATES, "If-None-Match": String(page.fields["etag"]) };
      assert.equal((await until(get(nginx, { path: "/article/a", fields }))).status, 304);
      assert.equal((await until(get(nginx, { path: "/nowhere", fields: NAVIGATES }))).status, 404);

      for (const [accepted, coding, length] of [
        ["gzip, deflate, br", "br", brotliCompressSync(SCRIPT).length],
        ["gzip", "gzip", gzipSync(SCRIPT).length],
        ["identity", undefined, SCRIPT.length],
      ] as const) {
        const path = "/assets/index-a1b2c3d4.js";
        const plain = await until(get(nginx, { path, fields: { "Accept-Encoding": accepted } }));
        const multiplexed = await until(getHttp2(nginx, path, { "accept-encoding": accepted }));
        for (const script of [plain, multiplexed]) {
          assert.equal(script.status, 200);
          assert.equal(script.fields["content-encoding"], coding);
          assert.equal(script.fields["content-length"], String(length));
          assert.equal(script.fields["cache-control"], "public, max-age=31536000, immutable");
        }
      }
    });
  },
);

coroutineTest("live events come through one by one, and a client that leaves is noticed", async () => {
  await withConduit(async (database, log) => {
    const client = await until(RawClient.open(nginx));
    client.send(`GET /api/events?slug=a HTTP/1.1\r\nHost: ${SERVER_NAME}\r\nAccept-Encoding: gzip, br\r\n\r\n`);
    await until(client.waitText('"favoritesCount":0'));
    assert.match(client.received, /^content-type: text\/event-stream\r$/im);
    assert.doesNotMatch(client.received, /content-encoding/i);
    await database.exec("UPDATE articles SET favorites_count = 1");
    await until(client.waitText('"favoritesCount":1'));
    client.close();
    const isLogged = (): boolean => log.some((line) => line.includes('"/api/events"') && line.includes('"status":200'));
    assert.ok(await until(waitFor(isLogged)), "found the stream still open");
  });
});
