/*
 * Databases on real servers, for test files. The servers are those of the run: tools/test.ts starts them, once, for the
 * files whose text names `real-databases`, and gives their addresses in the environment.
 *
 * A file takes a database of its own, so that files run side by side. It talks to it through lunet; what is here comes
 * in past lunet, as an administrator over a connection of its own each time, so that it can look at what lunet does, end
 * its connections, and find a database that lunet has left locked.
 */
import { randomBytes } from "node:crypto";
import { after, before } from "node:test";
import { createConnection } from "mariadb";
import pg from "pg";

/** The kinds of servers: `for (const kind of REAL_DATABASES) …`. */
export const REAL_DATABASES = ["postgres", "mariadb"] as const;
export type RealDatabaseKind = (typeof REAL_DATABASES)[number];

/** Where the run says which servers there are. */
const VARIABLES = { postgres: "LUNET_TEST_POSTGRES_URL", mariadb: "LUNET_TEST_MARIADB_URL" } as const;
/** Nothing here takes longer, unless something holds a lock or the server is gone. */
const TIMEOUT_MS = 10_000;
/** The server's own limit for a lock that a test has left; below the other, so that the error tells of the lock. */
const LOCK_TIMEOUT_S = 5;

/** A row, with the values as the drivers give them. */
export type AdministratorRow = Readonly<Record<string, unknown>>;

/** A database of one test file. */
export interface RealDatabase {
  readonly kind: RealDatabaseKind;
  /** For `open()` of lunet/db: with user, password and the name of the database. The user may do everything. */
  readonly url: string;
  /** The name of the database: `lunet_t_` and twelve hexadecimal digits. */
  readonly name: string;
  /**
   * Makes the database as new. Rejects when a connection holds a lock in it for longer than 5 s: a transaction that a
   * test has left open.
   */
  empty(): Promise<void>;
  /**
   * Runs one statement in the database as the administrator, over a connection of its own, and resolves with its rows:
   * `pg_stat_activity`, `information_schema.processlist`, `kill 42`. At most 10 s.
   */
  administer(sql: string): Promise<readonly AdministratorRow[]>;
}

/**
 * Gives the file a database of its own: made before its first test, dropped after its last, with whatever is still
 * connected to it. To be called at the top of the file, once for each kind.
 *
 * @throws Error when the file is not run by tools/test.ts.
 */
export function realDatabase(kind: RealDatabaseKind): RealDatabase {
  const server = serverUrl(kind);
  const name = `lunet_t_${randomBytes(6).toString("hex")}`;
  const own = new URL(server);
  own.pathname = `/${name}`;
  const { href: url } = own;
  const administrator = ADMINISTRATORS[kind];
  before(async () => await administrator.make(server, name));
  after(async () => await administrator.drop(server, name));
  return {
    kind,
    url,
    name,
    empty: async () => {
      await administrator.empty(url, name);
    },
    administer: async (sql) => await administrator.run(url, [sql]),
  };
}

function serverUrl(kind: RealDatabaseKind): string {
  const url = process.env[VARIABLES[kind]];
  if (url === undefined || url === "") {
    throw new Error(
      `Cannot use a real database: found no ${VARIABLES[kind]}; run the file with \`make test T=<part of its path>\`, ` +
        "and name `real-databases` in its own text, which is how the run knows that it needs the servers",
    );
  }
  return url;
}

interface Administrator {
  make(server: string, name: string): Promise<unknown>;
  empty(url: string, name: string): Promise<unknown>;
  drop(server: string, name: string): Promise<unknown>;
  /** Runs statements one after the other over one connection and resolves with the rows of the last. */
  run(url: string, statements: readonly string[]): Promise<readonly AdministratorRow[]>;
}

const ADMINISTRATORS: Readonly<Record<RealDatabaseKind, Administrator>> = {
  postgres: {
    make: async (server, name) => await runPostgres(server, [`create database ${name}`]),
    empty: async (url) =>
      await runPostgres(url, [
        `set lock_timeout = '${LOCK_TIMEOUT_S}s'`,
        "drop schema public cascade",
        "create schema public",
      ]),
    drop: async (server, name) => await runPostgres(server, [`drop database if exists ${name} with (force)`]),
    run: runPostgres,
  },
  mariadb: {
    make: async (server, name) => await runMariadb(server, [`create database ${name}`]),
    empty: async (url, name) =>
      await runMariadb(url, [
        `set lock_wait_timeout = ${LOCK_TIMEOUT_S}`,
        `drop database ${name}`,
        `create database ${name}`,
      ]),
    drop: dropMariadb,
    run: runMariadb,
  },
};

async function runPostgres(url: string, statements: readonly string[]): Promise<readonly AdministratorRow[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  // Without a listener the end of the server is the end of this process; the query says it, too.
  client.on("error", () => {});
  try {
    await client.connect();
    let rows: readonly AdministratorRow[] = [];
    for (const sql of statements) ({ rows } = await client.query<AdministratorRow>(sql));
    return rows;
  } finally {
    await client.end();
  }
}

async function runMariadb(url: string, statements: readonly string[]): Promise<readonly AdministratorRow[]> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const connection = await createConnection({
    host: hostname,
    port: Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    connectTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  connection.on("error", () => {});
  try {
    let rows: readonly AdministratorRow[] = [];
    for (const sql of statements) {
      const found = await connection.query<unknown>(sql);
      rows = Array.isArray(found) ? (found as AdministratorRow[]) : [];
    }
    return rows;
  } finally {
    connection.destroy();
  }
}

/** MariaDB waits for whoever has read in an open transaction; PostgreSQL's `force` is written out here. */
async function dropMariadb(server: string, name: string): Promise<void> {
  const connected = await runMariadb(server, [`select id from information_schema.processlist where db = '${name}'`]);
  // What has gone by itself meanwhile is no failure.
  for (const { id } of connected) await runMariadb(server, [`kill ${String(id)}`]).catch(ignoreUnknownThread);
  await runMariadb(server, [`set lock_wait_timeout = ${LOCK_TIMEOUT_S}`, `drop database if exists ${name}`]);
}

function ignoreUnknownThread(error: unknown): void {
  const ER_NO_SUCH_THREAD = 1094;
  if ((error as { readonly errno?: number }).errno !== ER_NO_SUCH_THREAD) throw error;
}
