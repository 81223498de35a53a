/** docs/trace.md has every class of finding, every setting and its default, as the sources have them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FINDING_CLASSES } from "../../packages/lunet/src/trace/findings.ts";
import { readSettings } from "../../packages/lunet/src/trace/settings.ts";

const root = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(root, "docs", "trace.md"), "utf8");

function rowsUnder(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| "));
  return rows
    .slice(1)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([cell]) => !/^-+$/.test(cell ?? ""));
}

test("every class is in the table, and begins with its title", () => {
  const listed = Object.fromEntries(rowsUnder("What is found").map(([letter, what]) => [letter, what]));
  assert.deepEqual(Object.keys(listed), Object.keys(FINDING_CLASSES));
  for (const [letter, { title }] of Object.entries(FINDING_CLASSES)) {
    assert.ok(listed[letter]?.startsWith(title), `class ${letter}: found "${listed[letter]}", wanted "${title}" first`);
  }
});

test("every setting is in the table, with its default", () => {
  const names = readFileSync(join(root, "packages/lunet/src/trace/settings.ts"), "utf8").match(/LUNET_TRACE_\w+/g);
  const rows = rowsUnder("Settings").map(([name, normally]) => [name?.slice(1, -1) ?? "", normally] as const);
  assert.deepEqual(rows.map(([name]) => name).sort(), [...new Set(names)].sort());
  const defaults = new Map(rows);
  const settings = readSettings({});
  const held = [...settings.heldMs].map(([kind, limit]) => `${kind}=${limit}`).join(",");
  assert.equal(defaults.get("LUNET_TRACE_FINDINGS"), `\`${settings.findings}\``);
  assert.equal(defaults.get("LUNET_TRACE_SUMMARY"), `\`${settings.summary}\``);
  assert.equal(defaults.get("LUNET_TRACE_HELD_MS"), `\`${held}\``);
  assert.equal(defaults.get("LUNET_TRACE_LOOP_MS"), `\`${settings.loopMs}\``);
  assert.equal(defaults.get("LUNET_TRACE_TOUCHES"), `\`${settings.touches}\``);
});
