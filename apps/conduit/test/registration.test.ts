/** POST /api/users: what is created, what is refused, and that nothing refused is stored. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer } from "./harness.ts";
import { assertErrors, assertRefused, assertUser, only } from "./shapes.ts";

const conduit = await conduitForFile();
const BLANK = ["can't be blank"];
const TAKEN = ["has already been taken"];

function register(user: unknown): Promise<Answer> {
  return conduit.request("POST", "/api/users", { json: { user } });
}

function draft(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const name = conduit.uniqueName("draft");
  return { username: name, email: `${name}@example.com`, password: "long enough", ...fields };
}

/** Registers what must be refused, and looks whether the name or the address was stored all the same. */
async function refuse(user: Record<string, unknown>): Promise<Answer> {
  const answer = await register(user);
  assert.ok(answer.status >= 400, answer.text);
  if (typeof user["username"] === "string" && user["username"].trim() !== "") {
    const path = `/api/profiles/${encodeURIComponent(user["username"].toWellFormed())}`;
    assert.notEqual((await conduit.request("GET", path)).status, 200, `${path} was stored`);
  }
  return answer;
}

test("registers a user and answers 201 with the user and a token that works", async () => {
  const answer = await register({ username: "Jacob", email: "Jacob@Example.com", password: "jakejake" });
  const user = only(answer, 201, "user");
  assertUser(user);
  assert.deepEqual(
    { ...user, token: "" },
    { username: "Jacob", email: "Jacob@Example.com", bio: null, image: null, token: "" },
  );
  const current = await conduit.request("GET", "/api/user", { token: user.token });
  assert.equal(only(current, 200, "user").username, "Jacob");
  assert.ok(!answer.text.includes("jakejake"));
});

test("ignores fields that it does not know, among them bio, image, id and token", async () => {
  const user = only(await register(draft({ id: 1, token: "x", admin: true, __proto__: { x: 1 } })), 201, "user");
  assertUser(user);
  assert.notEqual(user.token, "x");
});

for (const field of ["username", "email", "password"]) {
  for (const [name, value] of [
    ["missing", undefined],
    ["empty", ""],
    ["null", null],
  ] as const) {
    test(`refuses a registration whose ${field} is ${name}: can't be blank`, async () => {
      assertErrors(await refuse(draft({ [field]: value })), 422, { [field]: BLANK });
    });
  }

  for (const value of [5, true, [], ["x"], {}, { $ne: null }, 1.5, 1e300]) {
    test(`refuses a registration whose ${field} is ${JSON.stringify(value)}`, async () => {
      assertRefused(await refuse(draft({ [field]: value })), field);
    });
  }

  test(`refuses a registration whose ${field} has U+0000`, async () => {
    const nul = field === "email" ? "a\u0000b@example.com" : "with\u0000nul and more";
    assertRefused(await refuse(draft({ [field]: nul })), field);
  });

  test(`refuses a registration whose ${field} has a lone surrogate`, async () => {
    const value = field === "email" ? "\\ud83dx@example.com" : "lone\\ud83dsurrogate";
    const user = draft({ [field]: "HERE" });
    const raw = JSON.stringify({ user }).replace("HERE", value);
    assertRefused(await conduit.request("POST", "/api/users", { raw }), field);
  });

  test(`refuses a registration whose ${field} is far too long`, async () => {
    const value = field === "email" ? `${"a".repeat(5000)}@example.com` : "a".repeat(5000);
    assertRefused(await refuse(draft({ [field]: value })), field);
  });
}

test("refuses white space alone as a username and as an e-mail address", async () => {
  assertErrors(await register(draft({ username: " \t " })), 422, { username: BLANK });
  assertRefused(await register(draft({ email: "   " })), "email");
});

test("names every blank field in one answer", async () => {
  const all = { username: BLANK, email: BLANK, password: BLANK };
  assertErrors(await register({}), 422, all);
  assertErrors(await register({ username: "", email: null }), 422, all);
});

test("treats a content without user, or with user null, as one whose fields are all blank", async () => {
  const all = { username: BLANK, email: BLANK, password: BLANK };
  assertErrors(await conduit.request("POST", "/api/users", { json: {} }), 422, all);
  assertErrors(await register(null), 422, all);
});

for (const value of ["x", 5, [], [{}], true]) {
  test(`refuses ${JSON.stringify(value)} in the place of the user with 422`, async () => {
    assert.equal((await register(value)).status, 422);
  });
}

for (const email of ["no-at-sign", "@example.com", "a@", "a b@example.com", "a@b@c", "a@example.com\nBcc: x@y.z"]) {
  test(`refuses ${JSON.stringify(email)} as an e-mail address`, async () => {
    assertErrors(await refuse(draft({ email })), 422, { email: ["is invalid"] });
  });
}

