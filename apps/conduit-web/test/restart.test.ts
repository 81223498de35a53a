/** A server that is killed and comes back, under pages that are open. */
import assert from "node:assert/strict";
import { findFreePort } from "../../../tools/database-servers/free-port.ts";
import { uiForFile } from "./harness.ts";
import { authState, button, comments, errors, field, fill, navLink, previews } from "./parts.ts";
import { counted, gone, holds, isAt, seen, until } from "./waits.ts";

// It comes back where the pages know it.
const ui = await uiForFile({ env: { PORT: String(await findFreePort(new Set())) } });
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
await conduit.publish(author, { title: "Rivers", tagList: ["water"] });
/** What a page meets while the server is away, directly or behind nginx. */
const AWAY = [
  /ERR_CONNECTION_REFUSED/,
  /ERR_EMPTY_RESPONSE/,
  /ERR_CONNECTION_RESET/,
  / 50[234] /,
  /ERR_INCOMPLETE/,
  /api\/events/,
];

ui.test("an article in the middle of being written outlives the server", { signedIn: true }, async (visit) => {
  const { page, allow } = visit;
  allow(...AWAY);
  const typed = { title: "Half written", description: "When it happened", body: "I was just" };
  await page.goto("/editor");
  await fill(page, typed);
  await page.getByPlaceholder("Enter tags").fill("kept");
  await page.getByPlaceholder("Enter tags").press("Enter");
  await conduit.kill9();
  await button(page, "Publish Article").click();
  await seen(errors(page));
  for (const [name, value] of Object.entries(typed)) await holds(field(page, name), value);
  await counted(page.locator(".tag-list .tag-pill"), 1);
  await field(page, "body").fill("I was just saying");
  await conduit.restart();
  await button(page, "Publish Article").click();
  await isAt(page, "/article/half-written");
  await seen(page.locator(".article-content", { hasText: "I was just saying" }));
  const { json } = await conduit.request("GET", "/api/articles?tag=kept");
  assert.equal(json.articlesCount, 1);
});

ui.test("a page that was opened while the server was away comes by itself", { signedIn: true }, async (visit) => {
  const { page, user, allow } = visit;
  allow(...AWAY);
  await page.goto("/");
  await seen(previews(page));
  const tag = page.locator(".sidebar .tag-default", { hasText: "water" });
  await seen(tag);
  await conduit.kill9();
  await tag.click();
  await seen(page.getByText(/Unable to connect|Connecting|restarting/));
  await isAt(page, "/tag/water");
  await conduit.restart();
  await seen(previews(page));
  await gone(page.getByText(/Unable to connect|Connecting|restarting/));
  await seen(navLink(page, user.username));
  assert.equal(await authState(page), "authenticated");
});

ui.test("a comment and a favourite wait for the server", { signedIn: true }, async (visit) => {
  const { page, allow } = visit;
  allow(...AWAY);
  await page.goto("/article/rivers");
  await page.getByPlaceholder("Write a comment...").fill("Still there?");
  await seen(button(page, "Favorite Article"));
  await conduit.kill9();
  await button(page, "Favorite Article").click();
  await seen(page.locator("[role=alert], [role=status]").filter({ hasText: /\w/ }));
  await seen(button(page, "Favorite Article").and(page.locator(".btn-outline-primary")));
  await button(page, "Post Comment").click();
  await seen(errors(page));
  await holds(page.getByPlaceholder("Write a comment..."), "Still there?");
  await conduit.restart();
  await button(page, "Post Comment").click();
  await counted(comments(page), 1);
  await button(page, "Favorite Article").click();
  await until(
    "the favourite",
    async () => (await conduit.request("GET", "/api/articles/rivers")).json.article.favoritesCount,
    (count) => count === 1,
  );
});
