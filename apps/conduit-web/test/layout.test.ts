/** What stands where: long words, two directions, small screens, and nothing that jumps. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { PHONE, uiForFile } from "./harness.ts";
import { apiPath, button, comments, errors, field, fill, previews } from "./parts.ts";
import { counted, drawn, seen } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const word = (length: number): string => "Donaudampfschifffahrtsgesellschaft".repeat(20).slice(0, length);
const longest = await conduit.register({ username: word(50) });
await conduit.request("PUT", "/api/user", { token: longest.token, json: { user: { bio: word(300) } } });
const long = await conduit.publish(longest, {
  title: word(200),
  description: word(250),
  body: `# ${word(200)}\n\n${word(300)}\n\n\`${word(300)}\`\n\n\`\`\`\n${word(300)}\n\`\`\`\n\n| ${word(80)} | ${word(80)} |\n|-|-|\n| a | b |\n\n[${word(200)}](https://example.com/)`,
  tagList: [word(60), ...Array.from({ length: 12 }, (_, index) => `tag number ${index}`)],
});
const commentOn = async (slug: string, body: string): Promise<void> => {
  const json = { comment: { body } };
  await conduit.request("POST", `/api/articles/${encodeURIComponent(slug)}/comments`, { token: longest.token, json });
};
await commentOn(long.slug, word(300));
const rtl = await conduit.publish(longest, {
  title: "שלום עולם",
  description: "תיאור קצר",
  body: "פסקה ראשונה.\n\nAn English paragraph.\n\n- פריט",
  tagList: ["תגית"],
});
await commentOn(rtl.slug, "תגובה");

const LONG_PATHS = [
  "/",
  `/article/${encodeURIComponent(long.slug)}`,
  `/profile/${encodeURIComponent(longest.username)}`,
  `/tag/${encodeURIComponent(word(60))}`,
];

async function overflow(page: Page): Promise<string[]> {
  return await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > width + 0.5)
      .map((element) => `${element.tagName}.${element.className} ${Math.round(element.getBoundingClientRect().right)}`);
  });
}

for (const width of [360, 1280]) {
  ui.test(`very long words fit into ${width} pixels`, { viewport: { width, height: 700 } }, async ({ page }) => {
    await page.addInitScript((token) => localStorage.setItem("jwtToken", token), longest.token);
    for (const path of LONG_PATHS) {
      await page.goto(path);
      await seen(previews(page).or(page.locator(".article-content p")));
      if (path.startsWith("/article")) await counted(comments(page), 1);
      await drawn(page);
      assert.deepEqual(await overflow(page), [], `${path} scrolls sideways`);
    }
    await page.goto(`/editor/${encodeURIComponent(long.slug)}`);
    await seen(page.locator(".tag-list .tag-pill"));
    assert.deepEqual(await overflow(page), [], "the editor scrolls sideways");
    await page.goto("/settings");
    await seen(page.locator("[name=bio]"));
    assert.deepEqual(await overflow(page), [], "the settings scroll sideways");
  });
}

ui.test("long messages of errors fit", { viewport: { width: 360, height: 700 } }, async ({ page, allow }) => {
  allow(/ 4\d\d /);
  await page.route(apiPath(/^\/users\/login$/), async (route) => {
    await route.fulfill({ status: 422, json: { errors: { [word(100)]: [word(300)] } } });
  });
  await page.goto("/login");
  await fill(page, { email: "a@example.com", password: "x" });
  await button(page, "Sign in").click();
  await seen(errors(page));
  assert.deepEqual(await overflow(page), []);
});

ui.test("text from right to left has its direction, wherever it stands", async ({ page }) => {
  const direction = async (selector: string): Promise<string> =>
    await page
      .locator(selector)
      .first()
      .evaluate((element) => getComputedStyle(element).direction);
  await page.goto(`/tag/${encodeURIComponent("תגית")}`);
  await seen(previews(page));
  assert.equal(await direction(".article-preview h1:has-text('שלום')"), "rtl");
  assert.equal(await direction(".article-preview p:has-text('תיאור')"), "rtl");
  await page.goto(`/article/${encodeURIComponent(rtl.slug)}`);
  await counted(comments(page), 1);
  assert.equal(await direction(".article-page h1"), "rtl");
  assert.equal(await direction(".article-content p:has-text('פסקה')"), "rtl");
  assert.equal(await direction(".article-content p:has-text('English')"), "ltr");
  assert.equal(await direction(".article-content li:has-text('פריט')"), "rtl");
  assert.equal(await direction("p.card-text"), "rtl");
  await page.addInitScript((token) => localStorage.setItem("jwtToken", token), longest.token);
  await page.goto("/editor");
  for (const name of ["title", "description", "body"]) {
    await field(page, name).fill("שלום");
    assert.equal(await direction(`:is(input, textarea)[name=${name}]`), "rtl", name);
    await field(page, name).fill("hello");
    assert.equal(await direction(`:is(input, textarea)[name=${name}]`), "ltr", name);
  }
});

ui.test("the box of a comment grows with its text", { signedIn: true }, async ({ page }) => {
  await page.goto(`/article/${encodeURIComponent(rtl.slug)}`);
  const box = page.getByPlaceholder("Write a comment...");
  await seen(box);
  const heightOf = async () => await box.evaluate((element) => [element.clientHeight, element.scrollHeight] as const);
  const [before] = await heightOf();
  await box.fill("line\n".repeat(12));
  const [after, content] = await heightOf();
  assert.ok(after > before * 2, `found ${before} and then ${after} pixels`);
  assert.ok(content <= after + 2, "all of it is seen");
  await box.fill("");
  assert.ok((await heightOf())[0] <= before + 2, "it shrinks, too");
});

/** The sum of what jumped, without what the visitor set going (Layout Instability, W3C). */
async function shifts(page: Page): Promise<{ readonly sum: number; readonly sources: readonly string[] }> {
  return await page.evaluate(() => {
    interface Shift extends PerformanceEntry {
      readonly value: number;
      readonly hadRecentInput: boolean;
      readonly sources: ReadonlyArray<{ readonly node: Node | null }>;
    }
    const entries = (window as unknown as { jumps: Shift[] }).jumps.filter((entry) => !entry.hadRecentInput);
    const name = (node: Node | null): string =>
      node instanceof Element ? `${node.tagName}.${node.className}` : (node?.parentElement?.className ?? "?");
    return {
      sum: entries.reduce((total, { value }) => total + value, 0),
      sources: entries.flatMap(({ value, sources }) => sources.map(({ node }) => `${value.toFixed(3)} ${name(node)}`)),
    };
  });
}

