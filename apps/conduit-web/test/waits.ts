/** Assertions about a page that may need a moment to get there. Each has a deadline of WAIT_MS. */
import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { WAIT_MS } from "./harness.ts";

const POLL_MS = 25;

/** Waits until `read` gives what `isDone`, and fails with what it gave last. */
export async function until<T>(what: string, read: () => Promise<T> | T, isDone: (found: T) => boolean): Promise<T> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const found = await read();
    if (isDone(found)) return found;
    if (performance.now() > deadline) {
      assert.fail(`Cannot see ${what} in ${WAIT_MS} ms: found ${JSON.stringify(found) ?? "nothing"}`);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, POLL_MS);
    await promise;
  }
}

/** Waits until the locator's first element can be seen. */
export async function seen(locator: Locator): Promise<void> {
  await locator.first().waitFor({ state: "visible" });
}

/** Waits until no element of the locator can be seen. */
export async function gone(locator: Locator): Promise<void> {
  await until(
    `no ${locator.toString()}`,
    async () => await locator.filter({ visible: true }).count(),
    (count) => count === 0,
  );
}

/** Waits until there are so many elements. */
export async function counted(locator: Locator, count: number): Promise<void> {
  await until(
    `${count} of ${locator.toString()}`,
    async () => await locator.count(),
    (found) => found === count,
  );
}

/** Waits until the first element's text, without space around, is or matches `wanted`. */
export async function reads(locator: Locator, wanted: string | RegExp): Promise<void> {
  const read = async () => ((await locator.count()) > 0 ? (await locator.first().innerText()).trim() : undefined);
  await until(
    `${String(wanted)} in ${locator.toString()}`,
    read,
    (found) => found !== undefined && isText(found, wanted),
  );
}

/** Waits until a field's value is this. */
export async function holds(locator: Locator, value: string): Promise<void> {
  await until(
    `the value of ${locator.toString()}`,
    async () => await locator.inputValue(),
    (found) => found === value,
  );
}

/** Waits until the page is at a path, with its query. */
export async function isAt(page: Page, path: string | RegExp): Promise<void> {
  const read = () => {
    const { pathname, search } = new URL(page.url());
    return pathname + search;
  };
  await until(`the address ${String(path)}`, read, (found) => isText(found, path));
}

function isText(found: string, wanted: string | RegExp): boolean {
  return typeof wanted === "string" ? found === wanted : wanted.test(found);
}

/** Waits until what has come is drawn: the tasks that stand in line, and two frames. */
export async function drawn(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let frames = 0; frames < 2; frames++) {
      const { promise, resolve } = Promise.withResolvers<void>();
      requestAnimationFrame(() => setTimeout(resolve));
      await promise;
    }
  });
}
