/** The load on the real Conduit, and on a server that answers wrongly. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { Conduit } from "../apps/conduit/test/harness.ts";
import { runMixedLoad } from "./mixed-load.ts";

const SEED = 11;

test("Conduit answers a mixed load without a fault, clients that go away among it", { timeout: 60_000 }, async () => {
  const conduit = await Conduit.start();
  const options = { url: conduit.url, seconds: 2, clients: 20, seed: SEED, signal: new AbortController().signal };
  const result = await runMixedLoad(options);
  assert.deepEqual(result.faultTexts, []);
  assert.ok(result.requests > 100 && result.aborted > 0, `found ${result.requests} and ${result.aborted}`);
  assert.deepEqual(
    [...result.byStatus.keys()].filter((status) => ![200, 201, 204, 400].includes(status)),
    [],
  );
  const { json } = await conduit.request("GET", "/api/articles?limit=1");
  assert.equal(json.articlesCount, 21, "what was published is not taken back");
  await conduit.stop();
});

test("wrong answers are faults, and an end from outside ends it", { timeout: 60_000 }, async () => {
  const stop = new AbortController();
  let answers = 0;
  const server = createServer((request, response) => {
    request.resume();
    if (++answers > 100) stop.abort();
    const made = { user: { token: "t" }, article: { slug: "s" }, comment: { id: 1 } };
    response.writeHead(request.method === "POST" ? 201 : 500).end(JSON.stringify(made));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  const result = await runMixedLoad({ url, seconds: 60, clients: 5, seed: SEED, signal: stop.signal });
  assert.ok(result.faults > 0 && result.seconds < 50, `found ${result.faults} faults in ${result.seconds} s`);
  assert.match(result.faultTexts.join("\n"), /found 500 .*, wanted 200/);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
