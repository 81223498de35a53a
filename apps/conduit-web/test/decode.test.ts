/** Answers of servers, good and strange. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeArticle,
  decodeArticles,
  decodeComments,
  decodeErrors,
  decodeProfile,
  decodeTags,
  decodeUser,
  UnreadableAnswer,
} from "../src/decode.ts";

const AUTHOR = { username: "ann", bio: null, image: null, following: true };
const ARTICLE = {
  slug: "a",
  title: "A",
  description: "about a",
  body: "text",
  tagList: ["x", "y"],
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-02T00:00:00.000Z",
  favorited: true,
  favoritesCount: 3,
  author: AUTHOR,
};

test("a whole article is read as it is", () => {
  assert.deepEqual(decodeArticle({ article: ARTICLE }), ARTICLE);
});

test("what an article lacks has a plain stand-in", () => {
  assert.deepEqual(decodeArticle({ article: { slug: "a", tagList: null, author: null, favoritesCount: "3" } }), {
    slug: "a",
    title: "",
    description: "",
    body: "",
    tagList: [],
    createdAt: "",
    updatedAt: "",
    favorited: false,
    favoritesCount: 0,
    author: { username: "", bio: null, image: null, following: false },
  });
});

test("a list without a count counts what it has", () => {
  assert.equal(decodeArticles({ articles: [ARTICLE], articlesCount: null }).articlesCount, 1);
  assert.equal(decodeArticles({ articles: [ARTICLE], articlesCount: 25 }).articlesCount, 25);
});

test("a bio and an image of white space are none", () => {
  const { bio, image } = decodeProfile({ profile: { username: "ann", bio: "", image: "  " } });
  assert.deepEqual([bio, image], [null, null]);
});

const STRANGE = [undefined, null, 1, "text", [], {}, { article: null }, { articles: {} }, { articles: [null] }];
for (const answer of STRANGE) {
  test(`${JSON.stringify(answer)} can be read as nothing`, () => {
    const readers = [decodeArticle, decodeArticles, decodeComments, decodeProfile, decodeTags, decodeUser];
    for (const read of readers) assert.throws(() => read(answer), UnreadableAnswer);
    assert.deepEqual(decodeErrors(answer), []);
  });
}

test("a user without a token or a name is none", () => {
  assert.throws(() => decodeUser({ user: { username: "ann", token: "" } }), UnreadableAnswer);
  assert.throws(() => decodeUser({ user: { username: "", token: "t" } }), UnreadableAnswer);
});

test("errors are a sentence for each message, whatever holds them", () => {
  const errors = { email: ["is invalid", "is too long"], name: "is taken", odd: { a: 1 }, none: [], more: [null, 1] };
  assert.deepEqual(decodeErrors({ errors }), ["email is invalid", "email is too long", "name is taken"]);
});

test("tags that stand twice or are no text are left out", () => {
  assert.deepEqual(decodeTags({ tags: ["a", "b", "a", "", null, 1] }), ["a", "b"]);
});
