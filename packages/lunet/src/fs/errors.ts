/** The error of files, and how the system's errors become it. */
import { LunetError } from "../co/mod.ts";
import type { SystemError } from "../host/files.ts";

/** For each error of the system that a caller would tell apart: the stable code, and what was found. */
const CONDITIONS: Readonly<Record<string, readonly [code: string, found: string]>> = {
  ENOENT: ["ERR_FILE_NOT_FOUND", "no such file or directory"],
  EEXIST: ["ERR_FILE_EXISTS", "the name in use"],
  EACCES: ["ERR_FILE_PERMISSION", "no permission"],
  EPERM: ["ERR_FILE_PERMISSION", "no permission"],
  EISDIR: ["ERR_FILE_IS_DIRECTORY", "a directory"],
  ENOTDIR: ["ERR_FILE_NOT_DIRECTORY", "something on the way that is no directory"],
  ENOTEMPTY: ["ERR_FILE_NOT_EMPTY", "a directory that is not empty"],
  ENOSPC: ["ERR_FILE_NO_SPACE", "no space left on the device"],
  EDQUOT: ["ERR_FILE_NO_SPACE", "the quota used up"],
  EROFS: ["ERR_FILE_READ_ONLY", "a file system that is read-only"],
  EBADF: ["ERR_FILE_WRONG_FLAGS", "a file that was not opened for it"],
  EMFILE: ["ERR_FILE_TOO_MANY_OPEN", "the process's limit of open files reached"],
  ENFILE: ["ERR_FILE_TOO_MANY_OPEN", "the system's limit of open files reached"],
  EFBIG: ["ERR_FILE_TOO_LARGE", "a file larger than the system allows"],
  ELOOP: ["ERR_FILE_SYMLINK_LOOP", "too many symbolic links"],
  ENAMETOOLONG: ["ERR_FILE_NAME_TOO_LONG", "a name that is too long"],
  EXDEV: ["ERR_FILE_OTHER_DEVICE", "the new name on another device"],
};

/**
 * An operation on a file failed. Match `code`:
 *
 * `ERR_FILE_NOT_FOUND`, `ERR_FILE_EXISTS`, `ERR_FILE_PERMISSION`, `ERR_FILE_IS_DIRECTORY`, `ERR_FILE_NOT_DIRECTORY`,
 * `ERR_FILE_NOT_EMPTY`, `ERR_FILE_NO_SPACE`, `ERR_FILE_READ_ONLY`, `ERR_FILE_WRONG_FLAGS`, `ERR_FILE_TOO_MANY_OPEN`,
 * `ERR_FILE_TOO_LARGE`, `ERR_FILE_SYMLINK_LOOP`, `ERR_FILE_NAME_TOO_LONG`, `ERR_FILE_OTHER_DEVICE`,
 * `ERR_FILE_INVALID_PATH`, `ERR_FILE_BUSY`, and `ERR_FILE` for what the system reports beside these.
 */
export class FileError extends LunetError {
  /** The system's name of the error, such as `ENOENT`; undefined when lunet refused before asking the system. */
  readonly errno: string | undefined;
  /** The system call that failed, such as `open`. */
  readonly syscall: string | undefined;
  readonly path: string;

  constructor(code: string, message: string, path: string, cause?: SystemError) {
    super(code, message, cause === undefined ? undefined : { cause });
    this.errno = cause?.code;
    this.syscall = cause?.syscall;
    this.path = path;
  }
}

/**
 * What is thrown for an error that an operation ended with: the system's become a `FileError`, all others stay.
 *
 * Call it after the wait, not in the callback: there the stack has the coroutine that asked.
 */
export function asFileError(action: string, path: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const [code, found] = CONDITIONS[error.code ?? ""] ?? ["ERR_FILE", error.message];
  return new FileError(code, `Cannot ${action} ${JSON.stringify(path)}: found ${found}`, path, error);
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "syscall" in error && !(error instanceof LunetError);
}
