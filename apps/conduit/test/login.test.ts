/** POST /api/users/login. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer } from "./harness.ts";
import { assertErrors, assertUser, only } from "./shapes.ts";

const conduit = await conduitForFile();
const user = await conduit.register({ username: "Login", email: "Log.In@Example.com", password: "pass word 1" });
const BLANK = ["can't be blank"];
const INVALID = { credentials: ["invalid"] };

function login(content: unknown): Promise<Answer> {
  return conduit.request("POST", "/api/users/login", { json: { user: content } });
}

test("answers 200 with the user and a token that works", async () => {
  const found = only(await login({ email: user.email, password: user.password }), 200, "user");
  assertUser(found);
  assert.equal(found.username, "Login");
  assert.equal(found.email, "Log.In@Example.com");
  assert.equal((await conduit.request("GET", "/api/user", { token: found.token })).status, 200);
});

test("finds the address in any case", async () => {
  for (const email of ["log.in@example.com", "LOG.IN@EXAMPLE.COM"]) {
    assert.equal((await login({ email, password: user.password })).status, 200);
  }
});

test("takes a password for the same whichever Unicode form the keyboard gave it", async () => {
  const { email } = await conduit.register({ password: "\u00e9t\u00e9 \u00e0 No\u00ebl" });
  const password = "e\u0301te\u0301 a\u0300 Noe\u0308l";
  assert.equal((await login({ email, password })).status, 200);
});

for (const field of ["email", "password"]) {
  for (const value of [undefined, "", null]) {
    test(`answers 422 for ${field} ${JSON.stringify(value) ?? "missing"}`, async () => {
      const answer = await login({ email: user.email, password: user.password, [field]: value });
      assertErrors(answer, 422, { [field]: BLANK });
    });
  }

  for (const value of [5, true, [], {}, { $gt: "" }, ["x"]]) {
    test(`answers 422 for ${field} ${JSON.stringify(value)}`, async () => {
      const answer = await login({ email: user.email, password: user.password, [field]: value });
      assert.equal(answer.status, 422, answer.text);
      assert.deepEqual(Object.keys(answer.json.errors), [field]);
    });
  }
}

test("names both fields when both are blank or missing", async () => {
  for (const content of [{}, { email: "", password: "" }, null]) {
    assertErrors(await login(content), 422, { email: BLANK, password: BLANK });
  }
});

for (const [name, content] of [
  ["a wrong password", { email: user.email, password: "pass word 2" }],
  ["the password in another case", { email: user.email, password: "PASS WORD 1" }],
  ["the password with a space after it", { email: user.email, password: "pass word 1 " }],
  ["a short password", { email: user.email, password: "x" }],
  ["an unknown address", { email: "nobody@example.com", password: user.password }],
  ["the username in the place of the address", { email: "Login", password: user.password }],
  ["an address that is none", { email: "' or 1=1 --", password: user.password }],
] as const) {
  test(`answers 401 credentials invalid for ${name}`, async () => {
    assertErrors(await login(content), 401, INVALID);
  });
}

test("gives the same answer, byte by byte, for an unknown address and a wrong password", async () => {
  const known = await login({ email: user.email, password: "wrong password" });
  const unknown = await login({ email: "nobody@example.com", password: "wrong password" });
  assert.equal(known.text, unknown.text);
  const names = (answer: Answer): string[] => Object.keys(answer.fields).sort();
  assert.deepEqual(names(known), names(unknown));
});

test("takes the same time for an unknown address as for a wrong password", async () => {
  const addresses = { known: user.email, unknown: "nobody@example.com" };
  // The quickest of each: what else the machine does only ever adds time.
  const quickestMs = { known: Infinity, unknown: Infinity };
  for (let round = 0; round < 12; round += 1) {
    for (const which of ["known", "unknown"] as const) {
      const start = performance.now();
      await login({ email: addresses[which], password: "wrong password" });
      quickestMs[which] = Math.min(quickestMs[which], performance.now() - start);
    }
  }
  const ratio = quickestMs.known / quickestMs.unknown;
  assert.ok(ratio > 0.5 && ratio < 2, `known / unknown = ${ratio}`);
});

test("refuses values that are hostile to a database as it refuses any other", async () => {
  for (const email of ["%@example.com", "_og.in@example.com", "log.in@example.com'; drop table users; --"]) {
    assertErrors(await login({ email, password: user.password }), 401, INVALID);
  }
  assert.equal((await login({ email: user.email, password: user.password })).status, 200);
});
