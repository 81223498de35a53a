/**
 * What many do at once to the same rows: nothing fails, nothing hangs, and every count that is kept is right afterwards.
 * The program that compares them (`recount.ts`) is the judge, on whichever database the file runs.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runRoot, sleep } from "lunet";
import { open, type Transaction } from "lunet/db";
import { databaseUrl } from "./databases.ts";
import { conduitForFile, type Answer, type TestUser } from "./harness.ts";
import { only } from "./shapes.ts";

const RECOUNT = fileURLToPath(new URL("../src/recount.ts", import.meta.url));
const RECOUNT_LIMIT_MS = 20_000;
const USERS = 8;

const conduit = await conduitForFile();
const users: TestUser[] = [];
for (let i = 0; i < USERS; i++) users.push(await conduit.register());
const [author] = users as [TestUser];

async function assertCounts(): Promise<void> {
  const conditions = process.execArgv.filter((argument) => argument.startsWith("--conditions"));
  const { stdout } = await promisify(execFile)(process.execPath, [...conditions, RECOUNT], {
    env: { ...process.env, DATABASE_URL: databaseUrl(conduit.directory) },
    timeout: RECOUNT_LIMIT_MS,
  });
  assert.equal(stdout, "0 differences\n");
}

/** How often each status came. */
async function statuses(answers: ReadonlyArray<Promise<Answer>>): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const { status } of await Promise.all(answers)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The same request by everybody, each so many times. */
function byAll(times: number, request: (user: TestUser, index: number) => Promise<Answer>): Array<Promise<Answer>> {
  return Array.from({ length: times }, () => users.map(request)).flat();
}

test("everybody favourites one article at once, each several times, and takes it back", async () => {
  const path = `/api/articles/${(await conduit.publish(author)).slug}`;
  const all = { [200]: 3 * USERS };
  const favorite = (method: string) => (user: TestUser) =>
    conduit.request(method, `${path}/favorite`, { token: user.token });
  assert.deepEqual(await statuses(byAll(3, favorite("POST"))), all);
  assert.equal(only(await conduit.request("GET", path), 200, "article").favoritesCount, USERS);
  await assertCounts();
  assert.deepEqual(await statuses(byAll(3, favorite("DELETE"))), all);
  assert.equal(only(await conduit.request("GET", path), 200, "article").favoritesCount, 0);
  assert.deepEqual(await statuses([...byAll(2, favorite("POST")), ...byAll(2, favorite("DELETE"))]), {
    [200]: 4 * USERS,
  });
  await assertCounts();
});

test("articles with one title and the same tags come at once, and each gets its own slug", async () => {
  const article = { title: "The same", description: "d", body: "b" };
  const tags = ["one", "two", "three", "four"];
  const answers = await Promise.all(
    byAll(3, (user, index) => {
      const tagList = [...tags.slice(index % 4), ...tags.slice(0, index % 4)];
      return conduit.request("POST", "/api/articles", {
        token: user.token,
        json: { article: { ...article, tagList } },
      });
    }),
  );
  const slugs = new Set(answers.map((answer) => only(answer, 201, "article").slug));
  assert.equal(slugs.size, 3 * USERS);
  await assertCounts();
});

test("tags come and go in many articles at once", async () => {
  const articles = await Promise.all(users.map((user) => conduit.publish(user, { tagList: ["x", "y"] })));
  const lists = [["y", "z"], [], ["z", "x"], ["x"], ["w", "y", "x", "z"]];
  for (let round = 0; round < 4; round++) {
    const answers = users.map((user, index) => {
      const tagList = lists[(round + index) % lists.length];
      const path = `/api/articles/${articles[index].slug}`;
      return conduit.request("PUT", path, { token: user.token, json: { article: { tagList } } });
    });
    assert.deepEqual(await statuses(answers), { [200]: USERS });
  }
  await assertCounts();
});

test("articles are deleted while they are favourited, commented on and changed", async () => {
  const articles = await Promise.all(users.map((user) => conduit.publish(user, { tagList: ["gone", "soon"] })));
  const answers = articles.flatMap(({ slug }, index) => {
    const path = `/api/articles/${slug}`;
    const { token } = users[index] as TestUser;
    const others = users.filter((_, other) => other !== index);
    const comment = { comment: { body: "while it lasts" } };
    return [
      ...others.map((user) => conduit.request("POST", `${path}/favorite`, { token: user.token })),
      conduit.request("POST", `${path}/comments`, { token, json: comment }),
      conduit.request("PUT", path, { token, json: { article: { tagList: ["soon"] } } }),
      conduit.request("DELETE", path, { token }),
      ...others.map((user) => conduit.request("POST", `${path}/comments`, { token: user.token, json: comment })),
    ];
  });
  const found = await statuses(answers);
  assert.equal(found[204], USERS);
  for (const status of Object.keys(found)) assert.ok(["200", "201", "204", "404"].includes(status), status);
  for (const { slug } of articles) assert.equal((await conduit.request("GET", `/api/articles/${slug}`)).status, 404);
  await assertCounts();
});

