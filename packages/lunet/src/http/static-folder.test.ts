import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runRoot } from "../co/mod.ts";
import { assertNothingLeft, withTestClock, type TestClock } from "../testing/mod.ts";
import { MAX_KEPT_BYTES, MAX_KEPT_FILES, StaticFolder, streamFile } from "./static-folder.ts";

const base = mkdtempSync(join(tmpdir(), "lunet-"));
test.after(() => rmSync(base, { recursive: true }));
const root = join(base, "root");
mkdirSync(root);
writeFileSync(join(base, "outside"), "outside");

/** A test at a time when every file was changed long ago. */
function settledTest(name: string, body: (folder: StaticFolder, clock: TestClock) => Promise<void>): void {
  void test(name, async () => {
    await withTestClock(async (clock) => {
      await clock.advance(Date.now() + 60_000);
      await assertNothingLeft(() => runRoot(() => body(new StaticFolder(root), clock)));
    });
  });
}

async function contentOf(folder: StaticFolder, name: string): Promise<string | undefined> {
  const found = await folder.find(name);
  const read = found === undefined ? undefined : await folder.read(found);
  return read?.content === undefined ? undefined : Buffer.from(read.content).toString();
}

settledTest("a small file is kept, and served while it is the same", async (folder) => {
  writeFileSync(join(root, "a"), "one");
  assert.equal(await contentOf(folder, "a"), "one");
  assert.deepEqual(folder.kept, { files: 1, bytes: 3 });
  const first = await folder.find("a");
  assert.equal(Buffer.from(first?.content ?? []).toString(), "one");
  assert.equal(await folder.find("a"), first);
});

settledTest("a file that was changed, replaced or removed is not served from memory", async (folder) => {
  const path = join(root, "b");
  writeFileSync(path, "one");
  assert.equal(await contentOf(folder, "b"), "one");
  writeFileSync(path, "three");
  assert.equal(await contentOf(folder, "b"), "three");
  assert.deepEqual(folder.kept, { files: 1, bytes: 5 });
  writeFileSync(`${path}.new`, "seven");
  renameSync(`${path}.new`, path);
  assert.equal(await contentOf(folder, "b"), "seven");
  unlinkSync(path);
  assert.equal(await folder.find("b"), undefined);
  symlinkSync("../outside", path);
  assert.equal(await folder.find("b"), undefined);
});

settledTest("a file that was found is read as it is then", async (folder) => {
  const path = join(root, "c");
  writeFileSync(path, "one");
  const found = await folder.find("c");
  assert.ok(found !== undefined);
  writeFileSync(path, "three");
  assert.equal((await folder.read(found))?.status.sizeBytes, 5);
  unlinkSync(path);
  assert.equal(await folder.read(found), undefined);
  mkdirSync(path);
  assert.equal(await folder.read(found), undefined);
});

settledTest("large files and folders are not kept", async (folder) => {
  writeFileSync(join(root, "large"), new Uint8Array(256 * 1024 + 1));
  writeFileSync(join(root, "largest-small"), new Uint8Array(256 * 1024));
  const large = await folder.find("large");
  assert.ok(large !== undefined);
  assert.equal((await folder.read(large))?.content, undefined);
  assert.equal((await folder.find(""))?.status.kind, "directory");
  assert.deepEqual(folder.kept, { files: 0, bytes: 0 });
  assert.equal((await contentOf(folder, "largest-small"))?.length, 256 * 1024);
  assert.deepEqual(folder.kept, { files: 1, bytes: 256 * 1024 });
});

settledTest("what is kept is bounded in bytes and in files, and the first goes first", async (folder) => {
  const size = 256 * 1024;
  const count = MAX_KEPT_BYTES / size + 3;
  for (let index = 0; index < count; index++) {
    writeFileSync(join(root, `piece-${index}`), new Uint8Array(size));
    await contentOf(folder, `piece-${index}`);
  }
  assert.deepEqual(folder.kept, { files: MAX_KEPT_BYTES / size, bytes: MAX_KEPT_BYTES });
  assert.equal((await folder.find("piece-0"))?.content, undefined);
  assert.notEqual((await folder.find("piece-3"))?.content, undefined);
  for (let index = 0; index < MAX_KEPT_FILES + 1; index++) {
    writeFileSync(join(root, `small-${index}`), "");
    await contentOf(folder, `small-${index}`);
  }
  assert.deepEqual(folder.kept, { files: MAX_KEPT_FILES, bytes: 0 });
});

void test("a file that has just changed is not kept", async () => {
  await withTestClock(async (clock) => {
    await clock.advance(Date.now() - clock.nowMs);
    await runRoot(async () => {
      const folder = new StaticFolder(root);
      writeFileSync(join(root, "fresh"), "x");
      assert.equal(await contentOf(folder, "fresh"), "x");
      assert.deepEqual(folder.kept, { files: 0, bytes: 0 });
      await clock.advance(60_000);
      assert.equal(await contentOf(folder, "fresh"), "x");
      assert.deepEqual(folder.kept, { files: 1, bytes: 1 });
    });
  });
});

settledTest("a stream of another file than was found is refused", async (folder) => {
  const path = join(root, "d");
  writeFileSync(path, "one");
  const found = await folder.find("d");
  assert.ok(found !== undefined);
  writeFileSync(`${path}.new`, "two");
  renameSync(`${path}.new`, path);
  await assert.rejects(async () => {
    for await (const piece of streamFile(found)) assert.fail(`found ${piece.length} bytes of it`);
  }, /^Error: Cannot send ".*": found another file than a moment ago$/);
});

test("a folder that is a link is followed to where it leads now", async () => {
  for (const version of ["v1", "v2"]) {
    mkdirSync(join(base, version));
    writeFileSync(join(base, version, "page"), version);
  }
  const current = join(base, "current");
  symlinkSync("v1", current);
  await assertNothingLeft(() =>
    runRoot(async () => {
      const folder = new StaticFolder(current);
      assert.equal(await contentOf(folder, "page"), "v1");
      symlinkSync("v2", `${current}.next`);
      renameSync(`${current}.next`, current);
      assert.equal(await contentOf(folder, "page"), "v2");
      symlinkSync("../outside", join(base, "v2", "leak"));
      assert.equal(await folder.find("leak"), undefined);
    }),
  );
});
