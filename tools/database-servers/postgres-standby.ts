/*
 * Two PostgreSQL servers on 127.0.0.1: a primary, and a synchronous standby that can take its place:
 *
 *   await using servers = await programServers("cluster");
 *   const pair = await startPostgresPair(servers);
 *   await pair.primary.kill9();
 *   await pair.promote();          // the standby is `pair.primary` now; a tenth of a second
 *   await pair.rejoin();           // the killed one is its standby now, synchronous again
 *
 * What to know of it: a commit is acknowledged when the standby has it on its disk, so what was acknowledged survives the
 * primary. While there is no standby to speak to, commits wait for ever, and `statement_timeout` does not bound them; a
 * commit that is cancelled then is done on the primary all the same. After promote() and until rejoin() the new primary
 * is alone and acknowledges by itself. A connection that stays on a standby gets 25006 for its writes. Sequences jump by
 * up to 32 at a promotion.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makePrivateFolder } from "./account.ts";
import { DatabaseServer } from "./database-server.ts";
import { findPostgres, type PostgresPrograms } from "./install.ts";
import { postgresRecipe, type PostgresOptions, recipeFor, type ServerPlace, writeSettings } from "./postgres.ts";
import { runProgram } from "./run-program.ts";
import type { ServerRun } from "./server-run.ts";

const COPY_TIMEOUT_MS = 60_000;
const STREAMING_TIMEOUT_MS = 30_000;
const POLL_MS = 20;

/** `pg_rewind` needs the last two, and whole pages in the log; a standby that was away needs the second. */
const REPLICATION = {
  full_page_writes: "on",
  wal_keep_size: "128MB",
  wal_log_hints: "on",
};

/** What a commit of the primary waits for: the standby's disk, or that reads on the standby see it, too. */
export type CommitLevel = "on" | "remote_apply";

export interface PostgresPairOptions extends PostgresOptions {
  /** Default: `on`. */
  readonly commit?: CommitLevel;
}

/** How the former primary becomes a standby: by `pg_rewind`, or by a copy of all data. */
export type RejoinMethod = "rewind" | "copy";

interface Member {
  readonly place: ServerPlace;
  readonly server: DatabaseServer;
}

/** A pair that runs. Both end with the run of servers. */
export class PostgresPair {
  readonly #servers: ServerRun;
  readonly #programs: PostgresPrograms;
  #primary: Member;
  #standby: Member;

  /** @internal Made by startPostgresPair(). */
  constructor(servers: ServerRun, programs: PostgresPrograms, primary: Member, standby: Member) {
    this.#servers = servers;
    this.#programs = programs;
    this.#primary = primary;
    this.#standby = standby;
  }

  /** The one that takes writes. After promote() it is the other one. */
  get primary(): DatabaseServer {
    return this.#primary.server;
  }

  /** The one that follows; after promote(), until rejoin(), the former primary. */
  get standby(): DatabaseServer {
    return this.#standby.server;
  }

  /** The address of a database with both as hosts, in the order of now, and `target_session_attrs=read-write`. */
  urlOf(database: string): string {
    const { kind, user, password } = this.primary;
    const hosts = [this.primary, this.standby].map(({ host, port }) => `${host}:${port}`);
    return `${kind}://${user}:${password}@${hosts.join(",")}/${database}?target_session_attrs=read-write`;
  }

