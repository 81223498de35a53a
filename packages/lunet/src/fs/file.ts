/**
 * An open file: a descriptor with an owner.
 *
 * State, in this order, never back: open → closed. Closed, every operation throws `ERR_CLOSED`, and whoever waits on
 * the file is woken with it.
 *
 * Invariants:
 * - The descriptor is given back to the system once, and only when no operation is under way on it: the system hands
 *   its number out again at once, and a late write would go into somebody else's file.
 * - Operations at the file's own offset go one at a time, because the thread pool keeps no order.
 */
import { ended, ending, made, misused, touched, TRACE, waitsOn } from "#trace";
import { ClosedError, shield, suspend } from "../co/mod.ts";
import {
  allocateUnread,
  closeFile,
  openFile,
  readFile,
  statDescriptor,
  syncFile,
  truncateFile,
  writeFile,
  type Done,
  type FileStatus,
} from "../host/files.ts";
import { asFileError, FileError } from "./errors.ts";
import { checkPath, startPathOperation } from "./path-operation.ts";

/** How long `close` waits for operations that are under way, in milliseconds. */
export const CLOSE_BUDGET_MS = 5_000;
/** The most bytes that one `read(count)` may ask for. */
export const MAX_READ_BYTES = 64 * 1024 * 1024;

/** How a file is opened, after `fopen` in POSIX; `x` means that it must not exist yet. */
export type OpenFlags = "r" | "r+" | "w" | "w+" | "a" | "a+" | "wx" | "wx+" | "ax" | "ax+";

const FLAGS: ReadonlySet<string> = new Set<OpenFlags>(["r", "r+", "w", "w+", "a", "a+", "wx", "wx+", "ax", "ax+"]);

/** What a new file is made with. */
export interface OpenOptions {
  /** The permission bits of a file that is made, less the process's umask. Default `0o666`. */
  readonly mode?: number;
}

/**
 * Opens a file. Whoever calls owns it and ends it with `await using` or `close`.
 *
 * A cancel leaves the wait at once; a file that is opened all the same is closed again.
 *
 * @param flags `r` read, `w` make or empty and write, `a` append; `+` for both ways; `x` fails if the name exists.
 * @throws FileError: `ERR_FILE_NOT_FOUND`, `ERR_FILE_EXISTS` with `x`, `ERR_FILE_PERMISSION`, …
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { open, unlink } from "lunet/fs";
 * await run(async () => {
 *   {
 *     await using file = await open("notes.txt", "w+");
 *     await file.write("hello");
 *     console.log(new TextDecoder().decode(await file.read(4, 1))); // ello
 *   }
 *   await unlink("notes.txt");
 * });
 * ```
 */
export async function open(path: string, flags: OpenFlags, options: OpenOptions = {}): Promise<File> {
  checkPath("open", path);
  if (!FLAGS.has(flags))
    throw new RangeError(`Cannot open "${path}": found flags "${flags}", wanted one of ${[...FLAGS].join(" ")}`);
  const { mode = 0o666 } = options;
  return startPathOperation<File>("open", path, "leave", (done) => {
    openFile(path, flags, mode, (error, descriptor) => {
      if (error !== null) done(error, undefined as never);
      else done(null, new File(descriptor, path));
    });
  });
}

/** An open file. Made by `open`. */
export class File implements AsyncDisposable {
  /** The path that it was opened by. */
  readonly path: string;
  readonly #handle: number;
  /** The operations that are under way, by how to wake whoever waits for them. */
  readonly #underWay = new Set<(error: unknown) => void>();
  #closed = false;
  #offsetInUse = false;
  #onIdle: (() => void) | undefined;

  constructor(handle: number, path: string) {
    this.#handle = handle;
    this.path = path;
    if (TRACE) made("file", this, undefined, path);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Reads at most so many bytes, or fills at most the buffer, in one go: fewer at the end of the file, none past it.
   *
   * A cancel is met when the system has finished, because the memory and the offset are in its hands till then. That is
   * short for files on a disk; a FIFO or a terminal may keep it, and closing the file wakes it.
   *
   * @param position Where to read, in bytes from the start. Default: the file's own offset, which moves on.
   * @returns The bytes; with a buffer the count of bytes that were put into it.
   * @throws ClosedError; FileError: `ERR_FILE_WRONG_FLAGS`, `ERR_FILE_BUSY` while another operation uses the offset.
   */
  read(count: number, position?: number): Promise<Uint8Array>;
  read(into: Uint8Array, position?: number): Promise<number>;
  async read(target: number | Uint8Array, position?: number): Promise<Uint8Array | number> {
    checkPosition("read", this.path, position);
    if (typeof target === "number" && !(Number.isInteger(target) && target >= 0 && target <= MAX_READ_BYTES)) {
      throw new RangeError(`Cannot read "${this.path}": found count ${target}, wanted 0 to ${MAX_READ_BYTES}`);
    }
    const bytes = typeof target === "number" ? allocateUnread(target) : target;
    const count = await this.#atOffset("read", position, () =>
      this.#operate<number>("read", (done) => readFile(this.#handle, bytes, position ?? null, done)),
    );
    return typeof target === "number" ? bytes.subarray(0, count) : count;
  }

