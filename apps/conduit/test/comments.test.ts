/** Comments: create, list, delete. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer, type TestUser } from "./harness.ts";
import { RawConnection } from "./raw-connection.ts";
import { assertComment, assertErrors, assertRefused, only } from "./shapes.ts";

const conduit = await conduitForFile();
const author = await conduit.register({ username: "author" });
const reader = await conduit.register({ username: "reader" });
const { slug } = await conduit.publish(author, { title: "Discussed" });
const PATH = `/api/articles/${slug}/comments`;
const BLANK = { body: ["can't be blank"] };
const NO_COMMENT = { comment: ["not found"] };
const NO_ARTICLE = { article: ["not found"] };

function comment(body: unknown, user: TestUser = reader, path = PATH): Promise<Answer> {
  return conduit.request("POST", path, { token: user.token, json: { comment: { body } } });
}

async function list(user?: TestUser, path = PATH): Promise<any[]> {
  const comments = only(await conduit.request("GET", path, { token: user?.token }), 200, "comments");
  for (const each of comments) assertComment(each);
  return comments;
}

test("an article without comments has an empty list", async () => {
  assert.deepEqual(await list(), []);
});

test("creates a comment and answers 201 with it", async () => {
  const before = Date.now();
  const created = only(await comment("Thank you so much!"), 201, "comment");
  assertComment(created);
  assert.equal(created.body, "Thank you so much!");
  assert.equal(created.createdAt, created.updatedAt);
  assert.ok(Math.abs(Date.parse(created.createdAt) - before) < 10_000);
  assert.deepEqual(created.author, { username: "reader", bio: null, image: null, following: false });
  assert.deepEqual((await list())[0], created);
});

test("lists the newest first, also those of one millisecond", async () => {
  const article = await conduit.publish(author);
  const path = `/api/articles/${article.slug}/comments`;
  const ids: number[] = [];
  for (let time = 0; time < 10; time += 1) ids.push(only(await comment(`${time}`, reader, path), 201, "comment").id);
  assert.deepEqual(
    (await list(undefined, path)).map((each) => each.id),
    ids.reverse(),
  );
});

test("lists all comments of an article and none of another", async () => {
  const [one, two] = [await conduit.publish(author), await conduit.publish(author)];
  const path = (article: any): string => `/api/articles/${article.slug}/comments`;
  await Promise.all(Array.from({ length: 45 }, (_, index) => comment(`${index}`, reader, path(one))));
  await comment("alone", author, path(two));
  assert.equal((await list(undefined, path(one))).length, 45);
  assert.deepEqual(
    (await list(undefined, path(two))).map((each) => each.body),
    ["alone"],
  );
});

for (const [name, value] of [
  ["missing", undefined],
  ["empty", ""],
  ["null", null],
] as const) {
  test(`refuses a comment whose body is ${name}: can't be blank`, async () => {
    const before = (await list()).length;
    assertErrors(await comment(value), 422, BLANK);
    assert.equal((await list()).length, before);
  });
}

test("treats a content without comment, or with comment null, as a blank one", async () => {
  for (const json of [{}, { comment: null }, { comment: {} }]) {
    assertErrors(await conduit.request("POST", PATH, { token: reader.token, json }), 422, BLANK);
  }
});

test("refuses a body of another type, with U+0000, with a lone surrogate, or far too long, and stores nothing", async () => {
  const before = (await list()).length;
  for (const body of [5, true, [], {}, ["x"], "a\u0000b", "x".repeat(900_000)])
    assertRefused(await comment(body), "body");
  for (const raw of ['{"comment":{"body":"\\ud800"}}', '{"comment":{"body":"x\\udfffy"}}']) {
    assertRefused(await conduit.request("POST", PATH, { token: reader.token, raw }), "body");
  }
  for (const json of [{ comment: "x" }, { comment: [] }, { comment: 5 }]) {
    assert.equal((await conduit.request("POST", PATH, { token: reader.token, json })).status, 422);
  }
  assert.equal((await list()).length, before);
});

test("keeps text as it was given", async () => {
  const body = ' a\r\n\t"b" <script>alert(1)</script> 😀 שלום \u2028';
  const { id } = only(await comment(body), 201, "comment");
  assert.equal((await list()).find((each) => each.id === id).body, body);
});

test("its author deletes a comment: 204, and it is gone", async () => {
  const { id } = only(await comment("to be deleted"), 201, "comment");
  const answer = await conduit.request("DELETE", `${PATH}/${id}`, { token: reader.token });
  assert.equal(answer.status, 204);
  assert.ok(!(await list()).some((each) => each.id === id));
  assertErrors(await conduit.request("DELETE", `${PATH}/${id}`, { token: reader.token }), 404, NO_COMMENT);
});

test("nobody else deletes it, not even the article's author", async () => {
  const { id } = only(await comment("stays"), 201, "comment");
  assertErrors(await conduit.request("DELETE", `${PATH}/${id}`, { token: author.token }), 403, {
    comment: ["forbidden"],
  });
  assertErrors(await conduit.request("DELETE", `${PATH}/${id}`), 401, { token: ["is missing"] });
  assert.ok((await list()).some((each) => each.id === id));
});

test("a comment is found under its own article alone", async () => {
  const { id } = only(await comment("here"), 201, "comment");
  const elsewhere = await conduit.publish(author);
  const token = reader.token;
  assertErrors(
    await conduit.request("DELETE", `/api/articles/${elsewhere.slug}/comments/${id}`, { token }),
    404,
    NO_COMMENT,
  );
  assertErrors(await conduit.request("DELETE", `/api/articles/absent/comments/${id}`, { token }), 404, NO_ARTICLE);
  assert.ok((await list()).some((each) => each.id === id));
});

for (const id of [
  "999999",
  "0",
  "-1",
  "abc",
  "1.5",
  "1e0",
  "0x1",
  "99999999999999999999",

  "null",
  "1%20",
  "%F0%9F%98%80",
]) {
  test(`answers 404 comment not found for the id ${id}`, async () => {
    assertErrors(await conduit.request("DELETE", `${PATH}/${id}`, { token: reader.token }), 404, NO_COMMENT);
  });
}

test("answers 404 article not found for an unknown article, before it looks at the content", async () => {
  assertErrors(await conduit.request("GET", "/api/articles/absent/comments"), 404, NO_ARTICLE);
  assertErrors(await comment("", reader, "/api/articles/absent/comments"), 404, NO_ARTICLE);
  assertErrors(
    await conduit.request("POST", "/api/articles/absent/comments", { token: reader.token, raw: "{" }),
    404,
    NO_ARTICLE,
  );
});

test("shows each reader whom that reader follows", async () => {
  only(await comment("from the author", author), 201, "comment");
  await conduit.request("POST", "/api/profiles/author/follow", { token: reader.token });
  const following = async (user?: TestUser): Promise<boolean> =>
    (await list(user)).find((each) => each.author.username === "author").author.following;
  assert.equal(await following(reader), true);
  assert.equal(await following(author), false);
  assert.equal(await following(), false);
});

test("an id is not used again for another comment", async () => {
  const article = await conduit.publish(author);
  const path = `/api/articles/${article.slug}/comments`;
  const first = only(await comment("first", reader, path), 201, "comment");
  await conduit.request("DELETE", `${path}/${first.id}`, { token: reader.token });
  const second = only(await comment("second", reader, path), 201, "comment");
  assert.notEqual(second.id, first.id);
});

test("lists a discussion of any length whole, each comment once, in order", async () => {
  const article = await conduit.publish(author);
  const path = `/api/articles/${article.slug}/comments`;
  const ids = new Set<number>();
  for (const length of [199, 200, 201, 400, 450]) {
    const missing = Array.from({ length: length - ids.size }, (_, index) => comment(`${index} 😀`, reader, path));
    for (const answer of await Promise.all(missing)) ids.add(only(answer, 201, "comment").id);
    const listed = await list(reader, path);
    assert.equal(listed.length, length);
    assert.deepEqual(new Set(listed.map((each) => each.id)), ids);
    const sorted = listed.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id - a.id);
    assert.deepEqual(listed, sorted);
    assert.equal((await conduit.request("HEAD", path)).status, 200);
  }
});

test("a long discussion reaches a client that speaks HTTP/1.0, and a client that leaves in the middle hurts nobody", async () => {
  const article = await conduit.publish(author);
  const path = `/api/articles/${article.slug}/comments`;
  await Promise.all(Array.from({ length: 250 }, () => comment("x".repeat(5_000), reader, path)));
  const old = await RawConnection.open(conduit.port);
  old.write(`GET ${path} HTTP/1.0\r\n\r\n`);
  const answer = await old.readAnswer();
  assert.equal(answer?.json.comments.length, 250);
  old.close();
  for (let time = 0; time < 10; time += 1) {
    const leaving = await RawConnection.open(conduit.port);
    leaving.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(5));
    if (time % 2 === 0) await leaving.reset();
    else leaving.close();
  }
  assert.equal((await list(undefined, path)).length, 250);
});
