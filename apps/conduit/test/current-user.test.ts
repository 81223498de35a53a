/** GET and PUT /api/user. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer, type TestUser } from "./harness.ts";
import { assertErrors, assertRefused, assertUser, only } from "./shapes.ts";

const conduit = await conduitForFile();
const owner = await conduit.register();
const BLANK = ["can't be blank"];
const TAKEN = ["has already been taken"];

function update(user: TestUser, fields: unknown): Promise<Answer> {
  return conduit.request("PUT", "/api/user", { token: user.token, json: { user: fields } });
}

async function read(user: TestUser): Promise<any> {
  const found = only(await conduit.request("GET", "/api/user", { token: user.token }), 200, "user");
  assertUser(found);
  const { token: _token, ...rest } = found;
  return rest;
}

test("gives the current user with a token that works", async () => {
  const user = only(await conduit.request("GET", "/api/user", { token: owner.token }), 200, "user");
  assertUser(user);
  assert.equal(user.email, owner.email);
  assert.equal((await conduit.request("GET", "/api/user", { token: user.token })).status, 200);
});

test("changes each field alone and keeps the others", async () => {
  const user = await conduit.register();
  const before = await read(user);
  for (const [field, value] of Object.entries({
    bio: "Line 1\nLine 2",
    image: "https://example.com/a.png",
    email: "changed@example.com",
    username: "changed",
  })) {
    const answer = only(await update(user, { [field]: value }), 200, "user");
    assertUser(answer);
    before[field] = value;
    assert.deepEqual(await read(user), before);
    assert.equal((await conduit.request("GET", "/api/user", { token: answer.token })).status, 200);
  }
});

test("changes all fields at once, and the old name and password are free and void", async () => {
  const user = await conduit.register();
  const fields = {
    email: "all@example.com",
    username: "all at once",
    password: "another password",
    bio: "b",
    image: "i",
  };
  const { password, ...rest } = fields;
  assert.equal((await update(user, fields)).status, 200);
  assert.deepEqual(await read(user), rest);
  const login = (email: string, secret: string): Promise<Answer> =>
    conduit.request("POST", "/api/users/login", { json: { user: { email, password: secret } } });
  assert.equal((await login(fields.email, password)).status, 200);
  assert.equal((await login(fields.email, user.password)).status, 401);
  assert.equal((await login(user.email, password)).status, 401);
  assert.equal((await conduit.request("GET", `/api/profiles/${user.username}`)).status, 404);
  await conduit.register({ username: user.username, email: user.email });
});

for (const field of ["bio", "image"]) {
  for (const value of [null, ""]) {
    test(`${JSON.stringify(value)} clears ${field}, which is null from then on`, async () => {
      const user = await conduit.register();
      assert.equal(only(await update(user, { [field]: "something" }), 200, "user")[field], "something");
      assert.equal(only(await update(user, { [field]: value }), 200, "user")[field], null);
      assert.equal((await read(user))[field], null);
      const profile = await conduit.request("GET", `/api/profiles/${user.username}`);
      assert.equal(only(profile, 200, "profile")[field], null);
    });
  }

  for (const value of [5, false, [], {}, ["x"]]) {
    test(`refuses ${JSON.stringify(value)} as ${field} and keeps what was there`, async () => {
      const before = await read(owner);
      assertRefused(await update(owner, { [field]: value, username: "not stored" }), field);
      assert.deepEqual(await read(owner), before);
    });
  }
}

for (const field of ["email", "username", "password"]) {
  for (const value of [null, ""]) {
    test(`refuses ${JSON.stringify(value)} as ${field}: can't be blank`, async () => {
      const before = await read(owner);
      assertErrors(await update(owner, { [field]: value, bio: "not stored" }), 422, { [field]: BLANK });
      assert.deepEqual(await read(owner), before);
    });
  }

  for (const value of [5, true, [], {}]) {
    test(`refuses ${JSON.stringify(value)} as ${field} and keeps what was there`, async () => {
      const before = await read(owner);
      assertRefused(await update(owner, { [field]: value, bio: "not stored" }), field);
      assert.deepEqual(await read(owner), before);
    });
  }
}

for (const field of ["email", "username", "password", "bio", "image"]) {
  test(`refuses a ${field} with U+0000, with a lone surrogate, or far too long`, async () => {
    const before = await read(owner);
    const end = field === "email" ? "@example.com" : "";
    for (const value of ["long enough\\u0000", "long enough\\udc00", "x".repeat(200_000)]) {
      const raw = `{"user":{"${field}":"${value}${end}"}}`;
      assertRefused(await conduit.request("PUT", "/api/user", { token: owner.token, raw }), field);
    }
    assert.deepEqual(await read(owner), before);
  });
}

test("refuses a password that is too short, and the old one stays good", async () => {
  const user = await conduit.register();
  assertErrors(await update(user, { password: "1234567" }), 422, {
    password: ["is too short (minimum is 8 characters)"],
  });
  const login = { email: user.email, password: user.password };
  assert.equal((await conduit.request("POST", "/api/users/login", { json: { user: login } })).status, 200);
});

test("refuses an address that is none", async () => {
  assertErrors(await update(owner, { email: "none" }), 422, { email: ["is invalid"] });
});

test("answers 409 for another's username or address, in any case, and stores nothing of the request", async () => {
  const other = await conduit.register({ username: "OtherName", email: "Other@example.com" });
  const before = await read(owner);
  assertErrors(await update(owner, { username: "othername", bio: "x" }), 409, { username: TAKEN });
  assertErrors(await update(owner, { email: "OTHER@example.com", bio: "x" }), 409, { email: TAKEN });
  assert.deepEqual(await read(owner), before);
  assert.equal((await read(other)).username, "OtherName");
});

test("lets a user keep the own name and address, also in another case", async () => {
  const user = await conduit.register({ username: "MixedCase", email: "Mixed@example.com" });
  const fields = { username: "mixedCASE", email: "mixed@EXAMPLE.com" };
  const found = only(await update(user, fields), 200, "user");
  assert.equal(found.username, "mixedCASE");
  assert.equal(found.email, "mixed@EXAMPLE.com");
});

test("keeps everything for an update without fields", async () => {
  const before = await read(owner);
  for (const fields of [{}, { unknown: 1, token: "x", id: 7 }]) {
    assert.equal((await update(owner, fields)).status, 200);
    assert.deepEqual(await read(owner), before);
  }
});

test("refuses an update whose user is no object, and keeps everything", async () => {
  const before = await read(owner);
  for (const fields of ["x", 5, [], true]) {
    assert.equal((await update(owner, fields)).status, 422);
    assert.deepEqual(await read(owner), before);
  }
});

test("stores any string as image, hostile ones too, as it is", async () => {
  for (const image of ["javascript:alert(1)", '"><script>alert(1)</script>', "not a url", "data:text/html,<b>"]) {
    assert.equal(only(await update(owner, { image }), 200, "user").image, image);
    assert.equal((await read(owner)).image, image);
  }
});

test("a changed name shows in profile, articles and comments", async () => {
  const user = await conduit.register();
  const article = await conduit.publish(user);
  await conduit.request("POST", `/api/articles/${article.slug}/comments`, {
    token: user.token,
    json: { comment: { body: "mine" } },
  });
  assert.equal((await update(user, { username: "renamed", bio: "new bio" })).status, 200);
  const found = only(await conduit.request("GET", `/api/articles/${article.slug}`), 200, "article");
  assert.deepEqual(found.author, { username: "renamed", bio: "new bio", image: null, following: false });
  const list = await conduit.request("GET", "/api/articles?author=renamed");
  assert.equal(list.json.articlesCount, 1);
  const comments = only(await conduit.request("GET", `/api/articles/${article.slug}/comments`), 200, "comments");
  assert.equal(comments[0].author.username, "renamed");
});

for (const method of ["GET", "PUT"]) {
  test(`${method} answers 401 without a token`, async () => {
    assertErrors(await conduit.request(method, "/api/user"), 401, { token: ["is missing"] });
  });
}

test("an old token is good after the name, the address and the bio have changed", async () => {
  const user = await conduit.register();
  await update(user, { username: "token name", email: "token@example.com" });
  assert.equal((await read(user)).username, "token name");
});
