/*
 * nginx for a test run. A file needs it when its own text names `tools/nginx`, as every import from there does; it starts one
 * of its own.
 */
import { readFileSync } from "node:fs";
import { MissingProgramsError } from "./database-servers/install.ts";
import { ensureNginx } from "./nginx/install.ts";

const MARK = /\btools\/nginx\b/;

/** Whether the test file needs nginx, by the rule above. */
export function needsNginx(file: string): boolean {
  return MARK.test(readFileSync(file, "utf8"));
}

/** Sees that nginx is there, and installs it where that may be. Returns what is missing, or undefined. */
export function missingNginx(say: (text: string) => void): string | undefined {
  try {
    ensureNginx(say);
    return undefined;
  } catch (error) {
    if (error instanceof MissingProgramsError) return error.message;
    throw error;
  }
}
