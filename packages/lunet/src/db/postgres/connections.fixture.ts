/** Connections of the driver for its tests: opened, used and closed in a coroutine. */
import assert from "node:assert/strict";
import { suspend } from "../../co/mod.ts";
import { DatabaseError } from "../errors.ts";
import { parseAddress } from "../network/address.ts";
import type { ConnectOptions, DriverSettings, NetworkConnection, RunResult } from "../network/connection.ts";
import { bindParameters } from "../parameters.ts";
import type { Param } from "../contract.ts";
import { readStatement, type SqlText } from "../sql-text.ts";
import { createPostgresDriver, POSTGRES_BINDING } from "./driver.ts";

export type Outcome = RunResult | DatabaseError;

/** What a test sets; the rest is as it may be. */
export type ConnectionSettings = Partial<DriverSettings> & Partial<Omit<ConnectOptions, "host">>;

const SETTINGS = {
  statementCacheSize: 256,
  maxRows: 1_000,
  connectTimeoutMs: 5_000,
  isShared: false,
  needsWrites: false,
  timeoutMs: 5_000,
};

/** Opens a connection, or gives why there is none. */
export async function tryConnect(
  url: string,
  settings: ConnectionSettings = {},
): Promise<NetworkConnection | DatabaseError> {
  const address = parseAddress(url);
  const all = { ...SETTINGS, ...settings };
  const driver = await createPostgresDriver(address, all);
  const [host] = address.hosts;
  assert(host !== undefined);
  return await suspend<NetworkConnection | DatabaseError>("connect", (resume) =>
    driver.connect({ ...all, host }, resume),
  );
}

/** Runs `body` with a connection, which is closed after it. */
export async function withConnection(
  url: string,
  settings: ConnectionSettings,
  body: (client: TestClient) => Promise<void>,
): Promise<void> {
  const connection = await tryConnect(url, settings);
  if (connection instanceof DatabaseError) throw connection;
  const client = new TestClient(connection);
  try {
    await body(client);
  } finally {
    await client.close();
  }
}

/** A connection whose methods wait. */
export class TestClient {
  readonly connection: NetworkConnection;

  constructor(connection: NetworkConnection) {
    this.connection = connection;
  }

  /** Sends a statement, and tells its outcome to `done`. */
  start(sql: string, params: readonly Param[], done: (outcome: Outcome) => void, wantRows = true): void {
    const text = readStatement(sql, "postgres");
    this.connection.run(text, bind(text, params), wantRows, done);
  }

  async run(sql: string, params: readonly Param[] = [], wantRows = true): Promise<Outcome> {
    return await suspend<Outcome>("run", (resume) => {
      this.start(sql, params, resume, wantRows);
      return undefined;
    });
  }

  async rows(sql: string, params: readonly Param[] = []): Promise<unknown[][]> {
    return (await this.result(sql, params)).rows;
  }

  async result(sql: string, params: readonly Param[] = []): Promise<RunResult> {
    const outcome = await this.run(sql, params);
    if (outcome instanceof DatabaseError) throw outcome;
    return outcome;
  }

  async failure(sql: string, params: readonly Param[] = []): Promise<DatabaseError> {
    const outcome = await this.run(sql, params);
    assert(outcome instanceof DatabaseError, `found no failure of ${sql}`);
    return outcome;
  }

  async control(sql: string): Promise<DatabaseError | undefined> {
    return await suspend<DatabaseError | undefined>("control", (resume) => {
      this.connection.control(sql, resume);
      return undefined;
    });
  }

  async ping(): Promise<DatabaseError | undefined> {
    return await suspend<DatabaseError | undefined>("ping", (resume) => {
      this.connection.ping(resume);
      return undefined;
    });
  }

  async cancel(): Promise<DatabaseError | undefined> {
    return await suspend<DatabaseError | undefined>("cancel", (resume) => {
      this.connection.cancel(resume);
      return undefined;
    });
  }

  async close(): Promise<void> {
    await suspend<void>("close", (resume) => {
      this.connection.close(resume);
      return undefined;
    });
  }
}

function bind(text: SqlText, params: readonly Param[]): ReturnType<typeof bindParameters> {
  return bindParameters(text.sql, params.length, params, POSTGRES_BINDING);
}
