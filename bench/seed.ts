/**
 * The database of the benchmark: 1,000 users, 10,000 articles with 3 of 100 tags each, 100,000 favourites, 10 followed
 * users for each. The same for every run: it is made from a fixed seed, on the schema that Conduit itself has made.
 */
import { DatabaseSync } from "node:sqlite";

const USERS = 1_000;
const ARTICLES = 10_000;
const TAGS = 100;
const TAGS_PER_ARTICLE = 3;
const FAVORITES = 100_000;
const FOLLOWED = 10;
const FIRST_ARTICLE_MS = 1_700_000_000_000;
const ARTICLE_EVERY_MS = 60_000;

/** Numbers from 0 to `below`, without it, in an order fixed by the seed (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Fills the empty database that Conduit has made in `file`. */
export function seedDatabase(file: string): void {
  const database = new DatabaseSync(file);
  const random = createRandom(1);
  const insertUser = database.prepare(
    "INSERT INTO users (username, username_key, email, email_key, password_hash, bio, image, created_at) VALUES (?, ?, ?, ?, 'none', ?, NULL, ?)",
  );
  const insertTag = database.prepare("INSERT INTO tags (id, name, articles_count) VALUES (?, ?, 0)");
  const insertArticle = database.prepare(
    "INSERT INTO articles (slug, author_id, title, description, tags, created_at, updated_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const insertTagLink = database.prepare(
    "INSERT INTO article_tags (tag_id, article_created_at, article_id) VALUES (?, ?, ?)",
  );
  const insertFavorite = database.prepare(
    "INSERT OR IGNORE INTO favorites (user_id, article_created_at, article_id) VALUES (?, ?, ?)",
  );
  const insertFollow = database.prepare("INSERT OR IGNORE INTO follows (follower_id, followed_id) VALUES (?, ?)");
  const createdAt = (article: number): number => FIRST_ARTICLE_MS + article * ARTICLE_EVERY_MS;

  database.exec("PRAGMA foreign_keys = ON; BEGIN");
  for (let user = 1; user <= USERS; user++) {
    const name = `user${user}`;
    const mail = `${name}@example.com`;
    insertUser.run(name, name, mail, mail, `I am number ${user}`, FIRST_ARTICLE_MS);
  }
  for (let tag = 1; tag <= TAGS; tag++) insertTag.run(tag, `tag${tag}`);
  for (let article = 1; article <= ARTICLES; article++) {
    const tags = new Set<number>();
    while (tags.size < TAGS_PER_ARTICLE) tags.add(1 + random(TAGS));
    const names = JSON.stringify([...tags].map((tag) => `tag${tag}`));
    const title = `How to train your dragon ${article}`;
    const at = createdAt(article);
    const body = `It takes a Jacobian. ${"Believe it or not, ".repeat(20)}${article}`;
    insertArticle.run(
      `how-to-train-your-dragon-${article}`,
      1 + random(USERS),
      title,
      `Ever wonder how? Part ${article}`,
      names,
      at,
      at,
      body,
    );
    for (const tag of tags) insertTagLink.run(tag, at, article);
  }
  for (let favorite = 0; favorite < FAVORITES; favorite++) {
    const article = 1 + random(ARTICLES);
    insertFavorite.run(1 + random(USERS), createdAt(article), article);
  }
  for (let user = 1; user <= USERS; user++) {
    for (let follow = 0; follow < FOLLOWED; follow++) insertFollow.run(user, 1 + random(USERS));
  }
  database.exec(`
    UPDATE users SET
      articles_count = (SELECT COUNT(*) FROM articles WHERE author_id = users.id),
      favorites_count = (SELECT COUNT(*) FROM favorites WHERE user_id = users.id);
    UPDATE articles SET favorites_count = (SELECT COUNT(*) FROM favorites WHERE article_id = articles.id);
    UPDATE tags SET articles_count = (SELECT COUNT(*) FROM article_tags WHERE tag_id = tags.id);
    UPDATE totals SET amount = (SELECT COUNT(*) FROM articles) WHERE name = 'articles';
    COMMIT;
    ANALYZE;
    PRAGMA wal_checkpoint(TRUNCATE);
  `);
  database.close();
}
