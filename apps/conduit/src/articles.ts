/**
 * Articles: lists, one article, writing, favourites.
 *
 * Every list is made of two statements whatever its length: its count, which is kept for lists with at most one filter
 * and counted in an index for combinations, and its page. A page is a derived table of ids in the order of one index,
 * joined to the rows that are shown; so rows are read for what is shown alone, and an offset is skipped in the index.
 *
 * What is kept (`favorites_count`, `articles_count`, `totals`, the tags beside the article) is written in the
 * transaction of what it counts. `recount.ts` compares both.
 */
import type { Database, Dialect, Param, Queryable, Statement, Transaction } from "lunet/db";
import { DatabaseError } from "lunet/db";
import { empty, jsonText, type HttpRequest, type Reply } from "lunet/http";
import { wallMs } from "lunet/time";
import { Type } from "typebox";
import type { Viewer } from "./auth.ts";
import { countTags, forUpdate, insertOrKeep } from "./dialect.ts";
import { ApiError, forbidden, notFound } from "./errors.ts";
import { isoTime } from "./iso-time.ts";
import { Profile, profileJson } from "./profiles.ts";
import type { Call } from "./route.ts";
import { slugCandidate } from "./slug.ts";
import { uniqueKey } from "./validation.ts";

const Title = Type.String({ minLength: 1, maxLength: 255 });
const Description = Type.String({ minLength: 1, maxLength: 1_000 });
const Body = Type.String({ minLength: 1, maxLength: 262_144 });
const TagList = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 50 });

export const NewArticle = Type.Object({
  article: Type.Object({ title: Title, description: Description, body: Body, tagList: Type.Optional(TagList) }),
});
export const ArticleUpdate = Type.Object({
  article: Type.Partial(Type.Object({ title: Title, description: Description, body: Body, tagList: TagList })),
});

const listed = {
  slug: Type.String(),
  title: Type.String(),
  description: Type.String(),
  tagList: Type.Array(Type.String()),
  createdAt: Type.String({ format: "date-time" }),
  updatedAt: Type.String({ format: "date-time" }),
  favorited: Type.Boolean(),
  favoritesCount: Type.Integer({ minimum: 0 }),
  author: Profile,
};
export const ArticleReply = Type.Object({ article: Type.Object({ ...listed, body: Type.String() }) });
export const ArticlesReply = Type.Object({
  articles: Type.Array(Type.Object(listed)),
  articlesCount: Type.Integer({ minimum: 0 }),
});

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;
/** Attempts to find a free slug; from the second on it has six random characters. */
const MAX_SLUG_ATTEMPTS = 5;

// What an article shows: the article, its author, and how the viewer stands to both. The viewer's id is the first two
// parameters; nobody has id 0.
const COLUMNS = `a.slug, a.title, a.description, a.tags, a.created_at, a.updated_at, a.favorites_count,
    u.username, u.bio, u.image`;
const FAVORITED = `EXISTS (SELECT 1 FROM favorites v
    WHERE v.user_id = ? AND v.article_created_at = a.created_at AND v.article_id = a.id)`;
const FOLLOWING = "EXISTS (SELECT 1 FROM follows w WHERE w.follower_id = ? AND w.followed_id = a.author_id)";
const ONE = `SELECT ${COLUMNS}, ${FAVORITED}, ${FOLLOWING}, a.body, a.id, a.author_id
  FROM articles a JOIN users u ON u.id = a.author_id`;
const ONE_BY_SLUG = `${ONE} WHERE a.slug = ?`;
const ONE_BY_ID = `${ONE} WHERE a.id = ?`;
const HEAD_BY_SLUG = "SELECT id, author_id FROM articles WHERE slug = ?";

