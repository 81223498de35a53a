/*
 * Prints what workers do under load: requests a second with one and with two, how evenly connections are dealt out, and what
 * reloads cost: `node test/process/workers-figures.ts [reloads]`, 20 unless given. Ends with status 1 when a request failed.
 *
 * Clients and workers share the machine, so figures compare with each other and not with those of bench/.
 */
import { ReloadClients } from "./reload-clients.ts";
import { Workers, type WorkersOptions } from "./workers.ts";

const LOAD_MS = 3_000;
const CLIENTS = { fresh: 16, kept: 8 };
const CONNECTIONS = 64;
/** A supervisor under test lives for 20 seconds at most. */
const RELOADING_MS = 12_000;
const RELOADS = Number(process.argv[2] ?? 20);

const WAYS: ReadonlyArray<readonly [name: string, options: WorkersOptions]> = [
  ["reuse-port", { sharing: "reuse-port" }],
  ["cluster", { sharing: "cluster" }],
  ["Unix socket", { path: `/tmp/workers-figures-${process.pid}.sock` }],
];

async function loadFor(workers: Workers, count: typeof CLIENTS, loadMs: number): Promise<string> {
  const clients = new ReloadClients(workers.target);
  clients.start(count);
  await new Promise((resolve) => setTimeout(resolve, loadMs));
  const { requests, failures } = await clients.end();
  if (failures.length > 0) throw new Error(`Cannot measure: found ${failures.length} failures: ${failures[0]}`);
  return `${Math.round((requests / loadMs) * 1_000)} requests/s`;
}

/** How many of so many connections each worker gets. */
async function deal(workers: Workers): Promise<string> {
  const counts = new Map<string, number>();
  for (let each = 0; each < CONNECTIONS; each++) {
    const [number = ""] = (await workers.ask("/who")).split(" ");
    counts.set(number, (counts.get(number) ?? 0) + 1);
  }
  return [...counts.values()].toSorted((one, other) => one - other).join(" : ");
}

async function end(workers: Workers): Promise<void> {
  workers.process.send("SIGTERM");
  await workers.ended();
}

/** What reloads came to. */
interface Reloads {
  readonly done: number;
  readonly tookMs: number;
  readonly requests: number;
  readonly connections: number;
  readonly failures: readonly string[];
  readonly slowestMs: number;
}

/** Reloads one after the other under load, at most so often and for so long. */
async function reload(options: WorkersOptions, times: number): Promise<Reloads> {
  await using workers = await Workers.start(2, options);
  const clients = new ReloadClients(workers.target);
  clients.start(CLIENTS);
  const startedMs = performance.now();
  let done = 0;
  while (done < times && performance.now() - startedMs < RELOADING_MS) {
    workers.process.send("SIGHUP");
    await workers.untilSaid("lunet: reloaded 2 workers", ++done);
  }
  const tookMs = performance.now() - startedMs;
  const seen = await clients.end();
  await end(workers);
  return { ...seen, done, tookMs };
}

/** Prints what all reloads together came to. False when a request failed. */
async function reportReloads(name: string, options: WorkersOptions): Promise<boolean> {
  const rounds: Reloads[] = [];
  const sum = (value: (round: Reloads) => number): number => rounds.reduce((total, round) => total + value(round), 0);
  while (sum(({ done }) => done) < RELOADS) rounds.push(await reload(options, RELOADS - sum(({ done }) => done)));
  const reloads = sum(({ done }) => done);
  const failures = rounds.flatMap((round) => round.failures);
  console.log(
    `${name}: ${reloads} reloads of 2 workers, ${Math.round(sum(({ tookMs }) => tookMs) / reloads)} ms each; ` +
      `${sum(({ requests }) => requests)} requests on ${sum(({ connections }) => connections)} connections, ` +
      `${failures.length} failed, the slowest took ${Math.round(Math.max(...rounds.map(({ slowestMs }) => slowestMs)))} ms`,
  );
  for (const failure of failures.slice(0, 5)) console.log(`  ${failure}`);
  return failures.length === 0;
}

for (const [name, options] of WAYS) {
  for (const count of [1, 2]) {
    await using workers = await Workers.start(count, options);
    const kept = await loadFor(workers, { fresh: 0, kept: 32 }, LOAD_MS);
    const fresh = await loadFor(workers, { fresh: 32, kept: 0 }, LOAD_MS);
    const dealt = count === 1 ? "" : `; ${CONNECTIONS} connections dealt out ${await deal(workers)}`;
    console.log(`${name}, workers ${count}: ${kept} on kept connections, ${fresh} on fresh ones${dealt}`);
    await end(workers);
  }
}
for (const [name, options] of WAYS) if (!(await reportReloads(name, options))) process.exitCode = 1;
