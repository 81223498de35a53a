/** Conduit's live events while the database server is away, or hangs: silence, and then what has changed meanwhile. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { sleep, spawn, until, withDeadline } from "lunet";
import { migrate, open } from "lunet/db";
import { serveConnection } from "lunet/http";
import type { Connection } from "lunet/net";
import { coroutineTest, memoryPair } from "lunet/testing";
import { ArticleEvents } from "../../apps/conduit/src/article-events.ts";
import { Call } from "../../apps/conduit/src/route.ts";
import type { DatabaseServer } from "../../tools/database-servers/database-server.ts";
import type { ServerRun } from "../../tools/database-servers/server-run.ts";
import { programServers } from "./program-servers.ts";

const LIMIT = { timeoutMs: 90_000 };
/** How long anything may take to be told, and how often that is looked at. */
const HEAR_LIMIT_MS = 30_000;
const POLL_MS = 20;

const ROWS = [
  `INSERT INTO users (id, username, username_key, email, email_key, password_hash, created_at)
    VALUES (1, 'a', 'a', 'a@x', 'a@x', '', 5)`,
  `INSERT INTO articles (slug, author_id, title, description, tags, created_at, updated_at, body)
    VALUES ('a', 1, 't', 'd', '[]', 7, 7, 'b')`,
];

let servers: ServerRun;

before(async () => (servers = await programServers()), { timeout: LIMIT.timeoutMs });
after(async () => await servers.close(), { timeout: LIMIT.timeoutMs });

/** Waits for what nobody tells of. */
async function waitUntil(isSo: () => boolean): Promise<void> {
  await withDeadline(HEAR_LIMIT_MS, async () => {
    while (!isSo()) await sleep(POLL_MS);
  });
}

for (const kind of ["postgres", "mariadb"] as const) {
  coroutineTest(
    `${kind}: streams are silent while the server is away or hangs, and then tell what has changed`,
    async () => {
      const server: DatabaseServer = await until(
        kind === "postgres" ? servers.startPostgres({ durable: true }) : servers.startMariadb({ durable: true }),
      );
      await until(server.query("create database conduit"));
      await using database = await open(server.urlOf("conduit"));
      await migrate(database, fileURLToPath(new URL(`../../apps/conduit/migrations/${kind}/`, import.meta.url)));
      for (const sql of ROWS) await database.exec(sql);
      const favorite = (count: number): Promise<unknown> =>
        until(server.query(`update articles set favorites_count = ${count}`, "conduit"));

      const failures: unknown[] = [];
      const events = new ArticleEvents(database, { onFailure: (error) => failures.push(error) });
      const clients: Connection[] = [];
      await using _watching = spawn(() => events.watch());
      /** Opens a stream; what it gives tells whether it has told so many favourites. */
      const openStream = async (): Promise<(count: number) => boolean> => {
        const [near, far] = memoryPair();
        clients.push(near);
        spawn(() => serveConnection((request) => events.follow(new Call(request, undefined, undefined)), far));
        await near.write("GET /api/events?slug=a HTTP/1.1\r\nHost: a\r\n\r\n");
        let text = "";
        return (count) => {
          for (let bytes = near.tryRead(); bytes instanceof Uint8Array; bytes = near.tryRead())
            text += String(Buffer.from(bytes));
          return text.includes(`"favoritesCount":${count},`);
        };
      };

      const first = await openStream();
      await waitUntil(() => first(0));
      await until(server.kill9());
      await waitUntil(() => failures.length === 1);
      const second = await openStream();
      await until(server.start());
      await favorite(1);
      await waitUntil(() => first(1) && second(1));
      assert.ok(!second(0));

      await until(server.suspend());
      await waitUntil(() => failures.length === 2);
      await until(server.resume());
      await favorite(2);
      await waitUntil(() => first(2) && second(2));
      assert.equal(failures.length, 2);
      for (const client of clients) client.destroy({ reset: true });
    },
    LIMIT,
  );
}
