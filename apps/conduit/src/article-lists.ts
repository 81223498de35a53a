/**
 * Lists of articles: all, by author, favourites or tag, and the feed.
 *
 * Every list is one statement whatever its length. A page is a derived table of ids in the order of one index, joined to
 * the rows that are shown; so rows are read for what is shown alone, and an offset is skipped in the index. The count of all,
 * which is kept for lists with at most one filter and counted in an index for combinations, is the last column of each
 * row: the database looks it up once, in the same snapshot, for less than a statement of its own would cost. A page
 * without rows cannot carry it, and asks for it.
 */
import type { Database, Dialect, Param, Statement } from "lunet/db";
import type { HttpRequest, Reply } from "lunet/http";
import { articlesReply, COLUMNS, FAVORITED, FOLLOWING, COUNTED_AT, type CountedRow } from "./article-rows.ts";
import type { Viewer } from "./auth.ts";
import { limitAndOffset } from "./dialect.ts";
import { ApiError } from "./errors.ts";
import type { Call } from "./route.ts";
import { lookupText, uniqueKey } from "./validation.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** The SQL of a list: what gives its ids and times in order, and what counts it. Both take the same parameters. */
interface ListSql {
  readonly page: string;
  readonly count: string;
}

const ALL: ListSql = {
  page: "SELECT a.created_at, a.id FROM articles a ORDER BY a.created_at DESC, a.id DESC",
  count: "SELECT amount FROM totals WHERE name = 'articles'",
};

/** The feed reads a step in the index for each article of those who are followed. */
const FEED: ListSql = {
  page: `SELECT a.created_at, a.id FROM follows f JOIN articles a ON a.author_id = f.followed_id
    WHERE f.follower_id = ? ORDER BY a.created_at DESC, a.id DESC`,
  count: `SELECT COALESCE(SUM(u.articles_count), 0) FROM follows f JOIN users u ON u.id = f.followed_id
    WHERE f.follower_id = ?`,
};

const TAG_ID = "(SELECT id FROM tags WHERE name = ?)";
const USER_ID = "(SELECT id FROM users WHERE username_key = ?)";

type Filter = "author" | "favorited" | "tag";

/** The first of several that are given is the one whose index is read. */
const FILTER_ORDER: readonly Filter[] = ["author", "favorited", "tag"];

/** What a filter is: the index that has its articles in order, the row that counts them, a condition on others. */
interface FilterSql {
  readonly from: string;
  readonly where: string;
  readonly count: string;
  /** An author has none: of several filters it is the first. */
  readonly condition?: string;
}

const FILTERS: { readonly [F in Filter]: FilterSql } = {
  author: {
    from: "articles a",
    where: `a.author_id = ${USER_ID}`,
    count: "SELECT articles_count FROM users WHERE username_key = ?",
  },
  favorited: {
    from: "(SELECT user_id, article_created_at AS created_at, article_id AS id FROM favorites) a",
    where: `a.user_id = ${USER_ID}`,
    count: "SELECT favorites_count FROM users WHERE username_key = ?",
    condition: `EXISTS (SELECT 1 FROM favorites f
      WHERE f.user_id = ${USER_ID} AND f.article_created_at = a.created_at AND f.article_id = a.id)`,
  },
  tag: {
    from: "(SELECT tag_id, article_created_at AS created_at, article_id AS id FROM article_tags) a",
    where: `a.tag_id = ${TAG_ID}`,
    count: "SELECT articles_count FROM tags WHERE name = ?",
    condition: `EXISTS (SELECT 1 FROM article_tags t
      WHERE t.tag_id = ${TAG_ID} AND t.article_created_at = a.created_at AND t.article_id = a.id)`,
  },
};

/** The list of what passes all filters, read in the index of the first. Several are counted, at the cost of the first. */
function filteredSql([first, ...others]: readonly [Filter, ...Filter[]]): ListSql {
  const { from, where, count } = FILTERS[first];
  const all = [where, ...others.map((filter) => FILTERS[filter].condition ?? "")].join(" AND ");
  return {
    page: `SELECT a.created_at, a.id FROM ${from} WHERE ${all} ORDER BY a.created_at DESC, a.id DESC`,
    count: others.length === 0 ? count : `SELECT COUNT(*) FROM ${from} WHERE ${all}`,
  };
}

