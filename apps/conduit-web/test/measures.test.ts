/**
 * What the first page costs, measured in the browser: until the first list is painted, the longest task, bytes, requests.
 * The figures stand in the log of the run. The file runs alone (tools/test.ts), for whatever runs beside it is measured too.
 */
import assert from "node:assert/strict";
import type { BrowserContext, Page } from "playwright-core";
import { uiForFile } from "./harness.ts";
import { apiPath, field, previews } from "./parts.ts";
import { counted, drawn, seen } from "./waits.ts";

/** A phone of the middle, as Lighthouse takes one for it. */
const SLOWDOWN = 4;
const LOADS = 5;
const ROUNDS = 3;
const FIRST_LIST_LIMIT_MS = 300;
/** Far off what it takes on a quiet machine: for faults, and not for milliseconds. */
const ARTICLE_LIMIT_MS = 2_000;
const LONG_TASK_LIMIT_MS = 100;
const SCRIPT_LIMIT_BYTES = 40 * 1024;

const ui = await uiForFile();
const { conduit } = ui;
const authors = await Promise.all(Array.from({ length: 5 }, async () => await conduit.register()));
for (let number = 1; number <= 60; number++) {
  await conduit.publish(authors[number % authors.length]!, {
    title: `On the ${number} ways of a river to the sea`,
    description: "What stands in books about it, and what one sees from the bank",
    body: "A paragraph with **weight** and a [link](https://example.com/).\n\n- one\n- two\n\n".repeat(8),
    tagList: [`tag${number % 17}`, `topic ${number % 5}`],
  });
}

interface Figures {
  /** From the start of the navigation to the frame with the first article, in milliseconds. */
  readonly firstListMs: number;
  readonly longestTaskMs: number;
  readonly firstPaintMs: number;
}

/** Notes when what `selector` names is there with its text, and painted. */
async function observe(page: Page, selector: string): Promise<void> {
  await page.addInitScript((wanted) => {
    const found = { shownMs: 0, tasks: [] as number[] };
    Object.assign(window, { found });
    new PerformanceObserver((list) => found.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: "longtask",
      buffered: true,
    });
    const watch = new MutationObserver(() => {
      const element = document.querySelector(wanted);
      if (element === null || element.textContent.trim() === "") return;
      watch.disconnect();
      // The frame is painted between the callback of the next one and the task after it.
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.addEventListener("message", () => {
          found.shownMs = performance.now();
        });
        port1.start();
        port2.postMessage(null);
      });
    });
    watch.observe(document, { childList: true, subtree: true, characterData: true });
  }, selector);
}

async function figures(page: Page): Promise<Figures> {
  await page.waitForFunction(() => (window as unknown as { found: { shownMs: number } }).found.shownMs > 0);
  await page.waitForLoadState("load");
  await drawn(page);
  return await page.evaluate(() => {
    const { shownMs, tasks } = (window as unknown as { found: { shownMs: number; tasks: number[] } }).found;
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    return { firstListMs: shownMs, longestTaskMs: Math.max(0, ...tasks), firstPaintMs: paint?.startTime ?? 0 };
  });
}

async function slowPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWDOWN });
  return page;
}

const median = (values: readonly number[]): number => values.toSorted((one, other) => one - other)[values.length >> 1]!;
const rounded = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join(" ");

/** What loads with nothing in the cache take until `selector` is painted. */
async function loadsOf(path: string, selector: string): Promise<Figures[]> {
  const loads: Figures[] = [];
  for (let load = 0; load < LOADS; load++) {
    const context = await ui.browser.newContext({ baseURL: ui.origin });
    try {
      const page = await slowPage(context);
      await observe(page, selector);
      await page.goto(path);
      loads.push(await figures(page));
    } finally {
      await context.close();
    }
  }
  return loads;
}

function report(name: string, loads: readonly Figures[]): { readonly shownMs: number; readonly taskMs: number } {
  const shown = loads.map(({ firstListMs }) => firstListMs);
  const tasks = loads.map(({ longestTaskMs }) => longestTaskMs);
  const paints = loads.map(({ firstPaintMs }) => firstPaintMs);
  console.log(
    `${name}, CPU ÷ ${SLOWDOWN}: painted after ${median(shown).toFixed(0)} ms (median of ${rounded(shown)}), ` +
      `first paint ${rounded(paints)}, longest task ${rounded(tasks)}`,
  );
  return { shownMs: median(shown), taskMs: median(tasks) };
}

