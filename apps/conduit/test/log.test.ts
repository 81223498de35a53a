/** The log on standard error: JSON lines, one for each request at level info, and no secret in any of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Conduit, JWT_SECRET } from "./harness.ts";

const PASSWORD = "a password that nobody may read";

async function logOf(level: string, use: (conduit: Conduit) => Promise<void>): Promise<any[]> {
  const conduit = await Conduit.start({ env: { JWT_SECRET, LOG_LEVEL: level } });
  await use(conduit);
  await conduit.stop();
  const { stderr } = conduit.process;
  return stderr
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

test("has one line for each request, with method, path, status, bytes and duration", async () => {
  const lines = await logOf("info", async (conduit) => {
    await conduit.request("GET", "/api/tags");
    await conduit.request("GET", "/api/articles/absent");
    await conduit.request("POST", "/api/users", { raw: "{" });
    await conduit.request("OPTIONS", "/api/users");
  });
  const requests = lines.filter((line) => line.method !== undefined);
  assert.deepEqual(
    requests.map((line) => [line.method, line.path, line.status]),
    [
      ["GET", "/api/tags", 200],
      ["GET", "/api/articles/absent", 404],
      ["POST", "/api/users", 400],
      ["OPTIONS", "/api/users", 204],
    ],
  );
  for (const line of requests) {
    assert.equal(typeof line.durationMs, "number");
    assert.equal(typeof line.bytes, "number");
  }
  assert.equal(new Set(requests.map((line) => line.id ?? line.requestId)).size, requests.length);
});

test("has no password, token, key or query in it, at any level", async () => {
  for (const level of ["info", "debug"]) {
    const secrets: string[] = [PASSWORD, JWT_SECRET];
    const lines = await logOf(level, async (conduit) => {
      const user = await conduit.register({ password: PASSWORD });
      secrets.push(user.token, user.email);
      const credentials = { user: { email: user.email, password: PASSWORD } };
      await conduit.request("POST", "/api/users/login", { json: credentials });
      await conduit.request("GET", "/api/user", { token: user.token });
      await conduit.request("GET", "/api/user", { token: `${user.token}x` });
      await conduit.request("PUT", "/api/user", { token: user.token, json: { user: { password: `${PASSWORD} too` } } });
      await conduit.request("GET", "/api/articles?token=query-secret&tag=x");
      secrets.push("query-secret");
    });
    const text = JSON.stringify(lines);
    for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} is in the log at level ${level}`);
  }
});

test("is silent at level warn when everything goes well, and when clients make mistakes", async () => {
  const lines = await logOf("warn", async (conduit) => {
    const user = await conduit.register();
    await conduit.publish(user);
    await conduit.request("GET", "/api/articles/absent");
    await conduit.request("POST", "/api/users", { raw: "{" });
    await conduit.request("GET", "/api/user", { token: "bad" });
  });
  assert.deepEqual(lines, []);
});

test("cannot be forged by a path or a name", async () => {
  const lines = await logOf("info", async (conduit) => {
    await conduit.request("GET", '/api/articles/","status":200%7D');
    await conduit.request("GET", "/api/profiles/%1b[2J%85");
    // A path with a line end in it is no request.
    await conduit.request("GET", "/api/articles/%0A%7B%22status%22:200%7D");
  });
  const requests = lines.filter((line) => line.method !== undefined);
  assert.deepEqual(
    requests.map((line) => line.status),
    [404, 400],
  );
  assert.equal(lines.filter((line) => line.code === "ERR_HTTP_TARGET").length, 1);
});
