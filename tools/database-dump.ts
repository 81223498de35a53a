/*
 * Dumps a database of a server into a file of SQL with the server's own program, pg_dump or mariadb-dump.
 *
 * The password goes through the environment, because everybody on the machine can read a command line.
 */
import { existsSync, openSync, closeSync, fstatSync, readSync } from "node:fs";
import { join } from "node:path";
import type { HostAddress, NetworkAddress } from "../packages/lunet/src/db/network/address.ts";
import { describeEnd, startCommand, telling } from "./run-command.ts";

/** How long a dump may take. */
const LIMIT_MS = 600_000;
const CONNECT_TIMEOUT_S = 5;
/** What both programs write at the end of a whole dump, and within how many bytes of it. */
const END_MARK = /dump complete/i;
const END_BYTES = 256;

/** A whole dump, or what went wrong. */
export type Dump = { readonly file: string } | { readonly problem: string };

/** What a program of the server is started with. */
interface Start {
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** Writes the dump, readable by its owner alone, into `folder`. Of several hosts pg_dump takes the one that open() does, mariadb-dump the first. */
export async function dumpDatabase(address: NetworkAddress, folder: string): Promise<Dump> {
  const { dialect } = address;
  const program = dialect === "postgres" ? "pg_dump" : "mariadb-dump";
  const file = join(folder, `${dialect}.sql`);
  closeSync(openSync(file, "wx", 0o600));
  const { args, environment } = dialect === "postgres" ? postgresStart(address, file) : mariadbStart(address, file);
  const { PATH, HOME } = process.env;
  const end = await startCommand({
    program,
    args,
    cwd: folder,
    log: join(folder, "dump.log"),
    limitMs: LIMIT_MS,
    environment: { PATH, HOME, ...environment },
  }).ended;
  if (end.status !== 0 || end.problem !== undefined)
    return { problem: `${program}: ${describeEnd(end)}\n${telling(end)}` };
  return isWhole(file) ? { file } : { problem: `${program} ended well, but its file has no end` };
}

/** The command that reads a dump back. It asks for the password. */
export function restoreCommand({ dialect, hosts, user, database }: NetworkAddress, file: string): string {
  const [host] = hosts;
  const quote = (text: string): string => (/^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const account = hostArguments(dialect, host).map(quote).join(" ");
  return dialect === "postgres"
    ? `psql ${account} -U ${quote(user)} -v ON_ERROR_STOP=1 -d ${quote(database)} -f ${quote(file)}`
    : `mariadb ${account} -u ${quote(user)} -p ${quote(database)} < ${quote(file)}`;
}

function hostArguments(dialect: NetworkAddress["dialect"], host: HostAddress | undefined): string[] {
  if (host === undefined) return [];
  const port = dialect === "postgres" ? "-p" : "-P";
  if (!("socketPath" in host)) return ["-h", host.host, port, String(host.port)];
  return dialect === "postgres" ? ["-h", folderOf(host.socketPath), port, String(host.port)] : ["-S", host.socketPath];
}

/** libpq names a socket by its folder and its port. */
function folderOf(socketPath: string): string {
  return socketPath.replace(/\/\.s\.PGSQL\.\d+$/, "");
}

function postgresStart({ hosts, user, password, database, tls, ...more }: NetworkAddress, file: string): Start {
  return {
    args: ["--no-owner", "--no-privileges", "--encoding=UTF8", `--file=${file}`],
    environment: {
      PGHOST: hosts.map((host) => ("socketPath" in host ? folderOf(host.socketPath) : host.host)).join(),
      PGPORT: hosts.map(({ port }) => port).join(),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      PGSSLMODE: tls === "no-verify" ? "require" : tls,
      ...(more.tlsRootCertificate === undefined ? {} : { PGSSLROOTCERT: more.tlsRootCertificate }),
      PGTARGETSESSIONATTRS: more.targetSession,
      PGCONNECT_TIMEOUT: String(CONNECT_TIMEOUT_S),
    },
  };
}

function mariadbStart({ dialect, hosts, user, password, database, tls, ...more }: NetworkAddress, file: string): Start {
  const ca = more.tlsRootCertificate === undefined ? [] : [`--ssl-ca=${more.tlsRootCertificate}`];
  const encryption = {
    disable: ["--skip-ssl"],
    "no-verify": ["--ssl", "--skip-ssl-verify-server-cert"],
    "verify-full": ["--ssl", "--ssl-verify-server-cert", ...ca],
  };
  return {
    // No options of the person's own, which could name another server.
    args: [
      "--no-defaults",
      ...hostArguments(dialect, hosts[0]),
      `--user=${user}`,
      ...encryption[tls],
      "--default-character-set=utf8mb4",
      "--single-transaction",
      "--no-tablespaces",
      // An account that may not lock tables is to be able to read it back.
      "--skip-add-locks",
      "--hex-blob",
      `--result-file=${file}`,
      database,
    ],
    environment: { MYSQL_PWD: password },
  };
}

/** Whether the program got to the end of its file. */
function isWhole(file: string): boolean {
  if (!existsSync(file)) return false;
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const end = Buffer.alloc(Math.min(size, END_BYTES));
    readSync(descriptor, end, 0, end.length, size - end.length);
    return END_MARK.test(end.toString("latin1"));
  } finally {
    closeSync(descriptor);
  }
}
