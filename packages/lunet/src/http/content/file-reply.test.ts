import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync, writeSync, openSync, closeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { scope, spawn } from "../../co/mod.ts";
import {
  coroutineTest,
  memoryPair,
  requestInProcess,
  withTestClock,
  type ClientReply,
  type ClientRequest,
} from "../../testing/mod.ts";
import { serveConnection } from "../server.ts";
import { staticFiles, type StaticFilesOptions } from "../static-files.ts";

const root = mkdtempSync(join(tmpdir(), "lunet-"));
test.after(() => rmSync(root, { recursive: true }));

/** More than is read at once, and less than the writer gives the others a turn after, which would take time. */
const LARGE_BYTES = 300 * 1024 + 7;
const modifiedMs = Date.parse("2024-02-29T12:00:00.750Z");
const LAST_MODIFIED = "Thu, 29 Feb 2024 12:00:00 GMT";

function put(name: string, content: string | Uint8Array, timeMs = modifiedMs): string {
  const path = join(root, name);
  writeFileSync(path, content);
  utimesSync(path, timeMs / 1000, timeMs / 1000);
  return path;
}

const small = randomBytes(1_000);
const large = randomBytes(LARGE_BYTES);
put("small.bin", small);
put("large.bin", large);
put("empty.txt", "");
const script = "let a = 1;\n".repeat(100);
put("app.js", script);
put("app.js.br", brotliCompressSync(script));
put("app.js.gz", gzipSync(script), modifiedMs + 1_000);
put("old.js", script);
put("old.js.gz", gzipSync("let a = 0;"), modifiedMs - 1_000);
put("plain.js", script);

const files = [
  ["/small.bin", small],
  ["/large.bin", large],
] as const;

/** A test at a time when every file was changed long ago, so that tags are strong. */
function settledTest(name: string, body: () => Promise<void>): void {
  coroutineTest(name, () =>
    withTestClock(async (clock) => {
      await clock.advance(Date.now() + 60_000 - clock.nowMs);
      await body();
    }),
  );
}

function get(path: string, fields: ClientRequest["fields"] = {}, options: StaticFilesOptions = {}, method = "GET") {
  return requestInProcess(staticFiles(root, options), { path, fields: fields ?? {}, method });
}

interface Part {
  readonly fields: string;
  readonly content: Buffer;
}

/** Takes multipart/byteranges apart, by the length that each part's Content-Range says. */
function partsOf(reply: ClientReply): Part[] {
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(reply.field("content-type") ?? "")?.[1];
  const content = Buffer.from(reply.bytes());
  const parts: Part[] = [];
  let at = 0;
  for (;;) {
    const delimiter = `\r\n--${boundary}`;
    assert.equal(content.toString("latin1", at, at + delimiter.length), delimiter);
    at += delimiter.length;
    if (content.toString("latin1", at) === "--\r\n") return parts;
    const end = content.indexOf("\r\n\r\n", at) + 4;
    const fields = content.toString("latin1", at + 2, end - 4);
    const [, first, last] = /Content-Range: bytes (\d+)-(\d+)\//.exec(fields) ?? assert.fail(fields);
    at = end + Number(last) - Number(first) + 1;
    parts.push({ fields, content: content.subarray(end, at) });
  }
}

settledTest("a file that was left alone has a strong tag, the same each time", async () => {
  for (const [path] of files) {
    const first = await get(path);
    assert.match(first.field("etag") ?? "", /^"[0-9A-Za-z_-]{22}"$/);
    assert.equal((await get(path)).field("etag"), first.field("etag"));
    assert.equal(first.field("accept-ranges"), "bytes");
  }
  assert.notEqual((await get("/app.js")).field("etag"), (await get("/plain.js")).field("etag"));
});

