/**
 * Compares what is kept with what is counted: `node apps/conduit/src/recount.ts [--database-url …]`.
 *
 * It reads in one transaction, so it may run beside a server that writes. It prints each difference and ends with status
 * 1 if there is one.
 */
import { run } from "lunet";
import type { Database } from "lunet/db";
import { readConfiguration } from "./configuration.ts";
import { openDatabase } from "./database.ts";

/** Each gives the rows in which the kept amount differs: what it is, kept, counted. */
const CHECKS: readonly string[] = [
  `SELECT 'totals.articles', amount, (SELECT COUNT(*) FROM articles) AS counted FROM totals
    WHERE name = 'articles' AND amount <> (SELECT COUNT(*) FROM articles)`,
  `SELECT CONCAT('users.articles_count of ', u.id), u.articles_count, c.counted
    FROM (SELECT u.id, COUNT(a.id) AS counted FROM users u LEFT JOIN articles a ON a.author_id = u.id GROUP BY u.id) c
    JOIN users u ON u.id = c.id WHERE u.articles_count <> c.counted`,
  `SELECT CONCAT('users.favorites_count of ', u.id), u.favorites_count, c.counted
    FROM (SELECT u.id, COUNT(f.user_id) AS counted FROM users u LEFT JOIN favorites f ON f.user_id = u.id GROUP BY u.id) c
    JOIN users u ON u.id = c.id WHERE u.favorites_count <> c.counted`,
  `SELECT CONCAT('articles.favorites_count of ', a.id), a.favorites_count, c.counted
    FROM (SELECT a.id, COUNT(f.article_id) AS counted FROM articles a
      LEFT JOIN favorites f ON f.article_id = a.id GROUP BY a.id) c
    JOIN articles a ON a.id = c.id WHERE a.favorites_count <> c.counted`,
  `SELECT CONCAT('tags.articles_count of ', t.name), t.articles_count, c.counted
    FROM (SELECT t.id, COUNT(l.article_id) AS counted FROM tags t
      LEFT JOIN article_tags l ON l.tag_id = t.id GROUP BY t.id) c
    JOIN tags t ON t.id = c.id WHERE t.articles_count <> c.counted`,
  "SELECT CONCAT('tags.articles_count of ', name), articles_count, 0 FROM tags WHERE articles_count = 0",
  `SELECT CONCAT('article_tags.article_created_at of ', a.id), l.article_created_at, a.created_at
    FROM article_tags l JOIN articles a ON a.id = l.article_id WHERE l.article_created_at <> a.created_at`,
  `SELECT CONCAT('favorites.article_created_at of ', a.id), f.article_created_at, a.created_at
    FROM favorites f JOIN articles a ON a.id = f.article_id WHERE f.article_created_at <> a.created_at`,
];

const ARTICLE_TAGS = "SELECT id, tags FROM articles";
const LINKED_TAGS = "SELECT l.article_id, t.name FROM article_tags l JOIN tags t ON t.id = l.tag_id";

/** One amount that is kept and does not agree with what there is. */
export interface Difference {
  readonly what: string;
  readonly kept: string;
  readonly counted: string;
}

/** Every difference in the database; none when all is well. */
export async function recount(database: Database): Promise<Difference[]> {
  return database.transaction(
    async (tx) => {
      const differences: Difference[] = [];
      for (const check of CHECKS) {
        for (const [what, kept, counted] of await tx.queryRows<[string, number, number]>(check)) {
          differences.push({ what, kept: String(kept), counted: String(counted) });
        }
      }
      const linked = new Map<number, string[]>();
      for (const [id, name] of await tx.queryRows<[number, string]>(LINKED_TAGS)) {
        linked.set(id, [...(linked.get(id) ?? []), name]);
      }
      for (const [id, tags] of await tx.queryRows<[number, string]>(ARTICLE_TAGS)) {
        const kept = JSON.stringify((JSON.parse(tags) as string[]).toSorted());
        const counted = JSON.stringify((linked.get(id) ?? []).toSorted());
        if (kept !== counted) differences.push({ what: `articles.tags of ${id}`, kept, counted });
      }
      return differences;
    },
    { readOnly: true },
  );
}

async function main(): Promise<number> {
  const configuration = readConfiguration(process.argv.slice(2), process.env);
  if (configuration === "help") {
    console.log("Usage: recount [--database-url <address>]\n\nCompares the counts that are kept with what there is.");
    return 0;
  }
  await using database = await openDatabase(configuration, true);
  const differences = await recount(database);
  for (const { what, kept, counted } of differences) console.log(`${what}: kept ${kept}, counted ${counted}`);
  console.log(`${differences.length} differences`);
  return differences.length === 0 ? 0 : 1;
}

if (import.meta.main) await run(main);
