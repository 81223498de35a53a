/**
 * Writes the demo's rows. A transaction has an article with everything that belongs to it and with every count of it, so
 * what is kept is right whenever somebody looks.
 *
 * Rows that others change, too, are taken in the order of all transactions: users, tags, totals. The articles are new, so
 * nobody waits for them.
 */
import { DatabaseError, type Database, type Param, type Transaction } from "lunet/db";
import { countTags, insertedId, insertOrKeep, WRITE } from "./dialect.ts";
import type { PlannedArticle, PlannedUser } from "./seed-plan.ts";
import { slugCandidate } from "./slug.ts";
import { uniqueKey } from "./validation.ts";

/** Rows of one INSERT. */
const ROWS = 100;
/** Attempts at a transaction that finds a name or a slug taken by somebody who came in between. */
const MAX_ATTEMPTS = 5;
/** Names to try when one is taken: `demo`, `demo-2`, … */
const MAX_NAMES = 1_000;

/** How much has been written. */
export interface SeedCounts {
  readonly users: number;
  readonly articles: number;
  /** Different ones. */
  readonly tags: number;
  readonly comments: number;
  readonly favorites: number;
  readonly follows: number;
}

/** Writes one demo. */
export class SeedWriter {
  /** Articles of a transaction: many share the cost of a commit, and others wait for a moment only. */
  static readonly BATCH = 200;

  readonly #database: Database;
  readonly #nowMs: number;
  readonly #passwordHash: string;
  readonly #tags = new Set<string>();
  #userIds: readonly number[] = [];
  #counts = { users: 0, articles: 0, comments: 0, favorites: 0, follows: 0 };

  constructor(database: Database, options: { readonly nowMs: number; readonly passwordHash: string }) {
    this.#database = database;
    this.#nowMs = options.nowMs;
    this.#passwordHash = options.passwordHash;
  }

