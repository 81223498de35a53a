/** GET /api/articles and /api/articles/feed: order, filters, pages, counts. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { conduitForFile, type Answer, type TestUser } from "./harness.ts";
import { assertArticles, assertErrors, assertListedArticle } from "./shapes.ts";

const ARTICLES = 25;

const conduit = await conduitForFile();
let anna: TestUser;
let ben: TestUser;
let reader: TestUser;
/** Slugs of all articles, newest first. Anna wrote the even ones, Ben the odd ones; every fifth has the tag `five`. */
const slugs: string[] = [];

before(async () => {
  [anna, ben, reader] = (await Promise.all(
    ["anna", "ben", "reader"].map((username) => conduit.register({ username })),
  )) as [TestUser, TestUser, TestUser];
  for (let index = 0; index < ARTICLES; index += 1) {
    const author = index % 2 === 0 ? anna : ben;
    const tagList = index % 5 === 0 ? ["all", "five"] : ["all"];
    const { slug } = await conduit.publish(author, { title: `Article ${index}`, tagList });
    slugs.unshift(slug);
  }
  for (const index of [3, 10, 14]) await favorite("POST", `article-${index}`, reader);
  await favorite("POST", "article-10", ben);
});

function favorite(method: string, slug: string, user: TestUser): Promise<Answer> {
  return conduit.request(method, `/api/articles/${slug}/favorite`, { token: user.token });
}

async function list(query: string, user?: TestUser): Promise<{ slugs: string[]; count: number; articles: any[] }> {
  const answer = await conduit.request("GET", `/api/articles${query}`, { token: user?.token });
  assertArticles(answer);
  const { articles, articlesCount } = answer.json;
  return { slugs: articles.map((article: any) => article.slug), count: articlesCount, articles };
}

function numbered(numbers: readonly number[]): string[] {
  return numbers.map((number) => `article-${number}`);
}

test("lists 20 articles, newest first, without their bodies, and counts all", async () => {
  const found = await list("");
  assert.deepEqual(found.slugs, slugs.slice(0, 20));
  assert.equal(found.count, ARTICLES);
});

for (const [query, from, to] of [
  ["limit=5", 0, 5],
  ["limit=1", 0, 1],
  ["limit=0", 0, 0],
  ["limit=100", 0, 25],
  ["limit=101", 0, 25],
  ["limit=1000000", 0, 25],
  ["limit=99999999999999999999999999", 0, 25],
  ["offset=0", 0, 20],
  ["offset=20", 20, 25],
  ["offset=24", 24, 25],
  ["offset=25", 25, 25],
  ["offset=9007199254740993", 25, 25],
  ["offset=99999999999999999999999999", 25, 25],
  ["limit=10&offset=10", 10, 20],
  ["offset=10&limit=10", 10, 20],
  ["limit=10&offset=20", 20, 25],
  ["limit=0&offset=5", 5, 5],
] as const) {
  test(`?${query} gives articles ${from} to ${to} and the count of all`, async () => {
    const found = await list(`?${query}`);
    assert.deepEqual(found.slugs, slugs.slice(from, to));
    assert.equal(found.count, ARTICLES);
  });
}

for (const name of ["limit", "offset"]) {
  for (const value of [
    "-1",
    "-0.5",
    "1.5",
    "abc",
    "",
    "%20",
    "1e1",
    "0x10",
    "NaN",
    "Infinity",
    "1,000",
    "10;",
    "%00",
    "null",
    "1%20",
    "%E0%A5%A7",
  ]) {
    test(`answers 422 for ${name}=${value}, in the list and in the feed`, async () => {
      for (const path of ["/api/articles", "/api/articles/feed"]) {
        const answer = await conduit.request("GET", `${path}?${name}=${value}`, { token: reader.token });
        assert.equal(answer.status, 422, answer.text);
        assert.deepEqual(Object.keys(answer.json.errors), [name]);
      }
    });
  }
}

test("names both limit and offset when both are wrong", async () => {
  const answer = await conduit.request("GET", "/api/articles?limit=-1&offset=-1");
  assert.equal(answer.status, 422);
  assert.deepEqual(Object.keys(answer.json.errors).sort(), ["limit", "offset"]);
});

