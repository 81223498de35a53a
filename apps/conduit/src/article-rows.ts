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

/** A row of `COLUMNS`, `FAVORITED` and `FOLLOWING`. An anonymous visitor's lists leave the last two out. */
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
  favorited: number | boolean,
  following: number | boolean,
];
export type ArticleRow = [...ListedRow, body: string, id: number];

/** Places in an `ArticleRow`. */
export const AT = { createdAt: 4, favorited: 10, body: 12, id: 13 } as const;

/** The members of an article as JSON text, without braces. */
function membersJson(row: ListedRow | ArticleRow): string {
  const [slug, title, description, tags, createdAt, updatedAt, favoritesCount, ...more] = row;
  const [username, bio, image, favorited, following] = more;
  return (
    `"slug":${JSON.stringify(slug)},"title":${JSON.stringify(title)},"description":${JSON.stringify(description)},` +
    `"tagList":${tags},"createdAt":"${isoTime(createdAt)}","updatedAt":"${isoTime(updatedAt)}",` +
    `"favorited":${Boolean(favorited)},"favoritesCount":${favoritesCount},` +
    `"author":${profileJson(username, bio, image, following)}`
  );
}

/** The reply with one article. */
export function articleReply(row: ArticleRow, status = 200): Reply {
  return jsonText(`{"article":{${membersJson(row)},"body":${JSON.stringify(row[AT.body])}}}`, { status });
}

/** The reply with a list of articles and the count of all. */
export function articlesReply(rows: readonly ListedRow[], count: number): Reply {
  let articles = "";
  for (const row of rows) articles += `${articles === "" ? "" : ","}{${membersJson(row)}}`;
  return jsonText(`{"articles":[${articles}],"articlesCount":${count}}`);
}