if (process.env["LUNET_TEST_DATABASE"] !== undefined) {
  /** Calls the body with a transaction of the test's own, and what waits until a request waits for a lock. */
  const inTransaction = async <T>(
    body: (tx: Transaction, requestWaits: () => Promise<void>) => Promise<T>,
  ): Promise<T> =>
    runRoot(async () => {
      await using database = await open(databaseUrl(conduit.directory));
      await using observer = await open(databaseUrl(conduit.directory));
      const waits =
        database.dialect === "postgres"
          ? "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
          : `SELECT COUNT(*) FROM information_schema.innodb_trx t
              JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
              WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'`;
      const requestWaits = async (): Promise<void> => {
        // MariaDB tells anew when it was not asked for a tenth of a second.
        while ((await observer.queryRows<[number]>(waits))[0]?.[0] === 0) await sleep(200);
      };
      return await database.transaction((tx) => body(tx, requestWaits));
    });

  test("a follow that the database gives up for another's sake is written all the same", async () => {
    const [, follower, followed] = users as [TestUser, TestUser, TestUser];
    const { request } = await inTransaction(async (tx, requestWaits) => {
      // MariaDB gives up the one of two that has changed less.
      await tx.exec("UPDATE totals SET amount = amount + 1");
      await tx.exec("UPDATE totals SET amount = amount - 1");
      const lock = "SELECT id FROM users WHERE username = ? FOR UPDATE";
      await tx.queryRows(lock, [followed.username]);
      const sent = conduit.request("POST", `/api/profiles/${followed.username}/follow`, { token: follower.token });
      await requestWaits();
      await tx.queryRows(lock, [follower.username]);
      return { request: sent };
    });
    assert.equal(only(await request, 200, "profile").following, true);
  });

  for (const [what, tagList, method, json] of [
    ["deletes an article", ["order a", "order b"], "DELETE", undefined],
    ["takes a tag away and adds one", ["order b"], "PUT", { article: { tagList: ["order a"] } }],
  ] as const) {
    test(`who ${what} takes tags in the order of their names, as all do, and so waits for nobody in a circle`, async () => {
      // The rows lie the other way round.
      await conduit.publish(author, { tagList: ["order b"] });
      const { slug } = await conduit.publish(author, { tagList: [...tagList] });
      await conduit.publish(author, { tagList: ["order a"] });
      const { request } = await inTransaction(async (tx, requestWaits) => {
        await tx.queryRows("SELECT id FROM tags WHERE name = 'order a' FOR UPDATE");
        const sent = conduit.request(method, `/api/articles/${slug}`, { token: author.token, json });
        await requestWaits();
        await tx.queryRows("SELECT id FROM tags WHERE name = 'order b' FOR UPDATE NOWAIT");
        return { request: sent };
      });
      assert.equal((await request).status, method === "PUT" ? 200 : 204);
      await assertCounts();
    });
  }

  // MariaDB takes authors and readers otherwise, and finds at once who waits in a circle.
  if (process.env["LUNET_TEST_DATABASE"] === "postgres") {
    test("who publishes under a slug that is being changed waits for it without holding its author", async () => {
      const { slug, title } = await conduit.publish(author);
      const { request } = await inTransaction(async (tx, requestWaits) => {
        await tx.exec("UPDATE articles SET favorites_count = favorites_count WHERE slug = ?", [slug]);
        const json = { article: { title, description: "d", body: "b" } };
        const sent = conduit.request("POST", "/api/articles", { token: author.token, json });
        await requestWaits();
        await tx.queryRows("SELECT id FROM users WHERE username = ? FOR NO KEY UPDATE NOWAIT", [author.username]);
        return { request: sent };
      });
      assert.notEqual(only(await request, 201, "article").slug, slug);
      await assertCounts();
    });

    test("who deletes an article takes its author and its readers in one order, as all do", async () => {
      const { slug } = await conduit.publish(author);
      const [, , reader] = users as [TestUser, TestUser, TestUser];
      await conduit.request("POST", `/api/articles/${slug}/favorite`, { token: reader.token });
      const { request } = await inTransaction(async (tx, requestWaits) => {
        await tx.queryRows("SELECT id FROM users WHERE username = ? FOR UPDATE", [author.username]);
        const sent = conduit.request("DELETE", `/api/articles/${slug}`, { token: author.token });
        await requestWaits();
        await tx.queryRows("SELECT id FROM users WHERE username = ? FOR UPDATE NOWAIT", [reader.username]);
        return { request: sent };
      });
      assert.equal((await request).status, 204);
      await assertCounts();
    });
  }
}

test("one name is registered by many at once, and one of them gets it", async () => {
  const answers = Array.from({ length: 8 }, (_, index) =>
    conduit.request("POST", "/api/users", {
      json: { user: { username: "wanted", email: `wanted${index}@example.com`, password: "long enough" } },
    }),
  );
  assert.deepEqual(await statuses(answers), { [201]: 1, [409]: 7 });
});
