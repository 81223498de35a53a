/**
 * Every endpoint of Conduit, with a cancel, a failure and a vanished client at each wait of its handler: afterwards
 * nothing is left, the counts that are kept agree with what there is, and the same request is answered as ever.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runRoot } from "lunet";
import { migrate, open, type Database } from "lunet/db";
import { describeSweep, sweep, type ClientRequest } from "lunet/testing";
import { TRACE } from "lunet/trace";
import { createApp, type App } from "../../apps/conduit/src/app.ts";
import { Log } from "../../apps/conduit/src/log.ts";
import { Passwords } from "../../apps/conduit/src/password.ts";
import { recount } from "../../apps/conduit/src/recount.ts";
import { Tokens } from "../../apps/conduit/src/token.ts";

const MIGRATIONS = fileURLToPath(new URL("../../apps/conduit/migrations/sqlite/", import.meta.url));
const PASSWORD = "correct horse";
/** One sweep may take this long on a machine that is busy. */
const TIMEOUT_MS = 60_000;

/** One turn: when it is lost, the next request shows it. */
const passwords = new Passwords({ concurrency: 1, maxWaiting: 10, waitMs: 1_000 });
const tokens = new Tokens(Buffer.from("a signing key for tests alone, 46 bytes of it."), 3_600);
const token = tokens.issue(1);
/** Made once: it is what takes longest. */
let passwordHash = "";
before(async () => {
  passwordHash = await runRoot(() => passwords.hash(PASSWORD));
});

/** More than a page of them: the reply is sent as a stream. */
const STREAMED_COMMENTS = 201;

/** Jake (1) has an article with a comment and two tags; he follows Anna (2) and has favourited her article, which has many comments. */
const SEED: readonly string[] = [
  "DELETE FROM comments",
  "DELETE FROM favorites",
  "DELETE FROM follows",
  "DELETE FROM article_tags",
  "DELETE FROM tags",
  "DELETE FROM articles",
  "DELETE FROM users",
  `INSERT INTO users VALUES (1, 'jake', 'jake', 'jake@x.org', 'jake@x.org', ?, NULL, NULL, 1, 1, 5),
    (2, 'anna', 'anna', 'anna@x.org', 'anna@x.org', '', NULL, NULL, 1, 0, 5)`,
  `INSERT INTO articles VALUES (1, 'his', 1, 'His', 'd', '["y","x"]', 7, 7, 0, 'b'),
    (2, 'hers', 2, 'Hers', 'd', '[]', 8, 8, 1, 'b')`,
  "INSERT INTO tags VALUES (1, 'x', 1), (2, 'y', 1)",
  "INSERT INTO article_tags VALUES (1, 7, 1), (2, 7, 1)",
  "INSERT INTO favorites VALUES (1, 8, 2)",
  "INSERT INTO follows VALUES (1, 2)",
  "INSERT INTO comments VALUES (1, 1, 1, 'so it is', 9)",
  `INSERT INTO comments SELECT value + 1, 2, 1, 'again', value
    FROM (WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT ${STREAMED_COMMENTS}) SELECT * FROM n)`,
  "UPDATE totals SET amount = 2",
];

interface Fixture {
  readonly folder: string;
  readonly database: Database;
  readonly app: App;
}

async function seed({ database }: { readonly database: Database }): Promise<void> {
  await database.transaction(async (tx) => {
    for (const sql of SEED) await tx.exec(sql, sql.includes("?") ? [passwordHash] : []);
  });
}

async function setup(): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), "lunet-sweep-"));
  // Reads go through the threads, so that each of them is a wait in every run.
  const database = await open(`sqlite:${join(folder, "conduit.db")}`, {
    sqlite: { synchronous: "normal", inlineBudgetMs: 0 },
  });
  await migrate(database, MIGRATIONS);
  const log = new Log("silent", { write: () => {}, flushSync: () => {} });
  const app = createApp({ database, tokens, passwords, log, keptAnswersBytes: 0, isDraining: () => false });
  await seed({ database });
  return { folder, database, app };
}

async function tearDown({ database, folder }: Fixture): Promise<void> {
  await database.close();
  rmSync(folder, { recursive: true });
}

async function checkCounts({ database }: Fixture): Promise<void> {
  assert.deepEqual(await recount(database), []);
}

interface Endpoint {
  readonly path: string;
  readonly status: number;
  /** It is sent in pieces, so that the handler waits for it. */
  readonly content?: () => object;
  /** What it is answered with when it has been done already. */
  readonly againStatus?: readonly number[];
}

let lastNumber = 0;

