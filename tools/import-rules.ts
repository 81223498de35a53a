/*
 * The rules about who uses what, as pure functions over `SourceFacts`. docs/architecture.md says why they are so.
 *
 *   direction    the folders of the runtime form layers, and imports point down (FOLDERS below)
 *   front-door   a folder is entered through its mod.ts; host, which has none, file by file; trace through "#trace"
 *   public       apps, benchmarks and examples import what the package exports, as any user would
 *   edge         sockets, files, clocks, timers, signals and randomness are reached through host/ alone, each database
 *                through its folder of db/, and what the engine carries along with a coroutine through co/
 *   wait         co/ alone makes promises: everything else waits with suspend() or until(), which a cancel reaches
 *   raw          a `_name` is imported by *.impl.ts, by trace/, and where it becomes safe: by its own folder's mod.ts
 *                and the files that mod.ts exports from
 *   trace        what "#trace" exports is used under `if (TRACE)`, so that nothing of it is left in the release build
 *   cycle        no file imports itself by any way round, types included
 *
 * They are no plugin of oxlint, which can run ours: a plugin sees one file at a time, and raw and cycle need all of them,
 * so the reading and the walking here would stay and an adapter would come on top. oxlint does what needs types.
 */
import { dirname, join, normalize } from "node:path/posix";
import type { ImportFact, SourceFacts, TraceUse, WatchedGlobal } from "./source-facts.ts";

export const RULES = ["direction", "front-door", "public", "edge", "wait", "raw", "trace", "cycle"] as const;
export type Rule = (typeof RULES)[number];

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: Rule;
  /** What was found and what to use instead. */
  readonly message: string;
}

const RUNTIME = "packages/lunet/src/";
/** What runs in browsers alone. */
const IN_BROWSERS = "apps/conduit-web/src/";

/** For each folder of the runtime the folders it may import from. A folder may always import its own files. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  host: [],
  trace: ["host"],
  co: ["trace", "host"],
  time: ["co", "trace", "host"],
  signal: ["co", "trace", "host"],
  fs: ["co", "trace", "host"],
  net: ["co", "trace", "host"],
  // It runs in browsers too.
  client: [],
  http: ["co", "trace", "time", "signal", "fs", "net", "client"],
  db: ["co", "trace", "host", "time", "signal", "fs", "net"],
  workers: ["co", "trace", "host"],
  testing: ["co", "trace", "host", "time", "signal", "fs", "net", "http", "db"],
  cli: ["co", "trace", "host", "time", "signal", "fs", "net", "http", "db", "workers", "testing"],
};

/** Folders that read what the ledger keeps, and so may import trace/mod.ts beside "#trace". */
const TRACE_READERS = ["testing", "cli"];

/** What a file must not use, and what it uses instead. */
interface Restriction {
  readonly instead: string;
  /** Beginnings of the paths that may use it too, beside host/ and tests; given when host/ has nothing to offer. */
  readonly allowedIn?: readonly string[];
  /** "edge" unless given. */
  readonly rule?: Rule;
}

const NET = { instead: "lunet/net" };
const HTTP = { instead: "lunet/http" };
const FS = { instead: "lunet/fs" };
const TIME = { instead: "lunet/time" };
const DATABASE = "open() of lunet/db";
/** It looks at a server past lunet, to see what lunet does there. */
const REAL_DATABASES = `${RUNTIME}testing/real-databases.ts`;
/** What the tests of this project use, Conduit's too, and no user gets: testing/mod.ts does not export it. */
const FOR_TESTS = [REAL_DATABASES, `${RUNTIME}testing/network-suite.ts`];

/** Modules of the platform that belong to one place. */
const MODULES: Readonly<Record<string, Restriction>> = {
  net: NET,
  tls: NET,
  dgram: NET,
  dns: NET,
  "dns/promises": NET,
  http: HTTP,
  https: HTTP,
  http2: HTTP,
  fs: FS,
  "fs/promises": FS,
  timers: TIME,
  "timers/promises": TIME,
  perf_hooks: TIME,
  // They give under other names what is watched as a global: process.on, require("node:net").
  process: { instead: "the global process", allowedIn: [] },
  module: { instead: "import", allowedIn: [] },
  sqlite: { instead: DATABASE, allowedIn: [`${RUNTIME}db/sqlite/`] },
  pg: { instead: DATABASE, allowedIn: [`${RUNTIME}db/postgres/`, REAL_DATABASES] },
  mariadb: { instead: DATABASE, allowedIn: [`${RUNTIME}db/mariadb/`, REAL_DATABASES] },
  cookie: { instead: "cookies() and setCookie() of lunet/http", allowedIn: [`${RUNTIME}http/middleware/`] },
  ws: { instead: "webSocket() of lunet/http", allowedIn: [`${RUNTIME}http/web-socket/`] },
  async_hooks: {
    instead: "spawn(), scope() or captureContext() of lunet, which carry the coroutine along",
    allowedIn: [
      `${RUNTIME}co/`,
      // The open transaction is ambient as the scope is.
      `${RUNTIME}db/transaction.ts`,
      // What a wait's start sets going is known by its context, as whose scope it is.
      `${RUNTIME}trace/waits.ts`,
      // It calls what must be refused where no coroutine is, and lunet has no way out of a coroutine.
      `${RUNTIME}testing/database-suite.ts`,
    ],
  },
};