for (const email of ["a+tag@example.com", "o'brien@example.co.uk", "x@localhost.localdomain", "用户@例え.jp"]) {
  test(`accepts ${email} as an e-mail address`, async () => {
    assert.equal(only(await register(draft({ email })), 201, "user").email, email);
  });
}

test("answers 409 for a username that is taken, in any case, and stores nothing", async () => {
  const { username } = await conduit.register({ username: "TakenName" });
  for (const same of [username, "takenname", "TAKENNAME"]) {
    const user = draft({ username: same });
    assertErrors(await register(user), 409, { username: TAKEN });
    const login = { email: user["email"], password: user["password"] };
    assert.equal((await conduit.request("POST", "/api/users/login", { json: { user: login } })).status, 401);
  }
});

test("answers 409 for an e-mail address that is taken, in any case, and stores nothing", async () => {
  await conduit.register({ email: "Taken@Example.com" });
  for (const email of ["Taken@Example.com", "taken@example.com", "TAKEN@EXAMPLE.COM"]) {
    assertErrors(await refuse(draft({ email })), 409, { email: TAKEN });
  }
});

test("compares usernames without regard to case in every script", async () => {
  await conduit.register({ username: "Ärger" });
  assertErrors(await register(draft({ username: "äRGER" })), 409, { username: TAKEN });
  await conduit.register({ username: "ЖУК" });
  assertErrors(await register(draft({ username: "жук" })), 409, { username: TAKEN });
});

test("takes the two Unicode forms of one username for the same", async () => {
  await conduit.register({ username: "Zo\u00eb" });
  assertErrors(await register(draft({ username: "Zoe\u0308" })), 409, { username: TAKEN });
});

test("names the username, the address or both when both are taken", async () => {
  const { username, email } = await conduit.register();
  const answer = await register({ username, email, password: "long enough" });
  assert.equal(answer.status, 409);
  for (const [key, messages] of Object.entries(answer.json.errors)) {
    assert.ok(key === "username" || key === "email", key);
    assert.deepEqual(messages, TAKEN);
  }
});

test("checks the content before it looks for a conflict", async () => {
  const { username } = await conduit.register();
  assertErrors(await register({ username, email: "new@example.com", password: "" }), 422, { password: BLANK });
});

test("keeps usernames in any script, and emoji, as they were typed", async () => {
  for (const username of ["ЖanŻ", "日本語の名前", "a.b-c_d", "family 👨‍👩‍👧", "O'Neil & Söhne"]) {
    assert.equal(only(await register(draft({ username })), 201, "user").username, username);
    const profile = await conduit.request("GET", `/api/profiles/${encodeURIComponent(username)}`);
    assert.equal(only(profile, 200, "profile").username, username);
  }
});

test("stores an emoji that came as two escapes as one character", async () => {
  const user = draft({ username: "HERE" });
  const raw = JSON.stringify({ user }).replace("HERE", "smile \\ud83d\\ude00");
  const answer = await conduit.request("POST", "/api/users", { raw });
  assert.equal(only(answer, 201, "user").username, "smile 😀");
  assert.equal(answer.bytes.indexOf(Buffer.from("😀", "utf8")) > 0 || answer.text.includes("\\ud83d\\ude00"), true);
});

const SHORT = ["is too short (minimum is 8 characters)"];

for (const [name, password, status] of [
  ["7 characters", "1234567", 422],
  ["8 characters", "12345678", 201],
  ["64 characters", "x".repeat(64), 201],
  ["65 characters", "x".repeat(65), 201],
  ["1,024 bytes", "x".repeat(1024), 201],
  ["1,025 bytes", "x".repeat(1025), 422],
  ["512 characters of two bytes", "ж".repeat(512), 201],
  ["513 characters of two bytes", "ж".repeat(513), 422],
  ["8 spaces", "        ", 201],
  ["7 emoji, which are 14 units of UTF-16", "😀".repeat(7), 422],
  ["8 emoji", "😀".repeat(8), 201],
  ["8 equal digits: there are no composition rules", "11111111", 201],
] as const) {
  test(`answers ${status} for a password of ${name}`, async () => {
    const user = draft({ password });
    const answer = await register(user);
    if (status === 201) {
      assert.equal(answer.status, 201, answer.text);
      const login = await conduit.request("POST", "/api/users/login", { json: { user } });
      assert.equal(login.status, 200, login.text);
    } else {
      assertRefused(answer, "password");
      if ([...password].length < 8) assertErrors(answer, 422, { password: SHORT });
      const login = await conduit.request("POST", "/api/users/login", { json: { user } });
      assert.equal(login.status, 401);
    }
  });
}

test("does not cut long passwords: the last of 100 bytes counts", async () => {
  const user = await conduit.register({ password: `${"x".repeat(99)}1` });
  const login = { email: user.email, password: `${"x".repeat(99)}2` };
  assertErrors(await conduit.request("POST", "/api/users/login", { json: { user: login } }), 401, {
    credentials: ["invalid"],
  });
});
