/** `tagList` of an article, and GET /api/tags. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer } from "./harness.ts";
import { assertRefused, only } from "./shapes.ts";

const conduit = await conduitForFile();
const author = await conduit.register();

function create(tagList: unknown): Promise<Answer> {
  const article = { title: conduit.uniqueName("Tagged "), description: "About", body: "Text", tagList };
  return conduit.request("POST", "/api/articles", { token: author.token, json: { article } });
}

function update(slug: string, article: unknown): Promise<Answer> {
  return conduit.request("PUT", `/api/articles/${slug}`, { token: author.token, json: { article } });
}

async function read(slug: string): Promise<any> {
  return only(await conduit.request("GET", `/api/articles/${slug}`), 200, "article");
}

async function tags(): Promise<string[]> {
  return only(await conduit.request("GET", "/api/tags"), 200, "tags");
}

async function articlesWith(tag: string): Promise<string[]> {
  const list = await conduit.request("GET", `/api/articles?tag=${encodeURIComponent(tag)}`);
  assert.equal(list.json.articlesCount, list.json.articles.length);
  return list.json.articles.map((article: any) => article.slug);
}

test("no tags are in use at first", async () => {
  assert.deepEqual(await tags(), []);
});

test("keeps the order it was given in, in the article, in lists and after a restart of reading", async () => {
  const tagList = ["zebra", "apple", "Mango", "10", "9", "éclair", "日本"];
  const { slug, tagList: answered } = only(await create(tagList), 201, "article");
  assert.deepEqual(answered, tagList);
  assert.deepEqual((await read(slug)).tagList, tagList);
  const list = await conduit.request("GET", "/api/articles?tag=Mango");
  assert.deepEqual(list.json.articles[0].tagList, tagList);
});

test("drops duplicates and keeps the first of them", async () => {
  const { slug, tagList } = only(await create(["dup", "other", "dup", "dup", "other"]), 201, "article");
  assert.deepEqual(tagList, ["dup", "other"]);
  assert.deepEqual((await read(slug)).tagList, ["dup", "other"]);
  const changed = only(await update(slug, { tagList: ["x", "dup", "x"] }), 200, "article");
  assert.deepEqual(changed.tagList, ["x", "dup"]);
});

test("is empty when it is absent or [] on creation", async () => {
  assert.deepEqual(only(await create(undefined), 201, "article").tagList, []);
  assert.deepEqual(only(await create([]), 201, "article").tagList, []);
});

test("an update without tagList keeps it, [] removes it, null is refused", async () => {
  const { slug } = only(await create(["kept", "too"]), 201, "article");
  assert.deepEqual(only(await update(slug, { body: "New" }), 200, "article").tagList, ["kept", "too"]);
  assertRefused(await update(slug, { tagList: null, body: "not stored" }), "tagList");
  const found = await read(slug);
  assert.deepEqual(found.tagList, ["kept", "too"]);
  assert.equal(found.body, "New");
  assert.deepEqual(only(await update(slug, { tagList: [] }), 200, "article").tagList, []);
  assert.deepEqual((await read(slug)).tagList, []);
  assert.deepEqual(await articlesWith("kept"), []);
});

test("an update replaces the tags and their order, and the filters follow", async () => {
  const { slug } = only(await create(["first", "second"]), 201, "article");
  only(await update(slug, { tagList: ["third", "second", "first"] }), 200, "article");
  assert.deepEqual((await read(slug)).tagList, ["third", "second", "first"]);
  only(await update(slug, { tagList: ["third"] }), 200, "article");
  assert.deepEqual(await articlesWith("first"), []);
  assert.deepEqual(await articlesWith("third"), [slug]);
});

for (const tagList of ["text", 5, true, {}, [5], [null], [["x"]], [{}], ["good", 5], [true], ["nul\u0000"]]) {
  test(`refuses ${JSON.stringify(tagList)} as tagList, created or updated, and stores nothing`, async () => {
    const { slug } = only(await create(["before"]), 201, "article");
    const { articlesCount } = (await conduit.request("GET", "/api/articles?limit=1")).json;
    const known = await tags();
    assertRefused(await create(tagList), "tagList");
    assertRefused(await update(slug, { tagList, body: "not stored" }), "tagList");
    const found = await read(slug);
    assert.deepEqual(found.tagList, ["before"]);
    assert.equal(found.body, "Text");
    assert.equal((await conduit.request("GET", "/api/articles?limit=1")).json.articlesCount, articlesCount);
    assert.deepEqual(await tags(), known);
  });
}

test("refuses a tag with a lone surrogate, a tag that is far too long, and far too many tags", async () => {
  const known = await tags();
  assertRefused(await create(["x".repeat(10_000)]), "tagList");
  assertRefused(await create(Array.from({ length: 10_000 }, (_, index) => `t${index}`)), "tagList");
  const raw = '{"article":{"title":"t","description":"d","body":"b","tagList":["lone\\ud800"]}}';
  assertRefused(await conduit.request("POST", "/api/articles", { token: author.token, raw }), "tagList");
  assert.deepEqual(await tags(), known);
});

test("never lists an empty tag", async () => {
  for (const tagList of [[""], ["  "], ["good", ""]]) {
    const answer = await create(tagList);
    if (answer.status === 422) assertRefused(answer, "tagList");
    else assert.ok(!only(answer, 201, "article").tagList.some((tag: string) => tag.trim() === ""));
  }
  assert.ok(!(await tags()).some((tag) => tag.trim() === ""));
});

test("GET /tags lists each tag in use once, and a tag no longer when the last article with it is changed or gone", async () => {
  const one = only(await create(["shared", "single"]), 201, "article");
  const two = only(await create(["shared"]), 201, "article");
  const listed = await tags();
  assert.equal(new Set(listed).size, listed.length);
  for (const tag of ["shared", "single"]) assert.ok(listed.includes(tag), tag);

  only(await update(one.slug, { tagList: [] }), 200, "article");
  assert.ok((await tags()).includes("shared"));
  assert.ok(!(await tags()).includes("single"));
  await conduit.request("DELETE", `/api/articles/${two.slug}`, { token: author.token });
  assert.ok(!(await tags()).includes("shared"));
});

test("GET /tags lists all tags in use, not the most used", async () => {
  const many = Array.from({ length: 60 }, (_, index) => `many-${index}`);
  for (let start = 0; start < many.length; start += 5) only(await create(many.slice(start, start + 5)), 201, "article");
  const listed = new Set(await tags());
  for (const tag of many) assert.ok(listed.has(tag), tag);
});

test("GET /tags needs no token and looks at none", async () => {
  assert.equal((await conduit.request("GET", "/api/tags")).status, 200);
  assert.equal((await conduit.request("GET", "/api/tags", { token: author.token })).status, 200);
});

test("filters by tags with any character", async () => {
  for (const tag of ["c++", "a&b=c", "100%", "with space", "emoji 😀", "日本語", "a,b", '"quoted"', "_", "%"]) {
    const { slug } = only(await create([tag]), 201, "article");
    assert.deepEqual(await articlesWith(tag), [slug]);
  }
});

test("tags that differ in a space at the end, in case or in an accent are different tags", async () => {
  const alike = ["same", "same ", "Same", "s\u00e1me", "sa\u0301me"];
  const { slug, tagList } = only(await create(alike), 201, "article");
  assert.deepEqual(tagList, alike);
  for (const tag of alike) assert.deepEqual(await articlesWith(tag), [slug]);
  assert.deepEqual((await tags()).filter((tag) => alike.includes(tag)).toSorted(), alike.toSorted());
});
