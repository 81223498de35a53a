/*
 * Checks who uses what, over every source file of the project: `node tools/check-imports.ts [--root folder]`. The rules
 * are in import-rules.ts. Prints one line for each violation, `path:line: rule: message`, and ends with status 1 if
 * there is one.
 */
import { globSync, readFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { checkImports } from "./import-rules.ts";
import { readFacts } from "./source-facts.ts";

const { values } = parseArgs({ options: { root: { type: "string" } } });
const root = resolve(values.root ?? join(import.meta.dirname, ".."));
const patterns = ["packages/*/src", "apps/*", "bench", "examples", "test"].map((folder) => `${folder}/**/*.{ts,tsx}`);
const paths = globSync(patterns, { cwd: root, exclude: (path) => /(^|[\\/])(node_modules|dist)$/.test(path) })
  .map((path) => path.split(sep).join("/"))
  .toSorted();
const files = paths.map((path) => readFacts(path, readFileSync(join(root, path), "utf8")));

const manifest = JSON.parse(readFileSync(join(root, "packages/lunet/package.json"), "utf8")) as { exports: object };
const publicExports = new Set(Object.keys(manifest.exports).map((name) => `lunet${name.slice(1)}`));

const violations = checkImports(files, publicExports);
for (const { path, line, rule, message } of violations) console.log(`${path}:${line}: ${rule}: ${message}`);
console.log(
  `imports: ${files.length} files, ${violations.length === 0 ? "all as they should be" : `${violations.length} violations`}`,
);
process.exitCode = violations.length === 0 ? 0 : 1;
