/**
 * The stress test: many coroutines do what the runtime offers, in an order that a seed decides, and then the program
 * simply ends. What it left behind is found by the code that runs at every program's end in the trace build. Databases
 * are SQLite's and those of the servers that the environment names (server-databases.ts).
 *
 * `STRESS_WORKERS` (50), `STRESS_OPS` for each of them (100), `STRESS_SEED` (printed first), `STRESS_LIMIT_S` for the
 * whole (120). `STRESS_PLANT=leak` has one operation forget a file, to see that it is found.
 *
 * Status: 0 when all went well, 1 for an unexpected failure or no progress, 2 for settings that it cannot use or the
 * release build, in which nothing would be checked, 134 for what the trace build finds.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cancelled, run, scope, spawn, supervise } from "lunet";
import { open as openDatabase } from "lunet/db";
import { open as openFile } from "lunet/fs";
import { listen, type Listener } from "lunet/net";
import { monotonicMs } from "lunet/time";
import { snapshot, TRACE, treeText } from "lunet/trace";
import { Random } from "../fuzz/random.ts";
import { coroutineOperations } from "./coroutine-operations.ts";
import { checkDatabase, databaseOperations, fillDatabase } from "./database-operations.ts";
import { fileOperations } from "./file-operations.ts";
import { withServerDatabases } from "./server-databases.ts";
import { readStressSettings, type StressSettings } from "./settings.ts";
import { echo, socketOperations } from "./socket-operations.ts";
import { World, type Operation } from "./world.ts";

/** Without any operation's end for this long, the run is stuck. */
const NO_PROGRESS_MS = 20_000;
const PROGRESS_EVERY_MS = 1_000;
/** All workers may want to write at once: waiting for their turn is no failure, and the run has its limits. */
const ACQUIRE_TIMEOUT_MS = 60_000;

/** Operations of one kind, and what they work on. */
interface Area {
  readonly operations: Readonly<Record<string, Operation>>;
  readonly world: World;
  /** Stands before the operations' names. */
  readonly prefix: string;
}

function areasOf(world: World, others: readonly World[]): readonly Area[] {
  const kinds = [coroutineOperations, fileOperations, socketOperations, databaseOperations];
  return [
    ...kinds.map((operations) => ({ operations, world, prefix: "" })),
    ...others.map((other) => ({
      operations: databaseOperations,
      world: other,
      prefix: `${other.database.dialect}: `,
    })),
  ];
}

/** What each worker has done, by name, in its order. */
type Done = string[][];

async function main(settings: StressSettings, folder: string): Promise<void> {
  const { workers, operations, seed } = settings;
  const done: Done = Array.from({ length: workers }, () => []);
  const watch = watchProgress(settings, done);
  try {
    await using database = await openDatabase(`sqlite:${join(folder, "stress.db")}`, {
      acquireTimeoutMs: ACQUIRE_TIMEOUT_MS,
      sqlite: { synchronous: "normal" },
    });
    await withServerDatabases({ acquireTimeoutMs: ACQUIRE_TIMEOUT_MS }, async (serverDatabases) => {
      await using tcp = await listen();
      await using unix = await listen({ path: join(folder, "echo.sock") });
      const world = new World(folder, database, [{ port: tcp.port }, { path: join(folder, "echo.sock") }]);
      const others = serverDatabases.map((one) => new World(folder, one, [], world.expected));
      for (const one of [world, ...others]) await fillDatabase(one.database);
      await using _tcpEcho = spawn(() => serveEcho(tcp), { name: "echo on TCP" });
      await using _unixEcho = spawn(() => serveEcho(unix), { name: "echo on a Unix socket" });
      watch.world = world;
      const areas = areasOf(world, others);
      await scope(async () => {
        for (let worker = 0; worker < workers; worker++) {
          spawn(() => work(areas, settings, worker, done[worker] as string[]), { name: `worker ${worker}` });
        }
      });
      for (const one of [world, ...others]) await checkDatabase(one);
      printResult(world, done);
    });
  } finally {
    watch.stop();
  }
  console.log(`stress: done, ${workers * operations} operations, seed ${seed}`);
}

/** Answers everybody. A client that goes away in the middle ends its own connection alone. */
async function serveEcho(listener: Listener): Promise<void> {
  const acceptAll = async (): Promise<never> => {
    for (;;) {
      const connection = await listener.accept();
      spawn(
        async () => {
          await using _connection = connection;
          await echo(connection);
        },
        { name: "echo" },
      );
    }
  };
  const onFailure = (error: unknown): void => {
    if ((error as { code?: string }).code !== "ERR_CONNECTION_RESET") throw error;
  };
  await supervise(acceptAll, { onFailure });
}

