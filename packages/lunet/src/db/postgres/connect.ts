/**
 * Opens a connection: TCP or a Unix socket, TLS, log-in, and the question whether the server takes writes; all of it within
 * one time limit.
 *
 * Everything is said explicitly. `pg` fills in what it is not told from `PG…` variables and from ~/.pgpass, and a program
 * would reach another server than its address names.
 */
import { setTimer } from "../../host/clock.ts";
import { DatabaseError } from "../errors.ts";
import type { NetworkAddress } from "../network/address.ts";
import type { ConnectOptions, DriverSettings, NetworkConnection } from "../network/connection.ts";
import type { CancelRequests } from "./cancel-request.ts";
import { PostgresConnection } from "./connection.ts";
import { toConnectError } from "./errors.ts";
import { createClient, isServerFailure, type Library, type WireClient } from "./library.ts";
import { guardWire, type Server, serverAt } from "./server.ts";

/** A connection that says nothing for so long is asked by the kernel whether the other side is there. */
const KEEP_ALIVE_MS = 30_000;

/**
 * The settings of each session, which the database's and the user's own settings do not change. `values.ts` reads what is
 * written so. Floats of servers before PostgreSQL 12 are whole only with the extra digits.
 */
const SESSION = {
  application_name: "lunet",
  TimeZone: "UTC",
  DateStyle: "ISO, YMD",
  IntervalStyle: "iso_8601",
  bytea_output: "hex",
  extra_float_digits: "3",
  standard_conforming_strings: "on",
} as const;

/** What every connection of a driver is opened with. */
export interface ConnectParts {
  readonly library: Library;
  readonly address: NetworkAddress;
  readonly settings: DriverSettings;
  /** PEM. */
  readonly rootCertificates: string | undefined;
  readonly cancels: CancelRequests;
}

/** As `Driver.connect`. */
export function connectPostgres(
  parts: ConnectParts,
  options: ConnectOptions,
  done: (opened: NetworkConnection | DatabaseError) => void,
): () => void {
  const { library, address, settings, cancels } = parts;
  const server = serverAt(options.host, address.tls, parts.rootCertificates);
  const client = makeClient(library, address, server);
  let isOver = false;
  const finish = (opened: PostgresConnection | DatabaseError): void => {
    if (isOver) return;
    isOver = true;
    timer.clear();
    if (opened instanceof DatabaseError) client.connection.stream.destroy();
    queueMicrotask(() => done(opened));
  };
  const giveUp = (found: string, cause?: unknown): void =>
    finish(new DatabaseError("ERR_DB_UNAVAILABLE", `Cannot connect to ${server.name}: found ${found}`, { cause }));
  const timer = setTimer(options.timeoutMs, () => giveUp(`no answer after ${options.timeoutMs} ms`));

  let isShakingHands = false;
  client.connection.on("sslconnect", () => {
    isShakingHands = true;
    client.connection.stream.once("secureConnect", () => (isShakingHands = false));
  });
  const describe = (error: Error): DatabaseError => {
    if (isServerFailure(library, error)) return toConnectError(error, server.name);
    // Without a code it is the library that will not go on: the server refuses TLS, or fails to prove in the log-in that it
    // knows the password. With one it is the system's, or a certificate's.
    const isRefusal = "code" in error ? isShakingHands && !isSystemError(error) : !client.connection.stream.destroyed;
    const code = isRefusal ? "ERR_DB_ACCESS" : "ERR_DB_UNAVAILABLE";
    return new DatabaseError(code, `Cannot connect to ${server.name}: ${error.message}`, { cause: error });
  };
  // Errors after the first come here too, and have nobody to go to.
  client.on("error", () => {});
  client.connect((error) => {
    if (error != null) return finish(describe(error));
    if (isOver) return;
    const connection = new PostgresConnection({
      library,
      client,
      host: server.name,
      isShared: options.isShared,
      statementCacheSize: settings.statementCacheSize,
      maxRows: settings.maxRows,
      cancel: (key, cancelled) => cancels.send(server, key, cancelled),
    });
    if (!options.needsWrites) return finish(connection);
    connection.ask("show transaction_read_only", (answer) => {
      if (answer === "off") return finish(connection);
      connection.destroy();
      if (answer instanceof DatabaseError) giveUp(`an error: ${answer.message}`, answer);
      else giveUp("a standby, or a server that is set to read only, wanted one that takes writes");
    });
  });
  return () => giveUp("the attempt given up");
}

function makeClient(library: Library, { user, password, database }: NetworkAddress, server: Server): WireClient {
  const client = createClient(library, {
    host: server.host,
    port: server.port,
    user,
    database,
    // As a function it is taken when it is empty, too.
    password: () => password,
    ssl: server.tls,
    sslnegotiation: "postgres",
    client_encoding: "UTF8",
    application_name: SESSION.application_name,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    pipeline: true,
  });
  // Names of settings may stand in the startup message beside the user. The library would put what the environment says there.
  client.getStartupConf = () => ({ user, database, ...SESSION });
  guardWire(client.connection);
  return client;
}

/** The network failed. The other errors that have a code come from the check of a certificate, or from TLS itself. */
function isSystemError(error: Error): boolean {
  return "syscall" in error || "errors" in error || ("code" in error && error.code === "ECONNRESET");
}
