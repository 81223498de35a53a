/** Sessions that end, change or are odd, here or in another tab, while something is being written or sent. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { uiForFile } from "./harness.ts";
import {
  answer,
  apiPath,
  authState,
  button,
  commentBox,
  currentUser,
  errors,
  field,
  fill,
  holdAnswers,
  keptToken,
  logIn,
  navLink,
  placeOf,
  previews,
  refuseTokens,
} from "./parts.ts";
import { drawn, gone, holds, isAt, reads, seen, until } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
const { slug } = await conduit.publish(author, { title: "Rivers" });
const ended = (page: Page) => page.locator(".session-ended", { hasText: "Your session has ended" });

async function isAuthenticated(page: Page): Promise<void> {
  await until(
    "a signed in visitor",
    async () => await authState(page),
    (found) => found === "authenticated",
  );
}

/** Sees that `to` has heard of all that `from` has done to what they keep together. */
async function hear(from: Page, to: Page): Promise<void> {
  await to.evaluate(() => {
    const { promise, resolve } = Promise.withResolvers<void>();
    window.addEventListener("storage", ({ key }) => {
      if (key === "test:said") resolve();
    });
    Object.assign(window, { heard: promise });
  });
  await from.evaluate(() => localStorage.setItem("test:said", String(Math.random())));
  await to.evaluate(() => (window as unknown as { heard: Promise<void> }).heard);
  await drawn(to);
}

ui.test("an answer that comes after logging out logs nobody in", { signedIn: true }, async ({ page }) => {
  const answers = await holdAnswers(page, "PUT", /^\/user$/);
  await page.goto("/settings");
  await fill(page, { bio: "On its way" });
  await button(page, "Update Settings").click();
  await button(page, "Or click here to logout").click();
  await seen(navLink(page, "Sign in"));
  await answers.release();
  assert.equal(await authState(page), "unauthenticated");
  assert.equal(await keptToken(page), null);
  assert.equal(await placeOf(page), "/");
  await seen(navLink(page, "Sign in"));
});

ui.test("another account in another tab does not get the form of the one before", { signedIn: true }, async (visit) => {
  const { page, user, context, requests, allow } = visit;
  allow(/ 401 /);
  const next = await conduit.register();
  await page.goto("/settings");
  await fill(page, { username: "changed", email: "changed@example.com", bio: "Of the one before" });
  await refuseTokens(page);
  await button(page, "Update Settings").click();
  await seen(ended(page));
  await holds(field(page, "bio"), "Of the one before");
  await page.unrouteAll();
  const other = await context.newPage();
  await logIn(other, next);
  await seen(navLink(other, next.username));
  await holds(field(page, "username"), next.username);
  await holds(field(page, "email"), next.email);
  await holds(field(page, "bio"), "");
  assert.equal(await currentUser(page), next.username);
  await page.bringToFront();
  await fill(page, { bio: "Of the next" });
  await button(page, "Update Settings").click();
  await isAt(page, `/profile/${next.username}`);
  const contents = requests.filter((one) => one.method() === "PUT").map((one) => one.postDataJSON());
  assert.deepEqual(contents.at(-1), { user: { bio: "Of the next" } });
  const { json } = await conduit.request("GET", "/api/user", { token: user.token });
  assert.equal(json.user.bio, null);
});

ui.test("settings send what was changed, and undo nothing of another tab", { signedIn: true }, async (visit) => {
  const { page, user, context, requests } = visit;
  const renamed = `${user.username}renamed`;
  await page.goto("/settings");
  await holds(field(page, "username"), user.username);
  const other = await context.newPage();
  await other.goto("/settings");
  await fill(other, { username: renamed });
  await button(other, "Update Settings").click();
  await isAt(other, `/profile/${renamed}`);
  await hear(other, page);
  await isAuthenticated(page);
  await fill(page, { bio: "Lives by a river" });
  await button(page, "Update Settings").click();
  await isAt(page, `/profile/${renamed}`);
  const contents = requests.filter((one) => one.method() === "PUT").map((one) => one.postDataJSON());
  assert.deepEqual(contents, [{ user: { username: renamed } }, { user: { bio: "Lives by a river" } }]);
});

