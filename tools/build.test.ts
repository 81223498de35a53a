/** What `make build-debug` leaves behind, in a copy of the sources. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { copySources } from "./package-sources.ts";

const RUN_TIMEOUT_MS = 60_000;
const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const copy = mkdtempSync(join(tmpdir(), "lunet-build-script-"));
after(() => rmSync(copy, { recursive: true }));

const sources = join(copy, "packages", "lunet");
mkdirSync(sources, { recursive: true });
copySources(join(root, "packages", "lunet"), sources);
for (const name of ["README.md", "LICENSE"]) copyFileSync(join(root, name), join(copy, name));
symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));

interface Manifest {
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

test("the trace part alone is a package of its own, which names what is in it and runs under its condition", async () => {
  await build();
  const debug = join(copy, "dist", "lunet-debug");
  const manifest = JSON.parse(readFileSync(join(debug, "package.json"), "utf8")) as Manifest;
  assert.equal(manifest.bin, undefined);
  assert.deepEqual(
    new Set(Object.values(manifest.exports).flatMap((conditions) => Object.keys(conditions))),
    new Set(["lunet-trace"]),
  );
  const named = Object.values(manifest.exports).flatMap((conditions) => Object.values(conditions));
  assert.deepEqual(
    named.filter((path) => !existsSync(join(debug, path))),
    [],
  );
  assert.equal(existsSync(join(sources, "dist")), false);
  const program = `import { TRACE } from "lunet/trace"; console.log(TRACE, import.meta.resolve("lunet/trace"));`;
  const args = ["--conditions=lunet-trace", "--input-type=module", "--eval", program];
  // A package finds itself by its own name.
  const { stdout } = await run(process.execPath, args, { cwd: debug, timeout: RUN_TIMEOUT_MS });
  assert.equal(stdout, `true ${pathToFileURL(join(realpathSync(debug), "trace", "trace", "mod.js")).href}\n`);
});

test("the trace part alone leaves the package that was built before as it is, and moves its own last one away", async () => {
  const built = join(sources, "dist");
  for (const part of ["release", "trace", "types"]) mkdirSync(join(built, part), { recursive: true });
  const files = ["package.json", "release/mod.js", "trace/mod.js", "types/mod.d.ts"];
  for (const file of files) writeFileSync(join(built, file), `of the whole package: ${file}`);
  await build();
  const stdout = await build();
  assert.deepEqual(globSync("**/*.*", { cwd: built }).toSorted(), files);
  for (const file of files) assert.equal(readFileSync(join(built, file), "utf8"), `of the whole package: ${file}`);
  assert.match(stdout, /^moved dist\/lunet-debug to \.tmp\/\d{8}_\d{6}\/dist\/lunet-debug$/m);
});

/** Builds the trace part alone. The declarations can only be built where the compiler's settings are. */
async function build(): Promise<string> {
  const args = [join(root, "tools", "build.ts"), "--root", copy, "--trace-only"];
  return (await run(process.execPath, args, { timeout: RUN_TIMEOUT_MS })).stdout;
}
