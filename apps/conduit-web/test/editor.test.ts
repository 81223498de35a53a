/** The editor: new and old articles, tags, the preview, and that nothing typed is lost. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { uiForFile } from "./harness.ts";
import { answer, apiPath, button, errors, field, fill, logIn } from "./parts.ts";
import { counted, gone, holds, isAt, reads, seen } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const TYPED = { title: "On rivers", description: "How they find the sea", body: "They **flow**." };
const chips = (page: Page) => page.locator(".tag-list .tag-pill");

async function addTag(page: Page, tag: string): Promise<void> {
  const input = page.getByPlaceholder("Enter tags");
  await input.fill(tag);
  await input.press("Enter");
}

ui.test("an article is published with its tags, in their order", { signedIn: true }, async ({ page, user }) => {
  await page.goto("/editor");
  await fill(page, TYPED);
  for (const tag of ["water", "salt", "water", "  ", "bed"]) await addTag(page, tag);
  await counted(chips(page), 3);
  await isAt(page, "/editor");
  await chips(page).filter({ hasText: "salt" }).locator("i").click();
  await counted(chips(page), 2);
  await button(page, "Publish Article").click();
  await isAt(page, "/article/on-rivers");
  await reads(page.locator(".article-page h1"), "On rivers");
  await seen(page.locator(".article-content strong", { hasText: "flow" }));
  const { json } = await conduit.request("GET", "/api/articles/on-rivers");
  assert.deepEqual(json.article.tagList, ["water", "bed"]);
  assert.equal(json.article.author.username, user.username);
});

ui.test("Enter among the tags adds one, and sends nothing", { signedIn: true }, async ({ page, requests }) => {
  await page.goto("/editor");
  await fill(page, { ...TYPED, title: "By the keyboard alone" });
  await addTag(page, "keys");
  await addTag(page, "");
  await counted(chips(page), 1);
  await isAt(page, "/editor");
  assert.deepEqual(
    requests.filter((one) => one.method() === "POST"),
    [],
  );
});

ui.test("an article that is refused says why, and keeps what was typed", { signedIn: true }, async (visit) => {
  const { page, allow } = visit;
  allow(/ 422 /);
  await page.goto("/editor");
  await fill(page, { ...TYPED, title: "" });
  await addTag(page, "kept");
  await button(page, "Publish Article").click();
  await reads(errors(page), "title can't be blank");
  await holds(field(page, "body"), TYPED.body);
  await holds(field(page, "description"), TYPED.description);
  await counted(chips(page), 1);
  await isAt(page, "/editor");
});

ui.test("editing shows what is there, and keeps what is not changed", { signedIn: true }, async ({ page, user }) => {
  const { slug } = await conduit.publish(user, { ...TYPED, title: "Before", tagList: ["one", "two"] });
  await page.goto(`/article/${slug}`);
  await page.getByRole("link", { name: "Edit Article" }).first().click();
  await isAt(page, `/editor/${slug}`);
  await holds(field(page, "title"), "Before");
  await holds(field(page, "description"), TYPED.description);
  await holds(field(page, "body"), TYPED.body);
  await counted(chips(page), 2);
  await field(page, "title").fill("After");
  await button(page, "Publish Article").click();
  await isAt(page, "/article/after");
  const { json } = await conduit.request("GET", "/api/articles/after");
  assert.deepEqual(json.article.tagList, ["one", "two"]);
  assert.equal(json.article.body, TYPED.body);
});

ui.test("an article whose tags are all removed has none", { signedIn: true }, async ({ page, user, requests }) => {
  const { slug } = await conduit.publish(user, { tagList: ["one", "two"] });
  await page.goto(`/editor/${slug}`);
  await counted(chips(page), 2);
  await chips(page).first().locator("i").click();
  await chips(page).first().locator("i").click();
  await counted(chips(page), 0);
  await button(page, "Publish Article").click();
  await isAt(page, `/article/${slug}`);
  const sent = requests.find((one) => one.method() === "PUT")?.postDataJSON();
  assert.deepEqual(sent.article.tagList, []);
  const { json } = await conduit.request("GET", `/api/articles/${slug}`);
  assert.deepEqual(json.article.tagList, []);
});

ui.test("the preview shows the text as it will be", { signedIn: true }, async ({ page }) => {
  await page.goto("/editor");
  await fill(page, { ...TYPED, body: "# Sources\n\n- springs\n- glaciers" });
  await page.getByText("Preview", { exact: true }).first().click();
  await seen(page.locator(".editor-preview :is(h1, h2)", { hasText: "Sources" }));
  await counted(page.locator(".editor-preview li"), 2);
});

ui.test("an article of somebody else is not changed, and the editor says so", { signedIn: true }, async (visit) => {
  const { page, allow } = visit;
  allow(/ 403 /);
  const other = await conduit.register();
  const { slug } = await conduit.publish(other, { title: "Not yours", body: "As it was" });
  await page.goto(`/editor/${slug}`);
  await field(page, "body").fill("Mine now");
  await button(page, "Publish Article").click();
  await reads(errors(page), "article forbidden");
  const { json } = await conduit.request("GET", `/api/articles/${slug}`);
  assert.equal(json.article.body, "As it was");
});

ui.test("a double click publishes one article", { signedIn: true }, async ({ page, user, requests }) => {
  await page.route(apiPath(/^\/articles$/), async (route) => {
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 50)));
    await route.continue();
  });
  await page.goto("/editor");
  await fill(page, { ...TYPED, title: "Twice" });
  await button(page, "Publish Article").dblclick();
  await isAt(page, "/article/twice");
  assert.equal(requests.filter((one) => one.method() === "POST").length, 1);
  const { json } = await conduit.request("GET", `/api/articles?author=${user.username}`);
  assert.equal(json.articlesCount, 1);
});

ui.test("a session that ends while one writes loses nothing", { signedIn: true }, async ({ page, user, allow }) => {
  allow(/ 401 /);
  await page.goto("/editor");
  await fill(page, { ...TYPED, title: "Not lost" });
  await addTag(page, "kept");
  const refuse = { errors: { token: ["is invalid"] } };
  const refused = apiPath(/^\/(?:articles|user)$/);
  await page.route(refused, async (route) => {
    if (route.request().method() === "GET" && route.request().url().includes("/articles")) await route.fallback();
    else await answer(route, 401, refuse);
  });
  await button(page, "Publish Article").click();
  // Whether the form stays or the login takes its place: after it everything is there.
  await seen(errors(page).or(page.getByRole("heading", { name: "Sign in" })));
  await page.unrouteAll();
  await logIn(page, user);
  await gone(page.getByRole("heading", { name: "Sign in" }));
  await page.goto("/editor");
  await holds(field(page, "title"), "Not lost");
  await holds(field(page, "description"), TYPED.description);
  await holds(field(page, "body"), TYPED.body);
  await counted(chips(page), 1);
  await button(page, "Publish Article").click();
  await isAt(page, "/article/not-lost");
  await page.goto("/editor");
  await holds(field(page, "title"), "");
});

ui.test("a server that fails leaves the form as it was", { signedIn: true }, async ({ page, allow }) => {
  allow(/ 500 /, /ERR_FAILED/);
  await page.goto("/editor");
  await fill(page, { ...TYPED, title: "At last" });
  let isAway = false;
  await page.route(apiPath(/^\/articles$/), async (route) => {
    if (isAway) await route.abort();
    else await answer(route, 500, "");
  });
  for (isAway of [false, true]) {
    await button(page, "Publish Article").click();
    await seen(errors(page));
    await holds(field(page, "title"), "At last");
    await holds(field(page, "body"), TYPED.body);
  }
  await page.unrouteAll();
  await button(page, "Publish Article").click();
  await isAt(page, "/article/at-last");
});