  /**
   * Writes all of `data`, text as UTF-8. A cancel is met between two writes of the system; what was written stays.
   * The bytes belong to the operation until it ends.
   *
   * @param position Where to write, in bytes from the start. Default: the file's own offset, which moves on. A file
   * that was opened with `a` is always written at its end, whatever is given (Linux, `pwrite(2)`).
   * @throws ClosedError; FileError: `ERR_FILE_NO_SPACE`, `ERR_FILE_WRONG_FLAGS`, `ERR_FILE_BUSY`, …
   */
  async write(data: string | Uint8Array, position?: number): Promise<void> {
    checkPosition("write", this.path, position);
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    await this.#atOffset("write", position, async () => {
      let written = 0;
      do {
        const rest = bytes.subarray(written);
        const at = position === undefined ? null : position + written;
        written += await this.#operate<number>("write", (done) => writeFile(this.#handle, rest, at, done));
      } while (written < bytes.byteLength);
    });
  }

  /** The facts about the file. */
  async stat(): Promise<FileStatus> {
    return this.#operate<FileStatus>("stat", (done) => statDescriptor(this.#handle, done));
  }

  /** Cuts the file, or fills it up with zeros, to `sizeBytes`. Default 0. The offset stays. */
  async truncate(sizeBytes = 0): Promise<void> {
    checkPosition("truncate", this.path, sizeBytes);
    return this.#operate<void>("truncate", (done) => truncateFile(this.#handle, sizeBytes, done));
  }

  /** Waits until what was written is on the device (POSIX `fsync`). */
  async sync(): Promise<void> {
    return this.#operate<void>("sync", (done) => syncFile(this.#handle, done));
  }

  /**
   * Closes the file. Whoever waits on it is woken with `ERR_CLOSED`. A cancel does not reach it.
   *
   * The descriptor goes back to the system when the last operation under way has ended, which `close` waits for, but no
   * longer than `CLOSE_BUDGET_MS`.
   *
   * @throws ClosedError if it is closed already; DeadlineError; FileError if the system reports a late write error.
   */
  async close(): Promise<void> {
    this.#requireOpen("close");
    if (TRACE) ending(this);
    try {
      await shield(CLOSE_BUDGET_MS, () => this.#end());
    } catch (error) {
      throw asFileError("close", this.path, error);
    }
  }

  /** Closes the file if it is open. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) await this.close();
  }

  #end(): Promise<void> {
    this.#closed = true;
    return suspend<void>("file.close", (resume, fail) => {
      this.#onIdle = () => {
        closeFile(this.#handle, (error) => {
          if (TRACE) ended("file", this);
          if (error) fail(error);
          else resume();
        });
      };
      const closed = this.#closedError();
      for (const wake of this.#underWay) wake(closed);
      if (this.#underWay.size === 0) this.#onIdle();
      return () => {};
    });
  }

  async #operate<T>(action: string, start: (done: Done<T>) => void): Promise<T> {
    this.#requireOpen(action);
    if (TRACE) touched(this, action);
    try {
      return await suspend<T>(`file.${action}`, (resume, fail) => {
        if (TRACE) waitsOn(this);
        let isWoken = false;
        const wake = (error: unknown): void => {
          isWoken = true;
          fail(error);
        };
        start((error, value) => {
          this.#underWay.delete(wake);
          // Whoever was woken by the close has gone on; the system's answer is nobody's.
          if (!isWoken) {
            if (error === null) resume(value);
            else fail(error);
          }
          if (this.#closed && this.#underWay.size === 0) this.#onIdle?.();
        });
        this.#underWay.add(wake);
        return () => "pending";
      });
    } catch (error) {
      throw asFileError(action, this.path, error);
    }
  }

  async #atOffset<T>(action: string, position: number | undefined, body: () => Promise<T>): Promise<T> {
    if (position !== undefined) return body();
    if (this.#offsetInUse) {
      const message = `Cannot ${action} "${this.path}": found another operation at the file's offset, wanted one at a time`;
      throw new FileError("ERR_FILE_BUSY", message, this.path);
    }
    this.#offsetInUse = true;
    try {
      return await body();
    } finally {
      this.#offsetInUse = false;
    }
  }

  #requireOpen(action: string): void {
    if (!this.#closed) return;
    const error = this.#closedError();
    if (TRACE) misused(this, action, error);
    throw error;
  }

  #closedError(): ClosedError {
    return new ClosedError(`file ${JSON.stringify(this.path)}`);
  }
}

function checkPosition(action: string, path: string, position: number | undefined): void {
  if (position === undefined || (Number.isSafeInteger(position) && position >= 0)) return;
  throw new RangeError(`Cannot ${action} "${path}": found position ${position}, wanted a whole number from 0`);
}
