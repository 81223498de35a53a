/** The tags in use. */
import type { Database, Statement } from "lunet/db";
import { jsonText, type Reply } from "lunet/http";
import { Type } from "typebox";

export const TagsReply = Type.Object({ tags: Type.Array(Type.String()) });

/** The most used first. A tag that no article has is not kept. */
const ALL = "SELECT name FROM tags ORDER BY articles_count DESC, name DESC";

/** The handler of `/api/tags`. */
export class Tags {
  readonly #all: Statement;

  constructor(database: Database) {
    this.#all = database.prepare(ALL);
  }

  readonly list = async (): Promise<Reply> => {
    const rows = await this.#all.queryRows<[string]>();
    return jsonText(JSON.stringify({ tags: rows.map(([name]) => name) }));
  };
}
