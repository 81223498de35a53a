/** A request as its handler sees it: the head at once, everything else when it is asked for. */
import { decodeText, parseJson } from "./content-text.ts";
import { fieldsText } from "./reply-fields.ts";
import type { ReplyFields } from "./reply.ts";
import { isRequestId, makeRequestId } from "./request-id.ts";
import type { RequestHead } from "./request-parser.ts";
import { parseQuery, splitTarget, type Query } from "./target.ts";
import { findClientAddress, forwardedAuthority, forwardedScheme, type TrustedProxies } from "./trusted-proxies.ts";

/** Where a request comes from, and its content. */
export interface ContentSource {
  /** Waits for a piece of the content; `null` at its end. */
  nextContent(request: HttpRequest): Promise<Uint8Array | null>;
  /** All of the content, when all is here; otherwise `undefined`, and nothing is taken. */
  tryContent(request: HttpRequest): Uint8Array | undefined;
  readonly trustedProxies: TrustedProxies | undefined;
}

const NO_CONTENT = new Uint8Array(0);
const NO_TRAILERS: ReadonlyArray<readonly [name: string, value: string]> = Object.freeze([]);
const NO_PARAMS = Object.freeze(Object.create(null) as Readonly<Record<string, string>>);

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
  #source: ContentSource;
  readonly #peer: () => string;
  #path: string | undefined;
  #queryText = "";
  #query: Query | undefined;
  #id: string | undefined;
  #clientAddress: string | undefined;
  #addedFields = "";
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

  /** Host and port that the request is for (RFC 9112, 3.2). Behind a proxy the user may have asked for another: `authority`. */
  get host(): string {
    return this.head.host;
  }

  /** The protocols that the client offers to go on with, see `Reply.upgrade` (RFC 9110, 7.8). */
  get upgrades(): readonly string[] {
    return this.head.upgrades;
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

  /** An identifier for logs, unique over processes and restarts, unless a middleware has set another (`requestIds`). */
  get id(): string {
    return (this.#id ??= makeRequestId());
  }

  /** Throws TypeError unless it is 1 to 128 letters, digits and `._~+/=:@-`. */
  set id(id: string) {
    if (!isRequestId(id)) throw new TypeError("Cannot set the id of a request: found other characters, or too many");
    this.#id = id;
  }

  /** Address of the peer; `"unix"` for a Unix socket, `"memory"` without a kernel. */
  get remoteAddress(): string {
    return this.#peer();
  }

  /** Whether it came over a connection from one of `trustedProxies`, whose fields count. */
  get fromTrustedProxy(): boolean {
    return this.#source.trustedProxies?.has(this.#peer()) === true;
  }

  /**
   * Address of the user, seen through `trustedProxies`: IPv6 in its one spelling (RFC 5952), an IPv4-mapped address as IPv4.
   * Without a trusted proxy it is the peer's.
   */
  get clientAddress(): string {
    return (this.#clientAddress ??= findClientAddress(this.head, this.#peer(), this.#source.trustedProxies));
  }

  /** How the user asked: what a trusted proxy says in `X-Forwarded-Proto`, else `"http"`. */
  get scheme(): "http" | "https" {
    return this.fromTrustedProxy ? forwardedScheme(this.head) : "http";
  }

  /** Host and port of the URI that the user asked for, by a trusted proxy's `X-Forwarded-Host` and `-Port`, else `host`. */
  get authority(): string {
    return this.fromTrustedProxy ? forwardedAuthority(this.head) : this.head.host;
  }

  /**
   * Adds fields to the reply to this request, whoever makes it: the handler, or `errorReply` when that fails. They stand
   * beside those of the reply, and replace none. A reply that has begun does not get them any more.
   *
   * @throws TypeError (`ERR_HTTP_INVALID_FIELD`) for a field that is malformed or is the server's to write.
   */
  addReplyFields(fields: ReplyFields): void {
    this.#addedFields += fieldsText(fields);
  }

  /** For the server: the lines of what was added. */
  get addedReplyFields(): string {
    return this.#addedFields;
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

  /**
   * For a middleware that decodes the content: from now on it comes from `next`, which waits for a piece and gives `null` at the
   * end. It is called before the content is taken, and gives how to get what came until now.
   *
   * @throws TypeError when it was taken before.
   */
  replaceContent(next: () => Promise<Uint8Array | null>): () => Promise<Uint8Array | null> {
    if (this.#contentTaken) this.#take();
    const source = this.#source;
    this.#source = { nextContent: next, tryContent: () => undefined, trustedProxies: source.trustedProxies };
    return () => source.nextContent(this);
  }

  /**
   * The whole content, when it has a `Content-Length` and has come with the head; `undefined` when it has to be waited for,
   * which `bytes` does. For handlers that return plainly.
   *
   * @throws TypeError when it was taken before.
   */
  tryBytes(): Uint8Array | undefined {
    if (this.#contentTaken) this.#take();
    const bytes = this.head.hasContent ? this.#source.tryContent(this) : NO_CONTENT;
    if (bytes !== undefined) this.#contentTaken = true;
    return bytes;
  }

  /** The whole content, up to `maxContentBytes`. Throws as `content` does. */
  async bytes(): Promise<Uint8Array> {
    this.#take();
    if (!this.head.hasContent) return NO_CONTENT;
    const first = await this.#next();
    if (first === null) return NO_CONTENT;
    let next = await this.#next();
    if (next === null) return first;
    const pieces = [first];
    for (; next !== null; next = await this.#next()) pieces.push(next);
    return Buffer.concat(pieces);
  }

  /** The whole content as UTF-8. Throws also `HttpError` 400 (`ERR_HTTP_CONTENT_ENCODING`). */
  async text(): Promise<string> {
    return decodeText(await this.bytes());
  }

  /** The whole content as JSON (RFC 8259). Throws also `HttpError` 400 (`ERR_HTTP_CONTENT_JSON`). */
  async json(): Promise<unknown> {
    return parseJson(decodeText(await this.bytes()));
  }

  /** As `json`, when `tryBytes` has the content; otherwise `undefined`, which no JSON is. */
  tryJson(): unknown {
    const bytes = this.tryBytes();
    return bytes === undefined ? undefined : parseJson(decodeText(bytes));
  }
}
