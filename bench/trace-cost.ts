/**
 * `make bench-trace`: what trace code costs, in pairs of servers on one machine.
 *
 * - The built release against one built of sources without trace code, on hello JSON: they are the same bytes
 *   (tools/zero-cost.test.ts), so what this shows besides 1.00 is the noise of the machine.
 * - The trace build against the release build, on hello JSON and on Conduit's article list. The price is to stay at
 *   `MAX_PRICE` or below.
 *
 * The figure is the server's CPU time per request. The two of a pair take turns at going first, round by round, and the
 * ratio is the median of the rounds' ratios: a machine that changes its speed changes it for both.
 *
 * BENCH_ROUNDS (7), BENCH_SECONDS (3) and BENCH_CONNECTIONS (64) come from the environment.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildPackage } from "../tools/build-package.ts";
import { createStampedFolder } from "../tools/log-folder.ts";
import { copySources, tracedFiles } from "../tools/package-sources.ts";
import { stripTrace } from "../tools/strip-trace.ts";
import { drawBars } from "./chart.ts";
import { pinned } from "./cores.ts";
import { median, setting } from "./figures.ts";
import { MeasuredServer, type Sample, type ServerPlan } from "./measured-server.ts";
import { describeMachine } from "./page.ts";
import { seedDatabase } from "./seed.ts";
import { ensureWrk } from "./wrk.ts";

/** How many times the CPU of a release the trace build may take. */
const MAX_PRICE = 2.5;
/** How far from 1 the ratio of two equal builds may be before the run is too noisy to say anything. */
const NOISE = 0.05;
const WARM_UP_SECONDS = 2;

const root = join(import.meta.dirname, "..");
const sources = join(root, "packages", "lunet");
const TRACE_ENV = {
  NODE_OPTIONS: "--conditions=lunet-trace",
  LUNET_TRACE_SUMMARY: "off",
  LUNET_TRACE_SOCKET: "off",
};

const rounds = setting("BENCH_ROUNDS", 7);
const seconds = setting("BENCH_SECONDS", 3);
const connections = setting("BENCH_CONNECTIONS", 64);

interface Pair {
  readonly title: string;
  readonly path: string;
  /** The one that is judged, and the one that it is held against. */
  readonly plans: readonly [judged: ServerPlan, base: ServerPlan];
  readonly target: { readonly text: string; readonly isMet: (ratio: number) => boolean };
}

/** CPU per request of both, in microseconds, round by round. */
interface Outcome {
  readonly pair: Pair;
  readonly judged: readonly number[];
  readonly base: readonly number[];
  readonly ratios: readonly number[];
}

const FREE = { text: `1 ± ${NOISE}`, isMet: (ratio: number) => Math.abs(ratio - 1) <= NOISE };
const PRICE = { text: `at most ${MAX_PRICE}`, isMet: (ratio: number) => ratio <= MAX_PRICE };

await main();

async function main(): Promise<void> {
  mkdirSync(join(root, ".tmp"), { recursive: true });
  const folder = createStampedFolder(join(root, ".tmp", "bench"));
  await ensureWrk();
  const machine = `${describeMachine()}, Node ${process.version}`;
  const plan = `${rounds} rounds of ${seconds} s, ${connections} connections, ${pinned ? "server and load on a core each" : "not pinned"}`;
  console.log(`bench: ${machine}\nbench: ${plan}`);

  const outcomes: Outcome[] = [];
  for (const pair of await preparePairs(folder)) outcomes.push(await measure(pair));

  const text = report(outcomes);
  console.log(`\n${text}\n`);
  writeFileSync(join(folder, "trace-cost.md"), `${machine}\n${plan}\n\n${text}\n`);
  const figures = outcomes.map(({ pair, ...rest }) => ({ title: pair.title, ...rest }));
  writeFileSync(join(folder, "trace-cost.json"), JSON.stringify({ machine, plan, figures }, null, 2));
  writeFileSync(join(folder, "trace-cost.svg"), draw(outcomes));
  console.log(`bench: report, figures and picture in ${folder}`);
}

async function preparePairs(folder: string): Promise<Pair[]> {
  const released = await buildHello(join(folder, "release"), sources, ["release", "trace"]);
  const bare = await buildHello(join(folder, "stripped"), stripSources(join(folder, "sources")), ["release"]);
  const database = await makeDatabase(folder);
  const pairOf = (title: string, path: string, build: (name: string, env: ServerPlan["env"]) => ServerPlan): Pair => {
    const plans = [build("trace", TRACE_ENV), build("release", {})] as const;
    return { title: `${title}: trace / release`, path, plans, target: PRICE };
  };
  return [
    {
      title: "Hello JSON: release / without trace code",
      path: "/",
      plans: [
        { name: "release", program: released, env: {} },
        { name: "without trace code", program: bare, env: {} },
      ],
      target: FREE,
    },
    pairOf("Hello JSON", "/", (name, env) => ({ name, program: released, env })),
    pairOf("Article list, no answers kept", "/api/articles?limit=20", (name, env) =>
      conduitPlan(name, database, { ...env, KEPT_ANSWERS_MIB: "0" }),
    ),
    pairOf("Article list, as shipped", "/api/articles?limit=20", (name, env) => conduitPlan(name, database, env)),
  ];
}

