/** What one account has typed, and what has been half typed, is nobody else's to send; what a text becomes is bounded. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { uiForFile } from "./harness.ts";
import {
  answer,
  apiPath,
  authState,
  button,
  comeOnline,
  commentBox,
  errors,
  field,
  fill,
  gate,
  navLink,
} from "./parts.ts";
import { holds, isAt, reads, seen, until } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
const next = await conduit.register({ username: "next" });
const { slug } = await conduit.publish(author, { title: "Rivers" });

async function becomes(page: Page, token: string): Promise<void> {
  await page.evaluate((value) => localStorage.setItem("jwtToken", value), token);
}

ui.test("nothing is sent while the server has not said whose the new token is", { signedIn: true }, async (visit) => {
  const { page, context, requests, allow } = visit;
  allow(/favicon\.ico/);
  await page.goto("/settings");
  await fill(page, { bio: "Of the one before", password: "of the one before" });
  const known = gate();
  await page.route(apiPath(/^\/user$/), async (route) => {
    if (route.request().method() === "GET") await known.opened;
    await route.continue();
  });
  const other = await context.newPage();
  await other.goto("/default-avatar.svg");
  await becomes(other, next.token);
  await until(
    "the token of the next",
    async () => await authState(page),
    (state) => state === "loading",
  );
  await page.bringToFront();
  await button(page, "Update Settings").click();
  await reads(errors(page), /not said yet who you are/);
  assert.deepEqual(
    requests.filter((request) => request.method() === "PUT"),
    [],
  );
  known.open();
  await holds(field(page, "username"), "next");
  await holds(field(page, "bio"), "");
  await holds(field(page, "password"), "");
});

ui.test(
  "a comment of one account is not in the box of the next",
  { signedIn: true },
  async ({ page, context, allow }) => {
    allow(/favicon\.ico/);
    await page.goto(`/article/${slug}`);
    await commentBox(page).fill("private words");
    const other = await context.newPage();
    await other.goto("/default-avatar.svg");
    await becomes(other, next.token);
    await seen(navLink(page, "next"));
    await holds(commentBox(page), "");
  },
);

ui.test(
  "what has been typed since is not sent by itself when the server is back",
  { signedIn: true },
  async (visit) => {
    const { page, user, requests, allow } = visit;
    allow(/ 503 /);
    let isAway = true;
    await page.goto("/settings");
    await seen(field(page, "bio"));
    await page.route(apiPath(/^\/(user|tags)$/), async (route) => {
      if (isAway) await answer(route, 503, { errors: { server: ["is busy"] } });
      else await route.continue();
    });
    await fill(page, { bio: "first" });
    await button(page, "Update Settings").click();
    await reads(errors(page).first(), /busy or restarting/);
    await fill(page, { email: "half@typ" });
    isAway = false;
    await comeOnline(page);
    await seen(errors(page).filter({ hasText: "please send again" }));
    const puts = (): number => requests.filter((request) => request.method() === "PUT").length;
    assert.equal(puts(), 1);
    await fill(page, { email: user.email });
    await button(page, "Update Settings").click();
    await isAt(page, `/profile/${user.username}`);
    assert.equal(puts(), 2);
  },
);

ui.test("HTML that stands open in a text does not multiply", async ({ page }) => {
  const open = Array.from({ length: 300 }, (_, index) => `<b title=${index}>`).join("");
  const body = `<div><p>${open}\n\n${"<p>x\n\n".repeat(1_000)}the end`;
  const bomb = await conduit.publish(author, { title: "Open", body });
  await page.goto(`/article/${bomb.slug}`);
  await seen(page.locator(".markdown", { hasText: "the end" }));
  assert.ok((await page.locator(".markdown *").count()) < 2_000);
});

ui.test("references that make much of little are shown as they were written", async ({ page, allow }) => {
  allow(/Cannot render the text: found 4\d+ characters of attributes, limit is 2000000/);
  const body = `${"[a] ".repeat(2_000)}\n\n[a]: http://x.example/${"y".repeat(2_000)}`;
  const much = await conduit.publish(author, { title: "Much", body });
  await page.goto(`/article/${much.slug}`);
  await seen(page.locator(".plain-text", { hasText: "[a] [a]" }));
});

ui.test("whoever has begun to type keeps the focus when going forward", { signedIn: true }, async ({ page }) => {
  await page.goto("/");
  await page.locator(".preview-link", { hasText: "Rivers" }).click();
  await seen(commentBox(page));
  await page.goBack();
  await seen(page.locator(".article-preview").first());
  const late = gate();
  await page.route(apiPath(/\/comments$/), async (route) => {
    await late.opened;
    await route.continue();
  });
  await page.goForward();
  await commentBox(page).pressSequentially("begun");
  late.open();
  await commentBox(page).pressSequentially(" and ended");
  await holds(commentBox(page), "begun and ended");
});
