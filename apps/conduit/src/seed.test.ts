import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runRoot } from "lunet";
import { migrate, open, type Database } from "lunet/db";
import { NewArticle } from "./articles.ts";
import { NewComment } from "./comments.ts";
import { ConfigurationError } from "./configuration.ts";
import { Passwords } from "./password.ts";
import { recount } from "./recount.ts";
import { PEOPLE } from "./seed-people.ts";
import { planSeed, type PlannedArticle } from "./seed-plan.ts";
import { SeedWriter } from "./seed-rows.ts";
import { readTexts } from "./seed-texts.ts";
import { readSettings, seedDatabase } from "./seed.ts";
import { slugOf } from "./slug.ts";
import { NewUser, UserUpdate } from "./users.ts";
import { checkContent } from "./validation.ts";

const SCHEMA = fileURLToPath(new URL("../migrations/sqlite/", import.meta.url));
const NOW_MS = Date.parse("2026-03-01T12:00:00Z");
const DAY_MS = 86_400_000;
const OPTIONS = { seed: 1, articles: 120, password: "a password", nowMs: NOW_MS };

/** Everything that is the same for the same seed, by names instead of ids. */
const CONTENTS = [
  "SELECT username, username_key, email, email_key, bio, image, articles_count, favorites_count, created_at FROM users ORDER BY email",
  `SELECT a.slug, u.email, a.title, a.description, a.tags, a.created_at, a.updated_at, a.favorites_count, a.body
    FROM articles a JOIN users u ON u.id = a.author_id ORDER BY a.slug`,
  "SELECT name, articles_count FROM tags ORDER BY name",
  `SELECT a.slug, u.email, c.body, c.created_at FROM comments c JOIN articles a ON a.id = c.article_id
    JOIN users u ON u.id = c.author_id ORDER BY c.id`,
  `SELECT a.slug, u.email FROM favorites f JOIN articles a ON a.id = f.article_id JOIN users u ON u.id = f.user_id
    ORDER BY a.slug, u.email`,
  `SELECT a.email, b.email FROM follows f JOIN users a ON a.id = f.follower_id JOIN users b ON b.id = f.followed_id
    ORDER BY a.email, b.email`,
];

async function withDatabase<T>(body: (database: Database) => Promise<T>): Promise<T> {
  return runRoot(async () => {
    await using database = await open("sqlite::memory:");
    await migrate(database, SCHEMA);
    return await body(database);
  });
}

async function contentsOf(database: Database): Promise<unknown[][]> {
  const contents: unknown[][] = [];
  for (const sql of CONTENTS) contents.push(await database.queryRows(sql));
  return contents;
}

function seeded(options: Partial<typeof OPTIONS> = {}): Promise<unknown[][]> {
  return withDatabase(async (database) => {
    await seedDatabase(database, { ...OPTIONS, ...options });
    return contentsOf(database);
  });
}

async function planned(seed: number, articles: number): Promise<PlannedArticle[]> {
  return [...planSeed(await runRoot(readTexts), seed, articles).articles()];
}

test("one seed makes the same rows in two databases, and another seed others", async () => {
  const [first, second, other] = [await seeded(), await seeded(), await seeded({ seed: 2 })];
  assert.deepEqual(first, second);
  for (const [index, rows] of first.entries()) {
    assert.ok(rows.length > 0, CONTENTS[index]!);
    // Of few articles two seeds may give a tag to as many.
    if (index !== 2) assert.notDeepEqual(rows, other[index], CONTENTS[index]!);
  }
});

test("only the times depend on the moment", async () => {
  const laterMs = NOW_MS + 5 * DAY_MS + 1;
  const [first, later] = [await seeded(), await seeded({ nowMs: laterMs })];
  const shift = (value: unknown): unknown =>
    typeof value === "number" && value > NOW_MS - 1_000 * DAY_MS ? value + laterMs - NOW_MS : value;
  assert.deepEqual(
    first.map((rows) => rows.map((row) => (row as unknown[]).map(shift))),
    later,
  );
});

