/** `mariadb` as most use it: a pool of ten, and `execute`, which keeps statements prepared on each connection. */
import { createPool } from "mariadb";
import { databaseUrl, servePeer } from "./peer.ts";
import {
  ADD_TO_BALANCE,
  type Article,
  LIST,
  READ,
  READ_BALANCE,
  touchArticle,
  touchUser,
  type User,
} from "./statements.ts";

const pool = createPool(`${databaseUrl}?connectionLimit=10&bigIntAsNumber=true`);
await servePeer<User, Article>({
  read: async (id) => (await pool.execute<User[]>(READ, [id]))[0] as User,
  list: (reader, limit, offset) => pool.execute<Article[]>(LIST, [reader, reader, limit, offset]),
  touchUser,
  touchArticle,
  transaction: async (id) => {
    const connection = await pool.getConnection();
    try {
      await connection.beginTransaction();
      const [account] = await connection.execute<{ balance: number }[]>(READ_BALANCE, [id]);
      await connection.execute(ADD_TO_BALANCE, [id]);
      await connection.commit();
      return account?.balance ?? NaN;
    } finally {
      await connection.release();
    }
  },
});
await pool.end();
