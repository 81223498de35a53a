import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { runRoot } from "lunet";
import type { Database } from "lunet/db";
import { ConfigurationError, readConfiguration, type Configuration } from "./configuration.ts";
import { databaseName, databasePath, migrateDatabase, openDatabase } from "./database.ts";

test("a file is named by its path, a server by its address without password and options", () => {
  assert.equal(databaseName("sqlite:data/conduit.db"), resolve("data/conduit.db"));
  for (const [url, name] of [
    ["postgres://u:p@h/d", "postgres://u@h/d"],
    ["postgres://u@h:5433/d?sslmode=disable", "postgres://u@h:5433/d"],
    ["mariadb://u:p%40:q@[::1]:3306,b/d?socket=/x:y@z", "mariadb://u@[::1]:3306,b/d"],
    ["postgres://h:5432/d", "postgres://h:5432/d"],
  ] as const) {
    assert.equal(databaseName(url), name);
    assert.equal(databasePath(url), undefined);
  }
});

test("an address that the runtime refuses is a wrong setting, told without its password", () =>
  runRoot(async () => {
    const environment = { DATABASE_URL: "postgres://u:sesame@h/d?nonsense=1" };
    const configuration = readConfiguration([], environment) as Configuration;
    await assert.rejects(openDatabase(configuration), (error) => {
      assert.ok(error instanceof ConfigurationError, String(error));
      assert.match(error.message, /^Cannot use DATABASE_URL: .*nonsense/);
      assert.ok(!error.message.includes("sesame"));
      return true;
    });
  }));

test("a database of PostgreSQL that cannot hold all text is refused before anything is written to it", async () => {
  const database = { dialect: "postgres", queryRows: async () => [["LATIN1"]] } as unknown as Database;
  await assert.rejects(migrateDatabase(database), {
    name: "ConfigurationError",
    message: /found a database in LATIN1/,
  });
});
