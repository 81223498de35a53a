/** A request as its handler sees it: the head at once, everything else when it is asked for. */
import { HttpError } from "./http-error.ts";
import type { RequestHead } from "./request-parser.ts";
import { parseQuery, splitTarget, type Query } from "./target.ts";

/** Where the content of a request comes from: each call waits for one piece; `null` at its end. */
export interface ContentSource {
  nextContent(request: HttpRequest): Promise<Uint8Array | null>;
}

const NO_TRAILERS: ReadonlyArray<readonly [name: string, value: string]> = Object.freeze([]);
const NO_PARAMS = Object.freeze(Object.create(null) as Readonly<Record<string, string>>);
const utf8 = new TextDecoder("utf-8", { fatal: true });

let lastId = 0;

/**
 * One request. It is valid until its handler's reply has been sent, and belongs to the server.
 *
 * @example
 * ```ts
 * import type { Handler } from "lunet/http";
 * import { json } from "lunet/http";
 * const greet: Handler = (request) => json({ hello: request.params["name"], agent: request.field("user-agent") });
 * ```
 */
export class HttpRequest {
  readonly head: RequestHead;
  /** Set by the router: parameters of the route, percent-decoded. */
  params: Readonly<Record<string, string>> = NO_PARAMS;
  /** Set by the server when the content has been read to its end: trailer fields, names in lower case (RFC 9110, 6.5). */
  trailers: ReadonlyArray<readonly [name: string, value: string]> = NO_TRAILERS;
  readonly #source: ContentSource;
  readonly #peer: () => string;
  #path: string | undefined;
  #queryText = "";
  #query: Query | undefined;
  #id: string | undefined;
  #contentTaken = false;

  constructor(head: RequestHead, source: ContentSource, peer: () => string) {
    this.head = head;
    this.#source = source;
    this.#peer = peer;
  }

  /** As sent: methods are case-sensitive. */
  get method(): string {
    return this.head.method;
  }

  /** The request target as sent. */
  get target(): string {
    return this.head.target;
  }

  /** Host and port that the request is for (RFC 9112, 3.2). */
  get host(): string {
    return this.head.host;
  }

  /** The path of the target, not decoded. */
  get path(): string {
    if (this.#path === undefined) {
      const { path, query } = splitTarget(this.head.target);
      this.#path = path;
      this.#queryText = query;
    }
    return this.#path;
  }

  /** An identifier for logs, unique in this process. */
  get id(): string {
    return (this.#id ??= (++lastId).toString(36));
  }

  /** Address of the peer; `"unix"` for a Unix socket, `"memory"` without a kernel. */
  get remoteAddress(): string {
    return this.#peer();
  }

  /** The query, decoded. Throws `HttpError` 400 (`ERR_HTTP_QUERY`) when it is malformed. */
  get queries(): Query {
    if (this.#query === undefined) {
      void this.path;
      this.#query = parseQuery(this.#queryText);
    }
    return this.#query;
  }

  /** The first value of `name` in the query. Throws as `queries` does. */
  query(name: string): string | undefined {
    return this.queries.get(name);
  }

  /**
   * The value of a field, several lines joined with ", ".
   *
   * @param name In lower case.
   */
  field(name: string): string | undefined {
    return this.head.field(name);
  }

  /**
   * The content in pieces, as they come. It can be taken once, in one of the forms. Breaking off early is allowed: the
   * server drops or refuses the rest.
   *
   * @throws HttpError as the content arrives: 413, 400 (`ERR_HTTP_CONTENT_INCOMPLETE` when the client goes away within
   * it), …; TypeError when it was taken before, or after the reply.
   */
  async *content(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#take();
    for (let piece = await this.#next(); piece !== null; piece = await this.#next()) yield piece;
  }

  #take(): void {
    if (this.#contentTaken) throw new TypeError("Cannot read the content: found it taken before, wanted one reader");
    this.#contentTaken = true;
  }

  #next(): Promise<Uint8Array | null> {
    return this.#source.nextContent(this);
  }

  /** The whole content, up to `maxContentBytes`. Throws as `content` does. */
  async bytes(): Promise<Uint8Array> {
    this.#take();
    if (!this.head.hasContent) return new Uint8Array(0);
    const first = await this.#next();
    if (first === null) return new Uint8Array(0);
    let next = await this.#next();
    if (next === null) return first;
    const pieces = [first];
    for (; next !== null; next = await this.#next()) pieces.push(next);
    return Buffer.concat(pieces);
  }

  /** The whole content as UTF-8. Throws also `HttpError` 400 (`ERR_HTTP_CONTENT_ENCODING`). */
  async text(): Promise<string> {
    const bytes = await this.bytes();
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new HttpError("ERR_HTTP_CONTENT_ENCODING", "Cannot read the content: found bytes that are not UTF-8", {
        cause,
      });
    }
  }

  /** The whole content as JSON (RFC 8259). Throws also `HttpError` 400 (`ERR_HTTP_CONTENT_JSON`). */
  async json(): Promise<unknown> {
    const content = await this.text();
    try {
      return JSON.parse(content) as unknown;
    } catch (cause) {
      throw new HttpError("ERR_HTTP_CONTENT_JSON", "Cannot read the content: found no JSON", { cause });
    }
  }
}
