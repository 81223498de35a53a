/** LOGIN_LIMIT and TRUSTED_PROXIES: how often one address may try to log in, and whose address it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Conduit, JWT_SECRET, type Answer } from "./harness.ts";

const LIMIT = 3;

async function withConduit(
  env: Readonly<Record<string, string>>,
  body: (conduit: Conduit) => Promise<void>,
): Promise<any[]> {
  const conduit = await Conduit.start({ env: { JWT_SECRET, LOG_LEVEL: "info", ...env } });
  await body(conduit);
  await conduit.stop();
  const lines = conduit.process.stderr.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line)).filter((line) => line.method !== undefined);
}

function logIn(conduit: Conduit, from = "192.0.2.1", fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const user = { email: "nobody@example.com", password: "a wrong password" };
  return conduit.request("POST", "/api/users/login", {
    json: { user },
    fields: { "x-forwarded-for": from, ...fields },
  });
}

async function statuses(answers: ReadonlyArray<Promise<Answer>>): Promise<number[]> {
  return (await Promise.all(answers)).map((answer) => answer.status).toSorted((a, b) => a - b);
}

test("by default nobody is limited, and nothing of the limit is told", async () => {
  await withConduit({}, async (conduit) => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => logIn(conduit)));
    for (const { status, fields } of answers) {
      assert.equal(status, 401);
      assert.equal(fields["ratelimit"], undefined);
      assert.equal(fields["x-request-id"], undefined);
    }
  });
});

test("beyond the limit an address gets 429 in the shape of errors, and may still read", async () => {
  await withConduit({ LOGIN_LIMIT: String(LIMIT) }, async (conduit) => {
    assert.deepEqual(await statuses(Array.from({ length: 5 }, () => logIn(conduit))), [401, 401, 401, 429, 429]);
    const refused = await logIn(conduit, "192.0.2.2");
    assert.equal(refused.status, 429, "what a client says of its address counts for nothing");
    assert.deepEqual(refused.json, { errors: { request: ["came too often"] } });
    assert.match(String(refused.fields["retry-after"]), /^(?:1\d|20)$/);
    assert.match(String(refused.fields["ratelimit"]), /^"login";r=0;t=\d+$/);
    const user = { username: "anna", email: "anna@example.com", password: "correct horse battery" };
    assert.equal((await conduit.request("POST", "/api/users", { json: { user } })).status, 429);
    assert.equal((await conduit.request("GET", "/api/articles")).status, 200);
  });
});

test("behind a trusted proxy each of its clients has a limit of its own, and the log has their addresses", async () => {
  const env = { LOGIN_LIMIT: String(LIMIT), TRUSTED_PROXIES: "unix, 127.0.0.0/8" };
  const lines = await withConduit(env, async (conduit) => {
    assert.deepEqual(await statuses(Array.from({ length: 4 }, () => logIn(conduit))), [401, 401, 401, 429]);
    assert.equal((await logIn(conduit, "192.0.2.1, 192.0.2.2")).status, 401);
    const answer = await logIn(conduit, "2001:DB8::1", { "x-request-id": "from-the-proxy" });
    assert.deepEqual([answer.status, answer.fields["x-request-id"]], [401, "from-the-proxy"]);
  });
  const last = lines.at(-1);
  assert.deepEqual([last.client, last.id], ["2001:db8::1", "from-the-proxy"]);
  assert.deepEqual([...new Set(lines.map((line) => line.client))], ["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
});

test("the limit holds for all processes on one database, also after a restart", async () => {
  const conduit = await Conduit.start({ env: { JWT_SECRET, LOGIN_LIMIT: String(LIMIT) } });
  const second = await Conduit.start({ env: { JWT_SECRET, LOGIN_LIMIT: String(LIMIT) }, directory: conduit.directory });
  const tries = Array.from({ length: 8 }, (_, at) => logIn(at % 2 === 0 ? conduit : second));
  assert.deepEqual(await statuses(tries), [401, 401, 401, 429, 429, 429, 429, 429]);
  await second.stop();
  await conduit.stop();
  await conduit.restart();
  assert.equal((await logIn(conduit)).status, 429);
  await conduit.stop();
});
