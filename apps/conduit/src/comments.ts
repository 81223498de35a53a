/** Comments on articles. A comment never changes, so it has one time. */
import type { Database, Statement } from "lunet/db";
import { DatabaseError } from "lunet/db";
import { empty, jsonText, type Reply } from "lunet/http";
import { wallMs } from "lunet/time";
import { Type } from "typebox";
import { insertedId } from "./dialect.ts";
import { forbidden, notFound } from "./errors.ts";
import { isoTime } from "./iso-time.ts";
import { Profile, profileJson } from "./profiles.ts";
import type { Call } from "./route.ts";

export const NewComment = Type.Object({
  comment: Type.Object({ body: Type.String({ minLength: 1, maxLength: 10_000 }) }),
});
const Comment = Type.Object({
  id: Type.Integer(),
  createdAt: Type.String({ format: "date-time" }),
  updatedAt: Type.String({ format: "date-time" }),
  body: Type.String(),
  author: Profile,
});
export const CommentReply = Type.Object({ comment: Comment });
export const CommentsReply = Type.Object({ comments: Type.Array(Comment) });

/** An article may have any number of comments: so many are held at once, and more are sent as they are read. */
const PAGE = 200;

const COLUMNS = `c.id, c.created_at, c.body, u.username, u.bio, u.image,
    EXISTS (SELECT 1 FROM follows f WHERE f.follower_id = ? AND f.followed_id = c.author_id)`;
// A page is cut out in the index before rows are read and joined to it. PostgreSQL would otherwise sort all comments on the
// article, and MariaDB read those that the pages before have shown.
/** No row: no article. One row of NULLs: no comments. */
const FIRST = `SELECT ${COLUMNS}, a.id
  FROM articles a LEFT JOIN (
    SELECT id, article_id FROM comments WHERE article_id = (SELECT id FROM articles WHERE slug = ?)
    ORDER BY created_at DESC, id DESC LIMIT ${PAGE}
  ) p ON p.article_id = a.id LEFT JOIN comments c ON c.id = p.id LEFT JOIN users u ON u.id = c.author_id
  WHERE a.slug = ? ORDER BY c.created_at DESC, c.id DESC`;
/** The time is compared twice, because MariaDB does not look up a pair in an index. */
const NEXT = `SELECT ${COLUMNS}, c.article_id
  FROM (
    SELECT id FROM comments WHERE article_id = ? AND created_at <= ? AND (created_at < ? OR id < ?)
    ORDER BY created_at DESC, id DESC LIMIT ${PAGE}
  ) p JOIN comments c ON c.id = p.id JOIN users u ON u.id = c.author_id
  ORDER BY c.created_at DESC, c.id DESC`;
const ARTICLE = "SELECT id FROM articles WHERE slug = ?";
const INSERT = "INSERT INTO comments (article_id, author_id, body, created_at) VALUES (?, ?, ?, ?) RETURNING id";
/** No row: no article. NULL: no such comment on it. */
const AUTHOR = `SELECT c.author_id FROM articles a LEFT JOIN comments c ON c.article_id = a.id AND c.id = ?
  WHERE a.slug = ?`;
const DELETE = "DELETE FROM comments WHERE id = ?";

type CommentRow = [
  id: number,
  createdAt: number,
  body: string,
  username: string,
  bio: string | null,
  image: string | null,
  following: number | boolean,
  articleId: number,
];

function commentJson([id, createdAt, body, username, bio, image, following]: CommentRow): string {
  const time = isoTime(createdAt);
  return (
    `{"id":${id},"createdAt":"${time}","updatedAt":"${time}","body":${JSON.stringify(body)},` +
    `"author":${profileJson(username, bio, image, following)}}`
  );
}

/** The number that a path names; 0, which no comment has, for anything else. */
function parseId(text: string): number {
  return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : 0;
}

/** The handlers of `/api/articles/:slug/comments`. */
export class Comments {
  readonly #first: Statement;
  readonly #next: Statement;
  readonly #article: Statement;
  readonly #insert: Statement;
  readonly #author: Statement;
  readonly #delete: Statement;

  constructor(database: Database) {
    this.#first = database.prepare(FIRST);
    this.#next = database.prepare(NEXT);
    this.#article = database.prepare(ARTICLE);
    this.#insert = database.prepare(INSERT);
    this.#author = database.prepare(AUTHOR);
    this.#delete = database.prepare(DELETE);
  }

  readonly list = async (call: Call<"optional">): Promise<Reply> => {
    const slug = call.param("slug").normalize("NFC");
    const viewerId = call.viewer?.id ?? 0;
    const rows = await this.#first.queryRows<CommentRow | [null]>([viewerId, slug, slug]);
    if (rows.length === 0) throw notFound("article");
    const comments = rows.filter((row): row is CommentRow => row[0] !== null);
    const start = `{"comments":[${comments.map(commentJson).join(",")}`;
    const last = comments[PAGE - 1];
    return last === undefined
      ? jsonText(`${start}]}`)
      : { ...jsonText(""), content: this.#rest(start, last, viewerId) };
  };

  /** The text of a list that goes on after `last`, page by page. */
  async *#rest(start: string, last: CommentRow, viewerId: number): AsyncGenerator<string, void> {
    yield start;
    for (let before: CommentRow | undefined = last; before !== undefined;) {
      const [id, createdAt] = before;
      const params = [viewerId, last[7], createdAt, createdAt, id];
      const rows: CommentRow[] = await this.#next.queryRows<CommentRow>(params);
      yield rows.map((row) => `,${commentJson(row)}`).join("");
      before = rows[PAGE - 1];
    }
    yield "]}";
  }

  readonly create = async (call: Call<"required", typeof NewComment>): Promise<Reply> => {
    const { viewer } = call;
    const [article] = await this.#article.queryRows<[number]>([call.param("slug").normalize("NFC")]);
    if (article === undefined) throw notFound("article");
    const { body } = (await call.content()).comment;
    const now = wallMs();
    try {
      const id = insertedId(await this.#insert.queryRows([article[0], viewer.id, body, now]));
      const row: CommentRow = [id, now, body, viewer.username, viewer.bio, viewer.image, false, article[0]];
      return jsonText(`{"comment":${commentJson(row)}}`, { status: 201 });
    } catch (error) {
      if (error instanceof DatabaseError && error.code === "ERR_DB_FOREIGN_KEY") throw notFound("article", error);
      throw error;
    }
  };

  readonly remove = async (call: Call<"required">): Promise<Reply> => {
    const id = parseId(call.param("id"));
    const [row] = await this.#author.queryRows<[number | null]>([id, call.param("slug").normalize("NFC")]);
    if (row === undefined) throw notFound("article");
    if (row[0] === null) throw notFound("comment");
    if (row[0] !== call.viewer.id) throw forbidden("comment");
    const { affectedRows } = await this.#delete.exec([id]);
    if (affectedRows === 0) throw notFound("comment");
    return empty(204);
  };
}
