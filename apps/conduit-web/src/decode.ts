/**
 * Reads answers of the server, which may be any server that says to be a Conduit.
 *
 * A list that is none, or an article without a slug, is an answer that cannot be read. What is missing within one has a plain
 * stand-in: a page shows what there is.
 */
export interface Profile {
  readonly username: string;
  readonly bio: string | null;
  readonly image: string | null;
  readonly following: boolean;
}

export interface User {
  readonly username: string;
  readonly email: string;
  readonly token: string;
  readonly bio: string | null;
  readonly image: string | null;
}

export interface Article {
  readonly slug: string;
  readonly title: string;
  readonly description: string;
  /** Empty in lists. */
  readonly body: string;
  readonly tagList: readonly string[];
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly favorited: boolean;
  readonly favoritesCount: number;
  readonly author: Profile;
}

export interface ArticlePage {
  readonly articles: readonly Article[];
  readonly articlesCount: number;
}

export interface Comment {
  readonly id: number;
  readonly createdAt: string;
  readonly body: string;
  readonly author: Profile;
}

/** An answer that is not what was asked for. */
export class UnreadableAnswer extends Error {
  constructor(what: string) {
    super(`Cannot read the server's answer: found no ${what}`);
    this.name = "UnreadableAnswer";
  }
}

type Fields = Readonly<Record<string, unknown>>;

export function decodeUser(answer: unknown): User {
  const user = fields(fields(answer)?.["user"]);
  const token = text(user?.["token"]);
  const username = text(user?.["username"]);
  if (user === undefined || !isToken(token) || username === "") throw new UnreadableAnswer("user");
  return {
    username,
    token,
    email: text(user["email"]),
    bio: textOrNull(user["bio"]),
    image: textOrNull(user["image"]),
  };
}

export function decodeProfile(answer: unknown): Profile {
  const found = fields(fields(answer)?.["profile"]);
  if (found === undefined || text(found["username"]) === "") throw new UnreadableAnswer("profile");
  return profile(found);
}

export function decodeArticle(answer: unknown): Article {
  return article(fields(answer)?.["article"]);
}

export function decodeArticles(answer: unknown): ArticlePage {
  const found = fields(answer);
  const articles = list(found?.["articles"], "articles").map(article);
  const count = found?.["articlesCount"];
  return { articles, articlesCount: typeof count === "number" && count >= 0 ? count : articles.length };
}

export function decodeComment(answer: unknown): Comment {
  return comment(fields(answer)?.["comment"]);
}

export function decodeComments(answer: unknown): readonly Comment[] {
  return list(fields(answer)?.["comments"], "comments").map(comment);
}

export function decodeTags(answer: unknown): readonly string[] {
  return texts(list(fields(answer)?.["tags"], "tags"));
}

/** What `{"errors": {"<key>": ["<message>", …]}}` says, a sentence for each message; nothing for any other shape. */
export function decodeErrors(answer: unknown): readonly string[] {
  const errors = fields(fields(answer)?.["errors"]);
  if (errors === undefined) return [];
  return Object.entries(errors).flatMap(([key, value]) =>
    texts(Array.isArray(value) ? value : [value]).map((message) => `${key} ${message}`),
  );
}

function article(value: unknown): Article {
  const found = fields(value);
  const slug = text(found?.["slug"]);
  if (found === undefined || slug === "") throw new UnreadableAnswer("article");
  const count = found["favoritesCount"];
  const tags = found["tagList"];
  return {
    slug,
    title: text(found["title"]),
    description: text(found["description"]),
    body: text(found["body"]),
    tagList: Array.isArray(tags) ? texts(tags) : [],
    createdAt: text(found["createdAt"]),
    updatedAt: text(found["updatedAt"]),
    favorited: found["favorited"] === true,
    favoritesCount: typeof count === "number" ? count : 0,
    author: profile(fields(found["author"]) ?? {}),
  };
}

function comment(value: unknown): Comment {
  const found = fields(value);
  const id = found?.["id"];
  if (found === undefined || typeof id !== "number") throw new UnreadableAnswer("comment");
  return {
    id,
    createdAt: text(found["createdAt"]),
    body: text(found["body"]),
    author: profile(fields(found["author"]) ?? {}),
  };
}

function profile(found: Fields): Profile {
  return {
    username: text(found["username"]),
    bio: textOrNull(found["bio"]),
    image: textOrNull(found["image"]),
    following: found["following"] === true,
  };
}

function fields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new UnreadableAnswer(`list of ${what}`);
  return value;
}

/** Text that can stand in an address: half of a pair of surrogates is no character. */
function text(value: unknown): string {
  return typeof value === "string" ? value.toWellFormed() : "";
}

function textOrNull(value: unknown): string | null {
  return text(value).trim() === "" ? null : text(value);
}

function texts(values: readonly unknown[]): readonly string[] {
  return [...new Set(values.map(text).filter((value) => value !== ""))];
}

/** Whether a text can be a token: it has to be sent in a field, which has visible ASCII characters alone. */
export function isToken(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value);
}
