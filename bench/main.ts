/**
 * `make bench`: Lunet against other servers, in one run on one machine: the smallest reply, a typed route, Conduit's list
 * of articles, and the memory that idle connections hold.
 *
 * Every server runs on one core and is loaded from another; rounds alternate between the servers (A B C A B C …), so
 * that a machine that changes its speed changes it for all. The honest figure is the server's CPU time per request: it
 * does not move when the load generator is the slower one. Medians are printed, with the range of the rounds.
 *
 * BENCH_ROUNDS (5), BENCH_SECONDS (3), BENCH_CONNECTIONS (64) and BENCH_IDLE (5000 idle connections) come from the
 * environment, and BENCH_ONLY (hello,typed,list,idle). With `--write` the section of docs/performance.md and
 * docs/cpu-per-request.svg are written anew.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createStampedFolder } from "../tools/log-folder.ts";
import { drawBars } from "./chart.ts";
import { type Ask, conduitPlan, type Contest, helloContest, idlePlans, listContest, typedContest } from "./contests.ts";
import { pinned } from "./cores.ts";
import { setting } from "./figures.ts";
import { contestTables, httpBars, idleTable, type Outcome, type Standing, targetTable } from "./http-report.ts";
import { type IdleMemory, measureIdleMemory } from "./idle-memory.ts";
import { measureLoop } from "./measured-loop.ts";
import { MeasuredServer } from "./measured-server.ts";
import { describeMachine, type Place, writePage } from "./page.ts";
import { seedDatabase } from "./seed.ts";
import { ensureWrk } from "./wrk.ts";

const WARM_UP_SECONDS = 2;
const ASK_LIMIT_MS = 5_000;
const root = fileURLToPath(new URL("..", import.meta.url));
const PICTURE = join(root, "docs/cpu-per-request.svg");
const PLACE: Place = {
  page: join(root, "docs/performance.md"),
  begin: "<!-- From here on written by `make bench WRITE=1`. -->",
  end: "<!-- Up to here by `make bench WRITE=1`. -->",
};

const rounds = setting("BENCH_ROUNDS", 5);
const seconds = setting("BENCH_SECONDS", 3);
const connections = setting("BENCH_CONNECTIONS", 64);
const idleConnections = setting("BENCH_IDLE", 5_000);
const ALL = ["hello", "typed", "list", "idle"] as const;
const wanted = wantedContests();

function wantedContests(): ReadonlySet<string> {
  const names = (process.env["BENCH_ONLY"] || ALL.join()).split(",");
  const unknown = names.find((name) => !(ALL as readonly string[]).includes(name));
  if (unknown === undefined) return new Set(names);
  throw new RangeError(`Cannot use BENCH_ONLY: found "${unknown}", wanted some of ${ALL.join()}`);
}

function request(url: string, { path, content }: Ask): Promise<Response> {
  const signal = AbortSignal.timeout(ASK_LIMIT_MS);
  if (content === undefined) return fetch(url + path, { signal });
  return fetch(url + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: content, signal });
}

/** An answer as all must give it: its content, and the fields that say what it is. */
async function answerOf(server: MeasuredServer, { ask, status, refused }: Contest): Promise<string> {
  const response = await request(server.url, ask);
  const content = JSON.stringify(await response.json());
  const type = response.headers.get("content-type")?.toLowerCase().replaceAll(" ", "");
  const found = [response.status, type, Number(response.headers.get("content-length")), response.headers.has("date")];
  const expected = [status, "application/json;charset=utf-8", Buffer.byteLength(content), true];
  if (found.join() !== expected.join()) {
    throw new Error(`Cannot compare: ${server.name} answers with ${found.join(", ")}, wanted ${expected.join(", ")}`);
  }
  for (const each of refused) {
    const { status: given } = await request(server.url, each);
    if (given >= 400 && given <= 422) continue;
    throw new Error(`Cannot compare: ${server.name} answers ${given} to ${each.path} with ${each.content}`);
  }
  return content;
}

/** All servers must give the same answer, or the contest means nothing. */
async function checkAnswers(servers: readonly MeasuredServer[], contest: Contest): Promise<void> {
  const answers = await Promise.all(servers.map((server) => answerOf(server, contest)));
  for (const [index, answer] of answers.entries()) {
    if (answer === answers[0]) continue;
    throw new Error(
      `Cannot compare: ${servers[index]?.name} answers\n${answer.slice(0, 500)}\nand not\n${answers[0]?.slice(0, 500)}`,
    );
  }
}

