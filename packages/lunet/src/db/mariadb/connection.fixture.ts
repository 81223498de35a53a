/** For the tests of this folder: the driver's callbacks as waits, on a real server. */
import { suspend } from "../../co/mod.ts";
import type { Param } from "../contract.ts";
import { DatabaseError } from "../errors.ts";
import { parseAddress } from "../network/address.ts";
import type { ConnectOptions, Driver, DriverSettings, NetworkConnection, RunResult } from "../network/connection.ts";
import { bindParameters } from "../parameters.ts";
import { readStatement } from "../sql-text.ts";
import { createMariadbDriver, MARIADB_BINDING } from "./driver.ts";

const SETTINGS: DriverSettings = { statementCacheSize: 16, maxRows: 1_000, connectTimeoutMs: 5_000 };

/** A driver, and what it opened: all of it ends with the body of `withDriver`. */
export interface Opened {
  readonly driver: Driver;
  /** Opens a connection; throws why there is none. */
  readonly connect: (options?: Partial<ConnectOptions>) => Promise<NetworkConnection>;
}

export async function withDriver<T>(
  url: string,
  body: (opened: Opened) => Promise<T>,
  settings: Partial<DriverSettings> = {},
): Promise<T> {
  const address = parseAddress(url);
  const driver = await createMariadbDriver(address, { ...SETTINGS, ...settings });
  const connections: NetworkConnection[] = [];
  const [host] = address.hosts;
  if (host === undefined) throw new Error("found no host");
  try {
    return await body({
      driver,
      connect: async (options = {}) => {
        const wanted = { host, isShared: false, needsWrites: false, timeoutMs: 5_000, ...options };
        const opened = await suspend<NetworkConnection | DatabaseError>("connect", (resume) => {
          driver.connect(wanted, resume);
          return undefined;
        });
        if (opened instanceof DatabaseError) throw opened;
        connections.push(opened);
        return opened;
      },
    });
  } finally {
    driver.close();
    for (const connection of connections) await closed(connection);
  }
}

export async function withConnection<T>(
  url: string,
  body: (connection: NetworkConnection, opened: Opened) => Promise<T>,
  settings: Partial<DriverSettings> = {},
): Promise<T> {
  return await withDriver(url, async (opened) => await body(await opened.connect(), opened), settings);
}

/** What a statement comes to, a failure among others. */
export function outcomeOf(
  connection: NetworkConnection,
  sql: string,
  params: readonly Param[] = [],
  wantRows = true,
): Promise<RunResult | DatabaseError> {
  const text = readStatement(sql, "mariadb");
  const bound = bindParameters(sql, text.parameterCount, params, MARIADB_BINDING);
  return suspend("run", (resume) => {
    connection.run(text, bound, wantRows, resume);
    return undefined;
  });
}

export async function result(
  connection: NetworkConnection,
  sql: string,
  params: readonly Param[] = [],
  wantRows = true,
): Promise<RunResult> {
  const outcome = await outcomeOf(connection, sql, params, wantRows);
  if (outcome instanceof DatabaseError) throw outcome;
  return outcome;
}

export async function rows(
  connection: NetworkConnection,
  sql: string,
  params: readonly Param[] = [],
): Promise<unknown[][]> {
  return (await result(connection, sql, params)).rows;
}

export async function failure(
  connection: NetworkConnection,
  sql: string,
  params: readonly Param[] = [],
): Promise<DatabaseError> {
  const outcome = await outcomeOf(connection, sql, params);
  if (outcome instanceof DatabaseError) return outcome;
  throw new Error(`found no failure of ${sql}`);
}

/** Runs a statement of lunet's own. */
export function control(connection: NetworkConnection, sql: string): Promise<DatabaseError | undefined> {
  return suspend("control", (resume) => {
    connection.control(sql, resume);
    return undefined;
  });
}

export function ping(connection: NetworkConnection): Promise<DatabaseError | undefined> {
  return suspend("ping", (resume) => {
    connection.ping(resume);
    return undefined;
  });
}

export function cancel(connection: NetworkConnection): Promise<DatabaseError | undefined> {
  return suspend("cancel", (resume) => {
    connection.cancel(resume);
    return undefined;
  });
}

/** Destroys a connection and waits until its socket is closed. */
export async function closed(connection: NetworkConnection): Promise<void> {
  connection.destroy();
  await suspend<void>("close", (resume) => {
    connection.close(resume);
    return undefined;
  });
}
