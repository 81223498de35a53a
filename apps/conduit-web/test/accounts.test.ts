/** Accounts: to register, log in and out, the settings, and what a page does with a token. */
import assert from "node:assert/strict";
import { uiForFile } from "./harness.ts";
import {
  answer,
  apiPath,
  authState,
  button,
  currentUser,
  debugToken,
  errors,
  field,
  fill,
  gate,
  keptToken,
  logIn,
  navLink,
  previews,
} from "./parts.ts";
import { gone, holds, isAt, reads, seen, until } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
await conduit.publish(author, { title: "Rivers" });

ui.test("whoever registers is signed in, on the home page", async ({ page }) => {
  await page.goto("/register");
  await seen(page.getByRole("heading", { name: "Sign up" }));
  await fill(page, { username: "newcomer", email: "new@example.com", password: "correct horse battery" });
  await button(page, "Sign up").click();
  await isAt(page, "/");
  await seen(navLink(page, "newcomer"));
  assert.equal(await authState(page), "authenticated");
  assert.equal(await currentUser(page), "newcomer");
  assert.match((await keptToken(page)) ?? "", /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.equal(await debugToken(page), await keptToken(page));
});

ui.test("a registration that is refused says why, and keeps what was typed", async ({ page, allow }) => {
  allow(/ 409 /, / 422 /);
  await page.goto("/register");
  const typed = { username: author.username, email: "other@example.com", password: "correct horse battery" };
  await fill(page, typed);
  await button(page, "Sign up").click();
  await reads(errors(page), "username has already been taken");
  for (const [name, value] of Object.entries(typed)) await holds(field(page, name), value);
  await isAt(page, "/register");
  await field(page, "username").fill("someone");
  await field(page, "password").fill("short");
  await button(page, "Sign up").click();
  await reads(errors(page), /^password is too short/);
  assert.equal(await keptToken(page), null);
});

ui.test("whoever logs in is on the home page, also after a reload", async ({ page }) => {
  await logIn(page, author);
  await isAt(page, "/");
  await seen(navLink(page, "author"));
  await gone(navLink(page, "Sign in"));
  await page.reload();
  await seen(navLink(page, "author"));
  assert.equal(await authState(page), "authenticated");
});

ui.test("a wrong password is told, and what was typed stays", async ({ page, allow }) => {
  allow(/ 401 /);
  await logIn(page, { ...author, password: "a wrong password" });
  await reads(errors(page), "credentials invalid");
  await holds(field(page, "email"), author.email);
  await holds(field(page, "password"), "a wrong password");
  await isAt(page, "/login");
  await field(page, "password").fill(author.password);
  await button(page, "Sign in").click();
  await isAt(page, "/");
});

ui.test("the two forms lead to each other", async ({ page }) => {
  await page.goto("/login");
  await page.getByRole("link", { name: /need an account/i }).click();
  await isAt(page, "/register");
  await page.getByRole("link", { name: /have an account/i }).click();
  await isAt(page, "/login");
});

ui.test("whoever logs out is anonymous", { signedIn: true }, async ({ page, user }) => {
  await page.goto("/settings");
  await button(page, "Or click here to logout").click();
  await isAt(page, "/");
  await seen(navLink(page, "Sign in"));
  await gone(navLink(page, user.username));
  assert.equal(await keptToken(page), null);
  assert.equal(await authState(page), "unauthenticated");
  assert.equal(await currentUser(page), undefined);
});

ui.test("the settings show the account, and saving them shows the profile", { signedIn: true }, async (visit) => {
  const { page, user } = visit;
  await page.goto("/settings");
  await holds(field(page, "username"), user.username);
  await holds(field(page, "email"), user.email);
  await holds(field(page, "password"), "");
  const image = `${ui.origin}/default-avatar.svg?mine`;
  await fill(page, { image, bio: "Lives by a river", username: "renamed", email: "renamed@example.com" });
  await button(page, "Update Settings").click();
  await isAt(page, "/profile/renamed");
  await reads(page.locator(".user-info h4"), "renamed");
  await reads(page.locator(".user-info p"), "Lives by a river");
  assert.equal(await page.locator("img.user-img").getAttribute("src"), image);
  await seen(navLink(page, "renamed"));
  await page.goto("/settings");
  await holds(field(page, "bio"), "Lives by a river");
  await fill(page, { image: "", bio: "", password: "another horse battery" });
  await button(page, "Update Settings").click();
  await isAt(page, "/profile/renamed");
  await seen(page.locator('img.user-img[src$="/default-avatar.svg"]'));
  const again = { user: { email: "renamed@example.com", password: "another horse battery" } };
  const { status, json } = await conduit.request("POST", "/api/users/login", { json: again });
  assert.equal(status, 200);
  assert.equal(json.user.bio, null);
  assert.equal(json.user.image, null);
});

ui.test("settings that are refused say why, and keep what was typed", { signedIn: true }, async ({ page, allow }) => {
  allow(/ 409 /);
  await page.goto("/settings");
  await seen(field(page, "username"));
  await fill(page, { username: "author", bio: "not lost" });
  await button(page, "Update Settings").click();
  await reads(errors(page), "username has already been taken");
  await holds(field(page, "username"), "author");
  await holds(field(page, "bio"), "not lost");
  await isAt(page, "/settings");
});

ui.test("pages that need a login send an anonymous visitor there", async ({ page }) => {
  for (const path of ["/settings", "/editor", "/editor/rivers", "/?feed=following"]) {
    await page.goto(path);
    await isAt(page, /^\/login/);
    await seen(page.getByRole("heading", { name: "Sign in" }));
  }
});

ui.test("favourite and follow send an anonymous visitor to the login", async ({ page }) => {
  await page.goto("/");
  await previews(page).locator("button").first().click();
  await isAt(page, /^\/login|^\/register/);
  await page.goto("/profile/author");
  await page.getByRole("button", { name: "Follow author" }).click();
  await isAt(page, /^\/login|^\/register/);
});

ui.test("any 4xx takes the token away, and the visitor is anonymous", { signedIn: true }, async (visit) => {
  const { page, user, allow } = visit;
  allow(/ 4\d\d .*\/api\/user\)/);
  let status = 0;
  await page.route(
    apiPath(/^\/user$/),
    async (route) => await answer(route, status, { errors: { token: ["is invalid"] } }),
  );
  await page.goto("/");
  for (status of [401, 404, 429]) {
    await page.evaluate((token) => localStorage.setItem("jwtToken", token), user.token);
    await page.reload();
    await until(
      `no token after ${status}`,
      async () => await keptToken(page),
      (found) => found === null,
    );
    await until(
      "an anonymous visitor",
      async () => await authState(page),
      (found) => found === "unauthenticated",
    );
    await seen(navLink(page, "Sign in"));
    await seen(previews(page));
  }
});

