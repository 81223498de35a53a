/**
 * `make bench`: hello JSON and the article list of 20, on Lunet, node:http and Fastify, in one run on one machine.
 *
 * Every server runs on one core and is loaded from another; rounds alternate between the servers (A B C A B C …), so
 * that a machine that changes its speed changes it for all. The honest figure is the server's CPU time per request: it
 * does not move when the load generator is the slower one. Medians are printed, with the range of the rounds.
 *
 * BENCH_ROUNDS (5), BENCH_SECONDS (4) and BENCH_CONNECTIONS (64) come from the environment.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { drawBars } from "./chart.ts";
import { pinned } from "./cores.ts";
import { median, medianRatio, range, setting } from "./figures.ts";
import { MeasuredServer, type Sample, type ServerPlan } from "./measured-server.ts";
import { seedDatabase } from "./seed.ts";
import { ensureWrk } from "./wrk.ts";

const WARM_UP_SECONDS = 2;
const root = fileURLToPath(new URL("..", import.meta.url));
const peer = (name: string): string => join(root, "bench/peers", `${name}.ts`);

const rounds = setting("BENCH_ROUNDS", 5);
const seconds = setting("BENCH_SECONDS", 4);
const connections = setting("BENCH_CONNECTIONS", 64);

interface Contest {
  readonly title: string;
  readonly path: string;
  readonly plans: readonly ServerPlan[];
  /** How many of the plans, from the first, are ours. */
  readonly ours: number;
}

interface Standing {
  readonly name: string;
  readonly samples: Sample[];
}

const cpuUs = (sample: Sample): number => sample.userUs + sample.systemUs;
const medianOf = (standing: Standing, figure: (sample: Sample) => number): number =>
  median(standing.samples.map(figure));

const ratio = (a: Standing, b: Standing, figure: (sample: Sample) => number): number =>
  medianRatio(a.samples.map(figure), b.samples.map(figure));

async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  if (response.status !== 200) throw new Error(`Cannot compare answers: found status ${response.status} from ${url}`);
  return response.json();
}

/** All servers must give the same answer, or the contest means nothing. */
async function checkAnswers(servers: readonly MeasuredServer[], path: string): Promise<void> {
  const answers = await Promise.all(servers.map(async (server) => JSON.stringify(await fetchJson(server.url + path))));
  for (const [index, answer] of answers.entries()) {
    if (answer === answers[0]) continue;
    throw new Error(
      `Cannot compare: ${servers[index]?.name} answers\n${answer.slice(0, 500)}\nand not\n${answers[0]?.slice(0, 500)}`,
    );
  }
}

