/** What no page can count on, in answers, in browsers and in texts: it is taken as far as it goes, and stops nothing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { uiForFile } from "./harness.ts";
import {
  answer,
  apiPath,
  authState,
  button,
  comeOnline,
  errors,
  field,
  fill,
  logIn,
  navLink,
  previews,
} from "./parts.ts";
import { counted, drawn, gone, holds, isAt, reads, seen } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
await conduit.publish(author, { title: "Rivers", tagList: ["water"] });

/** The half of a pair, as JSON may name it, which is no character and which no address can hold. */
const HALF = String.raw`\ud800`;

ui.test("half a character in a name, an address or a tag leaves no blank page", { signedIn: true }, async (visit) => {
  const { page, user, allow } = visit;
  allow(/ 404 /);
  const profile = `{"username":"p${HALF}"}`;
  const article = `{"slug":"s${HALF}","title":"t${HALF}","description":"${HALF}","body":"b${HALF}","tagList":["g${HALF}"],"author":${profile}}`;
  const account = `{"username":"u${HALF}","email":"${HALF}","token":"${user.token}","bio":null,"image":null}`;
  const comment = `{"id":1,"body":"c${HALF}","author":${profile}}`;
  for (const [path, content] of [
    [/^\/user$/, `{"user":${account}}`],
    [/^\/articles$/, `{"articles":[${article}],"articlesCount":1}`],
    [/^\/articles\/[^/]+$/, `{"article":${article}}`],
    [/\/comments$/, `{"comments":[${comment}]}`],
    [/^\/tags$/, `{"tags":["g${HALF}"]}`],
  ] as const) {
    await page.route(apiPath(path), async (route) => await answer(route, 200, content));
  }
  await page.goto("/");
  await reads(previews(page).locator("h1"), "t\ufffd");
  await reads(previews(page).locator(".author"), "p\ufffd");
  await reads(page.locator(".sidebar .tag-default"), "g\ufffd");
  await seen(navLink(page, "u\ufffd"));
  await previews(page).locator(".preview-link").click();
  await isAt(page, "/article/s%EF%BF%BD");
  await reads(page.locator(".article-content .markdown"), "b\ufffd");
  await reads(page.locator("p.card-text"), "c\ufffd");
  await page.locator(".article-meta .author").first().click();
  await isAt(page, "/profile/p%EF%BF%BD");
  await seen(page.getByText(/not found|no such|does not exist|cannot be found/i));
});

