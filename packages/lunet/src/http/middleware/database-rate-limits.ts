/**
 * Counts of rate limits in a database, which several processes share.
 *
 * One statement counts a request and tells what became of it, so that nothing can come between: the database holds the key's
 * row while it runs. It cannot tell by the time alone whether it has refused, and says so in a column. Every process
 * goes by its own clock of the day; where these differ, limits do by as much. A clock that was set back costs a key a window at
 * most.
 *
 * A key that was refused is refused from memory until the time that the database has told, so that whoever goes on asking
 * costs the database nothing.
 */
import { createHash } from "node:crypto";
import { withDeadline } from "../../co/mod.ts";
import { wallMs } from "../../time/mod.ts";
import { stateOf, timesOf, type RateLimitPolicy, type RateLimitState, type RateLimitTimes } from "./gcra.ts";
import type { RateLimitPlace, RateLimitStore } from "./rate-limit-store.ts";

/** What the counts need of a database; one that `open()` of `lunet/db` gives has it. */
export interface RateLimitDatabase {
  readonly dialect: "sqlite" | "postgres" | "mariadb";
  queryOne<R extends object>(sql: string, params?: readonly (string | number)[]): Promise<R | undefined>;
  exec(sql: string, params?: readonly (string | number)[]): Promise<unknown>;
}

/** Where in the database counts are kept. */
export interface DatabaseRateLimitOptions {
  /** Name of the table: letters, digits and `_`. Default `rate_limits`. */
  readonly table?: string;
  /** How long the database may take, in milliseconds, 1 to 60,000. Later is a failure of the store. Default 2,000. */
  readonly timeoutMs?: number;
}

const DEFAULT_TABLE = "rate_limits";
const DEFAULT_TIMEOUT_MS = 2_000;
const MAX_TIMEOUT_MS = 60_000;
const TABLE = /^[a-z_][a-z0-9_]{0,47}$/i;
/** Refused keys that are remembered. One that is dropped costs a statement again. */
const MAX_REFUSED = 10_000;
/** Rows that have passed are deleted by every so many requests of a process, ten times as many as these can have made. */
const REQUESTS_PER_SWEEP = 100;
const ROWS_PER_SWEEP = 1_000;

/**
 * Keeps counts in a database, for a limit that holds for all processes together. It costs each request a write, so it is for
 * what is worth it, such as logging in. Addresses and names are stored as SHA-256 alone.
 *
 * @param database Its table is made by `createRateLimitTable`.
 * @throws TypeError for the name of the table; RangeError for `timeoutMs`.
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { open } from "lunet/db";
 * import { createRateLimitTable, databaseRateLimits, rateLimit, serve, text } from "lunet/http";
 * await run(async () => {
 *   await using database = await open("sqlite::memory:");
 *   await createRateLimitTable(database);
 *   const limited = rateLimit({ name: "login", limit: 10, windowMs: 60_000, place: databaseRateLimits(database) });
 *   await using server = await serve(limited(() => text("hello\n")));
 *   console.log(server.url);
 * });
 * ```
 */
export function databaseRateLimits(
  database: RateLimitDatabase,
  options: DatabaseRateLimitOptions = {},
): RateLimitPlace {
  const { table = DEFAULT_TABLE, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  checkTable(table);
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS) {
    throw new RangeError(`Cannot use timeoutMs: found ${timeoutMs}, wanted a whole number from 1 to ${MAX_TIMEOUT_MS}`);
  }
  return (policy) => new DatabaseStore(policy, database, table, timeoutMs);
}

/**
 * Makes the table for `databaseRateLimits`, unless it is there. Call it at the start, or have a migration make the same table.
 *
 * @throws What the database throws: the right to make tables is needed once.
 */
export async function createRateLimitTable(database: RateLimitDatabase, table = DEFAULT_TABLE): Promise<void> {
  checkTable(table);
  const id = database.dialect === "mariadb" ? "char(43) character set ascii collate ascii_bin" : "char(43)";
  const rows = `${table} (id ${id} primary key, arrival_us bigint not null, allowed smallint not null)`;
  const statements = [
    `create table if not exists ${rows}`,
    `create index if not exists ${table}_arrival on ${table} (arrival_us)`,
  ];
  for (const statement of statements) {
    try {
      await database.exec(statement);
    } catch {
      // Of several processes that start at once PostgreSQL lets one through and fails the others; then it is there.
      await database.exec(statement);
    }
  }
}