const ordinary = await conduit.register({ username: "ordinary" });
for (let number = 1; number <= 12; number++) {
  const article = {
    title: `A title of the usual length, ${number}`,
    description: "And a description",
    tagList: ["usual"],
  };
  await conduit.publish(ordinary, { ...article, body: "A paragraph.\n\n".repeat(20) });
}

for (const [name, viewport] of [
  ["a phone", PHONE],
  ["a screen", { width: 1280, height: 800 }],
] as const) {
  ui.test(`nothing jumps while answers come late, on ${name}`, { viewport, signedIn: true }, async ({ page, user }) => {
    await page.addInitScript(() => {
      const jumps: PerformanceEntry[] = [];
      Object.assign(window, { jumps });
      new PerformanceObserver((list) => jumps.push(...list.getEntries())).observe({
        type: "layout-shift",
        buffered: true,
      });
    });
    // Each answer comes after what it waits for is drawn, in an order of its own.
    await page.route(apiPath(/./), async (route) => {
      const waitMs = route.request().url().includes("/tags")
        ? 300
        : route.request().url().includes("/user")
          ? 200
          : 120;
      await page.evaluate((ms) => new Promise((resolve) => setTimeout(resolve, ms)), waitMs).catch(() => {});
      await route.continue().catch(() => {});
    });
    await page.goto("/");
    for (const [path, shows] of [
      ["/", ".sidebar .tag-default"],
      ["/article/a-title-of-the-usual-length-3", ".comment-form textarea"],
      ["/profile/ordinary", ".article-preview h1:not(:empty)"],
      ["/settings", "[name=bio]"],
    ] as const) {
      await page.goto(path);
      await seen(page.locator(shows));
      await seen(page.locator(".navbar", { hasText: user.username }));
      await drawn(page);
      const { sum, sources } = await shifts(page);
      assert.ok(sum <= 0.02, `${path} jumps by ${sum.toFixed(3)}: ${sources.join(", ")}`);
    }
  });
}

ui.test("what is clicked is large enough for a finger", { viewport: PHONE, signedIn: true }, async ({ page }) => {
  await page.goto("/article/a-title-of-the-usual-length-3");
  await page.getByPlaceholder("Write a comment...").fill("Small");
  await button(page, "Post Comment").click();
  const trash = page.locator(".mod-options .ion-trash-a");
  await seen(trash);
  const box = await trash.boundingBox();
  assert.ok(box !== null && box.width >= 12 && box.height >= 12, `found an icon of ${JSON.stringify(box)}`);
});
