/*
 * Starts Chromium without a window, for tests. Nothing but the loopback can be reached from it: every other name is
 * answered as unknown, so that a page which asks for one is seen and nobody hears of it.
 */
import { chromium, type Browser } from "playwright-core";
import { ensureBrowser } from "./install.ts";

const START_LIMIT_MS = 20_000;

export interface LaunchOptions {
  /** Names that lead to 127.0.0.1, beside `localhost`. */
  readonly names?: readonly string[];
  /** Hears what takes long or is unusual. Default: nobody. */
  readonly say?: (text: string) => void;
}

/**
 * Starts a browser that ends with `close()`, and with this process however that ends: it listens on a pipe of ours.
 *
 * @throws MissingProgramsError with what to install.
 */
export async function launchBrowser({ names = [], say = () => {} }: LaunchOptions = {}): Promise<Browser> {
  const executablePath = ensureBrowser(say);
  const rules = [
    ...names.map((name) => `MAP ${name} 127.0.0.1`),
    "MAP * ~NOTFOUND",
    "EXCLUDE 127.0.0.1",
    "EXCLUDE localhost",
  ];
  // Background networking, updates, sync and first-run pages are switched off by playwright-core itself.
  const args = [
    `--host-resolver-rules=${rules.join(", ")}`,
    "--disable-gpu",
    "--no-pings",
    "--force-color-profile=srgb",
  ];
  return await chromium.launch({
    executablePath,
    headless: true,
    args,
    // The sandbox of Chromium refuses to run as root.
    chromiumSandbox: process.getuid?.() !== 0,
    timeout: START_LIMIT_MS,
    // The test file's own handlers end the servers first.
    handleSIGHUP: false,
    handleSIGINT: false,
    handleSIGTERM: false,
  });
}
