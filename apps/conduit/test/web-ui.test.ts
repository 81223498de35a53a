/** The web UI's pages and files beside the API: who answers what, with one process and with several. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Conduit, temporaryDirectory } from "./harness.ts";

const NAVIGATES = { accept: "text/html,*/*;q=0.8" };
const DOCUMENT = "<!doctype html><title>Conduit</title>";
const SCRIPT = "let a = 1;";

function builtUi(): string {
  const folder = temporaryDirectory();
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), DOCUMENT);
  writeFileSync(join(folder, "assets", "index-a1b2c3d4.js"), SCRIPT);
  return folder;
}

for (const workers of ["1", "2"]) {
  test(`${workers} processes serve the pages of the UI, and the API never answers with one`, async () => {
    const conduit = await Conduit.start({ env: { WEB: builtUi(), WORKERS: workers } });
    for (const path of ["/", "/login", "/profile/a.b/favorites"]) {
      const page = await conduit.request("GET", path, { fields: NAVIGATES });
      assert.deepEqual([page.status, page.text], [200, DOCUMENT]);
      assert.match(String(page.fields["content-security-policy"]), /img-src 'self' data: https:;/);
      assert.equal(page.fields["x-content-type-options"], "nosniff");
      const head = await conduit.request("HEAD", path);
      assert.deepEqual([head.status, head.fields["content-type"]], [200, "text/html; charset=utf-8"]);
    }
    for (const path of ["/nowhere", "/index.html", "/home.html"]) {
      const nothing = await conduit.request("GET", path, { fields: NAVIGATES });
      assert.deepEqual([nothing.status, nothing.text], [404, DOCUMENT], path);
    }
    const script = await conduit.request("GET", "/assets/index-a1b2c3d4.js");
    assert.equal(script.text, SCRIPT);
    assert.equal(script.fields["cache-control"], "public, max-age=31536000, immutable");
    assert.equal(
      (await conduit.request("GET", "/assets/nothing.js", { fields: NAVIGATES })).json.errors.route.length,
      1,
    );
    for (const path of ["/api", "/api/", "/api/nowhere", "/api/articles/nowhere"]) {
      assert.equal((await conduit.request("GET", path, { fields: NAVIGATES })).status, 404);
    }
    assert.match((await conduit.request("GET", "/docs", { fields: NAVIGATES })).text, /Conduit API/);
    assert.equal((await conduit.request("POST", "/login", { json: {} })).status, 404);
    await conduit.stop();
    assert.equal(conduit.process.stderr, "");
    assert.equal(conduit.process.stdout.trimEnd().split("\n").length, 3);
  });
}

test("images can be narrowed to the server's own, and the UI left away", async () => {
  const narrow = await Conduit.start({ env: { WEB: builtUi(), IMAGES: "self" } });
  const policy = String((await narrow.request("GET", "/")).fields["content-security-policy"]);
  assert.match(policy, /img-src 'self' data:;/);
  await narrow.stop();
  const bare = await Conduit.start({ env: { WEB: "none" } });
  for (const path of ["/", "/login", "/nowhere"]) {
    const reply = await bare.request("GET", path, { fields: NAVIGATES });
    assert.deepEqual([reply.status, reply.json], [404, { errors: { route: ["not found"] } }]);
  }
  await bare.stop();
});

test("at its start the program says where the UI is, or what is missing", async () => {
  const served = await Conduit.start({ env: { WEB: builtUi(), LOG_LEVEL: "info" } });
  await served.stop();
  assert.ok(served.process.stderr.includes(`the web UI: open ${served.url} in a browser`), served.process.stderr);
  const missing = await Conduit.start({ env: { WEB: join(served.directory, "nowhere"), LOG_LEVEL: "info" } });
  const page = await missing.send("GET", "/");
  assert.equal(page.status, 503);
  assert.match(page.text, /make web/);
  await missing.stop();
  assert.match(missing.process.stderr, /no web UI: found none in .*nowhere/);
});
