/** The conformance table over real sockets: what Lunet answers is what is wanted, and what is published is what is seen. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import type { Place } from "../../../bench/page.ts";
import { cases } from "./corpus.ts";
import { renderSums, renderTable, SUMS_PLACE, TABLE_PLACE } from "./publish.ts";
import { judgeTable } from "./table.ts";
import { matches } from "./verdict.ts";

const TIMEOUT_MS = 60_000;

test("every case names its rule, and says why it has to be so", () => {
  for (const { name, rule, why } of cases) {
    assert.match(rule, /^(?:\d{4} \d+(?:\.\d+)*|CVE-\d{4}-\d{4,})$/, name);
    assert.ok(why.length > 0 && !why.endsWith("."), name);
  }
});

test("what is wanted reads as a pattern of statuses and an end", () => {
  assert.ok(matches("200 400 closed", [200, 400], "closed"));
  assert.ok(!matches("200 400 closed", [200], "closed"));
  assert.ok(!matches("200 400 closed", [200, 400], "open"));
  assert.ok(!matches("400 closed", [200, 400], "closed"));
  assert.ok(matches("100? 200|204 open|closed", [204], "closed"));
  assert.ok(matches("100? 200|204 open|closed", [100, 200], "open"));
  assert.ok(matches("400?|413? closed|waits", [], "waits"));
  assert.ok(!matches("400?|413? closed|waits", [400, 413], "closed"));
  assert.ok(matches("waits", [], "waits"));
  for (const { name, wanted } of cases) {
    assert.match(wanted, /^(?:(?:[1-5]\d\d\??\|?)+(?<!\|) )*(?:(?:open|closed|waits)\|?)+(?<!\|)$/, name);
  }
});

coroutineTest(
  "Lunet passes every case, and docs/ has what it and node:http answer now",
  async () => {
    const sections = await judgeTable();
    const judged = sections.flatMap(({ rows }) => rows.flatMap((row) => row.cases));
    assert.equal(judged.length, cases.length);
    assert.deepEqual(
      judged.filter(({ lunet }) => !lunet.passes).map(({ item, lunet }) => `${item.name}: ${lunet.seen}`),
      [],
    );
    const message = "run `make conformance WRITE=1`, and look at what has changed";
    assert.deepEqual(published(TABLE_PLACE), withoutPadding(renderTable(sections)), message);
    assert.deepEqual(published(SUMS_PLACE), withoutPadding(renderSums(sections)), message);
  },
  { timeoutMs: TIMEOUT_MS },
);

function published({ page, begin, end }: Place): string[] {
  const text = readFileSync(page, "utf8");
  return withoutPadding(text.slice(text.indexOf(begin) + begin.length, text.indexOf(end)));
}

/** The lines of text, without the white space that the format puts into tables. */
function withoutPadding(text: string): string[] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---"));
}