test("every count that is kept is right, also after a second seeding into the same database", () =>
  withDatabase(async (database) => {
    const first = await seedDatabase(database, OPTIONS);
    assert.deepEqual(await recount(database), []);
    assert.equal(first.users, PEOPLE.length);
    assert.equal(first.articles, 120);
    const second = await seedDatabase(database, OPTIONS);
    assert.deepEqual(await recount(database), []);
    assert.equal(second.users, 0, "users who are there write on");
    assert.equal(second.follows, 0);
    assert.equal(second.articles, 120);
    const [totals] = await database.queryRows(`SELECT (SELECT COUNT(*) FROM articles), (SELECT COUNT(*) FROM users),
      (SELECT COUNT(*) FROM comments), (SELECT COUNT(*) FROM favorites), (SELECT COUNT(*) FROM follows), (SELECT COUNT(*) FROM tags)`);
    const { comments, favorites, follows, tags } = first;
    assert.deepEqual(totals, [240, PEOPLE.length, 2 * comments, 2 * favorites, follows, tags]);
  }));

test("somebody else's name, and a slug that is taken, stay theirs", () =>
  withDatabase(async (database) => {
    const [{ title } = { title: "" }] = planSeed(await readTexts(), 1, 120).articles();
    const insertUser = `INSERT INTO users (id, username, username_key, email, email_key, password_hash, articles_count, created_at)
      VALUES (7, 'Demo', 'demo', 'me@x', 'me@x', '', 1, 5)`;
    await database.exec(insertUser);
    await database.exec(
      "INSERT INTO articles (slug, author_id, title, description, tags, created_at, updated_at, body) VALUES (?, 7, 't', 'd', '[]', 5, 5, 'b')",
      [slugOf(title)],
    );
    await database.exec("UPDATE totals SET amount = 1");
    await seedDatabase(database, OPTIONS);
    assert.deepEqual(await recount(database), []);
    const mine = await database.queryRows("SELECT username FROM users WHERE email_key = 'demo@conduit.example'");
    assert.deepEqual(mine, [["demo-2"]]);
    const slugs = await database.queryRows<[string]>("SELECT slug FROM articles WHERE title = ?", [title]);
    assert.equal(slugs.length, 1);
    assert.match(slugs[0]![0].slice(slugOf(title).length), /^-[0-9a-z]{6}$/);
  }));

test("the password is everybody's, and one that was there before is not changed", () =>
  withDatabase(async (database) => {
    const passwords = new Passwords({ concurrency: 1, maxWaiting: 0, waitMs: 0 });
    assert.equal((await seedDatabase(database, { ...OPTIONS, articles: 1 })).isPasswordGood, true);
    const other = { ...OPTIONS, articles: 1, password: "another password" };
    assert.equal((await seedDatabase(database, other)).isPasswordGood, false);
    const hashes = await database.queryRows<[string]>("SELECT DISTINCT password_hash FROM users");
    assert.equal(hashes.length, 1);
    assert.equal(await passwords.verify("a password", hashes[0]?.[0]), true);
  }));

test("the newest article is minutes old, the oldest two years, and nothing is of the future or before its article", async () => {
  for (const count of [1, 2, 3, 120, 1_000]) {
    const articles = await planned(3, count);
    assert.equal(articles.length, count);
    assert.equal(articles.at(-1)!.ageMs, 4 * 60_000);
    if (count > 1) assert.equal(articles[0]!.ageMs, 730 * DAY_MS);
    for (const [index, { ageMs, updatedAgeMs, comments }] of articles.entries()) {
      assert.ok(index === 0 || ageMs <= articles[index - 1]!.ageMs, "the oldest first");
      assert.ok(updatedAgeMs >= 0 && updatedAgeMs <= ageMs);
      let before = ageMs;
      for (const comment of comments) {
        assert.ok(comment.ageMs >= 0 && comment.ageMs <= before, `${comment.body}: ${comment.ageMs} of ${before}`);
        assert.ok(Number.isInteger(comment.ageMs));
        before = comment.ageMs;
      }
    }
  }
});

