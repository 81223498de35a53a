/** The database that the configuration names. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DatabaseError, migrate, open, type Database } from "lunet/db";
import { ConfigurationError, type Configuration } from "./configuration.ts";

const MIGRATIONS = new URL("../migrations/", import.meta.url);
const SQLITE = "sqlite:";

/** The path of the database's file; undefined for a database behind a network. */
export function databasePath(url: string): string | undefined {
  return url.startsWith(SQLITE) ? resolve(url.slice(SQLITE.length)) : undefined;
}

/** The database for people: the path of its file, or its address without the password and the options. */
export function databaseName(url: string): string {
  return databasePath(url) ?? url.replace(/\?.*$/s, "").replace(/:[^@/]*@/, "@");
}

/**
 * Opens it. The caller closes it.
 *
 * @throws ConfigurationError for an address of a wrong shape; DatabaseError.
 */
export async function openDatabase(configuration: Configuration, readOnly = false): Promise<Database> {
  const { databaseUrl, databasePool, synchronous } = configuration;
  const path = databasePath(databaseUrl);
  const url = path === undefined ? databaseUrl : `${SQLITE}${path}`;
  try {
    return await open(url, { readOnly, sqlite: { synchronous }, network: { max: databasePool } });
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== "ERR_DB_URL") throw error;
    throw new ConfigurationError(`Cannot use DATABASE_URL: ${error.message}`, { cause: error });
  }
}

/**
 * Brings it to the schema of this version.
 *
 * @throws ConfigurationError for a database that cannot hold all text; DatabaseError.
 */
export async function migrateDatabase(database: Database): Promise<void> {
  // Tables of MariaDB say what they are encoded in; with PostgreSQL that is the database's, for good.
  if (database.dialect === "postgres") {
    const [row] = await database.queryRows<[string]>("SELECT current_setting('server_encoding')");
    if (row?.[0] !== "UTF8") {
      throw new ConfigurationError(
        `Cannot use DATABASE_URL: found a database in ${row?.[0]}, wanted one that was made with ENCODING 'UTF8' TEMPLATE template0`,
      );
    }
  }
  await migrate(database, fileURLToPath(new URL(`${database.dialect}/`, MIGRATIONS)));
}
