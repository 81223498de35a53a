/*
 * A mixed load on the soak's server: clients that keep their connections, pipeline, send and read in chunks, listen to
 * events, speak WebSocket, read ranges and compressed files; and clients that go away in the middle of each of these, are
 * slow, or send what is malformed. What they do follows from a seed.
 *
 * Bounds: one connection at a time for each client, and each step has a limit of time.
 */
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Random } from "../../test/fuzz/random.ts";
import { Fault, MAX_FAULTS, STEP_LIMIT_MS, Tally, type LoadOptions, type LoadResult } from "../load-tally.ts";
import { get, post, RawClient } from "../raw-client.ts";

const LAST_CHUNK = "\r\n0\r\n\r\n";
const UPGRADE =
  "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
const MALFORMED = ["GET /hello HTTP/1.1\r\n\r\n", "GET  /hello HTTP/1.1\r\nHost: x\r\n\r\n", "\u0000\u0001\r\n\r\n"];

/** Runs the load for its time. */
export async function runSoakLoad(options: LoadOptions): Promise<LoadResult> {
  const { url, seconds, clients, seed, signal } = options;
  const tally = new Tally();
  const startedMs = performance.now();
  const isOver = (): boolean =>
    signal.aborted || tally.faults >= MAX_FAULTS || performance.now() - startedMs >= seconds * 1_000;
  await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const client = new SoakClient(new URL(url), new Random(seed + index), tally);
      while (!isOver()) await client.step();
    }),
  );
  return { ...tally.result(), seconds: (performance.now() - startedMs) / 1_000 };
}

class SoakClient {
  readonly #url: URL;
  readonly #random: Random;
  readonly #tally: Tally;

  constructor(url: URL, random: Random, tally: Tally) {
    this.#url = url;
    this.#random = random;
    this.#tally = tally;
  }

