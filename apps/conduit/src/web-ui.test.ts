import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { brotliDecompressSync, brotliCompressSync, gzipSync } from "node:zlib";
import { coroutineTest, requestInProcess, type ClientReply, type ClientRequest } from "lunet/testing";
import { errorReply } from "./errors.ts";
import { isBuilt, webUi, type ImageSources } from "./web-ui.ts";

const base = mkdtempSync(join(tmpdir(), "conduit-web-ui-"));
after(() => rmSync(base, { recursive: true }));
const folder = join(base, "dist");

const DOCUMENT = "<!doctype html><title>Conduit</title>";
const SCRIPT = "let a = 1;\n".repeat(100);

function build(into: string): void {
  mkdirSync(join(into, "assets"), { recursive: true });
  writeFileSync(join(into, "index.html"), DOCUMENT);
  writeFileSync(join(into, "index.html.br"), brotliCompressSync(DOCUMENT));
  writeFileSync(join(into, "default-avatar.svg"), "<svg/>");
  // A hash in which a word could be seen: the folder alone tells that it is one.
  writeFileSync(join(into, "assets", "index-aB-cDeFg.js"), SCRIPT);
  writeFileSync(join(into, "assets", "index-aB-cDeFg.js.br"), brotliCompressSync(SCRIPT));
  writeFileSync(join(into, "assets", "index-aB-cDeFg.js.gz"), gzipSync(SCRIPT));
}
build(folder);

