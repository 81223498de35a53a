/**
 * Every field that a user can write, with every payload of the corpus, on every page that shows it, in a real browser: nothing
 * runs, nothing is asked of another host but the images that authors placed, and no link leads elsewhere.
 *
 * The server's policy and the sanitiser are tried together and each alone, for either has to hold when the other slips.
 */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { uiForFile, type Visit } from "./harness.ts";
import { apiPath, comments, field, logIn, previews } from "./parts.ts";
import { counted, drawn, isAt, seen } from "./waits.ts";
import { controls, MARKER_SOURCE, payloads, type Field, type Payload } from "./xss-corpus.ts";

const strict = await uiForFile({ env: { IMAGES: "self" } });
/** The same data with the usual policy, under which authors may show images of other sites. */
const usual = await uiForFile({ directory: strict.conduit.directory });
const { conduit } = strict;

const of = (...fields: readonly Field[]): readonly Payload[] => payloads.filter((one) => fields.includes(one.field));
const within = (limit: number) => (one: Payload) => [...one.text].length <= limit;
const texts = of("text");
const tags = of("tag");
const images = of("image");
/** Those in which an author shows a picture of another site, whatever else there is in them. */
const IMAGE_NAMES = new Set(
  payloads
    .filter(({ harm, text }) => harm === "image" || /<img src=["']?(?:https?:)?\/\/xss\.invalid/.test(text))
    .map(({ name }) => name),
);
/** Articles to a page in these tests: the UI shows what it is given. */
const PAGE_SIZE = 100;
/** Each keeps a core of the server busy with its password, and every request has a limit, which begins while it stands in line. */
const REGISTERED_AT_ONCE = 4;
const WRITTEN_AT_ONCE = 16;

// Each user has a name, a picture and a part of the texts in the bio.
const users = await inGroups(REGISTERED_AT_ONCE, of("username"), async ({ text: username }, index) => {
  const user = await conduit.register({ username });
  const image = images[index % images.length]!.text;
  const own = texts.filter((_, text) => text % of("username").length === index);
  const bio = [...own.map(({ text }) => text).join("\n")].slice(0, 2_000).join("").trim() || null;
  const { status, text } = await conduit.request("PUT", "/api/user", {
    token: user.token,
    json: { user: { image, bio } },
  });
  assert.equal(status, 200, text);
  return user;
});
const PLAIN = "A plain text";
const published = await inGroups(WRITTEN_AT_ONCE, texts, async (payload, index) => {
  const title = within(255)(payload) ? payload.text : PLAIN;
  const description = within(1_000)(payload) ? payload.text : PLAIN;
  const tagList = [tags[index % tags.length]!.text];
  const author = users[index % users.length]!;
  const { slug } = await conduit.publish(author, { title, description, body: payload.text, tagList });
  return { slug: String(slug), payload };
});
const TALK = await conduit.publish(users[0]!, { title: "Much talked about" });
/** Where texts are rendered: nothing of its own is a payload. */
const QUIET = await conduit.publish(await conduit.register(), { title: "Quiet" });
await inGroups(WRITTEN_AT_ONCE, texts.filter(within(10_000)), async ({ text: body }, index) => {
  const { token } = users[index % users.length]!;
  await conduit.request("POST", `/api/articles/${TALK.slug}/comments`, { token, json: { comment: { body } } });
});
const commentCount = texts.filter(within(10_000)).length;

/** Does the same for all, so many at a time. */
async function inGroups<T, R>(
  size: number,
  items: readonly T[],
  one: (item: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += size) {
    const group = items.slice(start, start + size);
    results.push(...(await Promise.all(group.map(async (item, index) => await one(item, start + index)))));
  }
  return results;
}

/** Puts the marks in place, before anything of a page runs, and in frames. */
async function mark({ context }: Visit): Promise<{ readonly ran: readonly string[] }> {
  const ran: string[] = [];
  await context.exposeFunction("__xssReport", (name: string) => {
    // What is written in a frame is an expression of another realm, and comes as text.
    ran.push(name.replaceAll("/", ""));
  });
  await context.addInitScript(MARKER_SOURCE);
  return { ran };
}

/** Does with each element below `selector` what a visitor may do. Links to pages and sites are not followed. */
async function actOn(page: Page, selector: string): Promise<void> {
  await page.evaluate((place) => {
    const stay = (event: Event): void => {
      const link = event.composedPath().find((one) => one instanceof Element && one.localName === "a");
      const target = link instanceof HTMLAnchorElement ? link.protocol : "";
      if (/^(?:https?|mailto|ftp|file):$/.test(target)) event.preventDefault();
    };
    const noForm = (event: Event): void => {
      if (/^https?:/.test((event.target as HTMLFormElement).action)) event.preventDefault();
    };
    addEventListener("click", stay, true);
    addEventListener("submit", noForm, true);
    for (const element of document.querySelectorAll(place)) {
      // The UI's own buttons would ask the server for something.
      if (element.closest("button") !== null && element.closest(".markdown, #probe") === null) continue;
      for (const name of ["pointerover", "mouseover", "mouseenter", "mousemove", "focus", "input", "keydown"]) {
        element.dispatchEvent(new Event(name, { bubbles: true, cancelable: true }));
      }
      if (element instanceof HTMLElement) element.click();
      else element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    }
    removeEventListener("click", stay, true);
    removeEventListener("submit", noForm, true);
  }, `${selector} *`);
}

/** What users wrote has no names, looks or places of its own, and nothing that runs. */
async function isClean(page: Page, selector: string): Promise<void> {
  const found = await page.evaluate((place) => {
    const own = [...document.querySelectorAll(`${place} *`)];
    const isBad = (element: Element): boolean =>
      /^(?:script|style|link|meta|base|iframe|frame|object|embed|form|svg|math|template|textarea|select)$/.test(
        element.localName,
      ) ||
      [...element.attributes].some(
        ({ name, value }) =>
          /^(?:on|id$|name$|style$|srcdoc$|form|action$|background$|is$|slot$)/.test(name) ||
          (name === "class" && value !== "table-scroll") ||
          /^[\s\0-\x20]*(?:javascript|vbscript):/i.test(value) ||
          (/^[\s\0-\x20]*data:/i.test(value) && element.localName !== "img"),
      );
    return own.filter(isBad).map((element) => element.outerHTML.slice(0, 200));
  }, selector);
  assert.deepEqual(found, []);
}

async function works(page: Page, path: string): Promise<void> {
  await isAt(page, path);
  const state = await page.evaluate(() =>
    (window as unknown as { __conduit_debug__: { getAuthState(): string } }).__conduit_debug__.getAuthState(),
  );
  assert.match(state, /^(?:un)?authenticated$/);
}

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

async function tourLists(page: Page): Promise<void> {
  await page.route(apiPath(/^\/articles$/), async (route) => {
    const url = new URL(route.request().url());
    const offset = Number(url.searchParams.get("offset")) * (PAGE_SIZE / 10);
    url.searchParams.set("limit", String(PAGE_SIZE));
    url.searchParams.set("offset", String(offset));
    await route.continue({ url: url.href });
  });
  const pages = Math.ceil((published.length + 1) / PAGE_SIZE);
  for (let number = 1; number <= pages; number++) {
    const path = number === 1 ? "/" : `/?page=${number}`;
    await page.goto(path);
    await seen(previews(page).or(page.locator(".article-preview")));
    await drawn(page);
    const wrong = await page.evaluate(() =>
      [...document.querySelectorAll(".article-preview")].flatMap((preview) => {
        const name = preview.querySelector(".author")?.textContent;
        const links = [...preview.querySelectorAll<HTMLAnchorElement>("a[href]")].filter(
          ({ origin, pathname }) => origin !== location.origin || !/^\/(?:profile|article|tag)\/[^/]+$/.test(pathname),
        );
        const own = preview.querySelector<HTMLAnchorElement>("a.author, .author a, a:has(.author)");
        const user = own === null ? "" : decodeURIComponent(own.pathname.split("/")[2]!);
        return [...links.map(({ href }) => href), ...(user === name ? [] : [`${user} is not ${name}`])];
      }),
    );
    assert.deepEqual(wrong, [], "every link leads to its article, user or tag");
    await actOn(page, ".article-preview");
    await actOn(page, ".sidebar");
    await works(page, path);
  }
  await page.unrouteAll();
}

async function tourComments(page: Page): Promise<void> {
  await page.goto(`/article/${TALK.slug}`);
  await counted(comments(page), commentCount);
  await actOn(page, ".card");
  await works(page, `/article/${TALK.slug}`);
}

/** All bodies at once, each rendered by what the page renders its own with; and some of them as articles. */
async function tourBodies(page: Page, { every }: { readonly every: number }): Promise<void> {
  await page.goto(`/article/${QUIET.slug}`);
  await seen(page.locator(".article-content p"));
  const failed = await renderAll(page);
  await drawn(page);
  await isClean(page, "#probe");
  await actOn(page, "#probe");
  await drawn(page);
  await works(page, `/article/${QUIET.slug}`);
  assert.deepEqual(failed, [], "every text can be rendered");
  for (const { slug } of published.filter((_, index) => index % every === 0)) {
    const path = `/article/${encodeURIComponent(slug)}`;
    await follow(page, path);
    await page.locator(".markdown").first().waitFor({ state: "attached" });
    await page.waitForFunction(() => document.querySelector(".article-content [aria-busy]") === null);
    await isClean(page, ".markdown");
    await actOn(page, ".article-content");
    await works(page, path);
  }
}

/** Gives what could not be rendered. */
async function renderAll(page: Page): Promise<string[]> {
  return await page.evaluate(
    async (bodies) => {
      const script = performance.getEntriesByType("resource").find(({ name }) => /\/markdown-[^/]*\.js$/.test(name));
      const { renderMarkdown } = (await import(script!.name)) as {
        renderMarkdown(this: void, text: string): DocumentFragment;
      };
      const probe = document.createElement("div");
      probe.id = "probe";
      const failed: string[] = [];
      for (const body of bodies) {
        try {
          probe.append(renderMarkdown(body));
        } catch {
          failed.push(body);
        }
      }
      document.querySelector(".article-content")!.append(probe);
      return failed;
    },
    texts.map(({ text }) => text),
  );
}

/** A page to go to by a link, and the text that an element of it has then. */
interface Stop {
  readonly path: string;
  readonly selector: string;
  readonly text: string;
}

/** Goes from page to page within the UI, and gives those that did not come as they should. */
async function goThrough(page: Page, stops: readonly Stop[]): Promise<string[]> {
  return await page.evaluate(async (all) => {
    const frame = async (): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      requestAnimationFrame(() => resolve());
      await promise;
    };
    const missing: string[] = [];
    for (const { path, selector, text } of all) {
      const link = document.createElement("a");
      link.href = path;
      document.body.append(link);
      link.click();
      link.remove();
      const isThere = (): boolean =>
        location.pathname === new URL(path, location.href).pathname &&
        [...document.querySelectorAll(selector)].some(({ textContent }) => textContent.includes(text));
      for (const deadline = performance.now() + 5_000; !isThere() && performance.now() < deadline;) await frame();
      if (!isThere()) missing.push(`${path} does not show ${JSON.stringify(text)}`);
    }
    return missing;
  }, stops);
}

async function tourNames(page: Page): Promise<void> {
  await page.goto("/");
  await seen(page.locator(".article-preview"));
  const profiles = users.map(({ username }): Stop => {
    return { path: `/profile/${encodeURIComponent(username)}`, selector: ".user-info h4", text: username };
  });
  assert.deepEqual(await goThrough(page, profiles), []);
  await actOn(page, ".user-info");
  await works(page, profiles.at(-1)!.path);
  const lists = tags.map(({ text }): Stop => {
    return { path: `/tag/${encodeURIComponent(text)}`, selector: ".feed-toggle .nav-link.active", text: text.trim() };
  });
  assert.deepEqual(await goThrough(page, lists), []);
  await seen(page.locator(".article-preview:not(.empty-feed-message)"));
  await actOn(page, ".feed-toggle");
  await works(page, lists.at(-1)!.path);
}

/** What is shown in fields and beside them. */
async function tourForms(page: Page): Promise<void> {
  const [user] = users;
  await logIn(page, user!);
  await isAt(page, "/");
  await follow(page, "/settings");
  await seen(field(page, "bio"));
  await actOn(page, "form");
  const own = published.filter((_, index) => index % users.length === 0);
  for (const { slug } of own.slice(0, 4)) {
    await follow(page, `/editor/${encodeURIComponent(slug)}`);
    await seen(page.locator(".tag-list .tag-pill"));
    await page.getByText("Preview", { exact: true }).first().click();
    await page.locator(".editor-preview .markdown").waitFor({ state: "attached" });
    await actOn(page, ".editor-preview");
  }
}

/** What was asked of the foreign host. */
function foreign({ elsewhere }: Visit): string[] {
  return elsewhere.map((request) => request.url());
}

/**
 * What browsers say without anything being wrong: broken pictures, which payloads are, those that the policy refuses, and what
 * it refuses in the document that the sanitiser parses into, where nothing is loaded. Of script they must say nothing.
 */
const SAID = [
  /console: Failed to load resource/,
  /console: Not allowed to load local resource/,
  /policy: (?:img|media|style|font|object|frame|child|manifest|connect)-src/,
  /policy: base-uri/,
  /violates the following Content Security Policy directive:? ["'](?!script-src|require-trusted)/,
];

strict.test("the marks are seen where nothing protects a page", { bypassCSP: true }, async (visit) => {
  const { page, allow } = visit;
  allow(/./);
  const { ran } = await mark(visit);
  await page.goto("/login");
  await page.evaluate(
    (all) => {
      document.body.replaceChildren();
      const policy = (window as any).trustedTypes.createPolicy("control", { createHTML: (text: string) => text });
      for (const text of all) {
        const probe = document.createElement("div");
        probe.id = "probe";
        document.body.append(probe);
        probe.innerHTML = policy.createHTML(text);
      }
    },
    controls.map(({ text }) => text),
  );
  await actOn(page, "#probe");
  const expected = controls.filter(({ harm }) => harm === "script").map(({ name }) => name);
  await counted(page.locator("body"), 1);
  await drawn(page);
  assert.deepEqual([...new Set(ran)].toSorted(), expected.toSorted());
  for (const { name } of controls.filter(({ harm }) => harm === "request")) {
    assert.ok(
      foreign(visit).some((url) => url.includes(name)),
      `${name} was not asked for`,
    );
  }
});

strict.test("the policy alone lets nothing run that is set as HTML", async (visit) => {
  const { page, allow } = visit;
  // Of everything that stands there the browser says that it is stopped.
  allow(/./);
  const { ran } = await mark(visit);
  // Where nothing has rendered Markdown yet, the one name that the policy knows for makers of HTML is free.
  await page.goto("/login");
  await seen(field(page, "email"));
  const refused = await page.evaluate(
    (all) => {
      const types = (window as any).trustedTypes;
      const probe = document.createElement("div");
      probe.id = "probe";
      document.body.append(probe);
      let isRefused = false;
      try {
        probe.innerHTML = all[0]!;
      } catch {
        isRefused = true;
      }
      const policy = types.createPolicy("dompurify", { createHTML: (text: string) => text });
      for (const text of all) {
        const one = document.createElement("div");
        probe.append(one);
        one.innerHTML = policy.createHTML(text);
      }
      return isRefused;
    },
    payloads.filter(({ harm, text }) => harm === "script" && !/http-equiv/i.test(text)).map(({ text }) => text),
  );
  assert.equal(refused, true, "text is no HTML without a policy of that name");
  await actOn(page, "#probe");
  await drawn(page);
  assert.deepEqual(ran, []);
  assert.deepEqual(foreign(visit), []);
});

usual.test("the sanitiser alone lets nothing through", { bypassCSP: true }, async (visit) => {
  const { page, allow } = visit;
  allow(...SAID, /request elsewhere/);
  const { ran } = await mark(visit);
  await tourBodies(page, { every: 1_000 });
  assert.deepEqual(ran, []);
  for (const url of foreign(visit)) {
    assert.ok(
      [...IMAGE_NAMES].some((name) => url.includes(name)),
      `${url} was asked for`,
    );
  }
});

for (const [name, tour] of [
  ["lists", tourLists],
  ["comments", tourComments],
  ["bodies", async (page: Page) => await tourBodies(page, { every: 20 })],
  ["names and tags", tourNames],
  ["forms", tourForms],
] as const) {
  strict.test(`nothing runs and nothing is asked elsewhere: ${name}`, async (visit) => {
    const { page, allow } = visit;
    allow(...SAID);
    const { ran } = await mark(visit);
    await tour(page);
    assert.deepEqual(ran, []);
    assert.deepEqual(foreign(visit), []);
  });
}

usual.test("with images of other sites nothing else is asked for", async (visit) => {
  const { page, allow } = visit;
  allow(...SAID, /request elsewhere: https:\/\/(?:[^/]*@)?xss\.invalid\//);
  const { ran } = await mark(visit);
  await tourBodies(page, { every: 1_000 });
  await tourComments(page);
  assert.deepEqual(ran, []);
  for (const request of visit.elsewhere) {
    assert.equal(request.resourceType(), "image", request.url());
    assert.ok(
      [...IMAGE_NAMES].some((one) => request.url().includes(one)),
      request.url(),
    );
  }
});
