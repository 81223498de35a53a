/*
 * The rules about who imports what, as pure functions over `SourceFacts`. docs/architecture.md says why they are so.
 *
 *   direction    the folders of the runtime form layers, and imports point down (FOLDERS below)
 *   front-door   a folder is entered through its mod.ts; host and trace, which have none, file by file
 *   public       apps, benchmarks and examples import what the package exports, as any user would
 *   edge         sockets, files, clocks, timers and randomness are reached through host/ alone
 *   raw          a `_name` is imported by *.impl.ts, by trace/, and where it becomes safe: by its own folder's mod.ts
 *                and the files that mod.ts exports from
 *   cycle        no file imports itself by any way round, types included
 */
import { dirname, join, normalize } from "node:path/posix";
import type { ImportFact, SourceFacts } from "./source-facts.ts";

export type Rule = "direction" | "front-door" | "public" | "edge" | "raw" | "cycle";

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: Rule;
  /** What was found and what to use instead. */
  readonly message: string;
}

const RUNTIME = "packages/lunet/src/";

/** For each folder of the runtime the folders it may import from. A folder may always import its own files. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  host: [],
  trace: ["host"],
  co: ["trace", "host"],
  time: ["co", "trace", "host"],
  signal: ["co", "trace", "host"],
  fs: ["co", "trace", "host"],
  net: ["co", "trace", "host"],
  http: ["co", "trace", "time", "signal", "fs", "net"],
  db: ["co", "trace", "host", "time", "signal", "fs", "net"],
  testing: ["co", "trace", "host", "time", "signal", "fs", "net", "http", "db"],
  cli: ["co", "trace", "time", "signal", "fs", "net", "http", "db"],
};

/** Folders without a front door. */
const ENTERED_BY_FILE = new Set(["host", "trace"]);

/** Modules of the platform that only host/ may import, and what everybody else uses. */
const EDGE_MODULES: Readonly<Record<string, string>> = {
  net: "lunet/net",
  tls: "lunet/net",
  dgram: "lunet/net",
  dns: "lunet/net",
  "dns/promises": "lunet/net",
  http: "lunet/http",
  https: "lunet/http",
  http2: "lunet/http",
  fs: "lunet/fs",
  "fs/promises": "lunet/fs",
  timers: "lunet/time",
  "timers/promises": "lunet/time",
  perf_hooks: "lunet/time",
};

const EDGE_GLOBALS: Readonly<Record<string, string>> = {
  "Date.now": "wallMs() of lunet/time",
  "Date()": "wallMs() of lunet/time",
  "new Date()": "new Date(wallMs()) with lunet/time",
  "performance.now": "monotonicMs() of lunet/time",
  "process.hrtime": "monotonicMs() of lunet/time",
  setTimeout: "sleep() or withDeadline() of lunet",
  setInterval: "ticks() of lunet/time",
  setImmediate: "sleep(0) of lunet",
  "Math.random": "node:crypto, or a seeded generator that the caller gives",
};

/** Checks every rule over all files, given by their paths from the root, with `/`. The result is in file order. */
export function checkImports(files: readonly SourceFacts[], publicExports: ReadonlySet<string>): Violation[] {
  const context = { publicExports, fronts: findFronts(files) };
  const violations = files.flatMap((file) => [
    ...file.imports.flatMap((one) => checkImport(file.path, one, context)),
    ...checkGlobals(file),
  ]);
  return [...violations, ...findCycles(files)];
}

interface Context {
  readonly publicExports: ReadonlySet<string>;
  /** The front doors, and the files whose names they export. */
  readonly fronts: ReadonlySet<string>;
}

function findFronts(files: readonly SourceFacts[]): Set<string> {
  const doors = files.filter((file) => file.path.startsWith(RUNTIME) && file.path.endsWith("/mod.ts"));
  const behind = doors.flatMap((door) => door.imports.map((one) => resolveImport(door.path, one.specifier)));
  return new Set([...doors.map((door) => door.path), ...behind.filter((path) => path !== undefined)]);
}

