/** Favourites and follows that are clicked again while their request is under way: the last click counts, whatever becomes of the first. */
import assert from "node:assert/strict";
import type { Page, Route } from "playwright-core";
import { uiForFile, type Visit } from "./harness.ts";
import { answer, answerOf, apiPath, button, gate, holdAnswers } from "./parts.ts";
import { drawn, reads, seen, until } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });

const FAVORITE = /\/favorite$/;
const FOLLOW = /\/follow$/;
const TAKEN = /^Favorite Article\s\(0\)$/;
const GIVEN = /^Unfavorite Article\s\(1\)$/;

const sent = ({ requests }: Visit, path: RegExp): string[] =>
  requests.filter((one) => path.test(one.url())).map((one) => one.method());

async function isFavorite(slug: string, token: string): Promise<boolean> {
  return (await conduit.request("GET", `/api/articles/${slug}`, { token })).json.article.favorited;
}

/** Lets something go on, and waits until the page has the answer to a request of this method, and has drawn it. */
async function answered(page: Page, method: string, path: RegExp, goOn: () => void): Promise<void> {
  const response = page.waitForResponse((one) => one.request().method() === method && path.test(one.url()));
  goOn();
  await (await response).finished();
  await drawn(page);
}

interface HeldFavorite {
  readonly slug: string;
  readonly open: () => void;
}

/** An article's page, whose favourite is answered after `open`: by the server, unless `reply` does it. */
async function withHeldFavorite(
  { page }: Visit,
  title: string,
  reply: (route: Route) => Promise<void> = async (route) => await route.continue(),
): Promise<HeldFavorite> {
  const { slug } = await conduit.publish(author, { title });
  const { opened, open } = gate();
  await page.route(apiPath(FAVORITE), async (route) => {
    await opened;
    await reply(route);
  });
  await page.goto(`/article/${slug}`);
  return { slug, open };
}

ui.test("a favourite that is taken back while it is being set is taken back", { signedIn: true }, async (visit) => {
  const { page, user } = visit;
  const { slug, open } = await withHeldFavorite(visit, "Set and taken back");
  await button(page, "Favorite Article").click();
  await button(page, "Unfavorite Article").click();
  await reads(button(page, "Favorite Article"), TAKEN);
  assert.deepEqual(sent(visit, FAVORITE), ["POST"], "one request is under way");
  await answered(page, "DELETE", FAVORITE, open);
  assert.deepEqual(sent(visit, FAVORITE), ["POST", "DELETE"]);
  await reads(button(page, "Favorite Article"), TAKEN);
  assert.equal(await isFavorite(slug, user.token), false);
});

ui.test("a favourite that is set again in the end needs one request", { signedIn: true }, async (visit) => {
  const { page, user } = visit;
  const { slug, open } = await withHeldFavorite(visit, "Set in the end");
  await button(page, "Favorite Article").click();
  await button(page, "Unfavorite Article").click();
  await button(page, "Favorite Article").click();
  await reads(button(page, "Unfavorite Article"), GIVEN);
  await answered(page, "POST", FAVORITE, open);
  assert.deepEqual(sent(visit, FAVORITE), ["POST"]);
  await reads(button(page, "Unfavorite Article"), GIVEN);
  assert.equal(await isFavorite(slug, user.token), true);
});

ui.test("a favourite that cannot be taken back stays, and the page says so", { signedIn: true }, async (visit) => {
  const { page, user, allow } = visit;
  allow(/ 500 /);
  const { slug, open } = await withHeldFavorite(visit, "Not taken back", async (route) => {
    if (route.request().method() === "DELETE") await answer(route, 500, {});
    else await route.continue();
  });
  await button(page, "Favorite Article").click();
  await button(page, "Unfavorite Article").click();
  await answered(page, "DELETE", FAVORITE, open);
  await reads(button(page, "Unfavorite Article"), GIVEN);
  await seen(page.locator(".notice-error", { hasText: "Could not take the favourite back" }));
  assert.equal(await isFavorite(slug, user.token), true);
});

ui.test("a favourite whose answer is lost is taken back all the same", { signedIn: true }, async (visit) => {
  const { page, user, allow } = visit;
  allow(/ 502 /);
  const { slug, open } = await withHeldFavorite(visit, "Lost", async (route) => {
    if (route.request().method() === "DELETE") {
      await route.continue();
      return;
    }
    await answerOf(route);
    await answer(route, 502, {});
  });
  await button(page, "Favorite Article").click();
  await button(page, "Unfavorite Article").click();
  await answered(page, "DELETE", FAVORITE, open);
  await reads(button(page, "Favorite Article"), TAKEN);
  assert.equal(await page.locator(".notice-error").count(), 0, "nothing of it concerns the visitor any more");
  assert.equal(await isFavorite(slug, user.token), false);
});

ui.test("a favourite of the account before does not stand for one's own", { signedIn: true }, async (visit) => {
  const { page, context, user } = visit;
  const other = await conduit.register();
  const { slug, open } = await withHeldFavorite(visit, "Of two accounts");
  await button(page, "Favorite Article").click();
  await button(page, "Unfavorite Article").click();
  const tab = await context.newPage();
  await tab.goto("/login");
  await tab.evaluate((token) => localStorage.setItem("jwtToken", token), other.token);
  await seen(page.locator(".navbar", { hasText: other.username }));
  await reads(button(page, "Favorite Article"), TAKEN);
  await button(page, "Favorite Article").click();
  await seen(button(page, "Unfavorite Article"));
  let answers = 0;
  page.on("requestfinished", (one) => (answers += FAVORITE.test(one.url()) ? 1 : 0));
  open();
  await until(
    "the answers to both accounts",
    () => answers,
    (count) => count === 2,
  );
  await drawn(page);
  // What the first account still wanted cannot be sent in its name any more.
  assert.deepEqual(sent(visit, FAVORITE), ["POST", "POST"]);
  assert.equal(await isFavorite(slug, other.token), true);
  assert.equal(await isFavorite(slug, user.token), true);
  await seen(button(page, "Unfavorite Article"));
});

ui.test("a follow that is taken back while it is being set is taken back", { signedIn: true }, async (visit) => {
  const { page, user } = visit;
  const late = await holdAnswers(page, "POST", /\/follow$/);
  await page.goto("/profile/author");
  await button(page, "Follow author").click();
  await button(page, "Unfollow author").click();
  await seen(button(page, "Follow author"));
  await answered(page, "DELETE", FOLLOW, () => void late.release());
  assert.deepEqual(sent(visit, FOLLOW), ["POST", "DELETE"]);
  await seen(button(page, "Follow author"));
  assert.equal(await page.getByRole("button", { name: "Unfollow author" }).count(), 0);
  const { json } = await conduit.request("GET", "/api/profiles/author", { token: user.token });
  assert.equal(json.profile.following, false);
});
