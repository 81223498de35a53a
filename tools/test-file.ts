/*
 * Runs one test file in a process of its own.
 *
 * Rules: the process and all that it starts form one process group; the group is killed when the file's time is
 * over; whatever of the group still lives when the file has ended is a failure of the file, named, and killed.
 * A file that ends with another status than its tests explain (a throw at load, a crash, an exit) is a failure too.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { constants } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestOutcome } from "./test-events.ts";

/** A single test may take this long; a test that waits for ever is named when it is over. */
export const TEST_TIMEOUT_MS = 60_000;
/** A whole file may take this long, the end of its process included. */
export const FILE_TIMEOUT_MS = 240_000;

/** Variables that configure Conduit. Tests choose their own; those of the person who runs them stay outside. */
const CONDUIT_VARIABLES = ["HOST", "PORT", "DATABASE_URL", "JWT_SECRET", "LOG_LEVEL"];
/**
 * The trace build under test: nothing on standard error that a program did not say itself, no socket for `lunet ps`, and
 * a machine that is busy with other tests does not count as a coroutine that holds the loop.
 */
const TRACE_VARIABLES = { LUNET_TRACE_SUMMARY: "off", LUNET_TRACE_SOCKET: "off", LUNET_TRACE_LOOP_MS: "10000" };
/**
 * Where V8's compiled code and the JavaScript that Node makes of TypeScript are kept, for the many processes that the
 * tests start: a test file that only loads the runtime takes 0.3 s with it and 0.5 s without. Entries are found by
 * path and checked by content, so that nothing is out of date.
 */
const COMPILE_CACHE = join(".tmp", "compile-cache");
/** Set in a process that `node --test` started; a runner that inherits it would report to nobody. */
const RUNNER_VARIABLES = ["NODE_TEST_CONTEXT", "NODE_CHANNEL_FD"];

const reporter = fileURLToPath(new URL("test-events.ts", import.meta.url));

export interface FileRun {
  /** The test file, absolute or relative to `root`. */
  readonly file: string;
  readonly root: string;
  /** Conditions for the import of `#trace`, for example `lunet-trace`. */
  readonly conditions: readonly string[];
  /** Where the reporter writes what each test came to. */
  readonly eventsFile: string;
  /** Aborted when the person who runs the tests interrupts them. */
  readonly signal: AbortSignal;
  /** In milliseconds; FILE_TIMEOUT_MS unless given. */
  readonly timeoutMs?: number;
  /** Added to the environment of the tests. */
  readonly environment?: NodeJS.ProcessEnv;
}

export interface FileResult {
  readonly file: string;
  readonly tests: readonly TestOutcome[];
  readonly durationMs: number;
  /** What the file's process wrote, both streams in the order of arrival. */
  readonly output: string;
}

/** Runs the file to its end, at most `timeoutMs` long, and returns what each of its tests came to. */
export async function runTestFile(run: FileRun): Promise<FileResult> {
  const timeoutMs = run.timeoutMs ?? FILE_TIMEOUT_MS;
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...run.conditions.map((condition) => `--conditions=${condition}`),
      `--test-timeout=${Math.min(TEST_TIMEOUT_MS, timeoutMs)}`,
      `--test-reporter=${reporter}`,
      `--test-reporter-destination=${run.eventsFile}`,
      run.file,
    ],
    {
      cwd: run.root,
      env: { ...testEnvironment(), NODE_COMPILE_CACHE: resolve(run.root, COMPILE_CACHE), ...run.environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    },
  );
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));

  let timedOut = false;
  const onAbort = () => killGroup(child.pid);
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, timeoutMs);
  run.signal.addEventListener("abort", onAbort);
  const closed = Promise.withResolvers<void>();
  child.once("close", closed.resolve);
  const ended = Promise.withResolvers<string>();
  child.once("error", (error) => ended.resolve(`cannot be started: ${error.message}`));
  child.once("exit", (code, signal) => ended.resolve(signal ?? `status ${code}`));

  const end = await ended.promise;
  const leftovers = child.pid === undefined ? [] : groupMembers(child.pid);
  killGroup(child.pid);
  if (child.pid !== undefined) await closed.promise;
  clearTimeout(timer);
  run.signal.removeEventListener("abort", onAbort);

  const tests = readOutcomes(run.eventsFile);
  const fail = (name: string, detail: string) =>
    tests.push({ outcome: "failed", path: [name], durationMs: 0, place: run.file, detail });
  const explained = tests.some((test) => test.outcome === "failed");
  if (timedOut) fail("(the whole file)", `still running after ${timeoutMs} ms: a handle or a process was left open`);
  else if (run.signal.aborted) fail("(the whole file)", "interrupted");
  else if (end !== "status 0" && !explained) fail("(the whole file)", `ended with ${end}, see its output`);
  else if (tests.length === 0) fail("(the whole file)", "holds no test");
  else if (leftovers.length > 0) fail("(after its end)", `left alive: ${leftovers.join(", ")}`);
  const output = Buffer.concat(chunks).toString("utf8");
  return { file: run.file, tests, durationMs: performance.now() - started, output };
}

function testEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  for (const name of Object.keys(environment)) if (name.startsWith("LUNET_TRACE_")) delete environment[name];
  for (const name of [...CONDUIT_VARIABLES, ...RUNNER_VARIABLES]) delete environment[name];
  return { ...environment, ...TRACE_VARIABLES };
}

function readOutcomes(eventsFile: string): TestOutcome[] {
  if (!existsSync(eventsFile)) return [];
  const complete = readFileSync(eventsFile, "utf8").split("\n").slice(0, -1);
  return complete.map((line) => JSON.parse(line) as TestOutcome);
}

/** Ends what is left of the group that `leader` led. The group's number is not given away while a member lives. */
function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, constants.signals.SIGKILL);
  } catch (error) {
    // ESRCH: nothing is left. EPERM: macOS, when only zombies are left.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}

/** The living members of a process group, as `pid program`. Where there is no /proc they are killed, not named. */
function groupMembers(group: number): string[] {
  if (process.platform !== "linux") return [];
  const members: string[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // proc(5): `pid (comm) state ppid pgrp …`; comm may hold anything, so count from the last parenthesis.
      const [state, , pgrp] = readFileSync(join("/proc", name, "stat"), "utf8")
        .split(") ")
        .at(-1)!
        .split(" ");
      if (Number(pgrp) === group && state !== "Z") members.push(`${name} ${readlinkSync(join("/proc", name, "exe"))}`);
    } catch {
      // It ended between the listing and the reading: not alive.
    }
  }
  return members;
}
