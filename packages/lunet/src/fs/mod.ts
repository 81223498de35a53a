/**
 * Files: open, read and write at real offsets, and what is done by path. Names after POSIX.
 *
 * A cancel leaves at once what only looks (`open`, `stat`, `readdir`, `realpath`); what changes something, and what uses
 * the caller's memory, is waited for until the system has done it.
 *
 * @module
 */
export type { DirectoryEntry, FileKind, FileStatus } from "../host/files.ts";
export { FileError } from "./errors.ts";
export { CLOSE_BUDGET_MS, File, MAX_READ_BYTES, open, type OpenFlags, type OpenOptions } from "./file.ts";
export {
  DEFAULT_MAX_ENTRIES,
  DEFAULT_MAX_FILE_BYTES,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  stat,
  unlink,
  writeFile,
  type MkdirOptions,
  type ReaddirOptions,
  type ReadFileOptions,
  type StatOptions,
  type WriteFileOptions,
} from "./paths.ts";
