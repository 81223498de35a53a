/*
 * Runs a server in the background: `node tools/background.ts start <program>` and `… stop`.
 *
 * `.tmp/conduit.pid` says which process it is: its number, when it started, its address and its log, a line each.
 * A number alone is no proof, because numbers are given away again; number and start time together are. A file that
 * names no living process is stale and stands in nobody's way. Only the process that the file names gets a signal.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createStampedFolder } from "./log-folder.ts";

/** How long a server may take until it answers. */
export const START_TIMEOUT_MS = 20_000;
/** How long a server may take to end after SIGTERM; its own drain is shorter. After that comes SIGKILL. */
export const STOP_TIMEOUT_MS = 20_000;
const POLL_MS = 25;
const REQUEST_TIMEOUT_MS = 3_000;
const LOG_TAIL_LINES = 20;

export interface Running {
  readonly pid: number;
  readonly startedAt: string;
  readonly address: string;
  readonly log: string;
}

export interface StartOptions {
  /** The folder that holds `.tmp`, and the program's working directory. */
  readonly root: string;
  readonly program: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** In milliseconds; START_TIMEOUT_MS unless given. */
  readonly timeoutMs?: number;
}

export interface StopOptions {
  readonly root: string;
  /** In milliseconds; STOP_TIMEOUT_MS unless given. */
  readonly timeoutMs?: number;
}

/**
 * Starts the program and returns when it has printed `listening on <address>` and answers there. It lives on after
 * this process. Throws when one runs already, when the program ends, or when it does not answer in time; the message
 * then holds the end of its log, and nothing is left running.
 */
export async function start(options: StartOptions): Promise<Running> {
  const { root, program, environment = process.env, timeoutMs = START_TIMEOUT_MS } = options;
  const running = readRunning(root);
  if (running !== undefined) {
    throw new Error(`Cannot start "${program}": found it running at ${running.address} as process ${running.pid}`);
  }
  const log = join(createStampedFolder(join(root, ".tmp", "logs")), "server.log");
  const output = openSync(log, "a");
  const child = spawn(process.execPath, [program], {
    cwd: root,
    env: environment,
    stdio: ["ignore", output, output],
    detached: true,
  });
  closeSync(output);
  try {
    const pid = await waitSpawned(child);
    const startedAt = startTime(pid) ?? "";
    const write = (address: string) => writeFileSync(pidFileOf(root), `${pid}\n${startedAt}\n${address}\n${log}\n`);
    write("(starting)");
    const address = await waitAnswer(child, log, performance.now() + timeoutMs);
    write(address);
    child.unref();
    return { pid, startedAt, address, log };
  } catch (error) {
    await stop({ root, timeoutMs: 2_000 });
    const tail = readFileSync(log, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
    throw new Error(`Cannot start "${program}": ${(error as Error).message}\n${tail}`, { cause: error });
  }
}

/**
 * Ends what `start` started and returns how: `"asked"` when SIGTERM was enough, `"insisted"` when it took SIGKILL,
 * `"not running"` when there was nothing to end.
 */
export async function stop({
  root,
  timeoutMs = STOP_TIMEOUT_MS,
}: StopOptions): Promise<"asked" | "insisted" | "not running"> {
  const running = readRunning(root);
  let outcome: "asked" | "insisted" | "not running" = "not running";
  if (running !== undefined) {
    outcome = "asked";
    signal(running, "SIGTERM");
    if (!(await waitEnded(running, timeoutMs))) {
      outcome = "insisted";
      signal(running, "SIGKILL");
      if (!(await waitEnded(running, timeoutMs)))
        throw new Error(`Cannot end process ${running.pid}: it survived SIGKILL`);
    }
  }
  if (existsSync(pidFileOf(root))) unlinkSync(pidFileOf(root));
  return outcome;
}

/** The process that the pid file names, if it is alive and the one that was started. */
export function readRunning(root: string): Running | undefined {
  if (!existsSync(pidFileOf(root))) return undefined;
  const [pid, startedAt, address, log] = readFileSync(pidFileOf(root), "utf8").split("\n");
  const running = { pid: Number(pid), startedAt: startedAt ?? "", address: address ?? "", log: log ?? "" };
  return isAlive(running) ? running : undefined;
}

function pidFileOf(root: string): string {
  mkdirSync(join(root, ".tmp"), { recursive: true });
  return join(root, ".tmp", "conduit.pid");
}

function isAlive({ pid, startedAt }: Running): boolean {
  return pid > 1 && startedAt !== "" && startTime(pid) === startedAt;
}

/** When a process started, in whatever form the system gives it; undefined when it does not live. */
export function startTime(pid: number): string | undefined {
  if (process.platform !== "linux") {
    const { status, stdout } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
      timeout: 3_000,
    });
    return status === 0 ? stdout.trim() : undefined;
  }
  if (!existsSync(`/proc/${pid}/stat`)) return undefined;
  try {
    // proc(5): after `pid (comm)` the fields count from 3, the state; 22 is the start in ticks since boot.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
    if (fields[0] === "Z") return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${fields[19]}`;
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

function signal(running: Running, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(running.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function waitSpawned(child: ChildProcess): Promise<number> {
  await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  return child.pid!;
}

async function waitEnded(running: Running, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(running)) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

async function waitAnswer(child: ChildProcess, log: string, deadline: number): Promise<string> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with status ${child.exitCode}`);
    if (child.signalCode !== null) throw new Error(`it ended with ${child.signalCode}`);
    const address = /\blistening on (\S+)/.exec(readFileSync(log, "utf8"))?.[1];
    if (address !== undefined && (await answers(address))) return address;
    if (performance.now() > deadline)
      throw new Error(address === undefined ? "it does not listen in time" : `${address} does not answer in time`);
    await sleep(POLL_MS);
  }
}

/** Any answer will do: whether the server is well is its own to say. A Unix socket is taken at its word. */
async function answers(address: string): Promise<boolean> {
  if (!address.startsWith("http")) return true;
  try {
    const reply = await fetch(new URL("/healthz", address), { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    await reply.arrayBuffer();
    return true;
  } catch {
    return false; // not yet: the caller asks again until its deadline
  }
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const [command, program] = process.argv.slice(2);
  try {
    if (command === "start" && program !== undefined) {
      const running = await start({ root, program });
      console.log(
        `conduit: listening on ${running.address} as process ${running.pid}, log ${relative(process.cwd(), running.log)}`,
      );
    } else if (command === "stop") {
      const said = {
        asked: "stopped",
        insisted: "did not end when asked, so it was killed",
        "not running": "is not running",
      };
      console.log(`conduit: ${said[await stop({ root })]}`);
    } else {
      throw new Error(`Cannot do "${command ?? ""}": wanted "start <program>" or "stop"`);
    }
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
