/*
 * The life of one server, of whichever kind: start, stop, kill -9, restart on the same port and data, suspend, resume.
 *
 *   stopped ── start() ──► running ── stop(), kill9() ──► stopped
 *                            suspend() ⇄ resume()
 *
 * A server belongs to a ServerRun (server-run.ts), and ends with it at the latest.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Account } from "./account.ts";
import type { GuardedProcess, Guardian } from "./guardian.ts";
import type { ServerKind } from "./install.ts";
import { ENVIRONMENT } from "./run-program.ts";

/** How long a server may take until it answers, unless its recipe says otherwise. */
const START_TIMEOUT_MS = 20_000;
/** How long a start is tried again while the processes of a killed server go away and still hold its memory. */
const RETRY_AFTER_KILL_MS = 5_000;
const RETRY_PAUSE_MS = 100;
const PROBE_PAUSE_MS = 20;
const LOG_TAIL_BYTES = 2_000;

/** A row as a server's client gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** What makes a server of some kind. */
export interface ServerRecipe {
  readonly kind: ServerKind;
  /** For messages, and the name of its log: `postgres-1`. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** The folder that holds its data and is its own. */
  readonly folder: string;
  readonly log: string;
  readonly account: Account | undefined;
  readonly stopSignal: NodeJS.Signals;
  readonly port: number;
  readonly password: string;
  /** Default: START_TIMEOUT_MS. */
  readonly startTimeoutMs?: number;
  /** Runs one statement as `lunet` over a connection of its own. */
  query(url: string, sql: string): Promise<readonly Row[]>;
  /** What `query` is asked until it succeeds, and the server counts as started. */
  readonly readyQuery: string;
  /** Whether the answer to it says that the server is ready. Default: any answer does. */
  isReady?(rows: readonly Row[]): boolean;
}

const DATABASES: Readonly<Record<ServerKind, string>> = { postgres: "postgres", mariadb: "mysql" };

export class DatabaseServer implements AsyncDisposable {
  readonly kind: ServerKind;
  readonly name: string;
  readonly host = "127.0.0.1";
  readonly port: number;
  /** An administrator: of PostgreSQL a superuser, of MariaDB with all privileges. */
  readonly user = "lunet";
  readonly password: string;
  /** The folder that holds `data`. It goes with the run. */
  readonly folder: string;
  /** What the server writes. */
  readonly log: string;
  readonly #guardian: Guardian;
  readonly #recipe: ServerRecipe;
  #process: GuardedProcess | undefined;
  #killedAt: number | undefined;

  /** @internal Made by a ServerRun. */
  constructor(guardian: Guardian, recipe: ServerRecipe) {
    this.#guardian = guardian;
    this.#recipe = recipe;
    ({ kind: this.kind, name: this.name, port: this.port, password: this.password } = recipe);
    ({ folder: this.folder, log: this.log } = recipe);
  }

  /** The address of the server's own database, `postgres` or `mysql`, with the account `lunet`. */
  get url(): string {
    return this.urlOf(DATABASES[this.kind]);
  }

  /** The address of a database of it. */
  urlOf(database: string): string {
    return `${this.kind}://${this.user}:${this.password}@${this.host}:${this.port}/${database}`;
  }

  /** The number of its process; undefined when it does not run. */
  get pid(): number | undefined {
    return this.#process?.isRunning === true ? this.#process.pid : undefined;
  }

  /**
   * Starts it and returns when it answers. `more` is added to its arguments this time.
   *
   * @throws with the end of its log, when it ends instead or takes longer than its limit; it is stopped then.
   */
  async start(more: readonly string[] = []): Promise<void> {
    if (this.pid !== undefined) throw new Error(`Cannot start ${this.name}: found it running`);
    const timeoutMs = this.#recipe.startTimeoutMs ?? START_TIMEOUT_MS;
    const deadline = performance.now() + timeoutMs;
    while (!(await this.#tryStart(more, deadline))) {
      const mayRetry = this.#killedAt !== undefined && performance.now() < this.#killedAt + RETRY_AFTER_KILL_MS;
      if (!mayRetry) throw new Error(`Cannot start ${this.name}: it ended instead\n${this.#logTail()}`);
      await sleep(RETRY_PAUSE_MS);
    }
    this.#killedAt = undefined;
  }

  /** Stops it in order, breaking off what its clients are doing; kills it when that takes longer than 10 s. */
  async stop(): Promise<void> {
    if (this.#process?.isRunning === true) await this.#process.stop();
  }

  /** Kills it as a crash would, and returns when its process is gone. Its data stays as it is. */
  async kill9(): Promise<void> {
    const running = this.#process;
    if (running?.isRunning !== true) throw new Error(`Cannot kill ${this.name}: found it stopped`);
    await running.send("SIGKILL", "tree");
    await running.ended;
    this.#killedAt = performance.now();
  }

  /** Stops it if it runs, and starts it on the same port and data. */
  async restart(more: readonly string[] = []): Promise<void> {
    await this.stop();
    await this.start(more);
  }

  /** Stops all of its processes in their tracks, as a machine that hangs: connections stay, nothing answers. */
  async suspend(): Promise<void> {
    await this.#process?.send("SIGSTOP", "tree");
  }

  /** Lets what was suspended go on. */
  async resume(): Promise<void> {
    await this.#process?.send("SIGCONT", "tree");
  }

  /** Runs one statement as the administrator, over a connection of its own. For questions of a test, not for load. */
  async query(sql: string, database = DATABASES[this.kind]): Promise<readonly Row[]> {
    return await this.#recipe.query(this.urlOf(database), sql);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Returns true when it answers, false when it ended instead. */
  async #tryStart(more: readonly string[], deadline: number): Promise<boolean> {
    const { program, args, folder, log, account, stopSignal } = this.#recipe;
    const running = await this.#guardian.run({
      program,
      args: [...args, ...more],
      cwd: folder,
      environment: ENVIRONMENT,
      log,
      account,
      stopSignal,
    });
    this.#process = running;
    while (!(await this.#answers())) {
      if (!running.isRunning) return false;
      if (performance.now() > deadline) {
        await running.send("SIGKILL", "tree");
        await running.ended;
        throw new Error(`Cannot start ${this.name}: it does not answer in time\n${this.#logTail()}`);
      }
      await sleep(PROBE_PAUSE_MS);
    }
    return running.isRunning;
  }

  async #answers(): Promise<boolean> {
    try {
      const rows = await this.query(this.#recipe.readyQuery);
      return this.#recipe.isReady?.(rows) ?? true;
    } catch {
      return false; // Not yet: the caller asks again until its deadline.
    }
  }

  #logTail(): string {
    const file = openSync(this.log, "r");
    try {
      const { size } = fstatSync(file);
      const bytes = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES));
      readSync(file, bytes, 0, bytes.length, size - bytes.length);
      return bytes.toString("utf8");
    } finally {
      closeSync(file);
    }
  }
}
