/*
 * Finds the programs of the database servers, and installs them where that can be done without asking: on Debian and
 * Ubuntu, as root, with apt-get. Elsewhere the error says what to install.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, globSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

export type ServerKind = "postgres" | "mariadb";

export const SERVER_KINDS: readonly ServerKind[] = ["postgres", "mariadb"];

/** Where the programs of PostgreSQL are. */
export interface PostgresPrograms {
  /** The folder of `postgres`, `initdb` and the rest. */
  readonly bin: string;
  /** What `postgres --version` says. */
  readonly version: string;
}

/** Where the programs of MariaDB are. */
export interface MariadbPrograms {
  readonly server: string;
  readonly installer: string;
  /** What `mariadbd --version` says. */
  readonly version: string;
}

/** The programs of a server are not there, and could not be installed. */
export class MissingProgramsError extends Error {
  override readonly name = "MissingProgramsError";
}

/** For what the programs are wanted: a cluster takes more packages. */
export type Purpose = "server" | "cluster";

const PACKAGES: Readonly<Record<Purpose, readonly string[]>> = {
  server: ["mariadb-server", "mariadb-client", "postgresql"],
  cluster: ["mariadb-server", "mariadb-client", "postgresql", "galera-4", "rsync", "mariadb-backup", "socat"],
};

const INSTRUCTIONS = [
  "install the database servers that the tests run against:",
  "  Debian, Ubuntu   sudo apt-get install mariadb-server mariadb-client postgresql",
  "                   (for `make test-cluster` also: galera-4 rsync mariadb-backup socat)",
  "  Fedora           sudo dnf install mariadb-server postgresql-server",
  "                   (for `make test-cluster` also: mariadb-server-galera rsync)",
  "  macOS            brew install mariadb postgresql",
].join("\n");

/** apt-get may take this long, for one step. */
const INSTALL_TIMEOUT_MS = 240_000;
const VERSION_TIMEOUT_MS = 10_000;

/** Debian keeps every version of PostgreSQL in a folder of its own, none of them in PATH. */
const POSTGRES_BINS = "/usr/lib/postgresql/*/bin";
/** Where servers are for which nobody logs in: not in every PATH. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec"];
const GALERA_LIBRARIES = ["/usr/lib/galera", "/usr/lib64/galera-4", "/usr/lib64/galera", "/usr/lib/galera-4"];

/** The newest PostgreSQL on this machine, or undefined. */
export function findPostgres(): PostgresPrograms | undefined {
  const byVersion = globSync(POSTGRES_BINS).toSorted((one, other) => versionOf(other) - versionOf(one));
  const inPath = findProgram("postgres");
  const bin = [...byVersion, ...(inPath === undefined ? [] : [dirname(inPath)])].find((folder) =>
    ["postgres", "initdb"].every((name) => isProgram(join(folder, name))),
  );
  return bin === undefined ? undefined : { bin, version: readVersion(join(bin, "postgres")) };
}

/** The MariaDB of this machine, or undefined. */
export function findMariadb(): MariadbPrograms | undefined {
  const server = findProgram("mariadbd");
  const installer = findProgram("mariadb-install-db");
  if (server === undefined || installer === undefined) return undefined;
  return { server, installer, version: readVersion(server) };
}

/** The library with which servers of MariaDB form a cluster, or undefined. */
export function findGalera(): string | undefined {
  if (findProgram("rsync") === undefined) return undefined;
  return GALERA_LIBRARIES.map((folder) => join(folder, "libgalera_smm.so")).find((file) => isReadable(file));
}

/**
 * Returns when the programs are there. What is missing is installed where this is Debian or Ubuntu, apt-get is there and
 * we are root; `say` hears of it first.
 *
 * @throws MissingProgramsError with what to install, when they are still missing.
 */
export function ensurePrograms(purpose: Purpose, say: (text: string) => void): void {
  if (missing(purpose).length === 0) return;
  install(purpose, say);
  const still = missing(purpose);
  if (still.length > 0) {
    throw new MissingProgramsError(
      `Cannot start database servers: found no program for ${still.join(" and ")}; ${INSTRUCTIONS}`,
    );
  }
}

function missing(purpose: Purpose): string[] {
  const found: Record<string, unknown> = { PostgreSQL: findPostgres(), MariaDB: findMariadb() };
  if (purpose === "cluster") found["Galera (libgalera_smm.so and rsync)"] = findGalera();
  return Object.keys(found).filter((name) => found[name] === undefined);
}

/** Whether packages can be installed here without asking. */
function canInstall(): boolean {
  if (process.getuid?.() !== 0 || findProgram("apt-get") === undefined || !isReadable("/etc/os-release")) return false;
  return isDebian(readFileSync("/etc/os-release", "utf8"));
}

/** Whether an os-release(5) is that of Debian, Ubuntu, or what is made of them. */
export function isDebian(osRelease: string): boolean {
  const names = [...osRelease.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap(([, value]) => value!.split(" "));
  return names.some((name) => name === "debian" || name === "ubuntu");
}

function install(purpose: Purpose, say: (text: string) => void): void {
  // The packages do that where there is a service manager; the throwaway servers do not need them.
  installPackages(PACKAGES[purpose], say, [
    "the system may start servers of its own with them, on ports 3306 and 5432 of the loopback: stop them if unwanted",
  ]);
}

/**
 * Installs packages where that can be done without asking, and says so. The lists of packages are often new enough, and
 * fetching them is the longer part: they are fetched when it fails.
 *
 * @param notes What else is said before.
 */
export function installPackages(
  packages: readonly string[],
  say: (text: string) => void,
  notes: readonly string[] = [],
): void {
  if (!canInstall()) return;
  say(`installing with apt-get, because programs are missing: ${packages.join(" ")}`);
  for (const note of notes) say(note);
  const args = ["install", "-y", "--no-install-recommends", ...packages];
  if (aptGet(args) === undefined) return;
  const updating = aptGet(["update"]);
  if (updating !== undefined) say(`apt-get update failed: ${updating}`);
  const problem = aptGet(args);
  if (problem !== undefined) say(`apt-get install failed: ${problem}`);
}

/** Runs apt-get and returns what went wrong, or undefined. */
function aptGet(args: readonly string[]): string | undefined {
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const { status, error, stderr } = spawnSync("apt-get", args, {
    env: environment,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: INSTALL_TIMEOUT_MS,
    encoding: "utf8",
  });
  if (status === 0) return undefined;
  return error?.message ?? (stderr.trim().split("\n").slice(-3).join("; ") || `status ${status}`);
}

/** The file of a program, by PATH and where systems keep servers. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""),
    ...SYSTEM_FOLDERS,
  ];
  return folders.map((folder) => join(folder, name)).find((file) => isProgram(file));
}

function isProgram(file: string): boolean {
  return isAccessible(file, constants.X_OK);
}

function isReadable(file: string): boolean {
  return isAccessible(file, constants.R_OK);
}

function isAccessible(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    return false; // Whatever stands in the way, it cannot be used.
  }
}

function versionOf(bin: string): number {
  return Number.parseFloat(dirname(bin).split("/").at(-1)!);
}

function readVersion(program: string): string {
  const { status, stdout, error } = spawnSync(program, ["--version"], {
    encoding: "utf8",
    timeout: VERSION_TIMEOUT_MS,
  });
  if (status !== 0) throw new Error(`Cannot ask "${program}" for its version: ended with ${status}`, { cause: error });
  return stdout.trim();
}
