/*
 * A mixed load on Conduit, with clients as they are: some read, some write, some log in; some pipeline, send in chunks,
 * send half a request, go away in the middle of a reply, or read slowly. What they do follows from a seed.
 *
 * Bounds: one connection for each client and so many clients, each step with a limit of time, and what is published is
 * taken back, so that the database stays as large as it was.
 */
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { Random } from "../test/fuzz/random.ts";
import { Fault, MAX_FAULTS, STEP_LIMIT_MS, Tally, type LoadOptions, type LoadResult } from "./load-tally.ts";
import { get, post, RawClient } from "./raw-client.ts";

const USERS = 8;
const SHARED_ARTICLES = 20;
/** Longer than the buffers of a connection: its reply takes a while, and can be left in the middle. */
const LONG_BODY_CHARACTERS = 240_000;

interface User {
  readonly email: string;
  readonly password: string;
  readonly token: string;
}

interface Scene {
  readonly users: readonly User[];
  readonly slugs: readonly string[];
  readonly longSlug: string;
}

/** Runs the load for its time. Rejects when not even its scene can be set. */
export async function runMixedLoad(options: LoadOptions): Promise<LoadResult> {
  const { url, seconds, clients, seed, signal } = options;
  const tally = new Tally();
  const setter = new Client(url, new Random(seed), tally);
  const scene = await setScene(setter, seed);
  setter.end();
  const startedMs = performance.now();
  const isOver = (): boolean =>
    signal.aborted || tally.faults >= MAX_FAULTS || performance.now() - startedMs >= seconds * 1_000;
  await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const client = new Client(url, new Random(seed + index + 1), tally);
      while (!isOver()) await client.step(scene);
      client.end();
    }),
  );
  return { ...tally.result(), seconds: (performance.now() - startedMs) / 1_000 };
}

async function setScene(client: Client, seed: number): Promise<Scene> {
  const users: User[] = [];
  for (let index = 0; index < USERS; index++) {
    const name = `load-${seed}-${index}-${Date.now()}`;
    const [email, password] = [`${name}@example.test`, `password of ${name}`];
    const { json } = await client.ask("POST", "/api/users", 201, {
      json: { user: { username: name, email, password } },
    });
    users.push({ email, password, token: json.user.token });
  }
  const publish = async (title: string, body: string): Promise<string> => {
    const article = { title, description: "d", body, tagList: ["load", `tag-${title.length}`] };
    const { json } = await client.ask("POST", "/api/articles", 201, { json: { article }, token: users[0]?.token });
    return json.article.slug;
  };
  const slugs: string[] = [];
  for (let index = 0; index < SHARED_ARTICLES; index++) slugs.push(await publish(`shared ${index}`, "b".repeat(500)));
  return { users, slugs, longSlug: await publish("long", "long ".repeat(LONG_BODY_CHARACTERS / 5)) };
}

interface AskOptions {
  readonly token?: string | undefined;
  readonly json?: unknown;
  /** Sends the content in so many chunks, without its length. */
  readonly chunks?: number;
}

interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- the step that reads it knows its shape, and fails on another
  readonly json: any;
}

class Client {
  readonly #url: URL;
  readonly #random: Random;
  readonly #tally: Tally;
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(url: string, random: Random, tally: Tally) {
    this.#url = new URL(url);
    this.#random = random;
    this.#tally = tally;
  }

  end(): void {
    this.#agent.destroy();
  }

