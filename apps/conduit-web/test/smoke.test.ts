/** The way through the whole UI, once: it runs on the trace build too, where nothing may be left of any request. */
import { uiForFile } from "./harness.ts";
import { field } from "./parts.ts";
import { isAt, reads, seen } from "./waits.ts";

const ui = await uiForFile();

ui.test("a visitor registers, publishes, comments, likes, deletes and logs out", async ({ page }) => {
  await page.goto("/register");
  await field(page, "username").fill("rosa");
  await field(page, "email").fill("rosa@example.com");
  await field(page, "password").fill("correct horse battery");
  await page.getByRole("button", { name: "Sign up" }).click();
  await isAt(page, "/");
  await page.goto("/editor");
  await field(page, "title").fill("On rivers");
  await field(page, "description").fill("How they find the sea");
  await field(page, "body").fill("They **flow**.");
  await page.getByRole("button", { name: "Publish Article" }).click();
  await isAt(page, "/article/on-rivers");
  await seen(page.locator(".article-content strong", { hasText: "flow" }));
  await page.getByPlaceholder("Write a comment...").fill("So they do");
  await page.getByRole("button", { name: "Post Comment" }).click();
  await reads(page.locator(".card p.card-text"), "So they do");
  await page.goto("/");
  await page.locator(".article-preview button").click();
  await seen(page.locator(".article-preview button.btn-primary"));
  await page.goto("/article/on-rivers");
  await page.getByRole("button", { name: "Delete Article" }).first().click();
  await isAt(page, "/");
  await page.goto("/settings");
  await page.getByRole("button", { name: "Or click here to logout" }).click();
  await seen(page.getByRole("link", { name: "Sign in" }));
});
