/** What the package exports: every subpath loads in both builds, and every name, types included, is documented. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { parseSync, type StaticExportEntry } from "oxc-parser";

const LOAD_TIMEOUT_MS = 30_000;

const root = join(import.meta.dirname, "..", "..");
const folder = join(root, "packages", "lunet");
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string>>;
};
const subpaths = Object.entries(manifest.exports).map(([name, file]) => ({
  name: `lunet${name.slice(1)}`,
  file: join(folder, file),
}));

for (const { name, file } of subpaths) {
  for (const conditions of [[], ["--conditions=lunet-trace"]]) {
    test(`"${name}" loads in the ${conditions.length === 0 ? "release" : "trace"} build, and writes nothing`, async () => {
      const program = `const names = Object.keys(await import(${JSON.stringify(name)})); if (names.length === 0) throw new Error("found no export");`;
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        [...conditions, "--input-type=module", "--eval", program],
        { cwd: root, timeout: LOAD_TIMEOUT_MS },
      );
      assert.deepEqual({ stdout, stderr }, { stdout: "", stderr: "" });
    });
  }

  test(`every export of "${name}" has a doc comment where it is declared`, () => {
    const missing = exportsOf(file).filter(({ documented }) => !documented);
    assert.deepEqual(
      missing.map(({ name: missed, place }) => `${missed} in ${place}`),
      [],
    );
  });

  test(`no export of "${name}" is one of the raw names, which begin with an underscore`, () => {
    assert.deepEqual(
      exportsOf(file).filter((one) => one.name.startsWith("_")),
      [],
    );
  });
}

/** A name that a file exports, where it is declared, and whether a doc comment stands before it there or on the way. */
interface Export {
  readonly name: string;
  readonly place: string;
  readonly documented: boolean;
}

function exportsOf(file: string): Export[] {
  const source = parse(file);
  return source.statements.flatMap((statement) =>
    statement.entries.flatMap((entry): Export[] => {
      const from = entry.moduleRequest === null ? undefined : fileBehind(file, entry.moduleRequest.value);
      if (from === undefined) return [declaredHere(source, statement.start, entry)];
      const behind = exportsOf(from);
      if (entry.exportName.name === null && entry.importName.name === null) return behind;
      const found = behind.find(({ name }) => name === entry.importName.name);
      const name = String(entry.exportName.name);
      if (found === undefined) return [{ name, place: relative(root, from), documented: false }];
      return [{ ...found, name, documented: found.documented || source.isDocumented(entry.start) }];
    }),
  );
}

/** The file that an export comes from; of the two behind `#trace` the one whose types count. */
function fileBehind(file: string, specifier: string): string {
  return specifier === "#trace" ? join(folder, "src", "trace", "off.ts") : join(dirname(file), specifier);
}

function declaredHere(source: Source, start: number, entry: StaticExportEntry): Export {
  const declaration = source.declarations.get(String(entry.localName.name)) ?? start;
  return {
    name: entry.exportName.name ?? "default",
    place: relative(root, source.file),
    documented: [start, entry.start, declaration].some(source.isDocumented),
  };
}

interface Source {
  readonly file: string;
  readonly statements: ReadonlyArray<{ readonly start: number; readonly entries: readonly StaticExportEntry[] }>;
  /** Where what is declared at the top of the file begins, by name. */
  readonly declarations: ReadonlyMap<string, number>;
  /** Whether a doc comment stands right before this place. */
  readonly isDocumented: (start: number) => boolean;
}

function parse(file: string): Source {
  const text = readFileSync(file, "utf8");
  const { program, comments, module } = parseSync(file, text);
  const docs = comments.filter(
    ({ type, value }) => type === "Block" && value.startsWith("*") && !/@module/.test(value),
  );
  const isDocumented = (start: number): boolean =>
    docs.some((doc) => doc.end <= start && /^(\s|\/\/.*\n)*$/.test(text.slice(doc.end, start)));
  const declarations = new Map<string, number>();
  for (const node of program.body)
    if ("id" in node && node.id?.type === "Identifier") declarations.set(node.id.name, node.start);
  return { file, statements: module.staticExports, declarations, isDocumented };
}
