/**
 * kill -9 of the database server in the middle of a load, and its restart: Conduit says that it cannot serve and when to
 * come again, keeps nobody waiting, goes on by itself when the server is back, and every article that it acknowledged is
 * there, whole and counted.
 */
// Runs on database-servers.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Conduit, JWT_SECRET, type Answer, type TestUser } from "../../apps/conduit/test/harness.ts";
import { programServers } from "../database-servers/program-servers.ts";

const RECOUNT = fileURLToPath(new URL("../../apps/conduit/src/recount.ts", import.meta.url));
const RECOUNT_LIMIT_MS = 20_000;
const WRITERS = 6;
const READERS = 6;
/** Articles that are acknowledged before the server is killed. */
const UNTIL_KILL = 40;
/** Answers with 503 before it is started again. */
const UNTIL_START = 60;
/** Requests of each client that succeed one after the other before it ends. */
const UNTIL_END = 10;
/** What a request may take while the server is away: the time for a connection, and something for a busy machine. */
const LONGEST_MS = 12_000;
/** A whole test: a client that is never served again ends here and not at the runner's limit. */
const LIMIT_MS = 50_000;

/** What the clients of a load have seen together. */
class Load {
  readonly conduit: Conduit;
  /** Slugs of articles that were acknowledged. */
  readonly acknowledged: string[] = [];
  refused = 0;
  longestMs = 0;
  /** Resolves when so many have been acknowledged, or refused. */
  readonly isWarm = Promise.withResolvers<void>();
  readonly isAway = Promise.withResolvers<void>();
  isBack = false;

  constructor(conduit: Conduit) {
    this.conduit = conduit;
  }

  /** Asks again and again; ends when so many in a row have been answered well since the server is back. */
  async client(ask: () => Promise<Answer>): Promise<void> {
    const endMs = performance.now() + LIMIT_MS;
    for (let good = 0; good < UNTIL_END;) {
      assert.ok(performance.now() < endMs, "found no end of refusals after the server was back");
      const startMs = performance.now();
      const answer = await ask();
      this.longestMs = Math.max(this.longestMs, performance.now() - startMs);
      if (answer.status === 503) {
        good = 0;
        this.#refuse(answer);
      } else {
        assert.ok(answer.status === 200 || answer.status === 201, `${answer.status} ${answer.text}`);
        if (this.isBack) good += 1;
      }
    }
  }

  #refuse({ fields, json }: Answer): void {
    assert.equal(fields["retry-after"], "1");
    assert.deepEqual(json, { errors: { server: ["is busy"] } });
    this.refused += 1;
    if (this.refused === UNTIL_START) this.isAway.resolve();
  }

  async publish(user: TestUser): Promise<Answer> {
    const article = { title: this.conduit.uniqueName("Title "), description: "d", body: "b", tagList: ["one", "two"] };
    const answer = await this.conduit.send("POST", "/api/articles", {
      token: user.token,
      json: { article },
      timeoutMs: LONGEST_MS,
    });
    if (answer.status === 201) this.acknowledged.push(answer.json.article.slug);
    if (this.acknowledged.length === UNTIL_KILL) this.isWarm.resolve();
    return answer;
  }

  read(user: TestUser): Promise<Answer> {
    return this.conduit.send("GET", "/api/articles?limit=5", { token: user.token, timeoutMs: LONGEST_MS });
  }
}

async function survive(t: TestContext, kind: "postgres" | "mariadb"): Promise<void> {
  await using servers = await programServers();
  const options = { durable: true };
  const server = await (kind === "postgres" ? servers.startPostgres(options) : servers.startMariadb(options));
  await server.query("create database conduit");
  const url = server.urlOf("conduit");
  const conduit = await Conduit.start({ env: { JWT_SECRET, DATABASE_URL: url, LOG_LEVEL: "error" } });
  const user = await conduit.register();
  const load = new Load(conduit);
  const clients = Promise.all([
    ...Array.from({ length: WRITERS }, () => load.client(() => load.publish(user))),
    ...Array.from({ length: READERS }, () => load.client(() => load.read(user))),
  ]);

  await Promise.race([load.isWarm.promise, clients]);
  await server.kill9();
  await Promise.race([load.isAway.promise, clients]);
  const ready = await conduit.send("GET", "/readyz");
  assert.equal(ready.status, 503);
  assert.deepEqual(ready.json, { errors: { database: ["is not ready"] } });
  assert.equal((await conduit.request("GET", "/healthz")).status, 200);
  await server.start();
  load.isBack = true;
  await clients;
  t.diagnostic(`${load.acknowledged.length} acknowledged, ${load.refused} refused, longest ${load.longestMs | 0} ms`);
  assert.ok(load.longestMs < LONGEST_MS, `${load.longestMs} ms`);

  assert.equal((await conduit.request("GET", "/readyz")).status, 200);
  for (const slug of load.acknowledged) {
    const answer = await conduit.request("GET", `/api/articles/${slug}`);
    assert.deepEqual(answer.json.article?.tagList, ["one", "two"], `${slug}: ${answer.text}`);
  }
  const conditions = process.execArgv.filter((argument) => argument.startsWith("--conditions"));
  const { stdout } = await promisify(execFile)(process.execPath, [...conditions, RECOUNT], {
    env: { ...process.env, DATABASE_URL: url },
    timeout: RECOUNT_LIMIT_MS,
  });
  assert.equal(stdout, "0 differences\n");
  assert.match(conduit.process.stderr, /"level":"error".*ERR_DB_/);
  await conduit.stop();
}

for (const kind of ["postgres", "mariadb"] as const) {
  test(
    `${kind}: a server that is killed and comes back loses nothing that was acknowledged`,
    { timeout: 58_000 },
    (t) => survive(t, kind),
  );
}
