/** Answers that come late, or not at all: they undo nothing, lead nowhere, and cost nothing of what was typed meanwhile. */
import assert from "node:assert/strict";
import type { Page, Request } from "playwright-core";
import { uiForFile } from "./harness.ts";
import {
  answer,
  answerOf,
  apiPath,
  button,
  comeOnline,
  commentBox,
  comments,
  errors,
  field,
  fill,
  gate,
  holdAnswers,
  navLink,
  placeOf,
  previews,
} from "./parts.ts";
import { counted, drawn, gone, holds, isAt, reads, seen, until } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
// The home page is of more than a screen.
for (let number = 1; number <= 5; number++) await conduit.publish(author);
const TYPED = { title: "Typed", description: "About", body: "Text" };
const BIN = ".comment-delete";

const sent = (requests: readonly Request[], method: string): readonly Request[] =>
  requests.filter((one) => one.method() === method);
const scrolled = async (page: Page): Promise<number> => await page.evaluate(() => scrollY);

async function comment(token: string, slug: string, ...bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    await conduit.request("POST", `/api/articles/${slug}/comments`, { token, json: { comment: { body } } });
  }
}

ui.test("a form that was left leads nowhere when it is answered", { signedIn: true }, async ({ page }) => {
  const answers = await holdAnswers(page, "POST", /^\/articles$/);
  await page.goto("/editor");
  await fill(page, { ...TYPED, title: "Left alone" });
  await button(page, "Publish Article").click();
  await navLink(page, "Home").click();
  await seen(previews(page));
  await answers.release();
  assert.equal(await placeOf(page), "/");
  // It is stored, and nothing is left to be sent once more.
  await navLink(page, "Home").click();
  await seen(previews(page).filter({ hasText: "Left alone" }));
  await navLink(page, "New Article").click();
  await holds(field(page, "title"), "");
});

ui.test("a form that was left is not sent again", { signedIn: true }, async (visit) => {
  const { page, user, requests, allow } = visit;
  allow(/ERR_FAILED/);
  const { opened, open } = gate();
  await page.route(apiPath(/^\/user$/), async (route) => {
    if (route.request().method() !== "PUT") {
      await route.fallback();
      return;
    }
    await opened;
    await route.abort();
  });
  await page.goto("/settings");
  await fill(page, { bio: "Left behind" });
  await button(page, "Update Settings").click();
  await navLink(page, "New Article").click();
  await fill(page, { ...TYPED, title: "Written elsewhere" });
  const failed = page.waitForEvent("requestfailed", (one) => one.method() === "PUT");
  open();
  await failed;
  await drawn(page);
  await page.unrouteAll();
  const before = requests.length;
  await comeOnline(page);
  await button(page, "Publish Article").click();
  await isAt(page, "/article/written-elsewhere");
  await seen(page.locator(".article-content p"));
  assert.equal(sent(requests, "PUT").length, 1);
  const asked = requests.slice(before).filter((one) => one.url().endsWith("/api/tags"));
  assert.equal(asked.length, 0, "nobody asks whether the server is back");
  const { json } = await conduit.request("GET", "/api/user", { token: user.token });
  assert.equal(json.user.bio, null);
});

ui.test("a change of the title is not sent twice by itself", { signedIn: true }, async (visit) => {
  const { page, user, requests, allow } = visit;
  allow(/ERR_FAILED/);
  const { slug } = await conduit.publish(user, { title: "Old name" });
  await page.route(apiPath(/^\/articles\/old-name$/), async (route) => {
    if (route.request().method() !== "PUT") {
      await route.fallback();
      return;
    }
    // It is stored, and the answer is lost.
    await answerOf(route);
    await route.abort();
  });
  await page.goto(`/editor/${slug}`);
  await fill(page, { title: "New name" });
  await button(page, "Publish Article").click();
  await seen(errors(page));
  await comeOnline(page);
  await seen(page.getByText("The server is back: please send again."));
  await holds(field(page, "title"), "New name");
  assert.equal(sent(requests, "PUT").length, 1);
});

