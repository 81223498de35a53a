/** Runs one of the fixtures as a process of its own, in the build that the test asks for, and reads what came of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** The ledger writes paths from the folder that a program runs in. */
const ROOT = join(import.meta.dirname, "..", "..");
const FIXTURES = "test/trace/fixtures";

/** After this time a program that still runs is killed. The longest waits a second for its own deadline. */
const MAX_RUN_MS = 20_000;

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a fixture is run. */
export interface FixtureRun {
  readonly build: "trace" | "release";
  /** Settings of the trace build. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Runs a variant of a fixture to its end. */
export async function runFixture(fixture: string, variant: string, run: FixtureRun): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "lunet-fixture-"));
  try {
    const conditions = run.build === "trace" ? ["--conditions=lunet-trace"] : [];
    const program = join(FIXTURES, `${fixture}.ts`);
    const child = spawn(process.execPath, [...conditions, program, variant, folder], {
      cwd: ROOT,
      env: environment(run.settings ?? {}),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: MAX_RUN_MS,
      killSignal: "SIGKILL",
    });
    const output = Promise.all([text(child.stdout), text(child.stderr)]);
    const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    const [stdout, stderr] = await output;
    return { status, signal, stdout, stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What this process was started with, but for the settings of the trace build: those are the fixture's own. */
function environment(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:LUNET_TRACE_|NODE_TEST_|NODE_OPTIONS$)/.test(name),
  );
  return {
    ...Object.fromEntries(inherited),
    // A machine that is busy holds up a loop as a program does: only what is about the loop looks at it.
    LUNET_TRACE_LOOP_MS: "0",
    LUNET_TRACE_SOCKET: "off",
    ...settings,
  };
}

/** The lines of a fixture that bear a mark, or have it above, as the ledger writes them: `path:line:`. */
export function markedLines(fixture: string, mark: "planted" | "ended"): string[] {
  const path = `${FIXTURES}/${fixture}.ts`;
  const lines = readFileSync(join(ROOT, path), "utf8").split("\n");
  const numbers = lines.flatMap((line, index) => {
    if (line.trim() === `// ${mark}`) return [index + 2];
    return line.endsWith(` // ${mark}`) ? [index + 1] : [];
  });
  return numbers.map((number) => `${path}:${number}:`);
}

/** One line of the summary's table. */
export interface SummaryRow {
  readonly label: string;
  readonly made: number;
  readonly ended: number;
  readonly live: number;
  readonly peak: number;
}

/** What the trace build wrote to standard error, in its parts. */
export interface TraceReport {
  /** The classes of the findings that are told whole, in their order. */
  readonly classes: readonly string[];
  /** All that stands before the summary. */
  readonly findings: string;
  readonly rows: readonly SummaryRow[];
  /** What follows the summary's table. */
  readonly rest: string;
}

/** Takes the trace build's report apart. */
export function readReport(stderr: string): TraceReport {
  const [before = "", summary = ""] = stderr.split("lunet trace: summary\n", 2);
  // What is found at the exit is told in the summary.
  const atExit = summary.search(/^lunet trace: finding/m);
  const findings = before !== "" || atExit === -1 ? before : summary.slice(atExit);
  const rows = [...summary.matchAll(/^ {2}(\S.*?) +(\d+) +(\d+) +(\d+) +(\d+)$/gm)].map(
    ([, label = "", made, ended, live, peak]) => ({
      label,
      made: Number(made),
      ended: Number(ended),
      live: Number(live),
      peak: Number(peak),
    }),
  );
  const classes = [...stderr.matchAll(/^lunet trace: finding ([A-Z]), /gm)].map(([, letter = ""]) => letter);
  return { classes, findings, rows, rest: summary.replace(/^(?: .*\n)+/, "") };
}

/** The lines below a heading of the summary, such as `outstanding:`. */
export function sectionOf(report: TraceReport, heading: string): string[] {
  const lines = report.rest.split("\n");
  const at = lines.indexOf(heading);
  if (at === -1) return [];
  const end = lines.findIndex((line, index) => index > at && !line.startsWith("  "));
  return lines.slice(at + 1, end === -1 ? undefined : end).map((line) => line.trim());
}