/** A request that is no GET as a script of wrk, which makes it once. */
function writeScript(folder: string, { name, ask }: Contest): string | undefined {
  if (ask.content === undefined) return undefined;
  const file = join(folder, `${name}.lua`);
  const type = 'wrk.headers["Content-Type"] = "application/json"';
  writeFileSync(file, `wrk.method = "POST"\n${type}\nwrk.body = ${JSON.stringify(ask.content)}\n`);
  return file;
}

async function hold(contest: Contest, folder: string): Promise<Outcome> {
  const servers: MeasuredServer[] = [];
  try {
    for (const plan of contest.plans) servers.push(await MeasuredServer.start(plan));
    await checkAnswers(servers, contest);
    const standings: Standing[] = servers.map(({ name }) => ({ name, samples: [] }));
    const { loops = [] } = contest;
    const loopStandings: Standing[] = loops.map(({ name }) => ({ name, samples: [] }));
    const { path } = contest.ask;
    const script = writeScript(folder, contest);
    for (const server of servers) await server.measure(path, WARM_UP_SECONDS, connections, script);
    for (let round = 1; round <= rounds; round++) {
      console.log(`bench: ${contest.title}: round ${round} of ${rounds}`);
      for (const [index, server] of servers.entries()) {
        standings[index]?.samples.push(await server.measure(path, seconds, connections, script));
      }
      for (const [index, loop] of loops.entries()) {
        loopStandings[index]?.samples.push(await measureLoop(loop, seconds));
      }
    }
    return { contest, standings: [...standings, ...loopStandings] };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function weighIdle(): Promise<IdleMemory[]> {
  const memories: IdleMemory[] = [];
  for (const plan of idlePlans()) {
    console.log(`bench: idle connections: ${plan.name}`);
    memories.push(await measureIdleMemory(plan, "/", idleConnections));
  }
  return memories;
}

/** Conduit makes its own schema at its first start; then the data is put in. */
async function makeDatabase(folder: string): Promise<string> {
  const file = join(folder, "bench.db");
  const server = await MeasuredServer.start(conduitPlan(file, "Conduit, for its schema"));
  await server.stop();
  seedDatabase(file);
  return file;
}

/** The versions of what is compared, which the lock keeps. */
function peerVersions(): string[] {
  const dependenciesOf = (folder: string): Record<string, string> =>
    (JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as { dependencies: Record<string, string> })
      .dependencies;
  const dependencies = { ...dependenciesOf("bench"), ...dependenciesOf("bench/bun") };
  return ["fastify", "hono", "express", "bun", "elysia"].map((name) => `${name} ${dependencies[name]}`);
}

/** How it was measured, for the reader of the figures. */
function setup(): string {
  const cores = pinned ? "the server on one core and wrk on another" : "not pinned";
  return [
    `- ${describeMachine()}; Node ${process.version.slice(1)}, ${peerVersions().join(", ")}.`,
    `- Medians of ${rounds} rounds of ${seconds} s, servers in turn, ${connections} keep-alive connections, ${cores}.`,
  ].join("\n");
}

async function main(): Promise<void> {
  const writes = process.argv.includes("--write");
  if (writes && wanted.size < ALL.length) throw new Error(`Cannot write ${PLACE.page}: wanted all of ${ALL.join()}`);
  mkdirSync(join(root, ".tmp"), { recursive: true });
  const folder = createStampedFolder(join(root, ".tmp/bench"));
  await ensureWrk();
  console.log(setup());

  const outcomes: Outcome[] = [];
  if (wanted.has("hello")) outcomes.push(await hold(await helloContest(folder), folder));
  if (wanted.has("typed")) outcomes.push(await hold(typedContest(), folder));
  if (wanted.has("list")) outcomes.push(await hold(listContest(await makeDatabase(folder)), folder));
  const memories = wanted.has("idle") ? await weighIdle() : [];

  const parts = [setup(), ...outcomes.map(contestTables)];
  if (memories.length > 0) parts.push(idleTable(memories, idleConnections));
  parts.push(targetTable(outcomes, memories));
  const text = parts.join("\n\n");
  console.log(`\n${text}\n`);
  writeFileSync(join(folder, "report.md"), `${text}\n`);
  const figures = { node: process.version, rounds, seconds, connections, outcomes, memories };
  writeFileSync(join(folder, "results.json"), JSON.stringify(figures, null, 2));
  const picture = drawBars(httpBars(outcomes, memories));
  writeFileSync(join(folder, "cpu-per-request.svg"), picture);
  if (writes) {
    writePage(PLACE, text);
    writeFileSync(PICTURE, picture);
    console.log(`bench: written: ${PLACE.page} and ${PICTURE}`);
  }
  console.log(`bench: report, figures and picture in ${folder}`);
}

await main();
