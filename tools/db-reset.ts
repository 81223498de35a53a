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

/**
 * How many other connections there are to the database, and how many to the server that this account cannot see.
 * PostgreSQL shows everybody who is connected, but not what kind of process it is; the server's own have no user. MariaDB
 * shows other accounts' connections with the privilege PROCESS alone, and the number of all to everybody.
 */
const IN_USE: Readonly<Record<NetworkAddress["dialect"], string>> = {
  postgres: `SELECT COUNT(*), 0 FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL`,
  mariadb: `SELECT
      (SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()),
      CASE WHEN EXISTS (SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'PROCESS'
          AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')) THEN 0
        ELSE (SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status
            WHERE variable_name = 'THREADS_CONNECTED') - (SELECT COUNT(*) FROM information_schema.processlist)
      END`,
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
  const { name, dialect, hosts } = parsed;
  if (dialect === "mariadb" && hosts.length > 1) {
    throw new Refusal(`Cannot reset ${name}: found several hosts, wanted one, which the dump is taken of, too`);
  }
  const tables = await onServer(address, async (database) => {
    await refuseUsed(database, parsed);
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
    // Whoever has come since the dump began may have written what is not in it.
    await refuseUsed(database, parsed);
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

async function refuseUsed(database: Database, { name, dialect }: NetworkAddress): Promise<void> {
  const [used] = await database.queryRows<[number, number]>(IN_USE[dialect]);
  const [others = NaN, unseen = NaN] = used ?? [];
  if (others !== 0) {
    throw new Refusal(`Cannot reset ${name}: found ${others} other connections; stop what uses it first`);
  }
  if (!(unseen <= 0)) {
    throw new Refusal(
      `Cannot reset ${name}: found ${unseen} connections of other accounts to the server, which may use it; stop them, or grant PROCESS to this account, which then sees where they are`,
    );
  }
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
