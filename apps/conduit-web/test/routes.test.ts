/** Addresses, read and made. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readPage, to, type Page } from "../src/routes.ts";

const at = (path: string): Page => readPage(new URL(path, "http://conduit.test"));

const PAGES: ReadonlyArray<[path: string, page: Page]> = [
  ["/", { name: "home", feed: "global", page: 1 }],
  ["/?feed=following", { name: "home", feed: "following", page: 1 }],
  ["/?feed=other&page=3", { name: "home", feed: "global", page: 3 }],
  ["/tag/a%2Fb%20c?page=2", { name: "tag", tag: "a/b c", page: 2 }],
  ["/login", { name: "login" }],
  ["/register/", { name: "register" }],
  ["/settings", { name: "settings" }],
  ["/editor", { name: "editor", slug: undefined }],
  ["/editor/a-slug", { name: "editor", slug: "a-slug" }],
  ["/article/%D7%A9%D7%9C%D7%95%D7%9D", { name: "article", slug: "שלום" }],
  ["/profile/ann", { name: "profile", username: "ann", tab: "articles", page: 1 }],
  ["/profile/ann/favorites?page=4", { name: "profile", username: "ann", tab: "favorites", page: 4 }],
];
for (const [path, page] of PAGES) {
  test(`${path} is the page "${page.name}"`, () => {
    assert.deepEqual(at(path), page);
  });
}

for (const path of [
  "/nowhere",
  "/tag",
  "/tag//",
  "/article/a/b",
  "/profile/ann/other",
  "/article/%E0%A4%A",
  "/index.html",
]) {
  test(`${path} is no page`, () => {
    assert.deepEqual(at(path), { name: "not-found" });
  });
}

for (const page of ["0", "-1", "1.5", "x", "", "1e99", "9007199254740993"]) {
  test(`page=${page} is the first page`, () => {
    assert.deepEqual(at(`/?page=${page}`), { name: "home", feed: "global", page: 1 });
  });
}

const NAMES = ["plain", "with space", "a/b", "a?b#c", "50%", "héé", "שלום", "a+b&c=d", "<script>"];
for (const name of NAMES) {
  test(`the addresses of "${name}" lead to it`, () => {
    assert.deepEqual(at(to.tag(name, 2)), { name: "tag", tag: name, page: 2 });
    assert.deepEqual(at(to.article(name)), { name: "article", slug: name });
    assert.deepEqual(at(to.editor(name)), { name: "editor", slug: name });
    assert.deepEqual(at(to.profile(name, "favorites", 3)), {
      name: "profile",
      username: name,
      tab: "favorites",
      page: 3,
    });
  });
}

test("the first page of a list has the address of the list", () => {
  assert.deepEqual(
    [to.home(1), to.following(1), to.following(2)],
    ["/", "/?feed=following", "/?feed=following&page=2"],
  );
});
