/*
 * Builds the package `lunet` into packages/lunet/dist/: `node tools/build.ts [--trace-only] [--root folder]`. What is
 * there already is moved to `.tmp/YYYYMMDD_HHMMSS/`; nothing is deleted. With `--trace-only` it builds the trace part
 * alone, as a package of its own in dist/lunet-debug/, and leaves packages/lunet/dist/ as it is.
 */
import { copyFileSync, existsSync, globSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildPackage, type Part } from "./build-package.ts";
import { createStampedFolder } from "./log-folder.ts";

const { values } = parseArgs({
  options: { "trace-only": { type: "boolean", default: false }, root: { type: "string" } },
});
const root = resolve(values.root ?? join(import.meta.dirname, ".."));
const folder = join(root, "packages", "lunet");
const out = values["trace-only"] ? join(root, "dist", "lunet-debug") : join(folder, "dist");
const parts: readonly Part[] = values["trace-only"] ? ["trace"] : ["release", "trace", "types"];

if (existsSync(out)) {
  const target = join(createStampedFolder(join(root, ".tmp")), relative(root, out));
  mkdirSync(dirname(target), { recursive: true });
  renameSync(out, target);
  console.log(`moved ${relative(root, out)} to ${relative(root, target)}`);
}
const started = performance.now();
await buildPackage({ folder, out, parts });
for (const name of ["README.md", "LICENSE"]) copyFileSync(join(root, name), join(out, name));

for (const part of parts) {
  const files = globSync("**/*", { cwd: join(out, part) }).map((file) => join(out, part, file));
  const code = files.filter((file) => /\.(js|d\.ts)$/.test(file));
  const maps = files.filter((file) => file.endsWith(".map"));
  const withMaps = maps.length === 0 ? "" : `, source maps ${kilobytes(maps)}`;
  console.log(`${relative(root, join(out, part))}/: ${code.length} files, ${kilobytes(code)}${withMaps}`);
}
console.log(
  `built in ${((performance.now() - started) / 1000).toFixed(1)} s: ${relative(root, join(out, "package.json"))}`,
);

function kilobytes(files: readonly string[]): string {
  return `${Math.round(files.reduce((sum, file) => sum + statSync(file).size, 0) / 1000)} kB`;
}
