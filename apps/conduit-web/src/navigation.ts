/**
 * The way from page to page, by the browser's Navigation API (WHATWG HTML, 7.2.6).
 *
 * Every link is a plain `<a href>`. Where the browser has the API, one listener takes over what leads to a page of the UI; where
 * it has not, the same links load the page anew, and everything else holds.
 *
 * - A page that is gone to begins at its top; one that is gone back to is where it was left, once what it shows is there.
 * - A page that is loaded anew is where it was as well. The browser would try too early, when there is nothing to scroll yet.
 * - The focus goes to the page's main part, so that a screen reader begins there.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import { reloadAll, whenLoaded } from "./loads.ts";
import { entryKey } from "./history-entry.ts";
import { readPage } from "./routes.ts";

/** How long a page may take to be there before its place is restored all the same, in milliseconds. */
const RESTORE_LIMIT_MS = 3_000;

const current = signal(new URL(location.href));

/** The address of the page that is shown. */
export const currentUrl: ReadonlySignal<URL> = current;

/** Begins to take over links. Call it once. */
export function startNavigation(): void {
  if (!hasNavigation()) return;
  entryKey.value = navigation.currentEntry?.key ?? "";
  addEventListener("pagehide", keepPlace);
  navigation.addEventListener("navigate", (event) => {
    const url = new URL(event.destination.url);
    if (!isOurs(event, url)) return;
    event.intercept({ focusReset: "manual", scroll: "manual", handler: () => show(event, url) });
  });
}

/** Brings a page that was loaded anew, or come back to from another site, to the place where it was left. Call it when it is drawn. */
export async function restorePlace(): Promise<void> {
  const place = readPlace();
  if (entryKey.peek() === "" || place?.key !== entryKey.peek()) return;
  if ((await isLoadedInPeace()) && entryKey.peek() === place.key) scrollTo(0, place.top);
}

/** Goes to a page of the UI. `replace` takes the place of the present one, which is then not gone back to. */
export function go(path: string, { replace = false } = {}): void {
  if (isLeaving) return;
  if (hasNavigation()) {
    const { committed, finished } = navigation.navigate(path, { history: replace ? "replace" : "auto" });
    // A way that another one overtakes is rejected; that one is followed.
    committed?.catch(() => {});
    finished?.catch(() => {});
    return;
  }
  // The first way counts: until the browser takes it, the old page goes on.
  isLeaving = true;
  if (replace) location.replace(path);
  else location.assign(path);
}

let isLeaving = false;
addEventListener("pageshow", () => {
  isLeaving = false;
});

function hasNavigation(): boolean {
  return "navigation" in globalThis;
}

function isOurs(event: NavigateEvent, url: URL): boolean {
  const isPlain = event.canIntercept && !event.hashChange && event.downloadRequest === null && event.formData === null;
  const isLoad = event.navigationType === "reload" || url.origin !== location.origin;
  // An address that is no page of the UI may be the server's: /docs, a file.
  return isPlain && !isLoad && readPage(url).name !== "not-found";
}

async function show(event: NavigateEvent, url: URL): Promise<void> {
  const isAgain = url.href === current.peek().href && event.navigationType === "replace";
  entryKey.value = navigation.currentEntry?.key ?? "";
  current.value = url;
  // A link to the page that is shown asks for what is new.
  if (isAgain) reloadAll();
  await nextTask();
  if (event.signal.aborted) return;
  document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true });
  const isBack = event.navigationType === "traverse";
  if (!isBack || (await isLoadedInPeace(event.signal))) event.scroll();
}

/**
 * Waits until there is something to scroll to a place in. Tells whether nobody has done anything meanwhile: whoever scrolls or types has a
 * place already.
 */
async function isLoadedInPeace(gone?: AbortSignal): Promise<boolean> {
  const moved = new AbortController();
  const listening = new AbortController();
  for (const type of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    addEventListener(type, () => moved.abort(), { signal: listening.signal, passive: true });
  }
  const ended = gone === undefined ? moved.signal : AbortSignal.any([gone, moved.signal]);
  await whenLoaded(RESTORE_LIMIT_MS, ended);
  listening.abort();
  return !ended.aborted;
}

/** The new page is drawn then. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Where a page was left, for one entry of the history: the last that was shown in the tab. */
interface Place {
  readonly key: string;
  readonly top: number;
}

const PLACE = "place";

function keepPlace(): void {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify({ key: entryKey.peek(), top: scrollY } satisfies Place));
  } catch {
    // A browser that keeps nothing begins at the top.
  }
}

function readPlace(): Place | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}