/** What node:async_hooks exports that costs nothing measurable while it is in use. */
const CHEAP_ASYNC_HOOKS = ["AsyncLocalStorage", "AsyncResource"];

const MONOTONIC = { instead: "monotonicMs() of lunet/time" };
const WALL = { instead: "wallMs() of lunet/time" };
const SIGNAL = { instead: "waitSignal() of lunet/signal" };
/** An application may be a client of other servers, under until(): lunet has no HTTP client. */
const CLIENT = { instead: "connect() of lunet/net", allowedIn: ["apps/", "examples/", `${RUNTIME}client/`] };
const PROMISE: Restriction = {
  rule: "wait",
  instead: "suspend() of lunet, or until() for a promise of somebody else's",
  allowedIn: [`${RUNTIME}co/`],
};

const GLOBALS: Readonly<Record<WatchedGlobal, Restriction>> = {
  "Date.now": WALL,
  "Date()": WALL,
  "new Date()": { instead: "new Date(wallMs()) with lunet/time" },
  "Temporal.Now": WALL,
  "performance.now": MONOTONIC,
  "process.hrtime": MONOTONIC,
  "process.uptime": MONOTONIC,
  setTimeout: { instead: "sleep() or withDeadline() of lunet" },
  setInterval: { instead: "ticks() of lunet/time" },
  setImmediate: { instead: "giveWay() of lunet" },
  "AbortSignal.timeout": { instead: "withDeadline() of lunet" },
  "Math.random": { instead: "node:crypto, or a seeded generator that the caller gives", allowedIn: [] },
  fetch: CLIENT,
  WebSocket: CLIENT,
  EventSource: CLIENT,
  "process.on": SIGNAL,
  "process.once": SIGNAL,
  "process.addListener": SIGNAL,
  "process.getBuiltinModule": { instead: "import", allowedIn: [] },
  "new Promise()": PROMISE,
  "Promise.withResolvers": PROMISE,
};

/** Checks every rule over all files, given by their paths from the root, with `/`. The result is in file order. */
export function checkImports(files: readonly SourceFacts[], publicExports: ReadonlySet<string>): Violation[] {
  const context = { files, publicExports, fronts: findFronts(files) };
  const violations = files.flatMap((file) => [
    ...file.imports.flatMap((one) => checkImport(file.path, one, context)),
    ...checkGlobals(file),
    ...checkTrace(file),
  ]);
  return [...violations, ...findCycles(files)];
}

interface Context {
  readonly files: readonly SourceFacts[];
  readonly publicExports: ReadonlySet<string>;
  /** The front doors, and the files whose names they export. */
  readonly fronts: ReadonlySet<string>;
}

function findFronts(files: readonly SourceFacts[]): Set<string> {
  const doors = files.filter((file) => file.path.startsWith(RUNTIME) && file.path.endsWith("/mod.ts"));
  const behind = doors.flatMap((door) => door.imports.map((one) => resolveImport(door.path, one.specifier)));
  return new Set([...doors.map((door) => door.path), ...behind.filter((path) => path !== undefined)]);
}

function checkImport(path: string, one: ImportFact, context: Context): Violation[] {
  const { publicExports, fronts } = context;
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
    else if (to === "trace") {
      const readsLedger = TRACE_READERS.includes(from) && target === `${RUNTIME}trace/mod.ts`;
      if (one.specifier !== "#trace" && !readsLedger && !isTest(path))
        add("front-door", `imports "${target}", of whichever build this is; use "#trace"`);
    } else if (to !== "host" && !target.endsWith(`/${to}/mod.ts`) && !isRaw(one) && !isForTests(path, target))
      add("front-door", `imports "${target}" past its front door; use "${RUNTIME}${to}/mod.ts"`);
  }
  if (usesPublicExportsOnly(path)) {
    if (target?.startsWith("packages/") && !isForTests(path, target))
      add("public", `imports "${target}"; use a public export: ${list([...publicExports])}`);
    if (/^lunet(\/|$)/.test(one.specifier) && !publicExports.has(one.specifier))
      add("public", `imports "${one.specifier}", which the package does not export; use ${list([...publicExports])}`);
  }
  const module = one.specifier.replace(/^node:/, "");
  const restriction = MODULES[module];
  if (restriction !== undefined && isRestricted(path, restriction))
    add("edge", `imports "${one.specifier}"; use ${insteadOf(path, restriction)}`);
  const costly = module === "async_hooks" ? one.names.filter((name) => !CHEAP_ASYNC_HOOKS.includes(name)) : [];
  for (const name of costly)
    add(
      "edge",
      `imports "${name}" of "${one.specifier}", whose hooks cost 10 to 300 times a wait; use ${list(CHEAP_ASYNC_HOOKS)}`,
    );

  for (const name of one.names) {
    if (name.startsWith("_") && target !== undefined && !mayImportRaw(path, target, fronts))
      add("raw", `imports "${name}" from "${target}"; use ${wrappersOf(name, target, context)}`);
  }
  return found;
}

