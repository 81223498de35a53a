/** How workers are run: what can be told, its defaults, and its ranges. */
import { processorCount } from "../host/worker-processes.ts";
import type { PortSharing } from "../host/worker-messages.ts";
import type { WorkerEvent } from "./event.ts";

/** What `runWorkers` can be told. Times are in milliseconds. */
export interface RunWorkersOptions {
  /** How many processes: 1 to 1,024, or `auto`, one for each processor that this process may use. */
  readonly count: number | "auto";
  /** The path of the program. Default: the one that this process runs. */
  readonly program?: string;
  /** What stands behind the program. Default: what stands behind it here. */
  readonly args?: readonly string[];
  /** Node's own arguments. Default: those of this process. */
  readonly nodeArgs?: readonly string[];
  /** Added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * How a port is shared. `reuse-port`: each worker has a socket of its own, and the kernel deals connections out by a hash
   * of their addresses. `cluster`: this process accepts and deals them out in turn. `auto`, the default: `reuse-port` for
   * ports where the system has it (Linux, FreeBSD, Solaris, AIX), else and for Unix sockets `cluster`.
   */
  readonly sharing?: PortSharing | "auto";
  /** How long a worker may take until it listens; then it is killed. 1 to 86,400,000, default 30,000. */
  readonly startTimeoutMs?: number;
  /** How long a worker may take to end when it is told to; then it is killed. 0 to 86,400,000, default 30,000. */
  readonly graceMs?: number;
  /**
   * The pause before a worker is started for the second time in a row; before the first there is none, and each further
   * one is twice as long. 1 to 86,400,000, default 100.
   */
  readonly restartDelayMs?: number;
  /** The longest pause. `restartDelayMs` to 86,400,000, default 10,000. */
  readonly maxRestartDelayMs?: number;
  /** A worker that has served for so long starts the pauses anew. 0 to 86,400,000, default 10,000. */
  readonly stableMs?: number;
  /** After so many starts in a row that came to nothing, while no worker serves, all is given up. 1 to 1,000, default 5. */
  readonly maxFailedStarts?: number;
  /**
   * Statuses that another start would not change: a program that ends with one before it serves, while no other worker
   * serves, is given up at once. Default: 2, 64 (`EX_USAGE`) and 78 (`EX_CONFIG`), which stand for wrong arguments.
   */
  readonly finalStatuses?: readonly number[];
  /** Called with what happens. Default: one line each on standard error. */
  readonly onEvent?: (event: WorkerEvent) => void;
}

/** The options with their defaults. */
export type WorkerSettings = Required<Omit<RunWorkersOptions, "count" | "sharing" | "onEvent">> & {
  readonly count: number;
  readonly sharing: PortSharing;
};

const DAY_MS = 86_400_000;
const MAX_WORKERS = 1_024;
const REUSE_PORT_PLATFORMS: readonly string[] = ["linux", "freebsd", "sunos", "aix"];

/** Fills the defaults in. Throws RangeError and TypeError. */
export function resolveWorkerOptions(options: RunWorkersOptions): WorkerSettings {
  const { sharing = "auto", restartDelayMs = 100 } = options;
  if (sharing !== "auto" && sharing !== "reuse-port" && sharing !== "cluster") {
    throw new TypeError(`Cannot run workers: found sharing "${String(sharing)}", wanted auto, reuse-port or cluster`);
  }
  const program = options.program ?? process.argv[1];
  if (program === undefined || program === "")
    throw new TypeError("Cannot run workers: found no program, wanted a path");
  const hasReusePort = REUSE_PORT_PLATFORMS.includes(process.platform);
  return {
    count: options.count === "auto" ? processorCount() : whole("count", options.count, 1, MAX_WORKERS),
    program,
    args: options.args ?? process.argv.slice(2),
    nodeArgs: options.nodeArgs ?? process.execArgv,
    environment: options.environment ?? {},
    sharing: sharing === "auto" ? (hasReusePort ? "reuse-port" : "cluster") : sharing,
    startTimeoutMs: whole("startTimeoutMs", options.startTimeoutMs ?? 30_000, 1, DAY_MS),
    graceMs: whole("graceMs", options.graceMs ?? 30_000, 0, DAY_MS),
    restartDelayMs: whole("restartDelayMs", restartDelayMs, 1, DAY_MS),
    maxRestartDelayMs: whole(
      "maxRestartDelayMs",
      options.maxRestartDelayMs ?? Math.max(restartDelayMs, 10_000),
      restartDelayMs,
      DAY_MS,
    ),
    stableMs: whole("stableMs", options.stableMs ?? 10_000, 0, DAY_MS),
    maxFailedStarts: whole("maxFailedStarts", options.maxFailedStarts ?? 5, 1, 1_000),
    finalStatuses: (options.finalStatuses ?? [2, 64, 78]).map((status) => whole("finalStatuses", status, 1, 255)),
  };
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`Cannot run workers: found ${name} ${value}, wanted a whole number from ${min} to ${max}`);
}