const INSERT = `INSERT INTO articles (slug, author_id, title, description, tags, created_at, updated_at, body)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
/** updated_at is never what it was: a second change within a millisecond, or with the clock set back, adds one. */
const UPDATE = `UPDATE articles SET
    slug = COALESCE(?, slug), title = COALESCE(?, title), description = COALESCE(?, description),
    body = COALESCE(?, body), tags = COALESCE(?, tags),
    updated_at = CASE WHEN ? > updated_at THEN ? ELSE updated_at + 1 END
  WHERE id = ?`;

/** The columns of an article in a list. */
type ListedRow = [
  slug: string,
  title: string,
  description: string,
  tags: string,
  createdAt: number,
  updatedAt: number,
  favoritesCount: number,
  username: string,
  bio: string | null,
  image: string | null,
  favorited: number | boolean,
  following: number | boolean,
];
type ArticleRow = [...ListedRow, body: string, id: number, authorId: number];

/** The members of an article as JSON text, without braces. */
function membersJson(row: ListedRow | ArticleRow): string {
  const [slug, title, description, tags, createdAt, updatedAt, favoritesCount] = row;
  return `"slug":${JSON.stringify(slug)},"title":${JSON.stringify(title)},"description":${JSON.stringify(description)},"tagList":${tags},"createdAt":"${isoTime(createdAt)}","updatedAt":"${isoTime(updatedAt)}","favorited":${Boolean(row[10])},"favoritesCount":${favoritesCount},"author":${profileJson(row[7], row[8], row[9], row[11])}`;
}

function articleReply(row: ArticleRow, status = 200): Reply {
  return jsonText(`{"article":{${membersJson(row)},"body":${JSON.stringify(row[12])}}}`, { status });
}

function articlesReply(rows: readonly ListedRow[], count: number): Reply {
  let articles = "";
  for (const row of rows) articles += `${articles === "" ? "" : ","}{${membersJson(row)}}`;
  return jsonText(`{"articles":[${articles}],"articlesCount":${count}}`);
}

/** A list: the SQL that gives its ids and times in order, what counts it, and the parameters that both take. */
interface Listing {
  readonly page: string;
  readonly count: string;
  readonly params: readonly Param[];
}

const ALL: Listing = {
  page: "SELECT a.created_at, a.id FROM articles a ORDER BY a.created_at DESC, a.id DESC",
  count: "SELECT amount FROM totals WHERE name = 'articles'",
  params: [],
};

const TAG_ID = "(SELECT id FROM tags WHERE name = ?)";
const USER_ID = "(SELECT id FROM users WHERE username_key = ?)";

const FEED = {
  page: `SELECT a.created_at, a.id FROM follows f JOIN articles a ON a.author_id = f.followed_id
    WHERE f.follower_id = ? ORDER BY a.created_at DESC, a.id DESC`,
  count: `SELECT COALESCE(SUM(u.articles_count), 0) FROM follows f JOIN users u ON u.id = f.followed_id
    WHERE f.follower_id = ?`,
};

/** The lists with one filter, each read from the index that has its order, each with a count that is kept. */
const BY_FILTER = {
  author: {
    page: `SELECT a.created_at, a.id FROM articles a WHERE a.author_id = ${USER_ID}
      ORDER BY a.created_at DESC, a.id DESC`,
    count: "SELECT articles_count FROM users WHERE username_key = ?",
  },
  favorited: {
    page: `SELECT f.article_created_at AS created_at, f.article_id AS id FROM favorites f WHERE f.user_id = ${USER_ID}
      ORDER BY f.article_created_at DESC, f.article_id DESC`,
    count: "SELECT favorites_count FROM users WHERE username_key = ?",
  },
  tag: {
    page: `SELECT t.article_created_at AS created_at, t.article_id AS id FROM article_tags t WHERE t.tag_id = ${TAG_ID}
      ORDER BY t.article_created_at DESC, t.article_id DESC`,
    count: "SELECT articles_count FROM tags WHERE name = ?",
  },
} as const;

/** What a filter is in a list with several of them. */
const CONDITIONS = {
  author: `a.author_id = ${USER_ID}`,
  favorited: `EXISTS (SELECT 1 FROM favorites f
    WHERE f.user_id = ${USER_ID} AND f.article_created_at = a.created_at AND f.article_id = a.id)`,
  tag: `EXISTS (SELECT 1 FROM article_tags t
    WHERE t.tag_id = ${TAG_ID} AND t.article_created_at = a.created_at AND t.article_id = a.id)`,
} as const;

/** Several filters: what has all of them, counted. It costs as much as its first filter has articles. */
function combine(filters: ReadonlyArray<keyof typeof CONDITIONS>, params: readonly Param[]): Listing {
  const conditions = filters.map((filter) => CONDITIONS[filter]);
  // Without an author the articles come from the index of the first filter, not from a scan of all.
  const from =
    filters[0] === "author"
      ? `articles a WHERE ${conditions.join(" AND ")}`
      : `favorites d JOIN articles a ON a.id = d.article_id WHERE d.user_id = ${USER_ID} AND ${conditions.slice(1).join(" AND ")}`;
  return {
    page: `SELECT a.created_at, a.id FROM ${from} ORDER BY a.created_at DESC, a.id DESC`,
    count: `SELECT COUNT(*) FROM ${from}`,
    params,
  };
}

/** The list that a query asks for. */
function listingOf(request: HttpRequest): Listing {
  const author = request.query("author");
  const favorited = request.query("favorited");
  const tag = request.query("tag");
  const filters: Array<keyof typeof CONDITIONS> = [];
  const params: Param[] = [];
  if (author !== undefined) {
    filters.push("author");
    params.push(uniqueKey(author));
  }
  if (favorited !== undefined) {
    filters.push("favorited");
    params.push(uniqueKey(favorited));
  }
  if (tag !== undefined) {
    filters.push("tag");
    params.push(tag);
  }
  const [filter, ...more] = filters;
  if (filter === undefined) return ALL;
  return more.length === 0 ? { ...BY_FILTER[filter], params } : combine(filters, params);
}

/** Makes whole rows of a page. */
function pageSql(page: string, viewer: boolean): string {
  return `SELECT ${COLUMNS}${viewer ? `, ${FAVORITED}, ${FOLLOWING}` : ""}
    FROM (${page} LIMIT ? OFFSET ?) p JOIN articles a ON a.id = p.id JOIN users u ON u.id = a.author_id
    ORDER BY p.created_at DESC, p.id DESC`;
}

/** `limit` and `offset` of a query. Whole numbers of any length are understood. */
function rangeOf(request: HttpRequest): { readonly limit: number; readonly offset: number } {
  const limit = request.query("limit") ?? String(DEFAULT_LIMIT);
  const offset = request.query("offset") ?? "0";
  const errors: Record<string, string[]> = {};
  if (!/^[0-9]+$/.test(limit)) errors["limit"] = ["is invalid"];
  if (!/^[0-9]+$/.test(offset)) errors["offset"] = ["is invalid"];
  if (Object.keys(errors).length > 0) throw new ApiError(422, errors);
  return { limit: Math.min(Number(limit), MAX_LIMIT), offset: Math.min(Number(offset), Number.MAX_SAFE_INTEGER) };
}

function isForeignKey(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === "ERR_DB_FOREIGN_KEY";
}

function places(list: readonly unknown[]): string {
  return list.map(() => "?").join(", ");
}

/** The handlers of `/api/articles`, comments apart. */
export class Articles {
  readonly #database: Database;
  readonly #dialect: Dialect;
  readonly #bySlug: Statement;
  readonly #headBySlug: Statement;
  readonly #favorite: string;

  constructor(database: Database) {
    this.#database = database;
    this.#dialect = database.dialect;
    this.#bySlug = database.prepare(ONE_BY_SLUG);
    this.#headBySlug = database.prepare(HEAD_BY_SLUG);
    this.#favorite = insertOrKeep(database.dialect, "favorites", ["user_id", "article_created_at", "article_id"]);
  }

  readonly list = (call: Call<"optional">): Promise<Reply> =>
    this.#list(rangeOf(call.request), listingOf(call.request), call.viewer);

  readonly feed = (call: Call<"required">): Promise<Reply> =>
    this.#list(rangeOf(call.request), { ...FEED, params: [call.viewer.id] }, call.viewer);

  async #list(
    { limit, offset }: { readonly limit: number; readonly offset: number },
    { page, count, params }: Listing,
    viewer: Viewer | undefined,
  ): Promise<Reply> {
    const counted = await this.#database.prepare(count).queryRows<[number]>(params);
    const total = counted[0]?.[0] ?? 0;
    if (limit === 0 || offset >= total) return articlesReply([], total);
    const ids = viewer === undefined ? [] : [viewer.id, viewer.id];
    const statement = this.#database.prepare(pageSql(page, viewer !== undefined));
    return articlesReply(await statement.queryRows<ListedRow>([...ids, ...params, limit, offset]), total);
  }

  readonly get = async (call: Call<"optional">): Promise<Reply> =>
    articleReply(await this.#find(call.param("slug"), call.viewer?.id));

  async #find(slug: string, viewerId = 0): Promise<ArticleRow> {
    const [row] = await this.#bySlug.queryRows<ArticleRow>([viewerId, viewerId, slug.normalize("NFC")]);
    if (row === undefined) throw notFound("article");
    return row;
  }

  readonly create = async (call: Call<"required", typeof NewArticle>): Promise<Reply> => {
    const { viewer } = call;
    const { title, description, body, tagList = [] } = (await call.content()).article;
    const tags = [...new Set(tagList)];
    const now = wallMs();
    const slug = await this.#withSlug(title, (candidate) =>
      this.#database.transaction(async (tx) => {
        const values = [candidate, viewer.id, title, description, JSON.stringify(tags), now, now, body];
        const id = Number((await tx.exec(INSERT, values)).lastInsertId);
        await tx.exec("UPDATE users SET articles_count = articles_count + 1 WHERE id = ?", [viewer.id]);
        await tx.exec("UPDATE totals SET amount = amount + 1 WHERE name = 'articles'");
        await this.#addTags(tx, tags, id, now);
        return candidate;
      }),
    );
    const { username, bio, image } = viewer;
    const row: ListedRow = [slug, title, description, JSON.stringify(tags), now, now, 0, username, bio, image, 0, 0];
    return articleReply([...row, body, 0, viewer.id], 201);
  };

  /** Tries slugs of a title until the unique index takes one. */
  async #withSlug<T>(title: string, write: (candidate: string) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await write(slugCandidate(title, attempt));
      } catch (error) {
        const isTaken = error instanceof DatabaseError && error.code === "ERR_DB_UNIQUE";
        if (!isTaken || attempt === MAX_SLUG_ATTEMPTS - 1) throw error;
      }
    }
  }

  async #addTags(tx: Transaction, tags: readonly string[], articleId: number, createdAt: number): Promise<void> {
    if (tags.length === 0) return;
    // In one order, so that two transactions on other databases do not wait for each other's rows.
    const names = tags.toSorted();
    await tx.exec(countTags(this.#dialect, names.length), names);
    await tx.exec(
      `INSERT INTO article_tags (tag_id, article_created_at, article_id)
        SELECT id, ?, ? FROM tags WHERE name IN (${places(names)})`,
      [createdAt, articleId, ...names],
    );
  }

  async #removeTags(tx: Transaction, tags: readonly string[], articleId: number): Promise<void> {
    if (tags.length === 0) return;
    const names = tags.toSorted();
    await tx.exec(`UPDATE tags SET articles_count = articles_count - 1 WHERE name IN (${places(names)})`, names);
    await tx.exec(
      `DELETE FROM article_tags WHERE article_id = ? AND tag_id IN (SELECT id FROM tags WHERE name IN (${places(names)}))`,
      [articleId, ...names],
    );
    await tx.exec(`DELETE FROM tags WHERE articles_count = 0 AND name IN (${places(names)})`, names);
  }

  readonly update = async (call: Call<"required", typeof ArticleUpdate>): Promise<Reply> => {
    const { viewer } = call;
    const id = await this.#ownId(call.param("slug"), viewer);
    const { title, description, body, tagList } = (await call.content()).article;
    const tags = tagList === undefined ? undefined : [...new Set(tagList)];
    return this.#withSlug(title ?? "", (candidate) =>
      this.#database.transaction(async (tx) => {
        const current = await this.#lock(tx, id);
        const slug = title === undefined || title === current.title ? null : candidate;
        const now = wallMs();
        const texts = [
          title ?? null,
          description ?? null,
          body ?? null,
          tags === undefined ? null : JSON.stringify(tags),
        ];
        await tx.exec(UPDATE, [slug, ...texts, now, now, id]);
        if (tags !== undefined) {
          await this.#removeTags(
            tx,
            current.tags.filter((tag) => !tags.includes(tag)),
            id,
          );
          await this.#addTags(
            tx,
            tags.filter((tag) => !current.tags.includes(tag)),
            id,
            current.createdAt,
          );
        }
        return articleReply(await this.#readById(tx, id, viewer.id));
      }),
    );
  };

  readonly remove = async (call: Call<"required">): Promise<Reply> => {
    const id = await this.#ownId(call.param("slug"), call.viewer);
    await this.#database.transaction(async (tx) => {
      const { tags } = await this.#lock(tx, id);
      await tx.exec(
        `UPDATE users SET favorites_count = favorites_count - 1
          WHERE id IN (SELECT user_id FROM favorites WHERE article_id = ?)`,
        [id],
      );
      await this.#removeTags(tx, tags, id);
      await tx.exec("UPDATE users SET articles_count = articles_count - 1 WHERE id = ?", [call.viewer.id]);
      await tx.exec("UPDATE totals SET amount = amount - 1 WHERE name = 'articles'");
      // Its comments and favourites go with it (ON DELETE CASCADE).
      await tx.exec("DELETE FROM articles WHERE id = ?", [id]);
    });
    return empty(204);
  };

  readonly favorite = async (call: Call<"required">): Promise<Reply> => {
    const { viewer } = call;
    const row = await this.#find(call.param("slug"), viewer.id);
    if (row[10]) return articleReply(row);
    return this.#count(row, viewer, 1, (tx) => tx.exec(this.#favorite, [viewer.id, row[4], row[13]]));
  };

  readonly unfavorite = async (call: Call<"required">): Promise<Reply> => {
    const { viewer } = call;
    const row = await this.#find(call.param("slug"), viewer.id);
    if (!row[10]) return articleReply(row);
    const sql = "DELETE FROM favorites WHERE user_id = ? AND article_created_at = ? AND article_id = ?";
    return this.#count(row, viewer, -1, (tx) => tx.exec(sql, [viewer.id, row[4], row[13]]));
  };

  /** Writes a favourite or its end, and counts it if it was not there before. */
  async #count(
    row: ArticleRow,
    viewer: Viewer,
    step: 1 | -1,
    write: (tx: Transaction) => Promise<{ readonly affectedRows: number }>,
  ): Promise<Reply> {
    const id = row[13];
    try {
      return await this.#database.transaction(async (tx) => {
        if ((await write(tx)).affectedRows > 0) {
          await tx.exec("UPDATE articles SET favorites_count = favorites_count + ? WHERE id = ?", [step, id]);
          await tx.exec("UPDATE users SET favorites_count = favorites_count + ? WHERE id = ?", [step, viewer.id]);
        }
        return articleReply(await this.#readById(tx, id, viewer.id));
      });
    } catch (error) {
      throw isForeignKey(error) ? notFound("article", error) : error;
    }
  }

  /** The id of an article that the viewer may change. */
  async #ownId(slug: string, viewer: Viewer): Promise<number> {
    const [row] = await this.#headBySlug.queryRows<[number, number]>([slug.normalize("NFC")]);
    if (row === undefined) throw notFound("article");
    if (row[1] !== viewer.id) throw forbidden("article");
    return row[0];
  }

  /** What the article is before a change, held until the transaction ends. */
  async #lock(
    tx: Transaction,
    id: number,
  ): Promise<{ readonly title: string; readonly tags: readonly string[]; readonly createdAt: number }> {
    const sql = `SELECT title, tags, created_at FROM articles WHERE id = ?${forUpdate(this.#dialect)}`;
    const [row] = await tx.queryRows<[string, string, number]>(sql, [id]);
    if (row === undefined) throw notFound("article");
    return { title: row[0], tags: JSON.parse(row[1]) as string[], createdAt: row[2] };
  }

  async #readById(queryable: Queryable, id: number, viewerId: number): Promise<ArticleRow> {
    const [row] = await queryable.queryRows<ArticleRow>(ONE_BY_ID, [viewerId, viewerId, id]);
    if (row === undefined) throw notFound("article");
    return row;
  }
}
