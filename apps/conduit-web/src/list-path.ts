/** Addresses of lists in the API: the build needs the first one, too. */

/** Articles to a page of a list. */
export const PAGE_SIZE = 10;

/** Which articles a list has; all of them unless one is named. */
export interface ArticleFilter {
  readonly tag?: string;
  readonly author?: string;
  readonly favorited?: string;
}

/** The path, without `/api`, of a page of articles. */
export function articlesPath(page: number, filter: ArticleFilter = {}): string {
  return `/articles?${pageQuery(page, filter)}`;
}

/** The path, without `/api`, of a page of the visitor's own feed. */
export function feedPath(page: number): string {
  return `/articles/feed?${pageQuery(page)}`;
}

function pageQuery(page: number, filter: ArticleFilter = {}): string {
  const query = new URLSearchParams({ ...filter, limit: String(PAGE_SIZE), offset: String((page - 1) * PAGE_SIZE) });
  return query.toString();
}