const EVEN = Array.from({ length: 13 }, (_, index) => 24 - 2 * index);

for (const [query, numbers] of [
  ["author=anna", EVEN],
  ["author=ben", EVEN.slice(1).map((number) => number + 1)],
  ["tag=five", [20, 15, 10, 5, 0]],
  ["favorited=reader", [14, 10, 3]],
  ["favorited=ben", [10]],
  ["favorited=anna", []],
  ["author=anna&tag=five", [20, 10, 0]],
  ["author=ben&tag=five", [15, 5]],
  ["author=anna&favorited=reader", [14, 10]],
  ["author=ben&favorited=reader", [3]],
  ["tag=five&favorited=reader", [10]],
  ["author=anna&tag=five&favorited=reader", [10]],
  ["author=ben&tag=five&favorited=reader", []],
  ["author=reader", []],
  ["author=nobody", []],
  ["tag=nothing", []],
  ["favorited=nobody", []],
  ["author=nobody&tag=five", []],
  ["tag=five&favorited=nobody", []],
  ["tag=FIVE", undefined],
  ["author=%00", []],
  ["tag=%00", []],
  ["favorited=%00", []],
  ["author=%F0%9F%98%80", []],
  ["tag=%25", []],
  ["author=%25", []],
  ["author=a_na", []],
  ["tag=%27%20or%201%3D1%20--", []],
] as ReadonlyArray<readonly [string, readonly number[] | undefined]>) {
  test(`?${query} gives its matches and their count`, async () => {
    const found = await list(`?${query}&limit=100`);
    if (numbers === undefined) return;
    assert.deepEqual(found.slugs, numbered(numbers));
    assert.equal(found.count, numbers.length);
  });
}

test("pages of a filter keep its order and its count", async () => {
  for (const [query, numbers] of [
    ["author=anna", EVEN],
    ["tag=five", [20, 15, 10, 5, 0]],
    ["favorited=reader", [14, 10, 3]],
    ["author=anna&tag=five", [20, 10, 0]],
  ] as const) {
    const seen: string[] = [];
    for (let offset = 0; offset < numbers.length; offset += 2) {
      const found = await list(`?${query}&limit=2&offset=${offset}`);
      assert.equal(found.count, numbers.length);
      seen.push(...found.slugs);
    }
    assert.deepEqual(seen, numbered(numbers));
  }
});

test("a query parameter that it does not know is no error", async () => {
  const found = await list("?sort=title&page=2&__proto__=x&constructor=y&limit=3");
  assert.deepEqual(found.slugs, slugs.slice(0, 3));
});

test("a filter that is empty is no error", async () => {
  for (const query of ["?tag=", "?author=", "?favorited=", "?", "?&&", "?="]) await list(query);
});

test("a query whose encoding is malformed never answers worse than 4xx", async () => {
  for (const query of ["?tag=%zz", "?tag=%", "?tag=%ff", "?%ff=%fe", "?tag=%e4%b8", "?limit=%zz"]) {
    const answer = await conduit.request("GET", `/api/articles${query}`);
    assert.ok(answer.status === 200 || answer.status === 400 || answer.status === 422, `${query}: ${answer.status}`);
  }
});

test("a repeated parameter never answers worse than 422", async () => {
  for (const query of ["?limit=1&limit=2", "?tag=five&tag=all", "?author=anna&author=ben", "?limit[]=1"]) {
    const answer = await conduit.request("GET", `/api/articles${query}`);
    assert.ok(answer.status === 200 || answer.status === 422, `${query}: ${answer.status}`);
  }
});

test("favorited and favoritesCount are those of the reader and of all", async () => {
  const find = async (user?: TestUser): Promise<any> =>
    (await list("?limit=100", user)).articles.find((article) => article.slug === "article-10");
  assert.deepEqual([(await find()).favorited, (await find()).favoritesCount], [false, 2]);
  assert.equal((await find(reader)).favorited, true);
  assert.equal((await find(anna)).favorited, false);
});

