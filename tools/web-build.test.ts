import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { buildWeb, isWebCurrent, MAX_FIRST_LOAD_BYTES } from "./web-build.ts";

const RUN_TIMEOUT_MS = 60_000;
const TOOL = join(import.meta.dirname, "web-build.ts");
const DIST = join("apps", "conduit-web", "dist");

const CONFIG = `export default { build: { assetsInlineLimit: 0, modulePreload: { polyfill: false } } };`;
const DOCUMENT = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page of a test</title>
  <link rel="stylesheet" href="/src/main.css"><script type="module" src="/src/main.ts"></script></head>
  <body><div id="root"></div><p>${"some text ".repeat(20)}</p></body></html>`;

function put(root: string, name: string, content: string | Uint8Array): void {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** A project with a UI of two scripts and a style, one script of which is loaded later. */
function project(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "lunet-web-build-"));
  t.after(() => rmSync(root, { recursive: true }));
  put(root, "package-lock.json", "{}");
  put(root, "apps/conduit-web/vite.config.ts", CONFIG);
  put(root, "apps/conduit-web/index.html", DOCUMENT);
  put(
    root,
    "apps/conduit-web/src/main.css",
    [..."abcdefghij"].map((id, at) => `#${id} { color: #12345${at}; margin: 0 }`).join("\n"),
  );
  put(root, "apps/conduit-web/public/picture.svg", `<svg xmlns="http://www.w3.org/2000/svg">${" ".repeat(200)}</svg>`);
  put(root, "apps/conduit-web/public/picture.png", randomBytes(500));
  put(root, "apps/conduit-web/src/later.ts", `export const later: string = ${JSON.stringify("later ".repeat(200))};`);
  setEntry(root, "first");
  return root;
}

function setEntry(root: string, text: string): void {
  const source = `document.body.append(${JSON.stringify(text.padEnd(200, "."))});
    addEventListener("click", async () => document.body.append((await import("./later.ts")).later));`;
  put(root, "apps/conduit-web/src/main.ts", source);
}

function built(root: string): string[] {
  return globSync("**/*", { cwd: join(root, DIST) }).filter((name) => statSync(join(root, DIST, name)).isFile());
}

function contentOf(root: string, name: string): Buffer {
  return readFileSync(join(root, DIST, name));
}

/** Runs the tool as `make` does. */
async function run(root: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, WEB: undefined, ...environment };
  const options = { env, timeout: RUN_TIMEOUT_MS };
  const failed = (error: unknown) => error as { code: number; stdout: string; stderr: string };
  const done = await promisify(execFile)(process.execPath, [TOOL, "--root", root, ...args], options).catch(failed);
  return { status: 0, ...done, ...("code" in done ? { status: done.code } : {}) };
}

test("what is built has hashes in its names, and each text a smaller copy in brotli and in gzip", async (t) => {
  const root = project(t);
  const { files } = await buildWeb(root);
  assert.equal(files.filter(({ name }) => /^assets\/(?:main|index|later)-[\w-]{8}\.(?:js|css)$/.test(name)).length, 3);
  assert.deepEqual(
    files.map(({ name }) => name).filter((name) => !name.startsWith("assets/")),
    ["index.html", "picture.png", "picture.svg"],
  );
  for (const { name, bytes, brotliBytes, gzipBytes } of files) {
    const content = contentOf(root, name);
    assert.equal(bytes, content.length);
    if (name === "picture.png") {
      assert.deepEqual(
        [brotliBytes, gzipBytes, existsSync(join(root, DIST, `${name}.br`))],
        [undefined, undefined, false],
      );
      continue;
    }
    const [brotli, gzip] = [contentOf(root, `${name}.br`), contentOf(root, `${name}.gz`)];
    assert.ok(brotliDecompressSync(brotli).equals(content) && gunzipSync(gzip).equals(content), name);
    assert.deepEqual([brotliBytes, gzipBytes], [brotli.length, gzip.length]);
    // Otherwise a server would take it for the copy of an older file.
    assert.ok(statSync(join(root, DIST, `${name}.br`)).mtimeMs >= statSync(join(root, DIST, name)).mtimeMs);
  }
  assert.deepEqual(globSync(".tmp/*", { cwd: root }), []);
});

test("the first load is what the document runs and imports, and too much of it is not taken", async (t) => {
  const root = project(t);
  put(root, "apps/conduit-web/src/later.ts", `export const later = "${randomBytes(60_000).toString("base64")}";`);
  const { files, firstLoad, firstLoadBytes } = await buildWeb(root);
  assert.equal(firstLoad.length, 1);
  assert.equal(firstLoadBytes, files.find(({ name }) => name === firstLoad[0])!.brotliBytes);
  const before = built(root).map((name) => [name, contentOf(root, name).toString("latin1")]);

  const script = readFileSync(join(root, "apps/conduit-web/src/main.ts"), "utf8");
  const large = randomBytes(MAX_FIRST_LOAD_BYTES + 1_000).toString("base64");
  put(root, "apps/conduit-web/src/main.ts", `${script}\nimport { large } from "./large.ts"; document.title = large;`);
  put(root, "apps/conduit-web/src/large.ts", `export const large = "${large}";`);
  await assert.rejects(buildWeb(root), /found 4\d{4} bytes of JavaScript at first load \(assets\/.*\), limit is 40000/);
  assert.deepEqual(
    built(root).map((name) => [name, contentOf(root, name).toString("latin1")]),
    before,
  );
  assert.equal(isWebCurrent(root), false);
});

