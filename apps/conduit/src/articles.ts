/**
 * One article: reading, writing, favourites.
 *
 * What is kept (`favorites_count`, `articles_count`, `totals`, the tags beside the article) is written in the
 * transaction of what it counts. `recount.ts` compares both.
 *
 * Every transaction takes its rows in one order, so that two seldom wait for each other: article, users, tags, totals. On
 * MariaDB the author of a new article comes before it: MariaDB holds the author for the insert, too, and two inserts that
 * both hold him could not count. The total, which all share, is taken last and held shortest.
 */
import type { Database, Dialect, Queryable, Statement, Transaction } from "lunet/db";
import { DatabaseError } from "lunet/db";
import { empty, type Reply } from "lunet/http";
import { wallMs } from "lunet/time";
import { Type } from "typebox";
import { articleReply, AT, COLUMNS, FAVORITED, FOLLOWING, type ArticleRow, type ListedRow } from "./article-rows.ts";
import type { Viewer } from "./auth.ts";
import { countTags, forUpdate, holdUsers, insertedId, uncountFavorites, uncountTags, WRITE } from "./dialect.ts";
import { forbidden, notFound } from "./errors.ts";
import type { Call } from "./route.ts";
import { slugCandidate } from "./slug.ts";

const Title = Type.String({ minLength: 1, maxLength: 255 });
const Description = Type.String({ minLength: 1, maxLength: 1_000 });
/** As many characters as fit into the 1 MiB of a request, even if each takes four bytes. */
const Body = Type.String({ minLength: 1, maxLength: 250_000 });
const TagList = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 50 });

export const NewArticle = Type.Object({
  article: Type.Object({ title: Title, description: Description, body: Body, tagList: Type.Optional(TagList) }),
});
export const ArticleUpdate = Type.Object({
  article: Type.Partial(Type.Object({ title: Title, description: Description, body: Body, tagList: TagList })),
});

/** Attempts to find a free slug; from the second on it has six random characters. */
const MAX_SLUG_ATTEMPTS = 5;

const ONE = `SELECT ${COLUMNS}, ${FAVORITED}, ${FOLLOWING}, a.body, a.id
  FROM articles a JOIN users u ON u.id = a.author_id`;
const ONE_BY_SLUG = `${ONE} WHERE a.slug = ?`;
const ONE_BY_ID = `${ONE} WHERE a.id = ?`;
const HEAD_BY_SLUG = "SELECT id, author_id FROM articles WHERE slug = ?";

const INSERT = `INSERT INTO articles (slug, author_id, title, description, tags, created_at, updated_at, body)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`;
const COUNT_OF_AUTHOR = "UPDATE users SET articles_count = articles_count + ? WHERE id = ?";
const COUNT_OF_ALL = "UPDATE totals SET amount = amount + ? WHERE name = 'articles'";

// Favourites. A count that would fall below zero is one that somebody else has changed just now.
const COUNT_OF_ARTICLE = `UPDATE articles SET favorites_count = favorites_count + ?
  WHERE id = ? AND favorites_count + ? >= 0`;
const COUNT_OF_READER = `UPDATE users SET favorites_count = favorites_count + ?
  WHERE id = ? AND favorites_count + ? >= 0`;
const FAVORITE = "INSERT INTO favorites (user_id, article_created_at, article_id) VALUES (?, ?, ?)";
const UNFAVORITE = "DELETE FROM favorites WHERE user_id = ? AND article_created_at = ? AND article_id = ?";
/** updated_at is never what it was: a second change within a millisecond, or with the clock set back, adds one. */
const UPDATE = `UPDATE articles SET
    slug = COALESCE(?, slug), title = COALESCE(?, title), description = COALESCE(?, description),
    body = COALESCE(?, body), tags = COALESCE(?, tags),
    updated_at = CASE WHEN ? > updated_at THEN ? ELSE updated_at + 1 END
  WHERE id = ?`;

/** Thrown in a transaction that finds another's work done: nothing of its own is to stay. */
class DoneMeanwhile extends Error {}

