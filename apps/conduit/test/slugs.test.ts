/** Slugs: made of the title in any script, unique, percent-encoded on the wire, never `feed`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conduitForFile, type Answer } from "./harness.ts";
import { assertErrors, only } from "./shapes.ts";

const conduit = await conduitForFile();
const author = await conduit.register();

function update(slug: string, article: unknown): Promise<Answer> {
  const path = `/api/articles/${encodeURIComponent(slug)}`;
  return conduit.request("PUT", path, { token: author.token, json: { article } });
}

/** Creates an article and checks that its slug leads to it on every endpoint that has one. */
async function slugOf(title: string): Promise<string> {
  const { slug } = await conduit.publish(author, { title });
  assert.ok(slug.length > 0);
  const path = `/api/articles/${encodeURIComponent(slug)}`;
  const found = only(await conduit.request("GET", path), 200, "article");
  assert.equal(found.title, title);
  assert.equal(found.slug, slug);
  const favorite = await conduit.request("POST", `${path}/favorite`, { token: author.token });
  assert.equal(only(favorite, 200, "article").title, title);
  const comment = { token: author.token, json: { comment: { body: "x" } } };
  assert.equal((await conduit.request("POST", `${path}/comments`, comment)).status, 201);
  return slug;
}

for (const [title, expected] of [
  ["How to Train Your Dragon", "how-to-train-your-dragon"],
  ["  Spaces   and\ttabs  ", "spaces-and-tabs"],
  ["C'est l'été — déjà!", "c-est-l-été-déjà"],
  ["日本語", "日本語"],
  ["Привет, Мир!", "привет-мир"],
  ["Ελλάδα 2026", "ελλάδα-2026"],
  ["שלום עולם", "שלום-עולם"],
  ["---a___b...c---", "a-b-c"],
  ["100% natural / 50% off", "100-natural-50-off"],
  ["a/b?c#d&e=f", "a-b-c-d-e-f"],
] as const) {
  test(`makes ${expected} of ${JSON.stringify(title)}`, async () => {
    assert.equal(await slugOf(title), expected);
  });
}

test("keeps the marks that letters of Indic and Thai scripts are written with", async () => {
  assert.equal(await slugOf("नमस्ते दुनिया"), "नमस्ते-दुनिया");
  assert.equal(await slugOf("สวัสดี"), "สวัสดี");
});

for (const title of ["!!!", "😀😀", "—", "…", "<>", "%2F", "../..", "."]) {
  test(`gives ${JSON.stringify(title)} a slug that leads to it`, async () => {
    const slug = await slugOf(title);
    assert.doesNotMatch(slug, /[^\p{L}\p{N}\p{M}-]/u);
  });
}

for (const title of ["feed", "Feed", " FEED ", "Feed!", "fEED"]) {
  test(`never gives ${JSON.stringify(title)} the slug feed`, async () => {
    assert.notEqual(await slugOf(title), "feed");
  });
}

test("a title changed to Feed does not make the slug feed", async () => {
  const { slug } = await conduit.publish(author);
  const changed = only(await update(slug, { title: "Feed" }), 200, "article");
  assert.notEqual(changed.slug, "feed");
  assert.equal(only(await conduit.request("GET", `/api/articles/${changed.slug}`), 200, "article").title, "Feed");
});

test("two articles may have one title, and each gets its own slug", async () => {
  const slugs = new Set<string>();
  for (let time = 0; time < 5; time += 1) slugs.add(await slugOf("The same title"));
  assert.equal(slugs.size, 5);
});

test("titles that differ in punctuation or case alone get different slugs", async () => {
  assert.equal(
    new Set([await slugOf("Almost Equal"), await slugOf("almost equal!"), await slugOf("ALMOST-EQUAL")]).size,
    3,
  );
});

test("eight articles of one title at once all get their own slug", async () => {
  const articles = await Promise.all(Array.from({ length: 8 }, () => conduit.publish(author, { title: "At once" })));
  assert.equal(new Set(articles.map((article) => article.slug)).size, 8);
});

test("a new title makes a new slug, and the old one is no more", async () => {
  const { slug } = await conduit.publish(author, { title: "Before" });
  const changed = only(await update(slug, { title: "After the change" }), 200, "article");
  assert.equal(changed.slug, "after-the-change");
  assert.equal(changed.title, "After the change");
  assertErrors(await conduit.request("GET", `/api/articles/${slug}`), 404, { article: ["not found"] });
  assert.equal((await conduit.request("GET", "/api/articles/after-the-change")).status, 200);
});

test("the same title again keeps the slug", async () => {
  const { slug } = await conduit.publish(author, { title: "Constant" });
  assert.equal(only(await update(slug, { title: "Constant", body: "New" }), 200, "article").slug, slug);
});

test("the same title again keeps the slug that another article's made it differ from", async () => {
  const [first, second] = [
    await conduit.publish(author, { title: "Twin" }),
    await conduit.publish(author, { title: "Twin" }),
  ];
  assert.equal(only(await update(second.slug, { title: "Twin", body: "New" }), 200, "article").slug, second.slug);
  assert.equal(only(await update(first.slug, { title: "Twin", body: "New" }), 200, "article").slug, first.slug);
});

test("an update of everything but the title keeps the slug", async () => {
  const { slug } = await conduit.publish(author, { title: "Stays" });
  assert.equal(only(await update(slug, { body: "New", description: "New" }), 200, "article").slug, slug);
});

test("a title changed to that of another article makes a slug of its own", async () => {
  const one = await conduit.publish(author, { title: "Popular" });
  const two = await conduit.publish(author, { title: "Unpopular" });
  const changed = only(await update(two.slug, { title: "Popular" }), 200, "article");
  assert.notEqual(changed.slug, one.slug);
  assert.equal(only(await conduit.request("GET", `/api/articles/${one.slug}`), 200, "article").body, one.body);
});

test("comments and favourites stay with the article when its slug changes", async () => {
  const { slug } = await conduit.publish(author, { title: "Moving" });
  const path = `/api/articles/${slug}`;
  await conduit.request("POST", `${path}/favorite`, { token: author.token });
  await conduit.request("POST", `${path}/comments`, { token: author.token, json: { comment: { body: "stays" } } });
  const changed = only(await update(slug, { title: "Moved" }), 200, "article");
  assert.equal(changed.favoritesCount, 1);
  assert.equal(changed.favorited, true);
  const comments = only(await conduit.request("GET", `/api/articles/${changed.slug}/comments`), 200, "comments");
  assert.equal(comments.length, 1);
});

test("the longest title has a slug that still fits into a request", async () => {
  for (const letter of ["a", "語", "😀"]) {
    for (const count of [100, 200, 255]) {
      const title = `${letter.repeat(count)} ${conduit.uniqueName()}`;
      const article = { title, description: "d", body: "b" };
      const answer = await conduit.request("POST", "/api/articles", { token: author.token, json: { article } });
      if (answer.status === 422) continue;
      const path = `/api/articles/${encodeURIComponent(answer.json.article.slug)}`;
      assert.equal(only(await conduit.request("GET", path), 200, "article").title, title);
    }
  }
});

test("finds a slug whose accents were sent as combining characters", async () => {
  const composed = await slugOf("Caf\u00e9 one");
  const decomposed = await slugOf("Cafe\u0301 two");
  assert.equal(composed, "caf\u00e9-one");
  assert.equal(decomposed.normalize("NFC"), "caf\u00e9-two");
});
