/** The shapes of the API's answers: exact key sets, types and formats. */
import assert from "node:assert/strict";
import type { Answer } from "./harness.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Fails unless `answer` is this error and nothing else. */
export function assertErrors(
  answer: Answer,
  status: number,
  errors: Readonly<Record<string, readonly string[]>>,
): void {
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(answer.json, { errors }, answer.text);
}

/** Fails unless `answer` is a 422 whose only key is `field`, or whose keys are `fields`. */
export function assertRefused(answer: Answer, ...fields: readonly string[]): void {
  assert.equal(answer.status, 422, answer.text);
  assert.deepEqual(Object.keys(answer.json.errors).sort(), [...fields].sort(), answer.text);
}

export function assertUser(user: any): void {
  assertKeys(user, ["email", "token", "username", "bio", "image"]);
  for (const key of ["email", "token", "username"]) assert.equal(typeof user[key], "string", key);
  assert.match(user.token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assertTextOrNull(user.bio);
  assertTextOrNull(user.image);
}

export function assertProfile(profile: any): void {
  assertKeys(profile, ["username", "bio", "image", "following"]);
  assert.equal(typeof profile.username, "string");
  assert.equal(typeof profile.following, "boolean");
  assertTextOrNull(profile.bio);
  assertTextOrNull(profile.image);
}

const LISTED_KEYS = [
  "slug",
  "title",
  "description",
  "tagList",
  "createdAt",
  "updatedAt",
  "favorited",
  "favoritesCount",
  "author",
];

/** An article as a list has it: without its body. */
export function assertListedArticle(article: any): void {
  assertKeys(article, LISTED_KEYS);
  assertArticleValues(article);
}

export function assertArticle(article: any): void {
  assertKeys(article, [...LISTED_KEYS, "body"]);
  assert.equal(typeof article.body, "string");
  assertArticleValues(article);
}

function assertArticleValues(article: any): void {
  for (const key of ["slug", "title", "description"]) assert.equal(typeof article[key], "string", key);
  assert.ok(Array.isArray(article.tagList));
  for (const tag of article.tagList) assert.equal(typeof tag, "string");
  assertTime(article.createdAt);
  assertTime(article.updatedAt);
  assert.ok(article.updatedAt >= article.createdAt);
  assert.equal(typeof article.favorited, "boolean");
  assert.ok(Number.isInteger(article.favoritesCount) && article.favoritesCount >= 0);
  assertProfile(article.author);
}

export function assertArticles(answer: Answer): void {
  assert.equal(answer.status, 200, answer.text);
  assertKeys(answer.json, ["articles", "articlesCount"]);
  assert.ok(Number.isInteger(answer.json.articlesCount));
  for (const article of answer.json.articles) assertListedArticle(article);
}

export function assertComment(comment: any): void {
  assertKeys(comment, ["id", "createdAt", "updatedAt", "body", "author"]);
  assert.ok(Number.isSafeInteger(comment.id));
  assertTime(comment.createdAt);
  assertTime(comment.updatedAt);
  assert.equal(typeof comment.body, "string");
  assertProfile(comment.author);
}

/** Fails unless the answer's content is one object under `key`, which it gives. */
export function only(answer: Answer, status: number, key: string): any {
  assert.equal(answer.status, status, answer.text);
  assertKeys(answer.json, [key]);
  return answer.json[key];
}

function assertKeys(value: any, keys: readonly string[]): void {
  assert.ok(typeof value === "object" && value !== null && !Array.isArray(value), JSON.stringify(value));
  assert.deepEqual(Object.keys(value).sort(), [...keys].sort());
}

function assertTime(value: unknown): void {
  assert.ok(typeof value === "string" && TIME.test(value), `found time ${String(value)}`);
  assert.equal(new Date(value).toISOString(), value);
}

function assertTextOrNull(value: unknown): void {
  assert.ok(value === null || (typeof value === "string" && value !== ""), `found ${JSON.stringify(value)}`);
}
