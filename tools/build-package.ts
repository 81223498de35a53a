/*
 * Builds the npm package from its sources, without the network: one module of JavaScript for each module of the
 * sources, so that traces of the stack and the worker thread's file stay where the sources have them.
 *
 *   release/   without trace code: nothing of it is left, which tools/zero-cost.test.ts proves
 *   trace/     with it, chosen by the import condition `lunet-trace`
 *   types/     declarations, for both
 *
 * How the trace code goes: the flag's name is taken out of the import, so that it becomes a free name, which the bundler
 * defines as `false` before it looks at what is used. What follows is the bundler's own elimination of dead code.
 * (Inlining the constant across modules comes too late: the branches go, and the imports of the hooks stay.)
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "oxc-parser";
import { build, type Rolldown } from "tsdown";
import { countUses } from "./name-uses.ts";

/** A part of the package, and the folder that it fills. */
export type Part = "release" | "trace" | "types";

/** What to build and where. */
export interface PackageBuild {
  /** Holds the sources' `package.json` and `src/`. */
  readonly folder: string;
  /** The folder of the finished package. Files that are there already stay, unless they are written anew. */
  readonly out: string;
  readonly parts: readonly Part[];
}

/** The sources' manifest, as far as the package's is made of it. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly type: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, "..");
const CONDITION = "lunet-trace";
const CONDITIONS = ["node", "import", "default"];
/** The modules that export the flag. */
const HAS_FLAG = /^#trace$|\/trace\/mod\.ts$/;
/** Loaded by their place and imported by nobody: threads. */
const THREADS = ["./src/db/sqlite/worker.ts"];

/**
 * Builds the parts, and the `package.json` that names them and nothing else: without the release there is only what the
 * import condition finds.
 *
 * Throws when the bundler warns of anything.
 */
export async function buildPackage({ folder, out, parts }: PackageBuild): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  const fronts = Object.entries(manifest.exports).map(([name, file]) => sourceOf(`exports["${name}"]`, file));
  const programs = Object.entries(manifest.bin ?? {}).map(([name, file]) => sourceOf(`bin.${name}`, file));
  for (const part of parts) {
    const files = part === "types" ? fronts : [...fronts, ...programs, ...THREADS.map((file) => sourceOf(file, file))];
    await buildPart(part, folder, join(out, part), files);
  }
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "package.json"), `${JSON.stringify(packageOf(manifest, parts), null, 2)}\n`);
  for (const program of parts.includes("release") ? programs : [])
    chmodSync(join(out, "release", `${program}.js`), 0o755);
}

/** The path of a module below `src/`, without its ending: what it is called in every part of the package. */
function sourceOf(field: string, file: string): string {
  const name = /^\.\/src\/(.+)\.ts$/.exec(file)?.[1];
  if (name !== undefined) return name;
  throw new Error(`Cannot build the package: found "${file}" in ${field}, wanted "./src/….ts"`);
}

function packageOf(manifest: Manifest, parts: readonly Part[]): object {
  const { name, version, description, license, type, engines, bin, dependencies } = manifest;
  const exports = Object.entries(manifest.exports).map(([subpath, file]) => {
    const module = sourceOf(subpath, file);
    const conditions = {
      ...(parts.includes("types") ? { types: `./types/${module}.d.ts` } : {}),
      ...(parts.includes("trace") ? { [CONDITION]: `./trace/${module}.js` } : {}),
      ...(parts.includes("release") ? { default: `./release/${module}.js` } : {}),
    };
    return [subpath, conditions];
  });
  const commands = parts.includes("release") ? Object.entries(bin ?? {}) : [];
  const programs = commands.map(([command, file]) => [command, `./release/${sourceOf(command, file)}.js`]);
  return {
    name,
    version,
    description,
    license,
    type,
    engines,
    ...(programs.length > 0 ? { bin: Object.fromEntries(programs) as object } : {}),
    exports: Object.fromEntries(exports) as object,
    dependencies,
  };
}

async function buildPart(part: Part, folder: string, outDir: string, modules: readonly string[]): Promise<void> {
  await build({
    config: false,
    cwd: folder,
    entry: Object.fromEntries(modules.map((name) => [name, `src/${name}.ts`])),
    root: join(folder, "src"),
    outDir,
    unbundle: true,
    format: "esm",
    platform: "node",
    target: false,
    tsconfig: join(root, "tsconfig.json"),
    fixedExtension: false,
    hash: false,
    clean: false,
    report: false,
    logLevel: "warn",
    failOnWarn: true,
    // tsdown says so of its declarations whenever the compiler is TypeScript 7; a test compiles a program against ours.
    suppressWarnings: /^TypeScript 7\.\d+ does not yet have a stable API/,
    dts: part === "types" ? { emitDtsOnly: true } : false,
    sourcemap: part !== "types",
    // A module that nobody uses any more would still be loaded. No source imports one for its effect, see freeFlag.
    treeshake: part === "release" ? { moduleSideEffects: false } : true,
    define: part === "release" ? { TRACE: "false" } : {},
    plugins: part === "release" ? [freeFlag, dropUnusedImports] : [],
    inputOptions: {
      resolve: { conditionNames: part === "trace" ? [CONDITION, ...CONDITIONS] : CONDITIONS },
      experimental: { attachDebugInfo: "none", nativeMagicString: true },
    },
    // What a module and its parts are for stands in the declarations, where editors look for it.
    outputOptions: { comments: { legal: true, annotation: true, jsdoc: false } },
  });
}

/** Makes the flag a free name in every module that imports it. Nothing moves, so the source map needs no correction. */
const freeFlag: Rolldown.Plugin = {
  name: "lunet:free-flag",
  transform: {
    filter: { id: /\.ts$/ },
    handler(code, id) {
      let text = code;
      for (const node of parseSync(id, code).program.body) {
        if (node.type !== "ImportDeclaration") continue;
        const module = node.source.value;
        // It would be lost: what is imported in the release build is what is used.
        if (node.specifiers.length === 0)
          throw new Error(`Cannot build "${id}": found an import of "${module}" for its effect, wanted names`);
        for (const { start, end, local } of HAS_FLAG.test(module) ? node.specifiers : []) {
          if (local.name !== "TRACE") continue;
          const comma = /^\s*,/.exec(text.slice(end))?.[0].length ?? 0;
          text = text.slice(0, start) + " ".repeat(end + comma - start) + text.slice(end + comma);
        }
      }
      return { code: text, map: null };
    },
  },
};

/**
 * The bundler keeps the import of a platform module of which a name has become unused here while another module uses
 * it, and so loads the module for nothing. Source maps follow.
 */
const dropUnusedImports: Rolldown.Plugin = {
  name: "lunet:drop-unused-imports",
  renderChunk(code, chunk, _options, meta) {
    const text = meta.magicString;
    if (text === undefined) throw new Error(`Cannot build "${chunk.fileName}": found no magic string, wanted one`);
    const { program } = parseSync(chunk.fileName, code);
    const uses = countUses(program);
    for (const node of program.body) {
      if (node.type !== "ImportDeclaration" || node.specifiers.some(({ local }) => uses.has(local.name))) continue;
      text.remove(node.start, code[node.end] === "\n" ? node.end + 1 : node.end);
    }
    return { code: text };
  },
};
