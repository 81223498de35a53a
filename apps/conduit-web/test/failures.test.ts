/** Answers that are none: malformed, failing, late, and no network. No page is blank, and each comes back by itself. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { uiForFile } from "./harness.ts";
import { answer, apiPath, button, comments, errors, field, fill, navLink, previews } from "./parts.ts";
import { counted, drawn, gone, holds, isAt, reads, seen, until } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
await conduit.publish(author, { title: "Rivers", tagList: ["water"] });

/** None is what was asked for; some are JSON, some look like it for long. */
const MALFORMED: readonly string[] = [
  "",
  "<!doctype html><title>502</title>",
  '{"articles": [',
  "null",
  "[]",
  '"text"',
  "{}",
  '{"articles":null,"articlesCount":null,"article":null,"tags":null,"comments":null,"profile":null,"user":null}',
  '{"articles":[null,1],"articlesCount":"x","article":[],"tags":{},"comments":[null],"profile":[],"user":7}',
  `{"articles":[{"slug":{"a":1},"author":null,"tagList":"x"}],"articlesCount":-1,"article":{"slug":"rivers","tagList":[{}],"author":5,"body":7},
    "tags":[1,null,{"a":1}],"comments":[{"id":"x","author":null}],"profile":{"username":1},"user":{"username":{},"token":[]}}`,
  `{"articles":[{"slug":"a","title":null,"createdAt":"never","author":{"username":"","image":9}}],"articlesCount":1e300,
    "article":{"slug":"rivers","createdAt":"x","favoritesCount":"many"},"tags":[],"comments":[{"id":1,"createdAt":{}}],
    "profile":{"username":"author","image":{"a":1},"bio":[]},"user":{"username":"u","token":"t","image":{}}}`,
];

/** What each page asks for, as far as it gets. */
const READS: ReadonlyArray<readonly [page: string, asked: RegExp]> = [
  ["/", /^\/(?:articles|tags)$/],
  ["/?feed=following", /^\/articles\/feed$/],
  ["/article/rivers", /^\/articles\/rivers$/],
  ["/article/rivers", /^\/articles\/rivers\/comments$/],
  ["/profile/author", /^\/(?:profiles\/author|articles)$/],
  ["/editor/rivers", /^\/articles\/rivers$/],
];

/** Goes to a page as by a link, without loading the UI anew. */
async function follow(page: Page, path: string): Promise<void> {
  await page.evaluate((href) => {
    const link = document.createElement("a");
    link.href = href;
    document.body.append(link);
    link.click();
    link.remove();
  }, path);
  await isAt(page, path);
}

async function isNotBlank(page: Page, what: string): Promise<void> {
  await seen(page.locator(".navbar"));
  const text = await page.evaluate(() => document.querySelector("main")?.innerText.trim() ?? "");
  const boxes = await page.locator("main :is(input, textarea, button, [aria-busy=true])").count();
  assert.ok(text.length > 0 || boxes > 0, `${what}: the page is blank`);
}

for (const [path, asked] of READS) {
  ui.test(`malformed answers of ${asked.source} leave no blank ${path}`, { signedIn: true }, async (visit) => {
    const { page, allow, user } = visit;
    allow(/ 500 /);
    let answers = 0;
    let content = "";
    let status = 200;
    await page.route(apiPath(asked), async (route) => {
      await answer(route, status, content);
      answers++;
    });
    await page.goto("/settings");
    await seen(field(page, "bio"));
    // All of them on the first page; elsewhere those that get furthest, for the reading of answers is the same everywhere.
    const contents = path === "/" ? MALFORMED : MALFORMED.slice(-5);
    for (const [malformed, given] of [...contents.map((text) => [text, 200] as const), ["{}", 500] as const]) {
      content = malformed;
      status = given;
      answers = 0;
      await follow(page, path);
      await until(
        "the answer",
        () => answers,
        (count) => count > 0,
      );
      await drawn(page);
      await isNotBlank(page, `${status} ${content}`);
      await follow(page, "/settings");
    }
    // And by a full load, of which nothing is there before.
    await page.goto(path);
    await seen(page.locator(".navbar", { hasText: user.username }));
    await drawn(page);
    await isNotBlank(page, "a full load");
  });
}

ui.test("a malformed account leaves no blank page, and the visitor can read", { signedIn: true }, async (visit) => {
  const { page, allow } = visit;
  allow(/ [45]\d\d /);
  let content = "";
  await page.route(apiPath(/^\/user$/), async (route) => await answer(route, 200, content));
  // The last has a name and a token, which the server does not know.
  for (content of MALFORMED.slice(0, -1).filter((_, index) => index % 2 === 1)) {
    await page.goto("/");
    await seen(previews(page));
    await isNotBlank(page, content);
  }
});

ui.test("a malformed answer to a form is told, and the form is as it was", async ({ page, allow }) => {
  allow(/ [45]\d\d /);
  let content = "";
  let status = 200;
  await page.route(apiPath(/^\/users\/login$/), async (route) => await answer(route, status, content));
  await page.goto("/login");
  await fill(page, { email: author.email, password: author.password });
  for (status of [200, 422, 500]) {
    for (content of status === 200 ? MALFORMED.slice(0, -1) : MALFORMED.slice(2, 5)) {
      await button(page, "Sign in").click();
      await seen(errors(page));
      await until(
        "a form that can be sent",
        async () => await page.locator("button[aria-disabled=true]").count(),
        (n) => n === 0,
      );
      await holds(field(page, "email"), author.email);
      await holds(field(page, "password"), author.password);
    }
  }
  await page.unrouteAll();
  await button(page, "Sign in").click();
  await isAt(page, "/");
});

