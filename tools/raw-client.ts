/** A client of raw bytes: it sends what it is told, however broken, and reads no more than it is asked to. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Fault, STEP_LIMIT_MS, type Tally } from "./load-tally.ts";

export function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
}

export function post(path: string, content: string, token = ""): string {
  const authorization = token === "" ? "" : `Authorization: Token ${token}\r\n`;
  return `POST ${path} HTTP/1.1\r\nHost: x\r\n${authorization}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`;
}

/** A connection that writes what it is given, and reads no more than it is asked to. */
export class RawClient {
  readonly #socket: Socket;
  readonly #tally: Tally;
  readonly #limit: NodeJS.Timeout;
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};
  #failure: Error | undefined;
  #isOver = false;
  #hasLeft = false;

  private constructor(socket: Socket, tally: Tally) {
    this.#socket = socket;
    this.#tally = tally;
    socket.pause();
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      socket.pause();
      this.#wake();
    });
    socket.on("error", (error) => (this.#failure = error));
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.#isOver = true;
        this.#wake();
      });
    }
    this.#limit = setTimeout(() => socket.destroy(new Fault(`no end within ${STEP_LIMIT_MS} ms`)), STEP_LIMIT_MS);
  }

  static async open(url: URL, tally: Tally): Promise<RawClient> {
    const socket = connect({ host: url.hostname, port: Number(url.port), allowHalfOpen: true });
    await once(socket, "connect");
    return new RawClient(socket, tally);
  }

  /** @param requests How many requests begin in it. */
  send(text: string, requests: number): void {
    this.#tally.requests += requests;
    this.#socket.write(text, "latin1");
  }

  shutdown(): void {
    this.#socket.end();
  }

  /** Goes away, with a reset or an end, from so many requests that are not answered. */
  leave(requests: number, reset: boolean): void {
    this.#tally.aborted += requests;
    this.#hasLeft = true;
    // A handle whose shutdown is under way cannot be reset.
    if (reset && !this.#socket.writableEnded) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /** Waits for bytes, or the end. */
  async readSome(): Promise<void> {
    if (this.#isOver) return;
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    this.#socket.resume();
    await woken;
  }

  async readToEnd(): Promise<void> {
    while (!this.#isOver) await this.readSome();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Reads one reply, which must have this status. */
  async expect(wanted: number): Promise<void> {
    const headEnd = await this.#find("\r\n\r\n");
    const head = this.#received.subarray(0, headEnd).toString("latin1");
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    const length = Number(/\r\nContent-Length: *(\d+)/i.exec(head)?.[1] ?? 0);
    const whole = headEnd + 4 + length;
    while (this.#received.length < whole) await this.#more();
    const content = this.#received.subarray(headEnd + 4, whole).toString("utf8");
    this.#received = this.#received.subarray(whole);
    this.#tally.status(status);
    if (status !== wanted) throw new Fault(`found ${status} ${content.slice(0, 200)}, wanted ${wanted}`);
  }

  /** Reads up to `text` and gives what came before it; for replies without a length, and for other protocols. */
  async takeTo(text: string): Promise<string> {
    const at = await this.#find(text);
    const taken = this.#received.toString("latin1", 0, at);
    this.#received = this.#received.subarray(at + text.length);
    return taken;
  }

  async #find(text: string): Promise<number> {
    for (;;) {
      const at = this.#received.indexOf(text);
      if (at !== -1) return at;
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    if (this.#isOver) {
      throw this.#failure ?? new Fault(`found the end within a reply, after ${this.#received.length} bytes of it`);
    }
    await this.readSome();
  }

  /** Ends the connection, and waits until it has ended: so a client has one at a time. */
  async close(): Promise<void> {
    clearTimeout(this.#limit);
    if (!this.#hasLeft) this.#socket.destroy();
    if (!this.#socket.closed) await once(this.#socket, "close").catch(() => {});
  }
}
