/*
 * Finds nginx, and openssl for its certificate, and installs them where that can be done without asking: on Debian and
 * Ubuntu, as root, with apt-get. Elsewhere the error says what to install.
 */
import { findProgram, installPackages, MissingProgramsError } from "../database-servers/install.ts";

export interface NginxPrograms {
  readonly nginx: string;
  readonly openssl: string;
}

const PACKAGES = ["nginx-light", "openssl"];
/** `off`: as on a machine without nginx. */
const SWITCH = "LUNET_TEST_NGINX";

const INSTRUCTIONS = [
  "install the proxy that the tests run through:",
  "  Debian, Ubuntu   sudo apt-get install nginx-light openssl",
  "  Fedora           sudo dnf install nginx openssl",
  "  macOS            brew install nginx openssl",
].join("\n");

/**
 * Where the programs are. What is missing is installed where that may be; `say` hears of it first.
 *
 * @throws MissingProgramsError with what to install.
 */
export function ensureNginx(say: (text: string) => void): NginxPrograms {
  if (process.env[SWITCH] === "off") throw new MissingProgramsError(`${SWITCH}=off`);
  const found = find();
  if (found !== undefined) return found;
  installPackages(PACKAGES, say, ["the system may start an nginx of its own with it, on port 80: stop it if unwanted"]);
  const installed = find();
  if (installed !== undefined) return installed;
  throw new MissingProgramsError(`Cannot start nginx: found no program for it, or for openssl; ${INSTRUCTIONS}`);
}

function find(): NginxPrograms | undefined {
  const nginx = findProgram("nginx");
  const openssl = findProgram("openssl");
  return nginx === undefined || openssl === undefined ? undefined : { nginx, openssl };
}
