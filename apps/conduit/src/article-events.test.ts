/** The watcher of live events on a clock and a database that the test drives; test/events.test.ts has the real ones. */
import assert from "node:assert/strict";
import { scope, spawn, suspend } from "lunet";
import type { Database, Param } from "lunet/db";
import { serveConnection } from "lunet/http";
import type { Connection } from "lunet/net";
import { clockTest, memoryPair, type TestClock } from "lunet/testing";
import { ArticleEvents, LOOK_EVERY_MS, MAX_FOLLOWED, type ArticleEventsOptions } from "./article-events.ts";
import { errorReply } from "./errors.ts";
import { Call } from "./route.ts";

/** Articles that are asked for by their slugs, and what was asked. */
class Articles {
  readonly rows = new Map<string, [favoritesCount: number, updatedAt: number, lastCommentId: number | null]>();
  /** The slugs of each statement, without what fills it up. */
  readonly asked: string[][] = [];
  tellsVersion = true;
  answer: "rows" | "failure" | "nothing" = "rows";
  #version = 1;

  set(slug: string, favoritesCount: number, lastCommentId: number | null = null): void {
    this.rows.set(slug, [favoritesCount, 0, lastCommentId]);
    this.#version++;
  }

  remove(slug: string): void {
    this.rows.delete(slug);
    this.#version++;
  }

  /** As much of a database as the watcher uses. */
  get database(): Database {
    const dataVersion = (): number | undefined => (this.tellsVersion ? this.#version : undefined);
    const prepare = (sql: string): object => ({
      queryRows: async (params: readonly Param[]) => {
        assert.equal(sql.split("?").length - 1, params.length);
        this.asked.push(params.map(String).filter((slug) => slug !== ""));
        if (this.answer === "failure") throw new Error("away");
        if (this.answer === "nothing") await suspend<void>("an answer", () => () => {});
        return params.flatMap((slug) => {
          const row = this.rows.get(String(slug));
          return row === undefined ? [] : [[slug, ...row]];
        });
      },
    });
    return { dataVersion, prepare } as unknown as Database;
  }

  /** What was asked since the last call. */
  takeAsked(): string[][] {
    return this.asked.splice(0);
  }
}

/** A client that reads what has come so far. */
class Client {
  readonly #connection: Connection;
  readonly #clock: TestClock;
  /** The head of the reply, once it has come. */
  head = "";

  constructor(connection: Connection, clock: TestClock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** The events that have come since the last call, as `TYPE DATA`, and `:` for each comment. */
  async events(): Promise<string[]> {
    let text = "";
    for (;;) {
      await this.#clock.settle();
      const bytes = this.#connection.tryRead();
      if (bytes === undefined || bytes === null) break;
      text += Buffer.from(bytes).toString();
    }
    const end = text.indexOf("\r\n\r\n");
    if (this.head === "" && end !== -1) {
      this.head = text.slice(0, end);
      text = text.slice(end + 4);
    }
    return text
      .replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, "")
      .replace(/\r\n$/, "")
      .split("\n\n")
      .filter((event) => event !== "" && !event.startsWith("retry:"))
      .map((event) => event.replace(/^event: (\w+)\ndata: /, "$1 "));
  }

