import { mkdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes a time as `YYYYMMDD_HHMMSS` in the machine's own time zone: the name of every folder below `.tmp/`.
 *
 * @example stampOf(new Date(2026, 0, 2, 3, 4, 5)) === "20260102_030405"
 */
export function stampOf(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}`;
  return `${day}_${two(time.getHours())}${two(time.getMinutes())}${two(time.getSeconds())}`;
}

/**
 * Makes a new folder `parent/YYYYMMDD_HHMMSS` and returns its path. The folder is the caller's alone: when the
 * second is taken the next free one is used, so that two runs never write into one folder.
 */
export function createStampedFolder(parent: string, now: Date = new Date()): string {
  mkdirSync(parent, { recursive: true });
  for (let second = 0; ; second++) {
    const folder = join(parent, stampOf(new Date(now.getTime() + second * 1000)));
    try {
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || second >= 60) throw error;
    }
  }
}
