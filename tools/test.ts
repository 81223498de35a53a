/*
 * Runs every test, as `make test` does: `node tools/test.ts [part of a path]…`; with `--cluster` those that need clusters
 * of database servers, as `make test-cluster` does.
 *
 * Two passes for each build, release and trace: the runtime, and everything that stands on it. The API's tests, which run on
 * SQLite there, run on each database server, too. What is about neither
 * build (tools, benchmarks, the documentation, which runs its examples in both) runs once. Each file runs in a process of its own, as many at once as there are cores.
 * The console gets a line per file and each failure whole; `.tmp/logs/YYYYMMDD_HHMMSS/test.log` gets everything.
 * The very last line is `N passed, N failed`, over all passes. The status is 0 only if a test ran and none failed.
 * A test that is skipped or "to do" says nothing, and so it counts as failed.
 *
 * Files that need database servers (test-databases.ts says which) share one of each kind, started before the first test
 * when such a file is among the chosen. Where the servers' programs are missing those files fail under CI=true; elsewhere
 * they are not run, and the end of the output says so. The same holds for files that need nginx (test-nginx.ts).
 */
import { createWriteStream, globSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createStampedFolder } from "./log-folder.ts";
import { SERVER_KINDS, type ServerKind } from "./database-servers/install.ts";
import { DATABASE_VARIABLE, LOGS_VARIABLE, needsDatabases, startTestDatabases } from "./test-databases.ts";
import type { FileResult } from "./test-file.ts";
import { runTestFile } from "./test-file.ts";
import { missingBrowser, needsBrowser, PROXY_VARIABLE, UI_TESTS, unbuiltUi } from "./test-browser.ts";
import { missingNginx, needsNginx } from "./test-nginx.ts";

interface Pass {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly conditions: readonly string[];
  /** Files that do not belong to it, by how their paths begin. */
  readonly without?: readonly string[];
  /** Its files run on a server of this kind, whether or not their text says so. */
  readonly database?: ServerKind;
  /** Its files run behind nginx, whether or not their text says so. */
  readonly isBehindNginx?: boolean;
}

/** They start the builds that they are about themselves. */
const STARTS_BOTH = ["test/docs/", "test/fuzz/", "test/stress/", "test/trace/findings.test.ts"];

/**
 * They are about processes and programs around the runtime: the supervisor of workers, what a program refuses at its start, a
 * proxy in front. The build makes no difference to those, and what serves in them is traced by others.
 */
const AROUND_THE_RUNTIME = [
  "test/process/workers.test.ts",
  "test/process/conduit-start.test.ts",
  "test/process/conduit-workers.test.ts",
  "test/nginx/",
];

/** Tests of the API that say nothing of a database. */
const WITHOUT_DATABASE = ["apps/conduit/test/web-ui.test.ts", "apps/conduit/test/log.test.ts"];

/** Tests of the web UI in which the server matters, and not its answers alone, which others stand for in the rest. */
const UI_WITH_SERVER = ["lists", "live", "restart"];

const PASSES: readonly Pass[] = [
  { name: "runtime, release build", patterns: ["packages/*/src/**/*.test.ts"], conditions: [] },
  { name: "runtime, trace build", patterns: ["packages/*/src/**/*.test.ts"], conditions: ["lunet-trace"] },
  {
    name: "applications and integration, release build",
    patterns: ["apps/**/*.test.ts", "examples/**/*.test.ts", "test/**/*.test.ts"],
    conditions: [],
    without: [UI_TESTS],
  },
  {
    name: "applications and integration, trace build",
    patterns: ["apps/**/*.test.ts", "examples/**/*.test.ts", "test/**/*.test.ts"],
    conditions: ["lunet-trace"],
    without: [...STARTS_BOTH, ...AROUND_THE_RUNTIME, UI_TESTS],
  },
  ...SERVER_KINDS.flatMap((database): Pass[] => {
    const pass = { patterns: ["apps/conduit/test/**/*.test.ts"], without: WITHOUT_DATABASE, database };
    return [
      { ...pass, name: `Conduit's API on ${database}, release build`, conditions: [] },
      {
        ...pass,
        name: `Conduit's API on ${database}, trace build`,
        conditions: ["lunet-trace"],
        // test/database-servers/ has the traced watcher on every server, with worse things happening to it.
        without: [...WITHOUT_DATABASE, "apps/conduit/test/events.test.ts"],
      },
    ];
  }),
  {
    name: "web UI, release build",
    patterns: [`${UI_TESTS}**/*.test.ts`],
    conditions: [],
    without: [`${UI_TESTS}measures.test.ts`],
  },
  {
    name: "web UI, trace build",
    patterns: [`${UI_TESTS}smoke.test.ts`],
    conditions: ["lunet-trace"],
  },
  {
    name: "web UI behind nginx, on postgres",
    patterns: UI_WITH_SERVER.map((name) => `${UI_TESTS}${name}.test.ts`),
    conditions: [],
    database: "postgres",
    isBehindNginx: true,
  },
  // A pass of its own, so that nothing runs beside it.
  { name: "web UI, measured", patterns: [`${UI_TESTS}measures.test.ts`], conditions: [] },
  { name: "tools and benchmarks", patterns: ["bench/**/*.test.ts", "tools/**/*.test.ts"], conditions: [] },
];

