/** An article's page: its text, favourite and follow, comments, and deleting. */
import assert from "node:assert/strict";
import { uiForFile } from "./harness.ts";
import { answer, apiPath, button, comments, errors, favoriteOf, gate, previews } from "./parts.ts";
import { counted, drawn, gone, holds, isAt, reads, seen, until } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
const COMMENT = "Write a comment...";

ui.test("an article shows its text, its tags and its author", async ({ page }) => {
  const body =
    "# Springs\n\nThey *rise*.\n\n- one\n- two\n\n`code` and [a link](https://example.com/)\n\n| a | b |\n|-|-|\n| 1 | 2 |";
  const { slug } = await conduit.publish(author, { title: "Sources", body, tagList: ["water", "bed rock"] });
  await page.goto(`/article/${slug}`);
  await reads(page.locator(".article-page h1"), "Sources");
  const content = page.locator(".article-content");
  await seen(content.locator("em", { hasText: "rise" }));
  await counted(content.locator("ul:not(.tag-list) li"), 2);
  await seen(content.locator("code"));
  await seen(content.locator("table"));
  assert.equal(await content.getByRole("link", { name: "a link" }).getAttribute("href"), "https://example.com/");
  assert.match(await page.title(), /Sources/);
  await seen(page.locator(".article-meta .author", { hasText: "author" }));
  await page.getByRole("link", { name: "bed rock" }).click();
  await isAt(page, "/tag/bed%20rock");
  await seen(previews(page).filter({ hasText: "Sources" }));
  await page.goBack();
  await page.locator(".article-meta .author").first().click();
  await isAt(page, "/profile/author");
});

ui.test("times are relative, with the exact one beside", async ({ page }) => {
  const { slug } = await conduit.publish(author, { title: "Old" });
  const created = new Date(Date.now() - 3 * 24 * 60 * 60 * 1000).toISOString();
  await page.route(apiPath(/^\/articles\/old$/), async (route) => {
    const { article } = (await conduit.request("GET", `/api/articles/${slug}`)).json;
    await answer(route, 200, { article: { ...article, createdAt: created } });
  });
  await page.goto(`/article/${slug}`);
  const time = page.locator(".article-meta time").first();
  await reads(time, /3 days ago/);
  assert.equal(await time.getAttribute("datetime"), created);
  assert.match((await time.getAttribute("title")) ?? "", new RegExp(String(new Date(created).getFullYear())));
});

ui.test("an article that is not there says so", async ({ page, allow }) => {
  allow(/ 404 /);
  await page.goto("/article/no-such-article");
  await seen(page.locator(".article-page").getByText(/not found|no such|does not exist|cannot be found/i));
  await seen(page.locator(".navbar"));
});

ui.test("a favourite is shown before the answer, and stays", { signedIn: true }, async ({ page, user, requests }) => {
  const { slug } = await conduit.publish(author, { title: "Liked" });
  await page.goto("/");
  const heart = favoriteOf(page, "Liked");
  await seen(heart);
  assert.match((await heart.getAttribute("class")) ?? "", /btn-outline-primary/);
  const { opened, open } = gate();
  await page.route(apiPath(/\/favorite$/), async (route) => {
    await opened;
    await route.continue();
  });
  await heart.dblclick();
  await seen(favoriteOf(page, "Liked").and(page.locator(".btn-primary")));
  await reads(heart, /1/);
  open();
  await until(
    "the favourite in the database",
    async () => (await conduit.request("GET", `/api/articles/${slug}`, { token: user.token })).json.article,
    (article) => article.favorited && article.favoritesCount === 1,
  );
  assert.equal(requests.filter((one) => one.url().endsWith("/favorite")).length, 1, "a double click sends one request");
  await page.goto(`/article/${slug}`);
  await button(page, "Unfavorite Article").click();
  await seen(button(page, "Favorite Article"));
  await until(
    "no favourite in the database",
    async () => (await conduit.request("GET", `/api/articles/${slug}`)).json.article.favoritesCount,
    (count) => count === 0,
  );
});

ui.test("a favourite that fails is taken back, and told", { signedIn: true }, async ({ page, allow }) => {
  allow(/ 500 /, /ERR_FAILED/);
  const { slug } = await conduit.publish(author, { title: "Hardly liked" });
  const { opened, open } = gate();
  let fails = true;
  await page.route(apiPath(/\/favorite$/), async (route) => {
    await opened;
    if (fails) await answer(route, 500, {});
    else await route.abort();
  });
  await page.goto(`/article/${slug}`);
  await button(page, "Favorite Article").click();
  await seen(button(page, "Unfavorite Article"));
  open();
  await seen(
    page.getByRole("button", { name: "Favorite Article", exact: false }).and(page.locator(".btn-outline-primary")),
  );
  await reads(button(page, "Favorite Article"), /0/);
  fails = false;
  await page.goto("/");
  await favoriteOf(page, "Hardly liked").click();
  await seen(favoriteOf(page, "Hardly liked").and(page.locator(".btn-outline-primary")));
  await page.unrouteAll();
  await favoriteOf(page, "Hardly liked").click();
  await seen(favoriteOf(page, "Hardly liked").and(page.locator(".btn-primary")));
});

