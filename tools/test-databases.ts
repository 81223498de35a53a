/*
 * The database servers of a test run: one PostgreSQL and one MariaDB for all files that need them.
 *
 * A file needs them when its own text names `real-databases`, as every import of
 * packages/lunet/src/testing/real-databases.ts does, or `database-servers`, as every import from
 * tools/database-servers/ does. A file that gets there by other files says so in a comment.
 */
import { readFileSync } from "node:fs";
import type { DatabaseServer } from "./database-servers/database-server.ts";
import type { ServerKind } from "./database-servers/install.ts";

/** The variables in which test files find the servers. Who sets one in the environment of the run brings a server. */
export const VARIABLES: Readonly<Record<ServerKind, string>> = {
  postgres: "LUNET_TEST_POSTGRES_URL",
  mariadb: "LUNET_TEST_MARIADB_URL",
};

/** `off`: as on a machine without the servers' programs. */
const SWITCH = "LUNET_TEST_DATABASES";
/** In which every test file finds the folder of the run's logs, for the servers that it starts itself. */
export const LOGS_VARIABLE = "LUNET_TEST_LOGS";

/** In which test files of Conduit's API find the kind of database that the program is to have. Without it: SQLite. */
export const DATABASE_VARIABLE = "LUNET_TEST_DATABASE";

const MARKS = /\breal-databases\b|\bdatabase-servers\b/;

/** Whether the test file needs the servers, by the rule above. */
export function needsDatabases(file: string): boolean {
  return MARKS.test(readFileSync(file, "utf8"));
}

/** What became of the servers: they run, or the programs are missing, or something went wrong. */
export type TestDatabases =
  | { readonly state: "running"; readonly environment: NodeJS.ProcessEnv; close(): Promise<void> }
  | { readonly state: "missing" | "failed"; readonly reason: string };

export interface TestDatabasesOptions {
  readonly root: string;
  /** The folder of the run's logs. */
  readonly logs: string;
  readonly say: (text: string) => void;
}

/** Starts a server for each kind that the environment names none for, side by side. Never rejects. */
export async function startTestDatabases({ root, logs, say }: TestDatabasesOptions): Promise<TestDatabases> {
  // A run without databases does not pay for loading their clients.
  const [{ ServerRun }, { MissingProgramsError, SERVER_KINDS }] = await Promise.all([
    import("./database-servers/server-run.ts"),
    import("./database-servers/install.ts"),
  ]);
  if (process.env[SWITCH] === "off") return { state: "missing", reason: `${SWITCH}=off` };
  const wanted = SERVER_KINDS.filter((kind) => (process.env[VARIABLES[kind]] ?? "") === "");
  if (wanted.length === 0) return { state: "running", environment: {}, close: async () => {} };
  const started = performance.now();
  say(`starting database servers: ${wanted.join(", ")}`);
  let run: Awaited<ReturnType<typeof ServerRun.open>> | undefined;
  try {
    const open = (run = await ServerRun.open({ root, logs, say }));
    const start = async (kind: ServerKind): Promise<DatabaseServer> =>
      kind === "postgres" ? await open.startPostgres() : await open.startMariadb();
    const servers = await Promise.all(wanted.map(start));
    const places = servers.map(({ name, port, pid }) => `${name} on port ${port} as process ${pid}`);
    say(`database servers: ${places.join(", ")} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    const environment = Object.fromEntries(servers.map(({ kind, url }) => [VARIABLES[kind], url]));
    return { state: "running", environment, close: async () => await open.close() };
  } catch (error) {
    await run?.close();
    const reason = (error as Error).message;
    return { state: error instanceof MissingProgramsError ? "missing" : "failed", reason };
  }
}