/** Each starts the cluster that it is about itself, and takes a minute or more. */
const CLUSTER_PASSES: readonly Pass[] = [
  { name: "clusters, release build", patterns: ["test/cluster/**/*.cluster.ts"], conditions: [] },
  {
    name: "clusters, trace build",
    patterns: ["test/cluster/**/*.cluster.ts"],
    conditions: ["lunet-trace"],
    // They are about the servers alone; and Conduit's load is what lunet's own writers are, at a minute more.
    without: ["test/cluster/server-", "test/cluster/conduit-"],
  },
];
const CLUSTER_TIMEOUT_MS = 600_000;

/** How much of a failed file's own output the console shows; the log has all of it. */
const CONSOLE_OUTPUT_CHARS = 20_000;

const { values, positionals } = parseArgs({
  options: { root: { type: "string" }, cluster: { type: "boolean", default: false } },
  allowPositionals: true,
});
const root = resolve(values.root ?? join(import.meta.dirname, ".."));
const folder = createStampedFolder(join(root, ".tmp", "logs"));
const log = createWriteStream(join(folder, "test.log"));
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => interrupted.abort());

const total = { passed: 0, failed: 0 };
const failures: string[] = [];
const chosen = (values.cluster ? CLUSTER_PASSES : PASSES)
  .map((pass) => ({ pass, files: filesOf(pass) }))
  .filter(({ files }) => files.length > 0);
const onServers = new Set(chosen.flatMap(({ files }) => files).filter((file) => needsDatabases(join(root, file))));
const needsServers = (pass: Pass, file: string): boolean => pass.database !== undefined || onServers.has(file);
const isWithoutServers = chosen.every(({ pass, files }) => !files.some((file) => needsServers(pass, file)));
const databases =
  isWithoutServers || values.cluster ? undefined : await startTestDatabases({ root, logs: folder, say });
const behindNginx = new Set(chosen.flatMap(({ files }) => files).filter((file) => needsNginx(join(root, file))));
const isWithoutNginx = behindNginx.size === 0 && chosen.every(({ pass }) => pass.isBehindNginx !== true);
const nginxReason = isWithoutNginx ? undefined : missingNginx(say);
const inBrowser = new Set(chosen.flatMap(({ files }) => files).filter((file) => needsBrowser(root, file)));
const browserReason = inBrowser.size === 0 ? undefined : missingBrowser(say);
const uiReason = inBrowser.size === 0 || browserReason !== undefined ? undefined : unbuiltUi(root, say);
const isLacking = databases !== undefined && databases.state !== "running";
/** What is not there fails where everything has to be there; what should start and does not fails everywhere. */
const isComplete = process.env["CI"] === "true";

/** Why a file cannot run, or undefined. */
function lackOf(pass: Pass, file: string): Lack | undefined {
  if (needsServers(pass, file) && isLacking) {
    return {
      what: "database servers",
      reason: databases.reason,
      isLeftOut: databases.state === "missing" && !isComplete,
    };
  }
  if ((behindNginx.has(file) || pass.isBehindNginx === true) && nginxReason !== undefined) {
    return { what: "nginx", reason: nginxReason, isLeftOut: !isComplete };
  }
  if (!inBrowser.has(file)) return undefined;
  if (uiReason !== undefined) return { what: "the web UI", reason: uiReason, isLeftOut: false };
  if (browserReason === undefined) return undefined;
  return { what: "a browser", reason: browserReason, isLeftOut: !isComplete };
}

interface Lack {
  readonly what: string;
  readonly reason: string;
  /** The file is not run; otherwise it fails. */
  readonly isLeftOut: boolean;
}

/** Files that are left out, by what they lack. */
const leftOut = new Map<string, { readonly reason: string; readonly files: Set<string> }>();

