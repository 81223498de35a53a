/** `pg` as most use it: a pool of ten, and statements with names, which it keeps prepared on each connection. */
import { Pool, types } from "pg";
import { databaseUrl, servePeer } from "./peer.ts";
import {
  ADD_TO_BALANCE,
  type Article,
  LIST,
  numbered,
  READ,
  READ_BALANCE,
  touchArticle,
  touchUser,
  type User,
} from "./statements.ts";

types.setTypeParser(types.builtins.INT8, Number);

const [read, list, readBalance, addToBalance] = [READ, LIST, READ_BALANCE, ADD_TO_BALANCE].map((sql, index) => ({
  name: `statement${index}`,
  text: numbered(sql),
})) as [Named, Named, Named, Named];

interface Named {
  readonly name: string;
  readonly text: string;
}

const pool = new Pool({ connectionString: databaseUrl, max: 10, idleTimeoutMillis: 0 });
await servePeer<User, Article>({
  read: async (id) => (await pool.query<User>({ ...read, values: [id] })).rows[0] as User,
  list: async (reader, limit, offset) =>
    (await pool.query<Article>({ ...list, values: [reader, reader, limit, offset] })).rows,
  touchUser,
  touchArticle,
  transaction: async (id) => {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const { rows } = await client.query<{ balance: number }>({ ...readBalance, values: [id] });
      await client.query({ ...addToBalance, values: [id] });
      await client.query("COMMIT");
      return rows[0]?.balance ?? NaN;
    } finally {
      client.release();
    }
  },
});
await pool.end();
