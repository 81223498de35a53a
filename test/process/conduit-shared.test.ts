/** Two processes on one database, both read and written at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Conduit, conduitForFile, JWT_SECRET } from "../../apps/conduit/test/harness.ts";
import { createClients } from "./load-client.ts";
import { recount } from "./recount.ts";

const CLIENTS = 16;
const SECONDS = 4;
const SEED = Number(process.env["CONDUIT_LOAD_SEED"] ?? Date.now() % 1_000_000);

const conduit = await conduitForFile();

test("two processes write to one database without a failure, and each sees at once what the other acknowledged", async (t) => {
  t.diagnostic(`CONDUIT_LOAD_SEED=${SEED}`);
  const other = await Conduit.start({ directory: conduit.directory, env: { JWT_SECRET } });
  const clients = await createClients([conduit, other], CLIENTS, SEED);
  const end = performance.now() + SECONDS * 1000;
  const writing = clients.map(async (client) => {
    while (performance.now() < end) await client.step();
  });
  const author = await conduit.register({ username: "both" });
  for (let time = 0; performance.now() < end; time += 1) {
    const [writer, reader] = time % 2 === 0 ? [conduit, other] : [other, conduit];
    const { slug } = await writer.publish(author, { title: `Seen ${time}` });
    const path = `/api/articles/${slug}`;
    assert.equal((await reader.request("GET", path)).status, 200);
    const changed = { token: author.token, json: { article: { body: "changed" } } };
    assert.equal((await reader.request("PUT", path, changed)).status, 200);
    assert.equal((await writer.request("GET", path)).json.article.body, "changed");
    const list = (await reader.request("GET", "/api/articles?author=both&limit=1")).json;
    assert.deepEqual([list.articlesCount, list.articles[0].slug], [time + 1, slug]);
  }
  await Promise.all(writing);
  for (const client of clients) await client.verify();
  for (const client of clients) client.disconnect();
  recount(conduit.databasePath);
  await other.stop();
  assert.equal(conduit.process.stderr + other.process.stderr, "");
});
