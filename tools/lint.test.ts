import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { after, test } from "node:test";
import { RULES } from "./import-rules.ts";

/*
 * Lints a project whose files break the rules: tools/lint-fixtures/, under the project's own configuration. A line
 * `// expect rule: words` says that the line after it breaks the rule, and what the message has to hold.
 */

const project = join(import.meta.dirname, "..");
const fixtures = join(import.meta.dirname, "lint-fixtures");

interface Finding {
  readonly place: string;
  readonly rule: string;
  readonly text: string;
}

/** The copy stands outside the project, whose configuration leaves the fixtures alone. */
const root = mkdtempSync(join(tmpdir(), "lunet-lint-"));
after(() => rmSync(root, { recursive: true }));
cpSync(fixtures, root, { recursive: true });
for (const file of [".oxlintrc.json", "tsconfig.json", "packages/lunet/package.json"])
  cpSync(join(project, file), join(root, file));
symlinkSync(join(project, "node_modules"), join(root, "node_modules"));

const outcomes = ["tools/lint.ts", "tools/check-imports.ts"].map((tool) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(project, tool), "--root", root], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(stderr, "");
  return { tool, status, lines: stdout.trimEnd().split("\n") };
});
const found = outcomes.flatMap(({ lines }) => lines.slice(0, -1).map(parseLine));
const paths = globSync("**/*.ts", { cwd: fixtures }).map((path) => path.split(sep).join("/"));

for (const path of paths.toSorted()) {
  const expected = readExpected(path);
  const title = expected.length === 0 ? "passes" : `breaks ${[...new Set(expected.map((one) => one.rule))].join(", ")}`;
  test(`${path} ${title}`, () => {
    const here = found.filter((one) => one.place.startsWith(`${path}:`));
    assert.deepEqual(here.map(describePlace).toSorted(), expected.map(describePlace).toSorted());
    for (const { place, rule, text } of expected) {
      const hits = here.filter((one) => one.place === place && one.rule === rule && one.text.includes(text));
      assert.equal(hits.length, 1, `found no message with "${text}" in ${JSON.stringify(here, null, 2)}`);
    }
  });
}

test("every rule of the project has a fixture that breaks it", () => {
  const broken = new Set(paths.flatMap(readExpected).map((one) => one.rule));
  for (const rule of [...RULES, "typescript/no-floating-promises"]) assert.ok(broken.has(rule), rule);
});

for (const { tool, status, lines } of outcomes) {
  test(`${tool} counts what it found and ends with status 1`, () => {
    assert.equal(status, 1);
    assert.match(lines.at(-1)!, new RegExp(`: \\d+ files, ${lines.length - 1} violations$`));
  });
}

/** `path:line: rule: message` */
function parseLine(line: string): Finding {
  const [, place, rule, text] = /^(\S+:\d+): (\S+): (.*)$/.exec(line) ?? [];
  assert.ok(place !== undefined && rule !== undefined && text !== undefined, `found "${line}"`);
  return { place, rule, text };
}

function readExpected(path: string): Finding[] {
  const lines = readFileSync(join(fixtures, path), "utf8").split("\n");
  return lines.flatMap((line, index) => {
    const [, rule, text] = /^\s*\/\/ expect (\S+): (.*)$/.exec(line) ?? [];
    return rule === undefined || text === undefined ? [] : [{ place: `${path}:${index + 2}`, rule, text }];
  });
}

function describePlace({ place, rule }: Finding): string {
  return `${place} ${rule}`;
}