function isUnique(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === "ERR_DB_UNIQUE";
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

  constructor(database: Database) {
    this.#database = database;
    this.#dialect = database.dialect;
    this.#bySlug = database.prepare(ONE_BY_SLUG);
    this.#headBySlug = database.prepare(HEAD_BY_SLUG);
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
        const isAuthorFirst = this.#dialect === "mariadb";
        if (isAuthorFirst) await tx.exec(COUNT_OF_AUTHOR, [1, viewer.id]);
        const values = [candidate, viewer.id, title, description, JSON.stringify(tags), now, now, body];
        const id = insertedId(await tx.queryRows(INSERT, values));
        if (!isAuthorFirst) await tx.exec(COUNT_OF_AUTHOR, [1, viewer.id]);
        await this.#addTags(tx, tags, id, now);
        await tx.exec(COUNT_OF_ALL, [1]);
        return candidate;
      }, WRITE),
    );
    const { username, bio, image } = viewer;
    const row: ListedRow = [slug, title, description, JSON.stringify(tags), now, now, 0, username, bio, image];
    return articleReply([...row, 0, 0, body, 0], 201);
  };

  /** Tries slugs of a title until the unique index takes one. */
  async #withSlug<T>(title: string, write: (candidate: string) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await write(slugCandidate(title, attempt));
      } catch (error) {
        if (!isUnique(error) || attempt === MAX_SLUG_ATTEMPTS - 1) throw error;
      }
    }
  }

  /** Counts and links tags. Those that the transaction goes on to take away from the article are held already. */
  async #addTags(
    tx: Transaction,
    tags: readonly string[],
    articleId: number,
    createdAt: number,
    held: readonly string[] = [],
  ): Promise<void> {
    if (tags.length === 0) return;
    const names = tags.toSorted();
    // In one order, so that two transactions do not wait for each other's rows.
    const counts = [...names, ...held].toSorted().flatMap((name) => [name, names.includes(name) ? 1 : 0]);
    await tx.exec(countTags(this.#dialect, counts.length / 2), counts);
    await tx.exec(
      `INSERT INTO article_tags (tag_id, article_created_at, article_id)
        SELECT id, ?, ? FROM tags WHERE name IN (${places(names)})`,
      [createdAt, articleId, ...names],
    );
  }

  async #removeTags(tx: Transaction, tags: readonly string[], articleId: number): Promise<void> {
    if (tags.length === 0) return;
    const names = tags.toSorted();
    await tx.exec(uncountTags(this.#dialect, names.length), names);
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
          const removed = current.tags.filter((tag) => !tags.includes(tag));
          const added = tags.filter((tag) => !current.tags.includes(tag));
          await this.#addTags(tx, added, id, current.createdAt, removed);
          await this.#removeTags(tx, removed, id);
        }
        return articleReply(await this.#readById(tx, id, viewer.id));
      }, WRITE),
    );
  };

  readonly remove = async (call: Call<"required">): Promise<Reply> => {
    const id = await this.#ownId(call.param("slug"), call.viewer);
    await this.#database.transaction(async (tx) => {
      const { tags } = await this.#lock(tx, id);
      const hold = holdUsers(this.#dialect);
      if (hold !== undefined) await tx.exec(hold, [id, call.viewer.id]);
      await tx.exec(uncountFavorites(this.#dialect), [id]);
      await tx.exec(COUNT_OF_AUTHOR, [-1, call.viewer.id]);
      await this.#removeTags(tx, tags, id);
      // Its comments and favourites go with it (ON DELETE CASCADE).
      await tx.exec("DELETE FROM articles WHERE id = ?", [id]);
      await tx.exec(COUNT_OF_ALL, [-1]);
    }, WRITE);
    return empty(204);
  };

  readonly favorite = async (call: Call<"required">): Promise<Reply> => {
    const { viewer } = call;
    const row = await this.#find(call.param("slug"), viewer.id);
    if (row[AT.favorited]) return articleReply(row);
    return this.#count(row, viewer, 1, FAVORITE);
  };

  readonly unfavorite = async (call: Call<"required">): Promise<Reply> => {
    const { viewer } = call;
    const row = await this.#find(call.param("slug"), viewer.id);
    if (!row[AT.favorited]) return articleReply(row);
    return this.#count(row, viewer, -1, UNFAVORITE);
  };

  /**
   * Counts a favourite or its end, and writes it. That it was there, or was gone, shows at the writing, and then nothing was
   * to be counted: all is rolled back. It is written last, because MariaDB holds the article for the insert, too, and two
   * readers who both hold it could not count.
   */
  async #count(row: ArticleRow, viewer: Viewer, step: 1 | -1, write: string): Promise<Reply> {
    const id = row[AT.id];
    try {
      return await this.#database.transaction(async (tx) => {
        await tx.exec(COUNT_OF_ARTICLE, [step, id, step]);
        await tx.exec(COUNT_OF_READER, [step, viewer.id, step]);
        const { affectedRows } = await tx.exec(write, [viewer.id, row[AT.createdAt], id]);
        if (affectedRows === 0) throw new DoneMeanwhile();
        return articleReply(await this.#readById(tx, id, viewer.id));
      }, WRITE);
    } catch (error) {
      if (error instanceof DatabaseError && error.code === "ERR_DB_FOREIGN_KEY") throw notFound("article", error);
      if (!isUnique(error) && !(error instanceof DoneMeanwhile)) throw error;
      return articleReply(await this.#readById(this.#database, id, viewer.id));
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
