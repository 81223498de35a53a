/** What a process that is measured has used so far, as the kernel counts it: the same way for every program. */
import { readFileSync } from "node:fs";

/** CPU time in microseconds, all threads, and resident memory in bytes; of a process and the children it has now. */
export interface Usage {
  readonly userUs: number;
  readonly systemUs: number;
  readonly residentBytes: number;
}

/** The unit of times in /proc is 1/100 s on Linux whatever the kernel's own tick (USER_HZ, proc(5)). */
const TICK_US = 10_000;
/** Places in /proc/PID/stat behind the name, which may hold anything and ends with the last parenthesis. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/** Reads it from /proc. Throws where there is none, and when the process has ended. */
export function readUsage(pid: number): Usage {
  const own = usageOf(pid);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  if (children === "") return own;
  return children.split(" ").map(Number).map(usageOf).reduce(add, own);
}

function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const parts = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    userUs: Number(parts[USER_TICKS]) * TICK_US,
    systemUs: Number(parts[SYSTEM_TICKS]) * TICK_US,
    residentBytes: residentBytes(pid),
  };
}

function add(a: Usage, b: Usage): Usage {
  return {
    userUs: a.userUs + b.userUs,
    systemUs: a.systemUs + b.systemUs,
    residentBytes: a.residentBytes + b.residentBytes,
  };
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) * 1_024;
}
