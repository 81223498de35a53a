/** The driver of PostgreSQL, on the npm package `pg`. */
import { FileError, readFile } from "../../fs/mod.ts";
import { DatabaseError } from "../errors.ts";
import type { NetworkAddress } from "../network/address.ts";
import type { ConnectOptions, Driver, DriverSettings, NetworkConnection } from "../network/connection.ts";
import { CancelRequests } from "./cancel-request.ts";
import { connectPostgres, type ConnectParts } from "./connect.ts";
import { loadLibrary } from "./library.ts";
import { makeKnown } from "./request.ts";

export { POSTGRES_BINDING } from "./values.ts";

/**
 * Makes the driver for the servers of one address. It connects to none of them yet.
 *
 * @throws DatabaseError `ERR_DB_OPEN` when `pg` is not installed or the file of `sslrootcert` cannot be read.
 */
export async function createPostgresDriver(address: NetworkAddress, settings: DriverSettings): Promise<Driver> {
  const rootCertificates = await readCertificates(address.tlsRootCertificate);
  const library = await loadLibrary();
  makeKnown(library);
  const cancels = new CancelRequests(library, settings.connectTimeoutMs);
  return new PostgresDriver({ library, address, settings, rootCertificates, cancels });
}

async function readCertificates(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return new TextDecoder().decode(await readFile(path));
  } catch (cause) {
    if (!(cause instanceof FileError)) throw cause;
    const message = `Cannot open a database: found no certificates to read in ${JSON.stringify(path)}, wanted a PEM file`;
    throw new DatabaseError("ERR_DB_OPEN", message, { cause });
  }
}

class PostgresDriver implements Driver {
  readonly dialect = "postgres";
  readonly #parts: ConnectParts;

  constructor(parts: ConnectParts) {
    this.#parts = parts;
  }

  connect(options: ConnectOptions, done: (opened: NetworkConnection | DatabaseError) => void): () => void {
    return connectPostgres(this.#parts, options, done);
  }

  close(): void {
    this.#parts.cancels.close();
  }
}