test("what is written is what the API would take, and no title comes twice", async () => {
  const texts = await runRoot(readTexts);
  const plan = planSeed(texts, 5, 500);
  for (const { username, email, bio, image } of plan.users) {
    checkContent(NewUser, { user: { username, email, password: "a password" } });
    checkContent(UserUpdate, { user: { bio, image } });
  }
  const slugs = new Set<string>();
  const seen = { comments: new Set<string>(), tags: new Set<string>() };
  for (const { title, description, body, tags, comments, author, favoritedBy } of plan.articles()) {
    checkContent(NewArticle, { article: { title, description, body, tagList: [...tags] } });
    assert.equal(new Set(tags).size, tags.length, title);
    assert.ok(!/\{(?:tag|author|part)\}/.test(body), `${title}: a word to fill in is left`);
    assert.ok(!slugs.has(slugOf(title)) && slugOf(title) !== "", title);
    slugs.add(slugOf(title));
    assert.ok(!favoritedBy.includes(author), title);
    assert.equal(new Set(comments.map((comment) => comment.body)).size, comments.length, `${title}: said twice`);
    for (const comment of comments) {
      checkContent(NewComment, { comment: { body: comment.body } });
      seen.comments.add(comment.body);
    }
    for (const tag of tags) seen.tags.add(tag);
  }
  const { comments, answers } = texts.shared;
  const all = [...comments, ...answers, ...[...texts.themes, ...texts.articles].flatMap((one) => one.comments)];
  const unsaid = all.filter(({ text }) => !seen.comments.has(text));
  // Of a theme, a remark may need a section that few of its articles have.
  assert.ok(unsaid.length < all.length / 10, unsaid.map(({ text }) => text).join("\n"));
  assert.ok(seen.tags.size >= 25);
});

