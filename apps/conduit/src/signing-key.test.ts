import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runRoot, scope, spawn } from "lunet";
import { open, type Database } from "lunet/db";
import { ConfigurationError } from "./configuration.ts";
import { migrateDatabase } from "./database.ts";
import { readOrMakeKeyFile, readOrStoreKey } from "./signing-key.ts";
import { REAL_DATABASES, realDatabase } from "../../../packages/lunet/src/testing/real-databases.ts";

/** Runs a body with an open database in a fresh directory, which is removed afterwards. */
async function inDirectory(
  body: (path: string, database: Database, directory: string) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "conduit-key-"));
  try {
    await runRoot(async () => {
      await using database = await open(`sqlite:${join(directory, "c.db")}`);
      await body(join(directory, "c.db.key"), database, directory);
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("makes a key that its owner alone can read, and finds it again", () =>
  inDirectory(async (path, database, directory) => {
    const key = await readOrMakeKeyFile(path, database);
    assert.equal(key.length, 32);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(Buffer.from(await readOrMakeKeyFile(path, database)), Buffer.from(key));
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes("key")),
      ["c.db.key"],
    );
  }));

test("two that make it at once get one key", () =>
  inDirectory(async (path, database, directory) => {
    await using other = await open(`sqlite:${join(directory, "c.db")}`);
    const keys: string[] = [];
    await scope(async () => {
      for (const one of [database, other, database, other]) {
        spawn(async () => void keys.push(Buffer.from(await readOrMakeKeyFile(path, one)).toString("hex")));
      }
    });
    assert.equal(keys.length, 4);
    assert.deepEqual([...new Set(keys)], [readFileSync(path).toString("hex")]);
  }));

test("refuses a key that others can read, with the command that mends it", () =>
  inDirectory(async (path, database) => {
    await readOrMakeKeyFile(path, database);
    for (const mode of [0o640, 0o604, 0o660, 0o777]) {
      chmodSync(path, mode);
      await assert.rejects(readOrMakeKeyFile(path, database), (error) => {
        assert.ok(error instanceof ConfigurationError);
        assert.ok(
          error.message.includes(`found mode ${mode.toString(8)}`) && error.message.includes(`chmod 600 "${path}"`),
        );
        return true;
      });
    }
    chmodSync(path, 0o400);
    assert.equal((await readOrMakeKeyFile(path, database)).length, 32);
  }));

test("refuses a file that is no key and leaves it alone", () =>
  inDirectory(async (path, database) => {
    for (const content of ["", "x".repeat(31), "x".repeat(33)]) {
      writeFileSync(path, content, { mode: 0o600 });
      await assert.rejects(readOrMakeKeyFile(path, database), ConfigurationError);
      assert.equal(readFileSync(path, "utf8"), content);
    }
  }));

for (const kind of REAL_DATABASES) {
  const server = realDatabase(kind);

  test(`processes on ${kind} that store a key at once get one key, which stays`, () =>
    runRoot(async () => {
      await using database = await open(server.url);
      await migrateDatabase(database);
      const keys: string[] = [];
      const take = async (one: Database): Promise<void> =>
        void keys.push(Buffer.from(await readOrStoreKey(one)).toString("hex"));
      await using other = await open(server.url);
      await scope(async () => {
        for (const one of [database, other, database, other]) spawn(() => take(one));
      });
      await take(database);
      assert.equal(keys.length, 5);
      assert.match(keys[0] ?? "", /^[0-9a-f]{64}$/);
      assert.equal(new Set(keys).size, 1);

      await database.exec("UPDATE signing_keys SET secret = ?", [new Uint8Array(31)]);
      await assert.rejects(readOrStoreKey(database), (error) => {
        assert.ok(error instanceof ConfigurationError && error.message.includes("found 31 bytes"), String(error));
        return true;
      });
    }));
}
