/**
 * The program: reads its configuration, opens and migrates the database, serves, and ends when it is told to. With several
 * workers it supervises them, and they do that.
 *
 * Standard output has three lines: the address, where the data is, the limits in force. The log is on standard error.
 * Exit status: 0 after SIGTERM or SIGINT, 1 when it could not start or failed, 2 for a configuration that it cannot use.
 */
import { availableParallelism } from "node:os";
import { LunetError, run, scope, spawn } from "lunet";
import type { Database } from "lunet/db";
import { createRateLimitTable, serve, type ServeOptions, type Server } from "lunet/http";
import { waitSignal } from "lunet/signal";
import { runWorkers, thisWorker, type WorkerEvent } from "lunet/workers";
import { createApp, type App } from "./app.ts";
import { ConfigurationError, helpText, readConfiguration, type Configuration } from "./configuration.ts";
import { databaseName, databasePath, migrateDatabase, openDatabase } from "./database.ts";
import { Log } from "./log.ts";
import { Passwords } from "./password.ts";
import { readOrMakeKeyFile, readOrStoreKey } from "./signing-key.ts";
import { Tokens } from "./token.ts";
import { isBuilt, webUi } from "./web-ui.ts";

const DAY_S = 24 * 60 * 60;
/** Hashing leaves a thread of Node's pool of four to files, whatever the number of processors. */
const MAX_DEFAULT_PASSWORD_CONCURRENCY = 3;
/** Callers that wait to have a password hashed, and for how long. */
const MAX_WAITING_PASSWORDS = 256;
const PASSWORD_WAIT_MS = 5_000;

/** What a worker may take to end beside the grace of its requests: it closes its database. */
const END_MS = 10_000;

/** Waits until the program is told to end, then lets what was asked be answered, within the grace. */
async function serveUntilSignal(configuration: Configuration, log: Log): Promise<void> {
  // From here on a signal ends the program in order, also one that comes while it starts.
  const signal = spawn(() => waitSignal("TERM", "INT"), { name: "signal" });
  await using database = await openDatabase(configuration);
  await migrateDatabase(database);
  if (configuration.loginLimit > 0) await createRateLimitTable(database);
  const key = await signingKey(configuration, database, log);

  let isDraining = false;
  const passwords = new Passwords({
    concurrency: configuration.passwordConcurrency || defaultPasswordConcurrency(configuration.workers),
    maxWaiting: MAX_WAITING_PASSWORDS,
    waitMs: PASSWORD_WAIT_MS,
  });
  const { web, images } = configuration;
  const tokens = new Tokens(key, configuration.tokenDays * DAY_S);
  const app = createApp({
    database,
    tokens,
    passwords,
    log,
    keptAnswersBytes: configuration.keptAnswersMib * 2 ** 20,
    loginLimit: configuration.loginLimit,
    eventStreams: configuration.eventStreams,
    trustedProxies: configuration.trustedProxies,
    isDraining: () => isDraining,
    ...(web === undefined ? {} : { pages: webUi({ folder: web, images }) }),
  });
  await using _watching = spawn(app.watch, { name: "live events" });
  const { host, port, unixSocket, dangerouslySkipLoopbackRestriction } = configuration;
  const where = unixSocket === undefined ? { host, port } : { path: unixSocket };
  const server = await listen(app, { ...where, dangerouslySkipLoopbackRestriction });
  if (thisWorker()?.isFirst !== false) {
    printStart(server, databaseName(configuration.databaseUrl), {
      ...passwords.limits,
      keptAnswersMib: configuration.keptAnswersMib,
    });
    if (web !== undefined) log.info(await webUiHint(web, server));
  }

  log.info(`ends: SIG${await signal.join()}`);
  isDraining = true;
  await close(server, configuration.graceMs);
}

/** The three lines are for programs; this is for whoever wants to look at it. */
async function webUiHint(folder: string, server: Server): Promise<string> {
  if (!(await isBuilt(folder))) return `no web UI: found none in ${folder}, \`make web\` builds it`;
  return server.url.startsWith("http") ? `the web UI: open ${server.url} in a browser` : "serves the web UI";
}

async function listen(app: App, where: ServeOptions): Promise<Server> {
  try {
    return await serve(app.handler, { ...app.serverOptions, ...where });
  } catch (error) {
    if (!(error instanceof LunetError) || error.code !== "ERR_BIND_NOT_LOOPBACK") throw error;
    throw new ConfigurationError(
      `Cannot use HOST: found ${JSON.stringify(where.host)}, wanted a loopback address with a proxy in front, or --dangerously-skip-loopback-restriction`,
      { cause: error },
    );
  }
}

/** Drains the server. A second signal cuts off what is left at once. */
async function close(server: Server, graceMs: number): Promise<void> {
  await scope(async () => {
    const insist = spawn(async () => {
      await waitSignal("TERM", "INT");
      await server.close({ graceMs: 0 });
    });
    await server.close({ graceMs });
    insist.cancel();
  });
}

async function signingKey(
  { jwtSecret, databaseUrl }: Configuration,
  database: Database,
  log: Log,
): Promise<Uint8Array> {
  if (jwtSecret === undefined) {
    const path = databasePath(databaseUrl);
    return path === undefined ? readOrStoreKey(database) : readOrMakeKeyFile(`${path}.key`, database);
  }
  if (new Set(jwtSecret).size < 8) log.warning("JWT_SECRET is made of fewer than eight characters: is it random?");
  return Buffer.from(jwtSecret, "utf8");
}

/** Processes share the processors. */
function defaultPasswordConcurrency(workers: number | "auto"): number {
  const processors = availableParallelism();
  const share = Math.floor(processors / (workers === "auto" ? processors : workers));
  return Math.min(Math.max(share, 1), MAX_DEFAULT_PASSWORD_CONCURRENCY);
}

function printStart(server: Server, data: string, ownLimits: Readonly<Record<string, number>>): void {
  const limits = Object.entries({ ...server.limits, ...ownLimits });
  console.log(`conduit: listening on ${server.url}`);
  console.log(`conduit: data in ${data}`);
  console.log(`conduit: limits ${limits.map(([name, value]) => `${name}=${value}`).join(" ")}`);
}

/** Says in one line why the program does not run, if that says it all, and gives its exit status. */
function explain(error: unknown): 1 | 2 | undefined {
  const isKnown = error instanceof ConfigurationError || error instanceof LunetError;
  if (!isKnown) return undefined;
  process.stderr.write(`conduit: ${error.message}\n`);
  return error instanceof ConfigurationError ? 2 : 1;
}

async function runConfigured(configuration: Configuration): Promise<number> {
  const log = new Log(configuration.logLevel);
  try {
    if (configuration.workers !== 1 && thisWorker() === undefined) return await supervise(configuration, log);
    await scope(() => serveUntilSignal(configuration, log));
    return 0;
  } finally {
    log.flush();
  }
}

/** Runs the workers, which are this program too, to their end. */
function supervise({ workers, graceMs }: Configuration, log: Log): Promise<number> {
  const onEvent = (event: WorkerEvent): void => log.worker(event);
  return runWorkers({ count: workers, graceMs: graceMs + END_MS, onEvent });
}

async function main(): Promise<number> {
  try {
    const configuration = readConfiguration(process.argv.slice(2), process.env);
    if (configuration === "help") console.log(helpText());
    else return await runConfigured(configuration);
    return 0;
  } catch (error) {
    const status = explain(error);
    if (status === undefined) throw error;
    return status;
  }
}

await run(main);
