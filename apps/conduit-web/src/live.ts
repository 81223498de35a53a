/**
 * What changes while a page is looked at, as the server tells it: `GET /api/events?slug=…`.
 *
 * - The stream begins some seconds after the page has settled: what is left at once costs the server nothing.
 * - Only a page that can be seen has one, for browsers open six connections to a server at most, for all their tabs.
 * - A server that answers with something else is asked again half a minute later, three times at most: it may have none, and then
 *   everything else works without.
 */
import { useEffect, useRef } from "preact/hooks";

/** What is told about an article. */
export interface ArticleEvent {
  readonly slug: string;
  readonly favoritesCount: number;
  /** The newest comment, or null for none. */
  readonly lastCommentId: number | null;
}

const SETTLE_MS = 3_000;
const REFUSED_MS = 30_000;
const MAX_REFUSALS = 3;
/** More than this, in characters of an address, is not followed: servers take eight thousand. */
const MAX_QUERY_LENGTH = 4_000;

/** How often in a row the answer was no stream, as long as none ever was one. */
let refusals = 0;
let isThere = false;

/** Calls `onEvent` for every change of these articles while the calling component is shown. */
export function useLive(slugs: readonly string[], onEvent: (event: ArticleEvent) => void): void {
  const listener = useRef(onEvent);
  listener.current = onEvent;
  const query = queryOf(slugs);
  useEffect(() => {
    if (query === "") return;
    return follow(`/api/events?${query}`, (event) => listener.current(event));
  }, [query]);
}

/** As many of the articles, from the first, as an address can name. */
function queryOf(slugs: readonly string[]): string {
  let query = "";
  for (const slug of slugs) {
    const longer = `${query}${query === "" ? "" : "&"}slug=${encodeURIComponent(slug)}`;
    if (longer.length > MAX_QUERY_LENGTH) break;
    query = longer;
  }
  return query;
}

/** Follows a stream while the page can be seen; the function that it gives ends it. */
function follow(address: string, onEvent: (event: ArticleEvent) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let source: EventSource | undefined;
  const close = (): void => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const open = (): void => {
    source = new EventSource(address);
    source.addEventListener("article", ({ data }) => {
      const event = readEvent(data);
      if (event !== undefined) onEvent(event);
    });
    source.addEventListener("open", () => {
      isThere = true;
    });
    source.addEventListener("error", () => {
      // A connection that broke is made again by the browser, but not one whose answer was no stream.
      if (source?.readyState !== EventSource.CLOSED) return;
      if (!isThere) refusals++;
      openAfter(REFUSED_MS);
    });
  };
  const openAfter = (waitMs: number): void => {
    close();
    if (!document.hidden && refusals < MAX_REFUSALS) timer = setTimeout(open, waitMs);
  };
  const turn = (): void => openAfter(SETTLE_MS);
  document.addEventListener("visibilitychange", turn);
  // A page with an open stream is not kept for going back to it.
  addEventListener("pagehide", close);
  addEventListener("pageshow", turn);
  turn();
  return () => {
    close();
    document.removeEventListener("visibilitychange", turn);
    removeEventListener("pagehide", close);
    removeEventListener("pageshow", turn);
  };
}

function readEvent(data: unknown): ArticleEvent | undefined {
  try {
    const { slug, favoritesCount, lastCommentId } = JSON.parse(String(data)) as Record<string, unknown>;
    const isComment = lastCommentId === null || typeof lastCommentId === "number";
    if (typeof slug !== "string" || typeof favoritesCount !== "number" || !isComment) return undefined;
    return { slug, favoritesCount, lastCommentId };
  } catch {
    return undefined;
  }
}
