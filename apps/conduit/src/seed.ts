/**
 * Fills the database with a demo: `node apps/conduit/src/seed.ts [--seed N] [--articles N] [--add] [--database-url …]`.
 *
 * The same seed makes the same rows in an empty database, ids and the hash of the password apart; times count back from the
 * moment of the seeding, so that the newest article is minutes old. It may run beside a server, which shows at once what is
 * committed: users and whom they follow in one transaction, and then articles with all that belongs to them, so many in each.
 *
 * Exit status: 0 when all is there, 1 when it failed, 2 for settings that it cannot use and for a database that has articles,
 * 130 and 143 after SIGINT and SIGTERM. A transaction under way then is rolled back, and what is there is told.
 */
import { LunetError, run, scope, spawn } from "lunet";
import type { Database } from "lunet/db";
import { waitSignal } from "lunet/signal";
import { monotonicMs, wallMs } from "lunet/time";
import { ConfigurationError, readConfiguration, type Configuration } from "./configuration.ts";
import { databaseName, migrateDatabase, openDatabase } from "./database.ts";
import { Passwords } from "./password.ts";
import { PEOPLE } from "./seed-people.ts";
import { planSeed } from "./seed-plan.ts";
import { SeedWriter, type SeedCounts } from "./seed-rows.ts";
import { readTexts } from "./seed-texts.ts";
import { uniqueKey } from "./validation.ts";

/** How often a long run says how far it is. */
const PROGRESS_EVERY_MS = 1_000;
const MAX_ARTICLES = 1_000_000;
const DEFAULT_ARTICLES = 120;
/** Everybody knows it, which is what a demo wants. */
const DEFAULT_PASSWORD = "conduit-demo";
const MIN_PASSWORD_CHARACTERS = 8;
const MAX_PASSWORD_BYTES = 1_024;

const HELP = `Usage: seed [flags]

Fills the database with a demo: users, articles, tags, comments, favourites.

  --seed, SEED                  which demo: the same number makes the same one, 0 to 4294967294 (default 1)
  --articles, ARTICLES          how many articles, 1 to ${MAX_ARTICLES} (default ${DEFAULT_ARTICLES})
  --add, ADD=1                  fill a database that has articles, too
  SEED_PASSWORD                 the password of all demo users (default ${DEFAULT_PASSWORD})
  --database-url, DATABASE_URL  the database, as for the server, whose other settings are understood, too
  --help                        prints this
`;

/** What a seeding is told. */
export interface SeedOptions {
  readonly seed: number;
  readonly articles: number;
  readonly password: string;
  /** Milliseconds since 1970 that ages count back from. */
  readonly nowMs: number;
  /** Called after each transaction. */
  readonly onProgress?: (counts: SeedCounts) => void;
}

/** What there is afterwards. */
export interface SeedResult extends SeedCounts {
  /** Whether the password is the demo user's: a database that has that user keeps the password. */
  readonly isPasswordGood: boolean;
}

/**
 * Fills a database that has the schema of this version. Users of the demo that are there stay as they are and write on.
 *
 * @throws DatabaseError.
 */
export async function seedDatabase(database: Database, options: SeedOptions): Promise<SeedResult> {
  const { seed, articles, password, nowMs, onProgress } = options;
  const plan = planSeed(await readTexts(), seed, articles);
  const passwords = new Passwords({ concurrency: 1, maxWaiting: 0, waitMs: 0 });
  // One hash for all: each costs as much as a log-in, and the password is no secret.
  const writer = new SeedWriter(database, { nowMs, passwordHash: await passwords.hash(password) });
  await writer.writeUsers(plan.users);
  onProgress?.(writer.counts);
  for (const batch of batches(plan.articles(), SeedWriter.BATCH)) {
    await writer.writeArticles(batch);
    onProgress?.(writer.counts);
  }
  const stored = "SELECT password_hash FROM users WHERE email_key = ?";
  const [row] = await database.queryRows<[string]>(stored, [uniqueKey(demoUser().email)]);
  return { ...writer.counts, isPasswordGood: await passwords.verify(password, row?.[0]) };
}

function demoUser(): (typeof PEOPLE)[number] {
  return PEOPLE[0] as (typeof PEOPLE)[number];
}

function* batches<T>(items: Iterable<T>, size: number): Generator<T[], void> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** What the program is told. */
export interface Settings extends Pick<SeedOptions, "seed" | "articles" | "password"> {
  readonly isAdding: boolean;
  readonly configuration: Configuration;
}

/**
 * Reads flags and variables of its own; the others are the server's.
 *
 * @returns The settings, or `"help"` when it is asked for.
 * @throws ConfigurationError for an unknown flag or a value that cannot be used.
 */
export function readSettings(args: readonly string[], environment: NodeJS.ProcessEnv): Settings | "help" {
  const own = new Map<string, string>();
  const others: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, name, value] = /^--(seed|articles|add)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name === undefined) others.push(arg);
    else own.set(name, name === "add" ? (value ?? "1") : (value ?? rest.shift() ?? ""));
  }
  const configuration = readConfiguration(others, environment);
  if (configuration === "help") return "help";
  const number = (name: "seed" | "articles", fallback: number, min: number, max: number): number => {
    const variable = name.toUpperCase();
    const flag = own.get(name);
    return wholeNumber(
      flag === undefined ? variable : `--${name}`,
      flag ?? (environment[variable] || fallback),
      min,
      max,
    );
  };
  return {
    seed: number("seed", 1, 0, 0xffff_fffe),
    articles: number("articles", DEFAULT_ARTICLES, 1, MAX_ARTICLES),
    isAdding: isOn(own.has("add") ? "--add" : "ADD", own.get("add") ?? environment["ADD"] ?? ""),
    password: checkedPassword(environment["SEED_PASSWORD"] || DEFAULT_PASSWORD),
    configuration,
  };
}

