/** What a route is, and how a request goes through it: authentication first, then the handler, content when it asks. */
import type { Handler, HttpRequest, Reply } from "lunet/http";
import type { Static, TObject, TSchema } from "typebox";
import { tokenMissing, type Authentication, type Viewer } from "./auth.ts";
import { ApiError } from "./errors.ts";
import type { KeptAnswers } from "./kept-answers.ts";
import { checkContent, lookupText } from "./validation.ts";

/** Whether a request needs a token. With `optional`, a bad one is refused all the same. */
export type Auth = "none" | "optional" | "required";

type ViewerOf<A extends Auth> = A extends "required" ? Viewer : A extends "optional" ? Viewer | undefined : undefined;

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/** One request on its route. */
export class Call<A extends Auth = Auth, C extends TObject = TObject> {
  readonly request: HttpRequest;
  /** Who asks; undefined for an anonymous visitor. */
  readonly viewer: ViewerOf<A>;
  readonly #content: TSchema | undefined;

  constructor(request: HttpRequest, viewer: ViewerOf<A>, content: TSchema | undefined) {
    this.request = request;
    this.viewer = viewer;
    this.#content = content;
  }

  /** A parameter of the path, decoded, as something to look for. */
  param(name: string): string {
    return lookupText(this.request.params[name] ?? "");
  }

  /**
   * Waits for the content and checks it. A handler asks for it after it has found out that the thing exists and may be
   * changed, because that is the order of answers.
   *
   * @throws ApiError 415 for another media type, 400 for what is no JSON object, 422 for fields; HttpError.
   */
  async content(): Promise<Static<C>> {
    const type = this.request.field("content-type");
    if (type !== undefined && !JSON_TYPE.test(type)) throw new ApiError(415, { body: ["must be application/json"] });
    const content = checkContent(this.#content as TObject, await this.request.json());
    return content as Static<C>;
  }
}

/** One row of the table of routes. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As the router reads it: `/api/articles/:slug`. */
  readonly path: string;
  readonly auth: Auth;
  /** What the content has to be. */
  readonly content: TObject | undefined;
  /** Status of success, and what it carries. */
  readonly status: 200 | 201 | 204;
  readonly reply: TSchema | undefined;
  /** The media type of what it carries. */
  readonly mediaType: string;
  /** Names of the query's parameters that are understood. */
  readonly query: readonly string[];
  /** Statuses other than success that the route itself can answer. */
  readonly errors: readonly number[];
  /** Whether what anonymous readers get may be kept until something is written. */
  readonly keep: boolean;
  /** Whether an address may use it only so often, if the program was told so. */
  readonly limited: boolean;
  readonly summary: string;
  readonly handler: (call: Call<never, never>) => Reply | Promise<Reply>;
}

/** What a row has besides: what goes in, what comes out. */
interface RouteDetails<C> {
  readonly content?: C;
  /** Default 200. */
  readonly status?: Route["status"];
  readonly reply?: TSchema;
  /** Default `application/json`. */
  readonly mediaType?: string;
  readonly query?: readonly string[];
  readonly errors?: readonly number[];
  /** Default false. */
  readonly keep?: boolean;
  /** Default false. */
  readonly limited?: boolean;
}

/**
 * A row of the table. The handler's call has the viewer and the content that the row promises.
 *
 * @param endpoint Method and path: `"GET /api/articles/:slug"`.
 */
export function route<A extends Auth, C extends TObject = never>(
  endpoint: `${Route["method"]} /${string}`,
  auth: A,
  summary: string,
  handler: (call: Call<A, C>) => Reply | Promise<Reply>,
  details: RouteDetails<C>,
): Route {
  const [method, path] = endpoint.split(" ") as [Route["method"], string];
  const { content, reply, mediaType = "application/json", status = 200, query = [], errors = [] } = details;
  const { keep = false, limited = false } = details;
  return { method, path, auth, summary, handler, content, reply, mediaType, status, query, errors, keep, limited };
}

/**
 * The handler of a route. Without a token it calls the route's handler at once, or gives what is kept, so that an
 * anonymous request waits for nothing but what its handler waits for.
 *
 * @param onViewer Told who asks, for the access log.
 */
export function routeHandler(
  row: Route,
  authentication: Authentication,
  kept: KeptAnswers,
  onViewer?: (request: HttpRequest, viewer: Viewer) => void,
): Handler {
  const { auth, content } = row;
  // \`route\` saw that the handler takes what the row's \`auth\` and \`content\` give.
  const handle: (call: Call) => Reply | Promise<Reply> = row.handler;
  const handleAs = async (request: HttpRequest, authorization: string): Promise<Reply> => {
    const viewer = await authentication.viewer(authorization);
    onViewer?.(request, viewer);
    return handle(new Call(request, viewer, content));
  };
  const handleAnonymous: Handler = row.keep
    ? (request) => kept.answer(request, () => handle(new Call(request, undefined, content)))
    : (request) => handle(new Call(request, undefined, content));
  if (auth === "none") return handleAnonymous;
  return (request) => {
    const authorization = request.field("authorization");
    if (authorization !== undefined && authorization !== "") return handleAs(request, authorization);
    if (auth === "required") throw tokenMissing();
    return handleAnonymous(request);
  };
}
