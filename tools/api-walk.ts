import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { ApiSession } from "./api-session.ts";

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const BLANK = ["can't be blank"];

interface Account {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  token: string;
}

/**
 * Goes through every endpoint of Conduit, its success and its refusals. All names are new in each walk, so that it
 * can be repeated on one database. The order matters: later steps use what earlier ones made.
 */
export async function walkApi(api: ApiSession): Promise<void> {
  const mark = randomUUID().slice(0, 8);
  const ann = account(`ann-${mark}`);
  const bob = account(`bob-${mark}`);
  await walkUsers(api, ann, bob);
  await walkProfiles(api, ann, bob);
  await walkArticles(api, mark, ann, bob);
  await walkRefusals(api, mark, ann);
}

function account(name: string): Account {
  return { name, email: `${name}@example.test`, password: `password of ${name}`, token: "" };
}

async function walkUsers(api: ApiSession, ann: Account, bob: Account): Promise<void> {
  const register = ({ name, email, password }: Account) => ({ user: { username: name, email, password } });
  const login = ({ email, password }: Account) => ({ user: { email, password } });

  for (const who of [ann, bob]) {
    await api.step(`POST /users registers ${who.name}`, async () => {
      const { body } = await api.send("POST", "/users", 201, { json: register(who) });
      who.token = body.user.token;
      assertUser(body.user, { email: who.email, username: who.name, bio: null, image: null });
    });
  }
  await api.step("POST /users refuses a name and an address that are taken, in any case", async () => {
    const other = { username: `${ann.name}-2`, email: `2-${ann.email}`, password: ann.password };
    const taken = ["has already been taken"];
    const name = { user: { ...other, username: ann.name.toUpperCase() } };
    await api.refuse("POST", "/users", 409, { username: taken }, { json: name });
    const email = { user: { ...other, email: ann.email.toUpperCase() } };
    await api.refuse("POST", "/users", 409, { email: taken }, { json: email });
  });
  await api.step("POST /users refuses blank fields and a short password", async () => {
    const blank = { user: { username: "", email: null } };
    await api.refuse("POST", "/users", 422, { username: BLANK, email: BLANK, password: BLANK }, { json: blank });
    const short = { user: { username: `${ann.name}-3`, email: `3-${ann.email}`, password: "1234567" } };
    const message = ["is too short (minimum is 8 characters)"];
    await api.refuse("POST", "/users", 422, { password: message }, { json: short });
  });
  await api.step("POST /users/login gives a token that works", async () => {
    const { body } = await api.send("POST", "/users/login", 200, { json: login(ann) });
    ann.token = body.user.token;
    assertUser(body.user, { email: ann.email, username: ann.name });
  });
  await api.step("POST /users/login refuses a wrong password and an unknown address alike", async () => {
    const wrong = { json: { user: { email: ann.email, password: "not the password" } } };
    await api.refuse("POST", "/users/login", 401, { credentials: ["invalid"] }, wrong);
    const unknown = { json: { user: { email: `no-${ann.email}`, password: ann.password } } };
    await api.refuse("POST", "/users/login", 401, { credentials: ["invalid"] }, unknown);
    await api.refuse(
      "POST",
      "/users/login",
      422,
      { password: BLANK },
      { json: { user: { email: ann.email, password: "" } } },
    );
  });
  await api.step("GET /user answers the owner of the token, and nobody else", async () => {
    const { body } = await api.send("GET", "/user", 200, { token: ann.token });
    assertUser(body.user, { email: ann.email, username: ann.name });
    await api.refuse("GET", "/user", 401, { token: ["is missing"] });
    await api.refuse("GET", "/user", 401, { token: ["is invalid"] }, { token: `${ann.token}x` });
  });
  await api.step("PUT /user sets what it is given, keeps the rest and clears with null", async () => {
    const set = { token: ann.token, json: { user: { bio: "writes", image: "https://example.test/ann.png" } } };
    const changed = (await api.send("PUT", "/user", 200, set)).body.user;
    assertUser(changed, { username: ann.name, email: ann.email, bio: "writes", image: "https://example.test/ann.png" });
    ann.token = changed.token;
    const cleared = (await api.send("PUT", "/user", 200, { token: ann.token, json: { user: { bio: null } } })).body
      .user;
    assertUser(cleared, { bio: null, image: "https://example.test/ann.png" });
    ann.token = cleared.token;
    const blank = { token: ann.token, json: { user: { email: "" } } };
    await api.refuse("PUT", "/user", 422, { email: BLANK }, blank);
    const taken = { token: ann.token, json: { user: { username: bob.name } } };
    await api.refuse("PUT", "/user", 409, { username: ["has already been taken"] }, taken);
  });
}

