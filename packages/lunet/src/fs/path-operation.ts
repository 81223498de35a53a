/** One operation on a path: the check of the path, the wait, and the system's error as ours. */
import { suspend } from "../co/mod.ts";
import type { Done } from "../host/files.ts";
import { asFileError, FileError } from "./errors.ts";

/** A path with a NUL is refused: the system would take what stands before it for the path. */
export function checkPath(action: string, path: string): void {
  if (typeof path !== "string") throw new TypeError(`Cannot ${action} a path: found ${typeof path}, wanted a string`);
  if (!path.includes("\0")) return;
  const message = `Cannot ${action} ${JSON.stringify(path)}: found a NUL in the path, wanted none`;
  throw new FileError("ERR_FILE_INVALID_PATH", message, path);
}

/**
 * Waits for one operation of the system.
 *
 * @param onCancel `leave`: a cancel leaves the wait at once, for what only looks or can be undone. `finish`: the wait
 * goes on, so that nothing changes any more behind the back of a scope that has ended.
 */
export async function startPathOperation<T>(
  action: string,
  path: string,
  onCancel: "leave" | "finish",
  start: (done: Done<T>) => void,
): Promise<T> {
  try {
    return await suspend<T>(`fs.${action}`, (resume, fail) => {
      start((error, value) => {
        if (error === null) resume(value);
        else fail(error);
      });
      return onCancel === "leave" ? () => {} : () => "pending";
    });
  } catch (error) {
    throw asFileError(action, path, error);
  }
}
