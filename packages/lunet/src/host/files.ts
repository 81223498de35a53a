/**
 * Files, the only place where the runtime touches `node:fs`.
 *
 * Each function starts one operation on libuv's thread pool and calls `done` once. Nothing can be cancelled: whoever
 * stops waiting leaves the operation to end by itself. Descriptors are plain numbers; their life is the caller's.
 */
import * as fs from "node:fs";

/** The error of a system call: `code` has the name of the error, such as `ENOENT`. */
export type SystemError = NodeJS.ErrnoException;

/** Called once: with an error and no value, or with null and the value. */
export type Done<T> = (error: SystemError | null, value: T) => void;

/** What stands behind a name, after POSIX `st_mode`. */
export type FileKind = "file" | "directory" | "symlink" | "fifo" | "socket" | "character-device" | "block-device";

/** The facts about a file that `stat` gives. */
export interface FileStatus {
  readonly kind: FileKind;
  readonly sizeBytes: number;
  /** The last change of the content, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly modifiedMs: number;
  /** The last change of content, name or rights. */
  readonly changedMs: number;
  /** The permission bits, such as `0o644`. */
  readonly mode: number;
  /** Together with `inode` this tells whether two names mean one file. */
  readonly device: number;
  readonly inode: number;
}

/** One name in a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly kind: FileKind;
}

function kindOf(entry: fs.Stats | fs.Dirent): FileKind {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  if (entry.isSymbolicLink()) return "symlink";
  if (entry.isFIFO()) return "fifo";
  if (entry.isSocket()) return "socket";
  return entry.isCharacterDevice() ? "character-device" : "block-device";
}

const PERMISSION_BITS = 0o7777;

function statusDone(done: Done<FileStatus>): (error: SystemError | null, stats: fs.Stats) => void {
  return (error, stats) => {
    if (error !== null) return done(error, undefined as never);
    done(null, {
      kind: kindOf(stats),
      sizeBytes: stats.size,
      modifiedMs: stats.mtimeMs,
      changedMs: stats.ctimeMs,
      mode: stats.mode & PERMISSION_BITS,
      device: stats.dev,
      inode: stats.ino,
    });
  };
}

export function openFile(path: string, flags: string, mode: number, done: Done<number>): void {
  fs.open(path, flags, mode, done);
}

export function closeFile(descriptor: number, done: Done<void>): void {
  fs.close(descriptor, done);
}

/** A buffer of its own memory, not zeroed: read into it before anybody sees it. */
export function allocateUnread(sizeBytes: number): Uint8Array {
  return Buffer.allocUnsafeSlow(sizeBytes);
}

/** Reads once. `position` null means the descriptor's own offset. Gives the count of bytes, 0 at the end. */
export function readFile(descriptor: number, into: Uint8Array, position: number | null, done: Done<number>): void {
  fs.read(descriptor, into, 0, into.byteLength, position, done);
}

/** Writes once, maybe less than all. `position` null means the descriptor's own offset. Gives the count of bytes. */
export function writeFile(descriptor: number, bytes: Uint8Array, position: number | null, done: Done<number>): void {
  fs.write(descriptor, bytes, 0, bytes.byteLength, position, done);
}

export function statDescriptor(descriptor: number, done: Done<FileStatus>): void {
  fs.fstat(descriptor, statusDone(done));
}

export function truncateFile(descriptor: number, sizeBytes: number, done: Done<void>): void {
  fs.ftruncate(descriptor, sizeBytes, done);
}

export function syncFile(descriptor: number, done: Done<void>): void {
  fs.fsync(descriptor, done);
}

export function statPath(path: string, followSymlinks: boolean, done: Done<FileStatus>): void {
  (followSymlinks ? fs.stat : fs.lstat)(path, statusDone(done));
}

export function realPath(path: string, done: Done<string>): void {
  fs.realpath.native(path, done);
}

export function makeDirectory(path: string, mode: number, recursive: boolean, done: Done<void>): void {
  fs.mkdir(path, { mode, recursive }, (error) => done(error, undefined));
}

export function renamePath(from: string, to: string, done: Done<void>): void {
  fs.rename(from, to, done);
}

export function unlinkPath(path: string, done: Done<void>): void {
  fs.unlink(path, done);
}

const ENTRIES_PER_READ = 256;

/** Gives the entries of a directory, as the system orders them; `undefined` when there are more than `maxEntries`. */
export function readDirectory(path: string, maxEntries: number, done: Done<DirectoryEntry[] | undefined>): void {
  fs.opendir(path, { bufferSize: ENTRIES_PER_READ }, (openError, directory) => {
    if (openError !== null) return done(openError, undefined);
    const entries: DirectoryEntry[] = [];
    const finish = (error: SystemError | null, value: DirectoryEntry[] | undefined): void => {
      directory.close((closeError) => done(error ?? closeError ?? null, value));
    };
    const readNext = (): void => {
      directory.read((error, entry) => {
        if (error !== null) return finish(error, undefined);
        if (entry === null) return finish(null, entries);
        if (entries.length === maxEntries) return finish(null, undefined);
        entries.push({ name: entry.name, kind: kindOf(entry) });
        readNext();
      });
    };
    readNext();
  });
}