/** Every route, with a request that goes through all of its handler. */
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  "POST /api/users": {
    path: "/api/users",
    status: 201,
    content: () => {
      const name = `new${++lastNumber}`;
      return { user: { username: name, email: `${name}@x.org`, password: PASSWORD } };
    },
  },
  "POST /api/users/login": {
    path: "/api/users/login",
    status: 200,
    content: () => ({ user: { email: "jake@x.org", password: PASSWORD } }),
  },
  "GET /api/user": { path: "/api/user", status: 200 },
  "PUT /api/user": {
    path: "/api/user",
    status: 200,
    content: () => ({ user: { bio: "a bio", username: "jakob", password: PASSWORD } }),
  },
  "GET /api/profiles/:username": { path: "/api/profiles/anna", status: 200 },
  "POST /api/profiles/:username/follow": { path: "/api/profiles/anna/follow", status: 200 },
  "DELETE /api/profiles/:username/follow": { path: "/api/profiles/anna/follow", status: 200 },
  "GET /api/articles": { path: "/api/articles?tag=x&author=jake", status: 200 },
  "GET /api/articles/feed": { path: "/api/articles/feed", status: 200 },
  "GET /api/articles/:slug": { path: "/api/articles/his", status: 200 },
  "POST /api/articles": {
    path: "/api/articles",
    status: 201,
    content: () => ({ article: { title: "New", description: "d", body: "b", tagList: ["x", "z"] } }),
  },
  "PUT /api/articles/:slug": {
    path: "/api/articles/his",
    status: 200,
    content: () => ({ article: { body: "another", tagList: ["x", "z"] } }),
  },
  "DELETE /api/articles/:slug": { path: "/api/articles/his", status: 204, againStatus: [404] },
  "POST /api/articles/:slug/favorite": { path: "/api/articles/his/favorite", status: 200 },
  "DELETE /api/articles/:slug/favorite": { path: "/api/articles/hers/favorite", status: 200 },
  "GET /api/articles/:slug/comments": { path: "/api/articles/hers/comments", status: 200 },
  "POST /api/articles/:slug/comments": {
    path: "/api/articles/his/comments",
    status: 201,
    content: () => ({ comment: { body: "well said" } }),
  },
  "DELETE /api/articles/:slug/comments/:id": { path: "/api/articles/his/comments/1", status: 204, againStatus: [404] },
  "GET /api/tags": { path: "/api/tags", status: 200 },
  // A stream has no end that a sweep could wait for: article-events.test.ts has the streams, and this the refusal.
  "GET /api/events": { path: "/api/events", status: 422 },
  // Its handler waits for nothing.
  "GET /healthz": { path: "/healthz", status: 200 },
  "GET /readyz": { path: "/readyz", status: 200 },
};

async function* inPieces(content: object): AsyncGenerator<string, void> {
  const text = JSON.stringify(content);
  yield text.slice(0, 10);
  yield text.slice(10);
}

function requestOf(route: string, { path, content }: Endpoint): ClientRequest {
  const [method] = route.split(" ") as [string];
  const fields = { Authorization: `Token ${token}`, "Content-Type": "application/json" };
  return { method, path, fields, ...(content === undefined ? {} : { content: inPieces(content()) }) };
}

function sweepOf(route: string, endpoint: Endpoint): Parameters<typeof sweep<Fixture>>[0] {
  return {
    name: route,
    setup,
    reset: seed,
    handler: ({ app }) => app.handler,
    server: ({ app }) => app.serverOptions,
    request: () => requestOf(route, endpoint),
    againStatus: endpoint.againStatus ?? [],
    check: checkCounts,
    teardown: tearDown,
  };
}

test("every route of Conduit is swept", async () => {
  const routes = await runRoot(async () => {
    const fixture = await setup();
    await tearDown(fixture);
    return fixture.app.routes;
  });
  assert.deepEqual(Object.keys(ENDPOINTS).toSorted(), routes.map(({ method, path }) => `${method} ${path}`).toSorted());
});

if (TRACE) {
  for (const [route, endpoint] of Object.entries(ENDPOINTS)) {
    test(`${route} survives a fault at each of its waits`, { timeout: TIMEOUT_MS }, async (context) => {
      const report = await sweep(sweepOf(route, endpoint));
      context.diagnostic(describeSweep(report));
      assert.deepEqual(report.findings, [], describeSweep(report));
      assert.equal(report.status, endpoint.status);
    });
  }
} else {
  test("the release build refuses to sweep, and says how to", async () => {
    const [route, endpoint] = Object.entries(ENDPOINTS)[0]!;
    await assert.rejects(sweep(sweepOf(route, endpoint)), {
      message:
        'Cannot sweep "POST /api/users": found the release build, wanted the trace build: node --conditions=lunet-trace',
    });
  });
}