ui.test(`the first list is painted within ${FIRST_LIST_LIMIT_MS} ms at a ${SLOWDOWN}th of the speed`, async () => {
  // Whatever else the machine does makes it longer and never shorter: the best of a few rounds is nearest to the truth.
  let best = { shownMs: Infinity, taskMs: Infinity };
  for (let round = 0; round < ROUNDS && !isWithin(best); round++) {
    const found = report("the first list", await loadsOf("/", ".article-preview h1"));
    best = { shownMs: Math.min(best.shownMs, found.shownMs), taskMs: Math.min(best.taskMs, found.taskMs) };
  }
  assert.ok(
    isWithin(best),
    `found ${JSON.stringify(best)}, wanted ${FIRST_LIST_LIMIT_MS} and ${LONG_TASK_LIMIT_MS} ms`,
  );
});

function isWithin({ shownMs, taskMs }: { readonly shownMs: number; readonly taskMs: number }): boolean {
  return shownMs <= FIRST_LIST_LIMIT_MS && taskMs <= LONG_TASK_LIMIT_MS;
}

ui.test("an article is painted, its Markdown rendered, at the same speed", async () => {
  const path = "/article/on-the-7-ways-of-a-river-to-the-sea";
  const { shownMs } = report("an article", await loadsOf(path, ".article-content p"));
  assert.ok(shownMs <= ARTICLE_LIMIT_MS, `found ${shownMs} ms`);
});

ui.test("the first load takes 40 KB of compressed script at most", async ({ page, context }) => {
  const session = await context.newCDPSession(page);
  const scripts = new Map<string, string>();
  const bytes = new Map<string, number>();
  session.on("Network.responseReceived", ({ requestId, type, response }) => {
    const coding = new Headers(response.headers).get("Content-Encoding") ?? "plain";
    if (type === "Script") scripts.set(requestId, `${response.url} ${coding}`);
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => bytes.set(requestId, encodedDataLength));
  await session.send("Network.enable");
  await page.goto("/");
  await counted(previews(page), 10);
  await page.waitForLoadState("networkidle");
  const sizes = [...scripts].map(([id, name]) => [name, bytes.get(id) ?? 0] as const);
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  console.log(
    `script on the first load: ${total} bytes\n${sizes.map(([name, size]) => `  ${size} ${name}`).join("\n")}`,
  );
  assert.ok(sizes.length > 0);
  assert.ok(total <= SCRIPT_LIMIT_BYTES, `found ${total} bytes, wanted ${SCRIPT_LIMIT_BYTES}`);
  for (const [name] of sizes) assert.doesNotMatch(name, /plain$/, "every script comes compressed");
});

ui.test("the first list needs one page and one answer of the API", async ({ page }) => {
  // Whatever else is asked for never comes.
  await page.route(apiPath(/^(?!\/articles$)/), () => {});
  await page.goto("/");
  await counted(previews(page), 10);
  const entries = await page.evaluate(() => {
    const resources = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    const navigation = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    return [...navigation, ...resources].map(({ name, startTime, responseEnd, transferSize }) => {
      return { name, startTime, responseEnd, transferSize };
    });
  });
  const lines = entries.map(({ name, startTime, responseEnd, transferSize }) => {
    const { pathname, search } = new URL(name);
    const times = `${startTime.toFixed(0).padStart(5)} to ${responseEnd.toFixed(0).padStart(4)} ms`;
    return `${times} ${String(transferSize).padStart(7)} bytes  ${pathname}${search}`;
  });
  console.log(`requests until the first list:\n${lines.join("\n")}`);
  const lists = entries.filter(({ name }) => new URL(name).pathname === "/api/articles");
  assert.equal(lists.length, 1);
});

ui.test("a second page loads no file again", async ({ page }) => {
  const files = async () =>
    await page.evaluate(() =>
      (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
        .filter(({ name }) => new URL(name).pathname.startsWith("/assets/"))
        .map(({ name, transferSize }) => ({ name, transferSize })),
    );
  await page.goto("/");
  await seen(previews(page));
  const first = new Set((await files()).map(({ name }) => name));
  await page.goto("/login");
  await seen(field(page, "email"));
  const again = (await files()).filter(({ name }) => first.has(name));
  assert.ok(again.length > 0);
  for (const { name, transferSize } of again) assert.equal(transferSize, 0, `${name} came from the server again`);
});
