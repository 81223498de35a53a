/*
 * Finds Chromium and installs it where that can be done without asking: on Debian, as root, with apt-get. Elsewhere the
 * error says what to install.
 */
import { existsSync } from "node:fs";
import { findProgram, installPackages, MissingProgramsError } from "../database-servers/install.ts";

/** The fonts are for screenshots: a page without any font shows boxes. */
const PACKAGES = ["chromium", "fonts-dejavu-core"];
const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/** `off`: as on a machine without a browser. Otherwise the path of one. */
const SWITCH = "LUNET_TEST_BROWSER";

const INSTRUCTIONS = [
  "install the browser that the tests of the web UI run in:",
  "  Debian   sudo apt-get install chromium fonts-dejavu-core",
  "  Fedora   sudo dnf install chromium",
  `  others   any Chromium or Chrome, with ${SWITCH}=/its/path`,
].join("\n");

/**
 * The path of the browser. When it is missing it is installed where that may be; `say` hears of it first.
 *
 * @throws MissingProgramsError with what to install.
 */
export function ensureBrowser(say: (text: string) => void): string {
  const setting = process.env[SWITCH] ?? "";
  if (setting === "off") throw new MissingProgramsError(`${SWITCH}=off`);
  const found = find(setting);
  if (found !== undefined) return found;
  if (setting === "") installPackages(PACKAGES, say);
  const installed = find(setting);
  if (installed !== undefined) return installed;
  throw new MissingProgramsError(`Cannot start a browser: found no program for it; ${INSTRUCTIONS}`);
}

function find(setting: string): string | undefined {
  if (setting !== "") return existsSync(setting) ? setting : undefined;
  return NAMES.map((name) => findProgram(name)).find((path) => path !== undefined);
}