  /** Does one thing, chosen by its weight. What goes wrong is counted, and ends nothing. */
  async step(scene: Scene): Promise<void> {
    const steps: ReadonlyArray<readonly [weight: number, name: string, run: () => Promise<void>]> = [
      [30, "read", () => this.#read(scene)],
      [10, "publish and take back", () => this.#publish(scene)],
      [6, "favourite and comment", () => this.#comment(scene)],
      [2, "log in", () => this.#logIn(scene)],
      [1, "log in and go away", () => this.#logInAndLeave(scene)],
      [8, "pipelined", () => this.#pipeline(scene)],
      [4, "pipelined and go away", () => this.#pipelineAndLeave(scene)],
      [6, "chunked", () => this.#sendChunked(scene)],
      [6, "half a head", () => this.#sendHalfHead()],
      [6, "half a content", () => this.#sendHalfContent(scene)],
      [6, "half, and the rest later", () => this.#sendInPieces()],
      [8, "away in the middle of a reply", () => this.#leaveReply(scene)],
      [4, "slow reader", () => this.#readSlowly(scene)],
      [3, "malformed", () => this.#sendMalformed()],
      [3, "away at once", () => this.#leaveAtOnce()],
    ];
    let at = this.#random.below(steps.reduce((sum, [weight]) => sum + weight, 0));
    const [, name, run] = steps.find(([weight]) => (at -= weight) < 0)!;
    this.#tally.step(name);
    try {
      await run();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#tally.fault(`${name}: ${error instanceof Fault ? message : `${code ?? ""} ${message}`.trim()}`);
      this.end();
      this.#agent = new Agent({ keepAlive: true, maxSockets: 1 });
    }
  }

  /** Sends a request as a browser would, and reads its answer. */
  async ask(method: string, path: string, wanted: number, options: AskOptions = {}): Promise<Answer> {
    for (let round = 0; ; round++) {
      try {
        return await this.#askOnce(method, path, wanted, options);
      } catch (error) {
        // The server may close a kept connection at the moment in which it is used again (RFC 9112, 9.3.1).
        const isStale = (error as { reused?: boolean }).reused === true && !(error instanceof Fault);
        if (!isStale || round > 0) throw error;
      }
    }
  }

  async #askOnce(method: string, path: string, wanted: number, options: AskOptions): Promise<Answer> {
    const { token, json, chunks = 0 } = options;
    const content = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
    const sent = httpRequest({
      host: this.#url.hostname,
      port: this.#url.port,
      method,
      path,
      agent: this.#agent,
      headers: {
        ...(token === undefined ? {} : { authorization: `Token ${token}` }),
        ...(content === undefined ? {} : { "content-type": "application/json" }),
        ...(content === undefined || chunks > 0 ? {} : { "content-length": content.length }),
      },
    });
    const limit = setTimeout(() => sent.destroy(new Fault(`no answer within ${STEP_LIMIT_MS} ms`)), STEP_LIMIT_MS);
    this.#tally.requests++;
    try {
      const answered = once(sent, "response");
      if (content !== undefined && chunks > 0) {
        const size = Math.ceil(content.length / chunks);
        for (let at = 0; at < content.length; at += size) sent.write(content.subarray(at, at + size));
        sent.end();
      } else sent.end(content);
      const [response] = await answered;
      const text = Buffer.concat(await response.toArray()).toString();
      this.#tally.status(response.statusCode);
      if (response.statusCode !== wanted) {
        throw new Fault(`${method} ${path}: found ${response.statusCode} ${text.slice(0, 200)}, wanted ${wanted}`);
      }
      return { status: wanted, json: text === "" ? undefined : JSON.parse(text) };
    } catch (error) {
      throw Object.assign(error as Error, { reused: sent.reusedSocket });
    } finally {
      clearTimeout(limit);
    }
  }

  async #read({ slugs, users }: Scene): Promise<void> {
    const slug = this.#random.pick(slugs);
    const paths = ["/api/tags", "/api/articles", "/api/articles?tag=load&offset=3", `/api/articles/${slug}`];
    const token = this.#random.below(2) === 0 ? this.#random.pick(users).token : undefined;
    for (let round = 0; round < 4; round++) await this.ask("GET", this.#random.pick(paths), 200, { token });
  }

  async #publish({ users }: Scene): Promise<void> {
    const { token } = this.#random.pick(users);
    const article = { title: `mine ${this.#random.below(1_000_000)}`, description: "d", body: "b", tagList: ["mine"] };
    const { json } = await this.ask("POST", "/api/articles", 201, { token, json: { article } });
    const path = `/api/articles/${json.article.slug}`;
    await this.ask("PUT", path, 200, { token, json: { article: { body: "changed" } } });
    await this.ask("DELETE", path, 204, { token });
  }

  async #comment({ users, slugs }: Scene): Promise<void> {
    const { token } = this.#random.pick(users);
    const path = `/api/articles/${this.#random.pick(slugs)}`;
    await this.ask(this.#random.below(2) === 0 ? "POST" : "DELETE", `${path}/favorite`, 200, { token });
    const { json } = await this.ask("POST", `${path}/comments`, 201, { token, json: { comment: { body: "c" } } });
    await this.ask("GET", `${path}/comments`, 200, { token });
    await this.ask("DELETE", `${path}/comments/${json.comment.id}`, 204, { token });
  }

  async #logIn({ users }: Scene): Promise<void> {
    const { email, password } = this.#random.pick(users);
    await this.ask("POST", "/api/users/login", 200, { json: { user: { email, password } } });
  }

  async #sendChunked({ users, slugs }: Scene): Promise<void> {
    const { token } = this.#random.pick(users);
    const path = `/api/articles/${this.#random.pick(slugs)}/comments`;
    const body = "chunk ".repeat(1 + this.#random.below(1_000));
    const chunks = 1 + this.#random.below(8);
    const { json } = await this.ask("POST", path, 201, { token, json: { comment: { body } }, chunks });
    await this.ask("DELETE", `${path}/${json.comment.id}`, 204, { token });
  }

  async #pipeline({ slugs }: Scene): Promise<void> {
    const count = 2 + this.#random.below(10);
    await this.#raw(async (raw) => {
      raw.send(Array.from({ length: count }, () => get(`/api/articles/${this.#random.pick(slugs)}`)).join(""), count);
      for (let reply = 0; reply < count; reply++) await raw.expect(200);
    });
  }

  async #pipelineAndLeave({ longSlug }: Scene): Promise<void> {
    const count = 2 + this.#random.below(10);
    await this.#raw(async (raw) => {
      raw.send(Array.from({ length: count }, () => get(`/api/articles/${longSlug}`)).join(""), count);
      const read = this.#random.below(count);
      for (let reply = 0; reply < read; reply++) await raw.expect(200);
      raw.leave(count - read, this.#random.below(2) === 0);
    });
  }

  async #logInAndLeave({ users }: Scene): Promise<void> {
    const { email, password } = this.#random.pick(users);
    await this.#raw(async (raw) => {
      raw.send(post("/api/users/login", JSON.stringify({ user: { email, password } })), 1);
      await pause(this.#random.below(30));
      raw.leave(1, this.#random.below(2) === 0);
    });
  }

  async #sendHalfHead(): Promise<void> {
    const whole = get("/api/tags");
    await this.#raw(async (raw) => {
      raw.send(whole.slice(0, 1 + this.#random.below(whole.length - 1)), 1);
      await pause(this.#random.below(20));
      if (this.#random.below(3) === 0) {
        // A half request and the end of the client's side: there is nothing to answer, or an error.
        raw.shutdown();
        await raw.readToEnd();
      }
      raw.leave(1, this.#random.below(2) === 0);
    });
  }

  async #sendHalfContent({ users }: Scene): Promise<void> {
    const content = JSON.stringify({ article: { title: "never whole", description: "d", body: "b".repeat(5_000) } });
    const whole = post("/api/articles", content, this.#random.pick(users).token);
    const headLength = whole.length - content.length;
    await this.#raw(async (raw) => {
      raw.send(whole.slice(0, headLength + this.#random.below(content.length)), 1);
      await pause(this.#random.below(20));
      raw.leave(1, this.#random.below(2) === 0);
    });
  }

  async #sendInPieces(): Promise<void> {
    const whole = get("/api/tags");
    const cut = 1 + this.#random.below(whole.length - 1);
    await this.#raw(async (raw) => {
      raw.send(whole.slice(0, cut), 1);
      await pause(this.#random.below(20));
      raw.send(whole.slice(cut), 0);
      await raw.expect(200);
    });
  }

  async #leaveReply({ longSlug }: Scene): Promise<void> {
    await this.#raw(async (raw) => {
      raw.send(get(`/api/articles/${longSlug}`), 1);
      if (this.#random.below(4) > 0) await raw.readSome();
      raw.leave(1, this.#random.below(2) === 0);
    });
  }

  async #readSlowly({ longSlug }: Scene): Promise<void> {
    const count = 2 + this.#random.below(10);
    const leaves = this.#random.below(3) === 0;
    await this.#raw(async (raw) => {
      raw.send(get(`/api/articles/${longSlug}`).repeat(count), count);
      for (let rest = 0; rest < 5; rest++) {
        await raw.readSome();
        await pause(this.#random.below(100));
      }
      if (leaves) raw.leave(count, this.#random.below(2) === 0);
      else for (let reply = 0; reply < count; reply++) await raw.expect(200);
    });
  }

  async #sendMalformed(): Promise<void> {
    const texts = [
      "GET /api/tags HTTP/1.1\r\n\r\n",
      "GET  /api/tags HTTP/1.1\r\nHost: x\r\n\r\n",
      "\u0000\u0001\r\n\r\n",
    ];
    await this.#raw(async (raw) => {
      raw.send(this.#random.pick(texts), 1);
      await raw.expect(400);
    });
  }

  async #leaveAtOnce(): Promise<void> {
    await this.#raw(async (raw) => raw.leave(0, this.#random.below(2) === 0));
  }

  async #raw(body: (raw: RawClient) => Promise<void>): Promise<void> {
    const raw = await RawClient.open(this.#url, this.#tally);
    try {
      await body(raw);
    } finally {
      await raw.close();
    }
  }
}
