/**
 * The signing key that is made on the first start and kept in a file beside the database.
 *
 * It is made under the database's write lock, so that of two processes that start at once one makes it, and it gets its
 * name when it is whole, so that no start finds half of it.
 */
import { randomBytes } from "node:crypto";
import type { Database } from "lunet/db";
import { FileError, open, readFile, rename, stat } from "lunet/fs";
import { ConfigurationError } from "./configuration.ts";

const KEY_BYTES = 32;
/** Its owner alone reads and writes it. */
const MODE = 0o600;
const OTHERS = 0o077;

/**
 * Reads the key, or makes it if there is none. Waits for the database's write lock when it makes it.
 *
 * @throws ConfigurationError for a file that others can read or that is no key; FileError.
 */
export async function readOrMakeSigningKey(path: string, database: Database): Promise<Uint8Array> {
  const key = await readKey(path);
  return key ?? database.transaction(async () => (await readKey(path)) ?? makeKey(path));
}

async function readKey(path: string): Promise<Uint8Array | undefined> {
  let found;
  try {
    found = await stat(path);
  } catch (error) {
    if (error instanceof FileError && error.code === "ERR_FILE_NOT_FOUND") return undefined;
    throw error;
  }
  if ((found.mode & OTHERS) !== 0) {
    const mode = found.mode.toString(8).padStart(3, "0");
    throw new ConfigurationError(
      `Cannot use the signing key "${path}": found mode ${mode}, wanted 600; others may have read it: remove the file to get a new key, or run chmod 600 "${path}" to keep it`,
    );
  }
  if (found.kind !== "file" || found.sizeBytes !== KEY_BYTES) {
    throw new ConfigurationError(
      `Cannot use the signing key "${path}": found ${found.sizeBytes} bytes, wanted a file of ${KEY_BYTES}; restore it, or remove it to get a new key, with which everybody logs in anew`,
    );
  }
  return readFile(path, { maxBytes: KEY_BYTES });
}

async function makeKey(path: string): Promise<Uint8Array> {
  const key = randomBytes(KEY_BYTES);
  const unfinished = `${path}.${randomBytes(6).toString("hex")}`;
  {
    await using file = await open(unfinished, "wx", { mode: MODE });
    await file.write(key);
    await file.sync();
  }
  await rename(unfinished, path);
  return key;
}