ui.test("what is typed while a comment is being sent stays", { signedIn: true }, async ({ page }) => {
  const { slug } = await conduit.publish(author);
  const answers = await holdAnswers(page, "POST", /\/comments$/);
  await page.goto(`/article/${slug}`);
  await commentBox(page).fill("The first thought");
  await button(page, "Post Comment").click();
  await commentBox(page).fill("The second thought");
  await answers.release();
  await reads(comments(page).locator("p.card-text"), "The first thought");
  await holds(commentBox(page), "The second thought");
  await page.reload();
  await holds(commentBox(page), "The second thought");
  await counted(comments(page), 1);
});

ui.test("a comment that is sent before the others have come is among them", { signedIn: true }, async ({ page }) => {
  const { slug } = await conduit.publish(author);
  await comment(author.token, slug, "There before");
  // Live events would bring it, after seconds.
  await page.route(apiPath(/^\/events$/), async (route) => await answer(route, 404, ""));
  const answers = await holdAnswers(page, "GET", /\/comments$/);
  await page.goto(`/article/${slug}`);
  await commentBox(page).fill("An early bird");
  const stored = page.waitForResponse((one) => one.request().method() === "POST");
  await button(page, "Post Comment").click();
  await stored;
  await holds(commentBox(page), "");
  await answers.release();
  await counted(comments(page), 2);
  await reads(comments(page).locator("p.card-text"), "An early bird");
});

ui.test("an answer that is older than a favourite does not take it back", { signedIn: true }, async ({ page }) => {
  const { slug } = await conduit.publish(author);
  await page.goto(`/article/${slug}`);
  await seen(button(page, "Favorite Article"));
  await navLink(page, "Home").click();
  await seen(previews(page));
  const answers = await holdAnswers(page, "GET", new RegExp(`^/articles/${slug}$`));
  await page.goBack();
  const stored = page.waitForResponse((one) => one.url().endsWith("/favorite"));
  await button(page, "Favorite Article").click();
  await stored;
  await reads(button(page, "Unfavorite Article"), /\(1\)$/);
  await answers.release();
  assert.match(await page.locator(".article-actions").innerText(), /Unfavorite Article\s+\(1\)/);
});

ui.test("a saved article is shown as it was saved, at once", { signedIn: true }, async ({ page, user }) => {
  const { slug } = await conduit.publish(user, { body: "As it was" });
  await page.goto(`/article/${slug}`);
  await reads(page.locator(".article-content .markdown"), "As it was");
  await page.getByRole("link", { name: "Edit Article" }).first().click();
  await field(page, "body").fill("As it is now");
  await holdAnswers(page, "GET", new RegExp(`^/articles/${slug}$`));
  await button(page, "Publish Article").click();
  await isAt(page, `/article/${slug}`);
  await reads(page.locator(".article-content .markdown"), "As it is now");
});

ui.test("a second click on what is being deleted sends nothing", { signedIn: true }, async (visit) => {
  const { page, user, requests } = visit;
  const { slug } = await conduit.publish(user);
  await comment(user.token, slug, "To be deleted");
  const answers = [
    await holdAnswers(page, "DELETE", /\/comments\/\d+$/),
    await holdAnswers(page, "DELETE", new RegExp(`^/articles/${slug}$`)),
  ] as const;
  await page.goto(`/article/${slug}`);
  const bin = page.locator(BIN);
  await bin.click();
  await bin.click();
  await answers[0].release();
  await counted(comments(page), 0);
  await reads(page.locator(".notices"), /^The comment is deleted/);
  assert.equal(sent(requests, "DELETE").length, 1);
  await button(page, "Delete Article").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await answers[1].release();
  await isAt(page, "/");
  await reads(page.locator(".notices"), /^The article is deleted/);
  assert.equal(sent(requests, "DELETE").length, 2);
});