function checkTable(table: string): void {
  if (TABLE.test(table)) return;
  throw new TypeError(`Cannot use ${JSON.stringify(table)} as a table: wanted letters, digits and "_", 48 at most`);
}

/** Counts a request. Its parameters are key, first arrival, latest that is allowed, now, interval, latest that can be. */
function takeSql(dialect: RateLimitDatabase["dialect"], table: string): string {
  const [greatest, least] = dialect === "sqlite" ? ["max", "min"] : ["greatest", "least"];
  const old = dialect === "mariadb" ? "arrival_us" : `${table}.arrival_us`;
  const conflict = dialect === "mariadb" ? "on duplicate key update" : "on conflict (id) do update set";
  // MariaDB sets one column after the other and sees what is set: the time goes last.
  return `insert into ${table} (id, arrival_us, allowed) values (?, ?, 1) ${conflict}
    allowed = case when ${old} <= ? then 1 else 0 end,
    arrival_us = case when ${old} <= ? then ${greatest}(${old}, ?) + ? else ${least}(${old}, ?) end
    returning arrival_us, allowed`;
}

function sweepSql(dialect: RateLimitDatabase["dialect"], table: string): string {
  const passed = `arrival_us <= ? limit ${ROWS_PER_SWEEP}`;
  if (dialect === "mariadb") return `delete from ${table} where ${passed}`;
  return `delete from ${table} where id in (select id from ${table} where ${passed})`;
}

class DatabaseStore implements RateLimitStore {
  readonly #name: string;
  readonly #times: RateLimitTimes;
  readonly #database: RateLimitDatabase;
  readonly #takeSql: string;
  readonly #sweepSql: string;
  readonly #timeoutMs: number;
  /** Arrival times of keys that were refused, the longest known first. */
  readonly #refused = new Map<string, number>();
  #requests = 0;

  constructor(policy: RateLimitPolicy, database: RateLimitDatabase, table: string, timeoutMs: number) {
    this.#name = policy.name;
    this.#times = timesOf(policy);
    this.#database = database;
    this.#takeSql = takeSql(database.dialect, table);
    this.#sweepSql = sweepSql(database.dialect, table);
    this.#timeoutMs = timeoutMs;
  }

  take(key: string): RateLimitState | Promise<RateLimitState> {
    const nowUs = Math.floor(wallMs() * 1000);
    const refusedUs = this.#refused.get(key);
    if (refusedUs !== undefined) {
      const state = stateOf(false, refusedUs, nowUs, this.#times);
      if (state.retryAfterMs > 0 && refusedUs <= nowUs + this.#times.windowUs) return state;
      this.#refused.delete(key);
    }
    return withDeadline(this.#timeoutMs, () => this.#takeThere(key, nowUs));
  }

  async #takeThere(key: string, nowUs: number): Promise<RateLimitState> {
    const { intervalUs, windowUs } = this.#times;
    if (++this.#requests % REQUESTS_PER_SWEEP === 0) await this.#database.exec(this.#sweepSql, [nowUs]);
    const id = createHash("sha256").update(`${this.#name}\0${key}`).digest("base64url");
    const latestUs = nowUs + windowUs - intervalUs;
    const row = await this.#database.queryOne<{ arrival_us: number; allowed: number }>(this.#takeSql, [
      id,
      nowUs + intervalUs,
      latestUs,
      latestUs,
      nowUs,
      intervalUs,
      nowUs + windowUs,
    ]);
    if (row === undefined) throw new Error("Cannot count a request: found no row, wanted the key's");
    const state = stateOf(row.allowed === 1, row.arrival_us, nowUs, this.#times);
    if (!state.allowed) this.#remember(key, row.arrival_us);
    return state;
  }

  #remember(key: string, arrivalUs: number): void {
    if (this.#refused.size >= MAX_REFUSED) {
      for (const oldest of this.#refused.keys()) {
        this.#refused.delete(oldest);
        break;
      }
    }
    this.#refused.set(key, arrivalUs);
  }
}
