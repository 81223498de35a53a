/**
 * The databases of the programs under test. Without `LUNET_TEST_DATABASE` each is a file in the program's directory. With
 * `postgres` or `mariadb` there it is one of its own on the run's server, whose address tools/test.ts gives, made before
 * the program starts and dropped when the test file ends.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { runRoot } from "lunet";
import { open } from "lunet/db";

/** Where the run says which servers there are. */
const SERVERS = { postgres: "LUNET_TEST_POSTGRES_URL", mariadb: "LUNET_TEST_MARIADB_URL" } as const;

const made = new Set<string>();

function server(): URL | undefined {
  const kind = process.env["LUNET_TEST_DATABASE"];
  if (kind === undefined) return undefined;
  const variable = SERVERS[kind as keyof typeof SERVERS];
  const url = variable === undefined ? undefined : process.env[variable];
  if (url === undefined) {
    throw new Error(`Cannot test on LUNET_TEST_DATABASE=${kind}: found no server, wanted the run of tools/test.ts`);
  }
  return new URL(url);
}

/** One name for each directory, so that two programs that share a directory share a database. */
function nameOf(directory: string): string {
  return `lunet_c_${createHash("sha256").update(directory).digest("hex").slice(0, 16)}`;
}

/** The address for `DATABASE_URL` of a program whose directory this is. */
export function databaseUrl(directory: string): string {
  const url = server();
  if (url === undefined) return `sqlite:${join(directory, "conduit.db")}`;
  url.pathname = `/${nameOf(directory)}`;
  return url.href;
}

/** Makes the database of a directory, unless it is there, or the program makes it. */
export async function makeDatabase(directory: string): Promise<void> {
  const url = server();
  const name = nameOf(directory);
  if (url === undefined || made.has(name)) return;
  made.add(name);
  await administer(url, [`create database ${name}`]);
}

/** Drops what was made here. Nobody is connected any more. */
export async function dropDatabases(): Promise<void> {
  const url = server();
  if (url === undefined) return;
  const names = [...made];
  made.clear();
  // The programs have ended, but a server may need a moment to see that of one that was killed.
  const end = url.protocol === "mariadb:" ? "" : " with (force)";
  await administer(
    url,
    names.map((name) => `drop database if exists ${name}${end}`),
  );
}

async function administer({ href }: URL, statements: readonly string[]): Promise<void> {
  await runRoot(async () => {
    await using database = await open(href, { network: { max: 1, shared: 0 } });
    for (const sql of statements) await database.exec(sql);
  });
}
