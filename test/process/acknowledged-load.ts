/**
 * Clients of Conduit that go on while its database is away, and keep count of what they sent and of what was acknowledged.
 *
 * They only add: users, articles with tags, favourites, comments. So what is stored afterwards has to hold everything that
 * was acknowledged, and nothing that was never sent. A write that was answered 503 may be there or not.
 *
 * An answer is what is expected of its request, or 503 with `Retry-After`; any other, a broken connection and one that
 * does not come in time among them, fails the load.
 */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Conduit } from "../../apps/conduit/test/harness.ts";
import { eventually } from "./traced.ts";

/** How long a client that was answered 503 waits: less than it is told, so that much is asked while nothing is there. */
const PAUSE_MS = 50;

/** What can be added. */
export const KINDS = ["user", "article", "comment", "favorite"] as const;
export type Kind = (typeof KINDS)[number];

/** Names of things: of a user his name, of an article its title, of a comment its text, of a favourite `user, title`. */
type Names = Readonly<Record<Kind, Set<string>>>;

/** One request and what it came to. Times are those of `performance.now()`. */
export interface Asked {
  readonly what: string;
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly isRefused: boolean;
}

/** A write: what there is when it is done. */
interface Addition {
  readonly kind: Kind;
  readonly name: string;
}

interface Article {
  readonly title: string;
  readonly slug: string;
}

interface Client {
  readonly name: string;
  readonly token: string;
  readonly agent: Agent;
}

function emptyNames(): Names {
  return { user: new Set(), article: new Set(), comment: new Set(), favorite: new Set() };
}

/** The tags that the article of a title was sent with. */
export function tagsOf(title: string): readonly string[] {
  const number = Number(/\d+$/.exec(title)?.[0]);
  return ["load", `tag-${number % 7}`, `tag-${7 + (number % 5)}`];
}

export class AcknowledgedLoad implements AsyncDisposable {
  readonly sent = emptyNames();
  readonly acknowledged = emptyNames();
  readonly asked: Asked[] = [];
  readonly #conduit: Conduit;
  readonly #random: (below: number) => number;
  readonly #limitMs: number;
  readonly prefix: string;
  readonly #articles: Article[] = [];
  readonly #agents: Agent[] = [];
  #numbers = 0;
  #isEnding = false;
  #failure: Error | undefined;
  #clients: Promise<unknown> | undefined;

  /**
   * @param prefix Begins the names of everything that this load adds.
   * @param limitMs How long each answer may take.
   */
  constructor(conduit: Conduit, prefix: string, limitMs: number, random: (below: number) => number) {
    this.#conduit = conduit;
    this.prefix = prefix;
    this.#limitMs = limitMs;
    this.#random = random;
  }