test("assets of the build before stay for who has its page open, older ones are moved away", async (t) => {
  const root = project(t);
  const scripts: string[] = [];
  for (const text of ["first", "second", "third"]) {
    setEntry(root, text);
    scripts.push(...(await buildWeb(root)).firstLoad);
  }
  assert.equal(new Set(scripts).size, 3);
  const [first, second, third] = scripts as [string, string, string];
  const names = built(root);
  assert.ok(names.includes(second) && names.includes(`${second}.br`) && names.includes(third));
  assert.ok(!names.includes(first) && !names.includes(`${first}.br`));
  const moved = globSync("**/*.*", { cwd: join(root, ".tmp") }).map((name) => name.replace(/^\d{8}_\d{6}\//, ""));
  assert.deepEqual(
    moved.toSorted(),
    ["", ".br", ".gz"].map((suffix) => join(DIST, first + suffix)),
  );

  // What has no hash in its name belongs to one build alone.
  rmSync(join(root, "apps/conduit-web/public/picture.svg"));
  await buildWeb(root);
  assert.ok(!built(root).some((name) => name.startsWith("picture.svg")));
});

test("it is current until a source is newer, came or went", async (t) => {
  const root = project(t);
  const long = (name: string): void => utimesSync(join(root, name), 1_000, 1_000);
  const all = (): void => {
    for (const name of globSync("{package-lock.json,apps/**}", { cwd: root })) if (!name.includes("dist")) long(name);
  };
  assert.equal(isWebCurrent(root), false);
  all();
  await buildWeb(root);
  assert.equal(isWebCurrent(root), true);
  const changes: ReadonlyArray<() => void> = [
    () => setEntry(root, "other"),
    () => put(root, "apps/conduit-web/src/parts/new.ts", ""),
    () => rmSync(join(root, "apps/conduit-web/src/parts/new.ts")),
    () => put(root, "apps/conduit-web/src/new.ts", ""),
    () => rmSync(join(root, "apps/conduit-web/src/new.ts")),
    () => put(root, "apps/conduit-web/public/favicon.svg", "<svg/>"),
    () => put(root, "apps/conduit-web/index.html", DOCUMENT),
    () => put(root, "apps/conduit-web/vite.config.ts", CONFIG),
    () => put(root, "package-lock.json", "{ }"),
    () => rmSync(join(root, DIST, "index.html")),
  ];
  for (const [index, change] of changes.entries()) {
    change();
    assert.equal(isWebCurrent(root), false, `change ${index}`);
    all();
    assert.equal(isWebCurrent(root), index < changes.length - 1, `after change ${index}`);
  }
});

test("a build that ends in the middle leaves the document of the UI that is whole", async (t) => {
  const root = project(t);
  await buildWeb(root);
  const before = contentOf(root, "index.html");
  setEntry(root, "second");
  renameSync(join(root, DIST, "assets"), join(root, "assets"));
  put(root, join(DIST, "assets"), "in the way");
  await assert.rejects(buildWeb(root), { code: /^E(?:EXIST|NOTDIR)$/ });
  assert.ok(contentOf(root, "index.html").equals(before));
  assert.equal(isWebCurrent(root), false);
  rmSync(join(root, DIST, "assets"));
  const { firstLoad } = await buildWeb(root);
  assert.ok(contentOf(root, "index.html").includes(firstLoad[0]!));
});

test("what make runs says what it built, and is silent where there is nothing to build", async (t) => {
  const root = project(t);
  const elsewhere = await run(root, ["--if-needed"], { WEB: "none" });
  assert.deepEqual([elsewhere.status, elsewhere.stdout, existsSync(join(root, DIST))], [0, "", false]);
  const first = await run(root, ["--if-needed"]);
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /^web: building apps\/conduit-web\/dist$/m);
  assert.match(first.stdout, /^web: +[\d,]+ +[\d,]+ +[\d,]+ {2}assets\/\S+\.js$/m);
  assert.match(first.stdout, /^web: JavaScript at first load: [\d,]+ bytes in 1 files, limit is 40,000$/m);
  const again = await run(root, ["--if-needed"]);
  assert.deepEqual([again.status, again.stdout, again.stderr], [0, "", ""]);
  assert.match((await run(root, [])).stdout, /^web: built in/m);
});

test("a build that fails says why and how to do without, and leaves what is there", async (t) => {
  const root = project(t);
  await buildWeb(root);
  const before = contentOf(root, "index.html");
  const faults: ReadonlyArray<() => void> = [
    () => put(root, "apps/conduit-web/src/main.ts", `import { nothing } from "./nowhere.ts"; nothing();`),
    () => put(root, "apps/conduit-web/index.html", DOCUMENT.replace("main.ts", "nowhere.ts")),
  ];
  for (const fault of faults) {
    fault();
    const { status, stderr } = await run(root, ["--if-needed"]);
    assert.equal(status, 1);
    assert.match(stderr, /^Cannot build the web UI: /m);
    assert.match(stderr, /nowhere\.ts/);
    assert.match(stderr, /^`make run WEB=none` serves the API without it$/m);
    assert.doesNotMatch(stderr, /^Node\.js v/m);
    assert.ok(contentOf(root, "index.html").equals(before));
    setEntry(root, "mended");
  }
});
