import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { runRoot } from "../../co/mod.ts";
import { coroutineTest } from "../../testing/mod.ts";
import { open } from "../mod.ts";

async function newFile(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), "lunet-version-")), "test.db");
}

test("the data version is another one after each acknowledged write, and the same between them", async () => {
  const file = await newFile();
  await runRoot(async () => {
    await using database = await open(`sqlite:${file}`);
    await database.exec("create table t (a integer)");
    const versions = [database.dataVersion()];
    for (let write = 0; write < 50; write++) {
      await database.exec("insert into t values (?)", [write]);
      versions.push(database.dataVersion());
      assert.equal(database.dataVersion(), versions.at(-1));
    }
    assert.equal(new Set(versions).size, versions.length);
    assert.ok(!versions.includes(undefined));
  });
});

test("the data version changes with a commit of another process's connection, not with its open transaction", async () => {
  const file = await newFile();
  await runRoot(async () => {
    await using database = await open(`sqlite:${file}`);
    await database.exec("create table t (a integer)");
    const other = new DatabaseSync(file);
    try {
      const before = database.dataVersion();
      other.exec("begin; insert into t values (1)");
      assert.equal(database.dataVersion(), before);
      other.exec("commit");
      assert.notEqual(database.dataVersion(), before);
    } finally {
      other.close();
    }
  });
});

test("a transaction that is rolled back leaves the data version as it was", async () => {
  const file = await newFile();
  await runRoot(async () => {
    await using database = await open(`sqlite:${file}`);
    await database.exec("create table t (a integer)");
    const before = database.dataVersion();
    const failure = new Error("no");
    const rolledBack = database.transaction(async (tx) => {
      await tx.exec("insert into t values (1)");
      throw failure;
    });
    await assert.rejects(rolledBack, failure);
    assert.equal(database.dataVersion(), before);
  });
});

coroutineTest(
  "a memory database has no data version, and a closed database gives none",
  async () => {
    const database = await open("sqlite::memory:");
    assert.equal(database.dataVersion(), undefined);
    await database.close();
    assert.throws(() => database.dataVersion(), { code: "ERR_CLOSED" });
  },
  { provokes: ["E"] },
);
