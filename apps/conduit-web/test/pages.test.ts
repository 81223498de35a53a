/** Every address by a full load, what is no page, and the way between pages. */
import assert from "node:assert/strict";
import { uiForFile } from "./harness.ts";
import { navLink, previews } from "./parts.ts";
import { drawn, isAt, reads, seen } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
await conduit.publish(author, { title: "Rivers", tagList: ["water"] });
await conduit.publish(author, { title: "Реки и моря", tagList: ["вода"] });

const OPEN: ReadonlyArray<readonly [path: string, shows: string]> = [
  ["/", ".article-preview:has(h1:not(:empty))"],
  ["/?page=1", ".article-preview:has(h1:not(:empty))"],
  ["/tag/water", ".article-preview:has(h1:not(:empty))"],
  ["/tag/%D0%B2%D0%BE%D0%B4%D0%B0", ".article-preview:has(h1:not(:empty))"],
  ["/login", "[name=email]"],
  ["/register", "[name=username]"],
  ["/article/rivers", ".article-content"],
  [`/article/${encodeURIComponent("реки-и-моря")}`, ".article-content"],
  ["/profile/author", ".user-info h4"],
  ["/profile/author/favorites", ".user-info h4"],
];
const OWN: ReadonlyArray<readonly [path: string, shows: string]> = [
  ["/?feed=following", ".empty-feed-message"],
  ["/editor", "[name=title]"],
  ["/settings", "[name=bio]"],
];

ui.test("every page is there by a full load, with a title of its own", async ({ page }) => {
  const titles = new Set<string>();
  for (const [path, shows] of OPEN) {
    const response = await page.goto(path);
    assert.equal(response?.status(), 200, path);
    await seen(page.locator(shows));
    titles.add(await page.title());
    assert.equal(await page.locator("main").count(), 1, `${path} has one main part`);
  }
  assert.ok(titles.size >= 6, `found the titles ${[...titles].join(", ")}`);
});

ui.test("the pages of an account are there by a full load", { signedIn: true }, async ({ page }) => {
  for (const [path, shows] of OWN) {
    const response = await page.goto(path);
    assert.equal(response?.status(), 200, path);
    await seen(page.locator(shows));
  }
});

ui.test("an address that is no page says so, with status 404, and leads home", async ({ page, allow }) => {
  allow(/ 404 /);
  // nginx refuses by itself what is not encoded as it should be.
  const undecodable = ui.origin.startsWith("https:") ? [] : ["/%zz"];
  for (const path of ["/no/such/page", "/profile", "/article/a/b", "/profile/author/other", "/tag/", ...undecodable]) {
    const response = await page.goto(path);
    assert.equal(response?.status(), 404, path);
    await seen(page.getByText(/not found|no such|does not exist|cannot be found/i));
  }
  await page.goto("/no/such/page");
  await navLink(page, "Home").click();
  await isAt(page, "/");
  await seen(previews(page));
});

ui.test("the way between pages loads no page anew", async ({ page }) => {
  await page.goto("/");
  await seen(previews(page));
  await page.evaluate(() => Object.assign(window, { isSame: true }));
  await navLink(page, "Sign in").click();
  await isAt(page, "/login");
  await navLink(page, "Sign up").click();
  await isAt(page, "/register");
  await page.locator(".navbar-brand").click();
  await isAt(page, "/");
  await page.locator(".preview-link").first().click();
  await seen(page.locator(".article-page h1"));
  await page.goBack();
  await isAt(page, "/");
  await page.goBack();
  await isAt(page, "/register");
  await seen(page.locator("[name=username]"));
  await page.goForward();
  await seen(previews(page));
  assert.equal(await page.evaluate(() => "isSame" in window), true);
});

ui.test("a link opens in a tab of its own when asked to", async ({ page, context }) => {
  await page.goto("/");
  await seen(previews(page));
  const [other] = await Promise.all([
    context.waitForEvent("page"),
    page
      .locator(".preview-link")
      .first()
      .click({ modifiers: ["Control"] }),
  ]);
  await seen(other.locator(".article-page h1"));
  await isAt(page, "/");
});

ui.test("a page begins at its main part for the keyboard and for screen readers", async ({ page }) => {
  await page.goto("/");
  await seen(previews(page));
  await page.locator(".preview-link").first().click();
  await reads(page.locator(".article-page h1"), /\S/);
  await drawn(page);
  const focused = await page.evaluate(() => document.activeElement?.tagName);
  assert.ok(focused !== "A", `the focus went along: found it on ${focused}`);
});

ui.test("the whole of a form is reached by the keyboard", async ({ page }) => {
  await page.goto("/login");
  await seen(page.locator("[name=email]"));
  await page.locator("[name=email]").focus();
  await page.keyboard.type(author.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(author.password);
  await page.keyboard.press("Enter");
  await isAt(page, "/");
  await seen(navLink(page, "author"));
});