function wholeNumber(source: string, value: string | number, min: number, max: number): number {
  const number = /^\d{1,15}$/.test(String(value)) ? Number(value) : NaN;
  if (number >= min && number <= max) return number;
  throw new ConfigurationError(
    `Cannot use ${source}: found ${JSON.stringify(value)}, wanted a whole number from ${min} to ${max}`,
  );
}

function isOn(source: string, value: string): boolean {
  if (value === "1") return true;
  if (value === "" || value === "0") return false;
  throw new ConfigurationError(`Cannot use ${source}: found ${JSON.stringify(value)}, wanted 1 or 0`);
}

/** One that the log-in takes. What was found is not repeated. */
function checkedPassword(password: string): string {
  const bytes = Buffer.byteLength(password, "utf8");
  if ([...password].length >= MIN_PASSWORD_CHARACTERS && bytes <= MAX_PASSWORD_BYTES) return password;
  throw new ConfigurationError(
    `Cannot use SEED_PASSWORD: found ${bytes} bytes, wanted at least ${MIN_PASSWORD_CHARACTERS} characters and at most ${MAX_PASSWORD_BYTES} bytes`,
  );
}

async function refuseFull(database: Database, name: string): Promise<void> {
  const [row] = await database.queryRows<[number]>("SELECT amount FROM totals WHERE name = 'articles'");
  const found = row?.[0] ?? 0;
  if (found === 0) return;
  throw new ConfigurationError(
    `Cannot fill ${name}: found ${found} articles, wanted none; make seed ADD=1 adds to them, make db-reset empties the database`,
  );
}

/** Says at times, on standard error, how far it is. */
class Progress {
  readonly #total: number;
  #counts: SeedCounts | undefined;
  #nextMs = monotonicMs() + PROGRESS_EVERY_MS;

  constructor(total: number) {
    this.#total = total;
  }

  readonly report = (counts: SeedCounts): void => {
    this.#counts = counts;
    if (counts.articles === 0 || monotonicMs() < this.#nextMs) return;
    this.#nextMs = monotonicMs() + PROGRESS_EVERY_MS;
    process.stderr.write(`seed: ${counts.articles} of ${this.#total} articles\n`);
  };

  /** What has been committed. */
  get text(): string {
    return this.#counts === undefined ? "nothing" : countsText(this.#counts);
  }
}

function countsText(counts: SeedCounts): string {
  const { users, articles, tags, comments, favorites, follows } = counts;
  return `${users} users, ${articles} articles, ${tags} tags, ${comments} comments, ${favorites} favourites, ${follows} follows`;
}

async function fill(settings: Settings, progress: Progress): Promise<void> {
  const { configuration, seed, articles, password, isAdding } = settings;
  const begin = monotonicMs();
  const name = databaseName(configuration.databaseUrl);
  await using database = await openDatabase(configuration);
  await migrateDatabase(database);
  if (!isAdding) await refuseFull(database, name);
  const options = { seed, articles, password, nowMs: wallMs(), onProgress: progress.report };
  const { isPasswordGood, ...counts } = await seedDatabase(database, options);
  const seconds = ((monotonicMs() - begin) / 1_000).toFixed(1);
  console.log(`seed: filled ${name} in ${seconds} s with ${countsText(counts)}`);
  console.log(
    isPasswordGood
      ? `seed: log in as ${demoUser().email} with the password ${password}, which is that of all demo users`
      : `seed: log in as ${demoUser().email}, who was there before and keeps the password`,
  );
  console.log("seed: next: make run, unless it runs, and open http://127.0.0.1:8080");
}

/** Ends the work when a signal comes. */
class Interrupted extends Error {
  readonly status: number;

  constructor(signal: "INT" | "TERM") {
    super(`Cannot go on: found SIG${signal}`);
    this.status = signal === "INT" ? 130 : 143;
  }
}

/** Fills the database until a signal comes. Gives the exit status. */
async function fillUntilSignal(settings: Settings): Promise<number> {
  const progress = new Progress(settings.articles);
  try {
    await scope(async () => {
      const signal = spawn(
        async () => {
          throw new Interrupted((await waitSignal("INT", "TERM")) as "INT" | "TERM");
        },
        { name: "signal" },
      );
      await fill(settings, progress);
      signal.cancel();
    });
    return 0;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    process.stderr.write(`seed: interrupted; what is there is whole: ${progress.text}\n`);
    return error.status;
  }
}

async function main(): Promise<number> {
  try {
    const settings = readSettings(process.argv.slice(2), process.env);
    if (settings !== "help") return await fillUntilSignal(settings);
    process.stdout.write(HELP);
    return 0;
  } catch (error) {
    // Messages of these are for people and say it all.
    if (!(error instanceof ConfigurationError || error instanceof LunetError)) throw error;
    process.stderr.write(`seed: ${error.message}\n`);
    return error instanceof ConfigurationError ? 2 : 1;
  }
}

if (import.meta.main) await run(main);