async function walkProfiles(api: ApiSession, ann: Account, bob: Account): Promise<void> {
  const path = `/profiles/${bob.name}`;
  const profile = (following: boolean) => ({ profile: { username: bob.name, bio: null, image: null, following } });

  await api.step("GET /profiles/:username answers anyone", async () => {
    assert.deepEqual((await api.send("GET", path, 200)).body, profile(false));
    await api.refuse("GET", `/profiles/no-${bob.name}`, 404, { profile: ["not found"] });
  });
  await api.step("POST and DELETE /profiles/:username/follow may be repeated", async () => {
    for (const [method, following] of [
      ["DELETE", false],
      ["POST", true],
      ["POST", true],
    ] as const) {
      const { body } = await api.send(method, `${path}/follow`, 200, { token: ann.token });
      assert.deepEqual(body, profile(following));
    }
    assert.deepEqual((await api.send("GET", path, 200, { token: ann.token })).body, profile(true));
    await api.refuse("POST", `${path}/follow`, 401, { token: ["is missing"] });
  });
  await api.step("POST /profiles/:username/follow refuses oneself", async () => {
    await api.send("POST", `/profiles/${ann.name}/follow`, 422, { token: ann.token });
  });
}

async function walkArticles(api: ApiSession, mark: string, ann: Account, bob: Account): Promise<void> {
  const tag = `tag-${mark}`;
  let slug = "";
  let createdAt = "";
  let updatedAt = "";

  await api.step("POST /articles makes an article with its tags in order", async () => {
    const article = {
      title: `日本語 Walk ${mark}`,
      description: "d",
      body: "b",
      tagList: [tag, "b-tag", "a-tag", tag],
    };
    const found = (await api.send("POST", "/articles", 201, { token: bob.token, json: { article } })).body.article;
    ({ slug, createdAt, updatedAt } = found);
    assertArticle(found, { title: article.title, body: "b", tagList: [tag, "b-tag", "a-tag"], favoritesCount: 0 });
    assert.equal(found.author.username, bob.name);
    const blank = { token: bob.token, json: { article: { title: "", description: null } } };
    await api.refuse("POST", "/articles", 422, { title: BLANK, description: BLANK, body: BLANK }, blank);
    await api.refuse("POST", "/articles", 401, { token: ["is missing"] }, { json: { article } });
  });
  const at = () => `/articles/${encodeURIComponent(slug)}`;
  await api.step("POST /articles gives two articles of one title two slugs", async () => {
    const article = { title: `日本語 Walk ${mark}`, description: "d", body: "b" };
    const found = (await api.send("POST", "/articles", 201, { token: bob.token, json: { article } })).body.article;
    assert.notEqual(found.slug, slug);
    assert.deepEqual(found.tagList, []);
    await api.send("DELETE", `/articles/${encodeURIComponent(found.slug)}`, 204, { token: bob.token });
  });
  await api.step("GET /articles/:slug answers anyone, with the body", async () => {
    assertArticle((await api.send("GET", at(), 200)).body.article, { slug, body: "b", favorited: false, createdAt });
    await api.refuse("GET", `/articles/no-${mark}`, 404, { article: ["not found"] });
  });
  await api.step("GET /articles filters by tag, author and favorited, without bodies", async () => {
    for (const filter of [`tag=${tag}`, `author=${bob.name}`]) {
      const { body } = await api.send("GET", `/articles?${filter}`, 200);
      assert.equal(body.articlesCount, 1, filter);
      assertArticle(body.articles[0], { slug });
      assert.equal("body" in body.articles[0], false, "a list holds no bodies");
    }
    for (const filter of [`favorited=${ann.name}`, `author=no-${mark}`]) {
      assert.deepEqual((await api.send("GET", `/articles?${filter}`, 200)).body, { articles: [], articlesCount: 0 });
    }
  });
  await api.step("GET /articles takes limit and offset and refuses what is no number", async () => {
    const { body } = await api.send("GET", `/articles?tag=${tag}&limit=1&offset=1`, 200);
    assert.deepEqual(body, { articles: [], articlesCount: 1 });
    assert.ok((await api.send("GET", "/articles", 200)).body.articles.length <= 20);
    for (const name of ["limit", "offset"]) {
      for (const value of ["-1", "many", "1.5"]) {
        const { body: refused } = await api.send("GET", `/articles?${name}=${value}`, 422);
        assert.deepEqual(Object.keys(refused.errors), [name]);
      }
    }
  });
  await api.step("GET /articles/feed holds the articles of those one follows", async () => {
    const { body } = await api.send("GET", "/articles/feed", 200, { token: ann.token });
    assert.deepEqual([body.articlesCount, body.articles.length, body.articles[0].slug], [1, 1, slug]);
    assert.equal(body.articles[0].author.following, true);
    assert.equal((await api.send("GET", "/articles/feed", 200, { token: bob.token })).body.articlesCount, 0);
    await api.refuse("GET", "/articles/feed", 401, { token: ["is missing"] });
  });
  await api.step("POST and DELETE /articles/:slug/favorite may be repeated", async () => {
    const orders = [
      ["POST", true, 1],
      ["POST", true, 1],
      ["DELETE", false, 0],
      ["DELETE", false, 0],
      ["POST", true, 1],
    ] as const;
    for (const [method, favorited, favoritesCount] of orders) {
      const { body } = await api.send(method, `${at()}/favorite`, 200, { token: ann.token });
      assertArticle(body.article, { slug, favorited, favoritesCount, updatedAt });
    }
    const { body } = await api.send("GET", `/articles?favorited=${ann.name}`, 200, { token: ann.token });
    assert.deepEqual([body.articlesCount, body.articles[0].favorited], [1, true]);
  });
  await api.step("PUT /articles/:slug is the author's, keeps what is absent and makes a new slug", async () => {
    const before = slug;
    const title = { token: bob.token, json: { article: { title: `Walked ${mark}` } } };
    await api.refuse("PUT", at(), 403, { article: ["forbidden"] }, { ...title, token: ann.token });
    const changed = (await api.send("PUT", at(), 200, title)).body.article;
    assertArticle(changed, { title: `Walked ${mark}`, body: "b", tagList: [tag, "b-tag", "a-tag"], createdAt });
    assert.notEqual(changed.slug, before);
    assert.notEqual(changed.updatedAt, updatedAt);
    slug = changed.slug;
    await api.refuse("GET", `/articles/${encodeURIComponent(before)}`, 404, { article: ["not found"] });
    await api.send("PUT", at(), 422, { token: bob.token, json: { article: { tagList: null } } });
    const none = (await api.send("PUT", at(), 200, { token: bob.token, json: { article: { tagList: [] } } })).body
      .article;
    assert.deepEqual(none.tagList, []);
    await api.send("PUT", at(), 200, { token: bob.token, json: { article: { tagList: [tag] } } });
  });
  await api.step("GET /tags holds the tags in use", async () => {
    assert.ok((await api.send("GET", "/tags", 200)).body.tags.includes(tag));
  });

  let comment = 0;
  await api.step("POST and GET /articles/:slug/comments, newest first", async () => {
    const json = { comment: { body: "first" } };
    const made = (await api.send("POST", `${at()}/comments`, 201, { token: ann.token, json })).body.comment;
    assertShape(made, ["author", "body", "createdAt", "id", "updatedAt"]);
    assert.ok(Number.isInteger(made.id));
    assert.match(made.createdAt, DATE);
    assert.deepEqual([made.body, made.author.username], ["first", ann.name]);
    comment = made.id;
    const second = { token: bob.token, json: { comment: { body: "second" } } };
    await api.send("POST", `${at()}/comments`, 201, second);
    const { comments } = (await api.send("GET", `${at()}/comments`, 200)).body;
    assert.deepEqual(
      comments.map((one: { body: string }) => one.body),
      ["second", "first"],
    );
    await api.refuse("POST", `${at()}/comments`, 422, { body: BLANK }, { token: ann.token, json: { comment: {} } });
    await api.refuse("GET", `/articles/no-${mark}/comments`, 404, { article: ["not found"] });
  });
  await api.step("DELETE /articles/:slug/comments/:id is the writer's", async () => {
    await api.refuse("DELETE", `${at()}/comments/${comment}`, 403, { comment: ["forbidden"] }, { token: bob.token });
    await api.send("DELETE", `${at()}/comments/${comment}`, 204, { token: ann.token });
    await api.refuse("DELETE", `${at()}/comments/${comment}`, 404, { comment: ["not found"] }, { token: ann.token });
  });
  await api.step("DELETE /articles/:slug is the author's and takes its tags along", async () => {
    await api.refuse("DELETE", at(), 403, { article: ["forbidden"] }, { token: ann.token });
    await api.send("DELETE", at(), 204, { token: bob.token });
    await api.refuse("GET", at(), 404, { article: ["not found"] });
    assert.equal((await api.send("GET", `/articles?favorited=${ann.name}`, 200)).body.articlesCount, 0);
    assert.equal((await api.send("GET", "/tags", 200)).body.tags.includes(tag), false);
  });
}

