/** Profiles: who one is, what one wrote and likes, and who follows whom. */
import assert from "node:assert/strict";
import { uiForFile } from "./harness.ts";
import { answer, apiPath, button, gate, previews } from "./parts.ts";
import { counted, gone, isAt, reads, seen } from "./waits.ts";

const ui = await uiForFile();
const { conduit } = ui;
const author = await conduit.register({ username: "author" });
await conduit.request("PUT", "/api/user", { token: author.token, json: { user: { bio: "Lives by\na river" } } });
for (let number = 1; number <= 11; number++) await conduit.publish(author, { title: `Number ${number}` });
await conduit.request("POST", "/api/articles/number-3/favorite", { token: author.token });

ui.test("a profile shows its owner, the articles and the favourites", async ({ page }) => {
  await page.goto("/profile/author");
  await reads(page.locator(".profile-page .user-info h4"), "author");
  await reads(page.locator(".user-info p"), /Lives by\s+a river/);
  assert.match((await page.locator(".user-info .user-img").getAttribute("src")) ?? "", /default-avatar\.svg$/);
  await counted(previews(page), 10);
  await page.locator(".pagination .page-link").nth(1).click();
  await isAt(page, "/profile/author?page=2");
  await counted(previews(page), 1);
  await page.getByRole("link", { name: "Favorited Articles" }).click();
  await isAt(page, "/profile/author/favorites");
  await reads(previews(page).locator("h1"), "Number 3");
  await counted(previews(page), 1);
  await page.reload();
  await counted(previews(page), 1);
  await page
    .locator(".articles-toggle, .feed-toggle")
    .getByRole("link", { name: /articles/i })
    .first()
    .click();
  await isAt(page, "/profile/author");
  assert.match(await page.title(), /author/);
});

ui.test("a profile that is not there says so", async ({ page, allow }) => {
  allow(/ 404 /);
  await page.goto("/profile/nobody");
  await seen(page.locator(".profile-page").getByText(/not found|no such|does not exist|cannot be found/i));
});

ui.test("a profile is followed before the answer, once, and unfollowed", { signedIn: true }, async (visit) => {
  const { page, user, requests } = visit;
  const { opened, open } = gate();
  await page.route(apiPath(/\/follow$/), async (route) => {
    await opened;
    await route.continue();
  });
  await page.goto("/profile/author");
  await button(page, "Follow author").dblclick();
  await seen(button(page, "Unfollow author"));
  open();
  await page.waitForResponse((response) => response.url().endsWith("/follow"));
  assert.equal(requests.filter((one) => one.url().endsWith("/follow")).length, 1);
  const { json } = await conduit.request("GET", "/api/profiles/author", { token: user.token });
  assert.equal(json.profile.following, true);
  await page.reload();
  await button(page, "Unfollow author").click();
  await gone(page.getByRole("button", { name: "Unfollow author" }));
  await seen(button(page, "Follow author"));
});

ui.test("a follow that fails is taken back", { signedIn: true }, async ({ page, allow }) => {
  allow(/ 500 /);
  const { opened, open } = gate();
  await page.route(apiPath(/\/follow$/), async (route) => {
    await opened;
    await answer(route, 500, {});
  });
  await page.goto("/profile/author");
  await button(page, "Follow author").click();
  await seen(button(page, "Unfollow author"));
  open();
  await gone(page.getByRole("button", { name: "Unfollow author" }));
  await seen(button(page, "Follow author"));
});

ui.test("the own profile leads to the settings", { signedIn: true }, async ({ page, user }) => {
  await page.goto(`/profile/${user.username}`);
  await reads(page.locator(".user-info h4"), user.username);
  await gone(page.getByRole("button", { name: /^Follow/ }));
  await page.getByRole("link", { name: "Edit Profile Settings" }).click();
  await isAt(page, "/settings");
});

ui.test("a name with signs of addresses in it has a profile", async ({ page }) => {
  const username = "a/b?c#d é";
  const { status } = await conduit.send("POST", "/api/users", {
    json: { user: { username, email: "signs@example.com", password: "correct horse battery" } },
  });
  // Where the API takes no such name there is nothing to show.
  if (status !== 201) return;
  await page.goto(`/profile/${encodeURIComponent(username)}`);
  await reads(page.locator(".user-info h4"), username);
});
