/**
 * The web UI in a real browser, on the real server: for each test file one program (apps/conduit/test/harness.ts) and one
 * browser, for each test a context of its own with a page.
 *
 * What fails a test beside its own assertions, unless the test has announced it with `allow`:
 * - an error that a page does not catch, or writes to the console;
 * - a violation of the Content-Security-Policy;
 * - a request to another origin than the server's. Nothing outside answers: tools/browser/launch.ts.
 *
 * `UI_BEHIND=nginx` puts nginx in front of the program, and the browser asks that. `LUNET_TEST_DATABASE` chooses the
 * database as for the API's tests.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, test as nodeTest, type TestContext } from "node:test";
import type { Browser, BrowserContext, BrowserContextOptions, Page, Request } from "playwright-core";
import { launchBrowser } from "../../../tools/browser/launch.ts";
import { conduitForFile, type Conduit, type StartOptions, type TestUser } from "../../conduit/test/harness.ts";
import { NGINX_NAME, proxyFor } from "./behind-nginx.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const BUILT = join(import.meta.dirname, "..", "dist", "index.html");

/** What a page may take to get to where a test waits for it. */
export const WAIT_MS = 5_000;
/** A phone. */
export const PHONE = { width: 390, height: 844 };

/** Announced for every page: a server without live events answers 404, and the UI goes without them. */
const ALWAYS_ALLOWED: readonly RegExp[] = [/ 404 .*\/api\/events/];
/** They lead to no other host: the browser answers of itself, or refuses. */
const OWN_SCHEMES = /^(?:data|blob|about|chrome-error|file|javascript|vbscript):/i;

/** How a test's context differs from the usual. */
export interface VisitOptions extends BrowserContextOptions {
  /** A new user, whose token is in place before the first page is loaded. Default: an anonymous visitor. */
  readonly signedIn?: boolean;
}

/** What a test gets. */
export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Who is signed in; of an anonymous visitor nobody, and reading it fails. */
  readonly user: TestUser;
  /** Announces what would fail the test: errors on the console and requests elsewhere, by a part of their text. */
  allow(this: void, ...faults: readonly RegExp[]): void;
  /** Every request of every page so far. */
  readonly requests: readonly Request[];
  /** The faults so far, allowed or not. */
  readonly faults: readonly string[];
  /** Requests to other origins so far. What the policy has stopped is none. */
  readonly elsewhere: readonly Request[];
}

/** The tests of a file. */
export class Ui {
  readonly conduit: Conduit;
  readonly browser: Browser;
  /** Where the browser finds the UI: `http://127.0.0.1:PORT`. */
  readonly origin: string;

  constructor(conduit: Conduit, browser: Browser, origin: string) {
    this.conduit = conduit;
    this.browser = browser;
    this.origin = origin;
  }

  /** Declares a test. */
  test(name: string, body: (visit: Visit) => Promise<void>): void;
  test(name: string, options: VisitOptions, body: (visit: Visit) => Promise<void>): void;
  test(name: string, ...rest: [Body] | [VisitOptions, Body]): void {
    const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest;
    nodeTest(name, async (t) => {
      await this.visit(options, t, body);
    });
  }

  /** Runs `body` with a context of its own, within a test. */
  async visit(options: VisitOptions, t: TestContext, body: Body): Promise<void> {
    const { signedIn = false, ...contextOptions } = options;
    const user = signedIn ? await this.conduit.register() : undefined;
    const context = await this.browser.newContext({
      baseURL: this.origin,
      viewport: { width: 1200, height: 800 },
      reducedMotion: "reduce",
      ignoreHTTPSErrors: true,
      ...contextOptions,
    });
    context.setDefaultTimeout(WAIT_MS);
    const watch = new Watch(this.origin);
    await watch.follow(context);
    if (user !== undefined) await giveToken(context, user.token);
    const page = await context.newPage();
    const visit = {
      page,
      context,
      get user() {
        assert.ok(user, "nobody is signed in: give the test { signedIn: true }");
        return user;
      },
      allow: (...faults: readonly RegExp[]) => void watch.allowed.push(...faults),
      requests: watch.requests,
      get faults() {
        return watch.faults;
      },
      get elsewhere() {
        return watch.elsewhere;
      },
    };
    try {
      await body(visit);
      watch.check();
    } catch (error) {
      await this.#show(context, t);
      for (const fault of new Set(watch.faults)) console.error(`  seen: ${fault}`);
      throw error;
    } finally {
      // What is still being answered by a test is of no interest, and fails with the context.
      for (const routed of [...context.pages(), context]) await routed.unrouteAll({ behavior: "ignoreErrors" });
      await context.close();
    }
  }

