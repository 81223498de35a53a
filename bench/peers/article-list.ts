/**
 * The article list of 20 as a program on node:sqlite would make it: the statement that Conduit runs for an anonymous
 * reader, rows as objects, and the answer as an object. The bench checks that all servers give the same answer.
 */
import { DatabaseSync } from "node:sqlite";

/** A bare parameter behind LIMIT would have SQLite compile the statement anew for each run. */
export const PAGE = `SELECT a.slug, a.title, a.description, a.tags, a.created_at, a.updated_at, a.favorites_count,
    u.username, u.bio, u.image, (SELECT amount FROM totals WHERE name = 'articles') AS total
  FROM (SELECT a.created_at, a.id FROM articles a ORDER BY a.created_at DESC, a.id DESC LIMIT ? + 0 OFFSET ? + 0) p
  JOIN articles a ON a.id = p.id JOIN users u ON u.id = a.author_id
  ORDER BY p.created_at DESC, p.id DESC`;

interface Row {
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
  readonly total: number;
}

function articleOf(row: Row): object {
  return {
    slug: row.slug,
    title: row.title,
    description: row.description,
    tagList: JSON.parse(row.tags) as string[],
    createdAt: new Date(row.created_at).toISOString(),
    updatedAt: new Date(row.updated_at).toISOString(),
    favorited: false,
    favoritesCount: row.favorites_count,
    author: { username: row.username, bio: row.bio, image: row.image, following: false },
  };
}

/** Opens the database of the benchmark, as its environment names it. */
export function openDatabase(): DatabaseSync {
  return new DatabaseSync(process.env["BENCH_DATABASE"] ?? "", { readOnly: true });
}

/** What makes a list. */
export function openArticleList(): (limit: number, offset: number) => object {
  const page = openDatabase().prepare(PAGE);
  return (limit, offset) => {
    const rows = page.all(limit, offset) as unknown as Row[];
    return { articles: rows.map(articleOf), articlesCount: rows[0]?.total ?? 0 };
  };
}

/** `limit` and `offset` of a request target. */
export function rangeOf(target: string): [limit: number, offset: number] {
  const { searchParams } = new URL(target, "http://localhost");
  return [Math.min(Number(searchParams.get("limit") ?? 20), 100), Number(searchParams.get("offset") ?? 0)];
}