/** Makes whole rows of a page. Parameters: the list's, the viewer's id twice if there is one, the list's again, and which part. */
function pageSql({ page, count }: ListSql, dialect: Dialect, isViewed: boolean): string {
  return `SELECT ${COLUMNS}, (${count})${isViewed ? `, ${FAVORITED}, ${FOLLOWING}` : ""}
    FROM (${page} ${limitAndOffset(dialect)}) p JOIN articles a ON a.id = p.id JOIN users u ON u.id = a.author_id
    ORDER BY p.created_at DESC, p.id DESC`;
}

/** The statements of a list. */
class ArticleList {
  readonly #count: Statement;
  readonly #page: Statement;
  readonly #viewerPage: Statement;

  constructor(database: Database, sql: ListSql) {
    this.#count = database.prepare(sql.count);
    this.#page = database.prepare(pageSql(sql, database.dialect, false));
    this.#viewerPage = database.prepare(pageSql(sql, database.dialect, true));
  }

  async reply({ limit, offset }: Range, params: readonly Param[], viewer: Viewer | undefined): Promise<Reply> {
    if (limit > 0) {
      const rows = await (viewer === undefined
        ? this.#page.queryRows<CountedRow>([...params, ...params, limit, offset])
        : this.#viewerPage.queryRows<CountedRow>([...params, viewer.id, viewer.id, ...params, limit, offset]));
      if (rows.length > 0) return articlesReply(rows, rows[0]?.[COUNTED_AT.count] ?? 0);
    }
    const [counted] = await this.#count.queryRows<[number | string]>(params);
    return articlesReply([], counted?.[0] ?? 0);
  }
}

/** The handlers of `GET /api/articles` and `GET /api/articles/feed`. */
export class ArticleLists {
  readonly #all: ArticleList;
  readonly #feed: ArticleList;
  /** By the names of their filters. */
  readonly #filtered = new Map<string, ArticleList>();

  constructor(database: Database) {
    this.#all = new ArticleList(database, ALL);
    this.#feed = new ArticleList(database, FEED);
    const combinations: Array<readonly [Filter, ...Filter[]]> = [
      ["author"],
      ["favorited"],
      ["tag"],
      ["author", "favorited"],
      ["author", "tag"],
      ["favorited", "tag"],
      ["author", "favorited", "tag"],
    ];
    for (const filters of combinations) {
      this.#filtered.set(filters.join(), new ArticleList(database, filteredSql(filters)));
    }
  }

  readonly list = ({ request, viewer }: Call<"optional">): Promise<Reply> => {
    const range = rangeOf(request);
    let filters = "";
    const params: Param[] = [];
    for (const filter of FILTER_ORDER) {
      const value = request.query(filter);
      if (value === undefined) continue;
      filters += filters === "" ? filter : `,${filter}`;
      params.push(filter === "tag" ? lookupText(value) : uniqueKey(lookupText(value)));
    }
    return (this.#filtered.get(filters) ?? this.#all).reply(range, params, viewer);
  };

  readonly feed = ({ request, viewer }: Call<"required">): Promise<Reply> =>
    this.#feed.reply(rangeOf(request), [viewer.id], viewer);
}

/** Which part of a list is asked for. */
interface Range {
  readonly limit: number;
  readonly offset: number;
}

/** `limit` and `offset` of a query. Whole numbers of any length are understood. */
function rangeOf(request: HttpRequest): Range {
  const limit = request.query("limit") ?? String(DEFAULT_LIMIT);
  const offset = request.query("offset") ?? "0";
  const errors: Record<string, string[]> = {};
  if (!/^[0-9]+$/.test(limit)) errors["limit"] = ["is invalid"];
  if (!/^[0-9]+$/.test(offset)) errors["offset"] = ["is invalid"];
  if (Object.keys(errors).length > 0) throw new ApiError(422, errors);
  return { limit: Math.min(Number(limit), MAX_LIMIT), offset: Math.min(Number(offset), Number.MAX_SAFE_INTEGER) };
}
