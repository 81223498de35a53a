/*
 * PostgreSQL as a throwaway server. Its settings stand in `postgresql.conf`, not on its command line, because
 * `pg_rewind` reads them there. It listens on TCP alone: the path of a socket may be 107 bytes long, and a checkout may
 * be deep.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import type { Account } from "./account.ts";
import type { Row, ServerRecipe } from "./database-server.ts";
import type { PostgresPrograms } from "./install.ts";
import { runProgram } from "./run-program.ts";
import { copyTemplate, type TemplateRecipe } from "./template.ts";

const INITDB_TIMEOUT_MS = 60_000;
const QUERY_TIMEOUT_MS = 5_000;

/** Changes of the recipe for the template: they make a new one. */
const TEMPLATE_VERSION = "1";
const LOCALE = process.platform === "linux" ? "C.UTF-8" : "en_US.UTF-8";

type Settings = Readonly<Record<string, string | number>>;

/** Small, because many run side by side, and loud about what their clients do wrong. */
const SETTINGS: Settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: 200,
  shared_buffers: "32MB",
  logging_collector: "off",
  log_min_messages: "warning",
  log_line_prefix: "%m [%p] %d ",
};

/** For tests that do not pull the plug: what was acknowledged survives kill -9, but not the machine's end. */
const FAST: Settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };

/** What tells one server from another. */
export interface ServerPlace {
  readonly name: string;
  readonly port: number;
  /** Where templates are kept. */
  readonly databases: string;
  /** The server's own folder, which is made here. */
  readonly folder: string;
  readonly log: string;
  readonly account: Account | undefined;
}

export interface PostgresOptions {
  /** Whether a commit waits for the disk. Default: no. */
  readonly durable?: boolean;
  /** More for `postgresql.conf`; they win over what stands there. */
  readonly settings?: Settings;
}

/** Makes the data folder of a fresh server and says how it is run. */
export async function postgresRecipe(
  programs: PostgresPrograms,
  place: ServerPlace,
  { durable = false, settings = {} }: PostgresOptions,
): Promise<ServerRecipe> {
  const { data, password } = await copyTemplate(place.databases, place.folder, template(programs, place.account));
  writeSettings(data, { ...SETTINGS, ...(durable ? {} : FAST), ...settings, port: place.port });
  return recipeFor(programs, place, password);
}

/** How a server is run whose data folder is there. */
export function recipeFor(programs: PostgresPrograms, place: ServerPlace, password: string): ServerRecipe {
  return {
    kind: "postgres",
    name: place.name,
    program: join(programs.bin, "postgres"),
    args: ["-D", join(place.folder, "data")],
    folder: place.folder,
    log: place.log,
    account: place.account,
    // "Fast shutdown": it breaks transactions off and waits for nobody.
    stopSignal: "SIGINT",
    port: place.port,
    password,
    query: queryPostgres,
    readyQuery: "select 1",
  };
}

/** Adds settings to a data folder; of two for one name the later wins. */
export function writeSettings(data: string, settings: Settings): void {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`);
  appendFileSync(join(data, "postgresql.conf"), `${lines.join("\n")}\n`);
}

/** Runs one statement over a connection of its own. */
export async function queryPostgres(url: string, sql: string): Promise<readonly Row[]> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: QUERY_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
  });
  // Without a listener the end of the server is the end of this process; the query says it, too.
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

function template({ bin, version }: PostgresPrograms, account: Account | undefined): TemplateRecipe {
  return {
    name: "postgres",
    key: `${TEMPLATE_VERSION} ${version}`,
    account,
    async make(data, _password, passwordFile) {
      const args = ["-D", data, "-U", "lunet", "-E", "UTF8", `--locale=${LOCALE}`, "--no-sync", "--data-checksums"];
      const access = ["--auth=scram-sha-256", `--pwfile=${passwordFile}`];
      await runProgram({
        program: join(bin, "initdb"),
        args: [...args, ...access],
        cwd: data,
        account,
        limitMs: INITDB_TIMEOUT_MS,
      });
    },
  };
}
