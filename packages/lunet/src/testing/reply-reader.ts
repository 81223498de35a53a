/**
 * Reads replies from a connection, strictly: the client's half of HTTP/1.1 (RFC 9112) for tests of servers.
 *
 * It accepts what a correct server sends and nothing else: lines end with CRLF, one framing field, no chunk extensions.
 * Bytes beyond a reply stay for the next one.
 */
import { LunetError } from "../co/mod.ts";
import type { Connection } from "../net/mod.ts";

/** The most bytes that a reply may have, head and content: 64 MiB. */
export const MAX_REPLY_BYTES = 64 * 1024 * 1024;
const SWITCHING_PROTOCOLS = 101;
const MAX_LINE_BYTES = 65_536;
const MAX_LINES = 1_000;

const STATUS_LINE = /^HTTP\/1\.1 ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)$/;
const FIELD_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const CHUNK_SIZE = /^[0-9a-f]{1,13}$/i;
const LENGTH = /^[0-9]{1,15}$/;

const NO_BYTES = Buffer.alloc(0);

/** `ERR_REPLY_MALFORMED`: a server sent what is no HTTP/1.1 reply, or ended within one. */
export class ReplyError extends LunetError {
  constructor(found: string, wanted: string) {
    super("ERR_REPLY_MALFORMED", `Cannot read the reply: found ${found}, wanted ${wanted}`);
  }
}

/** A reply that was read whole. */
export class ClientReply {
  readonly status: number;
  /** By name in lower case, the values in the order of their lines. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** The status codes of the interim replies (1xx) that came before. */
  readonly interim: readonly number[];
  readonly #content: Uint8Array;

  constructor(head: ReplyHead, interim: readonly number[], content: Uint8Array) {
    this.status = head.status;
    this.fields = head.fields;
    this.interim = interim;
    this.#content = content;
  }

  /** The value of a field, several lines joined with ", "; undefined without one. Case does not matter. */
  field(name: string): string | undefined {
    return this.fields.get(name.toLowerCase())?.join(", ");
  }

  /** The content, without its framing. */
  bytes(): Uint8Array {
    return this.#content;
  }

  /** The content as UTF-8. @throws TypeError if it is not. */
  text(): string {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.#content);
  }