test("the texts are read whole: every theme has its parts, and somebody who writes about it", async () => {
  const { themes, articles, shared } = await runRoot(readTexts);
  assert.equal(themes.length * 6 + articles.length, 120, "as many different articles as the demo has by default");
  for (const { name, tags, openings, sections, comments } of themes) {
    assert.ok(
      PEOPLE.some((person) => person.themes.includes(name)),
      name,
    );
    assert.ok(
      tags.some(({ percent }) => percent === 100),
      name,
    );
    for (const tag of tags) assert.ok(tag.name !== "" && tag.percent >= 1 && tag.percent <= 100, name);
    assert.deepEqual([openings.length, sections.length >= 5, comments.length >= 6], [6, true, true], name);
    for (const section of sections) {
      assert.match(section, /^## .+\n\n/, name);
      assert.equal((section.match(/^```/gm) ?? []).length % 2, 0, `${name}: a block of code is cut in two: ${section}`);
    }
    const text = [...openings.flatMap((one) => [one.title, one.description, one.text]), ...sections].join("\n");
    for (const { phrase } of comments) assert.ok(phrase === undefined || text.includes(phrase), `${name}: ${phrase}`);
  }
  for (const person of PEOPLE) {
    for (const theme of person.themes)
      assert.ok(
        themes.some(({ name }) => name === theme),
        theme,
      );
  }
  for (const { title, description, text, author } of [
    ...articles,
    ...themes.flatMap(({ openings }) => openings.map((one) => ({ ...one, author: "demo" }))),
  ]) {
    assert.ok(title !== "" && description !== "" && text !== "" && !text.includes("<!--"), title);
    assert.ok(
      PEOPLE.some(({ username }) => username === author),
      author,
    );
  }
  const named = [...shared.comments, ...articles.flatMap(({ comments }) => comments)].flatMap(({ by }) => by ?? []);
  for (const by of named)
    assert.ok(
      PEOPLE.some(({ username }) => username === by),
      by,
    );
  assert.ok(shared.lastWords.length > 0 && shared.sequelWords.every((words) => words.includes("{part}")));
});

test("a transaction is whole or not there: a failure in the midst of articles leaves those before, and every count right", () =>
  withDatabase(async (database) => {
    const plan = planSeed(await readTexts(), 1, 5);
    const writer = new SeedWriter(database, { nowMs: NOW_MS, passwordHash: "" });
    await writer.writeUsers(plan.users);
    const [first, second, ...others] = [...plan.articles()] as [PlannedArticle, PlannedArticle, ...PlannedArticle[]];
    await writer.writeArticles([first, second]);
    const broken = { ...others[0]!, comments: [{ author: 0, body: null as unknown as string, ageMs: 0 }] };
    await assert.rejects(writer.writeArticles([others[1]!, broken]), { code: "ERR_DB_NOT_NULL" });
    assert.deepEqual(await recount(database), []);
    assert.equal(writer.counts.articles, 2);
    assert.deepEqual(await database.queryRows("SELECT COUNT(*) FROM articles"), [[2]]);
  }));

test("settings come from flags and variables, flags first, the server's own among them", () => {
  const read = (args: readonly string[], env: Record<string, string> = {}): object => {
    const settings = readSettings(args, env);
    assert.ok(settings !== "help");
    const { configuration, ...own } = settings;
    return { ...own, databaseUrl: configuration.databaseUrl };
  };
  const defaults = { seed: 1, articles: 120, password: "conduit-demo", isAdding: false };
  assert.deepEqual(read([]), { ...defaults, databaseUrl: "sqlite:data/conduit.db" });
  const variables = { SEED: "4", ARTICLES: "5", ADD: "1", SEED_PASSWORD: "é".repeat(8), DATABASE_URL: "sqlite:x" };
  const given = { seed: 4, articles: 5, password: "é".repeat(8), isAdding: true, databaseUrl: "sqlite:x" };
  assert.deepEqual(read([], variables), given);
  const flags = ["--seed=0", "--articles", "1000000", "--database-url", "sqlite:y", "--add"];
  const told = { ...given, seed: 0, articles: 1_000_000, databaseUrl: "sqlite:y" };
  assert.deepEqual(read(flags, { ...variables, ADD: "0" }), told);
  assert.deepEqual(read([], { SEED: "", ARTICLES: "", ADD: "", SEED_PASSWORD: "" }), read([]));
  assert.equal(readSettings(["--help"], {}), "help");
});

test("a setting that cannot be used is named with what was found, a password without it", () => {
  for (const [args, env, message] of [
    [["--articles=0"], {}, /^Cannot use --articles: found "0", wanted a whole number from 1 to 1000000$/],
    [["--articles=1000001"], {}, /^Cannot use --articles/],
    [["--seed"], {}, /^Cannot use --seed: found "", wanted a whole number from 0 to 4294967294$/],
    [[], { SEED: "4294967295" }, /^Cannot use SEED: found "4294967295"/],
    [[], { ADD: "yes" }, /^Cannot use ADD: found "yes", wanted 1 or 0$/],
    [["--add=no"], {}, /^Cannot use --add: found "no"/],
    [[], { SEED_PASSWORD: "sésame7" }, /^Cannot use SEED_PASSWORD: found 8 bytes, wanted at least 8 characters/],
    [[], { SEED_PASSWORD: "x".repeat(1_025) }, /^Cannot use SEED_PASSWORD: found 1025 bytes/],
    [["--nonsense"], {}, /^Cannot use "--nonsense": found no such flag/],
  ] as const) {
    assert.throws(
      () => readSettings(args, env),
      (error) => error instanceof ConfigurationError && message.test(error.message) && !/ésame|xx/.test(error.message),
      String(message),
    );
  }
});
