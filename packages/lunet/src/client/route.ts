/**
 * The declaration of a route: what a request has to be and what its replies are, once, for both sides. The server checks
 * and serializes by it, the client is typed by it, the OpenAPI document is made of it. It is data: nothing here knows of
 * sockets or of Node, so that a browser can load it too.
 */
import type { Static, TObject, TSchema } from "typebox";

/** Methods that a route can have. GET answers HEAD as well. */
export type RouteMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Names of the parameters in a path: `"slug"` in `"/articles/:slug"`, `"rest"` in `"/files/*rest"`. */
export type ParamNames<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? ParamName<Segment> | ParamNames<Rest>
  : ParamName<Path>;

type ParamName<Segment extends string> = Segment extends `:${infer Name}` | `*${infer Name}` ? Name : never;

/** Schemas of parameters, by name. */
export type ParamSchemas = { readonly [name: string]: TSchema };

/** Schemas of the content of replies, by status code; `null` for a reply without content. */
export type ReplySchemas = { readonly [status: number]: TSchema | null };

/** What people read of a route, in the OpenAPI document. */
export interface RouteWords {
  /** A few words. */
  readonly summary?: string;
  /** Markdown. */
  readonly description?: string;
  /** Groups that the route belongs to. */
  readonly tags?: readonly string[];
  /** A name for generated programs, unique in the document. */
  readonly operationId?: string;
  /** Whether it should not be used any more. */
  readonly deprecated?: boolean;
  /** Which of the document's security schemes a request needs: one of them. Empty: none. */
  readonly security?: ReadonlyArray<Readonly<Record<string, readonly string[]>>>;
}

/** What `route` takes. */
export interface RouteDeclaration<
  Path extends string,
  Params extends ParamSchemas,
  Query extends TObject,
  Content extends TSchema | undefined,
  Replies extends ReplySchemas,
> extends RouteWords {
  readonly method: RouteMethod;
  /** As the router reads it: segments are literal, or `:name`, or last `*name`. */
  readonly path: Path;
  /** Schemas of parameters of the path. One without a schema is a string. */
  readonly params?: Params & { readonly [Name in Exclude<keyof Params, ParamNames<Path>>]: never };
  /** Names in the query. Without it the query is not looked at. */
  readonly query?: Query;
  /** The JSON content that a request must have. Without it content is left to the handler. */
  readonly content?: Content;
  readonly replies: Replies;
}

/** A declared route. */
export interface Route<
  Path extends string = string,
  Params extends ParamSchemas = ParamSchemas,
  Query extends TObject = TObject,
  Content extends TSchema | undefined = TSchema | undefined,
  Replies extends ReplySchemas = ReplySchemas,
> extends RouteWords {
  readonly method: RouteMethod;
  readonly path: Path;
  /** Schemas of those parameters that have one. */
  readonly params: Params;
  readonly query: Query | undefined;
  readonly content: Content;
  readonly replies: Replies;
}

/** The parameters of a route's path. */
export type ParamsOf<R extends Route> = {
  readonly [Name in ParamNames<R["path"]>]: R["params"] extends { readonly [N in Name]: infer Schema extends TSchema }
    ? Static<Schema>
    : string;
};

/** The query of a route; empty when none is declared. */
export type QueryOf<R extends Route> = Static<NonNullable<R["query"]>>;

/** The content of a route's request; undefined when none is declared. */
export type ContentOf<R extends Route> = R["content"] extends TSchema ? Static<R["content"]> : undefined;

/** Status codes that a route declares. */
export type StatusOf<R extends Route> = keyof R["replies"] & number;

/** The content of a route's reply; undefined for a reply without. */
export type ReplyContentOf<R extends Route, Status extends StatusOf<R>> = R["replies"][Status] extends TSchema
  ? Static<R["replies"][Status]>
  : undefined;

const PARAM = /(?<=\/)[:*]([^/]*)/g;

/** The names of the parameters in a path, in order. */
export function paramNames(path: string): string[] {
  return [...path.matchAll(PARAM)].map(([, name = ""]) => name);
}

/**
 * Declares a route. Types come of the schemas, which are TypeBox's (any JSON Schema, for those that it does not type), and
 * of the path's parameters.
 *
 * Unknown names in the query and unknown members of the content are accepted unless `additionalProperties` is false. A
 * `default` stands for what is not there.
 *
 * @throws TypeError for a schema of a parameter that the path has not, for content of GET, and for a status that no reply
 * can have (RFC 9110, 15).
 * @example
 * ```ts
 * import { route } from "lunet/client";
 * import { Type } from "typebox";
 * const Article = Type.Object({ slug: Type.String(), title: Type.String() });
 * export const getArticle = route({
 *   method: "GET",
 *   path: "/articles/:slug",
 *   query: Type.Object({ draft: Type.Boolean({ default: false }) }),
 *   replies: { 200: Article, 404: null },
 *   summary: "An article",
 * });
 * ```
 */
export function route<
  const Path extends `/${string}`,
  Replies extends ReplySchemas,
  Params extends ParamSchemas = {},
  Query extends TObject = TObject<{}>,
  Content extends TSchema | undefined = undefined,
>(declaration: RouteDeclaration<Path, Params, Query, Content, Replies>): Route<Path, Params, Query, Content, Replies> {
  const { method, path, params = {} as Params, query, content, replies, ...words } = declaration;
  const refuse = (found: string): never => {
    throw new TypeError(`Cannot declare route "${method} ${path}": ${found}`);
  };
  const names = paramNames(path);
  for (const name of Object.keys(params)) if (!names.includes(name)) refuse(`the path has no parameter "${name}"`);
  if (method === "GET" && content !== undefined) refuse("found content, which GET has not");
  for (const status of Object.keys(replies)) {
    if (!/^[2-5]\d\d$/.test(status)) refuse(`found status "${status}", wanted 200 to 599`);
  }
  // The default of `Content` is undefined.
  return Object.freeze({ ...words, method, path, params, query, content: content as Content, replies });
}
