/** GET /api/events: what streams tell of real articles, on whichever database, with several processes, up to their end. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { after, test } from "node:test";
import { Conduit, conduitForFile, withLimit } from "./harness.ts";

/** A look comes each second; more is a machine that has much to do. */
const EVENT_LIMIT_MS = 10_000;

const conduit = await conduitForFile();

interface Event {
  readonly type: string;
  readonly data: { readonly [name: string]: unknown };
}

/** A stream of events, as a browser reads it. */
class Stream {
  readonly response: IncomingMessage;
  readonly events: Event[] = [];
  readonly ended: Promise<unknown>;
  readonly #agent: Agent;
  #text = "";
  #onChange = (): void => {};

  private constructor(response: IncomingMessage, agent: Agent) {
    this.response = response;
    this.#agent = agent;
    this.ended = once(response, "close");
    response.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    // One that is cut off shows in what it has told.
    response.on("error", () => {});
  }

  static async open(port: number, query: string): Promise<Stream> {
    const agent = new Agent();
    const sent = request({ host: "127.0.0.1", port, path: `/api/events?${query}`, agent }).end();
    const [response] = (await withLimit(EVENT_LIMIT_MS, "open a stream", once(sent, "response"))) as [IncomingMessage];
    sent.on("error", () => {});
    const stream = new Stream(response, agent);
    opened.push(stream);
    return stream;
  }

  #take(text: string): void {
    const blocks = (this.#text + text).split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, type = "", data = ""] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      if (type !== "") this.events.push({ type, data: JSON.parse(data) as Event["data"] });
    }
    this.#onChange();
  }

  /** Waits for the next event. */
  async next(): Promise<Event> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onChange = () => {
      if (this.events.length > 0) resolve();
    };
    this.#onChange();
    await withLimit(EVENT_LIMIT_MS, "hear of an event", promise);
    return this.events.shift() as Event;
  }

  close(): void {
    this.#agent.destroy();
    this.response.destroy();
  }
}

const opened: Stream[] = [];
after(() => {
  for (const stream of opened) stream.close();
});

function articleEvent(article: any, changes: object = {}): Event {
  const { slug, favoritesCount, updatedAt } = article;
  return { type: "article", data: { slug, favoritesCount, lastCommentId: null, updatedAt, ...changes } };
}

test("a stream begins with the state and tells of favourites, comments, changes and the end of an article", async () => {
  const author = await conduit.register();
  const reader = await conduit.register();
  const article = await conduit.publish(author);
  const path = `/api/articles/${article.slug}`;
  const stream = await Stream.open(conduit.port, `slug=${article.slug}&slug=nowhere`);
  assert.equal(stream.response.statusCode, 200);
  assert.equal(stream.response.headers["content-type"], "text/event-stream");
  assert.equal(stream.response.headers["access-control-allow-origin"], "*");
  assert.deepEqual(await stream.next(), articleEvent(article));

  await conduit.request("POST", `${path}/favorite`, { token: reader.token });
  assert.deepEqual(await stream.next(), articleEvent(article, { favoritesCount: 1 }));

  const ids: number[] = [];
  for (const body of ["first", "second"]) {
    const answer = await conduit.request("POST", `${path}/comments`, {
      token: reader.token,
      json: { comment: { body } },
    });
    ids.push(answer.json.comment.id);
    assert.deepEqual(await stream.next(), articleEvent(article, { favoritesCount: 1, lastCommentId: ids.at(-1) }));
  }
  await conduit.request("DELETE", `${path}/comments/${ids[1]}`, { token: reader.token });
  assert.deepEqual(await stream.next(), articleEvent(article, { favoritesCount: 1, lastCommentId: ids[0] }));

  const json = { article: { body: "changed" } };
  const changed = await conduit.request("PUT", path, { token: author.token, json });
  const { updatedAt } = changed.json.article;
  assert.deepEqual(await stream.next(), articleEvent(article, { favoritesCount: 1, lastCommentId: ids[0], updatedAt }));

  await conduit.request("DELETE", path, { token: author.token });
  assert.deepEqual(await stream.next(), { type: "gone", data: { slug: article.slug } });
  assert.deepEqual(stream.events, []);
  stream.close();
});