  /**
   * Makes the standby the primary. The primary has to be gone: two of them would each go their own way.
   *
   * @throws when the primary runs.
   */
  async promote(): Promise<void> {
    if (this.primary.pid !== undefined) throw new Error("Cannot promote the standby: found the primary running");
    await this.standby.query("select pg_promote()");
    [this.#primary, this.#standby] = [this.#standby, this.#primary];
  }

  /**
   * Lets the former primary follow the new one, and returns when commits wait for it. What it had and the new primary
   * had not got is thrown away, and by this arrangement nobody was told of it.
   */
  async rejoin(method: RejoinMethod = "rewind"): Promise<void> {
    await this.#servers.underway(async () => {
      await this.standby.stop();
      if (method === "rewind") await rewind(this.#programs, this.#primary, this.#standby);
      else {
        rmSync(join(this.#standby.place.folder, "data"), { recursive: true });
        await copyData(this.#programs, this.primary, this.#standby.place);
      }
      await follow(this.#primary, this.#standby);
    });
  }
}

/** Starts a pair, which takes 2 to 4 s. */
export async function startPostgresPair(servers: ServerRun, options: PostgresPairOptions = {}): Promise<PostgresPair> {
  const { commit = "on", settings = {} } = options;
  const programs = findPostgres();
  if (programs === undefined) throw new Error("Cannot start a pair of PostgreSQL: found no programs of it");
  return await servers.underway(async () => {
    const place = await servers.place("postgres");
    const replication = { ...REPLICATION, synchronous_commit: commit, cluster_name: place.name };
    const recipe = await postgresRecipe(programs, place, { ...options, settings: { ...replication, ...settings } });
    const primary = { place, server: await servers.start(recipe) };

    const beside = await servers.place("postgres");
    makePrivateFolder(beside.folder, beside.account);
    await copyData(programs, primary.server, beside);
    const standby = {
      place: beside,
      server: new DatabaseServer(servers.guardian, recipeFor(programs, beside, recipe.password)),
    };
    await follow(primary, standby);
    return new PostgresPair(servers, programs, primary, standby);
  });
}

/** Starts the standby on the data that it has got, and lets the primary's commits wait for it from now on. */
async function follow(primary: Member, standby: Member): Promise<void> {
  const slot = slotOf(standby.place);
  // The primary keeps for a slot what its standby has yet to read. A standby of former times may have left it.
  await primary.server.query(
    `select pg_create_physical_replication_slot('${slot}') where not exists
       (select from pg_replication_slots where slot_name = '${slot}')`,
  );
  const { name, port } = standby.place;
  // All settings came with the data, and among them are those that differ.
  writeSettings(join(standby.place.folder, "data"), {
    port,
    cluster_name: name,
    primary_slot_name: slot,
    synchronous_standby_names: "",
  });
  await standby.server.start();
  writeSettings(join(primary.place.folder, "data"), { synchronous_standby_names: "*" });
  await primary.server.query("select pg_reload_conf()");
  await waitStreaming(primary.server, name);
}

async function waitStreaming(primary: DatabaseServer, standby: string): Promise<void> {
  const deadline = performance.now() + STREAMING_TIMEOUT_MS;
  const sql = `select from pg_stat_replication
    where application_name = '${standby}' and state = 'streaming' and sync_state = 'sync'`;
  while ((await primary.query(sql)).length === 0) {
    if (performance.now() > deadline) throw new Error(`Cannot wait for ${standby}: it does not follow after 30 s`);
    await sleep(POLL_MS);
  }
}

async function copyData({ bin }: PostgresPrograms, from: DatabaseServer, to: ServerPlace): Promise<void> {
  const connection = ["-h", from.host, "-p", String(from.port), "-U", from.user, "--no-password"];
  await runProgram({
    program: join(bin, "pg_basebackup"),
    // -R: the copy begins as a standby, and follows where it came from.
    args: ["-D", join(to.folder, "data"), "-R", "-X", "stream", "-c", "fast", "--no-sync", ...connection],
    cwd: to.folder,
    account: to.account,
    limitMs: COPY_TIMEOUT_MS,
    environment: { PGPASSWORD: from.password },
  });
}

/** Takes back what the target did after the two parted. It may have been killed: `pg_rewind` repairs it first. */
async function rewind({ bin }: PostgresPrograms, source: Member, target: Member): Promise<void> {
  // The new line of time is in the control file, where pg_rewind looks for it, from the next checkpoint on.
  await source.server.query("checkpoint");
  const { host, port, user, password } = source.server;
  await runProgram({
    program: join(bin, "pg_rewind"),
    args: [
      "-D",
      join(target.place.folder, "data"),
      "-R",
      "--no-sync",
      `--source-server=host=${host} port=${port} user=${user} dbname=postgres`,
    ],
    cwd: target.place.folder,
    account: target.place.account,
    limitMs: COPY_TIMEOUT_MS,
    environment: { PGPASSWORD: password },
  });
}

/** Names of slots take no hyphen. */
function slotOf({ name }: ServerPlace): string {
  return name.replaceAll("-", "_");
}
