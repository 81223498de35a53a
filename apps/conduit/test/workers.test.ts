/** Conduit in several processes, on whichever database: their start at one moment, and what each sees of the others' writes. */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { test } from "node:test";
import { Conduit, temporaryDirectory } from "./harness.ts";

const WORKERS = 3;
/**
 * Connections that are kept. The kernel deals them out by a hash of their addresses, so it happens less than once in a
 * thousand runs that a worker has none.
 */
const CONNECTIONS = 24;
const ROUNDS = 8;

test("four processes that start at one moment on a new database agree on its tables and its key", async () => {
  const directory = temporaryDirectory();
  const all = await Promise.all(Array.from({ length: 4 }, () => Conduit.start({ directory })));
  const [first, ...others] = all as [Conduit, ...Conduit[]];
  const user = await first.register({ username: "shared" });
  const article = await first.publish(user);
  for (const other of others) {
    assert.equal((await other.request("GET", "/api/user", { token: user.token })).status, 200);
    assert.equal((await other.request("GET", `/api/articles/${article.slug}`)).status, 200);
  }
  await Promise.all(all.map((conduit) => conduit.stop()));
  for (const conduit of all) assert.equal(conduit.process.stderr, "");
});

test("what is acknowledged by one worker is at once in the answers of all others, those that were kept included", async () => {
  const conduit = await Conduit.start({ env: { WORKERS: String(WORKERS) } });
  const agents = Array.from({ length: CONNECTIONS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  try {
    const author = await conduit.register({ username: "author" });
    const { slug } = await conduit.publish(author, { title: "Seen by all" });
    const path = `/api/articles/${slug}`;
    const list = "/api/articles?author=author";
    for (let round = 0; round < ROUNDS; round += 1) {
      // Twice, so that whoever keeps answers has kept this one.
      for (const agent of [...agents, ...agents]) {
        await conduit.request("GET", path, { agent });
        await conduit.request("GET", list, { agent });
      }
      const body = `body ${round}`;
      const agent = agents[round % agents.length] as Agent;
      const changed = { token: author.token, agent, json: { article: { body } } };
      assert.equal((await conduit.request("PUT", path, changed)).status, 200);
      await conduit.publish(author, { title: `Another ${round}` });
      for (const reader of agents) {
        assert.equal((await conduit.request("GET", path, { agent: reader })).json.article.body, body);
        assert.equal((await conduit.request("GET", list, { agent: reader })).json.articlesCount, round + 2);
      }
    }
  } finally {
    for (const agent of agents) agent.destroy();
  }
  await conduit.stop();
  assert.equal(conduit.process.stderr, "");
});

test("several workers print the three lines once", async () => {
  const conduit = await Conduit.start({ env: { WORKERS: "2" } });
  await conduit.request("GET", "/healthz");
  await conduit.request("GET", "/readyz");
  await conduit.stop();
  assert.equal(conduit.process.stdout.trimEnd().split("\n").length, 3, conduit.process.stdout);
});

test("settings that cannot be used are told once, with status 2", async () => {
  const started = await Conduit.start({ env: { WORKERS: "2", HOST: "0.0.0.0" } }).catch((error: Error) => error);
  assert.ok(started instanceof Error);
  assert.match(started.message, /found status 2 signal null/);
  assert.equal(started.message.match(/Cannot use HOST/g)?.length, 1);
});
