/**
 * The release build pays nothing for the trace code: it is, byte for byte, what is built of sources in which that code
 * was never written.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { parseSync } from "oxc-parser";
import { buildPackage } from "./build-package.ts";
import { copySources, tracedFiles } from "./package-sources.ts";
import { stripTrace } from "./strip-trace.ts";

const COMPILER_TIMEOUT_MS = 60_000;
const root = join(import.meta.dirname, "..");
const sources = join(root, "packages", "lunet");
const temporary = mkdtempSync(join(tmpdir(), "lunet-zero-cost-"));
after(() => rmSync(temporary, { recursive: true }));

/** The sources as they are when the tests begin, which all of them share. */
const asWritten = copyAs("written", sources);
const released = await release(asWritten);
const stripped = copyAs("stripped", asWritten);

test("all trace code of the runtime has one of the forms that can be stripped", () => {
  const refusals: string[] = [];
  for (const file of tracedFiles(stripped)) {
    try {
      edit(stripped, file, (text) => stripTrace(file, text));
    } catch (error) {
      refusals.push((error as Error).message);
    }
  }
  assert.deepEqual(refusals, []);
});

test("the release build is the same, byte for byte, as that of sources without trace code", async () => {
  assert.ok(released.size > 50, "found hardly a file in the build, wanted the runtime");
  assert.deepEqual(differences(released, await release(stripped)), []);
});

test("sources without trace code have nothing left over that only it used", async () => {
  const options = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { noUnusedLocals: true, noUnusedParameters: false, types: ["node"] },
    include: ["src"],
  };
  writeFileSync(join(stripped, "tsconfig.json"), JSON.stringify(options));
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { stdout } = await promisify(execFile)(process.execPath, [compiler, "-p", stripped], {
    cwd: stripped,
    timeout: COMPILER_TIMEOUT_MS,
  }).catch((error: { stdout: string }) => error);
  assert.equal(stdout, "");
});

test("no release file imports from trace/, but that testing and the command line use what `lunet/trace` exports", () => {
  const offNames = exportedValues("off.ts");
  const publicNames = new Set(exportedValues("mod.ts"));
  assert.ok(offNames.includes("TRACE") && offNames.includes("made"));
  const found: string[] = [];
  for (const [file, text] of released) {
    if (file.startsWith("trace/")) continue;
    const allowed = /^(testing|cli)\//.test(file) ? publicNames : new Set<string>();
    for (const { moduleRequest, entries } of parseSync(file, text).module.staticImports) {
      if (!/(^|\/)trace\//.test(moduleRequest.value)) continue;
      const names = entries.map(({ importName }) => importName.name ?? "*");
      for (const name of names) if (!allowed.has(name)) found.push(`${file}: ${name} of ${moduleRequest.value}`);
    }
  }
  assert.deepEqual(found, []);
});

test("no release file loads a module of which it uses nothing", () => {
  const found: string[] = [];
  for (const [file, text] of released)
    for (const { moduleRequest, entries } of parseSync(file, text).module.staticImports)
      if (entries.length === 0) found.push(`${file}: ${moduleRequest.value}`);
  assert.deepEqual(found, []);
});

test("no module of trace/ is in the release build, other than the hooks that do nothing and the public front", () => {
  const files = [...released.keys()].filter((file) => file.startsWith("trace/"));
  assert.deepEqual(
    files.filter((file) => !["trace/off.js", "trace/mod.js"].includes(file)),
    [],
  );
});

/** Each writes trace code that a release would keep, into a file that has some. */
const planted: Readonly<Record<string, (text: string) => string>> = {
  "a hook that is called without the flag": (text) => text.replace("if (TRACE) made(", "made("),
  "a flag that is kept in a variable": (text) =>
    text
      .replace("if (TRACE) made(", "if (on.trace) made(")
      .replace("\nexport class", "\nconst on = { trace: TRACE };\nexport class"),
  "a flag with another name": (text) =>
    text
      .replace("if (TRACE) made(", "if (ON) made(")
      .replace(/import \{ ([^}]*)\bTRACE\b/, "import { $1TRACE, TRACE as ON"),
};

for (const [name, plant] of Object.entries(planted)) {
  test(`${name} is seen: it is in the release build, and cannot be stripped`, async () => {
    const file = "src/fs/file.ts";
    const folder = copyAs(name.replaceAll(" ", "-"), asWritten);
    edit(folder, file, (text) => {
      const withPlant = plant(text);
      assert.notEqual(withPlant, text);
      return withPlant;
    });
    const changed = differences(await release(folder), released).filter((one) => !one.startsWith("trace/"));
    assert.deepEqual(changed, ["fs/file.js differs"]);
    assert.throws(
      () => stripTrace(file, readFileSync(join(folder, file), "utf8")),
      /^Error: Cannot strip trace code: found .*, wanted .* \(src\/fs\/file\.ts:\d+\)$/,
    );
  });
}

/** Copies the sources, and returns the new folder. */
function copyAs(name: string, from: string): string {
  const folder = join(temporary, name);
  copySources(from, folder);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

function edit(folder: string, file: string, change: (text: string) => string): void {
  writeFileSync(join(folder, file), change(readFileSync(join(folder, file), "utf8")));
}

/** Builds a release and returns its modules by name. */
async function release(folder: string): Promise<Map<string, string>> {
  const out = join(folder, "dist");
  await buildPackage({ folder, out, parts: ["release"] });
  const built = join(out, "release");
  return new Map(
    globSync("**/*.js", { cwd: built })
      .toSorted()
      .map((file) => [file, readFileSync(join(built, file), "utf8")]),
  );
}

function differences(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): string[] {
  const files = new Set([...one.keys(), ...other.keys()]);
  return [...files].flatMap((file) => {
    if (!one.has(file) || !other.has(file)) return [`${file} is in one of them`];
    return one.get(file) === other.get(file) ? [] : [`${file} differs`];
  });
}

/** The names that a file of trace/ exports and that are there when a program runs. */
function exportedValues(file: string): string[] {
  const text = readFileSync(join(asWritten, "src", "trace", file), "utf8");
  return parseSync(file, text).module.staticExports.flatMap(({ entries }) =>
    entries.filter((entry) => !entry.isType).map((entry) => String(entry.exportName.name)),
  );
}
