/** The table of limits in docs/http.md has every limit of the server, with its default and its range. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defaultServerLimits, type ServerLimits } from "lunet/http";
import { serverLimitRanges, SWEEP_MS } from "../../packages/lunet/src/http/server-limits.ts";

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "http.md"), "utf8");

test("every limit is in the table once, with its default and its range, and with what the client sees", () => {
  const rows = [...page.matchAll(/^\| `(\w+)` +\| ([\w ]+?) +\| (\d+) +\| (\d+) to (\d+) +\| (\S.*?) +\|$/gm)].map(
    ([, name, unit, value, min, max, seen]) => ({
      name,
      unit,
      value: Number(value),
      range: [Number(min), Number(max)],
      seen,
    }),
  );
  assert.deepEqual(
    rows.map(({ name, value, range }) => ({ name, value, range })),
    Object.entries(defaultServerLimits).map(([name, value]) => ({
      name,
      value,
      range: [...serverLimitRanges[name as keyof ServerLimits]],
    })),
  );
  const units = { Bytes: "bytes", Ms: "ms", Second: "bytes a second", Size: "bytes" };
  for (const { name, unit } of rows) {
    const wanted = Object.entries(units).find(([ending]) => String(name).endsWith(ending))?.[1];
    if (wanted !== undefined) assert.equal(unit, wanted, String(name));
  }
});

test("the page says how often the sweep looks", () => {
  assert.match(page, new RegExp(`every ${SWEEP_MS} ms`));
});
