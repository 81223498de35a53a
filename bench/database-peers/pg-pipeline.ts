/** `pg` with two connections that send without waiting for answers, taken in turn. No transactions: they cannot share one. */
import { Client, types } from "pg";
import { databaseUrl, servePeer } from "./peer.ts";
import { type Article, LIST, numbered, READ, touchArticle, touchUser, type User } from "./statements.ts";

types.setTypeParser(types.builtins.INT8, Number);

const read = { name: "read", text: numbered(READ) };
const list = { name: "list", text: numbered(LIST) };
const clients = [0, 1].map(() => new Client({ connectionString: databaseUrl, pipeline: true }));
await Promise.all(clients.map((client) => client.connect()));

let turn = 0;
const nextClient = (): Client => clients[turn++ % clients.length] as Client;

await servePeer<User, Article>({
  read: async (id) => (await nextClient().query<User>({ ...read, values: [id] })).rows[0] as User,
  list: async (reader, limit, offset) =>
    (await nextClient().query<Article>({ ...list, values: [reader, reader, limit, offset] })).rows,
  touchUser,
  touchArticle,
  transaction: () => NaN,
});
await Promise.all(clients.map((client) => client.end()));
