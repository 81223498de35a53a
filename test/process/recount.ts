/**
 * Counts again what Conduit keeps, from the rows themselves, over a connection of its own and with SQL of its own, and
 * checks the database file as SQLite does.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";

/** Statements that give a row for each thing that is kept wrong or that should not be there. */
const contradictions: Readonly<Record<string, string>> = {
  "favourites of an article": `SELECT slug, favorites_count FROM articles a
    WHERE favorites_count <> (SELECT count(*) FROM favorites f WHERE f.article_id = a.id)`,
  "articles of a user": `SELECT username, articles_count FROM users u
    WHERE articles_count <> (SELECT count(*) FROM articles a WHERE a.author_id = u.id)`,
  "favourites of a user": `SELECT username, favorites_count FROM users u
    WHERE favorites_count <> (SELECT count(*) FROM favorites f WHERE f.user_id = u.id)`,
  "articles of a tag": `SELECT name, articles_count FROM tags t
    WHERE articles_count <> (SELECT count(*) FROM article_tags l WHERE l.tag_id = t.id)`,
  "tags without articles": `SELECT name FROM tags t WHERE NOT EXISTS (SELECT * FROM article_tags l WHERE l.tag_id = t.id)`,
  "all articles": `SELECT amount FROM totals
    WHERE name = 'articles' AND amount <> (SELECT count(*) FROM articles)`,
  "comments of no article": `SELECT id FROM comments WHERE article_id NOT IN (SELECT id FROM articles)`,
  "favourites of no article": `SELECT * FROM favorites WHERE article_id NOT IN (SELECT id FROM articles)`,
  "tag links of no article": `SELECT * FROM article_tags WHERE article_id NOT IN (SELECT id FROM articles)`,
  "dates in links": `SELECT a.id FROM articles a JOIN favorites f ON f.article_id = a.id
    WHERE f.article_created_at <> a.created_at
    UNION ALL SELECT a.id FROM articles a JOIN article_tags l ON l.article_id = a.id
    WHERE l.article_created_at <> a.created_at`,
  "tags of an article": `SELECT a.slug, a.tags FROM articles a
    WHERE json_array_length(a.tags) <> (SELECT count(*) FROM article_tags l WHERE l.article_id = a.id)
       OR EXISTS (SELECT * FROM json_each(a.tags) j
                  WHERE j.value NOT IN (SELECT name FROM article_tags l JOIN tags t ON t.id = l.tag_id
                                        WHERE l.article_id = a.id))`,
};

/** How many rows there are of each kind. */
export interface RowCounts {
  readonly users: number;
  readonly articles: number;
  readonly comments: number;
  readonly favorites: number;
  readonly follows: number;
  readonly tags: number;
}

/** Fails unless everything kept equals what is counted, and the file is whole. Gives the counts. */
export function recount(path: string): RowCounts {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    for (const [what, sql] of Object.entries(contradictions)) {
      assert.deepEqual(database.prepare(sql).all(), [], `${what} are kept wrong`);
    }
    assert.deepEqual(
      database
        .prepare("PRAGMA integrity_check")
        .all()
        .map((row) => row["integrity_check"]),
      ["ok"],
    );
    assert.deepEqual(database.prepare("PRAGMA foreign_key_check").all(), []);
    const count = (table: string): number =>
      Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]);
    return {
      users: count("users"),
      articles: count("articles"),
      comments: count("comments"),
      favorites: count("favorites"),
      follows: count("follows"),
      tags: count("tags"),
    };
  } finally {
    database.close();
  }
}