async function work(areas: readonly Area[], settings: StressSettings, worker: number, done: string[]): Promise<void> {
  for (let index = 0; index < settings.operations; index++) {
    // Each operation has a generator of its own, so that what is chosen does not depend on how the others run.
    const random = new Random(seedOf(settings.seed, worker, index));
    const { operations, world, prefix } = random.pick(areas);
    const key = random.pick(Object.keys(operations));
    const name = `${prefix}${key}`;
    const isPlanted = settings.plant === "leak" && worker === 0 && index === settings.operations >> 1;
    try {
      await scope(() => (isPlanted ? forgetFile(world) : (operations[key] as Operation)(world, random)));
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      throw new Error(`Cannot finish "${name}", operation ${index} of worker ${worker}`, { cause: error });
    }
    done.push(name);
  }
}

function seedOf(...parts: readonly number[]): number {
  return createHash("sha256").update(parts.join(" ")).digest().readUInt32LE() || 1;
}

/** The planted leak. */
async function forgetFile(world: World): Promise<void> {
  const file = await openFile(world.newPath("forgotten"), "w");
  await file.write("nobody closes this file");
}

function printResult(world: World, done: Done): void {
  const times = new Map<string, number>();
  for (const name of done.flat()) times.set(name, (times.get(name) ?? 0) + 1);
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([what, count]) => `${count} × ${what}`)
      .join(", ");
  console.log(`stress: operations: ${list(times)}`);
  console.log(`stress: expected failures that came: ${list(world.expected)}`);
  console.log(`stress: digest ${createHash("sha256").update(JSON.stringify(done)).digest("hex").slice(0, 16)}`);
}

/**
 * Prints how far it is, and ends the process when it is stuck: with a timer of the platform, which goes on when the
 * runtime does not. A loop that does not turn at all is left to whoever started the program.
 */
function watchProgress({ workers, operations, limitS }: StressSettings, done: Done): Watch {
  const startedAtMs = monotonicMs();
  let lastCount = 0;
  let lastMoveMs = startedAtMs;
  const timer = setInterval(() => {
    const nowMs = monotonicMs();
    const count = done.reduce((sum, names) => sum + names.length, 0);
    if (count > lastCount) lastMoveMs = nowMs;
    lastCount = count;
    const atWork = done.filter((names) => names.length < operations).length;
    const failures = [...(watch.world?.expected.values() ?? [])].reduce((sum, times) => sum + times, 0);
    const spentS = (nowMs - startedAtMs) / 1_000;
    console.log(
      `stress: ${spentS.toFixed(0)} s, ${count} of ${workers * operations} operations, ${atWork} workers at work, ${failures} expected failures`,
    );
    if (spentS > limitS) giveUp(`it takes longer than ${limitS} s (STRESS_LIMIT_S)`);
    if (nowMs - lastMoveMs > NO_PROGRESS_MS) giveUp(`no operation has ended for ${NO_PROGRESS_MS / 1_000} s`);
  }, PROGRESS_EVERY_MS);
  // It must not keep the loop turning: an empty loop is how a deadlock is found.
  timer.unref();
  const watch: Watch = { world: undefined, stop: () => clearInterval(timer) };
  return watch;
}

interface Watch {
  world: World | undefined;
  readonly stop: () => void;
}

function giveUp(why: string): never {
  const shot = snapshot();
  writeSync(2, `stress: Cannot go on: ${why}; this is what lives:\n${shot === undefined ? "" : treeText(shot)}`);
  process.exit(1);
}

function readSettings(): StressSettings | undefined {
  try {
    return readStressSettings(process.env, () => (Date.now() % 0x7fff_ffff) + 1);
  } catch (error) {
    console.error(`stress: ${(error as Error).message}`);
    return undefined;
  }
}

const settings = readSettings();
if (settings === undefined) {
  process.exitCode = 2;
} else if (!TRACE) {
  console.error(
    "stress: Cannot check anything: found the release build, wanted the trace build: node --conditions=lunet-trace test/stress/stress.ts, or make stress",
  );
  process.exitCode = 2;
} else {
  const { workers, operations, seed } = settings;
  console.log(`stress: STRESS_SEED=${seed} STRESS_WORKERS=${workers} STRESS_OPS=${operations}`);
  const folder = mkdtempSync(join(tmpdir(), "lunet-stress-"));
  await run(() => main(settings, folder));
  rmSync(folder, { recursive: true, force: true });
}