  leave(): void {
    this.#connection.destroy({ reset: true });
  }
}

function article(slug: string, favoritesCount: number, lastCommentId: number | null = null): string {
  const updatedAt = "1970-01-01T00:00:00.000Z";
  return `article ${JSON.stringify({ slug, favoritesCount, lastCommentId, updatedAt })}`;
}

interface Fixture {
  readonly clock: TestClock;
  readonly articles: Articles;
  readonly failures: unknown[];
  /** Opens a stream, or gets whatever the answer is. */
  readonly open: (query: string) => Promise<Client>;
}

/** Runs `body` with a watcher and as many clients as it likes. */
async function withEvents(
  clock: TestClock,
  body: (fixture: Fixture) => Promise<void>,
  options: Partial<ArticleEventsOptions> = {},
): Promise<void> {
  const articles = new Articles();
  const failures: unknown[] = [];
  const events = new ArticleEvents(articles.database, { onFailure: (error) => failures.push(error), ...options });
  await scope(async () => {
    await using _watching = spawn(() => events.watch());
    const clients: Client[] = [];
    const open = async (query: string): Promise<Client> => {
      const [near, far] = memoryPair();
      const limits = { handlerTimeoutMs: 15_000 };
      const follow = (request: Call["request"]) => events.follow(new Call(request, undefined, undefined));
      spawn(() => serveConnection(follow, far, { limits, errorReply, onFailure: () => {} }));
      await near.write(`GET /api/events${query} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const client = new Client(near, clock);
      clients.push(client);
      return client;
    };
    try {
      await body({ clock, articles, failures, open });
    } finally {
      for (const client of clients) client.leave();
      await clock.advance(1_000);
    }
  });
}

function eventsTest(
  name: string,
  body: (fixture: Fixture) => Promise<void>,
  options: Partial<ArticleEventsOptions> = {},
): void {
  clockTest(name, (clock) => withEvents(clock, body, options));
}

eventsTest("a stream begins with how its articles are, and then tells each change once", async (fixture) => {
  const { clock, articles, open } = fixture;
  articles.set("a", 1);
  articles.set("b", 2, 7);
  const client = await open("?slug=a&slug=b");
  assert.deepEqual(await client.events(), [article("a", 1), article("b", 2, 7)]);
  assert.match(client.head, /^HTTP\/1\.1 200 .*^Content-Type: text\/event-stream\r$/ms);
  await clock.advance(5 * LOOK_EVERY_MS);
  assert.deepEqual(await client.events(), []);
  articles.set("b", 3, 7);
  assert.deepEqual(await client.events(), []);
  await clock.advance(LOOK_EVERY_MS);
  assert.deepEqual(await client.events(), [article("b", 3, 7)]);
  articles.set("a", 1, 8);
  articles.set("c", 1);
  await clock.advance(LOOK_EVERY_MS);
  assert.deepEqual(await client.events(), [article("a", 1, 8)]);
});

eventsTest("nothing is asked while nobody follows, and no timer runs", async ({ clock, articles, open }) => {
  articles.set("a", 1);
  await clock.advance(10 * LOOK_EVERY_MS);
  assert.deepEqual([articles.takeAsked(), clock.timers], [[], 0]);
  const client = await open("?slug=a");
  await client.events();
  assert.deepEqual(articles.takeAsked(), [["a"]]);
  client.leave();
  await clock.advance(LOOK_EVERY_MS);
  articles.set("a", 2);
  articles.takeAsked();
  await clock.advance(10 * LOOK_EVERY_MS);
  assert.deepEqual([articles.takeAsked(), clock.timers], [[], 0]);
  // Nor is what nobody follows any more asked for with what others follow.
  await (await open("?slug=b")).events();
  articles.set("b", 1);
  await clock.advance(LOOK_EVERY_MS);
  assert.deepEqual(articles.takeAsked().flat(), ["b", "b"]);
});

eventsTest("nothing is asked while the version is the same, and each second where there is none", async (fixture) => {
  const { clock, articles, open } = fixture;
  articles.set("a", 1);
  await (await open("?slug=a")).events();
  await clock.advance(LOOK_EVERY_MS);
  articles.takeAsked();
  await clock.advance(10 * LOOK_EVERY_MS);
  assert.deepEqual(articles.takeAsked(), []);
  articles.set("z", 1);
  await clock.advance(2 * LOOK_EVERY_MS);
  assert.deepEqual(articles.takeAsked(), [["a"]]);
  articles.tellsVersion = false;
  await clock.advance(3 * LOOK_EVERY_MS);
  assert.deepEqual(articles.takeAsked(), [["a"], ["a"], ["a"]]);
});

eventsTest("streams of the same articles share one statement", async ({ clock, articles, open }) => {
  articles.set("a", 1);
  articles.set("b", 1);
  const clients = [await open("?slug=a"), await open("?slug=b&slug=a"), await open("?slug=a&slug=a")];
  for (const client of clients) await client.events();
  await clock.advance(LOOK_EVERY_MS);
  articles.takeAsked();
  articles.set("a", 2);
  await clock.advance(LOOK_EVERY_MS);
  assert.deepEqual(articles.takeAsked(), [["a", "b"]]);
  for (const client of clients) assert.deepEqual(await client.events(), [article("a", 2)]);
});

eventsTest("whoever comes is told at once what is there by then, and so are those who are there", async (fixture) => {
  const { clock, articles, open } = fixture;
  articles.set("a", 1);
  articles.set("b", 1);
  const first = await open("?slug=a&slug=b");
  await first.events();
  await clock.advance(LOOK_EVERY_MS);
  articles.takeAsked();
  articles.set("a", 2);
  articles.set("b", 2);
  const second = await open("?slug=a");
  // Of the other article nothing is asked before it is time.
  assert.deepEqual(await second.events(), [article("a", 2)]);
  assert.deepEqual(await first.events(), [article("a", 2)]);
  assert.deepEqual(articles.takeAsked(), [["a"]]);
  await clock.advance(LOOK_EVERY_MS);
  assert.deepEqual(await first.events(), [article("b", 2)]);
  assert.deepEqual(await second.events(), []);
});

eventsTest("an article that goes is told, one that was never there is not, and one that comes is", async (fixture) => {
  const { clock, articles, open } = fixture;
  articles.set("a", 1);
  const early = await open("?slug=a&slug=b");
  assert.deepEqual(await early.events(), [article("a", 1)]);
  articles.remove("a");
  await clock.advance(LOOK_EVERY_MS);
  assert.deepEqual(await early.events(), ['gone {"slug":"a"}']);
  const late = await open("?slug=a&slug=b");
  await clock.advance(3 * LOOK_EVERY_MS);
  assert.deepEqual([await early.events(), await late.events()], [[], []]);
  articles.set("b", 0);
  articles.set("a", 0);
  await clock.advance(LOOK_EVERY_MS);
  for (const client of [early, late]) {
    assert.deepEqual((await client.events()).toSorted(), [article("a", 0), article("b", 0)]);
  }
});

eventsTest("while the database is away streams are silent, and then tell what has changed", async (fixture) => {
  const { clock, articles, failures, open } = fixture;
  articles.tellsVersion = false;
  articles.set("a", 1);
  const first = await open("?slug=a");
  assert.deepEqual(await first.events(), [article("a", 1)]);
  articles.answer = "failure";
  await clock.advance(3 * LOOK_EVERY_MS);
  articles.takeAsked();
  const newcomers = [await open("?slug=a"), await open("?slug=a")];
  for (const client of newcomers) assert.deepEqual(await client.events(), []);
  assert.deepEqual(articles.takeAsked(), []);
  await clock.advance(10 * LOOK_EVERY_MS);
  assert.equal(articles.takeAsked().length, 10);
  assert.deepEqual([failures.length, await first.events()], [1, []]);
  articles.answer = "rows";
  articles.set("a", 2);
  await clock.advance(LOOK_EVERY_MS);
  for (const client of [first, ...newcomers]) assert.deepEqual(await client.events(), [article("a", 2)]);
  articles.answer = "failure";
  await clock.advance(LOOK_EVERY_MS);
  assert.equal(failures.length, 2);
});

eventsTest("an answer that does not come is given up, and asked for again", async (fixture) => {
  const { clock, articles, failures, open } = fixture;
  articles.set("a", 1);
  articles.answer = "nothing";
  const client = await open("?slug=a");
  await clock.advance(4_999);
  assert.deepEqual([articles.takeAsked().length, failures.length], [1, 0]);
  articles.answer = "rows";
  await clock.advance(1);
  assert.deepEqual(await client.events(), [article("a", 1)]);
  assert.deepEqual(
    failures.map((error) => (error as Error).name),
    ["DeadlineError"],
  );
});

eventsTest(
  "a stream outlives the time that a handler has, and breaks its silence",
  async ({ clock, articles, open }) => {
    articles.set("a", 1);
    const client = await open("?slug=a");
    await client.events();
    await clock.advance(61_000);
    assert.deepEqual(await client.events(), [":", ":", ":", ":"]);
    articles.set("a", 2);
    await clock.advance(LOOK_EVERY_MS);
    assert.deepEqual(await client.events(), [article("a", 2)]);
  },
);

eventsTest("many articles are asked for in pieces", async ({ clock, articles, open }) => {
  const slugs = Array.from({ length: 12 * MAX_FOLLOWED }, (_, at) => `s${at}`);
  for (const slug of slugs) articles.set(slug, 1);
  for (let at = 0; at < slugs.length; at += MAX_FOLLOWED) {
    const some = slugs.slice(at, at + MAX_FOLLOWED);
    const client = await open(`?${some.map((slug) => `slug=${slug}`).join("&")}`);
    assert.equal((await client.events()).length, MAX_FOLLOWED);
  }
  await clock.advance(LOOK_EVERY_MS);
  articles.takeAsked();
  articles.set("s0", 2);
  await clock.advance(LOOK_EVERY_MS);
  assert.deepEqual(
    articles.takeAsked().map((some) => some.length),
    [200, 40],
  );
});

eventsTest("1 to 20 articles are followed, and no other number", async ({ articles, open }) => {
  const query = (count: number): string => `?${Array.from({ length: count }, (_, at) => `slug=s${at}`).join("&")}`;
  for (const [count, status] of [
    [0, 422],
    [1, 200],
    [20, 200],
    [21, 422],
  ] as const) {
    const client = await open(query(count));
    await client.events();
    assert.match(client.head, new RegExp(`^HTTP/1\\.1 ${status} `), `${count} slugs`);
  }
  assert.deepEqual(
    articles.takeAsked().map((some) => some.length),
    [1, 20],
  );
});

eventsTest(
  "no more streams than the limit are open, and one that ends makes room",
  async ({ articles, open, clock }) => {
    articles.set("a", 1);
    // At once, so that each was let in before any has begun.
    const opened = await Promise.all([open("?slug=a"), open("?slug=a"), open("?slug=a")]);
    const events = await Promise.all(opened.map((client) => client.events()));
    assert.equal(events.filter((some) => some.includes(article("a", 1))).length, 2);
    const refused = await open("?slug=a");
    await refused.events();
    assert.match(refused.head, /^HTTP\/1\.1 503 .*^Retry-After: 1\r?$/ms);
    opened.find((_client, at) => events[at]!.length > 0)?.leave();
    await clock.settle();
    assert.deepEqual(await (await open("?slug=a")).events(), [article("a", 1)]);
  },
  { maxStreams: 2 },
);

eventsTest(
  "a limit of 0 offers none",
  async ({ open }) => {
    const client = await open("?slug=a");
    await client.events();
    assert.match(client.head, /^HTTP\/1\.1 404 /);
  },
  { maxStreams: 0 },
);
