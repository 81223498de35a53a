import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runRoot } from "lunet";
import { migrate, open, type Database } from "lunet/db";
import { recount } from "./recount.ts";

const SCHEMA = fileURLToPath(new URL("../migrations/sqlite/", import.meta.url));

/** Two users; the second has favourited the first's article, which has two tags. */
const STATEMENTS = [
  "INSERT INTO users VALUES (1, 'a', 'a', 'a@x', 'a@x', '', NULL, NULL, 1, 0, 5)",
  "INSERT INTO users VALUES (2, 'b', 'b', 'b@x', 'b@x', '', NULL, NULL, 0, 1, 5)",
  `INSERT INTO articles VALUES (1, 's', 1, 't', 'd', '["y","x"]', 7, 7, 1, 'b')`,
  "INSERT INTO tags VALUES (1, 'x', 1), (2, 'y', 1)",
  "INSERT INTO article_tags VALUES (1, 7, 1), (2, 7, 1)",
  "INSERT INTO favorites VALUES (2, 7, 1)",
  "UPDATE totals SET amount = 1",
];

async function withExample(body: (database: Database) => Promise<void>): Promise<void> {
  await runRoot(async () => {
    await using database = await open("sqlite::memory:");
    await migrate(database, SCHEMA);
    for (const sql of STATEMENTS) await database.exec(sql);
    await body(database);
  });
}

test("finds nothing where all agrees", () =>
  withExample(async (database) => {
    assert.deepEqual(await recount(database), []);
  }));

for (const [sql, what, kept, counted] of [
  ["UPDATE totals SET amount = 2", "totals.articles", "2", "1"],
  ["UPDATE users SET articles_count = 0 WHERE id = 1", "users.articles_count of 1", "0", "1"],
  ["UPDATE users SET articles_count = 3 WHERE id = 2", "users.articles_count of 2", "3", "0"],
  ["UPDATE users SET favorites_count = 2 WHERE id = 2", "users.favorites_count of 2", "2", "1"],
  ["UPDATE articles SET favorites_count = 0", "articles.favorites_count of 1", "0", "1"],
  ["UPDATE tags SET articles_count = 9 WHERE id = 1", "tags.articles_count of x", "9", "1"],
  ["INSERT INTO tags VALUES (3, 'z', 0)", "tags.articles_count of z", "0", "0"],
  ["UPDATE article_tags SET article_created_at = 8 WHERE tag_id = 1", "article_tags.article_created_at of 1", "8", "7"],
  ["UPDATE favorites SET article_created_at = 8", "favorites.article_created_at of 1", "8", "7"],
  [`UPDATE articles SET tags = '["x"]'`, "articles.tags of 1", '["x"]', '["x","y"]'],
] as const) {
  test(`finds what ${sql} does`, () =>
    withExample(async (database) => {
      await database.exec(sql);
      assert.deepEqual(await recount(database), [{ what, kept, counted }]);
    }));
}
