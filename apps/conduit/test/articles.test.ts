/** One article: create, read, update, delete. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer, type TestUser } from "./harness.ts";
import { assertArticle, assertErrors, assertRefused, only } from "./shapes.ts";

const conduit = await conduitForFile();
const author = await conduit.register({ username: "author" });
const other = await conduit.register({ username: "other" });
const BLANK = ["can't be blank"];
const NOT_FOUND = { article: ["not found"] };
const FORBIDDEN = { article: ["forbidden"] };

function create(article: unknown, user: TestUser = author): Promise<Answer> {
  return conduit.request("POST", "/api/articles", { token: user.token, json: { article } });
}

function update(slug: string, article: unknown, user: TestUser = author): Promise<Answer> {
  return conduit.request("PUT", `/api/articles/${encodeURIComponent(slug)}`, { token: user.token, json: { article } });
}

function get(slug: string, user?: TestUser): Promise<Answer> {
  return conduit.request("GET", `/api/articles/${encodeURIComponent(slug)}`, { token: user?.token });
}

async function read(slug: string, user?: TestUser): Promise<any> {
  const article = only(await get(slug, user), 200, "article");
  assertArticle(article);
  return article;
}

async function count(): Promise<number> {
  return (await conduit.request("GET", "/api/articles?limit=1")).json.articlesCount;
}

function draft(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { title: conduit.uniqueName("A title "), description: "About", body: "Text", ...fields };
}

test("creates an article and answers 201 with all of it", async () => {
  const given = { title: "How to train", description: "Ever wonder?", body: "Very *carefully*", tagList: ["b", "a"] };
  const before = Date.now();
  const article = only(await create(given), 201, "article");
  assertArticle(article);
  assert.equal(article.slug, "how-to-train");
  for (const [key, value] of Object.entries(given)) assert.deepEqual(article[key], value);
  assert.equal(article.createdAt, article.updatedAt);
  assert.ok(Math.abs(Date.parse(article.createdAt) - before) < 10_000);
  assert.equal(article.favorited, false);
  assert.equal(article.favoritesCount, 0);
  assert.deepEqual(article.author, { username: "author", bio: null, image: null, following: false });
  assert.deepEqual(await read("how-to-train"), article);
  assert.deepEqual(await read("how-to-train", author), article);
});

for (const field of ["title", "description", "body"]) {
  for (const [name, value] of [
    ["missing", undefined],
    ["empty", ""],
    ["null", null],
  ] as const) {
    test(`refuses an article whose ${field} is ${name}: can't be blank`, async () => {
      const before = await count();
      assertErrors(await create(draft({ [field]: value })), 422, { [field]: BLANK });
      assert.equal(await count(), before);
    });
  }

  for (const value of [5, true, [], {}, ["x"]]) {
    test(`refuses ${JSON.stringify(value)} as ${field}, created or updated`, async () => {
      const article = await conduit.publish(author);
      const before = await count();
      assertRefused(await create(draft({ [field]: value })), field);
      assertRefused(await update(article.slug, { [field]: value }), field);
      assert.equal(await count(), before);
      assert.deepEqual(await read(article.slug), article);
    });
  }

  test(`refuses a ${field} with U+0000, with a lone surrogate, or far too long`, async () => {
    const article = await conduit.publish(author);
    const before = await count();
    for (const value of ["a\\u0000b", "a\\ud800b", "\\udc00", "x".repeat(900_000)]) {
      const raw = JSON.stringify({ article: draft({ [field]: "HERE" }) }).replace("HERE", value);
      assertRefused(await conduit.request("POST", "/api/articles", { token: author.token, raw }), field);
      const change = `{"article":{"${field}":"${value}"}}`;
      const path = `/api/articles/${article.slug}`;
      assertRefused(await conduit.request("PUT", path, { token: author.token, raw: change }), field);
    }
    assert.equal(await count(), before);
    assert.deepEqual(await read(article.slug), article);
  });
}

test("names every blank field in one answer", async () => {
  const all = { title: BLANK, description: BLANK, body: BLANK };
  assertErrors(await create({}), 422, all);
  assertErrors(await create(null), 422, all);
  assertErrors(await conduit.request("POST", "/api/articles", { token: author.token, json: {} }), 422, all);
});

test("refuses anything but an object in the place of the article with 422", async () => {
  const article = await conduit.publish(author);
  const before = await count();
  for (const value of ["x", 5, [], true]) {
    assert.equal((await create(value)).status, 422);
    assert.equal((await update(article.slug, value)).status, 422);
  }
  assert.equal(await count(), before);
  assert.deepEqual(await read(article.slug), article);
});

test("takes no field from the request that is not the author's to set", async () => {
  const article = only(
    await create(
      draft({
        slug: "my-own",
        favoritesCount: 99,
        favorited: true,
        createdAt: "2000-01-01T00:00:00.000Z",
        author: { username: "other" },
        authorId: 2,
        id: 1,
      }),
    ),
    201,
    "article",
  );
  assertArticle(article);
  assert.notEqual(article.slug, "my-own");
  assert.equal(article.favoritesCount, 0);
  assert.equal(article.author.username, "author");
  assert.ok(article.createdAt > "2020");
});

test("keeps text as it was given: line ends, quotes, markup, emoji, right-to-left, combining characters", async () => {
  const text = 'a\r\n\tb "c" \\ <script>alert(1)</script> 😀 👨‍👩‍👧 שלום e\u0301 \u2028 \u007f \u0001';
  const article = only(await create(draft({ description: text, body: text, title: `T ${text}` })), 201, "article");
  const found = await read(article.slug);
  assert.equal(found.title, `T ${text}`);
  assert.equal(found.description, text);
  assert.equal(found.body, text);
});

test("stores a long body whole", async () => {
  const body = "0123456789".repeat(6_000);
  const { slug } = only(await create(draft({ body })), 201, "article");
  assert.equal((await read(slug)).body, body);
});

test("changes each field alone and keeps the others", async () => {
  const article = await conduit.publish(author, { tagList: ["one", "two"] });
  let last = article;
  for (const [field, value] of Object.entries({ description: "New", body: "New text", tagList: ["three"] })) {
    const answer = only(await update(article.slug, { [field]: value }), 200, "article");
    assertArticle(answer);
    assert.deepEqual({ ...answer, updatedAt: "" }, { ...last, [field]: value, updatedAt: "" });
    assert.deepEqual(await read(article.slug, author), answer);
    last = answer;
  }
});

test("every update changes updatedAt, also within one millisecond, and none changes createdAt", async () => {
  const article = await conduit.publish(author);
  const seen = [article.updatedAt];
  for (let time = 0; time < 20; time += 1) {
    const found = only(await update(article.slug, { body: `Text ${time}` }), 200, "article");
    assert.equal(found.createdAt, article.createdAt);
    assert.ok(found.updatedAt > seen.at(-1), `${found.updatedAt} after ${seen.at(-1)}`);
    seen.push(found.updatedAt);
  }
  assert.equal((await read(article.slug)).updatedAt, seen.at(-1));
});

test("updates that are sent at once each get their own updatedAt", async () => {
  const article = await conduit.publish(author);
  const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((time) => update(article.slug, { body: `Text ${time}` })));
  const times = new Set(answers.map((answer) => only(answer, 200, "article").updatedAt));
  assert.equal(times.size, 6);
});

test("favouriting and commenting are no updates of the article", async () => {
  const article = await conduit.publish(author);
  const path = `/api/articles/${article.slug}`;
  await conduit.request("POST", `${path}/favorite`, { token: other.token });
  await conduit.request("POST", `${path}/comments`, { token: other.token, json: { comment: { body: "x" } } });
  assert.equal((await read(article.slug)).updatedAt, article.updatedAt);
});

for (const field of ["title", "description", "body"]) {
  for (const value of [null, ""]) {
    test(`refuses an update with ${field} ${JSON.stringify(value)} and stores nothing of it`, async () => {
      const article = await conduit.publish(author);
      const fields = { description: "new", body: "new", tagList: ["new"], [field]: value };
      assertErrors(await update(article.slug, fields), 422, { [field]: BLANK });
      assert.deepEqual(await read(article.slug), article);
    });
  }
}

test("an update without fields keeps everything the author can set", async () => {
  const article = await conduit.publish(author, { tagList: ["kept"] });
  const found = only(await update(article.slug, {}), 200, "article");
  assert.deepEqual({ ...found, updatedAt: "" }, { ...article, updatedAt: "" });
});

test("checks authentication, then existence, then permission, then content", async () => {
  const article = await conduit.publish(author);
  const path = `/api/articles/${article.slug}`;
  const bad = { article: { title: "" } };
  assertErrors(await conduit.request("PUT", "/api/articles/absent", { json: bad }), 401, { token: ["is missing"] });
  assertErrors(await update("absent", { title: "" }), 404, NOT_FOUND);
  assertErrors(await update(article.slug, { title: "" }, other), 403, FORBIDDEN);
  assertErrors(await update(article.slug, { title: "" }), 422, { title: BLANK });
  for (const raw of ["{", "[]", ""]) {
    assertErrors(await conduit.request("PUT", "/api/articles/absent", { token: author.token, raw }), 404, NOT_FOUND);
    assertErrors(await conduit.request("PUT", path, { token: other.token, raw }), 403, FORBIDDEN);
    assertErrors(await conduit.request("PUT", path, { token: author.token, raw }), 400, { body: ["is invalid"] });
  }
  assert.deepEqual(await read(article.slug), article);
});

test("nobody but the author updates or deletes an article", async () => {
  const article = await conduit.publish(author);
  const path = `/api/articles/${article.slug}`;
  assertErrors(await update(article.slug, { body: "x" }, other), 403, FORBIDDEN);
  assertErrors(await conduit.request("DELETE", path, { token: other.token }), 403, FORBIDDEN);
  assertErrors(await conduit.request("DELETE", path), 401, { token: ["is missing"] });
  assert.deepEqual(await read(article.slug), article);
});

test("answers 404 article not found for every method on an unknown slug, however odd", async () => {
  for (const slug of ["absent", "a".repeat(3000), "😀", "'; drop table articles; --", "%", ".", ".."]) {
    const path = `/api/articles/${encodeURIComponent(slug).replaceAll(".", "%2E")}`;
    assertErrors(await conduit.request("GET", path), 404, NOT_FOUND);
    assertErrors(await conduit.request("DELETE", path, { token: author.token }), 404, NOT_FOUND);
    assertErrors(
      await conduit.request("PUT", path, { token: author.token, json: { article: { body: "x" } } }),
      404,
      NOT_FOUND,
    );
    for (const method of ["POST", "DELETE"]) {
      assertErrors(await conduit.request(method, `${path}/favorite`, { token: author.token }), 404, NOT_FOUND);
    }
    assertErrors(await conduit.request("GET", `${path}/comments`), 404, NOT_FOUND);
  }
});

test("deletes an article with its comments, favourites and tag links", async () => {
  const article = await conduit.publish(author, { tagList: ["only-here"] });
  const reader = await conduit.register({ username: "only-reader" });
  const path = `/api/articles/${article.slug}`;
  const body = { token: reader.token, json: { comment: { body: "gone soon" } } };
  const comment = only(await conduit.request("POST", `${path}/comments`, body), 201, "comment");
  await conduit.request("POST", `${path}/favorite`, { token: reader.token });
  const before = await count();

  const answer = await conduit.request("DELETE", path, { token: author.token });
  assert.equal(answer.status, 204);
  assert.equal(answer.text, "");

  assertErrors(await get(article.slug), 404, NOT_FOUND);
  assertErrors(await conduit.request("DELETE", path, { token: author.token }), 404, NOT_FOUND);
  assertErrors(await conduit.request("GET", `${path}/comments`), 404, NOT_FOUND);
  assertErrors(
    await conduit.request("DELETE", `${path}/comments/${comment.id}`, { token: reader.token }),
    404,
    NOT_FOUND,
  );
  assert.equal(await count(), before - 1);
  for (const filter of ["favorited=only-reader", "tag=only-here"]) {
    const list = await conduit.request("GET", `/api/articles?${filter}`);
    assert.deepEqual(list.json, { articles: [], articlesCount: 0 });
  }
  assert.ok(!(await conduit.request("GET", "/api/tags")).json.tags.includes("only-here"));
});

test("an article that takes the slug of a deleted one starts without comments and favourites", async () => {
  const first = await conduit.publish(author, { title: "Phoenix" });
  const path = `/api/articles/${first.slug}`;
  await conduit.request("POST", `${path}/comments`, { token: other.token, json: { comment: { body: "old" } } });
  await conduit.request("POST", `${path}/favorite`, { token: other.token });
  await conduit.request("DELETE", path, { token: author.token });
  const second = await conduit.publish(author, { title: "Phoenix" });
  const found = await read(second.slug, other);
  assert.equal(found.favoritesCount, 0);
  assert.equal(found.favorited, false);
  const comments = await conduit.request("GET", `/api/articles/${second.slug}/comments`);
  assert.deepEqual(comments.json, { comments: [] });
});