const NAVIGATES = { Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

interface Asked extends ClientRequest {
  readonly folder?: string;
  readonly images?: ImageSources;
}

function ask(path: string, { folder: from = folder, images = "https", ...request }: Asked = {}): Promise<ClientReply> {
  return requestInProcess(webUi({ folder: from, images }), { path, ...request }, { errorReply });
}

const PAGES = [
  "/",
  "/?page=2",
  "/?feed=following",
  "/tag/a%20b",
  "/tag/a.b?page=2",
  "/login",
  "/register",
  "/editor",
  "/editor/a-slug",
  "/settings",
  "/profile/jane.doe",
  "/profile/%E2%9C%93/favorites",
  "/profile/100%",
  "/article/a-slug",
];

coroutineTest("every route of the UI is its document, whoever asks", async () => {
  for (const path of PAGES) {
    for (const fields of [{}, NAVIGATES]) {
      const reply = await ask(path, { fields });
      assert.equal(reply.status, 200, path);
      assert.equal(reply.text(), DOCUMENT);
      assert.equal(reply.field("content-type"), "text/html; charset=utf-8");
      assert.equal(reply.field("cache-control"), "no-cache");
      const again = { ...fields, "If-None-Match": reply.field("etag") as string };
      assert.equal((await ask(path, { fields: again })).status, 304);
    }
  }
  const head = await ask("/login", { method: "HEAD" });
  assert.deepEqual([head.status, head.bytes().length], [200, 0]);
  assert.equal(head.field("content-length"), String(DOCUMENT.length));
});

coroutineTest("the document of / alone asks for the first list, where the build has one", async () => {
  const home = join(base, "with-home");
  build(home);
  writeFileSync(join(home, "home.html"), "<!doctype html><title>Home</title>");
  assert.equal((await ask("/", { folder: home })).text(), "<!doctype html><title>Home</title>");
  for (const path of ["/?page=2", "/?feed=following", "/login", "/tag/a"]) {
    assert.equal((await ask(path, { folder: home })).text(), DOCUMENT, path);
  }
});

coroutineTest(
  "another path is the document with 404 for a browser that navigates, and else the API's 404",
  async () => {
    const paths = [
      "/nowhere",
      "/no.where",
      "/login/",
      "/tag",
      "/tag/",
      "/profile/a/b",
      "/article/a/b",
      "/editor/a/b",
      "/Login",
    ];
    for (const path of paths) {
      const page = await ask(path, { fields: NAVIGATES });
      assert.equal(page.status, 404, path);
      assert.equal(page.text(), DOCUMENT);
      assert.equal(page.field("vary"), "Accept, Accept-Encoding");
      assert.equal((await ask(path, { fields: { ...NAVIGATES, "If-None-Match": "*" } })).status, 404);
      for (const accept of ["*/*", "application/json", "image/avif,image/webp,*/*;q=0.8"]) {
        const reply = await ask(path, { fields: { Accept: accept } });
        assert.equal(reply.status, 404, path);
        assert.deepEqual(reply.json(), { errors: { route: ["not found"] } });
      }
    }
  },
);

coroutineTest(
  "files below assets are kept for good and sent as they were compressed, others are asked for again",
  async () => {
    const script = await ask("/assets/index-aB-cDeFg.js", { fields: { "Accept-Encoding": "gzip, deflate, br, zstd" } });
    assert.equal(script.field("cache-control"), "public, max-age=31536000, immutable");
    assert.equal(script.field("content-encoding"), "br");
    assert.equal(script.field("content-type"), "text/javascript; charset=utf-8");
    assert.equal(brotliDecompressSync(script.bytes()).toString(), SCRIPT);
    const zipped = await ask("/assets/index-aB-cDeFg.js", { fields: { "Accept-Encoding": "gzip" } });
    assert.equal(zipped.field("content-encoding"), "gzip");
    const page = await ask("/", { fields: { "Accept-Encoding": "br" } });
    assert.equal(page.field("content-encoding"), "br");
    assert.equal(brotliDecompressSync(page.bytes()).toString(), DOCUMENT);
    const avatar = await ask("/default-avatar.svg");
    assert.deepEqual([avatar.field("cache-control"), avatar.field("content-type")], ["no-cache", "image/svg+xml"]);
  },
);

coroutineTest("what is missing below assets is never a page, nor is what leads out of the folder", async () => {
  for (const path of ["/assets/index-12345678.js", "/assets/nowhere", "/assets/"]) {
    const reply = await ask(path, { fields: NAVIGATES });
    assert.equal(reply.status, 404, path);
    assert.equal(reply.field("content-type"), "application/json; charset=utf-8");
  }
  for (const path of ["/../secret", "/..%2fsecret", "/%"]) {
    assert.equal((await ask(path)).status, 404, path);
    assert.deepEqual((await ask(path, { fields: NAVIGATES })).text(), DOCUMENT, path);
  }
});

coroutineTest("the policy allows own files alone, images apart", async () => {
  const rest =
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
    "require-trusted-types-for 'script'; trusted-types dompurify";
  const policies = {
    https: `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; ${rest}`,
    self: `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; ${rest}`,
  };
  for (const [images, policy] of Object.entries(policies) as Array<[ImageSources, string]>) {
    for (const path of ["/", "/nowhere", "/assets/index-aB-cDeFg.js"]) {
      const reply = await ask(path, { images, fields: NAVIGATES });
      assert.equal(reply.field("content-security-policy"), policy);
      assert.equal(reply.field("referrer-policy"), "same-origin");
      // The server says it, of every reply.
      assert.equal(reply.field("x-content-type-options"), undefined);
    }
  }
});

coroutineTest("a UI that is not built is told on its pages, and served as soon as it is there", async () => {
  const later = join(base, "later");
  const handler = webUi({ folder: later, images: "https" });
  const get = (path: string): Promise<ClientReply> =>
    requestInProcess(handler, { path, fields: NAVIGATES }, { errorReply });
  for (const makeFolder of [false, true]) {
    if (makeFolder) mkdirSync(later);
    assert.equal(await isBuilt(later), false);
    for (const path of ["/", "/login", "/article/a"]) {
      const reply = await get(path);
      assert.equal(reply.status, 503, path);
      assert.match(reply.text(), /make web/);
      assert.match(reply.field("content-security-policy") ?? "", /^default-src 'none'/);
    }
    for (const path of ["/nowhere", "/assets/a.js"]) {
      const reply = await get(path);
      assert.deepEqual([reply.status, reply.json()], [404, { errors: { route: ["not found"] } }]);
    }
  }
  build(join(base, "built"));
  renameSync(later, join(base, "empty"));
  renameSync(join(base, "built"), later);
  assert.equal(await isBuilt(later), true);
  assert.equal((await get("/login")).text(), DOCUMENT);
  assert.equal((await get("/assets/index-aB-cDeFg.js")).text(), SCRIPT);
});
