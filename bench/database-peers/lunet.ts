/** Lunet, by its public exports. `BENCH_SHARED`: how many shared connections. `BENCH_ROWS=arrays`: rows as Conduit reads them. */
import { run, scope, spawn, until } from "lunet";
import { type Database, open, type OpenOptions } from "lunet/db";
import { databaseUrl, type Peer, servePeer, type Style } from "./peer.ts";
import {
  ADD_TO_BALANCE,
  type Article,
  LIST,
  READ,
  READ_BALANCE,
  touchArray,
  touchArticle,
  touchUser,
  type User,
} from "./statements.ts";

const COROUTINES: Style = {
  wait: until,
  together: async (callers, body) => {
    await scope(async () => {
      for (let caller = 0; caller < callers; caller++) spawn(body);
    });
  },
};

type ArrayRow = (string | number | boolean | null)[];

function transactionOn(database: Database): (id: number) => Promise<number> {
  return (id) =>
    database.transaction(async (tx) => {
      const account = await tx.queryOne<{ balance: number }>(READ_BALANCE, [id]);
      await tx.exec(ADD_TO_BALANCE, [id]);
      return account?.balance ?? NaN;
    });
}

function objectsOf(database: Database): Peer<User, Article> {
  const read = database.prepare(READ);
  const list = database.prepare(LIST);
  return {
    read: async (id) => (await read.queryOne<User>([id])) as User,
    list: (reader, limit, offset) => list.query<Article>([reader, reader, limit, offset]),
    touchUser,
    touchArticle,
    transaction: transactionOn(database),
  };
}

function arraysOf(database: Database): Peer<ArrayRow, ArrayRow> {
  const read = database.prepare(READ);
  const list = database.prepare(LIST);
  return {
    read: async (id) => (await read.queryRows<ArrayRow>([id]))[0] as ArrayRow,
    list: (reader, limit, offset) => list.queryRows<ArrayRow>([reader, reader, limit, offset]),
    touchUser: touchArray,
    touchArticle: touchArray,
    transaction: transactionOn(database),
  };
}

const { BENCH_SHARED: shared, BENCH_ROWS: rows } = process.env;
const options: OpenOptions = shared === undefined ? {} : { network: { shared: Number(shared) } };

await run(async () => {
  await using database = await open(databaseUrl, options);
  await (rows === "arrays" ? servePeer(arraysOf(database), COROUTINES) : servePeer(objectsOf(database), COROUTINES));
});
