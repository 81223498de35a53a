/**
 * The files of one folder: found by their names, read, and the small ones kept in memory.
 *
 * Rules:
 * - A file counts as found if its path without symbolic links is below the root without symbolic links.
 * - What is kept is served only while the system says that the file is the same: device, inode, size and both times.
 *   That costs one question per request. A file that has just changed is not kept: it may change again within the same
 *   tick of the file system's clock.
 * - Memory is bounded by `MAX_KEPT_BYTES` and `MAX_KEPT_FILES`; who was kept first goes first.
 */
import { sep } from "node:path";
import { FileError, open, realpath, stat, type File, type FileStatus } from "../fs/mod.ts";
import { wallMs } from "../time/mod.ts";
import type { ByteRange } from "./content/byte-ranges.ts";

/** Files up to this size are read whole; larger ones are read as fast as the client takes them. In bytes. */
const MAX_WHOLE_BYTES = 256 * 1024;
const PIECE_BYTES = 64 * 1024;
export const MAX_KEPT_BYTES = 16 * 1024 * 1024;
export const MAX_KEPT_FILES = 1_000;
/** Longer than a tick of any file system's clock. */
export const SETTLED_MS = 2_500;

/** What the system says of a path that leads to no file, or to one that is not for us. */
const NOT_THERE: ReadonlySet<string> = new Set([
  "ERR_FILE_NOT_FOUND",
  "ERR_FILE_NOT_DIRECTORY",
  "ERR_FILE_NAME_TOO_LONG",
  "ERR_FILE_SYMLINK_LOOP",
  "ERR_FILE_PERMISSION",
]);

/** A file or a directory that was found. */
export interface FolderEntry {
  /** Without symbolic links. */
  readonly path: string;
  /** In the folder, with `/`. */
  readonly name: string;
  readonly status: FileStatus;
  /** Of a small file that was read. */
  readonly content: Uint8Array | undefined;
}

export class StaticFolder {
  readonly #root: string;
  /** The root without symbolic links, and with a separator at its end; known after the first request. */
  #realRoot: string | undefined;
  readonly #kept = new Map<string, FolderEntry>();
  #keptBytes = 0;

  constructor(root: string) {
    this.#root = root;
  }

  /** How much is kept in memory. */
  get kept(): { readonly files: number; readonly bytes: number } {
    return { files: this.#kept.size, bytes: this.#keptBytes };
  }

  /** What has this name; undefined when there is nothing, or something that is not in the folder. */
  async find(name: string): Promise<FolderEntry | undefined> {
    this.#realRoot ??= withSeparator(await realpath(this.#root));
    const named = `${this.#root}/${name}`;
    const kept = this.#kept.get(name);
    try {
      if (kept !== undefined && isSame(kept.status, await stat(named))) return kept;
      const path = await realpath(named);
      if (!withSeparator(path).startsWith(this.#realRoot)) {
        // The folder may be a link, and lead elsewhere since.
        this.#realRoot = withSeparator(await realpath(this.#root));
        if (!withSeparator(path).startsWith(this.#realRoot)) return undefined;
      }
      return { path, name, status: await stat(path), content: undefined };
    } catch (error) {
      return undefinedIfNotThere(error);
    }
  }

  /** A file as it is now, with its content if it is small; undefined when it is there no more, or may not be read. */
  async read(entry: FolderEntry): Promise<FolderEntry | undefined> {
    if (entry.content !== undefined) return entry;
    try {
      await using file = await open(entry.path, "r");
      const status = await file.stat();
      if (status.kind !== "file") return undefined;
      const content = status.sizeBytes <= MAX_WHOLE_BYTES ? await readUpTo(file, status.sizeBytes) : undefined;
      // What was written meanwhile counts as the file's last change, so that nothing is said for sure about it.
      const read = { ...entry, status: content === undefined ? status : await file.stat(), content };
      this.#keep(read);
      return read;
    } catch (error) {
      return undefinedIfNotThere(error);
    }
  }

  #keep(entry: FolderEntry): void {
    const { name, status, content } = entry;
    if (content === undefined || wallMs() - status.changedMs < SETTLED_MS) return;
    this.#forget(name);
    this.#kept.set(name, entry);
    this.#keptBytes += content.length;
    for (const first of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT_FILES && this.#keptBytes <= MAX_KEPT_BYTES) return;
      this.#forget(first);
    }
  }

  #forget(name: string): void {
    this.#keptBytes -= this.#kept.get(name)?.content?.length ?? 0;
    this.#kept.delete(name);
  }
}

/** How many bytes there are to send. */
export function sizeOf({ content, status }: FolderEntry): number {
  return content?.length ?? status.sizeBytes;
}

/** What is sent one after the other: text of one byte a character, and ranges of the file. */
export type FilePart = string | ByteRange;

/**
 * Reads ranges of a file that was found, exactly as long as it was then. It is opened at the first piece and closed at the
 * end. A file that is written to meanwhile is cut off before its last piece, so that nobody takes the mixture for whole.
 *
 * @param parts Default: all of the file.
 * @throws Error when it is another file by now, or changes meanwhile; FileError.
 */
export async function* streamFile(
  entry: FolderEntry,
  parts: readonly FilePart[] = [{ first: 0, last: entry.status.sizeBytes - 1 }],
): AsyncGenerator<Uint8Array, void, undefined> {
  const { path, status } = entry;
  let leftBytes = 0;
  for (const part of parts) if (typeof part !== "string") leftBytes += part.last - part.first + 1;
  await using file = await open(path, "r");
  if (!isSame(status, await file.stat())) {
    throw new Error(`Cannot send "${path}": found another file than a moment ago`);
  }
  for (const part of parts) {
    if (typeof part === "string") {
      yield Buffer.from(part, "latin1");
      continue;
    }
    for (let at = part.first; at <= part.last;) {
      const piece = await file.read(Math.min(PIECE_BYTES, part.last - at + 1), at);
      if (piece.length === 0) {
        throw new Error(`Cannot send "${path}": found its end at ${at} bytes, wanted ${status.sizeBytes}`);
      }
      at += piece.length;
      leftBytes -= piece.length;
      if (leftBytes === 0 && !hasSameContent(status, await file.stat())) {
        throw new Error(`Cannot send "${path}": found it changed meanwhile`);
      }
      yield piece;
    }
  }
}

async function readUpTo(file: File, sizeBytes: number): Promise<Uint8Array> {
  const content = new Uint8Array(sizeBytes);
  let at = 0;
  while (at < sizeBytes) {
    const count = await file.read(content.subarray(at));
    if (count === 0) break;
    at += count;
  }
  return content.subarray(0, at);
}

function isSame(a: FileStatus, b: FileStatus): boolean {
  return a.inode === b.inode && a.device === b.device && a.changedMs === b.changedMs && hasSameContent(a, b);
}

/** Its name and its rights may have changed. */
function hasSameContent(a: FileStatus, b: FileStatus): boolean {
  return a.sizeBytes === b.sizeBytes && a.modifiedMs === b.modifiedMs;
}

function withSeparator(path: string): string {
  return path.endsWith(sep) ? path : path + sep;
}

function undefinedIfNotThere(error: unknown): undefined {
  if (error instanceof FileError && NOT_THERE.has(error.code)) return undefined;
  throw error;
}
