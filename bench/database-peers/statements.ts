/** What every peer of a database runs, and how what it read is looked at. */

/** A point read by primary key. */
export const READ = "SELECT id, username, email, bio, image, created_at FROM users WHERE id = ?";

/** Conduit's list for a reader who is logged in. Parameters: the reader twice, limit, offset. */
export const LIST = `SELECT a.slug, a.title, a.description, a.tags, a.created_at, a.updated_at, a.favorites_count,
    u.username, u.bio, u.image,
    EXISTS (SELECT 1 FROM favorites v
      WHERE v.user_id = ? AND v.article_created_at = a.created_at AND v.article_id = a.id) AS favorited,
    EXISTS (SELECT 1 FROM follows w WHERE w.follower_id = ? AND w.followed_id = a.author_id) AS following
  FROM (SELECT a.created_at, a.id FROM articles a ORDER BY a.created_at DESC, a.id DESC LIMIT ? OFFSET ?) p
  JOIN articles a ON a.id = p.id JOIN users u ON u.id = a.author_id
  ORDER BY p.created_at DESC, p.id DESC`;

/** What a transaction reads and then writes. Parameter: the account. */
export const READ_BALANCE = "SELECT balance FROM bench_accounts WHERE id = ?";
export const ADD_TO_BALANCE = "UPDATE bench_accounts SET balance = balance + 1 WHERE id = ?";

export const PAGE_SIZE = 20;

/** A row of `READ`. */
export interface User {
  readonly id: number;
  readonly username: string;
  readonly email: string;
  readonly bio: string | null;
  readonly image: string | null;
  readonly created_at: number;
}

/** A row of `LIST`. */
export interface Article {
  readonly slug: string;
  readonly title: string;
  readonly description: string;
  readonly tags: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly favorites_count: number;
  readonly username: string;
  readonly bio: string | null;
  readonly image: string | null;
  readonly favorited: boolean | number;
  readonly following: boolean | number;
}

/** A statement with PostgreSQL's own placeholders. None of these texts has a question mark elsewhere. */
export function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll("?", () => `$${++count}`);
}

/** Keeps sums of times exact. */
const MODULUS = 1_000_003;

/** A number that depends on a value. What came as text where a number was wanted makes it NaN. */
function touch(value: string | number | boolean | null): number {
  if (typeof value === "string") return value.length + value.charCodeAt(value.length - 1);
  return value === null ? 1 : Number(value) % MODULUS;
}

/** A number as a number, or NaN. */
function touchNumber(value: number): number {
  return typeof value === "number" ? value % MODULUS : NaN;
}

/** A number that depends on every field. */
export function touchUser(user: User): number {
  const { id, username, email, bio, image, created_at: createdAt } = user;
  return touchNumber(id) + touch(username) + touch(email) + touch(bio) + touch(image) + touchNumber(createdAt);
}

export function touchArticle(article: Article): number {
  const { slug, title, description, tags, username, bio, image, favorited, following } = article;
  const texts =
    touch(slug) + touch(title) + touch(description) + touch(tags) + touch(username) + touch(bio) + touch(image);
  const numbers =
    touchNumber(article.created_at) + touchNumber(article.updated_at) + touchNumber(article.favorites_count);
  return texts + numbers + touch(favorited) + touch(following);
}

/** As the two above, for a row that is an array in the same order. */
export function touchArray(row: readonly (string | number | boolean | null)[]): number {
  let sum = 0;
  for (const value of row) sum += touch(value);
  return sum;
}
