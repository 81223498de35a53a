/** `make seed`, as people run it: the program beside the real server, on each database. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { databaseUrl, makeDatabase } from "./databases.ts";
import { conduitForFile, temporaryDirectory, withLimit } from "./harness.ts";
import { only } from "./shapes.ts";

const SOURCES = new URL("../src/", import.meta.url);
/** How long a program may take to its end. */
const LIMIT_MS = 30_000;

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill("SIGKILL");
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts a program of the application on the database of a directory. */
function start(name: string, directory: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Started {
  const conditions = process.execArgv.filter((argument) => argument.startsWith("--conditions"));
  const program = fileURLToPath(new URL(name, SOURCES));
  const child = spawn(process.execPath, [...conditions, program, ...args], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], DATABASE_URL: databaseUrl(directory), ...env },
  });
  running.add(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const closed = once(child, "close").then(([status]) => {
    running.delete(child);
    return { status: status as number | null, ...output };
  });
  return { child, ended: withLimit(LIMIT_MS, `end ${name}`, closed, () => output.stderr) };
}

const conduit = await conduitForFile();

function seed(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return start("seed.ts", conduit.directory, args, env).ended;
}

async function assertCounted(directory: string): Promise<void> {
  const { status, stdout, stderr } = await start("recount.ts", directory).ended;
  assert.deepEqual({ status, stdout }, { status: 0, stdout: "0 differences\n" }, stderr);
}

async function articlesCount(): Promise<number> {
  return (await conduit.request("GET", "/api/articles?limit=1")).json.articlesCount;
}

test("fills the database of a running server, which shows it at once, and says how to log in", async () => {
  assert.equal(await articlesCount(), 0);
  const { status, stdout, stderr } = await seed();
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /^seed: filled .+ in \d+\.\d s with 13 users, 120 articles, 28 tags, \d+ comments, \d+ favourites,/,
  );
  assert.equal(await articlesCount(), 120);
  await assertCounted(conduit.directory);

  const [, email, password] = /log in as (\S+) with the password (\S+?),/.exec(stdout) ?? [];
  const login = await conduit.request("POST", "/api/users/login", { json: { user: { email, password } } });
  const { token, username } = only(login, 200, "user") as { token: string; username: string };
  assert.equal(username, "demo");
  const feed = await conduit.request("GET", "/api/articles/feed", { token });
  assert.ok(feed.json.articlesCount > 10, feed.text);
  const own = await conduit.request("GET", "/api/articles?author=demo");
  assert.ok(own.json.articlesCount > 0, own.text);

  const { articles } = (await conduit.request("GET", "/api/articles?limit=100")).json;
  const minutes = (Date.now() - Date.parse(articles[0].createdAt)) / 60_000;
  assert.ok(minutes >= 4 && minutes < 6, `${minutes}`);
  for (const { slug } of articles.slice(0, 20)) {
    only(await conduit.request("GET", `/api/articles/${encodeURIComponent(slug)}`), 200, "article");
    only(await conduit.request("GET", `/api/articles/${encodeURIComponent(slug)}/comments`), 200, "comments");
  }
});

test("refuses a database that has articles with status 2, and adds to it when it is told to", async () => {
  const refused = await seed();
  assert.deepEqual([refused.status, refused.stdout], [2, ""]);
  assert.match(refused.stderr, /^seed: Cannot fill \S+: found 120 articles, wanted none; make seed ADD=1 [^\n]+\n/);
  assert.equal(await articlesCount(), 120);

  const added = await seed(["--seed=2", "--articles", "30"], { ADD: "1" });
  assert.equal(added.status, 0, added.stderr);
  assert.match(added.stdout, / with 0 users, 30 articles, /);
  const again = await seed(["--add"], { ARTICLES: "30", SEED: "2", SEED_PASSWORD: "another password" });
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, /log in as demo@conduit\.example, who was there before and keeps the password\n/);
  assert.equal(await articlesCount(), 180);
  await assertCounted(conduit.directory);
});

test("ends at SIGINT with status 130, says what is there, and leaves nothing half done", async () => {
  const directory = temporaryDirectory();
  await makeDatabase(directory);
  const { child, ended } = start("seed.ts", directory, ["--articles=1000000"]);
  // It says how far it is once a second.
  await withLimit(LIMIT_MS, "see progress", once(child.stderr!, "data"));
  child.kill("SIGINT");
  const { status, stdout, stderr } = await ended;
  assert.deepEqual([status, stdout], [130, ""], stderr);
  assert.match(stderr, /^seed: \d+ of 1000000 articles\n/);
  const [, count] = /seed: interrupted; what is there is whole: 13 users, (\d+) articles, /.exec(stderr) ?? [];
  assert.ok(Number(count) > 0, stderr);
  await assertCounted(directory);
  const again = await start("seed.ts", directory).ended;
  assert.equal(again.status, 2);
  assert.ok(again.stderr.includes(`found ${count} articles`), again.stderr);
});

test("a setting that it cannot use ends it with status 2 and a sentence; --help lists them", async () => {
  const { status, stdout, stderr } = await seed(["--articles=0"]);
  assert.deepEqual([status, stdout], [2, ""], stderr);
  assert.ok(stderr.startsWith('seed: Cannot use --articles: found "0", wanted a whole number from 1 to 1000000\n'));
  const help = await seed(["--help"]);
  assert.equal(help.status, 0, help.stderr);
  for (const name of ["--seed", "ARTICLES", "ADD=1", "SEED_PASSWORD", "--database-url"]) {
    assert.ok(help.stdout.includes(name), name);
  }
});
