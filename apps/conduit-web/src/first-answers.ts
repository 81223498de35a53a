/**
 * Asks for what the first page shows as soon as this file runs, which is before anything else of the UI does: `main.tsx` imports it
 * first. So the server answers while the rest is set up.
 */
import { firstAsks } from "./asks.ts";
import { askEarly } from "./early-answers.ts";
import { readPage } from "./routes.ts";
import { token } from "./token.ts";

/** How long the first drawing may wait for its answers. What comes within it is drawn at once, and not after its placeholder. */
const WAIT_MS = 100;

/**
 * The document of `/` lets the browser ask for the first list by itself, as everybody sees it. Whoever has a token asks for another one,
 * and takes this one too, for the console warns of what was asked for and not taken.
 */
const preloaded = document.querySelector<HTMLLinkElement>('link[rel="preload"][as="fetch"]');
if (preloaded !== null && token.peek() !== null) fetch(preloaded.href).catch(() => {});

const answers = Promise.allSettled(firstAsks(readPage(new URL(location.href))).map(askEarly));

/** Waits until the first page can be drawn with its answers, or has to be without. */
export function firstAnswers(): Promise<unknown> {
  return Promise.race([answers, new Promise((resolve) => setTimeout(resolve, WAIT_MS))]);
}
