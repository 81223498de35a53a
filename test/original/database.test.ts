/** Line 18 of what broke in the system that this one succeeds: what comes out of the database is what went in. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runRoot } from "lunet";
import { open } from "lunet/db";

const directory = mkdtempSync(join(tmpdir(), "lunet-original-"));
after(() => rmSync(directory, { recursive: true }));

test("original 18: each value has its own type, text with NUL is whole, parameters are bound", async () => {
  await runRoot(async () => {
    await using database = await open(`sqlite:${join(directory, "types.db")}`);
    await database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, value ANY) STRICT");
    const values = [null, 1, "1", "text\u0000after", 1.5, 9_007_199_254_740_993n, "", "'; DROP TABLE t; --", "?"];
    for (const value of values) await database.exec("INSERT INTO t (value) VALUES (?)", [value]);
    const rows = await database.queryRows("SELECT value FROM t ORDER BY id");
    assert.deepEqual(
      rows,
      values.map((value) => [value]),
    );
    for (const value of values.slice(1)) {
      const found = await database.queryRows("SELECT count(*) FROM t WHERE value = ?", [value]);
      assert.deepEqual(found, [[1]], `found ${String(value)}`);
    }
  });
});
