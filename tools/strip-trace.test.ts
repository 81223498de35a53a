import assert from "node:assert/strict";
import { test } from "node:test";
import { stripTrace } from "./strip-trace.ts";

const IMPORT = `import { TRACE, ended, made } from "#trace";\n`;

function strip(text: string): string {
  return stripTrace("src/file.ts", text);
}

/** The error of a source that begins with the import, so that its own first line is line 2. */
function refusal(text: string): string {
  try {
    strip(IMPORT + text);
  } catch (error) {
    return (error as Error).message;
  }
  assert.fail("found no error");
}

test("a source without trace code is returned as it is", () => {
  const text = `const TRACE = true;\nif (TRACE) console.log("mine");\n`;
  assert.equal(strip(text), text);
});

test("the import and the guarded statements go, with the lines that they fill", () => {
  const text = `${IMPORT}import { a } from "./a.ts";\n\nexport function open(): object {\n  const file = a();\n  if (TRACE) made("file", file); // why\n  if (TRACE) {\n    const owner = {};\n    made("file", file, owner);\n  }\n  return file;\n}\n`;
  assert.equal(
    strip(text),
    `import { a } from "./a.ts";\n\nexport function open(): object {\n  const file = a();\n  return file;\n}\n`,
  );
});

test("an import over several lines goes whole", () => {
  assert.equal(
    strip(`import {\n  TRACE,\n  made,\n} from "#trace";\nif (TRACE) made("file", {});\nopen();\n`),
    "open();\n",
  );
});

test("a guarded statement that shares its line with other code leaves that alone", () => {
  assert.equal(strip(`${IMPORT}open(); if (TRACE) made("file", {}); shut();\n`), "open();  shut();\n");
});

test("a guarded statement that stands where one statement must be leaves an empty one", () => {
  assert.equal(strip(`${IMPORT}for (const x of y) if (TRACE) made("file", x);\n`), "for (const x of y) ;\n");
});

test("of a choice by the flag the other side stays, whatever is in it", () => {
  assert.equal(strip(`${IMPORT}open(TRACE ? (x) => ended("file", x) : undefined);\n`), "open(undefined);\n");
  assert.equal(strip(`${IMPORT}const x = TRACE ? made : TRACE ? ended : y;\n`), "const x = y;\n");
  assert.equal(
    strip(`${IMPORT}open(TRACE ? 1 : () => {\n  if (TRACE) made("file", {});\n  shut();\n});\n`),
    "open(() => {\n  shut();\n});\n",
  );
});

test("types from the module stay, because they are erased", () => {
  const types = `import type { OwnedKind } from "#trace";\nlet kind: OwnedKind;\n`;
  assert.equal(strip(types), types);
  assert.equal(
    strip(`import { TRACE, type OwnedKind } from "#trace";\nlet kind: OwnedKind;\nif (TRACE) kind = "file";\n`),
    `import { type OwnedKind } from "#trace";\nlet kind: OwnedKind;\n`,
  );
});

test("imports that trace code alone uses go too, and no others", () => {
  const text = `import "./effect.ts";\nimport assert from "node:assert/strict";\nimport fs, { a, type B, c } from "./a.ts";\nimport { unused } from "./b.ts";\n${IMPORT}if (TRACE) assert(a);\nif (TRACE) assert(c);\nfs(a);\nlet b: B;\n`;
  assert.equal(
    strip(text),
    `import "./effect.ts";\nimport fs, { a, type B } from "./a.ts";\nimport { unused } from "./b.ts";\nfs(a);\nlet b: B;\n`,
  );
});

test("an import of which only types would be left goes whole: it would load the module", () => {
  assert.equal(strip(`import { a, type B } from "./a.ts";\n${IMPORT}if (TRACE) a();\nlet b: B;\n`), "let b: B;\n");
});

test("names of members, keys and types are nobody's use of the module", () => {
  const text = `this.ended = { made: 1 };\nclass Book { made(): void {} ended = 1; #made = 2; }\ntype Made = (made: string) => void;\nlet f: (ended: number) => void;\nlet x = y as { made: 1 };\n`;
  assert.equal(strip(IMPORT + text), text);
});

test("a hook outside of trace code is refused, with its place", () => {
  assert.equal(
    refusal(`open();\nmade("file", {});\n`),
    'Cannot strip trace code: found "made" used outside of trace code, wanted `if (TRACE) …` (src/file.ts:3)',
  );
});

test("every other use of the flag is refused", () => {
  const wanted = "wanted `if (TRACE) …` or `TRACE ? … : …` (src/file.ts:2)";
  for (const text of [
    "let on = TRACE;",
    "if (TRACE && x) open();",
    "if (!TRACE) open();",
    "TRACE && open();",
    "const all = { TRACE };",
    "export { TRACE };",
    "open(TRACE as boolean);",
    "while (TRACE) open();",
    "!TRACE ? open() : shut();",
  ]) {
    assert.ok(refusal(text).endsWith(wanted), text);
  }
});

test("an `else` is refused", () => {
  assert.match(refusal(`if (TRACE) made("file", {});\nelse open();`), /found an "else" .*\(src\/file\.ts:3\)$/);
});

test("a hook in what stays of a choice is refused", () => {
  assert.match(refusal(`open(TRACE ? 1 : made);`), /"made" used outside of trace code.*\(src\/file\.ts:2\)$/);
});

test("other ways to the module are refused", () => {
  for (const text of [
    `import * as trace from "#trace";`,
    `import trace from "#trace";`,
    `import "#trace";`,
    `import { TRACE as on } from "#trace";`,
    `export * from "#trace";`,
    `export { made } from "#trace";`,
    `const trace = await import("#trace");`,
  ]) {
    assert.throws(() => strip(text), /^Error: Cannot strip trace code: found .*, wanted .* \(src\/file\.ts:1\)$/, text);
  }
});

test("what is no TypeScript is refused", () => {
  assert.throws(() => strip(`${IMPORT}if (`), /^Error: Cannot parse "src\/file\.ts": /);
});