// A request can be led to another server of the same protocol only, and the one that cuts off has no TLS.
if (ui.origin.startsWith("http:")) {
  ui.test("an answer that is cut off half way is asked for again", async ({ page, allow }) => {
    allow(/ERR_CONTENT_LENGTH_MISMATCH/);
    const server = createServer((_request, response) => {
      response.writeHead(200, { "Content-Type": "application/json", "Content-Length": 5_000 });
      response.write('{"articles":[', () => response.destroy());
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as { port: number };
      allow(new RegExp(`request elsewhere: http://127\\.0\\.0\\.1:${port}/`));
      await page.route(apiPath(/^\/articles$/), async (route) => {
        await route.continue({ url: `http://127.0.0.1:${port}/` });
      });
      await page.goto("/tag/water");
      await reads(errors(page), "Unable to connect to the server.");
      await page.unrouteAll();
      await comeOnline(page);
      await seen(previews(page));
      await gone(errors(page));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

ui.test("a draft of another shape does no harm", { signedIn: true }, async ({ page }) => {
  await page.goto("/editor");
  await fill(page, { title: "Of the last version" });
  const key = await page.evaluate(() => {
    return Object.keys(sessionStorage).find((name) => sessionStorage.getItem(name)?.includes("Of the last version"));
  });
  assert.ok(key !== undefined, "what is typed is kept");
  const keep = async (draft: string): Promise<void> => {
    await page.evaluate(([name, value]) => sessionStorage.setItem(name, value), [key, draft] as const);
    await page.reload();
  };
  for (const draft of ["5", "[]", '{"tagList":"x"}', '{"tagList":[1,null],"title":{},"body":null}', "no JSON"]) {
    await keep(draft);
    await holds(field(page, "title"), "");
    await holds(field(page, "body"), "");
  }
  await keep('{"title":"What there is of it"}');
  await holds(field(page, "title"), "What there is of it");
  await fill(page, { description: "About", body: "Text" });
  await button(page, "Publish Article").click();
  await isAt(page, "/article/what-there-is-of-it");
});

ui.test("several fields that are filled at once all stay", { signedIn: true }, async ({ page, requests }) => {
  const filled = { username: "filled", email: "filled@example.com", bio: "Filled by the browser" };
  await page.goto("/settings");
  await seen(field(page, "bio"));
  // As browsers do it that fill forms.
  await page.evaluate((values) => {
    for (const [name, value] of Object.entries(values)) {
      const box = document.querySelector<HTMLInputElement | HTMLTextAreaElement>(`:is(input, textarea)[name=${name}]`)!;
      box.value = value;
      box.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
  }, filled);
  await drawn(page);
  for (const [name, value] of Object.entries(filled)) await holds(field(page, name), value);
  await page.reload();
  for (const [name, value] of Object.entries(filled)) await holds(field(page, name), value);
  await button(page, "Update Settings").click();
  await isAt(page, "/profile/filled");
  const sent = requests.find((one) => one.method() === "PUT")?.postDataJSON();
  assert.deepEqual(sent, { user: filled });
});

ui.test("a browser that keeps nothing lets one log in, write and log out", async ({ page }) => {
  await page.addInitScript(() => {
    for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException("Nothing is kept here", "SecurityError");
        },
      });
    }
  });
  await logIn(page, author);
  await seen(navLink(page, "author"));
  await navLink(page, "New Article").click();
  await fill(page, { title: "Kept by nobody", description: "About", body: "Text" });
  await button(page, "Publish Article").click();
  await isAt(page, "/article/kept-by-nobody");
  await navLink(page, "Settings").click();
  await button(page, "Or click here to logout").click();
  await seen(navLink(page, "Sign in"));
  assert.equal(await authState(page), "unauthenticated");
});

ui.test("a browser without the Navigation API comes everywhere, and logs out", { signedIn: true }, async ({ page }) => {
  await page.addInitScript(() => void Reflect.deleteProperty(window, "navigation"));
  await page.goto("/tag/water");
  assert.equal(await page.evaluate(() => "navigation" in window), false);
  await previews(page).locator(".preview-link").click();
  await isAt(page, "/article/rivers");
  await reads(page.locator(".article-page h1"), "Rivers");
  await page.goBack();
  await seen(previews(page));
  await navLink(page, "Settings").click();
  await isAt(page, "/settings");
  await button(page, "Or click here to logout").click();
  await isAt(page, "/");
  await seen(navLink(page, "Sign in"));
});

ui.test("a tag of dots, which no address can name, is shown and leads nowhere", async ({ page }) => {
  const { slug } = await conduit.publish(author, { tagList: ["..", ".", "..."] });
  await page.goto(`/article/${slug}`);
  const tags = page.locator(".article-content .tag-pill");
  await counted(tags, 3);
  assert.deepEqual(await tags.allInnerTexts(), ["..", ".", "..."]);
  await counted(tags.and(page.locator("a")), 1);
  await tags.last().click();
  await isAt(page, "/tag/...");
  await reads(page.locator(".feed-toggle .nav-link.active"), "...");
});

for (const [what, body] of [
  ["emphasis", "_a_".repeat(83_333)],
  ["what may be an address", `${"a.".repeat(124_999)}@`],
  ["brackets", "[".repeat(250_000)],
] as const) {
  ui.test(`250,000 characters of ${what} are drawn within seconds`, async ({ page }) => {
    const { slug } = await conduit.publish(author, { title: what, body });
    await page.goto(`/article/${slug}`);
    await reads(page.locator(".article-page h1"), what);
    // The wait has the limit: five seconds.
    await page.locator(".article-content .markdown > *").first().waitFor({ state: "attached" });
    await navLink(page, "Home").click();
    await isAt(page, "/");
    await seen(previews(page));
  });
}