  /** Registers so many clients, each with one connection, and lets them go on at once. */
  async start(count: number): Promise<void> {
    const registered = await Promise.all(Array.from({ length: count }, () => this.#registerClient()));
    this.#clients = Promise.all(registered.map((client) => this.#run(client)));
  }

  /** How many writes were acknowledged. */
  get additions(): number {
    return KINDS.reduce((total, kind) => total + this.acknowledged[kind].size, 0);
  }

  /** Answers 503. */
  get refusals(): Asked[] {
    return this.asked.filter((each) => each.isRefused);
  }

  /** Waits until it is so, while the clients go on. */
  async until(condition: () => boolean): Promise<void> {
    await eventually(() => this.#failure !== undefined || condition());
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Lets every client finish what it asks now, and throws what failed one of them. */
  async end(): Promise<void> {
    await this[Symbol.asyncDispose]();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    await this.#clients;
    for (const agent of this.#agents) agent.destroy();
  }

  async #run(client: Client): Promise<void> {
    try {
      while (!this.#isEnding) await this.#step(client);
    } catch (error) {
      this.#failure ??= new Error(`Cannot go on with the load: ${String(error)}`, { cause: error });
      this.#isEnding = true;
    }
  }

  async #step(client: Client): Promise<void> {
    const choice = this.#random(20);
    if (choice === 0) await this.#register(client.agent);
    else if (choice < 6) await this.#publish(client);
    else if (choice < 11) await this.#comment(client);
    else if (choice < 15) await this.#favorite(client);
    else await this.#read(client);
  }

  #name(what: string): string {
    this.#numbers += 1;
    return `${this.prefix}${what}${this.#numbers}`;
  }

  async #registerClient(): Promise<Client> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.#agents.push(agent);
    const { user } = (await this.#register(agent))?.json ?? {};
    assert.ok(user !== undefined, "a client could not register");
    return { name: user.username, token: user.token, agent };
  }

  async #register(agent: Agent): Promise<Answer | undefined> {
    const name = this.#name("user");
    const user = { username: name, email: `${name}@example.com`, password: "correct horse battery" };
    return this.#ask({ agent }, "POST", "/api/users", 201, { user }, { kind: "user", name });
  }

  async #publish(client: Client): Promise<void> {
    const title = this.#name("article");
    const article = { title, description: "d", body: `body of ${title}`, tagList: tagsOf(title) };
    const answer = await this.#ask(client, "POST", "/api/articles", 201, { article }, { kind: "article", name: title });
    if (answer === undefined) return;
    assert.deepEqual(answer.json.article.tagList, article.tagList);
    this.#articles.push({ title, slug: answer.json.article.slug });
  }

  async #comment(client: Client): Promise<void> {
    const article = this.#pick();
    if (article === undefined) return this.#publish(client);
    const body = this.#name("comment");
    const path = `/api/articles/${article.slug}/comments`;
    await this.#ask(client, "POST", path, 201, { comment: { body } }, { kind: "comment", name: body });
  }

  async #favorite(client: Client): Promise<void> {
    const article = this.#pick();
    if (article === undefined) return this.#publish(client);
    const addition: Addition = { kind: "favorite", name: `${client.name}, ${article.title}` };
    await this.#ask(client, "POST", `/api/articles/${article.slug}/favorite`, 200, undefined, addition);
  }

  async #read(client: Client): Promise<void> {
    const article = this.#pick();
    if (article !== undefined) {
      const one = (await this.#ask(client, "GET", `/api/articles/${article.slug}`, 200))?.json.article;
      if (one !== undefined) assert.deepEqual(one.tagList, tagsOf(article.title));
      await this.#ask(client, "GET", `/api/articles/${article.slug}/comments`, 200);
    }
    for (const path of ["/api/articles?limit=5", "/api/articles?tag=load&limit=5", "/api/tags"]) {
      await this.#ask(client, "GET", path, 200);
    }
  }

  #pick(): Article | undefined {
    return this.#articles[this.#random(this.#articles.length || 1)];
  }

  /** Undefined when the answer is 503. */
  async #ask(
    { agent, token }: { readonly agent: Agent; readonly token?: string },
    method: string,
    path: string,
    expected: number,
    json?: unknown,
    addition?: Addition,
  ): Promise<Answer | undefined> {
    if (addition !== undefined) this.sent[addition.kind].add(addition.name);
    const sentMs = performance.now();
    const answer = await this.#conduit.send(method, path, { token, agent, timeoutMs: this.#limitMs, json });
    const isRefused = answer.status === 503;
    const what = `${method} ${path}`;
    this.asked.push({ what, sentMs, answeredMs: performance.now(), isRefused });
    if (isRefused) {
      assert.equal(answer.fields["retry-after"], "1", what);
      assert.deepEqual(answer.json, { errors: { server: ["is busy"] } }, what);
      await sleep(PAUSE_MS);
      return undefined;
    }
    assert.equal(answer.status, expected, `${what}: ${answer.text}`);
    if (addition !== undefined) this.acknowledged[addition.kind].add(addition.name);
    return answer;
  }
}