ui.test("without an answer the state is loading, and the articles are there", { signedIn: true }, async ({ page }) => {
  const { opened, open } = gate();
  await page.route(apiPath(/^\/user$/), async (route) => {
    await opened;
    await route.continue();
  });
  await page.goto("/");
  await seen(page.locator(".navbar"));
  assert.equal(await authState(page), "loading");
  await page.goto("/?feed=following");
  assert.equal(await authState(page), "loading");
  await isAt(page, "/?feed=following");
  open();
  await until(
    "a signed in visitor",
    async () => await authState(page),
    (found) => found === "authenticated",
  );
});

for (const failure of [500, "no answer"] as const) {
  ui.test(`${failure} keeps the token, is told, and is tried again`, { signedIn: true }, async (visit) => {
    const { page, user, allow } = visit;
    allow(/ 50\d .*\/api\/user\)/, /ERR_FAILED .*\/api\/user\)/);
    await page.route(apiPath(/^\/user$/), async (route) => {
      if (failure === "no answer") await route.abort();
      else await answer(route, failure, "<html>");
    });
    await page.goto("/");
    await until(
      "the state",
      async () => await authState(page),
      (found) => found === "unavailable",
    );
    assert.equal(await keptToken(page), user.token);
    await seen(page.getByText(/Unable to connect|Connecting/));
    await seen(previews(page));
    await page.goto("/article/rivers");
    await reads(page.locator(".article-page h1"), "Rivers");
    await page.unrouteAll();
    await until(
      "a signed in visitor",
      async () => await authState(page),
      (found) => found === "authenticated",
    );
    await seen(navLink(page, user.username));
    await gone(page.getByText(/Unable to connect|Connecting/));
  });
}

ui.test("a page that needs a login waits for a server that is away", { signedIn: true }, async (visit) => {
  const { page, user, allow } = visit;
  allow(/ 503 .*\/api\/user\)/);
  await page.route(apiPath(/^\/user$/), async (route) => await answer(route, 503, ""));
  await page.goto("/settings");
  await seen(page.getByText(/Unable to connect|Connecting/));
  await isAt(page, "/settings");
  await page.unrouteAll();
  await holds(field(page, "username"), user.username);
});

ui.test("two tabs are signed in and out together", async ({ page, context }) => {
  const other = await context.newPage();
  await other.goto("/");
  await seen(navLink(other, "Sign in"));
  await logIn(page, author);
  await seen(navLink(page, "author"));
  await seen(navLink(other, "author"));
  assert.equal(await authState(other), "authenticated");
  await other.goto("/settings");
  await button(other, "Or click here to logout").click();
  await seen(navLink(page, "Sign in"));
  assert.equal(await authState(page), "unauthenticated");
});

ui.test("a double click on a form's button sends one request", async ({ page, requests }) => {
  await page.route(apiPath(/^\/users/), async (route) => {
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 50)));
    await route.continue();
  });
  await page.goto("/login");
  await fill(page, { email: author.email, password: author.password });
  await button(page, "Sign in").dblclick();
  await isAt(page, "/");
  assert.equal(requests.filter((one) => one.method() === "POST").length, 1);
});