ui.test("malformed answers to an article, a comment and the settings are told", { signedIn: true }, async (visit) => {
  const { page } = visit;
  await page.route(apiPath(/^\/articles$|\/comments$|^\/user$/), async (route) => {
    if (route.request().method() === "GET") await route.fallback();
    else await answer(route, 200, "[]");
  });
  await page.goto("/editor");
  await fill(page, { title: "A", description: "B", body: "C" });
  await button(page, "Publish Article").click();
  await seen(errors(page));
  await holds(field(page, "title"), "A");
  await page.goto("/settings");
  await fill(page, { bio: "Kept" });
  await button(page, "Update Settings").click();
  await seen(errors(page));
  await holds(field(page, "bio"), "Kept");
  await page.goto("/article/rivers");
  await page.getByPlaceholder("Write a comment...").fill("Kept too");
  await button(page, "Post Comment").click();
  await seen(errors(page));
  await holds(page.getByPlaceholder("Write a comment..."), "Kept too");
});

ui.test("errors in any shape are shown as text", async ({ page, allow }) => {
  allow(/ 422 /);
  let content: unknown;
  await page.route(apiPath(/^\/users\/login$/), async (route) => await answer(route, 422, content));
  await page.goto("/login");
  for (content of [{ errors: { email: "is odd" } }, { errors: { email: ["is odd", "is old"], b: [] } }]) {
    await button(page, "Sign in").click();
    await reads(errors(page), "email is odd");
  }
  content = { errors: { "<img src=x onerror=alert(1)>": ["<b>bold</b>"] } };
  await button(page, "Sign in").click();
  await reads(errors(page), "<img src=x onerror=alert(1)> <b>bold</b>");
});

ui.test("a page whose server fails says so, and a button asks again", async ({ page, allow }) => {
  allow(/ 500 /);
  await page.route(apiPath(/^\/articles$/), async (route) => await answer(route, 500, ""));
  await page.goto("/");
  await seen(errors(page));
  await page.unrouteAll();
  await button(page, "Try again").click();
  await seen(previews(page));
  await gone(errors(page));
});

ui.test("what fails to load leaves the frame of its page", async ({ page, allow }) => {
  allow(/ 500 /, /ERR_INTERNET_DISCONNECTED/);
  let isAway = false;
  await page.route(apiPath(/^\/(?:articles|profiles)/), async (route) => {
    if (isAway) await route.abort("internetdisconnected");
    else await answer(route, 500, { errors: { server: ["is tired"] } });
  });
  for (isAway of [false, true]) {
    await page.goto("/");
    await seen(page.locator(".empty-feed-message .error-messages"));
    await seen(page.locator(".feed-toggle"));
    await page.goto("/article/rivers");
    await seen(page.locator(".article-page .error-messages"));
    await page.goto("/profile/author");
    await seen(page.locator(".profile-page .error-messages"));
    // There is a frame, and nobody in it.
    await counted(page.locator(".user-info"), 0);
  }
});

ui.test("without a network the page says so, and goes on when it is back", { signedIn: true }, async (visit) => {
  const { page, context, allow } = visit;
  allow(/ERR_INTERNET_DISCONNECTED/, /api\/events/);
  await page.goto("/");
  await seen(previews(page));
  await context.setOffline(true);
  await page.locator(".sidebar .tag-default", { hasText: "water" }).click();
  await isAt(page, "/tag/water");
  await seen(page.getByText(/Unable to connect|Connecting/));
  await isNotBlank(page, "offline");
  await page.goBack();
  await seen(previews(page));
  await page.goForward();
  await context.setOffline(false);
  await seen(previews(page));
  await gone(page.getByText(/Unable to connect|Connecting/));
});

ui.test("what is sent without a network stays, and can be sent later", { signedIn: true }, async (visit) => {
  const { page, context, allow } = visit;
  allow(/ERR_INTERNET_DISCONNECTED/, /api\/events/);
  await page.goto("/article/rivers");
  await page.getByPlaceholder("Write a comment...").fill("From a tunnel");
  await seen(button(page, "Post Comment"));
  await context.setOffline(true);
  await button(page, "Post Comment").click();
  await seen(errors(page));
  await holds(page.getByPlaceholder("Write a comment..."), "From a tunnel");
  await context.setOffline(false);
  await button(page, "Post Comment").click();
  await reads(comments(page).locator("p.card-text"), "From a tunnel");
  await counted(comments(page), 1);
});

ui.test("a slow answer shows what is coming, and the way elsewhere is free", async ({ page }) => {
  await page.route(apiPath(/^\/articles\/rivers$/), () => {});
  await page.goto("/article/rivers");
  await seen(page.locator("[aria-busy=true]"));
  await navLink(page, "Home").click();
  await isAt(page, "/");
  await seen(previews(page));
});
