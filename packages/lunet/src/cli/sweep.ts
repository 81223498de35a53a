/**
 * `lunet sweep`: runs the sweeps that a file exports, and says what they have found. docs/sweep.md tells what a sweep is.
 *
 * Sweeps run in the trace build: the command becomes a process of that build first, as `lunet trace` does.
 */
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { exitNow, fileExistsSync, onExit } from "../host/process.ts";
import { describeSweep, SWEEP_FAULTS, type Sweep, type SweepFault, type SweepProgress } from "../testing/mod.ts";
import { TRACE } from "../trace/mod.ts";
import { becomeNode, TRACE_CONDITION } from "./become.ts";
import { refuseUsage } from "./usage.ts";

const WANTED = `[--only=part of a name] [--kind=${SWEEP_FAULTS.join("|")}] file.ts`;

interface SweepCall {
  readonly file: string;
  readonly only: string;
  readonly faults: readonly SweepFault[];
}

/**
 * Runs the command. Gives 0 when nothing was found, 1 when something was or a sweep could not be run, 2 for a call that
 * cannot be understood.
 *
 * @param args What stands behind `lunet sweep`.
 */
export async function sweepCommand(args: readonly string[]): Promise<number> {
  const call = readCall(args);
  if ("refused" in call) return refuseUsage("sweep", call.refused, WANTED);
  if (!TRACE) return becomeTraced(args);
  const { default: exported } = (await import(pathToFileURL(resolve(call.file)).href)) as {
    readonly default?: unknown;
  };
  const sweeps = Array.isArray(exported) ? (exported as unknown[]) : [exported];
  if (!sweeps.every(isSweep) || sweeps.length === 0) {
    const wanted = "one that defineSweep() made, or an array of them";
    return refuseUsage("sweep", `a default export of ${call.file} that is no sweep`, wanted);
  }
  const chosen = sweeps.filter(({ name }) => name.includes(call.only));
  if (chosen.length === 0) {
    return refuseUsage("sweep", `--only=${call.only}`, `part of one of: ${sweeps.map(({ name }) => name).join(", ")}`);
  }
  let status = 0;
  for (const one of chosen) if (!(await runOne(one, call.faults))) status = 1;
  // What a fault left alive is told. At the exit it would be told once more, and end the process with a status of its own.
  if (status !== 0) onExit(() => status);
  return status;
}

function readCall(args: readonly string[]): SweepCall | { readonly refused: string } {
  const faults: SweepFault[] = [];
  const files: string[] = [];
  let only = "";
  for (const arg of args) {
    const [, name, value = ""] = /^--(only|kind)=(.+)$/.exec(arg) ?? [];
    const fault = SWEEP_FAULTS.find((one) => one === value);
    if (name === "only") only = value;
    else if (name === "kind" && fault !== undefined) faults.push(fault);
    else if (name === undefined && !arg.startsWith("-")) files.push(arg);
    else return { refused: arg };
  }
  const [file, ...more] = files;
  if (file === undefined) return { refused: "no file" };
  if (more.length > 0) return { refused: more.join(" ") };
  return { file, only, faults: faults.length === 0 ? SWEEP_FAULTS : faults };
}

/** In the package the release build's command, which this is there, has a twin in the trace build; in the sources it has none. */
const TWIN = fileURLToPath(new URL("../../trace/cli/main.js", import.meta.url));

/** Becomes the same command in the trace build; returns, with a status, only where it cannot. */
function becomeTraced(args: readonly string[]): number {
  const { argv, execArgv } = process;
  const command = fileExistsSync(TWIN) ? TWIN : (argv[1] ?? "");
  // It would be the same once more, for ever.
  if (execArgv.includes(TRACE_CONDITION) && command === argv[1]) {
    return refuseUsage("sweep", `the release build under ${TRACE_CONDITION}`, `the trace build, as ${TWIN}`);
  }
  const environment = { LUNET_TRACE_SUMMARY: "off", ...process.env };
  return becomeNode("sweep", [TRACE_CONDITION, command, "sweep", ...args], environment);
}

function isSweep(value: unknown): value is Sweep {
  if (typeof value !== "object" || value === null) return false;
  const { name, run } = value as Partial<Sweep>;
  return typeof name === "string" && typeof run === "function";
}

/** Runs a sweep and prints what it came to. True if it found nothing. */
async function runOne(one: Sweep, faults: readonly SweepFault[]): Promise<boolean> {
  try {
    const report = await one.run({ faults, onProgress: showProgress });
    clearProgress();
    process.stdout.write(`${describeSweep(report, { details: 1 })}\n`);
    // What cannot be ended would keep the process for ever, and get in the way of every later sweep.
    if (!report.isComplete) exitNow(1);
    return report.findings.length === 0;
  } catch (error) {
    clearProgress();
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stdout.write(`${one.name}: cannot be swept\n${text.replaceAll(/^/gm, "    ")}\n`);
    return false;
  }
}

/** On a terminal one line tells how far it is; elsewhere only what comes out counts. */
function showProgress({ name, run, runs, fault, at }: SweepProgress): void {
  if (!process.stderr.isTTY) return;
  const what = fault === "none" ? "the clean run" : `${fault} at wait ${at}`;
  process.stderr.write(`\r\x1b[K${name}: run ${run} of ${runs}, ${what}`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
}
