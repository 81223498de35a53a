/** The driver for MariaDB, made of the `mariadb` package. */
import { Cancelled, until } from "../../co/mod.ts";
import { readFile } from "../../fs/mod.ts";
import { setTimer } from "../../host/clock.ts";
import {
  connectSocket,
  createTrust,
  guardReading,
  type SecureContext,
  type Socket,
} from "../../host/library-socket.ts";
import { DatabaseError } from "../errors.ts";
import { describeHost, type HostAddress, type NetworkAddress } from "../network/address.ts";
import type { ConnectOptions, Driver, DriverSettings, NetworkConnection } from "../network/connection.ts";
import { MariadbConnection } from "./connection.ts";
import { connectError } from "./errors.ts";
import { type KillDone, QueryKiller, type ServerIdentity } from "./kill-query.ts";
import { type Library, type LibraryConnection, type LibraryError, libraryOptions } from "./library.ts";

export { MARIADB_BINDING } from "./values.ts";

/**
 * Loads the package and makes the driver. Nothing is connected yet.
 *
 * @throws DatabaseError `ERR_DB_OPEN` when the certificates of the address cannot be read.
 */
export async function createMariadbDriver(address: NetworkAddress, settings: DriverSettings): Promise<Driver> {
  // Its types say less than there is: library.ts has what lunet uses.
  const library: unknown = await until(import("mariadb/callback"));
  return new MariadbDriver(library as Library, address, settings, await loadTrust(address));
}

async function loadTrust({ tls, tlsRootCertificate: path, name }: NetworkAddress): Promise<SecureContext | undefined> {
  if (tls !== "verify-full") return undefined;
  try {
    return createTrust(path === undefined ? undefined : new TextDecoder().decode(await readFile(path)));
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    throw new DatabaseError("ERR_DB_OPEN", `Cannot open ${name}: found no certificates in ${JSON.stringify(path)}`, {
      cause: error,
    });
  }
}

type Done = (opened: MariadbConnection | DatabaseError) => void;

/** Where a connection goes to: the host, and which of the servers behind its name. */
interface Target {
  readonly host: HostAddress;
  readonly address: string | undefined;
}

class MariadbDriver implements Driver {
  readonly dialect = "mariadb";
  readonly #library: Library;
  readonly #address: NetworkAddress;
  readonly #settings: DriverSettings;
  readonly #trust: SecureContext | undefined;
  readonly #killers = new Map<string, QueryKiller>();

  constructor(library: Library, address: NetworkAddress, settings: DriverSettings, trust: SecureContext | undefined) {
    this.#library = library;
    this.#address = address;
    this.#settings = settings;
    this.#trust = trust;
  }

  connect(options: ConnectOptions, done: (opened: NetworkConnection | DatabaseError) => void): () => void {
    return this.#connect(options, { host: options.host, address: undefined }, done);
  }

  close(): void {
    for (const killer of this.#killers.values()) killer.close();
    this.#killers.clear();
  }

  #connect(options: ConnectOptions, target: Target, done: Done): () => void {
    const name = describeHost(target.host);
    let socket: Socket | undefined;
    let isDone = false;
    const timer = setTimer(options.timeoutMs, () => fail(new Error(`no answer in ${Math.ceil(options.timeoutMs)} ms`)));
    const finish = (opened: MariadbConnection | DatabaseError): void => {
      timer.clear();
      isDone = true;
      done(opened);
    };
    const fail = (error: LibraryError): void => {
      if (isDone) return;
      isDone = true;
      socket?.destroy();
      queueMicrotask(() => finish(connectError(error, name)));
    };
    const library = this.#library.createConnection(
      libraryOptions(this.#address, nameOf(target.host), options.isShared, this.#trust, () => {
        // The package's reader throws at an answer that makes no sense.
        socket = guardReading(connectSocket(endpointOf(target)));
        return socket;
      }),
    );
    library.on("error", (error = new Error("the connection ended")) => fail(error));
    library.on("connect", (error) => {
      if (error !== undefined) return fail(error);
      prepareSession(library, options.needsWrites, (prepared) => {
        if (prepared instanceof Error) return fail(prepared);
        if (isDone || socket === undefined) return;
        finish(this.#take(library, socket, options, prepared));
      });
    });
    return () => fail(new Error("the attempt was given up"));
  }

  #take(
    library: LibraryConnection,
    socket: Socket,
    { host, isShared }: ConnectOptions,
    { maxPacketBytes, server }: Session,
  ): MariadbConnection {
    const { statementCacheSize, maxRows } = this.#settings;
    // A name can stand for several servers, and the number of a connection says nothing to another one.
    const target: Target = { host, address: socket.remoteAddress };
    const kill = (threadId: number, done: KillDone): void => this.#killerFor(target).kill(threadId, server, done);
    return new MariadbConnection(library, socket, {
      host: describeHost(host),
      server,
      statementCacheSize,
      maxRows,
      maxPacketBytes,
      isShared,
      kill,
    });
  }

  #killerFor(target: Target): QueryKiller {
    const key = `${target.address ?? ""} ${describeHost(target.host)}`;
    const known = this.#killers.get(key);
    if (known !== undefined) return known;
    const timeoutMs = this.#settings.connectTimeoutMs;
    const options: ConnectOptions = { host: target.host, isShared: false, needsWrites: false, timeoutMs };
    const killer = new QueryKiller((done) => this.#connect(options, target, done), timeoutMs);
    this.#killers.set(key, killer);
    return killer;
  }
}

