/** POST and DELETE /api/articles/:slug/favorite. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type TestUser } from "./harness.ts";
import { assertArticle, assertErrors, only } from "./shapes.ts";

const conduit = await conduitForFile();
const author = await conduit.register();
const reader = await conduit.register();

async function favorite(method: "POST" | "DELETE", slug: string, user: TestUser): Promise<any> {
  const answer = await conduit.request(method, `/api/articles/${slug}/favorite`, { token: user.token });
  const article = only(answer, 200, "article");
  assertArticle(article);
  return article;
}

async function read(slug: string, user?: TestUser): Promise<[boolean, number]> {
  const answer = await conduit.request("GET", `/api/articles/${slug}`, { token: user?.token });
  return [answer.json.article.favorited, answer.json.article.favoritesCount];
}

test("favours an article, and everybody sees the count, the reader alone the mark", async () => {
  const { slug } = await conduit.publish(author);
  const article = await favorite("POST", slug, reader);
  assert.deepEqual([article.favorited, article.favoritesCount], [true, 1]);
  assert.deepEqual(await read(slug, reader), [true, 1]);
  assert.deepEqual(await read(slug, author), [false, 1]);
  assert.deepEqual(await read(slug), [false, 1]);
});

test("favouring twice counts once, and taking it back twice never goes below zero", async () => {
  const { slug } = await conduit.publish(author);
  for (const _time of [1, 2, 3]) assert.equal((await favorite("POST", slug, reader)).favoritesCount, 1);
  for (const _time of [1, 2, 3]) {
    const article = await favorite("DELETE", slug, reader);
    assert.deepEqual([article.favorited, article.favoritesCount], [false, 0]);
  }
  assert.deepEqual(await read(slug, reader), [false, 0]);
});

test("taking back what was never given answers 200", async () => {
  const { slug } = await conduit.publish(author);
  await favorite("POST", slug, author);
  const article = await favorite("DELETE", slug, reader);
  assert.deepEqual([article.favorited, article.favoritesCount], [false, 1]);
});

test("authors may favour their own articles", async () => {
  const { slug } = await conduit.publish(author);
  assert.equal((await favorite("POST", slug, author)).favorited, true);
  assert.deepEqual(await read(slug, author), [true, 1]);
});

test("ten requests of one reader at once count once", async () => {
  const { slug } = await conduit.publish(author);
  const users = Array.from({ length: 10 }, () => reader);
  for (const article of await Promise.all(users.map((user) => favorite("POST", slug, user)))) {
    assert.deepEqual([article.favorited, article.favoritesCount], [true, 1]);
  }
  await Promise.all(users.map((user) => favorite("DELETE", slug, user)));
  assert.deepEqual(await read(slug), [false, 0]);
});

test("needs no content, and ignores one", async () => {
  const { slug } = await conduit.publish(author);
  for (const raw of ["", "{", '{"article":{"title":""}}', "x".repeat(1000)]) {
    const answer = await conduit.request("POST", `/api/articles/${slug}/favorite`, { token: reader.token, raw });
    assert.equal(answer.status, 200, answer.text);
  }
});

test("answers 404 article not found for an unknown slug, after the token", async () => {
  for (const method of ["POST", "DELETE"]) {
    const path = "/api/articles/absent/favorite";
    assertErrors(await conduit.request(method, path), 401, { token: ["is missing"] });
    assertErrors(await conduit.request(method, path, { token: reader.token }), 404, { article: ["not found"] });
  }
});
