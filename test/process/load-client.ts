/**
 * A client of Conduit that mixes reads and writes and remembers every write that was acknowledged.
 *
 * Each step does one write and then reads what it must have changed: an answer that contradicts an acknowledged write
 * fails the step. When the server goes away in the middle of a write, that one write is in doubt: it may have happened
 * or not, and `verify` accepts both.
 *
 * Random choices come from a seed, so that a failed run can be repeated.
 */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import type { Answer, Conduit, TestUser } from "../../apps/conduit/test/harness.ts";

/** Longer than for a single request: fifty clients share the machine with the server. */
const LOAD_REQUEST_LIMIT_MS = 20_000;

/** A write that was sent and not answered. */
interface InDoubt {
  readonly kind: "publish" | "update" | "delete" | "favorite" | "comment" | "uncomment" | "follow" | "bio";
  readonly key: string;
  readonly value?: string;
}

/** Pseudo-random numbers from a seed (mulberry32). */
export function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export class LoadClient {
  readonly user: TestUser;
  /** Own articles by slug, with their body. All of them carry the client's own tag. */
  readonly articles = new Map<string, string>();
  readonly favorites = new Set<string>();
  /** Own comments on shared articles. */
  readonly comments = new Map<number, { readonly slug: string; readonly body: string }>();
  readonly follows = new Set<string>();
  bio: string | null = null;
  inDoubt: InDoubt | undefined;
  requests = 0;
  readonly #conduit: Conduit;
  readonly #shared: readonly string[];
  readonly #others: readonly string[];
  readonly #random: (below: number) => number;
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #writes = 0;

  /**
   * @param shared Slugs of articles that stay, on which everybody comments.
   * @param others Names of users that can be followed.
   */
  constructor(
    conduit: Conduit,
    user: TestUser,
    shared: readonly string[],
    others: readonly string[],
    random: (below: number) => number,
  ) {
    this.#conduit = conduit;
    this.user = user;
    this.#shared = shared;
    this.#others = others.filter((name) => name !== user.username);
    this.#random = random;
  }

  get tag(): string {
    return `tag-${this.user.username}`;
  }

  /** Closes the connection; the next request opens another. */
  disconnect(): void {
    this.#agent.destroy();
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1 });
  }

  /** One write and the reads that must agree with it. */
  async step(): Promise<void> {
    const steps = [
      () => this.#publish(),
      () => this.#update(),
      () => this.#delete(),
      () => this.#favorite(),
      () => this.#comment(),
      () => this.#uncomment(),
      () => this.#follow(),
      () => this.#changeBio(),
      () => this.#readLists(),
    ];
    await steps[this.#random(steps.length)]?.();
  }

  async #request(method: string, path: string, expected: number, json?: unknown): Promise<Answer> {
    this.requests += 1;
    const answer = await this.#conduit.request(method, path, {
      token: this.user.token,
      agent: this.#agent,
      timeoutMs: LOAD_REQUEST_LIMIT_MS,
      ...(json === undefined ? {} : { json }),
    });
    assert.equal(answer.status, expected, `${method} ${path}: ${answer.text}`);
    return answer;
  }

  /** Sends a write. It is in doubt until it is answered. */
  async #write(inDoubt: InDoubt, method: string, path: string, expected: number, json?: unknown): Promise<Answer> {
    this.#writes += 1;
    this.inDoubt = inDoubt;
    const answer = await this.#request(method, path, expected, json);
    this.inDoubt = undefined;
    return answer;
  }

  async #publish(): Promise<void> {
    const body = `body ${this.#writes}`;
    const title = `${this.user.username} ${this.#writes}`;
    const article = { title, description: "d", body, tagList: [this.tag, "load"] };
    const answer = await this.#write({ kind: "publish", key: title }, "POST", "/api/articles", 201, { article });
    const { slug } = answer.json.article;
    this.articles.set(slug, body);
    await this.#checkArticle(slug, body);
    await this.#checkOwnLists();
    const { tags } = (await this.#request("GET", "/api/tags", 200)).json;
    assert.ok(tags.includes(this.tag), `${this.tag} is missing from the tags`);
  }

  async #update(): Promise<void> {
    const slug = this.#pick([...this.articles.keys()]);
    if (slug === undefined) return this.#publish();
    const body = `changed ${this.#writes}`;
    const before = (await this.#request("GET", `/api/articles/${slug}`, 200)).json.article;
    const path = `/api/articles/${slug}`;
    await this.#write({ kind: "update", key: slug, value: body }, "PUT", path, 200, { article: { body } });
    this.articles.set(slug, body);
    const after = await this.#checkArticle(slug, body);
    assert.ok(after.updatedAt > before.updatedAt, `${after.updatedAt} after ${before.updatedAt}`);
    assert.equal(after.createdAt, before.createdAt);
  }

  async #delete(): Promise<void> {
    const slug = this.#pick([...this.articles.keys()]);
    if (slug === undefined) return this.#publish();
    await this.#write({ kind: "delete", key: slug }, "DELETE", `/api/articles/${slug}`, 204);
    this.articles.delete(slug);
    await this.#request("GET", `/api/articles/${slug}`, 404);
    await this.#checkOwnLists();
  }

  async #favorite(): Promise<void> {
    const slug = this.#pick(this.#shared) ?? "";
    const wanted = !this.favorites.has(slug);
    const path = `/api/articles/${slug}/favorite`;
    const answer = await this.#write({ kind: "favorite", key: slug }, wanted ? "POST" : "DELETE", path, 200);
    if (wanted) this.favorites.add(slug);
    else this.favorites.delete(slug);
    assert.equal(answer.json.article.favorited, wanted);
    const { article } = (await this.#request("GET", `/api/articles/${slug}`, 200)).json;
    assert.equal(article.favorited, wanted);
    assert.ok(article.favoritesCount >= (wanted ? 1 : 0));
    const list = (await this.#request("GET", `/api/articles?favorited=${this.user.username}&limit=100`, 200)).json;
    assert.equal(list.articlesCount, this.favorites.size);
    assert.deepEqual(new Set(list.articles.map((each: any) => each.slug)), this.favorites);
  }

  async #comment(): Promise<void> {
    const slug = this.#pick(this.#shared) ?? "";
    const body = `comment ${this.user.username} ${this.#writes}`;
    const path = `/api/articles/${slug}/comments`;
    const answer = await this.#write({ kind: "comment", key: slug }, "POST", path, 201, { comment: { body } });
    const { id } = answer.json.comment;
    this.comments.set(id, { slug, body });
    const { comments } = (await this.#request("GET", path, 200)).json;
    assert.equal(comments.find((each: any) => each.id === id)?.body, body);
  }

  async #uncomment(): Promise<void> {
    const id = this.#pick([...this.comments.keys()]);
    const comment = this.comments.get(id ?? -1);
    if (id === undefined || comment === undefined) return this.#comment();
    const path = `/api/articles/${comment.slug}/comments`;
    await this.#write({ kind: "uncomment", key: String(id) }, "DELETE", `${path}/${id}`, 204);
    this.comments.delete(id);
    const { comments } = (await this.#request("GET", path, 200)).json;
    assert.ok(!comments.some((each: any) => each.id === id), `comment ${id} is still there`);
  }

  async #follow(): Promise<void> {
    const name = this.#pick(this.#others) ?? "";
    const wanted = !this.follows.has(name);
    const path = `/api/profiles/${name}/follow`;
    await this.#write({ kind: "follow", key: name }, wanted ? "POST" : "DELETE", path, 200);
    if (wanted) this.follows.add(name);
    else this.follows.delete(name);
    const { profile } = (await this.#request("GET", `/api/profiles/${name}`, 200)).json;
    assert.equal(profile.following, wanted);
    const feed = (await this.#request("GET", "/api/articles/feed?limit=100", 200)).json;
    for (const article of feed.articles) {
      assert.ok(this.follows.has(article.author.username), `${article.author.username} is in the feed`);
    }
  }

  async #changeBio(): Promise<void> {
    const bio = `bio ${this.#writes}`;
    await this.#write({ kind: "bio", key: "", value: bio }, "PUT", "/api/user", 200, { user: { bio } });
    this.bio = bio;
    assert.equal((await this.#request("GET", "/api/user", 200)).json.user.bio, bio);
    assert.equal((await this.#request("GET", `/api/profiles/${this.user.username}`, 200)).json.profile.bio, bio);
  }

  async #readLists(): Promise<void> {
    for (const path of ["/api/articles", "/api/articles?offset=5", "/api/articles?tag=load", "/api/tags"]) {
      await this.#request("GET", path, 200);
    }
  }

  async #checkArticle(slug: string, body: string): Promise<any> {
    const { article } = (await this.#request("GET", `/api/articles/${slug}`, 200)).json;
    assert.equal(article.body, body);
    assert.deepEqual(article.tagList, [this.tag, "load"]);
    assert.equal(article.author.username, this.user.username);
    return article;
  }

  async #checkOwnLists(): Promise<void> {
    for (const filter of [`author=${this.user.username}`, `tag=${this.tag}`]) {
      const list = (await this.#request("GET", `/api/articles?${filter}&limit=100`, 200)).json;
      assert.equal(list.articlesCount, this.articles.size, filter);
      assert.equal(list.articles.length, Math.min(100, this.articles.size), filter);
    }
  }

  #pick<T>(values: readonly T[]): T | undefined {
    return values[this.#random(values.length || 1)];
  }

  /** Takes what is stored for what was acknowledged, so that a client with a write in doubt can go on. */
  async learn(): Promise<void> {
    this.inDoubt = undefined;
    const own = (await this.#request("GET", `/api/articles?author=${this.user.username}&limit=100`, 200)).json;
    assert.equal(own.articles.length, own.articlesCount);
    this.articles.clear();
    for (const { slug } of own.articles) {
      const { article } = (await this.#request("GET", `/api/articles/${slug}`, 200)).json;
      this.articles.set(slug, article.body);
    }
    this.favorites.clear();
    this.comments.clear();
    for (const slug of this.#shared) {
      const { article } = (await this.#request("GET", `/api/articles/${slug}`, 200)).json;
      if (article.favorited) this.favorites.add(slug);
      const { comments } = (await this.#request("GET", `/api/articles/${slug}/comments`, 200)).json;
      for (const { id, body, author } of comments) {
        if (author.username === this.user.username) this.comments.set(id, { slug, body });
      }
    }
    this.follows.clear();
    for (const name of this.#others) {
      const { profile } = (await this.#request("GET", `/api/profiles/${name}`, 200)).json;
      if (profile.following) this.follows.add(name);
    }
    this.bio = (await this.#request("GET", "/api/user", 200)).json.user.bio;
  }

  /** Reads everything that this client was told is stored. What is in doubt may be either way. */
  async verify(): Promise<void> {
    const doubt = this.inDoubt;
    for (const [slug, body] of this.articles) {
      if (doubt?.kind === "delete" && doubt.key === slug) continue;
      const { article } = (await this.#request("GET", `/api/articles/${slug}`, 200)).json;
      if (!(doubt?.kind === "update" && doubt.key === slug && article.body === doubt.value)) {
        assert.equal(article.body, body);
      }
      assert.deepEqual(article.tagList, [this.tag, "load"]);
    }
    for (const filter of [`author=${this.user.username}`, `tag=${this.tag}`]) {
      const { articlesCount } = (await this.#request("GET", `/api/articles?${filter}`, 200)).json;
      const off = doubt?.kind === "publish" ? 1 : doubt?.kind === "delete" ? -1 : 0;
      const expected = [this.articles.size, this.articles.size + off];
      assert.ok(expected.includes(articlesCount), `${filter}: ${articlesCount}, wanted ${expected.join(" or ")}`);
    }
    for (const slug of this.#shared) {
      if (doubt?.kind === "favorite" && doubt.key === slug) continue;
      const { article } = (await this.#request("GET", `/api/articles/${slug}`, 200)).json;
      assert.equal(article.favorited, this.favorites.has(slug), slug);
    }
    await this.#verifyComments();
    for (const name of this.#others) {
      if (doubt?.kind === "follow" && doubt.key === name) continue;
      const { profile } = (await this.#request("GET", `/api/profiles/${name}`, 200)).json;
      assert.equal(profile.following, this.follows.has(name), name);
    }
    const { user } = (await this.#request("GET", "/api/user", 200)).json;
    if (!(doubt?.kind === "bio" && user.bio === doubt.value)) assert.equal(user.bio, this.bio);
  }

  async #verifyComments(): Promise<void> {
    const doubt = this.inDoubt;
    for (const slug of this.#shared) {
      const { comments } = (await this.#request("GET", `/api/articles/${slug}/comments`, 200)).json;
      const own = new Map<number, string>(
        comments
          .filter((each: any) => each.author.username === this.user.username)
          .map((each: any) => [each.id, each.body]),
      );
      for (const [id, comment] of this.comments) {
        if (comment.slug !== slug) continue;
        if (own.get(id) === undefined && doubt?.kind === "uncomment" && doubt.key === String(id)) continue;
        assert.equal(own.get(id), comment.body);
        own.delete(id);
      }
      const extra = doubt?.kind === "comment" && doubt.key === slug ? 1 : 0;
      assert.ok(own.size <= extra, `found ${own.size} comments that were never acknowledged or were deleted`);
    }
  }
}

/** Registers clients and publishes the articles they share. Each client asks one of the servers, which share a database. */
export async function createClients(
  servers: readonly [Conduit, ...Conduit[]],
  count: number,
  seed: number,
): Promise<LoadClient[]> {
  const [conduit] = servers;
  const users = await Promise.all(
    Array.from({ length: count }, (_, index) => conduit.register({ username: `client${index}` })),
  );
  const names = users.slice(0, 10).map((user) => user.username);
  const owner = await conduit.register({ username: "owner" });
  const shared: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    shared.push((await conduit.publish(owner, { title: `Shared ${index}` })).slug);
  }
  return users.map((user, index) => {
    const server = servers[index % servers.length] ?? conduit;
    return new LoadClient(server, user, shared, names, createRandom(seed + index));
  });
}
