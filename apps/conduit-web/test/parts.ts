/** What tests look for on pages, by the contract's names, and what they do again and again. */
import assert from "node:assert/strict";
import type { APIResponse, Locator, Page, Route } from "playwright-core";
import type { TestUser } from "../../conduit/test/harness.ts";
import { drawn } from "./waits.ts";

/** What the UI shows of itself to tests. */
interface Debug {
  getToken(): string | null;
  getAuthState(): "authenticated" | "unauthenticated" | "unavailable" | "loading";
  getCurrentUser(): { username: string } | null;
}

export const authState = async (page: Page): Promise<string> =>
  await page.evaluate(() => (window as unknown as { __conduit_debug__: Debug }).__conduit_debug__.getAuthState());

export const currentUser = async (page: Page): Promise<string | undefined> =>
  await page.evaluate(
    () => (window as unknown as { __conduit_debug__: Debug }).__conduit_debug__.getCurrentUser()?.username,
  );

export const debugToken = async (page: Page): Promise<string | null> =>
  await page.evaluate(() => (window as unknown as { __conduit_debug__: Debug }).__conduit_debug__.getToken());

export const keptToken = async (page: Page): Promise<string | null> =>
  await page.evaluate(() => localStorage.getItem("jwtToken"));

export const field = (page: Page, name: string): Locator => page.locator(`:is(input, textarea)[name=${name}]`);
export const button = (page: Page, name: string): Locator => page.getByRole("button", { name }).first();
export const navLink = (page: Page, name: string): Locator => page.locator(".navbar .nav-link", { hasText: name });
export const previews = (page: Page): Locator => page.locator(".article-preview:has(h1:not(:empty))");
export const errors = (page: Page): Locator => page.locator("ul.error-messages li");
/** The comments, and not the form to write one. */
export const comments = (page: Page): Locator => page.locator(".card:has(p.card-text)");
export const commentBox = (page: Page): Locator => page.getByPlaceholder("Write a comment...");
export const favoriteOf = (page: Page, title: string): Locator =>
  page.locator(".article-preview", { hasText: title }).locator("button");

export async function fill(page: Page, values: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(values)) await field(page, name).fill(value);
}

export async function logIn(page: Page, user: TestUser): Promise<void> {
  await page.goto("/login");
  await fill(page, { email: user.email, password: user.password });
  await button(page, "Sign in").click();
}

/** Requests of the API whose path, without `/api` and the query, matches. */
export function apiPath(pattern: RegExp): (url: URL) => boolean {
  return ({ pathname }) => pathname.startsWith("/api/") && pattern.test(pathname.slice("/api".length));
}

/** Answers as the server would, with an error or without. */
export async function answer(route: Route, status: number, content: unknown): Promise<void> {
  const body = typeof content === "string" ? content : JSON.stringify(content);
  await route.fulfill({ status, contentType: "application/json; charset=utf-8", body });
}

/** A gate that holds requests back until it is opened. */
export function gate(): { readonly opened: Promise<void>; open(this: void): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Lets the server answer. It is not the browser that asks, so what only that knows the server by is no address. */
export async function answerOf(route: Route): Promise<APIResponse> {
  const url = new URL(route.request().url());
  const { host } = url;
  url.hostname = "127.0.0.1";
  return await route.fetch({ url: url.href, headers: { ...route.request().headers(), host } });
}

/** Answers that are on their way. */
export interface LateAnswers {
  /** Lets them come, and waits until the page has the first of them, and has drawn what follows from it. */
  release(this: void): Promise<void>;
}

/** The server does at once what it is asked for, and its answers are late. */
export async function holdAnswers(page: Page, method: string, path: RegExp): Promise<LateAnswers> {
  const { opened, open } = gate();
  const isIt = apiPath(path);
  await page.route(isIt, async (route) => {
    if (route.request().method() !== method) {
      await route.fallback();
      return;
    }
    const response = await answerOf(route);
    await opened;
    // Nobody may wait for it any more.
    await route.fulfill({ response }).catch(() => {});
  });
  return {
    release: async () => {
      const answered = page.waitForResponse((one) => one.request().method() === method && isIt(new URL(one.url())));
      open();
      assert.equal(await (await answered).finished(), null);
      await drawn(page);
    },
  };
}

/** The server knows no token any more: whoever sends one is refused. */
export async function refuseTokens(page: Page): Promise<void> {
  await page.route(apiPath(/./), async (route) => {
    if (route.request().headers()["authorization"] === undefined) await route.fallback();
    else await answer(route, 401, { errors: { token: ["is invalid"] } });
  });
}

/** The browser says that the network is back, at which what failed without one is tried again, now and not in a second. */
export async function comeOnline(page: Page): Promise<void> {
  await page.evaluate(() => void window.dispatchEvent(new Event("online")));
  await drawn(page);
}

/** Where the page itself is at this moment: `isAt` is what waits for it. */
export const placeOf = async (page: Page): Promise<string> =>
  await page.evaluate(() => location.pathname + location.search);