ui.test("a comment stays in its box when the session ends, with the reason", { signedIn: true }, async (visit) => {
  const { page, user, allow } = visit;
  allow(/ 401 /);
  await page.goto(`/article/${slug}`);
  await commentBox(page).fill("Not lost");
  await refuseTokens(page);
  await button(page, "Post Comment").click();
  await seen(ended(page));
  await seen(errors(page));
  await holds(commentBox(page), "Not lost");
  assert.equal(await keptToken(page), null);
  await page.unrouteAll();
  await ended(page).getByRole("link", { name: "sign in" }).click();
  await isAt(page, "/login");
  await fill(page, { email: user.email, password: user.password });
  await button(page, "Sign in").click();
  await seen(navLink(page, user.username));
  await page.goto(`/article/${slug}`);
  await holds(commentBox(page), "Not lost");
  await gone(ended(page));
});

ui.test("an editor stays when the session ends in another tab", { signedIn: true }, async (visit) => {
  const { page, context, allow } = visit;
  allow(/ 401 /);
  await page.goto("/editor");
  await fill(page, { title: "Half written" });
  const other = await context.newPage();
  await other.goto("/");
  await seen(navLink(other, "Settings"));
  await refuseTokens(other);
  await previews(other).locator("button").first().click();
  await seen(navLink(other, "Sign in"));
  await seen(ended(page));
  await holds(field(page, "title"), "Half written");
  assert.equal(await placeOf(page), "/editor");
  assert.equal(await authState(page), "unauthenticated");
});

ui.test("the own feed leads to the login when the session ends", { signedIn: true }, async (visit) => {
  const { page, user, allow } = visit;
  allow(/ 401 /);
  await conduit.request("POST", "/api/profiles/author/follow", { token: user.token });
  await page.goto("/?feed=following");
  await seen(previews(page));
  await refuseTokens(page);
  await previews(page).locator("button").first().click();
  await isAt(page, "/login");
  await seen(page.getByRole("heading", { name: "Sign in" }));
});

ui.test(
  "a server that gives a new token with each answer is asked once by each tab",
  { signedIn: true },
  async (visit) => {
    const { page, user, context } = visit;
    let asked = 0;
    await context.route(apiPath(/^\/user$/), async (route) => {
      asked++;
      const { username, email } = user;
      const token = `${user.token}x${asked}`;
      await answer(route, 200, { user: { username, email, token, bio: null, image: null } });
    });
    // It takes each of them, as the real one does not.
    await context.route(apiPath(/^\/(?:articles|tags)$/), async (route) => {
      const headers = { ...route.request().headers(), authorization: `Token ${user.token}` };
      await route.continue({ headers }).catch(() => {});
    });
    await page.goto("/");
    await isAuthenticated(page);
    const other = await context.newPage();
    await other.goto("/");
    await isAuthenticated(other);
    for (let round = 0; round < 2; round++) {
      await hear(other, page);
      await hear(page, other);
    }
    assert.equal(asked, 2);
    await seen(previews(page));
    await seen(previews(other));
  },
);

ui.test("a token that no field can hold is none", async ({ page }) => {
  await page.goto("/login");
  // No server gives one; something else may have written it.
  await page.evaluate(() => localStorage.setItem("jwtToken", "日本"));
  await page.goto("/");
  await seen(navLink(page, "Sign in"));
  await seen(previews(page));
  assert.equal(await authState(page), "unauthenticated");
  await page.route(apiPath(/^\/users\/login$/), async (route) => {
    await answer(route, 200, { user: { username: "author", email: author.email, token: "two\nlines" } });
  });
  await logIn(page, author);
  await reads(errors(page), "The server's answer cannot be read.");
  await holds(field(page, "email"), author.email);
  assert.equal(await authState(page), "unauthenticated");
  await page.unrouteAll();
  await button(page, "Sign in").click();
  await seen(navLink(page, "author"));
});
