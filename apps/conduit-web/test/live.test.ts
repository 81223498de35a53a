/** What others do appears without a reload, where the server tells of it; without that everything else works. */
import type { Page } from "playwright-core";
import { uiForFile } from "./harness.ts";
import { apiPath, button, comments, favoriteOf, previews } from "./parts.ts";
import { counted, reads, seen } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
const other = await conduit.register({ username: "other" });
/** Longer than a page waits before it listens. */
const SETTLED_MS = 10_000;

/** Goes to a page and lets the time pass until it listens to the server. */
async function listenAt(page: Page, path: string, shows: string): Promise<void> {
  await page.clock.install();
  await page.goto(path);
  await seen(page.locator(shows));
  const listening = page.waitForResponse((response) => response.url().includes("/api/events"));
  await page.clock.fastForward(SETTLED_MS);
  await listening;
}

ui.test("a comment of somebody else appears, and one that is deleted goes", { signedIn: true }, async ({ page }) => {
  const { slug } = await conduit.publish(author, { title: "Talked about" });
  await listenAt(page, `/article/${slug}`, ".comment-form textarea");
  await page.getByPlaceholder("Write a comment...").fill("Half a");
  const path = `/api/articles/${slug}/comments`;
  const { json } = await conduit.request("POST", path, {
    token: other.token,
    json: { comment: { body: "I am here" } },
  });
  await reads(comments(page).locator("p.card-text"), "I am here");
  // What one types meanwhile stays.
  await page.getByPlaceholder("Write a comment...").pressSequentially(" word");
  await button(page, "Post Comment").click();
  await counted(comments(page), 2);
  await reads(comments(page).locator("p.card-text"), "Half a word");
  await conduit.request("DELETE", `${path}/${json.comment.id}`, { token: other.token });
  await conduit.request("POST", path, { token: author.token, json: { comment: { body: "Thanks" } } });
  await reads(comments(page).locator("p.card-text"), "Thanks");
  await counted(comments(page), 2);
});

ui.test("counts of favourites move, on the article and in lists", async ({ page, context }) => {
  const { slug } = await conduit.publish(author, { title: "Liked" });
  await listenAt(page, "/", ".article-preview h1:not(:empty)");
  await reads(favoriteOf(page, "Liked"), /0/);
  await conduit.request("POST", `/api/articles/${slug}/favorite`, { token: other.token });
  await reads(favoriteOf(page, "Liked"), /1/);
  const article = await context.newPage();
  await listenAt(article, `/article/${slug}`, ".article-content");
  await reads(button(article, "Favorite Article"), /1/);
  await conduit.request("DELETE", `/api/articles/${slug}/favorite`, { token: other.token });
  await reads(button(article, "Favorite Article"), /0/);
});

ui.test("without live events everything else works", { signedIn: true }, async ({ page }) => {
  const { slug } = await conduit.publish(author, { title: "Quiet" });
  await page.clock.install();
  const asked = page.waitForRequest((request) => request.url().includes("/api/events"));
  await page.route(apiPath(/^\/events/), async (route) => await route.fulfill({ status: 404, json: { errors: {} } }));
  await page.goto("/");
  await seen(previews(page));
  await page.clock.fastForward(SETTLED_MS);
  await asked;
  await page.locator(".preview-link", { hasText: "Quiet" }).click();
  await page.getByPlaceholder("Write a comment...").fill("By hand");
  await button(page, "Post Comment").click();
  await counted(comments(page), 1);
  await page.clock.fastForward(SETTLED_MS);
  await button(page, "Favorite Article").click();
  await seen(button(page, "Unfavorite Article"));
  await page.goto(`/article/${slug}`);
  await counted(comments(page), 1);
});