  get counts(): SeedCounts {
    return { ...this.#counts, tags: this.#tags.size };
  }

  /** Writes the users, but for those whose address is there, and whom they follow. */
  async writeUsers(users: readonly PlannedUser[]): Promise<void> {
    const made = await this.#write(async (tx) => {
      const ids: number[] = [];
      let inserted = 0;
      for (const user of users) {
        const [known] = await tx.queryRows<[number]>("SELECT id FROM users WHERE email_key = ?", [
          uniqueKey(user.email),
        ]);
        ids.push(known?.[0] ?? (await this.#insertUser(tx, user)));
        if (known === undefined) inserted++;
      }
      const follow = insertOrKeep(this.#database.dialect, "follows", ["follower_id", "followed_id"]);
      const known = await readFollows(tx, ids);
      const pairs = users
        .flatMap(({ follows }, place) => follows.map((followed) => [ids[place]!, ids[followed]!]))
        .filter((pair) => !known.has(pair.join()));
      for (const pair of pairs) await tx.exec(follow, pair);
      return { ids, users: inserted, follows: pairs.length };
    });
    this.#userIds = made.ids;
    this.#counts.users = made.users;
    this.#counts.follows = made.follows;
  }

  async #insertUser(tx: Transaction, user: PlannedUser): Promise<number> {
    const { username, email, bio, image, ageMs } = user;
    const name = await freeName(tx, username);
    const columns = ["username", "username_key", "email", "email_key", "password_hash", "bio", "image", "created_at"];
    const values = [name, uniqueKey(name), email, uniqueKey(email), this.#passwordHash, bio, image, this.#time(ageMs)];
    return insertedId(await tx.queryRows(`${insertOf("users", columns, 1)} RETURNING id`, values));
  }

  /** Writes articles, at most `BATCH`, with their tags, favourites and comments. The users come first. */
  async writeArticles(articles: readonly PlannedArticle[]): Promise<void> {
    await this.#write(async (tx) => {
      await this.#countForUsers(tx, articles);
      const written = await this.#insertArticles(tx, articles);
      await this.#insertTags(tx, written);
      const favorites = written.flatMap(({ id, createdAt, article }) =>
        article.favoritedBy.map((reader) => [this.#userId(reader), createdAt, id]),
      );
      await insertRows(tx, "favorites", ["user_id", "article_created_at", "article_id"], favorites);
      const comments = written.flatMap(({ id, article }) =>
        article.comments.map(({ author, body, ageMs }) => [id, this.#userId(author), body, this.#time(ageMs)]),
      );
      await insertRows(tx, "comments", ["article_id", "author_id", "body", "created_at"], comments);
      await tx.exec("UPDATE totals SET amount = amount + ? WHERE name = 'articles'", [articles.length]);
    });
    const counts = this.#counts;
    counts.articles += articles.length;
    for (const { tags, comments, favoritedBy } of articles) {
      for (const tag of tags) this.#tags.add(tag);
      counts.comments += comments.length;
      counts.favorites += favoritedBy.length;
    }
  }

  async #countForUsers(tx: Transaction, articles: readonly PlannedArticle[]): Promise<void> {
    const counted = new Map<number, { articles: number; favorites: number }>();
    const count = (place: number, what: "articles" | "favorites"): void => {
      const amounts = counted.get(this.#userId(place)) ?? { articles: 0, favorites: 0 };
      amounts[what]++;
      counted.set(this.#userId(place), amounts);
    };
    for (const { author, favoritedBy } of articles) {
      count(author, "articles");
      for (const reader of favoritedBy) count(reader, "favorites");
    }
    const add = `UPDATE users SET articles_count = articles_count + ?, favorites_count = favorites_count + ?
      WHERE id = ?`;
    for (const [id, amounts] of [...counted].toSorted(([a], [b]) => a - b)) {
      await tx.exec(add, [amounts.articles, amounts.favorites, id]);
    }
  }

  async #insertArticles(tx: Transaction, articles: readonly PlannedArticle[]): Promise<WrittenArticle[]> {
    const slugs = await freeSlugs(
      tx,
      articles.map(({ title }) => title),
    );
    const columns = ["slug", "author_id", "title", "description", "tags", "created_at", "updated_at"];
    const rows = articles.map((article, place) => [
      slugs[place]!,
      this.#userId(article.author),
      article.title,
      article.description,
      JSON.stringify(article.tags),
      this.#time(article.ageMs),
      this.#time(article.updatedAgeMs),
      article.favoritedBy.length,
      article.body,
    ]);
    const given = await insertRows(tx, "articles", [...columns, "favorites_count", "body"], rows, "id, slug");
    // No database promises the order of what it returns.
    const ids = new Map(given.map(([id, slug]) => [slug as string, id as number]));
    return articles.map((article, place) => ({
      id: ids.get(slugs[place]!)!,
      createdAt: this.#time(article.ageMs),
      article,
    }));
  }

  async #insertTags(tx: Transaction, written: readonly WrittenArticle[]): Promise<void> {
    const counted = new Map<string, number>();
    for (const { article } of written) {
      for (const tag of article.tags) counted.set(tag, (counted.get(tag) ?? 0) + 1);
    }
    if (counted.size === 0) return;
    const names = [...counted.keys()].toSorted();
    const counts = names.flatMap((name) => [name, counted.get(name)!]);
    await tx.exec(countTags(this.#database.dialect, names.length), counts);
    const read = `SELECT name, id FROM tags WHERE name IN (${places(names.length)})`;
    const ids = new Map(await tx.queryRows<[string, number]>(read, names));
    const links = written.flatMap(({ id, createdAt, article }) =>
      article.tags.map((tag) => [ids.get(tag)!, createdAt, id]),
    );
    await insertRows(tx, "article_tags", ["tag_id", "article_created_at", "article_id"], links);
  }

  /** A transaction, which begins anew when what it found free was taken meanwhile. */
  async #write<T>(body: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#database.transaction(body, WRITE);
      } catch (error) {
        const isTaken = error instanceof DatabaseError && error.code === "ERR_DB_UNIQUE";
        if (!isTaken || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  #time(ageMs: number): number {
    return this.#nowMs - ageMs;
  }

  #userId(place: number): number {
    const id = this.#userIds[place];
    if (id === undefined) throw new RangeError(`Cannot find user ${place} of the demo: found ${this.#userIds.length}`);
    return id;
  }
}

interface WrittenArticle {
  readonly id: number;
  readonly createdAt: number;
  readonly article: PlannedArticle;
}

/** Whom some users follow, as `follower,followed`. */
async function readFollows(tx: Transaction, ids: readonly number[]): Promise<Set<string>> {
  const read = `SELECT follower_id, followed_id FROM follows WHERE follower_id IN (${places(ids.length)})`;
  return new Set((await tx.queryRows<[number, number]>(read, ids)).map((pair) => pair.join()));
}

/** The name, or the first of its kind that nobody has. */
async function freeName(tx: Transaction, username: string): Promise<string> {
  for (let number = 1; number <= MAX_NAMES; number++) {
    const name = number === 1 ? username : `${username}-${number}`;
    const taken = await tx.queryRows("SELECT id FROM users WHERE username_key = ?", [uniqueKey(name)]);
    if (taken.length === 0) return name;
  }
  throw new RangeError(`Cannot name a user ${JSON.stringify(username)}: found ${MAX_NAMES} such names taken`);
}

/** A slug for each title, none of which is taken: the plain one, or one with random characters. */
async function freeSlugs(tx: Transaction, titles: readonly string[]): Promise<string[]> {
  const plain = titles.map((title) => slugCandidate(title, 0));
  const read = `SELECT slug FROM articles WHERE slug IN (${places(plain.length)})`;
  const taken = new Set((await tx.queryRows<[string]>(read, plain)).map(([slug]) => slug));
  return titles.map((title, place) => {
    let slug = plain[place]!;
    while (taken.has(slug)) slug = slugCandidate(title, 1);
    taken.add(slug);
    return slug;
  });
}

function insertOf(table: string, columns: readonly string[], rows: number): string {
  const row = `(${places(columns.length)})`;
  return `INSERT INTO ${table} (${columns.join(", ")}) VALUES ${Array(rows).fill(row).join(", ")}`;
}

function places(count: number): string {
  return Array(count).fill("?").join(", ");
}

/** Inserts rows, so many with one statement, and gives what they are asked to return. */
async function insertRows(
  tx: Transaction,
  table: string,
  columns: readonly string[],
  rows: ReadonlyArray<readonly Param[]>,
  returning?: string,
): Promise<unknown[][]> {
  const given: unknown[][] = [];
  for (let begin = 0; begin < rows.length; begin += ROWS) {
    const some = rows.slice(begin, begin + ROWS);
    const insert = insertOf(table, columns, some.length);
    if (returning === undefined) await tx.exec(insert, some.flat());
    else given.push(...(await tx.queryRows(`${insert} RETURNING ${returning}`, some.flat())));
  }
  return given;
}
