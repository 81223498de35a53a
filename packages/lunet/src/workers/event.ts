/** What happens to workers, for logs: one event, one line. */
import { writeStderr } from "../host/process.ts";

/** Something that happened to the workers. */
export interface WorkerEvent {
  /**
   * `listening` once for each address; `serving`, `restarting`, `draining`, `ended` and `killed` of one worker; `reloading`,
   * `reloaded` and `reload-failed`; `stopping` and `gave-up`.
   */
  readonly kind:
    | "listening"
    | "serving"
    | "restarting"
    | "draining"
    | "ended"
    | "killed"
    | "reloading"
    | "reloaded"
    | "reload-failed"
    | "stopping"
    | "gave-up";
  /** How much it matters: `error` needs somebody. */
  readonly level: "info" | "warning" | "error";
  /** One line that says it all, with the worker's number and process. */
  readonly message: string;
  /** The worker's number, where it is one worker's. */
  readonly worker?: number;
  /** The worker's process. */
  readonly pid?: number;
}

export function writeEvent({ message }: WorkerEvent): void {
  writeStderr(`lunet: ${message}\n`);
}