async function hold(contest: Contest): Promise<Standing[]> {
  const servers: MeasuredServer[] = [];
  try {
    for (const plan of contest.plans) servers.push(await MeasuredServer.start(plan));
    await checkAnswers(servers, contest.path);
    const standings: Standing[] = servers.map(({ name }) => ({ name, samples: [] }));
    for (const server of servers) await server.measure(contest.path, WARM_UP_SECONDS, connections);
    for (let round = 1; round <= rounds; round++) {
      process.stdout.write(`bench: ${contest.title}: round ${round} of ${rounds}\n`);
      for (const [index, server] of servers.entries()) {
        standings[index]?.samples.push(await server.measure(contest.path, seconds, connections));
      }
    }
    return standings;
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

function report(contest: Contest, standings: readonly Standing[]): string {
  const lines = [
    contest.title,
    "",
    "| server | requests/s | CPU per request, µs (range) | user, µs | p50, ms | p99, ms | resident, MB |",
    "|---|--:|--:|--:|--:|--:|--:|",
  ];
  for (const standing of standings) {
    const figure = (of: (sample: Sample) => number, digits: number): string => medianOf(standing, of).toFixed(digits);
    const span = range(standing.samples.map(cpuUs), 1);
    lines.push(
      `| ${standing.name} | ${Math.round(medianOf(standing, (sample) => sample.requestsPerSecond)).toLocaleString("en")} | ${figure(cpuUs, 1)} (${span}) | ${figure((sample) => sample.userUs, 1)} | ${figure((sample) => sample.p50Ms, 2)} | ${figure((sample) => sample.p99Ms, 2)} | ${figure((sample) => sample.residentBytes / 1e6, 0)} |`,
    );
  }
  lines.push("");
  for (const ours of standings.slice(0, contest.ours)) {
    for (const other of standings.slice(contest.ours)) {
      const cpu = ratio(ours, other, cpuUs).toFixed(2);
      const rate = ratio(ours, other, (sample) => sample.requestsPerSecond).toFixed(2);
      lines.push(`${ours.name} / ${other.name}: CPU per request ${cpu}, requests/s ${rate}`);
    }
  }
  return lines.join("\n");
}

/** Conduit makes its own schema at its first start; then the data is put in. */
async function makeDatabase(folder: string): Promise<string> {
  const file = join(folder, "bench.db");
  const server = await MeasuredServer.start(conduitPlan(file));
  await server.stop();
  seedDatabase(file);
  return file;
}

function conduitPlan(file: string, name = "Conduit on Lunet", more: Readonly<Record<string, string>> = {}): ServerPlan {
  const env = { DATABASE_URL: `sqlite:${file}`, LOG_LEVEL: "warn", ...more };
  return { name, program: join(root, "apps/conduit/src/main.ts"), env };
}

async function main(): Promise<void> {
  const stamp = new Date().toISOString().replaceAll(/[-:]/g, "").replace("T", "_").slice(0, 15);
  const folder = join(root, ".tmp/bench", stamp);
  await mkdir(folder, { recursive: true });
  await ensureWrk();
  console.log(
    `bench: ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
  );
  console.log(
    `bench: ${rounds} rounds of ${seconds} s, ${connections} connections, ${pinned ? "server and load on a core each" : "not pinned"}`,
  );
  const database = await makeDatabase(folder);
  const listEnv = { BENCH_DATABASE: database };
  const contests: Contest[] = [
    {
      title: "Hello JSON",
      path: "/",
      ours: 1,
      plans: [
        { name: "Lunet", program: peer("hello-lunet"), env: {} },
        { name: "Fastify", program: peer("hello-fastify"), env: {} },
        { name: "node:http", program: peer("hello-http"), env: {} },
        { name: "node:net, one fixed reply", program: peer("hello-floor"), env: {} },
      ],
    },
    {
      title: "Article list of 20",
      path: "/api/articles?limit=20",
      ours: 2,
      plans: [
        conduitPlan(database),
        conduitPlan(database, "Conduit, no answers kept", { KEPT_ANSWERS_MIB: "0" }),
        { name: "Fastify, same SQL", program: peer("list-fastify"), env: listEnv },
        { name: "node:http, same SQL", program: peer("list-http"), env: listEnv },
      ],
    },
  ];
  const results: Array<{ contest: Contest; standings: Standing[] }> = [];
  for (const contest of contests) results.push({ contest, standings: await hold(contest) });

  const text = results.map(({ contest, standings }) => report(contest, standings)).join("\n\n");
  console.log(`\n${text}\n`);
  await writeFile(
    join(folder, "results.json"),
    JSON.stringify({ node: process.version, rounds, seconds, connections, results }, null, 2),
  );
  await writeFile(join(folder, "report.md"), `${text}\n`);
  const groups = results.map(({ contest, standings }) => ({
    title: `${contest.title}: CPU per request, µs (less is better)`,
    bars: standings.map((standing, index) => ({
      name: standing.name,
      value: medianOf(standing, cpuUs),
      highlighted: index < contest.ours,
    })),
  }));
  await writeFile(join(folder, "cpu-per-request.svg"), drawBars(groups));
  console.log(`bench: report, figures and picture in ${folder}`);
}

await main();