function checkImport(path: string, one: ImportFact, { publicExports, fronts }: Context): Violation[] {
  const found: Violation[] = [];
  const add = (rule: Rule, message: string) => found.push({ path, line: one.line, rule, message });
  const target = resolveImport(path, one.specifier);
  const from = folderOf(path);
  const to = target === undefined ? undefined : folderOf(target);

  if (from !== undefined && target !== undefined && to !== from) {
    const allowed = isTest(path) ? Object.keys(FOLDERS) : (FOLDERS[from] ?? []);
    if (to === undefined)
      add("direction", `the runtime imports "${target}", which stands above it; move what both need into the runtime`);
    else if (!allowed.includes(to)) add("direction", `${from}/ imports ${to}/; ${from}/ may import ${list(allowed)}`);
    else if (!ENTERED_BY_FILE.has(to) && !target.endsWith(`/${to}/mod.ts`) && !isRawImport(path, one))
      add("front-door", `imports "${target}" past its front door; use "${RUNTIME}${to}/mod.ts"`);
  }
  if (usesPublicExportsOnly(path)) {
    if (target?.startsWith("packages/"))
      add("public", `imports "${target}"; use a public export: ${list([...publicExports])}`);
    if (/^lunet(\/|$)/.test(one.specifier) && !publicExports.has(one.specifier))
      add("public", `imports "${one.specifier}", which the package does not export; use ${list([...publicExports])}`);
  }
  const instead = EDGE_MODULES[one.specifier.replace(/^node:/, "")];
  if (instead !== undefined && staysOffTheEdge(path)) add("edge", `imports "${one.specifier}"; use ${instead}`);

  for (const name of one.names) {
    if (name.startsWith("_") && target !== undefined && !mayImportRaw(path, target, fronts))
      add(
        "raw",
        `imports "${name}" from "${target}"; use the name that its folder's mod.ts exports, or name this file *.impl.ts`,
      );
  }
  return found;
}

function checkGlobals({ path, globals }: SourceFacts): Violation[] {
  if (!staysOffTheEdge(path)) return [];
  return globals.map(({ name, line }) => ({
    path,
    line,
    rule: "edge",
    message: `uses ${name}; use ${EDGE_GLOBALS[name]}`,
  }));
}

/** The file that a relative import names, from the root. Packages and `node:` modules have none. */
function resolveImport(path: string, specifier: string): string | undefined {
  if (specifier === "#trace") return `${RUNTIME}trace/off.ts`;
  return specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : undefined;
}

/** The folder of the runtime that a file stands in, or undefined for a file outside the runtime. */
function folderOf(path: string): string | undefined {
  return path.startsWith(RUNTIME) ? path.slice(RUNTIME.length).split("/", 1)[0] : undefined;
}

function isTest(path: string): boolean {
  return /\.(test|fuzz)\.ts$/.test(path);
}

function usesPublicExportsOnly(path: string): boolean {
  return /^(apps|bench|examples)\//.test(path);
}

/** Tests may look at the world to check what the runtime says about it; benchmarks measure from outside. */
function staysOffTheEdge(path: string): boolean {
  if (isTest(path)) return false;
  return /^(apps\/[^/]+\/src|examples)\//.test(path) || (path.startsWith(RUNTIME) && folderOf(path) !== "host");
}

function isRawImport(path: string, one: ImportFact): boolean {
  return path.endsWith(".impl.ts") && one.names.every((name) => name.startsWith("_"));
}

function mayImportRaw(path: string, target: string, fronts: ReadonlySet<string>): boolean {
  if (path.endsWith(".impl.ts") || isTest(path) || folderOf(path) === "trace") return true;
  return folderOf(path) === folderOf(target) && fronts.has(path);
}

/** One violation for each import that leads back to a file on the way to it. */
function findCycles(files: readonly SourceFacts[]): Violation[] {
  const known = new Set(files.map((file) => file.path));
  const edges = new Map(
    files.map((file) => [
      file.path,
      file.imports.flatMap((one) => {
        const to = resolveImport(file.path, one.specifier);
        return to !== undefined && known.has(to) ? [{ to, line: one.line }] : [];
      }),
    ]),
  );
  const found: Violation[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const walk = (path: string) => {
    trail.push(path);
    for (const { to, line } of edges.get(path) ?? []) {
      const at = trail.indexOf(to);
      if (at !== -1) {
        const way = [...trail.slice(at), to].join(" -> ");
        found.push({
          path,
          line,
          rule: "cycle",
          message: `closes the cycle ${way}; move what both need into a file below them`,
        });
      } else if (!done.has(to)) walk(to);
    }
    trail.pop();
    done.add(path);
  };
  for (const path of edges.keys()) if (!done.has(path)) walk(path);
  return found;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "nothing outside itself" : names.join(", ");
}
