/*
 * MariaDB as a throwaway server. Its socket stands in its data folder and is named relative to it, because the path of a
 * socket may be 107 bytes long, and a checkout may be deep. The system's account `root` can come in over that socket
 * alone.
 */
import { createConnection } from "mariadb";
import type { Account } from "./account.ts";
import type { Row, ServerRecipe } from "./database-server.ts";
import type { MariadbPrograms } from "./install.ts";
import type { ServerPlace } from "./postgres.ts";
import { runProgram } from "./run-program.ts";
import { copyTemplate, type TemplateRecipe } from "./template.ts";

const INSTALL_TIMEOUT_MS = 60_000;
const QUERY_TIMEOUT_MS = 5_000;

/** Changes of the recipe for the template: they make a new one. */
const TEMPLATE_VERSION = "1";
/** The sizes have to be those that the data folder was made with. */
const SIZES = ["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=64M"];

const SETTINGS = [
  "--bind-address=127.0.0.1",
  "--socket=m.sock",
  "--pid-file=m.pid",
  // Addresses stay addresses: an account is for 127.0.0.1, and nothing asks a name server.
  "--skip-name-resolve",
  "--character-set-server=utf8mb4",
  "--collation-server=utf8mb4_bin",
  "--max-connections=200",
  "--performance-schema=0",
];

/** For tests that do not pull the plug: what was acknowledged survives kill -9 of the server with 2, not with 0. */
const FAST = ["--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"];
const DURABLE = ["--innodb-flush-log-at-trx-commit=1", "--skip-log-bin"];

export interface MariadbOptions {
  /** Whether a commit waits for the disk. Default: no, and then kill -9 loses up to a second. */
  readonly durable?: boolean;
  /** More options of `mariadbd`, as `--name=value`; they win over what it gets anyway. */
  readonly settings?: readonly string[];
}

/** Makes the data folder of a fresh server and says how it is run. */
export async function mariadbRecipe(
  programs: MariadbPrograms,
  place: ServerPlace,
  { durable = false, settings = [] }: MariadbOptions,
): Promise<ServerRecipe> {
  const { data, password } = await copyTemplate(place.databases, place.folder, template(programs, place.account));
  return {
    kind: "mariadb",
    name: place.name,
    program: programs.server,
    args: [
      "--no-defaults",
      `--datadir=${data}`,
      `--port=${place.port}`,
      ...SIZES,
      ...SETTINGS,
      ...(durable ? DURABLE : FAST),
      ...settings,
    ],
    folder: place.folder,
    log: place.log,
    account: place.account,
    stopSignal: "SIGTERM",
    port: place.port,
    password,
    query: queryMariadb,
    readyQuery: "select 1",
  };
}

/** Runs one statement over a connection of its own. */
export async function queryMariadb(url: string, sql: string): Promise<readonly Row[]> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const connection = await createConnection({
    host: hostname,
    port: Number(port),
    user: username,
    password,
    database: pathname.slice(1),
    connectTimeout: QUERY_TIMEOUT_MS,
    socketTimeout: QUERY_TIMEOUT_MS,
  });
  // Without a listener the end of the server is the end of this process; the query says it, too.
  connection.on("error", () => {});
  try {
    const found = await connection.query<Row[] | object>(sql);
    return Array.isArray(found) ? (found as Row[]) : [];
  } finally {
    connection.destroy();
  }
}

function template({ installer, server, version }: MariadbPrograms, account: Account | undefined): TemplateRecipe {
  return {
    name: "mariadb",
    key: `${TEMPLATE_VERSION} ${version} ${SIZES.join(" ")}`,
    account,
    async make(data, password) {
      const common = { cwd: data, account, limitMs: INSTALL_TIMEOUT_MS };
      const args = ["--no-defaults", `--datadir=${data}`, "--skip-test-db", "--skip-name-resolve", ...SIZES];
      const access = "--auth-root-authentication-method=socket";
      await runProgram({ ...common, program: installer, args: [...args, access] });
      // Statements are lines here. Accounts are unknown in this mode until they are read.
      const account127 = "'lunet'@'127.0.0.1'";
      const statements = [
        "flush privileges;",
        `create user ${account127} identified by '${password}';`,
        `grant all privileges on *.* to ${account127} with grant option;`,
      ];
      const bootstrap = ["--no-defaults", `--datadir=${data}`, "--bootstrap", ...SIZES];
      await runProgram({ ...common, program: server, args: bootstrap, input: `${statements.join("\n")}\n` });
    },
  };
}