for (const [index, { pass, files }] of chosen.entries()) {
  say(`\n${pass.name}: ${files.length} files`);
  const eventsFolder = join(folder, `pass-${index + 1}`);
  mkdirSync(eventsFolder);
  await runAll(files, async (file) => {
    const lack = lackOf(pass, file);
    if (lack !== undefined) {
      if (lack.isLeftOut) leaveOut(lack, pass, file);
      else report(failWhole(file, lack.reason), pass);
      return;
    }
    const eventsFile = join(eventsFolder, `${file.replaceAll(/[\\/]/g, "__")}.jsonl`);
    const servers = needsServers(pass, file) && databases?.state === "running" ? databases.environment : {};
    const { conditions, database, isBehindNginx = false } = pass;
    const result = await runTestFile({
      file,
      root,
      conditions,
      eventsFile,
      signal: interrupted.signal,
      environment: {
        ...servers,
        [LOGS_VARIABLE]: folder,
        ...(database && { [DATABASE_VARIABLE]: database }),
        ...(isBehindNginx && { [PROXY_VARIABLE]: "nginx" }),
      },
      ...(values.cluster && { timeoutMs: CLUSTER_TIMEOUT_MS }),
    });
    report(result, pass);
  });
}
if (databases?.state === "running") await databases.close();

if (failures.length > 0) say(`\nfailed:\n${failures.map((failure) => `  ${failure}`).join("\n")}`);
for (const [what, { reason, files }] of leftOut) sayNotRun(what, reason, files);
if (total.passed + total.failed === 0 && leftOut.size === 0) {
  say(`Cannot run the tests: found no test file for "${positionals.join(" ") || root}", wanted at least one`);
}
say(`\nlog: ${relative(process.cwd(), join(folder, "test.log"))}\n${total.passed} passed, ${total.failed} failed`);
log.end();
process.exitCode = total.failed === 0 && total.passed > 0 && !interrupted.signal.aborted ? 0 : 1;

function failWhole(file: string, detail: string): FileResult {
  const whole = { outcome: "failed", path: ["(the whole file)"], durationMs: 0, place: file, detail } as const;
  return { file, tests: [whole], durationMs: 0, output: "" };
}

function leaveOut({ what, reason }: Lack, pass: Pass, file: string): void {
  say(`NOT RUN ${file}`);
  if (!leftOut.has(what)) leftOut.set(what, { reason, files: new Set() });
  leftOut.get(what)!.files.add(pass.database === undefined ? file : `${file} (${pass.name})`);
}

function sayNotRun(what: string, reason: string, notRun: ReadonlySet<string>): void {
  const rule = "!".repeat(80);
  const files = [...notRun]
    .toSorted()
    .map((file) => `  ${file}`)
    .join("\n");
  say(`\n${rule}\nNOT RUN: ${notRun.size} files that need ${what}\n${files}\n\n${reason}\n${rule}`);
}

function filesOf(pass: Pass): string[] {
  const wanted = positionals.map((path) => relative(root, resolve(root, path)));
  return globSync([...pass.patterns], {
    cwd: root,
    exclude: (path) => /(^|[\\/])(node_modules|dist)$/.test(path),
  })
    .filter((file) => !(pass.without ?? []).some((path) => file.startsWith(path)))
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .toSorted();
}

/** Runs `work` for each file, at most one per core at a time (one cluster), and no more after an interruption. */
async function runAll(files: readonly string[], work: (file: string) => Promise<void>): Promise<void> {
  const queue = files.values();
  const worker = async () => {
    for (const file of queue) if (!interrupted.signal.aborted) await work(file);
  };
  await Promise.all(Array.from({ length: values.cluster ? 1 : availableParallelism() }, worker));
}

function report(result: FileResult, pass: Pass): void {
  const failed = result.tests.filter((test) => test.outcome !== "passed");
  const passed = result.tests.length - failed.length;
  total.passed += passed;
  total.failed += failed.length;
  const counts = failed.length === 0 ? `${passed}` : `${passed}, ${failed.length} failed`;
  say(
    `${failed.length === 0 ? "ok  " : "FAIL"} ${result.file} (${counts}; ${(result.durationMs / 1000).toFixed(1)} s)`,
  );
  for (const test of result.tests) {
    const text = `  ${test.outcome} ${test.path.join(" › ")} (${test.durationMs.toFixed(1)} ms)`;
    if (test.outcome === "passed") {
      log.write(`${text}\n`);
      continue;
    }
    failures.push(`${result.file}: ${test.path.join(" › ")} [${pass.name}]`);
    say(`${text}\n    at ${test.place}\n${test.detail.replaceAll(/^/gm, "    ")}`);
  }
  if (result.output === "") return;
  log.write(`  output of ${result.file}:\n${result.output}\n`);
  if (failed.length > 0) process.stdout.write(`  its output:\n${result.output.slice(-CONSOLE_OUTPUT_CHARS)}\n`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
  log.write(`${text}\n`);
}
