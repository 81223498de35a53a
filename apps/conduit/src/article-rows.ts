/** An article as it is read and as it is shown: columns, rows, JSON, schemas. */
import { jsonText, type Reply } from "lunet/http";
import { Type } from "typebox";
import { isoTime } from "./iso-time.ts";
import { Profile, profileJson } from "./profiles.ts";

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

// What an article shows: the article, its author, and how the viewer stands to both. The viewer's id is the first two
// parameters; nobody has id 0.
export const COLUMNS = `a.slug, a.title, a.description, a.tags, a.created_at, a.updated_at, a.favorites_count,
    u.username, u.bio, u.image`;
export const FAVORITED = `EXISTS (SELECT 1 FROM favorites v
    WHERE v.user_id = ? AND v.article_created_at = a.created_at AND v.article_id = a.id)`;
export const FOLLOWING = "EXISTS (SELECT 1 FROM follows w WHERE w.follower_id = ? AND w.followed_id = a.author_id)";

/** A row of `COLUMNS`. */
export type ListedRow = [
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
];
/** A row of a page, with the count of the whole list. An anonymous visitor's has no more than that. */
export type CountedRow = [
  ...ListedRow,
  // A sum is a decimal where the database has them, and decimals come as text.
  count: number | string,
  favorited?: number | boolean,
  following?: number | boolean,
];
export type ArticleRow = [
  ...ListedRow,
  favorited: number | boolean,
  following: number | boolean,
  body: string,
  id: number,
];

/** Places in an `ArticleRow`. */
export const AT = { createdAt: 4, favorited: 10, following: 11, body: 12, id: 13 } as const;
/** Places in a `CountedRow`. */
export const COUNTED_AT = { count: 10, favorited: 11, following: 12 } as const;

/** The members of an article as JSON text, without braces. */
function membersJson(
  row: readonly [...ListedRow, ...unknown[]],
  favorited: number | boolean | undefined,
  following: number | boolean | undefined,
): string {
  const [slug, title, description, tags, createdAt, updatedAt, favoritesCount, username, bio, image] = row;
  const created = isoTime(createdAt);
  const updated = updatedAt === createdAt ? created : isoTime(updatedAt);
  return (
    `"slug":${JSON.stringify(slug)},"title":${JSON.stringify(title)},"description":${JSON.stringify(description)},` +
    `"tagList":${tags},"createdAt":"${created}","updatedAt":"${updated}",` +
    `"favorited":${Boolean(favorited)},"favoritesCount":${favoritesCount},` +
    `"author":${profileJson(username, bio, image, following)}`
  );
}

/** The reply with one article. */
export function articleReply(row: ArticleRow, status = 200): Reply {
  const members = membersJson(row, row[AT.favorited], row[AT.following]);
  return jsonText(`{"article":{${members},"body":${JSON.stringify(row[AT.body])}}}`, { status });
}

/** The reply with a page of a list, and the count of the whole. */
export function articlesReply(rows: readonly CountedRow[], count: number | string): Reply {
  let articles = "";
  for (const row of rows) {
    const members = membersJson(row, row[COUNTED_AT.favorited], row[COUNTED_AT.following]);
    articles += `${articles === "" ? "{" : ",{"}${members}}`;
  }
  return jsonText(`{"articles":[${articles}],"articlesCount":${count}}`);
}