ui.test("two clicks on a bin delete one comment", { signedIn: true }, async ({ page, user, requests }) => {
  const { slug } = await conduit.publish(author);
  await comment(user.token, slug, "1", "2", "3", "4", "5", "6", "7", "8");
  await page.goto(`/article/${slug}`);
  await counted(page.locator(BIN), 8);
  const bin = page.locator(BIN).nth(1);
  await bin.scrollIntoViewIfNeeded();
  const box = await bin.boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down({ clickCount: 1 });
  await page.mouse.up({ clickCount: 1 });
  await counted(page.locator(BIN), 7);
  // The bin of the next comment is where the first was, when the second half of the double click comes.
  assert.deepEqual(await page.locator(BIN).nth(1).boundingBox(), box);
  await page.mouse.down({ clickCount: 2 });
  await page.mouse.up({ clickCount: 2 });
  await drawn(page);
  assert.equal(sent(requests, "DELETE").length, 1);
  // Another click is meant.
  await page.mouse.down({ clickCount: 1 });
  await page.mouse.up({ clickCount: 1 });
  await counted(page.locator(BIN), 6);
  const left = await comments(page).locator("p.card-text").allInnerTexts();
  assert.deepEqual(left, ["8", "5", "4", "3", "2", "1"]);
});

ui.test("a link to the page that is shown shows what is new", async ({ page }) => {
  await page.goto("/");
  await seen(previews(page));
  await conduit.publish(author, { title: "Fresh" });
  await navLink(page, "Home").click();
  await seen(previews(page).filter({ hasText: "Fresh" }));
  await isAt(page, "/");
});

ui.test("the place of a page that is loaded anew is not given to another page", async ({ page }) => {
  const { slug } = await conduit.publish(author, { body: "A paragraph\n\n".repeat(80) });
  await page.goto("/");
  await seen(previews(page));
  await page.evaluate(() => scrollTo(0, 300));
  await until(
    "a page that scrolls",
    async () => await scrolled(page),
    (top) => top === 300,
  );
  // Until all has come, no place is restored.
  await holdAnswers(page, "GET", /^\/tags$/);
  const last = await holdAnswers(page, "GET", /\/comments$/);
  await page.reload();
  await seen(previews(page));
  // As by the keyboard: whoever presses a button of the mouse has a place already.
  const link = page.locator(`a.preview-link[href="/article/${slug}"]`);
  await link.evaluate((element: HTMLElement) => element.click());
  await seen(page.locator(".article-content .markdown p"));
  await last.release();
  await gone(page.locator("[aria-busy=true]"));
  assert.equal(await scrolled(page), 0);
});

ui.test(
  "an answer that was asked for again is no younger than the next click",
  { signedIn: true },
  async ({ page }) => {
    const { slug } = await conduit.publish(author);
    await page.goto(`/article/${slug}`);
    await seen(button(page, "Favorite Article"));
    await navLink(page, "Home").click();
    await seen(previews(page));
    const gates = [gate(), gate(), gate()];
    let made = 0;
    await page.route(apiPath(new RegExp(`^/articles/${slug}$`)), async (route) => {
      const response = await answerOf(route);
      const mine = gates[made++];
      await mine?.opened;
      await route.fulfill({ response }).catch(() => {});
    });
    const press = async (name: string): Promise<void> => {
      const stored = page.waitForResponse((one) => one.url().endsWith("/favorite"));
      await button(page, name).click();
      await (await stored).finished();
      await drawn(page);
    };
    const isMade = async (count: number) =>
      await until(
        `${count} answers`,
        () => made,
        (found) => found === count,
      );
    await page.goBack();
    await isMade(1);
    await press("Favorite Article");
    gates[0]?.open();
    await isMade(2);
    await press("Unfavorite Article");
    const answered = page.waitForResponse((one) => one.url().endsWith(`/articles/${slug}`));
    gates[1]?.open();
    await (await answered).finished();
    await drawn(page);
    assert.match(await page.locator(".article-actions").innerText(), /Favorite Article\s+\(0\)/);
  },
);

ui.test(
  "a deleted article is not there when one goes back, also while the server is slow to say so",
  { signedIn: true },
  async (visit) => {
    const { page, user, allow } = visit;
    allow(/ 404 /);
    const { slug } = await conduit.publish(user, { title: "Gone for good" });
    await page.goto(`/article/${slug}`);
    await button(page, "Delete Article").click();
    await isAt(page, "/");
    await seen(previews(page));
    const late = await holdAnswers(page, "GET", new RegExp(`^/articles/${slug}$`));
    await page.goBack();
    await isAt(page, `/article/${slug}`);
    await drawn(page);
    assert.equal(await page.getByText("Gone for good").count(), 0);
    await late.release();
    await reads(page.locator("main"), /Not found/);
    await gone(page.getByText("Gone for good"));
  },
);
