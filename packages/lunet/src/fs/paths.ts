/** What is done with a file by its path. */
import {
  makeDirectory,
  readDirectory,
  realPath,
  renamePath,
  statPath,
  unlinkPath,
  type DirectoryEntry,
  type FileStatus,
} from "../host/files.ts";
import { FileError } from "./errors.ts";
import { open } from "./file.ts";
import { checkPath, startPathOperation } from "./path-operation.ts";

/** The most bytes that `readFile` takes, unless it is told otherwise: 64 MiB. */
export const DEFAULT_MAX_FILE_BYTES = 64 * 1024 * 1024;
/** The most entries that `readdir` takes, unless it is told otherwise. */
export const DEFAULT_MAX_ENTRIES = 100_000;

const READ_CHUNK_BYTES = 64 * 1024;

/** How `stat` treats a symbolic link. */
export interface StatOptions {
  /** Tell about what the link points to. Default true; false tells about the link (POSIX `lstat`). */
  readonly followSymlinks?: boolean;
}

/**
 * The facts about a file.
 *
 * @throws FileError: `ERR_FILE_NOT_FOUND`, `ERR_FILE_NOT_DIRECTORY`, `ERR_FILE_PERMISSION`, …
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { stat } from "lunet/fs";
 * await run(async () => console.log((await stat(".")).kind)); // directory
 * ```
 */
export async function stat(path: string, options: StatOptions = {}): Promise<FileStatus> {
  checkPath("stat", path);
  return startPathOperation<FileStatus>("stat", path, "leave", (done) => {
    statPath(path, options.followSymlinks ?? true, done);
  });
}

/** The absolute path without symbolic links, `.` and `..` (POSIX `realpath`). The file must exist. */
export async function realpath(path: string): Promise<string> {
  checkPath("realpath", path);
  return startPathOperation<string>("realpath", path, "leave", (done) => realPath(path, done));
}

/** How much `readdir` takes. */
export interface ReaddirOptions {
  /** Default 100,000. */
  readonly maxEntries?: number;
}

/**
 * The names in a directory with their kinds, sorted by UTF-16 code unit, without `.` and `..`.
 *
 * @throws FileError: `ERR_FILE_NOT_FOUND`, `ERR_FILE_NOT_DIRECTORY`, `ERR_FILE_TOO_LARGE` above `maxEntries`, …
 */
export async function readdir(path: string, options: ReaddirOptions = {}): Promise<DirectoryEntry[]> {
  checkPath("readdir", path);
  const { maxEntries = DEFAULT_MAX_ENTRIES } = options;
  const entries = await startPathOperation<DirectoryEntry[] | undefined>("readdir", path, "leave", (done) => {
    readDirectory(path, maxEntries, done);
  });
  if (entries === undefined) throw tooLarge("readdir", path, `more than ${maxEntries} entries, wanted no more`);
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** How much `readFile` takes. */
export interface ReadFileOptions {
  /** Default 64 MiB. */
  readonly maxBytes?: number;
}

/**
 * Reads a whole file, also one that does not know its size (`/proc`, a FIFO).
 *
 * @throws FileError: `ERR_FILE_TOO_LARGE` above `maxBytes`, before more than that is held; `ERR_FILE_NOT_FOUND`, …
 */
export async function readFile(path: string, options: ReadFileOptions = {}): Promise<Uint8Array> {
  const { maxBytes = DEFAULT_MAX_FILE_BYTES } = options;
  await using file = await open(path, "r");
  const { sizeBytes } = await file.stat();
  if (sizeBytes > maxBytes) throw tooLarge("read", path, `${sizeBytes} bytes, limit is ${maxBytes}`);
  const chunks: Uint8Array[] = [];
  let heldBytes = 0;
  // One byte more than is known, so that the read that finds the end is seldom one of its own.
  let wantedBytes = sizeBytes + 1;
  for (;;) {
    const chunk = await file.read(Math.min(wantedBytes, maxBytes - heldBytes + 1, READ_LIMIT_BYTES));
    if (chunk.byteLength === 0) break;
    chunks.push(chunk);
    heldBytes += chunk.byteLength;
    if (heldBytes > maxBytes) throw tooLarge("read", path, `more than ${maxBytes} bytes, wanted no more`);
    wantedBytes = Math.max(sizeBytes + 1 - heldBytes, READ_CHUNK_BYTES);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : join(chunks, heldBytes);
}

/** One read allocates no more than this, whatever the file claims to be. */
const READ_LIMIT_BYTES = 16 * 1024 * 1024;

function join(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/** How `writeFile` makes the file. */
export interface WriteFileOptions {
  /** The permission bits of a file that is made, less the process's umask. Default `0o666`. */
  readonly mode?: number;
  /** Fail with `ERR_FILE_EXISTS` instead of replacing what is there. Default false. */
  readonly exclusive?: boolean;
}

/**
 * Writes a whole file, text as UTF-8, and replaces what was in it. It is not atomic: a failure or a cancel leaves a part. Where
 * that matters, write beside it, `sync`, and `rename`.
 */
export async function writeFile(
  path: string,
  data: string | Uint8Array,
  options: WriteFileOptions = {},
): Promise<void> {
  const { mode = 0o666, exclusive = false } = options;
  await using file = await open(path, exclusive ? "wx" : "w", { mode });
  await file.write(data);
}

/** How `mkdir` makes a directory. */
export interface MkdirOptions {
  /** The permission bits, less the process's umask. Default `0o777`. */
  readonly mode?: number;
  /** Make what is missing above it too, and be content if it exists. Default false. */
  readonly recursive?: boolean;
}

/** Makes a directory. @throws FileError: `ERR_FILE_EXISTS`, `ERR_FILE_NOT_FOUND`, … */
export async function mkdir(path: string, options: MkdirOptions = {}): Promise<void> {
  checkPath("mkdir", path);
  const { mode = 0o777, recursive = false } = options;
  return startPathOperation<void>("mkdir", path, "finish", (done) => makeDirectory(path, mode, recursive, done));
}

/** Gives a file another name on the same device, replacing what had it, atomically (POSIX `rename`). */
export async function rename(from: string, to: string): Promise<void> {
  checkPath("rename", from);
  checkPath("rename", to);
  return startPathOperation<void>("rename", from, "finish", (done) => renamePath(from, to, done));
}

/** Removes a name; the file goes when nobody has it open (POSIX `unlink`). */
export async function unlink(path: string): Promise<void> {
  checkPath("unlink", path);
  return startPathOperation<void>("unlink", path, "finish", (done) => unlinkPath(path, done));
}

function tooLarge(action: string, path: string, found: string): FileError {
  return new FileError("ERR_FILE_TOO_LARGE", `Cannot ${action} ${JSON.stringify(path)}: found ${found}`, path);
}
