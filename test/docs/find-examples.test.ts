/** The convention of find-examples.ts, on small documents. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findExamples } from "./find-examples.ts";

const PLACE = { folder: "/project/.tmp/x", root: "/project" };

test("a block fenced as ts is a module, with its lines where they stand in the page", () => {
  const page = "# Title\n\n```sh\nmake\n```\n\n- item\n\n  ```ts\n  run();\n    nested();\n  ```\n";
  const [example, ...others] = findExamples("docs/a.md", page, PLACE);
  assert.deepEqual(others, []);
  assert.deepEqual(example, {
    path: "docs/a.md",
    line: 10,
    count: 1,
    source: `${"\n".repeat(9)}run();\n  nested();`,
    prints: [],
  });
});

test("relative imports of a fenced example start at its file, and its ports become 0", () => {
  const source = `/**\n * \`\`\`ts\n * import { a } from "./b.ts";\n * a({ port: 3000 });\n * \`\`\`\n */\nexport const x = 1;\n`;
  const [example] = findExamples("packages/lunet/src/co/a.ts", source, PLACE);
  assert.equal(example?.source.trimStart(), `import { a } from "../../packages/lunet/src/co/b.ts";\na({ port: 0 });`);
  assert.equal(example.line, 3);
});

test("a fenced example prints what stands behind its console.log", () => {
  const page = "```ts\nconsole.log(1 + 1); // 2\nconsole.log('x');\nf(); // no output\n```\n";
  assert.deepEqual(findExamples("docs/a.md", page, PLACE)[0]?.prints, ["2"]);
});

test("the one-liners of a file are one module, in which they are compared with what they give", () => {
  const source = `/** Doubles.\n * @example double("a // b".length) // 12\n */\nexport function double(n: number) {}\n/** @example\n * new Box()\n */\nexport class Box {}\nexport interface Shape {}\n`;
  const [example, ...others] = findExamples("packages/lunet/src/co/a.ts", source, PLACE);
  assert.deepEqual(others, []);
  assert.equal(example?.count, 2);
  assert.deepEqual(example.source.split("\n"), [
    `import assert from "node:assert/strict"; import { double, Box } from "../../packages/lunet/src/co/a.ts";`,
    `assert.deepEqual(double("a // b".length), 12);`,
    "",
    "",
    "",
    "void (new Box());",
  ]);
});

test("an example that is no single line and has no fence is refused, with its place", () => {
  const source = "/**\n * @example\n * const a = 1;\n * f(a);\n */\nexport const x = 1;\n";
  assert.throws(() => findExamples("packages/lunet/src/co/a.ts", source, PLACE), /co\/a\.ts:2: found no single line/);
});

test("a fence that is not closed is refused, with its place", () => {
  assert.throws(() => findExamples("docs/a.md", "text\n```ts\nf();\n", PLACE), /docs\/a\.md:2: found no closing fence/);
});
