/** The harness sees what fails a test: it would be no use if it did not. */
import assert from "node:assert/strict";
import { uiForFile } from "./harness.ts";
import { navLink } from "./parts.ts";
import { seen, until } from "./waits.ts";

const ui = await uiForFile();

ui.test(
  "an error that is not caught, a refused style, a word on the console and a request elsewhere are faults",
  async (visit) => {
    const { page, allow } = visit;
    allow(/not caught: Error: a test threw it/, /a rejection of a test/, /console: a test wrote it/);
    allow(
      /policy: |Content Security Policy/,
      /request elsewhere: https:\/\/elsewhere\.invalid\//,
      /ERR_NAME_NOT_RESOLVED/,
    );
    await page.goto("/");
    await seen(navLink(page, "Home"));
    assert.deepEqual(visit.faults, []);
    await page.evaluate(() => {
      setTimeout(() => {
        throw new Error("a test threw it");
      });
      void Promise.reject(new Error("a rejection of a test"));
      console.error("a test wrote it");
      document.body.setAttribute("style", "color: red");
      new Image().src = "https://elsewhere.invalid/picture";
      fetch("https://elsewhere.invalid/refused-by-the-policy").catch(() => {});
    });
    for (const pattern of [
      /^not caught: Error: a test threw it/,
      /^not caught: Error: a rejection of a test/,
      /^console: a test wrote it/,
      /^console: policy: style-src-attr/,
      /^console: policy: connect-src of https:\/\/elsewhere\.invalid/,
      /^request elsewhere: https:\/\/elsewhere\.invalid\/picture$/,
    ]) {
      await until(
        String(pattern),
        () => visit.faults,
        (faults) => faults.some((fault) => pattern.test(fault)),
      );
    }
    assert.ok(!visit.elsewhere.some((request) => request.url().includes("refused-by-the-policy")));
  },
);

ui.test(
  "a visitor who is signed in is so on the first page, and stays away once logged out",
  { signedIn: true },
  async (visit) => {
    const { page, user } = visit;
    await page.goto("/");
    await seen(navLink(page, user.username));
    await page.evaluate(() => localStorage.removeItem("jwtToken"));
    await page.reload();
    await seen(navLink(page, "Sign in"));
  },
);
