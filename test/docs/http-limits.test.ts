import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { defaultServerLimits, serverLimitRanges } from "../../packages/lunet/src/http/server-limits.ts";

const ROW = /^\| `(\w+)` +\| +(\d+) +\| (\d+)–(\S+) +\| \S.* \|$/gm;

test("the table of limits in docs/http.md has every limit with its default and its range", async () => {
  const page = await readFile(new URL("../../docs/http.md", import.meta.url), "utf8");
  const documented = [...page.matchAll(ROW)].map(([, name, normal, min, max]) => [
    name,
    Number(normal),
    Number(min),
    max === "2^53-1" ? Number.MAX_SAFE_INTEGER : Number(max),
  ]);
  const actual = Object.entries(defaultServerLimits).map(([name, normal]) => [
    name,
    normal,
    ...serverLimitRanges[name as keyof typeof serverLimitRanges],
  ]);
  assert.deepEqual(documented, actual);
});