coroutineTest(
  "a file that has just changed has a weak tag, and no range of it is joined with an older one",
  async () => {
    put("fresh.bin", small);
    const tag = (await get("/fresh.bin")).field("etag") as string;
    assert.match(tag, /^W\//);
    assert.equal((await get("/fresh.bin", { Range: "bytes=0-1" })).status, 206);
    for (const validator of [tag, tag.slice(2), LAST_MODIFIED]) {
      assert.equal((await get("/fresh.bin", { Range: "bytes=0-1", "If-Range": validator })).status, 200, validator);
    }
  },
);

for (const [path, content] of files) {
  const size = content.length;
  const ranges: ReadonlyArray<readonly [field: string, first: number, last: number]> = [
    ["bytes=0-0", 0, 0],
    ["bytes=10-19", 10, 19],
    ["bytes=900-", 900, size - 1],
    ["bytes=-7", size - 7, size - 1],
    [`bytes=0-${size}`, 0, size - 1],
    ["bytes=0-9,5-20", 0, 20],
  ];
  for (const [field, first, last] of ranges) {
    settledTest(`${path}: "${field}" is answered with those bytes`, async () => {
      const reply = await get(path, { Range: field });
      assert.equal(reply.status, 206);
      assert.equal(reply.field("content-range"), `bytes ${first}-${last}/${size}`);
      assert.equal(reply.field("content-length"), String(last - first + 1));
      assert.equal(reply.field("content-type"), "application/octet-stream");
      assert.ok(Buffer.from(reply.bytes()).equals(content.subarray(first, last + 1)));
      const whole = await get(path);
      for (const name of ["etag", "last-modified", "cache-control", "accept-ranges"]) {
        assert.equal(reply.field(name), whole.field(name), name);
      }
    });
  }

  settledTest(`${path}: several ranges are parts of one reply, in their order`, async () => {
    const reply = await get(path, { Range: "bytes=-5, 0-9, 400-499" });
    assert.equal(reply.status, 206);
    assert.equal(reply.field("content-range"), undefined);
    assert.equal(reply.field("content-length"), String(reply.bytes().length));
    const parts = partsOf(reply);
    assert.deepEqual(
      parts.map((part) => part.fields),
      [`${size - 5}-${size - 1}`, "0-9", "400-499"].map(
        (range) => `Content-Type: application/octet-stream\r\nContent-Range: bytes ${range}/${size}`,
      ),
    );
    assert.ok(parts[0]?.content.equals(content.subarray(-5)));
    assert.ok(parts[1]?.content.equals(content.subarray(0, 10)));
    assert.ok(parts[2]?.content.equals(content.subarray(400, 500)));
  });

  settledTest(`${path}: a range beyond the end is answered 416 with the size`, async () => {
    for (const field of [`bytes=${size}-`, "bytes=-0", `bytes=${size}-${size + 5},${size + 9}-`]) {
      const reply = await get(path, { Range: field });
      assert.equal(reply.status, 416);
      assert.equal(reply.field("content-range"), `bytes */${size}`);
      assert.equal(reply.bytes().length, 0);
      assert.equal(reply.field("cache-control"), undefined);
    }
  });

  settledTest(`${path}: a range that makes no sense, and one of HEAD, is ignored`, async () => {
    for (const field of ["bytes=5-4", "bytes=x", "lines=1-2", `bytes=${"0-0,".repeat(40)}0-0`]) {
      const reply = await get(path, { Range: field });
      assert.equal(reply.status, 200, field);
      assert.ok(Buffer.from(reply.bytes()).equals(content));
    }
    assert.equal((await get(path, { Range: ["bytes=0-1", "bytes=5-6"] })).status, 200);
    const head = await get(path, { Range: "bytes=0-1" }, {}, "HEAD");
    assert.equal(head.status, 200);
    assert.equal(head.field("content-length"), String(size));
  });

  settledTest(`${path}: If-Range decides by the strong tag or the very date`, async () => {
    const tag = (await get(path)).field("etag") as string;
    for (const validator of [tag, LAST_MODIFIED, "Thursday, 29-Feb-24 12:00:00 GMT"]) {
      const reply = await get(path, { Range: "bytes=0-9", "If-Range": validator });
      assert.equal(reply.status, 206, validator);
    }
    const others = ['"other"', `W/${tag}`, `${tag}, "b"`, "*", "", "yesterday", tag.slice(1, -1)];
    for (const validator of [...others, "Thu, 29 Feb 2024 12:00:01 GMT", "Thu, 29 Feb 2024 11:59:59 GMT"]) {
      const reply = await get(path, { Range: "bytes=0-9", "If-Range": validator });
      assert.equal(reply.status, 200, validator);
      assert.equal(reply.bytes().length, size);
    }
    // Without a Range it says nothing.
    assert.equal((await get(path, { "If-Range": tag })).status, 200);
  });
}

settledTest("nothing of an empty file is a range", async () => {
  const reply = await get("/empty.txt", { Range: "bytes=0-" });
  assert.equal(reply.status, 416);
  assert.equal(reply.field("content-range"), "bytes */0");
});

settledTest("preconditions are evaluated in their order", async () => {
  const tag = (await get("/small.bin")).field("etag") as string;
  const later = "Fri, 01 Mar 2024 00:00:00 GMT";
  const before = "Thu, 29 Feb 2024 11:59:59 GMT";
  const cases: ReadonlyArray<readonly [fields: Record<string, string>, status: number]> = [
    [{ "If-Match": tag }, 200],
    [{ "If-Match": "*" }, 200],
    [{ "If-Match": `"a", ${tag}` }, 200],
    [{ "If-Match": '"a"' }, 412],
    [{ "If-Match": `W/${tag}` }, 412],
    [{ "If-Match": "" }, 412],
    [{ "If-Match": tag, "If-Unmodified-Since": before }, 200],
    [{ "If-Unmodified-Since": LAST_MODIFIED }, 200],
    [{ "If-Unmodified-Since": later }, 200],
    [{ "If-Unmodified-Since": before }, 412],
    [{ "If-Unmodified-Since": "yesterday" }, 200],
    [{ "If-Match": '"a"', "If-None-Match": tag }, 412],
    [{ "If-Match": tag, "If-None-Match": tag }, 304],
    [{ "If-None-Match": `W/${tag}` }, 304],
    [{ "If-None-Match": tag, Range: "bytes=0-1" }, 304],
    [{ "If-None-Match": '"a"', Range: "bytes=0-1" }, 206],
    [{ "If-Match": '"a"', Range: "bytes=0-1" }, 412],
    [{ "If-Modified-Since": later, Range: "bytes=5000-" }, 304],
    [{ "If-None-Match": '"a"', Range: "bytes=5000-" }, 416],
  ];
  for (const [fields, status] of cases) {
    for (const method of ["GET", "HEAD"]) {
      const reply = await get("/small.bin", fields, {}, method);
      const wanted = method === "HEAD" && (status === 206 || status === 416) ? 200 : status;
      assert.equal(reply.status, wanted, `${method} ${JSON.stringify(fields)}`);
    }
  }
});

const precompressed: StaticFilesOptions = { precompressed: ["gzip", "br"] };

settledTest("a file beside the original is sent in the coding that the client likes best", async () => {
  const cases: ReadonlyArray<readonly [accept: string | undefined, coding: string | undefined]> = [
    [undefined, undefined],
    ["identity", undefined],
    ["gzip, deflate, br, zstd", "br"],
    ["gzip", "gzip"],
    ["gzip, br;q=0.5", "gzip"],
    ["br;q=0", undefined],
    ["zstd", undefined],
    ["*", "br"],
  ];
  const tags = new Set<string | undefined>();
  for (const [accept, coding] of cases) {
    const reply = await get("/app.js", accept === undefined ? {} : { "Accept-Encoding": accept }, precompressed);
    assert.equal(reply.status, 200);
    assert.equal(reply.field("content-encoding"), coding, String(accept));
    assert.equal(reply.field("content-type"), "text/javascript; charset=utf-8");
    assert.equal(reply.field("vary"), "Accept-Encoding");
    const wanted =
      coding === "br" ? brotliCompressSync(script) : coding === "gzip" ? gzipSync(script) : Buffer.from(script);
    assert.ok(Buffer.from(reply.bytes()).equals(wanted), String(accept));
    tags.add(reply.field("etag"));
  }
  assert.equal(tags.size, 3);
});

settledTest("a file in a coding that is older than its original, or missing, is not sent", async () => {
  for (const path of ["/old.js", "/plain.js"]) {
    const reply = await get(path, { "Accept-Encoding": "gzip, br" }, precompressed);
    assert.equal(reply.field("content-encoding"), undefined);
    assert.equal(reply.field("vary"), "Accept-Encoding");
    assert.equal(reply.text(), script);
  }
});

settledTest("without the option nothing is looked for beside the original", async () => {
  const reply = await get("/app.js", { "Accept-Encoding": "gzip, br" });
  assert.equal(reply.field("content-encoding"), undefined);
  assert.equal(reply.field("vary"), undefined);
});

settledTest("conditions and ranges are about the representation that is sent", async () => {
  const accept = { "Accept-Encoding": "br" };
  const coded = brotliCompressSync(script);
  const first = await get("/app.js", accept, precompressed);
  const tag = first.field("etag") as string;
  const again = await get("/app.js", { ...accept, "If-None-Match": tag }, precompressed);
  assert.equal(again.status, 304);
  assert.equal(again.field("vary"), "Accept-Encoding");
  // Whoever has it in another coding has it not in this one.
  assert.equal((await get("/app.js", { "If-None-Match": tag }, precompressed)).status, 200);
  const part = await get("/app.js", { ...accept, Range: "bytes=2-5", "If-Range": tag }, precompressed);
  assert.equal(part.status, 206);
  assert.equal(part.field("content-encoding"), "br");
  assert.equal(part.field("content-range"), `bytes 2-5/${coded.length}`);
  assert.ok(Buffer.from(part.bytes()).equals(coded.subarray(2, 6)));
  assert.equal((await get("/app.js", { Range: "bytes=2-5", "If-Range": tag }, precompressed)).status, 200);
});

settledTest("the fallback says what it varies by", async () => {
  const reply = await get(
    "/article",
    { Accept: "text/html", "Accept-Encoding": "br" },
    { ...precompressed, spaFallback: "app.js" },
  );
  assert.equal(reply.field("vary"), "Accept, Accept-Encoding");
  assert.equal(reply.field("content-encoding"), "br");
});

const CHANGING_BYTES = 3 * 1024 * 1024;

/** A range of a large file that a client begins to read, and what is done to the file meanwhile. */
async function readWhile(change: (path: string) => void): Promise<unknown[]> {
  const path = put("changing.bin", Buffer.alloc(CHANGING_BYTES));
  const failures: unknown[] = [];
  await scope(async () => {
    const [client, server] = memoryPair();
    const serving = spawn(() =>
      serveConnection(staticFiles(root), server, { onFailure: (error) => failures.push(error) }),
    );
    await client.write("GET /changing.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=1-\r\n\r\n");
    assert.match(Buffer.from((await client.read()) ?? []).toString("latin1"), /^HTTP\/1\.1 206 /);
    // The file is open by the time that something of it has come.
    await client.read();
    change(path);
    let bytes: Uint8Array | null;
    do bytes = await client.read();
    while (bytes !== null);
    assert.ok(client.bytesRead < CHANGING_BYTES);
    client.destroy();
    await serving.join();
  });
  return failures;
}

coroutineTest("a range of a file that is cut meanwhile is cut off", async () => {
  const failures = await readWhile((path) => truncateSync(path, 1_000));
  assert.match(String(failures[0]), /Cannot send ".*changing\.bin": found its end at \d+ bytes/);
});

coroutineTest("a file that is written to while it is sent never arrives whole", async () => {
  const failures = await readWhile((path) => {
    const descriptor = openSync(path, "r+");
    writeSync(descriptor, "x", CHANGING_BYTES - 1);
    closeSync(descriptor);
  });
  assert.match(String(failures[0]), /Cannot send ".*changing\.bin": found it changed meanwhile/);
});

coroutineTest("one byte of a large file costs one small read", async () => {
  const before = process.memoryUsage().arrayBuffers;
  truncateSync(put("huge.bin", ""), 8 * 1024 ** 3);
  const reply = await get("/huge.bin", { Range: "bytes=8589934591-" });
  assert.equal(reply.status, 206);
  assert.deepEqual([...reply.bytes()], [0]);
  assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
});
