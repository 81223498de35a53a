/** Lists of articles: feeds, tags, pages, and the place in them. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { uiForFile } from "./harness.ts";
import { apiPath, navLink, previews } from "./parts.ts";
import { counted, gone, isAt, reads, seen, until } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
const reader = await conduit.register({ username: "reader" });
const TOTAL = 25;
// From old to new: the first page begins with number 25.
for (let number = 1; number <= TOTAL; number++) {
  const tagList = number % 2 === 0 ? ["even", "zwei/drei"] : ["odd"];
  await conduit.publish(author, { title: `Number ${number}`, description: `It is ${number}`, tagList });
}
await conduit.publish(reader, { title: "Alone" });
await conduit.request("POST", "/api/profiles/author/follow", { token: reader.token });

const titles = async (page: Page): Promise<string[]> => await previews(page).locator("h1").allInnerTexts();
const pageLinks = (page: Page) => page.locator(".pagination .page-link");
const signIn = async (page: Page): Promise<void> => {
  await page.addInitScript((token) => localStorage.setItem("jwtToken", token), reader.token);
};

ui.test("the home page has ten articles, the tags, and who they are by", async ({ page }) => {
  await page.goto("/");
  await counted(previews(page), 10);
  assert.deepEqual((await titles(page)).slice(0, 3), ["Alone", "Number 25", "Number 24"]);
  await seen(page.locator(".banner"));
  const preview = previews(page).nth(1);
  await reads(preview.locator("p").first(), "It is 25");
  assert.match((await preview.locator("img").first().getAttribute("src")) ?? "", /default-avatar\.svg$/);
  await seen(preview.locator(".author", { hasText: "author" }));
  await seen(preview.locator(".tag-list", { hasText: "odd" }));
  await seen(page.locator(".sidebar .tag-default", { hasText: "even" }));
  await gone(page.locator(".feed-toggle", { hasText: "Your Feed" }));
  await reads(page.locator(".feed-toggle .nav-link.active"), "Global Feed");
  await preview.locator(".preview-link").click();
  await isAt(page, "/article/number-25");
});

ui.test("a list has all its pictures", { viewport: { width: 1000, height: 200 } }, async ({ page }) => {
  await page.goto("/");
  // Also that of the last article, which is far below the window.
  await until(
    "ten pictures",
    async () =>
      await page.evaluate(() => {
        const images = [...document.querySelectorAll<HTMLImageElement>(".article-preview img")];
        return images.filter((image) => image.complete && image.naturalWidth > 0).length;
      }),
    (count) => count === 10,
  );
});

ui.test("pages are real links, with the page in the address", async ({ page, context }) => {
  await page.goto("/");
  await counted(pageLinks(page), 3);
  await reads(page.locator(".page-item.active"), "1");
  const href = await pageLinks(page).nth(1).getAttribute("href");
  assert.equal(href, "/?page=2");
  await pageLinks(page).nth(1).click();
  await isAt(page, "/?page=2");
  await reads(previews(page).locator("h1"), "Number 16");
  await reads(page.locator(".page-item.active"), "2");
  await until(
    "the top of the page",
    async () => await page.evaluate(() => scrollY),
    (top) => top < 400,
  );
  const other = await context.newPage();
  await other.goto("/?page=3");
  await counted(previews(other), 6);
  await reads(other.locator(".page-item.active"), "3");
});

ui.test(
  "back and forward lead to the page and the place in it",
  { viewport: { width: 1000, height: 500 } },
  async ({ page }) => {
    await page.goto("/?page=2");
    await counted(previews(page), 10);
    await page.evaluate(() => scrollTo(0, 700));
    const place = await page.evaluate(() => scrollY);
    assert.ok(place > 300, `found a page that scrolls to ${place}`);
    // By the keyboard: a click would scroll to what it clicks.
    await page.locator(".preview-link", { hasText: "Number 12" }).evaluate((link: HTMLElement) => link.click());
    await isAt(page, "/article/number-12");
    await reads(page.locator(".article-page h1"), "Number 12");
    await until(
      "the top of the article",
      async () => await page.evaluate(() => scrollY),
      (top) => top === 0,
    );
    await page.goBack();
    await isAt(page, "/?page=2");
    await counted(previews(page), 10);
    await until(
      "the place",
      async () => await page.evaluate(() => scrollY),
      (top) => Math.abs(top - place) < 5,
    );
    await page.goForward();
    await reads(page.locator(".article-page h1"), "Number 12");
    await page.goBack();
    await until(
      "the place",
      async () => await page.evaluate(() => scrollY),
      (top) => Math.abs(top - place) < 5,
    );
    await page.reload();
    await counted(previews(page), 10);
    await until(
      "the place",
      async () => await page.evaluate(() => scrollY),
      (top) => Math.abs(top - place) < 5,
    );
  },
);

ui.test("a tag has a list of its own, with pages", async ({ page }) => {
  await page.goto("/");
  await page.locator(".sidebar .tag-default", { hasText: "zwei/drei" }).click();
  await isAt(page, "/tag/zwei%2Fdrei");
  await reads(previews(page).locator("h1"), "Number 24");
  await reads(page.locator(".feed-toggle .nav-link.active"), /zwei\/drei/);
  await counted(pageLinks(page), 2);
  await pageLinks(page).nth(1).click();
  await isAt(page, "/tag/zwei%2Fdrei?page=2");
  await counted(previews(page), 2);
  await page.reload();
  await counted(previews(page), 2);
  await page.locator(".feed-toggle .nav-link", { hasText: "Global Feed" }).click();
  await isAt(page, "/");
  await reads(previews(page).locator("h1"), "Alone");
});

ui.test("your feed has who you follow", async ({ page }) => {
  await signIn(page);
  await page.goto("/");
  await page.locator(".feed-toggle .nav-link", { hasText: "Your Feed" }).click();
  await isAt(page, "/?feed=following");
  await reads(page.locator(".feed-toggle .nav-link.active"), "Your Feed");
  await reads(previews(page).locator("h1"), "Number 25");
  await pageLinks(page).nth(2).click();
  await isAt(page, /^\/\?(?:feed=following&page=3|page=3&feed=following)$/);
  await counted(previews(page), 5);
  await page.reload();
  await counted(previews(page), 5);
});

ui.test("a list without articles says so", { signedIn: true }, async ({ page, user }) => {
  await page.goto("/?feed=following");
  await reads(page.locator(".empty-feed-message"), /Your feed is empty/);
  await counted(pageLinks(page), 0);
  await page.goto("/tag/no-such-tag");
  await seen(page.locator(".empty-feed-message"));
  await page.goto(`/profile/${user.username}`);
  await seen(page.locator(".empty-feed-message"));
  await page.goto(`/profile/${user.username}/favorites`);
  await seen(page.locator(".empty-feed-message"));
});

ui.test("a page past the last one is no dead end", async ({ page }) => {
  for (const number of ["99", "0", "x"]) {
    await page.goto(`/?page=${number}`);
    await seen(previews(page).or(page.locator(".empty-feed-message")));
    await seen(navLink(page, "Home"));
  }
});

ui.test("skeletons stand where articles will be", async ({ page }) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.route(apiPath(/^\/articles$/), async (route) => {
    await promise;
    await route.continue();
  });
  await page.goto("/");
  await seen(page.locator("[aria-busy=true], .skeleton"));
  await gone(page.locator(".empty-feed-message"));
  const before = await page.locator("main, #root").first().boundingBox();
  assert.ok((before?.height ?? 0) > 500, "what stands there has the height of a list");
  resolve();
  await counted(previews(page), 10);
  await gone(page.locator("[aria-busy=true] .skeleton, .article-preview.skeleton"));
});

ui.test("an answer that is overtaken is not shown", async ({ page }) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.goto("/");
  await counted(previews(page), 10);
  await page.route(
    (url) => url.search.includes("tag=even"),
    async (route) => {
      await promise;
      await route.continue().catch(() => {});
    },
  );
  await page.locator(".sidebar .tag-default", { hasText: "even" }).click();
  await isAt(page, "/tag/even");
  await page.locator(".sidebar .tag-default", { hasText: "odd" }).click();
  await isAt(page, "/tag/odd");
  await reads(previews(page).locator("h1"), "Number 25");
  resolve();
  await reads(previews(page).locator("h1"), "Number 25");
  await reads(page.locator(".feed-toggle .nav-link.active"), /odd/);
});
