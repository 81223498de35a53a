/** A client that is only a socket: what it sends is not checked, and what it gets is kept, or not even read. */
import { connect, type Socket } from "node:net";

export const HELLO = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A reply, as far as the scenarios care. */
export interface RawReply {
  readonly status: number;
  readonly head: string;
}

export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  isClosed = false;
  error: string | undefined;
  #text = "";
  #wake: (() => void) | undefined;

  /** With `allowHalfOpen` it does not close when the server does. */
  constructor(port: number, options: { readonly allowHalfOpen?: boolean } = {}) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true, ...options });
    this.socket.on("error", (error: NodeJS.ErrnoException) => (this.error = error.code));
    this.closed = new Promise((resolve) => {
      this.socket.once("close", () => {
        this.isClosed = true;
        this.#wake?.();
        resolve();
      });
    });
  }

  /** Connects and waits for it; the client may have failed instead, see `error`. */
  static async open(port: number, options: { readonly allowHalfOpen?: boolean } = {}): Promise<RawClient> {
    const client = new RawClient(port, options);
    await Promise.race([new Promise<void>((resolve) => client.socket.once("connect", () => resolve())), client.closed]);
    return client;
  }

  /** Keeps what comes, for `reply`. A client that does not call it reads nothing. */
  listen(): this {
    this.socket.setEncoding("latin1").on("data", (text: string) => {
      this.#text += text;
      this.#wake?.();
    });
    return this;
  }

  /** Waits for a whole reply with `Content-Length`; undefined when the connection ends before. */
  async reply(): Promise<RawReply | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\r\n\r\n");
      const head = this.#text.slice(0, Math.max(end, 0));
      const wholeLength = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (end >= 0 && this.#text.length >= wholeLength) {
        this.#text = this.#text.slice(wholeLength);
        return { status: Number(head.slice(9, 12)), head };
      }
      if (this.isClosed) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }

  async request(text = HELLO): Promise<RawReply | undefined> {
    this.socket.write(text, "latin1");
    return this.reply();
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
