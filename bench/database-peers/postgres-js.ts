/**
 * postgres.js with its default pool of ten; it prepares statements and pipelines by itself.
 *
 * It gets a fresh pool for each round. Under load its lists of connections (`queue.js` of 3.4.9) keep what has left them and
 * are searched from their beginning, so a read costs four times as much after 200,000 of them. That would flatter us.
 */
import postgres from "postgres";
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

const INT8 = 20;
const CONNECTIONS = 10;

const openPool = () =>
  postgres(databaseUrl, {
    max: CONNECTIONS,
    types: { int8: { to: INT8, from: [INT8], parse: Number, serialize: String } },
  });
let sql = openPool();

const PREPARED = { prepare: true };
const [read, list, readBalance, addToBalance] = [READ, LIST, READ_BALANCE, ADD_TO_BALANCE].map(numbered) as [
  string,
  string,
  string,
  string,
];

await servePeer<User, Article>({
  renew: async () => {
    await sql.end();
    sql = openPool();
    await Promise.all(Array.from({ length: CONNECTIONS }, () => sql.unsafe(read, [1], PREPARED)));
  },
  read: async (id) => (await sql.unsafe<User[]>(read, [id], PREPARED))[0] as User,
  list: (reader, limit, offset) => sql.unsafe<Article[]>(list, [reader, reader, limit, offset], PREPARED),
  touchUser,
  touchArticle,
  transaction: (id) =>
    sql.begin(async (tx) => {
      const [account] = await tx.unsafe<{ balance: number }[]>(readBalance, [id], PREPARED);
      await tx.unsafe(addToBalance, [id], PREPARED);
      return account?.balance ?? NaN;
    }),
});
await sql.end();