/** The name that a certificate must have. */
function nameOf(host: HostAddress): string {
  return "socketPath" in host ? "localhost" : host.host;
}

function endpointOf({ host, address }: Target): Parameters<typeof connectSocket>[0] {
  return "socketPath" in host ? { path: host.socketPath } : { host: address ?? host.host, port: host.port };
}

/** Strict, and with the grammar that sql-text.ts reads: `"…"` is text there, and a backslash escapes. */
const SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

const ASK = `select @@max_allowed_packet, concat_ws(' ', @@hostname, @@port, @@server_id),
  unix_timestamp() - (select variable_value from information_schema.global_status where variable_name = 'uptime')`;
/** Whether the server takes writes: its own word, and in a Galera cluster whether this node is one of the primary part. */
const ASK_FOR_WRITES = `${ASK}, @@global.read_only, @@global.innodb_read_only, @@wsrep_on,
  (select count(*) from information_schema.global_status where (variable_name = 'wsrep_ready' and variable_value = 'ON')
  or (variable_name = 'wsrep_cluster_status' and variable_value = 'Primary'))`;

/** What is known of a server when a connection to it is ready. */
interface Session {
  readonly maxPacketBytes: number;
  readonly server: ServerIdentity;
}

/** Sets what all connections have in common, and finds out whether the server will do. */
function prepareSession(
  library: LibraryConnection,
  needsWrites: boolean,
  done: (prepared: Session | LibraryError) => void,
): void {
  const isolation = library.info?.hasMinVersion(11, 1, 1) === true ? "transaction_isolation" : "tx_isolation";
  const sql =
    `set names utf8mb4 collate utf8mb4_bin, session autocommit = 1, session sql_mode = '${SQL_MODE}', ` +
    `session time_zone = '+00:00', session ${isolation} = 'READ-COMMITTED'`;
  library.query(sql, (error) => {
    if (error !== null) return done(error);
    library.query(needsWrites ? ASK_FOR_WRITES : ASK, (failure, rows) => {
      if (failure !== null) return done(failure);
      const [maxPacketBytes, name, startedS, ...writes] = (rows as unknown[][])[0] ?? [];
      const server: ServerIdentity = { name: String(name), startedS: Number(startedS) };
      done((needsWrites ? refuseReadOnly(writes) : undefined) ?? { maxPacketBytes: Number(maxPacketBytes), server });
    });
  });
}

function refuseReadOnly([readOnly, innodbReadOnly, inCluster, primarySigns]: readonly unknown[]): Error | undefined {
  const isOff = (value: unknown): boolean => value === null || value === 0 || value === 0n || value === "OFF";
  if (!isOff(readOnly) || !isOff(innodbReadOnly))
    return new Error("found a server that only reads, wanted one that takes writes");
  if (isOff(inCluster) || Number(primarySigns) === 2) return undefined;
  return new Error("found a node outside its cluster's primary part, wanted one that takes writes");
}
