/*
 * Empties Conduit's database and keeps what was in it: `make db-reset DATABASE_URL=…`, default `sqlite:data/conduit.db`.
 *
 * A file is moved, with its signing key, to `.tmp/YYYYMMDD_HHMMSS/`. Of a server's database a dump is written there first,
 * and then its tables are dropped: all that are in the schema that the account works in. Nothing is touched when
 * somebody uses the database, or when the dump is not whole. Everything that waits has a limit of time.
 */
import { existsSync, renameSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { runRoot, withDeadline } from "lunet";
import { open, type Database } from "lunet/db";
import { parseAddress, type NetworkAddress } from "../packages/lunet/src/db/network/address.ts";
import { dumpDatabase, restoreCommand } from "./database-dump.ts";
import { createStampedFolder } from "./log-folder.ts";

/** How long looking for tables and users, and dropping the tables, may take. */
const LIMIT_MS = 30_000;
/** How long to wait for a lock on a file, in milliseconds. */
const BUSY_MS = 1_000;

const IN_USE: Readonly<Record<NetworkAddress["dialect"], string>> = {
  postgres: `SELECT COUNT(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  mariadb: "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
};
const TABLES: Readonly<Record<NetworkAddress["dialect"], string>> = {
  postgres: "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename",
  mariadb: `SELECT CONCAT('\`', REPLACE(table_name, '\`', '\`\`'), '\`') FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name`,
};

/** Why nothing was done, in a sentence. */
class Refusal extends Error {}

const { values } = parseArgs({ options: { root: { type: "string" } } });
const root = resolve(values.root ?? join(import.meta.dirname, ".."));
const url = process.env["DATABASE_URL"] || "sqlite:data/conduit.db";
try {
  if (url.startsWith("sqlite:")) moveFile(resolve(root, url.slice("sqlite:".length)));
  else await emptyServer(url);
} catch (error) {
  if (!(error instanceof Error)) throw error;
  // A failure of lunet has a message for people, which never has a password.
  console.error(error instanceof Refusal || "code" in error ? `db-reset: ${error.message}` : error);
  process.exitCode = 1;
}

function moveFile(path: string): void {
  if (!existsSync(path)) {
    console.log(`${path} is not there: nothing to do`);
    return;
  }
  foldLog(path);
  const folder = createStampedFolder(join(root, ".tmp"));
  // Its ids begin anew, and a token of the old database must not be good for somebody in the new one.
  const files = [path, `${path}.key`].filter((file) => existsSync(file));
  for (const file of files) {
    const target = join(folder, basename(file));
    renameSync(file, target);
    console.log(`moved ${file} to ${relative(process.cwd(), target)}`);
  }
  console.log(`to get it back, stop Conduit and move ${files.length === 1 ? "it" : "both"} back`);
  warnOfSecret();
}

/** Brings the write-ahead log into the file, which SQLite does only when nobody else has it open. */
function foldLog(path: string): void {
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    database.exec("PRAGMA journal_mode = DELETE");
  } catch (error) {
    throw new Refusal(`Cannot reset ${path}: found it in use, or no database; stop Conduit first`, { cause: error });
  } finally {
    database.close();
  }
}

async function emptyServer(address: string): Promise<void> {
  const parsed = parseAddress(address);
  const { name, dialect } = parsed;
  const tables = await onServer(address, async (database) => {
    const [used] = await database.queryRows<[number]>(IN_USE[dialect]);
    if (used?.[0] !== 0) {
      throw new Refusal(`Cannot reset ${name}: found ${used?.[0]} other connections; stop what uses it first`);
    }
    return (await database.queryRows<[string]>(TABLES[dialect])).map(([table]) => table);
  });
  if (tables.length === 0) {
    console.log(`${name} has no tables: nothing to do`);
    return;
  }
  const folder = createStampedFolder(join(root, ".tmp"));
  const dump = await dumpDatabase(parsed, folder);
  if ("problem" in dump) throw new Refusal(`Cannot reset ${name}: found no whole dump: ${dump.problem}`);
  console.log(`dumped ${name} to ${relative(process.cwd(), dump.file)}`);
  await onServer(address, async (database) => {
    const drop = `DROP TABLE ${tables.join(", ")}`;
    await database.exec(
      dialect === "postgres" ? `${drop} CASCADE` : `SET STATEMENT foreign_key_checks = 0 FOR ${drop}`,
    );
  });
  console.log(`dropped ${tables.length} tables: ${tables.join(", ")}`);
  console.log(
    `to get them back, empty it again and run: ${restoreCommand(parsed, relative(process.cwd(), dump.file))}`,
  );
  warnOfSecret();
}

async function onServer<T>(address: string, body: (database: Database) => Promise<T>): Promise<T> {
  return runRoot(() =>
    withDeadline(LIMIT_MS, async () => {
      await using database = await open(address, { network: { max: 1, shared: 0 } });
      return await body(database);
    }),
  );
}

function warnOfSecret(): void {
  console.log("ids begin anew: if you give a JWT_SECRET, give another, or old tokens are good for new users");
}