  /** Keeps what the pages of a failed test look like. */
  async #show(context: BrowserContext, t: TestContext): Promise<void> {
    const folder = process.env["LUNET_TEST_LOGS"] ?? join(root, ".tmp", "screenshots", "failed");
    mkdirSync(folder, { recursive: true });
    for (const [index, page] of context.pages().entries()) {
      const path = join(folder, `${t.name.replaceAll(/[^\w]+/g, "-").slice(0, 80)}-${index}.png`);
      const text = await page.evaluate(() => document.body.innerText.slice(0, 1_500)).catch(() => "(closed)");
      await page.screenshot({ path, timeout: WAIT_MS }).catch(() => {});
      console.error(`${t.name}: at ${page.url()}, ${path}\n${text.replaceAll(/^/gm, "  | ")}`);
    }
  }
}

type Body = (visit: Visit) => Promise<void>;

/** Sees what fails a test, in all pages of a context. */
class Watch {
  readonly allowed: RegExp[] = [...ALWAYS_ALLOWED];
  readonly #errors: string[] = [];
  readonly requests: Request[] = [];
  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  async follow(context: BrowserContext): Promise<void> {
    context.on("weberror", (event) => {
      const error = event.error();
      this.#errors.push(`not caught: ${error.stack ?? error.message}`);
    });
    context.on("console", (message) => {
      if (message.type() !== "error") return;
      this.#errors.push(`console: ${message.text()} (${message.location().url})`);
    });
    context.on("request", (request) => {
      this.requests.push(request);
    });
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy: ${event.violatedDirective} of ${event.blockedURI} ${event.sample}`);
      });
    });
  }

  get elsewhere(): Request[] {
    return this.requests.filter((request) => {
      const url = request.url();
      const isOwn = OWN_SCHEMES.test(url) || new URL(url).origin === this.#origin;
      return !isOwn && request.failure()?.errorText !== "csp";
    });
  }

  get faults(): string[] {
    return [...this.#errors, ...this.elsewhere.map((request) => `request elsewhere: ${request.url()}`)];
  }

  check(): void {
    const found = [...new Set(this.faults)].filter((fault) => !this.allowed.some((pattern) => pattern.test(fault)));
    assert.deepEqual(found, [], "the pages had faults of their own");
  }
}

/** Puts a token where the UI keeps it, once, before the first page of the context reads it. */
async function giveToken(context: BrowserContext, token: string): Promise<void> {
  await context.addInitScript((value) => {
    // Once: a token that the UI has thrown away stays away.
    if (window.location.protocol === "about:" || localStorage.getItem("test:given") !== null) return;
    localStorage.setItem("test:given", "yes");
    localStorage.setItem("jwtToken", value);
  }, token);
}

/** Starts the program and the browser for the tests of one file. Call it at the top level of the file. */
export async function uiForFile(options: StartOptions = {}): Promise<Ui> {
  assert.ok(existsSync(BUILT), `Cannot test the web UI: found no ${BUILT}, wanted what \`make web\` builds`);
  const isBehindNginx = process.env["UI_BEHIND"] === "nginx";
  const env = { ...(isBehindNginx && { TRUSTED_PROXIES: "127.0.0.1" }), ...options.env };
  const conduit = await conduitForFile({ ...options, env });
  const [browser, proxy] = await Promise.all([
    launchBrowser({ names: isBehindNginx ? [NGINX_NAME] : [] }),
    isBehindNginx ? proxyFor(() => conduit.port) : undefined,
  ]);
  after(async () => {
    await browser.close();
    await proxy?.close();
  });
  return new Ui(conduit, browser, proxy?.origin ?? conduit.url);
}