/** Installs a build for the hello program, and returns the program. */
async function buildHello(folder: string, from: string, parts: readonly ("release" | "trace")[]): Promise<string> {
  await buildPackage({ folder: from, out: join(folder, "node_modules", "lunet"), parts });
  for (const file of ["hello.ts", "hello-lunet.ts"]) cpSync(join(root, "bench", "peers", file), join(folder, file));
  return join(folder, "hello-lunet.ts");
}

function stripSources(folder: string): string {
  copySources(sources, folder);
  for (const file of tracedFiles(folder)) {
    const path = join(folder, file);
    writeFileSync(path, stripTrace(file, readFileSync(path, "utf8")));
  }
  return folder;
}

/** Conduit makes its own schema at its first start; then the data is put in. */
async function makeDatabase(folder: string): Promise<string> {
  const file = join(folder, "bench.db");
  const server = await MeasuredServer.start(conduitPlan("Conduit, for its schema", file, {}));
  await server.stop();
  seedDatabase(file);
  return file;
}

function conduitPlan(name: string, file: string, env: ServerPlan["env"]): ServerPlan {
  const program = join(root, "apps", "conduit", "src", "main.ts");
  return { name, program, env: { DATABASE_URL: `sqlite:${file}`, LOG_LEVEL: "warn", ...env } };
}

async function measure(pair: Pair): Promise<Outcome> {
  const [judgedPlan, basePlan] = pair.plans;
  const judgedServer = await MeasuredServer.start(judgedPlan);
  try {
    const baseServer = await MeasuredServer.start(basePlan);
    try {
      return await measureRounds(pair, judgedServer, baseServer);
    } finally {
      await baseServer.stop();
    }
  } finally {
    await judgedServer.stop();
  }
}

async function measureRounds(pair: Pair, judgedServer: MeasuredServer, baseServer: MeasuredServer): Promise<Outcome> {
  const [answer, expected] = [
    await fetchText(judgedServer.url + pair.path),
    await fetchText(baseServer.url + pair.path),
  ];
  if (answer !== expected) {
    throw new Error(
      `Cannot compare "${pair.title}": found the answer ${answer.slice(0, 500)}, wanted ${expected.slice(0, 500)}`,
    );
  }
  const cpuUs = async (server: MeasuredServer): Promise<number> => {
    const sample: Sample = await server.measure(pair.path, seconds, connections);
    return sample.userUs + sample.systemUs;
  };
  for (const server of [judgedServer, baseServer]) await server.measure(pair.path, WARM_UP_SECONDS, connections);
  const judged: number[] = [];
  const base: number[] = [];
  for (let round = 0; round < rounds; round++) {
    process.stdout.write(`bench: ${pair.title}: round ${round + 1} of ${rounds}\n`);
    if (round % 2 === 0) judged.push(await cpuUs(judgedServer));
    base.push(await cpuUs(baseServer));
    if (round % 2 === 1) judged.push(await cpuUs(judgedServer));
  }
  return { pair, judged, base, ratios: judged.map((value, round) => value / (base[round] ?? NaN)) };
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  if (response.status !== 200) throw new Error(`Cannot compare answers: found status ${response.status} from ${url}`);
  return response.text();
}

function report(outcomes: readonly Outcome[]): string {
  const lines = [
    "| pair | CPU per request, µs | against, µs | ratio (range of the rounds) | target | |",
    "|---|--:|--:|--:|--:|---|",
  ];
  for (const { pair, judged, base, ratios } of outcomes) {
    const ratio = median(ratios);
    const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
    lines.push(
      `| ${pair.title} | ${median(judged).toFixed(1)} | ${median(base).toFixed(1)} | ${ratio.toFixed(2)} (${range}) | ${pair.target.text} | ${pair.target.isMet(ratio) ? "met" : "missed"} |`,
    );
  }
  return lines.join("\n");
}

function draw(outcomes: readonly Outcome[]): string {
  return drawBars(
    outcomes.map(({ pair, judged, base }) => ({
      title: `${pair.title}: CPU per request, µs (less is better)`,
      bars: [
        { name: pair.plans[0].name, value: median(judged), highlighted: true },
        { name: pair.plans[1].name, value: median(base), highlighted: false },
      ],
    })),
  );
}
