import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { scope, spawn } from "../co/mod.ts";
import {
  coroutineTest,
  exchange,
  memoryPair,
  ReplyReader,
  requestInProcess,
  type ClientRequest,
} from "../testing/mod.ts";
import { Router } from "./router.ts";
import { serveConnection } from "./server.ts";
import { staticFile, staticFiles, type StaticFilesOptions } from "./static-files.ts";

const LARGE_BYTES = 3 * 1024 * 1024;

const base = mkdtempSync(join(tmpdir(), "lunet-"));
test.after(() => rmSync(base, { recursive: true }));
const root = join(base, "public");
const large = randomBytes(LARGE_BYTES);
const modifiedMs = Date.parse("2024-02-29T12:00:00.750Z");
const LAST_MODIFIED = "Thu, 29 Feb 2024 12:00:00 GMT";

function put(name: string, content: string | Uint8Array): string {
  const path = join(root, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  utimesSync(path, modifiedMs / 1000, modifiedMs / 1000);
  return path;
}

put("index.html", "<!doctype html>home");
put("app.js", "let a = 1;");
put("assets/app.4f3a.js", "let b = 2;");
put("docs/index.html", "docs");
put("docs/page.html", "page");
put("empty.txt", "");
put("large.bin", large);
put("grüße & co.txt", "hello");
put(".env", "SECRET");
put(".git/config", "SECRET");
put("docs/.hidden/a.txt", "SECRET");
put(".well-known/security.txt", "contact");
put(".well-known/.secret", "SECRET");
put("docs/.well-known/a.txt", "SECRET");
mkdirSync(join(root, "bare"));
writeFileSync(join(base, "outside.txt"), "SECRET");
mkdirSync(join(base, "public-too"));
writeFileSync(join(base, "public-too", "a.txt"), "SECRET");
symlinkSync("app.js", join(root, "link.js"));
symlinkSync("docs", join(root, "manual"));
symlinkSync("../outside.txt", join(root, "leak.txt"));
symlinkSync("../public-too", join(root, "leak"));
symlinkSync("loop", join(root, "loop"));
symlinkSync("nowhere", join(root, "dangling"));
execFileSync("mkfifo", [join(root, "fifo")]);

async function get(path: string, options: StaticFilesOptions = {}, request: ClientRequest = {}) {
  return requestInProcess(staticFiles(root, options), { path, ...request });
}

const html = { fields: { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };

coroutineTest("a file is sent with its type, its length and its validators", async () => {
  const reply = await get("/app.js");
  assert.equal(reply.status, 200);
  assert.equal(reply.text(), "let a = 1;");
  assert.equal(reply.field("content-length"), "10");
  assert.equal(reply.field("content-type"), "text/javascript; charset=utf-8");
  assert.equal(reply.field("last-modified"), LAST_MODIFIED);
  assert.match(reply.field("etag") ?? "", /^W\/"[0-9A-Za-z_-]{22}"$/);
  assert.equal(reply.field("x-content-type-options"), "nosniff");
  assert.equal(reply.field("cache-control"), "no-cache");
});

const types: ReadonlyArray<readonly [name: string, type: string]> = [
  ["a.html", "text/html; charset=utf-8"],
  ["a.CSS", "text/css; charset=utf-8"],
  ["a.min.js", "text/javascript; charset=utf-8"],
  ["a.json", "application/json; charset=utf-8"],
  ["a.svg", "image/svg+xml"],
  ["a.png", "image/png"],
  ["a.woff2", "font/woff2"],
  ["a.wasm", "application/wasm"],
  ["a.webmanifest", "application/manifest+json"],
  ["a.ico", "image/vnd.microsoft.icon"],
  ["a.unheard-of", "application/octet-stream"],
  ["a.constructor", "application/octet-stream"],
  ["a.__proto__", "application/octet-stream"],
  ["html", "application/octet-stream"],
  ["LICENSE", "application/octet-stream"],
];
for (const [name, type] of types) {
  coroutineTest(`the type of ${name} is ${type}`, async () => {
    put(`types/${name}`, "x");
    assert.equal((await get(`/types/${name}`)).field("content-type"), type);
  });
}

coroutineTest("HEAD is answered as GET is, without content", async () => {
  for (const path of ["/app.js", "/large.bin", "/empty.txt"]) {
    const got = await get(path);
    const head = await get(path, {}, { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.bytes().length, 0);
    const { fields } = head;
    for (const name of ["content-length", "content-type", "etag", "last-modified", "cache-control"]) {
      assert.deepEqual(fields.get(name), got.fields.get(name), `${name} of ${path}`);
    }
  }
});

coroutineTest("other methods are refused with Allow", async () => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]) {
    const reply = await get("/app.js", {}, { method });
    assert.equal(reply.status, 405);
    assert.equal(reply.field("allow"), "GET, HEAD");
  }
});

