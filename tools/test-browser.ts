/*
 * The browser of a test run. A file among the tests of the web UI needs one when its own text names `./harness.ts`, as
 * every import of apps/conduit-web/test/harness.ts does; it starts one of its own.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MissingProgramsError } from "./database-servers/install.ts";
import { ensureBrowser } from "./browser/install.ts";

/** Where the tests of the web UI are. */
export const UI_TESTS = "apps/conduit-web/test/";

/** In which they find what stands in front of the server: `nginx`, or nothing. */
export const PROXY_VARIABLE = "UI_BEHIND";

const BUILD_TIMEOUT_MS = 120_000;

const MARK = /"\.\/harness\.ts"/;

/** Whether the test file, by its path from the root, needs a browser, by the rule above. */
export function needsBrowser(root: string, file: string): boolean {
  return file.startsWith(UI_TESTS) && MARK.test(readFileSync(join(root, file), "utf8"));
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

/** Builds the UI that the tests see, where a source is newer than what is there. Returns why it cannot be, or undefined. */
export function unbuiltUi(root: string, say: (text: string) => void): string | undefined {
  say("building the web UI, if a source is newer");
  // A process of its own: the builder changes the environment that the tests would inherit.
  const { status, stderr, error } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, "web-build.ts"), "--if-needed", "--root", root],
    { encoding: "utf8", env: { ...process.env, WEB: "" }, timeout: BUILD_TIMEOUT_MS },
  );
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}
