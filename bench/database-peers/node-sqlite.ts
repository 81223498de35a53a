/** node:sqlite with prepared statements, on the event loop's thread, with the settings that Lunet has. */
import { DatabaseSync } from "node:sqlite";
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

const database = new DatabaseSync(databaseUrl.slice("sqlite:".length));
database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384");
const [read, list, readBalance, addToBalance, begin, commit] = [
  READ,
  LIST,
  READ_BALANCE,
  ADD_TO_BALANCE,
  "BEGIN IMMEDIATE",
  "COMMIT",
].map((sql) => database.prepare(sql)) as [Statement, Statement, Statement, Statement, Statement, Statement];

type Statement = ReturnType<DatabaseSync["prepare"]>;

await servePeer<User, Article>({
  read: (id) => read.get(id) as unknown as User,
  list: (reader, limit, offset) => list.all(reader, reader, limit, offset) as unknown as Article[],
  touchUser,
  touchArticle,
  transaction: (id) => {
    begin.run();
    const account = readBalance.get(id) as { balance: number } | undefined;
    addToBalance.run(id);
    commit.run();
    return account?.balance ?? NaN;
  },
});
database.close();
