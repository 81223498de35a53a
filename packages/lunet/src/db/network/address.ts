/**
 * Addresses of databases behind a network: `postgres://user:password@host:port,host:port/name?option=value`, and the same
 * for `mariadb://`. Several hosts are tried in order.
 */
import { DatabaseError } from "../errors.ts";

/** Where one server listens. */
export type HostAddress =
  | { readonly host: string; readonly port: number }
  | { readonly socketPath: string; readonly port: number };

/** How a connection is encrypted: not at all, with the server's certificate checked, or without that check. */
export type TlsMode = "disable" | "verify-full" | "no-verify";

/** What an address says. */
export interface NetworkAddress {
  readonly dialect: "postgres" | "mariadb";
  readonly hosts: readonly HostAddress[];
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: TlsMode;
  /** A file of certificates (PEM) to check the server's against, instead of the system's. */
  readonly tlsRootCertificate: string | undefined;
  readonly targetSession: "any" | "read-write";
  /** For messages: without the password. */
  readonly name: string;
}

const DEFAULT_PORTS = { postgres: 5432, mariadb: 3306 } as const;
const TLS_MODES: readonly TlsMode[] = ["disable", "verify-full", "no-verify"];
const OPTIONS = ["sslmode", "sslrootcert", "target_session_attrs", "socket"] as const;

/** The host for messages. */
export function describeHost(address: HostAddress): string {
  if ("socketPath" in address) return address.socketPath;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

/**
 * Reads an address. Its shape is that of RFC 3986 with several hosts, as libpq takes them. Name and password are
 * percent-decoded. An `@` behind the hosts is refused: it is the end of a password with a `/` or a `?` that was not encoded.
 *
 * @throws DatabaseError `ERR_DB_URL`, which never repeats the password.
 */
export function parseAddress(url: string): NetworkAddress {
  const match =
    /^(?<scheme>[a-z]+):\/\/(?:(?<account>[^@/?#]*)@)?(?<hosts>[^/?#@]*)(?:\/(?<database>[^/?#@]*))?(?:\?(?<query>[^#@]*))?$/i.exec(
      url,
    );
  const dialect = dialectOf(match?.groups?.["scheme"]);
  if (match?.groups === undefined || dialect === undefined) {
    throw urlError("an address of another shape", `"postgres://user:password@host:port/database" or "mariadb://…"`);
  }
  const { account = "", hosts = "", database = "", query = "" } = match.groups;
  const options = parseOptions(query);
  const colon = account.indexOf(":");
  const user = decode(colon === -1 ? account : account.slice(0, colon), "the user");
  const password = colon === -1 ? "" : decode(account.slice(colon + 1), "the password");
  const name = decode(database, "the database");
  if (user === "") throw urlError("no user", `"${dialect}://user@host/database"`);
  if (name === "") throw urlError("no database", `"${dialect}://user@host/database"`);
  if ([user, password, name].some((text) => text.includes("\0"))) throw urlError("U+0000", "text without it");
  const port = DEFAULT_PORTS[dialect];
  const socket = options.get("socket");
  const addresses: HostAddress[] =
    socket === undefined ? hosts.split(",").map((host) => parseHost(host, port)) : [parseSocket(socket, hosts, port)];
  const tls = tlsMode(options.get("sslmode"), addresses);
  return {
    dialect,
    hosts: addresses,
    user,
    password,
    database: name,
    tls,
    tlsRootCertificate: options.get("sslrootcert"),
    targetSession: targetSession(options.get("target_session_attrs"), addresses),
    name: `${dialect}://${user}@${addresses.map(describeHost).join(",")}/${name}`,
  };
}

function dialectOf(scheme: string | undefined): "postgres" | "mariadb" | undefined {
  const lower = scheme?.toLowerCase();
  if (lower === "postgresql") return "postgres";
  return lower === "postgres" || lower === "mariadb" ? lower : undefined;
}

function parseOptions(query: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!(OPTIONS as readonly string[]).includes(name)) {
      throw urlError(`the option ${JSON.stringify(name)}`, OPTIONS.join(", "));
    }
    if (options.has(name)) throw urlError(`the option "${name}" twice`, "it once");
    options.set(name, value);
  }
  return options;
}

function parseHost(text: string, defaultPort: number): HostAddress {
  const match = /^(?:\[(?<v6>[\da-f:.]+)\]|(?<name>[\w.-]+))(?::(?<port>\d{1,5}))?$/i.exec(text);
  const host = match?.groups?.["v6"] ?? match?.groups?.["name"];
  const port = match?.groups?.["port"] === undefined ? defaultPort : Number(match.groups["port"]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw urlError(
      `the host ${JSON.stringify(text)}`,
      "a name or an address, with a port from 1 to 65535 behind it or none",
    );
  }
  return { host, port };
}

function parseSocket(path: string, hosts: string, port: number): HostAddress {
  if (hosts !== "" && hosts !== "localhost") throw urlError(`a host beside "socket"`, "one of both");
  if (!path.startsWith("/")) throw urlError(`the socket ${JSON.stringify(path)}`, "an absolute path");
  return { socketPath: path, port };
}

/** Passwords and data go over the network in clear only where it is said, or where there is no network. */
function tlsMode(given: string | undefined, hosts: readonly HostAddress[]): TlsMode {
  if (given === undefined) return hosts.every(isLocal) ? "disable" : "verify-full";
  if ((TLS_MODES as readonly string[]).includes(given)) return given as TlsMode;
  throw urlError(`sslmode ${JSON.stringify(given)}`, TLS_MODES.join(", "));
}

function isLocal(address: HostAddress): boolean {
  return (
    "socketPath" in address || address.host === "localhost" || address.host === "::1" || address.host.startsWith("127.")
  );
}

function targetSession(given: string | undefined, hosts: readonly HostAddress[]): "any" | "read-write" {
  if (given === undefined) return hosts.length > 1 ? "read-write" : "any";
  if (given === "any" || given === "read-write") return given;
  throw urlError(`target_session_attrs ${JSON.stringify(given)}`, "any, read-write");
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new DatabaseError("ERR_DB_URL", `Cannot open a database: found ${what} with a broken percent code`, {
      cause: error,
    });
  }
}

function urlError(found: string, wanted: string): DatabaseError {
  return new DatabaseError("ERR_DB_URL", `Cannot open a database: found ${found}, wanted ${wanted}`);
}