test("the list and the single article say the same of every article, but for the body", async () => {
  for (const article of (await list("?limit=100", reader)).articles) {
    const single = await conduit.request("GET", `/api/articles/${article.slug}`, { token: reader.token });
    const { body: _body, ...rest } = single.json.article;
    assert.deepEqual(article, rest);
  }
});

test("the feed has the articles of those the reader follows, newest first, and no others", async () => {
  const feed = async (query = ""): Promise<{ slugs: string[]; count: number }> => {
    const answer = await conduit.request("GET", `/api/articles/feed${query}`, { token: reader.token });
    assertArticles(answer);
    for (const article of answer.json.articles) {
      assertListedArticle(article);
      assert.equal(article.author.following, true);
    }
    return { slugs: answer.json.articles.map((article: any) => article.slug), count: answer.json.articlesCount };
  };
  const follow = (method: string, username: string): Promise<Answer> =>
    conduit.request(method, `/api/profiles/${username}/follow`, { token: reader.token });

  assert.deepEqual(await feed(), { slugs: [], count: 0 });
  await follow("POST", "anna");
  assert.deepEqual(await feed(), { slugs: numbered(EVEN), count: 13 });
  assert.deepEqual(await feed("?limit=2&offset=1"), { slugs: numbered(EVEN.slice(1, 3)), count: 13 });
  await follow("POST", "ben");
  assert.deepEqual(await feed(), { slugs: slugs.slice(0, 20), count: ARTICLES });
  assert.deepEqual(await feed("?limit=100&offset=20"), { slugs: slugs.slice(20), count: ARTICLES });
  assert.deepEqual(await feed("?limit=0"), { slugs: [], count: ARTICLES });
  assert.deepEqual(await feed("?offset=99999999999999999999"), { slugs: [], count: ARTICLES });
  await follow("DELETE", "anna");
  assert.deepEqual((await feed()).count, 12);
  await follow("DELETE", "ben");
  assert.deepEqual(await feed(), { slugs: [], count: 0 });
});

test("the feed demands a token", async () => {
  assertErrors(await conduit.request("GET", "/api/articles/feed"), 401, { token: ["is missing"] });
});

test("a new article is first at once, in every list it belongs to, and its deletion takes it from all of them", async () => {
  await conduit.request("POST", "/api/profiles/ben/follow", { token: reader.token });
  const { slug } = await conduit.publish(ben, { title: "Fresh", tagList: ["all", "five"] });
  await favorite("POST", slug, reader);
  const queries = ["", "?author=ben", "?tag=five", "?favorited=reader"];
  const feed = (): Promise<Answer> => conduit.request("GET", "/api/articles/feed", { token: reader.token });
  const counts = [];
  for (const query of queries) {
    const found = await list(query, reader);
    assert.equal(found.slugs[0], slug, query);
    counts.push(found.count);
  }
  const feedCount = (await feed()).json.articlesCount;
  assert.equal((await feed()).json.articles[0].slug, slug);

  await conduit.request("DELETE", `/api/articles/${slug}`, { token: ben.token });
  for (const [index, query] of queries.entries()) {
    const found = await list(query, reader);
    assert.ok(!found.slugs.includes(slug), query);
    assert.equal(found.count, (counts[index] ?? 0) - 1, query);
  }
  assert.equal((await feed()).json.articlesCount, feedCount - 1);
});

test("an update does not change the place of an article", async () => {
  const token = anna.token;
  const last = slugs.at(-1) ?? "";
  await conduit.request("PUT", `/api/articles/${last}`, { token, json: { article: { body: "Changed" } } });
  assert.deepEqual((await list("?limit=100")).slugs, slugs);
});

test("never gives more than 100 articles at once", async () => {
  await Promise.all(Array.from({ length: 110 - ARTICLES }, () => conduit.publish(anna, { tagList: ["many"] })));
  for (const query of ["?limit=100", "?limit=101", "?limit=110", "?limit=99999999999999999999"]) {
    const found = await list(query);
    assert.equal(found.articles.length, 100, query);
    assert.equal(found.count, 110);
  }
  assert.equal((await list("?limit=101&author=anna")).count, 98);
  assert.equal((await list("?limit=100&offset=100")).articles.length, 10);
});
