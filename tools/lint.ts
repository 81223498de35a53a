/*
 * Runs oxlint over the project: `node tools/lint.ts [--root folder]`. Its rules and where they hold are in .oxlintrc.json.
 *
 * Prints one line for each violation, as check-imports.ts does: `path:line: rule: message`. Where oxlint can only say what
 * is wrong, the message here says what the project has instead. Ends with status 1 if there is a violation.
 */
import { spawnSync } from "node:child_process";
import { delimiter, join, resolve } from "node:path";
import { parseArgs } from "node:util";

interface Diagnostic {
  readonly message: string;
  /** `typescript(no-floating-promises)`; absent when a file cannot be parsed. */
  readonly code?: string;
  readonly help?: string;
  readonly filename: string;
  readonly labels: ReadonlyArray<{ readonly span: { readonly line: number } }>;
}

/** Messages in the project's own words. */
const MESSAGES: Readonly<Record<string, string>> = {
  "typescript/no-floating-promises":
    "leaves a promise that nobody waits for; use await, or spawn() of lunet for what runs beside",
  "typescript/no-misused-promises":
    "gives a promise to what does not wait for it; use await before, or spawn() of lunet inside a plain function",
};

const project = join(import.meta.dirname, "..");
const { values } = parseArgs({ options: { root: { type: "string" } } });
const root = resolve(values.root ?? project);

const { stdout, stderr, error } = spawnSync(
  process.execPath,
  [join(project, "node_modules", "oxlint", "bin", "oxlint"), "--format=json"],
  {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    // oxlint looks there for tsgolint, which knows the types.
    env: { ...process.env, PATH: `${join(project, "node_modules", ".bin")}${delimiter}${process.env["PATH"]}` },
  },
);
if (error !== undefined) throw new Error(`Cannot run oxlint: ${error.message}`, { cause: error });

const report = parseReport(stdout);
const inOrder = report.diagnostics.toSorted(
  (a, b) => compare(a.filename, b.filename) || compare(lineOf(a), lineOf(b)) || compare(a.message, b.message),
);
for (const one of inOrder) console.log(describe(one));
const found = inOrder.length;
console.log(`lint: ${report.number_of_files} files, ${found === 0 ? "all as they should be" : `${found} violations`}`);
process.exitCode = found === 0 ? 0 : 1;

/** A report that is none, such as a complaint about the configuration, is the reason to end. */
function parseReport(text: string): { diagnostics: readonly Diagnostic[]; number_of_files: number } {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`Cannot read what oxlint found: ${text}${stderr}`, { cause });
  }
}

function describe(diagnostic: Diagnostic): string {
  const { message, code, help, filename } = diagnostic;
  const rule = code?.replace(/^(.*)\((.*)\)$/, "$1/$2") ?? "syntax";
  const text = MESSAGES[rule] ?? (help === undefined ? message : `${message} ${help}`);
  return `${filename}:${lineOf(diagnostic)}: ${rule}: ${text.replaceAll(/\s+/g, " ")}`;
}

function lineOf({ labels }: Diagnostic): number {
  return labels[0]?.span.line ?? 1;
}

function compare<T extends number | string>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b);
}
