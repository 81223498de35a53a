/**
 * The signing key that is made on the first start and kept with the database: in a file beside SQLite's, in a table of a server.
 *
 * The file is made under the database's write lock, so that of two processes that start at once one makes it, and it gets
 * its name when it is whole, so that no start finds half of it. In a table, what was stored first stays.
 */
import { randomBytes } from "node:crypto";
import type { Database } from "lunet/db";
import { FileError, open, readFile, rename, stat } from "lunet/fs";
import { ConfigurationError } from "./configuration.ts";
import { insertOrKeep } from "./dialect.ts";

const KEY_BYTES = 32;
/** Its owner alone reads and writes it. */
const MODE = 0o600;
const OTHERS = 0o077;

/** The name of the key in the table `signing_keys`. */
const NAME = "session";

/**
 * Reads the key of a database server, or makes and stores it if there is none. Processes that start at once get one key.
 *
 * @throws ConfigurationError for a stored key of another length; DatabaseError.
 */
export async function readOrStoreKey(database: Database): Promise<Uint8Array> {
  const read = "SELECT secret FROM signing_keys WHERE name = ?";
  let [row] = await database.queryRows<[Uint8Array]>(read, [NAME]);
  if (row === undefined) {
    const key = randomBytes(KEY_BYTES);
    await database.exec(insertOrKeep(database.dialect, "signing_keys", ["name", "secret"], 1), [NAME, key]);
    [row] = await database.queryRows<[Uint8Array]>(read, [NAME]);
  }
  const found = row?.[0].length ?? 0;
  if (row === undefined || found !== KEY_BYTES) {
    throw new ConfigurationError(
      `Cannot use the signing key in the table "signing_keys": found ${found} bytes, wanted ${KEY_BYTES}; restore it, or delete the row to get a new key, with which everybody logs in anew`,
    );
  }
  return row[0];
}

/**
 * Reads the key, or makes it if there is none. Waits for the database's write lock when it makes it.
 *
 * @throws ConfigurationError for a file that others can read or that is no key; FileError.
 */
export async function readOrMakeKeyFile(path: string, database: Database): Promise<Uint8Array> {
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