async function walkRefusals(api: ApiSession, mark: string, ann: Account): Promise<void> {
  await api.step("malformed JSON and a body that is no object are refused", async () => {
    for (const raw of ["{", "[]", '"text"', "null"]) {
      await api.refuse("POST", "/users/login", 400, { body: ["is invalid"] }, { raw });
    }
  });
  await api.step("a wrong type is refused by its field", async () => {
    const { body } = await api.send("POST", "/users", 422, {
      json: { user: { username: { a: 1 }, email: `typed-${mark}@example.test`, password: "long enough" } },
    });
    assert.deepEqual(Object.keys(body.errors), ["username"]);
  });
  await api.step("a bad token is refused where none is needed", async () => {
    await api.refuse("GET", "/articles", 401, { token: ["is invalid"] }, { token: "nonsense" });
  });
  await api.step("authentication is checked before existence, and existence before content", async () => {
    await api.refuse("PUT", `/articles/no-${mark}`, 401, { token: ["is missing"] }, { json: {} });
    const empty = { token: ann.token, json: { article: { title: "" } } };
    await api.refuse("PUT", `/articles/no-${mark}`, 404, { article: ["not found"] }, empty);
  });
  await api.step("OPTIONS answers 204 with the methods and fields that are allowed", async () => {
    const { headers } = await api.send("OPTIONS", "/articles", 204);
    assert.match(headers.get("Access-Control-Allow-Methods") ?? "", /POST/);
    assert.match(headers.get("Access-Control-Allow-Headers") ?? "", /authorization/i);
  });
  await api.step("an unknown route is a 404 in the shape of every error", async () => {
    const { body } = await api.send("GET", `/no-${mark}`, 404);
    assertShape(body, ["errors"]);
  });
}

function assertUser(user: Record<string, unknown>, expected: Record<string, unknown>): void {
  assertShape(user, ["bio", "email", "image", "token", "username"]);
  assertHolds(user, expected);
}

function assertArticle(article: Record<string, unknown>, expected: Record<string, unknown>): void {
  const names = [
    "author",
    "createdAt",
    "description",
    "favorited",
    "favoritesCount",
    "slug",
    "tagList",
    "title",
    "updatedAt",
  ];
  assertShape(article, "body" in article ? ["body", ...names] : names);
  assertShape(article["author"] as object, ["bio", "following", "image", "username"]);
  assert.match(String(article["createdAt"]), DATE);
  assert.match(String(article["updatedAt"]), DATE);
  assertHolds(article, expected);
}

function assertShape(value: object, names: readonly string[]): void {
  assert.deepEqual(Object.keys(value).sort(), names.toSorted());
}

function assertHolds(value: Record<string, unknown>, expected: Record<string, unknown>): void {
  for (const [name, wanted] of Object.entries(expected))
    assert.deepEqual(
      value[name],
      wanted,
      `"${name}": found ${JSON.stringify(value[name])}, wanted ${JSON.stringify(wanted)}`,
    );
}
