/** `mariadb` with two connections, taken in turn: it sends without waiting for answers. No transactions: they cannot share one. */
import { type Connection, createConnection } from "mariadb";
import { databaseUrl, servePeer } from "./peer.ts";
import { type Article, LIST, READ, touchArticle, touchUser, type User } from "./statements.ts";

const connections = await Promise.all([0, 1].map(() => createConnection(`${databaseUrl}?bigIntAsNumber=true`)));
let turn = 0;
const nextConnection = (): Connection => connections[turn++ % connections.length] as Connection;

await servePeer<User, Article>({
  read: async (id) => (await nextConnection().execute<User[]>(READ, [id]))[0] as User,
  list: (reader, limit, offset) => nextConnection().execute<Article[]>(LIST, [reader, reader, limit, offset]),
  touchUser,
  touchArticle,
  transaction: () => NaN,
});
await Promise.all(connections.map((connection) => connection.end()));
