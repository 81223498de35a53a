/**
 * A TCP connection that writes bytes as they are and reads HTTP/1.1 answers, for what an HTTP client would not send or
 * would not show: cut requests, broken framing, pipelining, half close, reset.
 *
 * It reads answers with `Content-Length`, with the chunked coding, or until the end of the connection.
 */
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import { makeAnswer, withLimit, type Answer } from "./harness.ts";

/** How long one answer, or the end of the connection, may be waited for. */
const READ_LIMIT_MS = 5_000;
/** How much may be received on one connection. */
const MAX_RECEIVED_BYTES = 16 * 1024 * 1024;

export class RawConnection {
  readonly socket: Socket;
  /** What has arrived and is not read yet. */
  #received: Buffer = Buffer.alloc(0);
  #ended = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      if (this.#received.length > MAX_RECEIVED_BYTES) socket.destroy(new Error("found too many bytes"));
      this.#wake();
    });
    socket.on("end", () => this.#end());
    socket.on("error", (error) => {
      this.#failure = error;
      this.#end();
    });
    socket.on("close", () => this.#end());
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  /** Opens a connection on which the server has answered: one that it has accepted, not one that waits in the kernel. */
  static async openAnswered(port: number): Promise<RawConnection> {
    const connection = await RawConnection.open(port);
    connection.write("GET /api/tags HTTP/1.1\r\nHost: x\r\n\r\n");
    const answer = await connection.readAnswer();
    if (answer?.status !== 200) throw new Error(`Cannot open a connection: found status ${answer?.status}, wanted 200`);
    return connection;
  }

  /** True once the other side has sent its end, or the connection broke. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The error that broke the connection, if one did. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  write(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Sends our end; the other direction stays open. */
  shutdown(): void {
    this.socket.end();
  }

  /** Ends the connection with RST, after what was written and the end that was sent have gone to the kernel. */
  async reset(): Promise<void> {
    // A handle whose shutdown is under way cannot be reset (libuv answers EINVAL), and node:net leaves it open.
    if (this.socket.writableEnded && !this.socket.writableFinished) await once(this.socket, "finish");
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  /**
   * Reads the next answer.
   *
   * @param method Of the request that it answers: an answer to HEAD has no content.
   * @returns `undefined` when the connection ended before its first byte.
   */
  async readAnswer(method = "GET"): Promise<Answer | undefined> {
    const headEnd = await this.#find("\r\n\r\n");
    if (headEnd === -1) {
      if (this.#received.length === 0) return undefined;
      throw new Error(`Cannot read answer: found the end inside its head: ${this.#received.toString("latin1")}`);
    }
    const [statusLine = "", ...lines] = this.#take(headEnd).toString("latin1").split("\r\n");
    this.#take(4);
    const status = Number(/^HTTP\/1\.1 (\d{3})( |$)/.exec(statusLine)?.[1]);
    if (!(status >= 100)) throw new Error(`Cannot read answer: found status line ${JSON.stringify(statusLine)}`);
    const fields: IncomingHttpHeaders = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      fields[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const hasContent = method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;
    return makeAnswer(status, fields, hasContent ? await this.#readContent(fields) : Buffer.alloc(0));
  }

  /** Reads everything up to the end of the connection. */
  async readToEnd(): Promise<string> {
    while (!this.#ended) await this.#more();
    return this.#take(this.#received.length).toString("latin1");
  }

  async #readContent(fields: IncomingHttpHeaders): Promise<Buffer> {
    if (fields["content-length"] !== undefined) return this.#takeExactly(Number(fields["content-length"]));
    if (fields["transfer-encoding"] === undefined) return Buffer.from(await this.readToEnd(), "latin1");
    const chunks: Buffer[] = [];
    while (true) {
      const sizeEnd = await this.#find("\r\n");
      if (sizeEnd === -1) throw new Error("Cannot read answer: found the end inside chunked content");
      const size = Number.parseInt(this.#take(sizeEnd).toString("latin1"), 16);
      this.#take(2);
      chunks.push(await this.#takeExactly(size));
      await this.#takeExactly(2);
      if (size === 0) return Buffer.concat(chunks);
    }
  }

  async #takeExactly(count: number): Promise<Buffer> {
    while (this.#received.length < count) {
      if (this.#ended) throw new Error(`Cannot read answer: found ${this.#received.length} of ${count} bytes`);
      await this.#more();
    }
    return this.#take(count);
  }

  async #find(mark: string): Promise<number> {
    while (true) {
      const index = this.#received.indexOf(mark, 0, "latin1");
      if (index !== -1 || this.#ended) return index;
      await this.#more();
    }
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  async #more(): Promise<void> {
    const arrival = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await withLimit(READ_LIMIT_MS, "read from the connection", arrival);
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }
}
