/** A route with its handler: what stands between the router and the handler, compiled once. */
import { TRACE } from "#trace";
import type { ContentOf, ParamsOf, QueryOf, ReplyContentOf, Route, StatusOf } from "../../client/mod.ts";
import { NamedValues } from "../named-values.ts";
import { jsonText, type Reply, type ReplyFields, type ReplyOptions } from "../reply.ts";
import type { HttpRequest } from "../request.ts";
import { ContentReader } from "./content-reader.ts";
import { checkerOf, type JsonSchema } from "./json-schema.ts";
import { findProblems } from "./problems.ts";
import { compileSerializer, type Serialize } from "./reply-content.ts";
import { paramsSchema, TextReader } from "./text-reader.ts";

/** Makes a reply that a route declares. */
export type ReplyTo<R extends Route> = <Status extends StatusOf<R>>(
  status: Status,
  ...rest: ReplyContentOf<R, Status> extends undefined
    ? [content?: undefined, fields?: ReplyFields]
    : [content: ReplyContentOf<R, Status>, fields?: ReplyFields]
) => Reply;

/** One request on its route, as its handler gets it. */
export interface Call<R extends Route> {
  /** Parameters of the path. */
  readonly params: ParamsOf<R>;
  /** The declared names of the query. */
  readonly query: QueryOf<R>;
  /** The content, checked; undefined when the route declares none. */
  readonly content: ContentOf<R>;
  readonly request: HttpRequest;
  /**
   * Makes a declared reply: its content is serialized by its schema, here and now, without what the schema has not.
   *
   * @throws TypeError for a status that the route does not declare, and for content that is not what its schema says.
   */
  readonly reply: ReplyTo<R>;
}

/**
 * Answers a request on a route. It returns what `reply` of its call makes; any other reply (a stream, a redirect) is sent as
 * it is, and stands in no document.
 */
export type RouteHandler<R extends Route> = (call: Call<R>) => Reply | Response | Promise<Reply | Response>;

interface DeclaredReply {
  readonly options: ReplyOptions;
  readonly schema: JsonSchema;
  readonly serialize: Serialize;
}

const NO_QUERY = Object.freeze(new NamedValues());
const NO_FIELDS: ReplyFields = Object.freeze({});

/** What every route's handler is called with, as far as it is known here. */
type AnyHandler = (call: {
  readonly params: unknown;
  readonly query: unknown;
  readonly content: unknown;
  readonly request: HttpRequest;
  readonly reply: Endpoint["reply"];
}) => Reply | Response | Promise<Reply | Response>;

/** Answers the requests of one route. */
export class Endpoint {
  readonly #route: Route;
  readonly #handler: AnyHandler;
  readonly #params: TextReader | undefined;
  readonly #query: TextReader | undefined;
  readonly #content: ContentReader | undefined;
  readonly #replies = new Map<number, DeclaredReply | null>();
  readonly #checksReplies: boolean;

  constructor(route: Route, handler: AnyHandler, checksReplies: boolean | undefined) {
    const { params, query, content, replies } = route;
    this.#route = route;
    this.#handler = handler;
    this.#checksReplies = checksReplies ?? false;
    if (TRACE) this.#checksReplies = checksReplies ?? true;
    const paramSchema = paramsSchema(params);
    if (paramSchema !== undefined) this.#params = new TextReader(paramSchema, "path");
    if (query !== undefined) this.#query = new TextReader(query, "query");
    if (content !== undefined) this.#content = new ContentReader(content);
    for (const [code, schema] of Object.entries(replies)) {
      const status = Number(code);
      this.#replies.set(status, schema === null ? null : declaredReply(status, schema));
    }
  }

  /**
   * For the router. It waits for content that has not come yet, and for nothing else.
   *
   * @throws InvalidRequestError, HttpError
   */
  readonly handle = (request: HttpRequest): Reply | Response | Promise<Reply | Response> => {
    const params = this.#params === undefined ? request.params : this.#params.readParams(request.params);
    const query = this.#query === undefined ? NO_QUERY : this.#query.readPairs(request.queries);
    const { reply } = this;
    if (this.#content === undefined) return this.#handler({ params, query, content: undefined, request, reply });
    const content = this.#content.tryRead(request);
    if (content === undefined) return this.#handleLater(request, params, query, this.#content);
    return this.#handler({ params, query, content, request, reply });
  };

  async #handleLater(
    request: HttpRequest,
    params: unknown,
    query: unknown,
    reader: ContentReader,
  ): Promise<Reply | Response> {
    const content = await reader.read(request);
    return this.#handler({ params, query, content, request, reply: this.reply });
  }

  readonly reply = (status: number, content?: unknown, fields?: ReplyFields): Reply => {
    const declared = this.#replies.get(status);
    if (declared === undefined) throw this.#refused(`found status ${status}, which the route does not declare`);
    if (declared === null) return { status, fields: fields ?? NO_FIELDS };
    if (this.#checksReplies) this.#checkReply(declared.schema, content);
    const text = declared.serialize(content);
    return jsonText(text, fields === undefined ? declared.options : { status, fields });
  };

  #checkReply(schema: JsonSchema, content: unknown): void {
    if (checkerOf(schema).Check(content)) return;
    const found = findProblems(schema, content, "content").map(({ pointer, message }) => `"${pointer}" ${message}`);
    throw this.#refused(found.join(", "));
  }

  #refused(found: string): TypeError {
    return new TypeError(`Cannot reply to ${this.#route.method} ${this.#route.path}: ${found}`);
  }
}

function declaredReply(status: number, schema: JsonSchema): DeclaredReply {
  return { options: Object.freeze({ status }), schema, serialize: compileSerializer(schema) };
}