function checkGlobals({ path, globals }: SourceFacts): Violation[] {
  return globals.flatMap(({ name, line }) => {
    const restriction = GLOBALS[name];
    if (!isRestricted(path, restriction)) return [];
    const message = `uses ${name}; use ${insteadOf(path, restriction)}`;
    return [{ path, line, rule: restriction.rule ?? "edge", message }];
  });
}

/** What stands beside or below a wrapper uses what the wrapper uses. */
function insteadOf(path: string, { instead, rule = "edge", allowedIn }: Restriction): string {
  const reachesHost = FOLDERS[folderOf(path) ?? ""]?.includes("host") ?? false;
  return reachesHost && rule === "edge" && allowedIn === undefined ? `${instead}, or what host/ has` : instead;
}

function checkTrace({ path, unguarded }: SourceFacts): Violation[] {
  if (isTest(path) || folderOf(path) === "trace") return [];
  return unguarded.map(({ name, line }) => ({ path, line, rule: "trace", message: explainUnguarded(name) }));
}

function explainUnguarded(name: TraceUse["name"]): string {
  const guard = "`if (TRACE) …` without else, or `TRACE ? … : …`";
  if (name === "*")
    return 'takes "#trace" whole, which stays in the release build; use `import { TRACE, … } from "#trace"`';
  if (name === "TRACE") return `uses TRACE in another form, so what it guards stays in the release build; use ${guard}`;
  if (name.includes(" as ")) return `imports ${name} of "#trace", which hides what it is; use its own name`;
  return `uses ${name} of "#trace" unguarded, so it stays in the release build; use ${guard} around it`;
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

function isForTests(path: string, target: string): boolean {
  return isTest(path) && FOR_TESTS.includes(target);
}

function usesPublicExportsOnly(path: string): boolean {
  return /^(apps|bench|examples)\//.test(path);
}

/** Tests may look at the world to check what the runtime says about it; benchmarks measure from outside; a browser has no coroutines. */
function isRestricted(path: string, { allowedIn = [] }: Restriction): boolean {
  if (isTest(path) || allowedIn.some((start) => path.startsWith(start))) return false;
  return (
    (/^(apps\/[^/]+\/src|examples)\//.test(path) && !path.startsWith(IN_BROWSERS)) ||
    (path.startsWith(RUNTIME) && folderOf(path) !== "host")
  );
}

/** Raw names have no front door; the rule "raw" alone says who may import them. */
function isRaw({ names }: ImportFact): boolean {
  return names.length > 0 && names.every((name) => name.startsWith("_"));
}

function mayImportRaw(path: string, target: string, fronts: ReadonlySet<string>): boolean {
  if (path.endsWith(".impl.ts") || isTest(path) || folderOf(path) === "trace") return true;
  return folderOf(path) === folderOf(target) && fronts.has(path);
}

/** What the folder of `target` exports around the raw `name`: by its name, or else by the files that import it. */
function wrappersOf(name: string, target: string, { files }: Context): string {
  if (folderOf(target) === undefined) return "what stands around it in its file";
  const door = `${RUNTIME}${folderOf(target)}/mod.ts`;
  const exported = files.find((file) => file.path === door)?.imports ?? [];
  const inner = files.filter(
    (file) =>
      folderOf(file.path) === folderOf(target) &&
      file.imports.some((one) => resolveImport(file.path, one.specifier) === target && one.names.includes(name)),
  );
  const wrappers = exported
    .filter((one) => inner.some((file) => file.path === resolveImport(door, one.specifier)))
    // Functions; what begins with a capital is a class or a type, and wraps nothing.
    .flatMap((one) => one.names.filter((each) => /^[a-z]/.test(each)));
  const [plain] = exported.flatMap((one) => one.names.filter((each) => `_${each}` === name));
  const best = plain === undefined ? wrappers : [plain];
  return best.length === 0 ? `what "${door}" exports, or name this file *.impl.ts` : `${list(best)} of "${door}"`;
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