test("an article in any script is followed by its slug, and one among twenty is told alone", async () => {
  const author = await conduit.register();
  const articles: any[] = [];
  for (let at = 0; at < 20; at++) articles.push(await conduit.publish(author, { title: `Ünïcode ✓ ${at} 文` }));
  const query = articles.map(({ slug }) => `slug=${encodeURIComponent(slug)}`).join("&");
  const stream = await Stream.open(conduit.port, query);
  for (const article of articles) assert.deepEqual(await stream.next(), articleEvent(article));
  const { slug } = articles[13];
  await conduit.request("POST", `/api/articles/${encodeURIComponent(slug)}/favorite`, { token: author.token });
  assert.deepEqual(await stream.next(), articleEvent(articles[13], { favoritesCount: 1 }));
  assert.deepEqual(stream.events, []);
  stream.close();
});

test("no article, or more than twenty, is 422, and HEAD begins no stream", async () => {
  const none = await conduit.request("GET", "/api/events");
  assert.deepEqual([none.status, none.json], [422, { errors: { slug: ["can't be blank"] } }]);
  const many = await conduit.request("GET", `/api/events?${"slug=a&".repeat(21)}`);
  assert.deepEqual([many.status, many.json], [422, { errors: { slug: ["is too long (maximum is 20 items)"] } }]);
  const head = await conduit.request("HEAD", "/api/events?slug=a");
  assert.deepEqual([head.status, head.fields["content-type"]], [200, "text/event-stream"]);
});

test("every worker tells what another one has written, and a drain ends the streams at once", async () => {
  const workers = await Conduit.start({ env: { WORKERS: "2", GRACE_MS: "60000" } });
  const author = await workers.register();
  const article = await workers.publish(author);
  const { slug } = article;
  // The kernel deals connections out by a hash of their addresses: that one worker gets none of so many does not happen.
  const streams = await Promise.all(Array.from({ length: 20 }, () => Stream.open(workers.port, `slug=${slug}`)));
  for (const stream of streams) assert.deepEqual(await stream.next(), articleEvent(article));
  await workers.request("POST", `/api/articles/${slug}/favorite`, { token: author.token });
  for (const stream of streams) assert.deepEqual(await stream.next(), articleEvent(article, { favoritesCount: 1 }));
  // It would take as long as the grace if it waited for the streams, which is longer than this waits.
  await workers.stop();
  await Promise.all(streams.map(({ ended }) => ended));
  for (const { response } of streams) assert.ok(response.complete, "a stream was cut off");
  assert.equal(workers.process.stderr, "");
});

test("a process keeps as many streams as it was told, and a client that leaves makes room", async () => {
  const small = await Conduit.start({ env: { EVENT_STREAMS: "2" } });
  const article = await small.publish(await small.register());
  const query = `slug=${article.slug}`;
  const streams = [await Stream.open(small.port, query), await Stream.open(small.port, query)];
  for (const stream of streams) await stream.next();
  const refused = await small.send("GET", `/api/events?${query}`);
  assert.deepEqual([refused.status, refused.fields["retry-after"]], [503, "1"]);
  assert.deepEqual(refused.json, { errors: { server: ["is busy"] } });
  streams[0]?.close();
  // That it has left is seen a moment later.
  const deadline = performance.now() + EVENT_LIMIT_MS;
  let next = await Stream.open(small.port, query);
  while (next.response.statusCode === 503) {
    assert.ok(performance.now() < deadline, "found no room");
    await next.ended;
    next = await Stream.open(small.port, query);
  }
  assert.deepEqual(await next.next(), articleEvent(article));
  await small.stop();
  assert.equal(small.process.stderr, "");
});

test("without streams the address is not there", async () => {
  const without = await Conduit.start({ env: { EVENT_STREAMS: "0" } });
  const answer = await without.request("GET", "/api/events?slug=a");
  assert.deepEqual([answer.status, answer.json], [404, { errors: { route: ["not found"] } }]);
  await without.stop();
});