ui.test("an author is followed from the article", { signedIn: true }, async ({ page }) => {
  const { slug } = await conduit.publish(author);
  await page.goto(`/article/${slug}`);
  await button(page, "Follow author").click();
  await seen(button(page, "Unfollow author"));
  await page.reload();
  await button(page, "Unfollow author").click();
  await seen(page.getByRole("button", { name: "Follow author", exact: true }).or(button(page, "Follow author")));
  await gone(page.getByRole("button", { name: "Unfollow author" }));
});

ui.test("a comment is written, read and deleted", { signedIn: true }, async ({ page, user }) => {
  const { slug } = await conduit.publish(author);
  const first = { comment: { body: "The first" } };
  await conduit.request("POST", `/api/articles/${slug}/comments`, { token: author.token, json: first });
  await page.goto(`/article/${slug}`);
  await counted(comments(page), 1);
  await counted(page.locator(".mod-options .ion-trash-a, .ion-trash-a"), 0);
  await page.getByPlaceholder(COMMENT).fill("Two lines\nof mine");
  await button(page, "Post Comment").click();
  await counted(comments(page), 2);
  const own = comments(page).filter({ hasText: "Two lines" });
  await seen(own.locator(`a[href="/profile/${user.username}"]`));
  await holds(page.getByPlaceholder(COMMENT), "");
  assert.match(await own.innerText(), /Two lines\n+of mine/);
  await page.reload();
  await counted(comments(page), 2);
  await reads(comments(page).first().locator("p.card-text"), /^Two lines/);
  await page.locator(".mod-options .ion-trash-a").click();
  await counted(comments(page), 1);
  const { json } = await conduit.request("GET", `/api/articles/${slug}/comments`);
  assert.equal(json.comments.length, 1);
});

ui.test("a comment that is refused or fails stays in its box, and says why", { signedIn: true }, async (visit) => {
  const { page, allow, requests } = visit;
  allow(/ 500 /, / 422 /, / 403 /);
  const { slug } = await conduit.publish(author);
  await page.goto(`/article/${slug}`);
  let status = 500;
  await page.route(apiPath(/\/comments$/), async (route) => {
    if (route.request().method() === "POST") await answer(route, status, { errors: { body: ["is not to my taste"] } });
    else await route.continue();
  });
  await page.getByPlaceholder(COMMENT).fill("Not lost");
  await button(page, "Post Comment").click();
  await seen(errors(page));
  await holds(page.getByPlaceholder(COMMENT), "Not lost");
  status = 422;
  await button(page, "Post Comment").click();
  await reads(errors(page), "body is not to my taste");
  await holds(page.getByPlaceholder(COMMENT), "Not lost");
  await page.unrouteAll();
  const before = requests.length;
  await button(page, "Post Comment").dblclick();
  await counted(comments(page), 1);
  await drawn(page);
  const posts = requests.slice(before).filter((one) => one.method() === "POST");
  assert.equal(posts.length, 1, "a double click sends one request");
  const deleteFails = apiPath(/\/comments\/\d+$/);
  await page.route(deleteFails, async (route) => await answer(route, 403, { errors: { comment: ["forbidden"] } }));
  await page.locator(".mod-options .ion-trash-a").click();
  await until(
    "the comment again",
    async () => await comments(page).count(),
    (count) => count === 1,
  );
});

ui.test("an anonymous visitor reads comments and is asked to sign in", async ({ page }) => {
  const { slug } = await conduit.publish(author);
  const json = { comment: { body: "Read me" } };
  await conduit.request("POST", `/api/articles/${slug}/comments`, { token: author.token, json });
  await page.goto(`/article/${slug}`);
  await reads(comments(page).locator("p.card-text"), "Read me");
  await gone(page.getByPlaceholder(COMMENT));
  await page.locator(".article-page").getByRole("link", { name: "Sign in" }).first().click();
  await isAt(page, "/login");
});

ui.test("an article is deleted by its author alone", { signedIn: true }, async ({ page, user }) => {
  const { slug: theirs } = await conduit.publish(author);
  await page.goto(`/article/${theirs}`);
  await seen(button(page, "Favorite Article"));
  await gone(page.getByRole("button", { name: "Delete Article" }));
  await gone(page.getByRole("link", { name: "Edit Article" }));
  const { slug } = await conduit.publish(user, { title: "To be deleted" });
  await page.goto(`/article/${slug}`);
  await gone(page.getByRole("button", { name: /^Follow/ }));
  await button(page, "Delete Article").click();
  await isAt(page, "/");
  await seen(previews(page));
  await gone(previews(page).filter({ hasText: "To be deleted" }));
  const { status } = await conduit.send("GET", `/api/articles/${slug}`);
  assert.equal(status, 404);
});

ui.test("an article that cannot be deleted stays, and says why", { signedIn: true }, async ({ page, user, allow }) => {
  allow(/ 500 /);
  const { slug } = await conduit.publish(user, { title: "Stays" });
  await page.goto(`/article/${slug}`);
  await page.route(apiPath(/^\/articles\/stays$/), async (route) => {
    if (route.request().method() === "DELETE") await answer(route, 500, {});
    else await route.continue();
  });
  await button(page, "Delete Article").click();
  await seen(page.locator("[role=alert], [role=status], .error-messages").filter({ hasText: /\w/ }));
  await isAt(page, `/article/${slug}`);
  await reads(page.locator(".article-page h1"), "Stays");
});
