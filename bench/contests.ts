/** Who is measured with what: the contests of `make bench`. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ServerPlan } from "./measured-server.ts";
import { planEpoll, planNginx } from "./native-servers.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const BUN = join(root, "bench/bun/node_modules/.bin/bun");
const COLLECTOR = join(root, "bench/collect-garbage.ts");

/** What is asked of each server of a contest. */
export interface Ask {
  /** The request target. */
  readonly path: string;
  /** JSON that is sent, by POST. Without it the request is a GET. */
  readonly content?: string;
}

/** What must hold between two servers of a contest. */
export interface Target {
  readonly figure: "cpu" | "rate" | "p99";
  readonly ours: string;
  readonly theirs: string;
  /** Of CPU and p99 at most this much of theirs, of requests/s at least. */
  readonly limit: number;
}

export interface Contest {
  readonly name: "hello" | "typed" | "list";
  readonly title: string;
  readonly ask: Ask;
  readonly status: number;
  /** What every server must refuse with 400 to 422. */
  readonly refused: readonly Ask[];
  readonly plans: readonly ServerPlan[];
  /** What serves nobody and is measured in the same rounds: it prints a `Sample`. */
  readonly loops?: readonly ServerPlan[];
  /** Names of the plans that are ours. */
  readonly ours: readonly string[];
  readonly targets: readonly Target[];
}

export const FLOOR = "node:net, one fixed reply";
const BUN_SERVE = "Bun.serve";
const LUNET = "Lunet";

function onNode(name: string, file: string, env: Readonly<Record<string, string>> = {}): ServerPlan {
  return { name, program: join(root, "bench/peers", `${file}.ts`), env };
}

function onBun(name: string, file: string): ServerPlan {
  return { ...onNode(name, file), runtime: [BUN] };
}

/** The smallest reply: what a server costs by itself. */
export async function helloContest(folder: string): Promise<Contest> {
  const natives = [await planNginx(folder), await planEpoll(folder)].filter((plan) => plan !== undefined);
  const targets: Target[] = [
    { figure: "cpu", ours: LUNET, theirs: "Fastify", limit: 0.4 },
    { figure: "cpu", ours: LUNET, theirs: "node:http", limit: 0.33 },
    { figure: "cpu", ours: LUNET, theirs: BUN_SERVE, limit: 1 },
    { figure: "p99", ours: LUNET, theirs: BUN_SERVE, limit: 1 },
  ];
  const epoll = natives.find(({ url }) => url === undefined);
  if (epoll !== undefined) targets.push({ figure: "cpu", ours: LUNET, theirs: epoll.name, limit: 1.6 });
  return {
    name: "hello",
    title: "Hello JSON",
    ask: { path: "/" },
    status: 200,
    refused: [],
    plans: [
      onNode(LUNET, "hello-lunet"),
      onNode("Fastify", "hello-fastify"),
      onNode("Hono on Node", "hello-hono"),
      onNode("Express", "hello-express"),
      onNode("node:http", "hello-http"),
      onBun(BUN_SERVE, "hello-bun"),
      onBun("Elysia on Bun", "hello-elysia"),
      ...natives,
      onNode(FLOOR, "hello-floor"),
      onNode("Node's private TCP handle, one fixed reply", "hello-handle"),
    ],
    ours: [LUNET],
    targets,
  };
}

/** A route with a parameter, a query, JSON in and out, and schemas. */
export function typedContest(): Contest {
  const path = "/articles/how-to-train-your-dragon/comments";
  const content = (body: string): string => JSON.stringify({ comment: { body, tags: ["dragons", "training"] } });
  const good = content("It takes a Jacobian, and a dragon that does not mind being shown the way now and then.");
  return {
    name: "typed",
    title: "Typed route",
    ask: { path: `${path}?draft=false`, content: good },
    status: 201,
    refused: [
      { path: `${path}?draft=perhaps`, content: good },
      { path, content: content("") },
      { path, content: '{"comment":{}}' },
      { path, content: '{"comment":' },
    ],
    plans: [
      onNode(LUNET, "typed-lunet"),
      onNode("Fastify", "typed-fastify"),
      onNode("Hono on Node", "typed-hono"),
      onNode("Express", "typed-express"),
      onBun("Elysia on Bun", "typed-elysia"),
    ],
    ours: [LUNET],
    targets: [{ figure: "cpu", ours: LUNET, theirs: "Fastify", limit: 0.5 }],
  };
}

/** Conduit's list of articles from the database `file`. */
export function listContest(file: string): Contest {
  const env = { BENCH_DATABASE: file };
  const [shipped, unkept, fastify] = ["Conduit on Lunet", "Conduit, no answers kept", "Fastify, same SQL"];
  const statement = "the statement alone";
  return {
    name: "list",
    title: "Article list of 20",
    ask: { path: "/api/articles?limit=20" },
    status: 200,
    refused: [],
    plans: [
      conduitPlan(file, shipped),
      conduitPlan(file, unkept, { KEPT_ANSWERS_MIB: "0" }),
      onNode(fastify, "list-fastify", env),
      onNode("node:http, same SQL", "list-http", env),
    ],
    loops: [onNode(statement, "list-statement", env)],
    ours: [shipped, unkept],
    targets: [
      { figure: "rate", ours: unkept, theirs: fastify, limit: 2 },
      { figure: "rate", ours: unkept, theirs: statement, limit: 0.8 },
      { figure: "rate", ours: shipped, theirs: statement, limit: 0.8 },
    ],
  };
}

export function conduitPlan(file: string, name: string, more: Readonly<Record<string, string>> = {}): ServerPlan {
  const env = { DATABASE_URL: `sqlite:${file}`, LOG_LEVEL: "warn", ...more };
  return { name, program: join(root, "apps/conduit/src/main.ts"), env };
}

/** Whose idle connections are weighed, with the hello contest's programs. The first is what Node's own socket holds. */
export function idlePlans(): ServerPlan[] {
  const onNodeWithCollector = (name: string, file: string): ServerPlan => ({
    ...onNode(name, file),
    runtime: [process.execPath, "--expose-gc", "--import", COLLECTOR],
  });
  return [
    onNodeWithCollector(FLOOR, "hello-floor"),
    onNodeWithCollector(LUNET, "hello-lunet"),
    onNodeWithCollector("node:http", "hello-http"),
    onNodeWithCollector("Fastify", "hello-fastify"),
    { ...onBun(BUN_SERVE, "hello-bun"), runtime: [BUN, "--preload", COLLECTOR] },
  ];
}
