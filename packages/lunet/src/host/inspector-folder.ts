/**
 * Where the sockets of traced programs stand: in one folder of the user's own, `<pid>.sock` for each process.
 *
 * What a program tells there (its lines, its requests) is for its user alone, and what is read there is believed: so the
 * folder has to be the user's own, no symlink, and closed to everybody else, for whoever writes into it and whoever reads.
 */
import { lstatSync, mkdirSync, readdirSync, statSync, type Stats } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

const userId = process.getuid?.() ?? -1;
const OTHERS = 0o077;

/**
 * The folders where a socket may stand: the first is the one to use. A program may have been started with another
 * environment than the one who asks for it, such as by a service manager.
 */
export function socketFolders(environment: Environment): readonly [string, ...string[]] {
  const ofSystem = join(tmpdir(), `lunet-${userId}`);
  const ofSession = environment["XDG_RUNTIME_DIR"];
  const isUsable = ofSession !== undefined && isAbsolute(ofSession) && isOwnFolder(ofSession);
  return isUsable ? [join(ofSession, "lunet"), ofSystem] : [ofSystem];
}

function isOwnFolder(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status?.isDirectory() === true && status.uid === userId;
}

/** Makes the folder unless it is there. Throws for one that is not the user's own, or that others may enter. */
export function makeSocketFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkSocketFolder(folder);
}

/** Throws for a folder that is not the user's own, or that others may enter. */
export function checkSocketFolder(folder: string): void {
  const fault = faultOf(lstatSync(folder));
  if (fault === undefined) return;
  throw new Error(`Cannot use the folder "${folder}": found ${fault}, wanted a folder of your own with mode 0700`);
}

function faultOf(status: Stats): string | undefined {
  if (status.isSymbolicLink()) return "a symbolic link";
  if (!status.isDirectory()) return "no folder";
  if (status.uid !== userId) return `that it belongs to user ${status.uid}`;
  return (status.mode & OTHERS) === 0 ? undefined : `mode 0${(status.mode & 0o777).toString(8)}`;
}

/** A socket in the folder, and the process that it is of. */
export interface ProcessSocket {
  readonly pid: number;
  readonly path: string;
}

/** Where the socket of a process stands in a folder. */
export function socketOf(folder: string, pid: number): string {
  return join(folder, `${pid}.sock`);
}

/** The sockets in a folder, by process number; none when there is no folder. */
export function listSockets(folder: string): ProcessSocket[] {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  checkSocketFolder(folder);
  const found = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const [, digits] = /^(\d{1,10})\.sock$/.exec(entry.name) ?? [];
    // Connecting to a file is refused as connecting to a deserted socket is: what is no socket is left alone.
    return digits === undefined || !entry.isSocket() ? [] : [{ pid: Number(digits), path: join(folder, entry.name) }];
  });
  return found.toSorted((a, b) => a.pid - b.pid);
}

/** Whether there is a process of a number, and whether it is the user's: `foreign` is one that takes no signal of theirs. */
export function processState(pid: number): "alive" | "foreign" | "gone" {
  try {
    process.kill(pid, 0);
    return "alive";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? "foreign" : "gone";
  }
}