  /** Does one thing, chosen by its weight. What goes wrong is counted, and ends nothing. */
  async step(): Promise<void> {
    const steps: ReadonlyArray<readonly [weight: number, name: string, run: (raw: RawClient) => Promise<void>]> = [
      [10, "kept", (raw) => this.#keep(raw)],
      [8, "pipelined", (raw) => this.#pipeline(raw)],
      [6, "content in chunks", (raw) => this.#sendChunks(raw)],
      [4, "form", (raw) => this.#sendForm(raw)],
      [4, "compressed", (raw) => this.#readCompressed(raw)],
      [6, "reply in chunks", (raw) => this.#readChunks(raw)],
      [6, "events", (raw) => this.#listen(raw)],
      [4, "events that nobody reads", (raw) => this.#listenUnread(raw)],
      [5, "files", (raw) => this.#readFiles(raw)],
      [5, "away while it is handled", (raw) => this.#leaveHandler(raw)],
      [5, "away in the middle of a reply", (raw) => this.#leaveReply(raw)],
      [5, "away in the middle of content", (raw) => this.#leaveContent(raw)],
      [4, "away after an upgrade", (raw) => this.#leaveSocket(raw)],
      [4, "half a head", (raw) => this.#sendHalfHead(raw)],
      [4, "slow head", (raw) => this.#sendSlowly(raw)],
      [4, "slow reader", (raw) => this.#readSlowly(raw)],
      [3, "malformed", (raw) => this.#sendMalformed(raw)],
      [5, "WebSocket", () => this.#speak()],
    ];
    let at = this.#random.below(steps.reduce((sum, [weight]) => sum + weight, 0));
    const [, name, run] = steps.find(([weight]) => (at -= weight) < 0)!;
    this.#tally.step(name);
    try {
      const raw = await RawClient.open(this.#url, this.#tally);
      try {
        await run(raw);
      } finally {
        await raw.close();
      }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#tally.fault(`${name}: ${error instanceof Fault ? message : `${code ?? ""} ${message}`.trim()}`);
    }
  }

  /** Goes away, with an end or a reset. */
  #leave(raw: RawClient, requests: number): void {
    raw.leave(requests, this.#random.below(2) === 0);
  }

  async #keep(raw: RawClient): Promise<void> {
    for (let left = 1 + this.#random.below(10); left > 0; left--) {
      raw.send(get("/hello"), 1);
      await raw.expect(200);
      raw.send(post("/echo", JSON.stringify({ text: "e".repeat(this.#random.below(500)) })), 1);
      await raw.expect(200);
    }
  }

  async #pipeline(raw: RawClient): Promise<void> {
    const count = 2 + this.#random.below(20);
    const paths = ["/hello", "/later/1", "/files/http.md"];
    raw.send(Array.from({ length: count }, () => get(this.#random.pick(paths))).join(""), count);
    const left = this.#random.below(4) === 0 ? this.#random.below(count) : 0;
    for (let reply = left; reply < count; reply++) await raw.expect(200);
    if (left > 0) this.#leave(raw, left);
  }

  async #sendChunks(raw: RawClient): Promise<void> {
    raw.send("POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 1);
    for (let left = this.#random.below(20); left > 0; left--) {
      const size = 1 + this.#random.below(20_000);
      raw.send(`${size.toString(16)}\r\n${"c".repeat(size)}\r\n`, 0);
      if (this.#random.below(4) === 0) await pause(this.#random.below(5));
    }
    raw.send("0\r\n\r\n", 0);
    await raw.expect(200);
  }

  /** A form with a file; of some only a part is sent. */
  async #sendForm(raw: RawClient): Promise<void> {
    const file = "f".repeat(this.#random.below(100_000));
    const part = (fields: string, content: string): string =>
      `--b\r\nContent-Disposition: form-data; ${fields}\r\n\r\n${content}\r\n`;
    const content = `${part('name="a"', "text")}${part('name="b"; filename="b.bin"', file)}--b--\r\n`;
    const fields = `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: ${content.length}`;
    const isWhole = this.#random.below(4) > 0;
    raw.send(`POST /form HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n`, 1);
    raw.send(isWhole ? content : content.slice(0, this.#random.below(content.length)), 0);
    if (isWhole) await raw.expect(200);
    else this.#leave(raw, 1);
  }

  /** A stream that is compressed as it goes, read to its end or left. */
  async #readCompressed(raw: RawClient): Promise<void> {
    const coding = this.#random.pick(["gzip", "br", "zstd"]);
    raw.send(`GET /long HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${coding}\r\n\r\n`, 1);
    if (!(await raw.takeTo("\r\n\r\n")).includes(`Content-Encoding: ${coding}`))
      throw new Fault("it is not compressed");
    if (this.#random.below(3) === 0) this.#leave(raw, 0);
    else await raw.takeTo(LAST_CHUNK);
  }

  async #readChunks(raw: RawClient): Promise<void> {
    raw.send(get("/long").repeat(2), 2);
    for (let reply = 0; reply < 2; reply++) await raw.takeTo(LAST_CHUNK);
  }

  async #listen(raw: RawClient): Promise<void> {
    raw.send(get("/events"), 1);
    for (let left = 1 + this.#random.below(20); left > 0; left--) await raw.takeTo("event: tick\n");
    this.#leave(raw, 0);
  }

  async #listenUnread(raw: RawClient): Promise<void> {
    raw.send(get("/events"), 1);
    await pause(this.#random.below(2_000));
    this.#leave(raw, 1);
  }

  async #readFiles(raw: RawClient): Promise<void> {
    const start = this.#random.below(1_000);
    raw.send(
      `GET /files/http.md HTTP/1.1\r\nHost: x\r\nRange: bytes=${start}-${start + this.#random.below(500)}\r\n\r\n`,
      1,
    );
    await raw.expect(206);
    raw.send("HEAD /files/http.md HTTP/1.1\r\nHost: x\r\n\r\nGET /missing HTTP/1.1\r\nHost: x\r\n\r\n", 2);
    if ((await raw.takeTo("\r\n\r\n")).startsWith("HTTP/1.1 200")) await raw.expect(404);
    else throw new Fault("HEAD was not answered with 200");
    raw.send("GET /files/http.md HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n", 1);
    if (!(await raw.takeTo("\r\n\r\n")).startsWith("HTTP/1.1 200"))
      throw new Fault("the file was not answered with 200");
    await raw.readToEnd();
  }

  async #leaveHandler(raw: RawClient): Promise<void> {
    raw.send(get("/later/100"), 1);
    await pause(this.#random.below(60));
    this.#leave(raw, 1);
  }

  async #leaveReply(raw: RawClient): Promise<void> {
    raw.send(get("/long").repeat(3), 3);
    await raw.readSome();
    this.#leave(raw, 3);
  }

  async #leaveContent(raw: RawClient): Promise<void> {
    const path = this.#random.pick(["/count", "/echo", "/hello"]);
    raw.send(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n${"x".repeat(this.#random.below(50_000))}`,
      1,
    );
    await pause(this.#random.below(20));
    this.#leave(raw, 1);
  }

  async #leaveSocket(raw: RawClient): Promise<void> {
    raw.send(UPGRADE, 1);
    if (!(await raw.takeTo("\r\n\r\n")).startsWith("HTTP/1.1 101"))
      throw new Fault("the upgrade was not answered with 101");
    this.#leave(raw, 0);
  }

  async #sendHalfHead(raw: RawClient): Promise<void> {
    const whole = get("/hello");
    raw.send(whole.slice(0, 1 + this.#random.below(whole.length - 1)), 1);
    await pause(this.#random.below(20));
    if (this.#random.below(3) === 0) {
      raw.shutdown();
      await raw.readToEnd();
    }
    this.#leave(raw, 1);
  }

  async #sendSlowly(raw: RawClient): Promise<void> {
    for (const character of get("/hello")) {
      raw.send(character, 0);
      await pause(this.#random.below(10));
    }
    await raw.expect(200);
  }

  async #readSlowly(raw: RawClient): Promise<void> {
    raw.send(get("/long").repeat(5), 5);
    for (let rest = 0; rest < 5; rest++) {
      await raw.readSome();
      await pause(this.#random.below(100));
    }
    for (let reply = 0; reply < 5; reply++) await raw.takeTo(LAST_CHUNK);
  }

  async #sendMalformed(raw: RawClient): Promise<void> {
    raw.send(this.#random.pick(MALFORMED), 1);
    await raw.expect(400);
  }

  /** The platform's own client, for messages to and fro and an orderly end. */
  async #speak(): Promise<void> {
    const socket = new WebSocket(`ws://${this.#url.host}/socket`);
    const failed = new AbortController();
    const fail = (found: string): void => failed.abort(new Fault(`found ${found} of a WebSocket`));
    const limit = setTimeout(() => fail(`no end within ${STEP_LIMIT_MS} ms`), STEP_LIMIT_MS);
    socket.addEventListener("error", () => fail("an error"));
    const { signal } = failed;
    try {
      await once(socket, "open", { signal });
      for (let left = 1 + this.#random.below(10); left > 0; left--) {
        const text = "m".repeat(this.#random.below(3_000));
        const echoed = once(socket, "message", { signal });
        socket.send(text);
        const [{ data }] = (await echoed) as [MessageEvent];
        if (data !== text) fail(`an echo of ${String(data).length} characters instead of ${text.length}`);
      }
      const closed = once(socket, "close", { signal });
      socket.close();
      await closed;
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      clearTimeout(limit);
      socket.close();
    }
  }
}
