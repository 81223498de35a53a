/** Profiles and following. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer, type TestUser } from "./harness.ts";
import { assertErrors, assertProfile, only } from "./shapes.ts";

const conduit = await conduitForFile();
const reader = await conduit.register({ username: "reader" });
const writer = await conduit.register({ username: "writer" });
const NOT_FOUND = { profile: ["not found"] };

function profile(username: string, user?: TestUser): Promise<Answer> {
  return conduit.request("GET", `/api/profiles/${encodeURIComponent(username)}`, { token: user?.token });
}

function follow(method: "POST" | "DELETE", username: string, user: TestUser = reader): Promise<Answer> {
  return conduit.request(method, `/api/profiles/${encodeURIComponent(username)}/follow`, { token: user.token });
}

test("gives a profile to an anonymous visitor, following false", async () => {
  const found = only(await profile("writer"), 200, "profile");
  assertProfile(found);
  assert.deepEqual(found, { username: "writer", bio: null, image: null, following: false });
});

test("answers 404 profile not found for an unknown name, however odd", async () => {
  for (const username of ["nobody", "nobody/../writer", "a".repeat(3000), "😀", "%", "' or 1=1 --"]) {
    assertErrors(await profile(username), 404, NOT_FOUND);
    assertErrors(await profile(username, reader), 404, NOT_FOUND);
    assertErrors(await follow("POST", username), 404, NOT_FOUND);
    assertErrors(await follow("DELETE", username), 404, NOT_FOUND);
  }
});

test("follows and unfollows, and every profile that is read afterwards says so", async () => {
  const followed = only(await follow("POST", "writer"), 200, "profile");
  assertProfile(followed);
  assert.equal(followed.following, true);
  assert.equal(only(await profile("writer", reader), 200, "profile").following, true);
  assert.equal(only(await profile("writer"), 200, "profile").following, false);
  assert.equal(only(await profile("reader", writer), 200, "profile").following, false);

  const unfollowed = only(await follow("DELETE", "writer"), 200, "profile");
  assertProfile(unfollowed);
  assert.equal(unfollowed.following, false);
  assert.equal(only(await profile("writer", reader), 200, "profile").following, false);
});

test("following and unfollowing twice is the same as once", async () => {
  for (const _time of [1, 2]) assert.equal(only(await follow("POST", "writer"), 200, "profile").following, true);
  for (const _time of [1, 2]) assert.equal(only(await follow("DELETE", "writer"), 200, "profile").following, false);
});

test("nobody follows oneself", async () => {
  const answer = await follow("POST", "reader");
  assert.equal(answer.status, 422);
  assert.equal(only(await profile("reader", reader), 200, "profile").following, false);
  const feed = await conduit.request("GET", "/api/articles/feed", { token: reader.token });
  assert.equal(feed.json.articlesCount, 0);
});

test("shows following in articles, lists and comments of the followed", async () => {
  const article = await conduit.publish(writer);
  const comments = `/api/articles/${article.slug}/comments`;
  await conduit.request("POST", comments, { token: writer.token, json: { comment: { body: "hello" } } });
  const authors = async (): Promise<boolean[]> => {
    const token = reader.token;
    const single = await conduit.request("GET", `/api/articles/${article.slug}`, { token });
    const list = await conduit.request("GET", "/api/articles?author=writer", { token });
    const listed = await conduit.request("GET", comments, { token });
    return [
      single.json.article.author.following,
      list.json.articles[0].author.following,
      listed.json.comments[0].author.following,
    ];
  };
  await follow("POST", "writer");
  assert.deepEqual(await authors(), [true, true, true]);
  await follow("DELETE", "writer");
  assert.deepEqual(await authors(), [false, false, false]);
});

test("finds names with any character, percent-encoded on the wire", async () => {
  for (const username of ["with space", "a/b", "a?b#c", "100%", "ünïcödé", "日本語", "😀", "a+b", "a&b=c"]) {
    await conduit.register({ username });
    assert.equal(only(await profile(username), 200, "profile").username, username);
    assert.equal(only(await follow("POST", username), 200, "profile").following, true);
    const list = await conduit.request("GET", `/api/articles?author=${encodeURIComponent(username)}`);
    assert.equal(list.json.articlesCount, 0);
  }
});

test("answers 400 for a name whose percent-encoding is malformed or no UTF-8", async () => {
  for (const encoded of ["%zz", "%", "%e4", "%ff%fe", "a%2"]) {
    const answer = await conduit.request("GET", `/api/profiles/${encoded}`);
    assert.ok(answer.status === 400 || answer.status === 404, `${encoded}: ${answer.status}`);
  }
});

test("a profile shows bio and image as they are set", async () => {
  const user = { bio: "About me\n<b>not HTML</b>", image: "https://example.com/ä.png" };
  await conduit.request("PUT", "/api/user", { token: writer.token, json: { user } });
  assert.deepEqual(only(await profile("writer"), 200, "profile"), { username: "writer", ...user, following: false });
});
