/** What the pages ask the server for, in one place, so that the first page's answers can be asked for before it is drawn. */
import { api } from "./api.ts";
import type { Article, ArticlePage, Comment, Profile } from "./decode.ts";
import type { Page, ProfileTab } from "./routes.ts";

/**
 * Where an answer is shown again before it has been asked for anew:
 * - `entry`: at the same entry of the browser's history, so that going back finds a list as it was left;
 * - `visitor`: wherever the same visitor sees it;
 * - `never`: nowhere, for what is going to be changed.
 */
export type Keep = "entry" | "visitor" | "never";

/** A question to the server. What has the same key has the same answer. */
export interface Ask<T> {
  readonly key: string;
  readonly keep: Keep;
  readonly ask: (signal: AbortSignal) => Promise<T>;
}

/** Which list the home page shows: all articles, those of a tag, or those of the followed authors. */
export type FeedName = { readonly feed: "global" | "following" } | { readonly feed: "tag"; readonly tag: string };

export const asks = {
  feed: (feed: FeedName, page: number): Ask<ArticlePage> => ({
    key: `${feed.feed} ${page} ${feed.feed === "tag" ? feed.tag : ""}`,
    keep: "entry",
    ask: (signal) => {
      if (feed.feed === "following") return api.feed(page, signal);
      return api.articles(feed.feed === "tag" ? { tag: feed.tag } : {}, page, signal);
    },
  }),
  tags: { key: "tags", keep: "visitor", ask: api.tags } satisfies Ask<readonly string[]>,
  profile: (username: string): Ask<Profile> => ({
    key: `profile ${username}`,
    keep: "visitor",
    ask: (signal) => api.profile(username, signal),
  }),
  /** What a user has written, or likes. */
  articlesOf: (username: string, tab: ProfileTab, page: number): Ask<ArticlePage> => ({
    key: `${tab} of ${username} ${page}`,
    keep: "entry",
    ask: (signal) => api.articles(tab === "articles" ? { author: username } : { favorited: username }, page, signal),
  }),
  article: (slug: string): Ask<Article> => ({
    key: `article ${slug}`,
    keep: "visitor",
    ask: (signal) => api.article(slug, signal),
  }),
  /** The article, to be changed. */
  editedArticle: (slug: string): Ask<Article> => ({
    key: `edited ${slug}`,
    keep: "never",
    ask: (signal) => api.article(slug, signal),
  }),
  comments: (slug: string): Ask<readonly Comment[]> => ({
    key: `comments ${slug}`,
    keep: "visitor",
    ask: (signal) => api.comments(slug, signal),
  }),
} as const;

/** What a page shows first, whoever comes. */
export function firstAsks(page: Page): readonly Ask<unknown>[] {
  switch (page.name) {
    case "home":
      // The visitor's own feed is for whom the server knows.
      return page.feed === "global" ? [asks.feed({ feed: page.feed }, page.page)] : [];
    case "tag":
      return [asks.feed({ feed: "tag", tag: page.tag }, page.page)];
    case "article":
      return [asks.article(page.slug)];
    case "profile":
      return [asks.profile(page.username), asks.articlesOf(page.username, page.tab, page.page)];
    default:
      return [];
  }
}
