/*
 * Builds the web UI into apps/conduit-web/dist/: `node tools/web-build.ts [--if-needed] [--root folder]`. With `--if-needed`
 * it does so only when a source is newer than what is there, and never when `WEB` names another folder, or none.
 *
 * - Vite builds into a fresh folder below `.tmp/`. From there the files are moved one by one: first what has a hash in its name,
 *   the document last. So whoever is served meanwhile gets the old UI or the new one, with all its files, at any moment.
 * - Each text file gets one in brotli and one in gzip beside it, where these are smaller.
 * - Assets of the build before stay, for pages that were loaded from it and load more of it later. What is older is moved to
 *   `.tmp/YYYYMMDD_HHMMSS/`; nothing is deleted.
 * - A UI whose JavaScript at first load is over the limit is not taken.
 */
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { createStampedFolder } from "./log-folder.ts";

/** The most JavaScript, in bytes of brotli, that a browser needs before it shows anything. */
export const MAX_FIRST_LOAD_BYTES = 40_000;

const WEB = join("apps", "conduit-web");
const DOCUMENT = "index.html";
/** Begins with a dot, so that no server of files shows it. */
const RECORD = ".build.json";
/** What the UI is made of, from the root. A folder is newer when a file in it was taken away. */
const SOURCES = [
  "package-lock.json",
  `${WEB}/{${DOCUMENT},vite.config.ts,tsconfig.json,package.json}`,
  `${WEB}/{src,public}/**`,
];
const TEXT = new Set([".html", ".js", ".css", ".svg", ".json", ".txt", ".map", ".webmanifest", ".xml"]);

/** One file of the UI. */
export interface WebFile {
  /** From `dist/`, with `/`. */
  readonly name: string;
  readonly bytes: number;
  /** Of what lies beside it; undefined where that would not be smaller. */
  readonly brotliBytes: number | undefined;
  readonly gzipBytes: number | undefined;
}

export interface WebBuild {
  readonly files: readonly WebFile[];
  /** The scripts that the document runs, with all that they import, dynamic imports apart. */
  readonly firstLoad: readonly string[];
  /** Of those in brotli, or as they are where that is smaller. */
  readonly firstLoadBytes: number;
}

/** What a build leaves in `dist/` for the next one. */
interface BuildRecord {
  /** When it began: what was changed later is not in it. */
  readonly startedMs: number;
  readonly names: readonly string[];
}

/** Whether the UI is built, and no source of it is newer. */
export function isWebCurrent(root: string): boolean {
  const record = readRecord(join(root, WEB, "dist"));
  if (record === undefined || !existsSync(join(root, WEB, "dist", DOCUMENT))) return false;
  return globSync(SOURCES, { cwd: root }).every((name) => statSync(join(root, name)).mtimeMs < record.startedMs);
}

/**
 * Builds the UI of the project at `root`.
 *
 * @throws Error when Vite cannot build it, or its first load is over the limit; then what is there stays as it is.
 */
export async function buildWeb(root: string): Promise<WebBuild> {
  const startedMs = Date.now();
  const stamped = createStampedFolder(join(root, ".tmp"));
  const fresh = join(stamped, "fresh");
  const firstLoad = await runVite(join(root, WEB), fresh);
  const files = filesIn(fresh)
    .toSorted()
    .map((name) => compressFile(fresh, name));
  const firstLoadBytes = files
    .filter(({ name }) => firstLoad.includes(name))
    .reduce((sum, { bytes, brotliBytes }) => sum + (brotliBytes ?? bytes), 0);
  if (firstLoadBytes > MAX_FIRST_LOAD_BYTES) {
    throw new Error(
      `Cannot take the web UI: found ${firstLoadBytes} bytes of JavaScript at first load (${firstLoad.join(", ")}), limit is ${MAX_FIRST_LOAD_BYTES}`,
    );
  }
  const out = join(root, WEB, "dist");
  const before = readRecord(out)?.names ?? [];
  const names = filesIn(fresh);
  publish(fresh, out, names);
  writeFileSync(join(out, RECORD), JSON.stringify({ startedMs, names } satisfies BuildRecord));
  const kept = new Set([...names, ...before.filter(isAsset), RECORD]);
  for (const name of filesIn(out)) if (!kept.has(name)) moveAway(join(out, name), join(stamped, WEB, "dist", name));
  // Nothing but folders is left of it.
  rmSync(fresh, { recursive: true });
  if (readdirSync(stamped).length === 0) rmdirSync(stamped);
  return { files, firstLoad, firstLoadBytes };
}

