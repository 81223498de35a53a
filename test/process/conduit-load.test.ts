/**
 * Fifty connections that read and write at once: nothing fails, nothing contradicts, everything is counted right.
 *
 * `CONDUIT_LOAD_SECONDS` (10) says how long, `CONDUIT_LOAD_SEED` repeats the choices of a run that failed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile } from "../../apps/conduit/test/harness.ts";
import { createClients, type LoadClient } from "./load-client.ts";
import { recount } from "./recount.ts";

const CLIENTS = 50;
const SECONDS = Number(process.env["CONDUIT_LOAD_SECONDS"] ?? "10");
const SEED = Number(process.env["CONDUIT_LOAD_SEED"] ?? Date.now() % 1_000_000);

const conduit = await conduitForFile();

test(
  `50 connections read and write for ${SECONDS} s without a contradiction, and a recount agrees`,
  { timeout: 180_000 },
  async (t) => {
    t.diagnostic(`CONDUIT_LOAD_SEED=${SEED}`);
    const clients = await createClients([conduit], CLIENTS, SEED);
    const end = performance.now() + SECONDS * 1000;
    await Promise.all(
      clients.map(async (client) => {
        while (performance.now() < end) await client.step();
      }),
    );
    t.diagnostic(`${sum(clients, (client) => client.requests)} requests`);

    for (const client of clients) await client.verify();
    await checkSharedCounts(clients);

    const rows = recount(conduit.databasePath);
    const { articlesCount } = (await conduit.request("GET", "/api/articles?limit=1")).json;
    assert.equal(articlesCount, rows.articles);
    assert.equal(rows.articles, sum(clients, (client) => client.articles.size) + 5);
    assert.equal(
      rows.comments,
      sum(clients, (client) => client.comments.size),
    );
    assert.equal(
      rows.favorites,
      sum(clients, (client) => client.favorites.size),
    );
    assert.equal(
      rows.follows,
      sum(clients, (client) => client.follows.size),
    );
    assert.equal(rows.users, CLIENTS + 1);
    assert.equal(rows.tags, (await conduit.request("GET", "/api/tags")).json.tags.length);
    const tagged = (await conduit.request("GET", "/api/articles?tag=load&limit=0")).json.articlesCount;
    assert.equal(tagged, rows.articles - 5);

    for (const client of clients) client.disconnect();
    assert.equal(conduit.process.stderr, "", "the server logged warnings or errors");
  },
);

async function checkSharedCounts(clients: readonly LoadClient[]): Promise<void> {
  const { articles } = (await conduit.request("GET", "/api/articles?author=owner")).json;
  assert.equal(articles.length, 5);
  for (const article of articles) {
    assert.equal(
      article.favoritesCount,
      sum(clients, (client) => (client.favorites.has(article.slug) ? 1 : 0)),
    );
  }
}

function sum(clients: readonly LoadClient[], value: (client: LoadClient) => number): number {
  return clients.reduce((total, client) => total + value(client), 0);
}
