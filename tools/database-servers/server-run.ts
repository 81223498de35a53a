/*
 * Throwaway database servers of one run: they live in a folder of their own, on free ports of 127.0.0.1, and end with the
 * run, however it ends (guardian.ts).
 *
 *   await using servers = await ServerRun.open({ root, logs });
 *   const postgres = await servers.startPostgres();
 *   … postgres.url, postgres.kill9(), postgres.restart() …
 */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { createStampedFolder } from "../log-folder.ts";
import { databasesFolder, serverAccount } from "./account.ts";
import { DatabaseServer, type ServerRecipe } from "./database-server.ts";
import { findFreePort } from "./free-port.ts";
import { Guardian } from "./guardian.ts";
import { ensurePrograms, findMariadb, findPostgres, type Purpose, type ServerKind } from "./install.ts";
import { endLeftovers } from "./leftovers.ts";
import { type MariadbOptions, mariadbRecipe } from "./mariadb.ts";
import { type PostgresOptions, postgresRecipe, type ServerPlace } from "./postgres.ts";

export interface ServerRunOptions {
  /** The checkout: data goes below its `.tmp/databases/`, or into the system's folder for temporary files. */
  readonly root: string;
  /** The folder for the logs of the servers, `<name>.log`. */
  readonly logs: string;
  /** Hears what takes long or is unusual. Default: nobody. */
  readonly say?: (text: string) => void;
  /** Default: `server`. */
  readonly purpose?: Purpose;
}

export class ServerRun implements AsyncDisposable {
  /** Where templates are kept. */
  readonly databases: string;
  /** The run's own folder, which goes with it. */
  readonly folder: string;
  readonly #logs: string;
  readonly #guardian: Guardian;
  readonly #counts = { postgres: 0, mariadb: 0 };
  readonly #ports = new Set<number>();
  readonly #underway = new Set<Promise<unknown>>();

  private constructor(databases: string, folder: string, logs: string) {
    this.databases = databases;
    this.folder = folder;
    this.#logs = logs;
    this.#guardian = new Guardian(folder, join(logs, "guardian.log"));
  }

  /**
   * Begins a run: sees that the programs are there, installs them where it may, and ends what dead runs have left.
   *
   * @throws MissingProgramsError with what to install.
   */
  static async open({ root, logs, say = () => {}, purpose = "server" }: ServerRunOptions): Promise<ServerRun> {
    ensurePrograms(purpose, say);
    const databases = databasesFolder(root);
    if (!databases.startsWith(root)) say(`other users cannot enter "${root}": the servers' data is in "${databases}"`);
    const ended = await endLeftovers(databases);
    if (ended > 0) say(`ended ${ended} database servers that a former run had left`);
    const folder = createStampedFolder(databases);
    chmodSync(folder, 0o755);
    return new ServerRun(databases, folder, logs);
  }

  /** The process that owns the servers. */
  get guardian(): Guardian {
    return this.#guardian;
  }

  /** Starts a fresh PostgreSQL. */
  async startPostgres(options: PostgresOptions = {}): Promise<DatabaseServer> {
    return await this.underway(async () => {
      const programs = findPostgres();
      if (programs === undefined) throw new Error("Cannot start PostgreSQL: found no programs of it any more");
      return await this.start(await postgresRecipe(programs, await this.place("postgres"), options));
    });
  }

  /** Starts a fresh MariaDB. */
  async startMariadb(options: MariadbOptions = {}): Promise<DatabaseServer> {
    return await this.underway(async () => {
      const programs = findMariadb();
      if (programs === undefined) throw new Error("Cannot start MariaDB: found no programs of it any more");
      return await this.start(await mariadbRecipe(programs, await this.place("mariadb"), options));
    });
  }

  /** A place for one more server. */
  async place(kind: ServerKind): Promise<ServerPlace> {
    const name = `${kind}-${++this.#counts[kind]}`;
    return {
      name,
      port: await this.findPort(),
      databases: this.databases,
      folder: join(this.folder, name),
      log: join(this.#logs, `${name}.log`),
      account: serverAccount(kind),
    };
  }

  /** A port of 127.0.0.1 that is free, and that the run has not given away yet. */
  async findPort(): Promise<number> {
    return await findFreePort(this.#ports);
  }

  /** Does something that writes into the run's folder. The run does not end before it has. */
  async underway<T>(body: () => Promise<T>): Promise<T> {
    const work = body();
    this.#underway.add(work);
    try {
      return await work;
    } finally {
      this.#underway.delete(work);
    }
  }

  /** Starts a server after a recipe. */
  async start(recipe: ServerRecipe, more: readonly string[] = []): Promise<DatabaseServer> {
    const server = new DatabaseServer(this.#guardian, recipe);
    await server.start(more);
    return server;
  }

  /** Stops all servers and takes their data away. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underway);
    await this.#guardian.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