/** Builds into `out`, and gives the scripts of the first load. */
async function runVite(folder: string, out: string): Promise<string[]> {
  // Whoever only asks whether there is anything to build does not wait for it to be loaded.
  const { build } = await import("vite");
  const built = await build({
    root: folder,
    configFile: join(folder, "vite.config.ts"),
    // By Node, which reads TypeScript, and not from a copy that is written beside it.
    configLoader: "native",
    mode: "production",
    logLevel: "warn",
    build: { outDir: out, emptyOutDir: true },
  });
  const outputs = Array.isArray(built) ? built.flatMap(({ output }) => output) : "output" in built ? built.output : [];
  const imports = new Map(outputs.flatMap((one) => (one.type === "chunk" ? [[one.fileName, one.imports]] : [])));
  const wanted = outputs.flatMap((one) => (one.type === "chunk" && one.isEntry ? [one.fileName] : []));
  const found = new Set<string>();
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    wanted.push(...(imports.get(name) ?? []));
  }
  return [...found].toSorted();
}

function compressFile(folder: string, name: string): WebFile {
  const path = join(folder, name);
  const content = readFileSync(path);
  const isText = TEXT.has(extname(name));
  const keep = (suffix: string, compress: () => Buffer): number | undefined => {
    const compressed = isText ? compress() : content;
    if (compressed.length >= content.length) return undefined;
    writeFileSync(path + suffix, compressed);
    return compressed.length;
  };
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_MODE, BROTLI_MODE_TEXT, BROTLI_MAX_QUALITY } = constants;
  const params = { [BROTLI_PARAM_QUALITY]: BROTLI_MAX_QUALITY, [BROTLI_PARAM_MODE]: BROTLI_MODE_TEXT };
  return {
    name,
    bytes: content.length,
    brotliBytes: keep(".br", () => brotliCompressSync(content, { params })),
    gzipBytes: keep(".gz", () => gzipSync(content, { level: 9 })),
  };
}

/** Moves the files, the document last: until then nobody asks for what is new. */
function publish(from: string, to: string, names: readonly string[]): void {
  const placeOf = (name: string): number => (isAsset(name) ? 0 : name === DOCUMENT ? 2 : 1);
  for (const name of names.toSorted((a, b) => placeOf(a) - placeOf(b))) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    renameSync(join(from, name), join(to, name));
  }
}

/** Another build may have done so in the meantime. */
function moveAway(path: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  try {
    renameSync(path, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function isAsset(name: string): boolean {
  return name.startsWith("assets/");
}

/** Their names, with `/`. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

function readRecord(out: string): BuildRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(out, RECORD), "utf8")) as BuildRecord;
  } catch {
    return undefined; // not built by this program, or cut off: then everything is built anew
  }
}

function report({ files, firstLoad, firstLoadBytes }: WebBuild): string[] {
  const count = (bytes: number | undefined): string => (bytes === undefined ? "-" : bytes.toLocaleString("en"));
  const rows = [
    ["bytes", "brotli", "gzip", ""],
    ...files.map((file) => [count(file.bytes), count(file.brotliBytes), count(file.gzipBytes), file.name]),
  ];
  return [
    ...rows.map(([bytes, brotli, gzip, name]) =>
      `${bytes!.padStart(11)}${brotli!.padStart(9)}${gzip!.padStart(9)}  ${name}`.trimEnd(),
    ),
    `JavaScript at first load: ${count(firstLoadBytes)} bytes in ${firstLoad.length} files, limit is ${count(MAX_FIRST_LOAD_BYTES)}`,
  ];
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { "if-needed": { type: "boolean", default: false }, root: { type: "string" } },
  });
  const root = resolve(values.root ?? join(import.meta.dirname, ".."));
  const isElsewhere = (process.env["WEB"] ?? "") !== "";
  if (!values["if-needed"] || !(isElsewhere || isWebCurrent(root))) {
    const fail = (error: unknown): never => {
      console.error(`Cannot build the web UI: ${(error as Error).message}`);
      console.error("`make run WEB=none` serves the API without it");
      process.exit(1);
    };
    // Vite rejects some promises before anybody waits for them, such as that of a script which is not there.
    process.once("unhandledRejection", fail);
    console.log(`web: building ${join(WEB, "dist")}`);
    const started = performance.now();
    for (const line of report(await buildWeb(root).catch(fail))) console.log(`web: ${line}`);
    console.log(`web: built in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
}