coroutineTest("a large file is streamed with its length, and arrives byte by byte", async () => {
  const reply = await get("/large.bin");
  assert.equal(reply.field("content-length"), String(LARGE_BYTES));
  assert.ok(Buffer.from(reply.bytes()).equals(large));
  const old = await exchange(staticFiles(root), "GET /large.bin HTTP/1.0\r\n\r\n");
  assert.ok(old.endsWith(large.toString("latin1")));
});

coroutineTest("an empty file has an empty content", async () => {
  const reply = await get("/empty.txt");
  assert.equal(reply.status, 200);
  assert.equal(reply.field("content-length"), "0");
});

coroutineTest("a client that does not read stops the reading of the file", async () => {
  await scope(async () => {
    const [client, server] = memoryPair();
    const serving = spawn(() => serveConnection(staticFiles(root), server));
    await client.write("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    const first = await client.read();
    assert.ok((first?.length ?? 0) > 0);
    assert.ok(
      client.bytesRead < LARGE_BYTES / 2,
      `found ${client.bytesRead} bytes sent to a client that does not read`,
    );
    client.destroy();
    await serving.join();
  });
});

coroutineTest("a client that goes away in the middle of a file leaves nothing open", async () => {
  await scope(async () => {
    const [client, server] = memoryPair();
    const serving = spawn(() => serveConnection(staticFiles(root), server));
    await client.write("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.read();
    client.destroy({ reset: true });
    await serving.join();
  });
});

coroutineTest("a file that shrinks while it is sent is cut off, not filled up", async () => {
  const path = put("shrinking.bin", large);
  await scope(async () => {
    const [client, server] = memoryPair();
    const failures: unknown[] = [];
    const serving = spawn(() =>
      serveConnection(staticFiles(root), server, { onFailure: (error) => failures.push(error) }),
    );
    await client.write("GET /shrinking.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.read();
    truncateSync(path, 1000);
    await assert.rejects(new ReplyReader(client).read());
    client.destroy();
    await serving.join();
    assert.match(String(failures[0]), /Cannot send ".*shrinking\.bin"/);
  });
});

coroutineTest("a client that has the file is answered 304", async () => {
  const first = await get("/app.js");
  const tag = first.field("etag") as string;
  const strong = tag.slice(2);
  const fresh: ClientRequest["fields"][] = [
    { "If-None-Match": tag },
    { "If-None-Match": strong },
    { "If-None-Match": `"else", ${tag}` },
    { "If-None-Match": `"a,b",W/"c" , ${strong}` },
    { "If-None-Match": "*" },
    { "If-None-Match": ['"else"', tag] },
    { "If-Modified-Since": LAST_MODIFIED },
    { "If-Modified-Since": "Fri, 01 Mar 2024 00:00:00 GMT" },
    { "If-Modified-Since": "Thursday, 29-Feb-24 12:00:00 GMT" },
    { "If-None-Match": tag, "If-Modified-Since": "Thu, 01 Jan 2015 00:00:00 GMT" },
  ];
  for (const fields of fresh) {
    for (const method of ["GET", "HEAD"]) {
      const reply = await get("/app.js", {}, { method, fields: fields ?? {} });
      assert.equal(reply.status, 304, JSON.stringify(fields));
      assert.equal(reply.field("etag"), tag);
      assert.equal(reply.field("last-modified"), LAST_MODIFIED);
      assert.equal(reply.field("cache-control"), "no-cache");
      assert.equal(reply.bytes().length, 0);
    }
  }
  const stale: ClientRequest["fields"][] = [
    { "If-None-Match": '"else"' },
    { "If-None-Match": strong.slice(1, -1) },
    { "If-None-Match": "" },
    { "If-None-Match": '"else"', "If-Modified-Since": LAST_MODIFIED },
    { "If-Modified-Since": "Thu, 29 Feb 2024 11:59:59 GMT" },
    { "If-Modified-Since": "yesterday" },
    { "If-Modified-Since": "2024-02-29T12:00:00Z" },
  ];
  for (const fields of stale) {
    const reply = await get("/app.js", {}, { fields: fields ?? {} });
    assert.equal(reply.status, 200, JSON.stringify(fields));
    assert.equal(reply.text(), "let a = 1;");
  }
});

coroutineTest("a file that is replaced by one of the same size and time has another tag", async () => {
  put("same.txt", "one");
  const first = await get("/same.txt");
  // The time of the change is kept by the system, in steps: another one is waited for by doing it again.
  let second = first;
  while (second.field("etag") === first.field("etag")) {
    put("same.txt", "two");
    second = await get("/same.txt");
  }
  assert.equal(second.field("last-modified"), first.field("last-modified"));
  assert.equal(second.text(), "two");
});

coroutineTest("a file from the future was modified now", async () => {
  const path = put("future.txt", "x");
  utimesSync(path, 4e9, 4e9);
  const reply = await get("/future.txt");
  assert.ok(Date.parse(reply.field("last-modified") ?? "") <= Date.parse(reply.field("date") ?? ""));
});

coroutineTest("a folder is its index.html, behind a slash", async () => {
  assert.equal((await get("/")).text(), "<!doctype html>home");
  assert.equal((await get("/docs/")).text(), "docs");
  assert.equal((await get("/docs//")).text(), "docs");
  assert.equal((await get("/docs/index.html")).text(), "docs");
  const moved = await get("/docs?a=b?c");
  assert.equal(moved.status, 302);
  assert.equal(moved.field("location"), "/docs/?a=b?c");
  assert.equal((await get("//docs/../docs")).field("location"), "/docs/");
  assert.equal((await get("/bare")).status, 404);
  assert.equal((await get("/bare/")).status, 404);
});

coroutineTest("a redirect never leads to another host", async () => {
  mkdirSync(join(root, "evil.example"), { recursive: true });
  put("evil.example/index.html", "x");
  for (const path of ["//evil.example", "///evil.example", "/.//evil.example", "/%2e//evil.example"]) {
    const reply = await get(path);
    assert.equal(reply.field("location"), "/evil.example/", path);
  }
  assert.equal((await get("/%5cevil.example")).status, 400);
});

coroutineTest("a file is no folder", async () => {
  assert.equal((await get("/app.js/")).status, 404);
  assert.equal((await get("/app.js/more")).status, 404);
});

coroutineTest("names are decoded once, and encoded in a redirect", async () => {
  assert.equal((await get("/gr%C3%BC%C3%9Fe%20%26%20co.txt")).text(), "hello");
  assert.equal((await get("/gr%25C3%25BC%25C3%259Fe%20%26%20co.txt")).status, 404);
  put("a b%/index.html", "x");
  assert.equal((await get("/a%20b%25")).field("location"), "/a%20b%25/");
});

const escapes: ReadonlyArray<readonly [path: string, status: number]> = [
  ["/../outside.txt", 400],
  ["/%2e%2e/outside.txt", 400],
  ["/%2E./outside.txt", 400],
  ["/docs/../../outside.txt", 400],
  ["/docs/%2e%2e/%2e%2e/outside.txt", 400],
  ["/..%2foutside.txt", 400],
  ["/%2e%2e%2foutside.txt", 400],
  ["/..%5coutside.txt", 400],
  ["/..\\outside.txt", 400],
  ["/docs%2fpage.html", 400],
  ["/app.js%00", 400],
  ["/app.js%00.html", 400],
  ["/%", 400],
  ["/%zz", 400],
  ["/%c0%ae%c0%ae/outside.txt", 400],
  ["/%ff", 400],
  ["/..%252foutside.txt", 404],
  ["/public-too/a.txt", 404],
  ["/../public-too/a.txt", 400],
  ["/leak.txt", 404],
  ["/leak/a.txt", 404],
  ["/leak/", 404],
  ["/loop", 404],
  ["/dangling", 404],
  ["/fifo", 404],
  ["/.env", 404],
  ["/%2eenv", 404],
  ["/.git/config", 404],
  ["/docs/.hidden/a.txt", 404],
  ["/.well-known/.secret", 404],
  ["/docs/.well-known/a.txt", 404],
  ["/...", 404],
  [`/${"a".repeat(300)}`, 404],
  [`/${"a/".repeat(3_000)}`, 404],
];
for (const [path, status] of escapes) {
  coroutineTest(`nothing outside is reached by ${path.slice(0, 40)}`, async () => {
    for (const options of [{}, { spaFallback: "index.html" }]) {
      const reply = await get(path, options);
      assert.equal(reply.status, status);
      assert.doesNotMatch(reply.text(), /SECRET/);
    }
  });
}

coroutineTest("inner dots are taken as they are meant", async () => {
  assert.equal((await get("/docs/../app.js")).text(), "let a = 1;");
  assert.equal((await get("/./docs/./page.html")).text(), "page");
  assert.equal((await get("/.well-known/security.txt")).text(), "contact");
});

coroutineTest("symbolic links are followed within the folder, and the folder may be one", async () => {
  assert.equal((await get("/link.js")).text(), "let a = 1;");
  assert.equal((await get("/manual/page.html")).text(), "page");
  symlinkSync("public", join(base, "current"));
  const handler = staticFiles(join(base, "current"));
  assert.equal((await requestInProcess(handler, { path: "/app.js" })).text(), "let a = 1;");
  assert.equal((await requestInProcess(handler, { path: "/leak.txt" })).status, 404);
});

coroutineTest("a prefix is taken off, and what has it not is not found", async () => {
  const options = { prefix: "/assets/v1" };
  assert.equal((await get("/assets/v1/app.js", options)).text(), "let a = 1;");
  assert.equal((await get("/assets/v1/", options)).status, 200);
  assert.equal((await get("/assets/v1", options)).field("location"), "/assets/v1/");
  assert.equal((await get("/assets/v1/docs", options)).field("location"), "/assets/v1/docs/");
  for (const path of ["/app.js", "/assets/v1app.js", "/assets/v2/app.js", "/"]) {
    assert.equal((await get(path, options)).status, 404);
  }
  assert.equal((await get("/assets/v1/../../app.js", options)).status, 400);
});

coroutineTest("files may be kept as long as the options say", async () => {
  const options = { immutable: /^assets\//g, maxAgeSeconds: 60 };
  const handler = staticFiles(root, options);
  for (let round = 0; round < 3; round++) {
    const kept = await requestInProcess(handler, { path: "/assets/app.4f3a.js" });
    assert.equal(kept.field("cache-control"), "public, max-age=31536000, immutable");
  }
  assert.equal((await get("/app.js", options)).field("cache-control"), "public, max-age=60");
});

const hashedNames: ReadonlyArray<readonly [name: string, isHashed: boolean]> = [
  ["app-BqX3_9zK.js", true],
  ["app.4f3a91c07be2.css", true],
  ["app.4f3a91c0.js.map", true],
  ["a-1234567b.woff2", true],
  ["app-12345b.js", false],
  ["app-12345678.js", false],
  ["app-component.js", false],
  ["app-MyComponent.js", false],
  ["4f3a91c07be2.js", false],
  ["4f3a91c0-app.js", false],
  ["app-4f3a91c0", false],
];
for (const [name, isHashed] of hashedNames) {
  coroutineTest(`${name} is ${isHashed ? "kept for good" : "asked for again"} by its name`, async () => {
    put(`hashed-1234567a.d/${name}`, "x");
    const reply = await get(`/hashed-1234567a.d/${name}`, { immutable: "hashed-names" });
    assert.equal(reply.field("cache-control"), isHashed ? "public, max-age=31536000, immutable" : "no-cache");
  });
}

coroutineTest("a page that is no file is answered with the fallback", async () => {
  const options = { spaFallback: "index.html", maxAgeSeconds: 60 };
  for (const path of ["/article/some-slug", "/bare", "/bare/", "/login?next=%2F", "/docs/"]) {
    const reply = await get(path, options, html);
    assert.equal(reply.status, 200, path);
    if (path === "/docs/") continue;
    assert.equal(reply.text(), "<!doctype html>home");
    assert.equal(reply.field("content-type"), "text/html; charset=utf-8");
    assert.equal(reply.field("cache-control"), "no-cache");
    assert.equal(reply.field("vary"), "Accept");
    assert.equal(reply.field("x-content-type-options"), "nosniff");
  }
  const head = await get("/editor", options, { method: "HEAD", ...html });
  assert.equal(head.status, 200);
  const again = await get("/editor", options, {
    fields: { Accept: "text/html", "If-None-Match": head.field("etag") as string },
  });
  assert.equal(again.status, 304);
});

coroutineTest("the fallback answers pages alone", async () => {
  const options = { spaFallback: "index.html" };
  assert.equal((await get("/missing.js", options, html)).status, 404);
  assert.equal((await get("/missing.css.map", options, html)).status, 404);
  assert.equal((await get("/article", options)).status, 404);
  for (const accept of ["*/*", "application/json", "image/*", "text/htmlx", "text/html;q=0", "text/html; q=0.0, a/b"]) {
    assert.equal((await get("/article", options, { fields: { Accept: accept } })).status, 404, accept);
  }
  for (const accept of ["text/html", "TEXT/HTML;q=0.5", "a/b, text/html;level=1"]) {
    assert.equal((await get("/article", options, { fields: { Accept: accept } })).status, 200, accept);
  }
  assert.equal((await get("/article", options, { method: "POST", ...html })).status, 405);
  assert.equal((await get("/article", {}, html)).status, 404);
  assert.equal((await get("/article", { spaFallback: "missing.html" }, html)).status, 404);
  assert.equal((await get("/article", { spaFallback: "../outside.txt" }, html)).status, 404);
});

coroutineTest("one file answers every path, with its validators", async () => {
  const handler = staticFile(join(root, "index.html"));
  for (const path of ["/", "/article/some-slug", "/profile/a.b", "/%", "/../x", "/app.js"]) {
    const reply = await requestInProcess(handler, { path });
    assert.equal(reply.status, 200, path);
    assert.equal(reply.text(), "<!doctype html>home");
    assert.equal(reply.field("content-type"), "text/html; charset=utf-8");
    assert.equal(reply.field("cache-control"), "no-cache");
    assert.equal(reply.field("accept-ranges"), "bytes");
    const again = await requestInProcess(handler, {
      path,
      fields: { "If-None-Match": reply.field("etag") as string },
    });
    assert.equal(again.status, 304);
  }
  const head = await requestInProcess(handler, { method: "HEAD", path: "/x" });
  assert.deepEqual([head.status, head.field("content-length"), head.bytes().length], [200, "19", 0]);
  assert.equal((await requestInProcess(handler, { method: "POST" })).status, 405);
});

coroutineTest("one file is sent in a coding that lies beside it, and is read anew when it is replaced", async () => {
  put("entry.html", "one");
  put("entry.html.gz", gzipSync("one"));
  const handler = staticFile(join(root, "entry.html"), { precompressed: ["br", "gzip"], maxAgeSeconds: 60 });
  const zipped = await requestInProcess(handler, { path: "/x", fields: { "Accept-Encoding": "br, gzip" } });
  assert.equal(zipped.field("content-encoding"), "gzip");
  assert.equal(zipped.field("vary"), "Accept-Encoding");
  assert.equal(zipped.field("cache-control"), "public, max-age=60");
  assert.equal(gunzipSync(zipped.bytes()).toString(), "one");
  put("entry.html", "replaced");
  assert.equal((await requestInProcess(handler, { path: "/x" })).text(), "replaced");
});

coroutineTest("the page of an error goes out whole, whatever the client has of it", async () => {
  const handler = staticFile(join(root, "index.html"), { status: 404 });
  const tag = (await get("/index.html")).field("etag") as string;
  const asked: ClientRequest[] = [
    {},
    { fields: { "If-None-Match": tag } },
    { fields: { "If-None-Match": "*" } },
    { fields: { "If-Modified-Since": LAST_MODIFIED } },
    { fields: { "If-Match": '"else"' } },
    { fields: { Range: "bytes=0-3" } },
  ];
  for (const request of asked) {
    const reply = await requestInProcess(handler, { path: "/nowhere", ...request });
    assert.equal(reply.status, 404, JSON.stringify(request));
    assert.equal(reply.text(), "<!doctype html>home");
    assert.equal(reply.field("content-type"), "text/html; charset=utf-8");
    assert.equal(reply.field("x-content-type-options"), "nosniff");
    assert.equal(reply.field("cache-control"), "no-cache");
    for (const name of ["etag", "last-modified", "accept-ranges", "content-range"]) {
      assert.equal(reply.field(name), undefined, name);
    }
  }
  const head = await requestInProcess(handler, { method: "HEAD", path: "/nowhere" });
  assert.deepEqual([head.status, head.field("content-length"), head.bytes().length], [404, "19", 0]);
  const whole = await requestInProcess(staticFile(join(root, "large.bin"), { status: 503 }));
  assert.equal(whole.status, 503);
  assert.ok(Buffer.from(whole.bytes()).equals(large));
});

coroutineTest("one file that is not there, or leads out of its folder, is not found", async () => {
  for (const name of ["missing.html", "docs", "leak.txt"]) {
    for (const status of [200, 404]) {
      const reply = await requestInProcess(staticFile(join(root, name), { status }));
      assert.equal(reply.status, 404, name);
      assert.equal(reply.field("content-type"), "text/plain; charset=utf-8");
    }
  }
});

coroutineTest("it is a route of a router", async () => {
  const router = new Router().get("/*path", staticFiles(root));
  assert.equal((await requestInProcess(router, { path: "/docs/page.html" })).text(), "page");
  assert.equal((await requestInProcess(router, { path: "/app.js", method: "HEAD" })).field("content-length"), "10");
  assert.equal((await requestInProcess(router, { path: "/app.js", method: "PUT" })).status, 405);
});

coroutineTest("a file that the server may not read is not there", async () => {
  // The superuser may read everything.
  const status = process.getuid?.() === 0 ? 200 : 404;
  for (const [name, content] of [
    ["private.txt", "x"],
    ["private.bin", large],
  ] as const) {
    chmodSync(put(name, content), 0);
    assert.equal((await get(`/${name}`)).status, status);
  }
});

coroutineTest("a root that is missing is a failure, which is reported", async () => {
  const failures: unknown[] = [];
  const reply = await requestInProcess(
    staticFiles(join(base, "missing")),
    { path: "/a" },
    { onFailure: (error) => failures.push(error) },
  );
  assert.equal(reply.status, 500);
  assert.equal((failures[0] as { code?: string }).code, "ERR_FILE_NOT_FOUND");
});

void test("options that make no sense are refused", () => {
  assert.throws(() => staticFiles(root, { prefix: "assets" }), TypeError);
  assert.throws(() => staticFiles(root, { prefix: "/assets/" }), TypeError);
  assert.throws(() => staticFiles(root, { maxAgeSeconds: -1 }), RangeError);
  assert.throws(() => staticFiles(root, { maxAgeSeconds: 1.5 }), RangeError);
  assert.throws(() => staticFiles(root, { precompressed: ["deflate" as "gzip"] }), RangeError);
  assert.throws(() => staticFile(join(root, "app.js"), { maxAgeSeconds: -1 }), RangeError);
  for (const status of [199, 204, 205, 206, 304, 404.5, 600]) {
    assert.throws(() => staticFile(join(root, "app.js"), { status }), RangeError);
  }
});

void test("the corpus is what the tests think it is", () => {
  assert.equal(statSync(join(root, "app.js")).mtimeMs, modifiedMs);
});
