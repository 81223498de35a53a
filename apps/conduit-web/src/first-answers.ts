/**
 * Asks for what the first page shows as soon as this file runs, which is before anything else of the UI does: `main.tsx` imports it
 * first. So the server answers while the rest is set up.
 */
import { firstAsks } from "./asks.ts";
import { askEarly } from "./early-answers.ts";
import { readPage } from "./routes.ts";

/** How long the first drawing may wait for its answers. What comes within it is drawn at once, and not after its placeholder. */
const WAIT_MS = 100;

const answers = Promise.allSettled(firstAsks(readPage(new URL(location.href))).map(askEarly));

/** Waits until the first page can be drawn with its answers, or has to be without. */
export function firstAnswers(): Promise<unknown> {
  return Promise.race([answers, new Promise((resolve) => setTimeout(resolve, WAIT_MS))]);
}
