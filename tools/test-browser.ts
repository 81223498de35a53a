/*
 * The browser of a test run. The tests of the web UI need one; each of their files starts its own.
 */
import { MissingProgramsError } from "./database-servers/install.ts";
import { ensureBrowser } from "./browser/install.ts";

/** Where they are. */
export const BROWSER_TESTS = "apps/conduit-web/test/";

/** Whether the test file, by its path from the root, needs a browser. */
export function needsBrowser(file: string): boolean {
  return file.startsWith(BROWSER_TESTS);
}

/** Sees that a browser is there, and installs it where that may be. Returns what is missing, or undefined. */
export function missingBrowser(say: (text: string) => void): string | undefined {
  try {
    ensureBrowser(say);
    return undefined;
  } catch (error) {
    if (error instanceof MissingProgramsError) return error.message;
    throw error;
  }
}
