/** What a worker knows of itself. */
import { FIRST_VARIABLE, workerNumber } from "../host/worker-channel.ts";

/** A process that a supervisor has started. */
export interface ThisWorker {
  /** From 1 to the number of workers. Who replaces a worker has its number. */
  readonly number: number;
  /**
   * True in the one that was started first, alone, and false in all that replace it: for what should be said or done
   * once for all of them.
   */
  readonly isFirst: boolean;
}

/**
 * Which worker this process is; undefined where no supervisor has started it.
 *
 * @example
 * ```ts
 * import { thisWorker } from "lunet/workers";
 * console.log(thisWorker()?.number ?? "no worker");
 * ```
 */
export function thisWorker(): ThisWorker | undefined {
  const number = workerNumber();
  return number === undefined ? undefined : { number, isFirst: process.env[FIRST_VARIABLE] === "yes" };
}