  /** The content as JSON, for the test to assert on. @throws SyntaxError, TypeError. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a test takes the JSON as it comes and asserts what is in it
  json(): any {
    return JSON.parse(this.text());
  }
}

interface ReplyHead {
  readonly status: number;
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/**
 * Reads the replies of one connection, in order. The connection stays the caller's.
 *
 * @example
 * ```ts
 * import { connect } from "lunet/net";
 * import { ReplyReader } from "lunet/testing";
 * async function head(port: number): Promise<number> {
 *   await using connection = await connect({ port });
 *   await connection.write("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
 *   return (await new ReplyReader(connection).read("HEAD")).status;
 * }
 * ```
 */
export class ReplyReader {
  readonly #connection: Connection;
  #held = NO_BYTES;
  #replyBytes = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Waits for one reply, its content included.
   *
   * @param method The request's: a reply to HEAD has no content, whatever its fields say.
   * @throws ReplyError; SocketError when the connection is reset.
   */
  async read(method = "GET"): Promise<ClientReply> {
    this.#replyBytes = 0;
    const interim: number[] = [];
    for (;;) {
      const head = await this.#readHead();
      if (head.status >= 200 || head.status === SWITCHING_PROTOCOLS)
        return new ClientReply(head, interim, await this.#readContent(method, head));
      interim.push(head.status);
    }
  }

  /** What came behind the last reply and was read with it: of another protocol, after 101. */
  takeRest(): Uint8Array {
    const rest = this.#held;
    this.#held = NO_BYTES;
    return rest;
  }

  /** Waits for the end of the connection. @throws ReplyError when bytes come instead. */
  async readEnd(): Promise<void> {
    if (this.#held.length > 0 || (await this.#fill())) {
      throw new ReplyError(JSON.stringify(this.#held.toString("latin1", 0, 64)), "the end of the connection");
    }
  }

  async #readHead(): Promise<ReplyHead> {
    const line = await this.#readLine();
    const match = STATUS_LINE.exec(line);
    if (match === null) throw new ReplyError(JSON.stringify(line), "a status line");
    return { status: Number(match[1]), fields: await this.#readFields() };
  }

  async #readFields(): Promise<Map<string, string[]>> {
    const fields = new Map<string, string[]>();
    for (let count = 0; count < MAX_LINES; count++) {
      const line = await this.#readLine();
      if (line === "") return fields;
      const match = FIELD_LINE.exec(line);
      if (match === null) throw new ReplyError(JSON.stringify(line), "a field line");
      const name = (match[1] as string).toLowerCase();
      fields.set(name, [...(fields.get(name) ?? []), match[2] as string]);
    }
    throw new ReplyError(`more than ${MAX_LINES} field lines`, "no more");
  }

  async #readContent(method: string, { status, fields }: ReplyHead): Promise<Uint8Array> {
    const coding = fields.get("transfer-encoding");
    const lengths = fields.get("content-length");
    if (coding !== undefined && lengths !== undefined)
      throw new ReplyError("Transfer-Encoding beside Content-Length", "one of them");
    if (status === 204 && (coding ?? lengths) !== undefined)
      throw new ReplyError("a framing field in a 204", "none (RFC 9110, 8.6)");
    const length = lengths?.join();
    if (length !== undefined && !LENGTH.test(length)) throw new ReplyError(`Content-Length "${length}"`, "one number");
    if (method === "HEAD" || status === SWITCHING_PROTOCOLS || status === 204 || status === 304) return NO_BYTES;
    if (length !== undefined) return this.#take(Number(length));
    if (coding === undefined) return this.#takeAll();
    if (coding.join() !== "chunked") throw new ReplyError(`Transfer-Encoding "${coding.join()}"`, '"chunked"');
    return this.#readChunks();
  }

  async #readChunks(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (;;) {
      const line = await this.#readLine();
      if (!CHUNK_SIZE.test(line)) throw new ReplyError(`chunk size ${JSON.stringify(line)}`, "hex digits");
      const size = parseInt(line, 16);
      if (size === 0) break;
      pieces.push(await this.#take(size));
      if ((await this.#readLine()) !== "") throw new ReplyError("more data in a chunk than its size says", "its end");
    }
    await this.#readFields();
    return Buffer.concat(pieces);
  }

  async #readLine(): Promise<string> {
    let end = this.#held.indexOf(10);
    while (end === -1) {
      if (this.#held.length > MAX_LINE_BYTES) throw new ReplyError("a line without an end", "one of 64 KiB at most");
      if (!(await this.#fill())) throw this.#ended("the end of a line");
      end = this.#held.indexOf(10);
    }
    const line = this.#held.toString("latin1", 0, end);
    this.#held = this.#held.subarray(end + 1);
    if (!line.endsWith("\r")) throw new ReplyError(`the line ${JSON.stringify(line)} ended with LF alone`, "CRLF");
    return line.slice(0, -1);
  }

  async #take(count: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let missing = count;
    while (this.#held.length < missing) {
      pieces.push(this.#held);
      missing -= this.#held.length;
      this.#held = NO_BYTES;
      if (!(await this.#fill())) throw this.#ended(`${missing} more bytes of content`);
    }
    pieces.push(this.#held.subarray(0, missing));
    this.#held = this.#held.subarray(missing);
    return Buffer.concat(pieces);
  }

  async #takeAll(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    do {
      pieces.push(this.#held);
      this.#held = NO_BYTES;
    } while (await this.#fill());
    return Buffer.concat(pieces);
  }

  /** Waits for more bytes. False at the end of the connection. */
  async #fill(): Promise<boolean> {
    const bytes = await this.#connection.read();
    if (bytes === null) return false;
    this.#replyBytes += bytes.length;
    if (this.#replyBytes > MAX_REPLY_BYTES) throw new ReplyError(`more than ${MAX_REPLY_BYTES} bytes`, "no more");
    this.#held = Buffer.concat([this.#held, bytes]);
    return true;
  }

  #ended(wanted: string): ReplyError {
    return new ReplyError(`the end of the connection after ${JSON.stringify(this.#held.toString("latin1"))}`, wanted);
  }
}
