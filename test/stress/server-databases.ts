/**
 * Databases on the servers that the environment names, as it does for tests: `LUNET_TEST_POSTGRES_URL` and
 * `LUNET_TEST_MARIADB_URL`. One whose variable is not set is left out.
 */
import { shield } from "lunet";
import { open, type Database, type OpenOptions } from "lunet/db";

const VARIABLES = ["LUNET_TEST_POSTGRES_URL", "LUNET_TEST_MARIADB_URL"];
const DROP_TIMEOUT_MS = 10_000;

/** Runs `body` with a database of its own on each server, which is dropped afterwards. */
export async function withServerDatabases(
  options: OpenOptions,
  body: (databases: readonly Database[]) => Promise<void>,
): Promise<void> {
  const urls = VARIABLES.map((variable) => process.env[variable] ?? "").filter((url) => url !== "");
  await withDatabases(urls, [], options, body);
}

async function withDatabases(
  urls: readonly string[],
  opened: readonly Database[],
  options: OpenOptions,
  body: (databases: readonly Database[]) => Promise<void>,
): Promise<void> {
  const [url, ...others] = urls;
  if (url === undefined) return body(opened);
  const name = `lunet_stress_${process.pid}`;
  const own = new URL(url);
  own.pathname = `/${name}`;
  await using server = await open(url, { network: { max: 1, shared: 0 } });
  await server.exec(`create database ${name}`);
  try {
    // The transactions lock rows in any order, and most of the time would be spent on waiting to be told so.
    if (server.dialect === "postgres") await server.exec(`alter database ${name} set deadlock_timeout = '20ms'`);
    await using database = await open(own.href, options);
    await withDatabases(others, [...opened, database], options, body);
  } finally {
    await shield(DROP_TIMEOUT_MS, () => server.exec(`drop database ${name}`));
  }
}
