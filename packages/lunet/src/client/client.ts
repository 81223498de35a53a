/** A client that is typed by the declarations of routes. */
import { Check } from "typebox/schema";
import { ClientError } from "./client-error.ts";
import { requestTarget } from "./request-target.ts";
import type { ContentOf, ParamNames, ParamsOf, QueryOf, ReplyContentOf, Route, StatusOf } from "./route.ts";

/** `fetch`, as far as the client uses it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Fields of a request, by name. */
export type ClientFields = Readonly<Record<string, string>>;

/** How a client is made. */
export interface ClientOptions {
  /** What stands before the paths of routes: `"https://example.org/api"`; in a browser also `""` or `"/api"`. */
  readonly baseUrl: string;
  /** Default: the platform's. */
  readonly fetch?: Fetch;
  /** Fields of every request; a function is called for each, for a token that changes. */
  readonly fields?: ClientFields | (() => ClientFields);
  /** Bytes of content of a reply that are accepted. Default 16,777,216. */
  readonly maxContentBytes?: number;
  /** Whether the content of replies is checked by its schema. Default true. */
  readonly checkReplies?: boolean;
}

type Params<R extends Route> = [ParamNames<R["path"]>] extends [never]
  ? { readonly params?: undefined }
  : { readonly params: ParamsOf<R> };
type Query<R extends Route> = {} extends QueryOf<R> ? { readonly query?: QueryOf<R> } : { readonly query: QueryOf<R> };
type Content<R extends Route> = R["content"] extends undefined
  ? { readonly content?: undefined }
  : { readonly content: ContentOf<R> };

/** What a call takes: what its route declares, and what holds for this call alone. */
export type CallInput<R extends Route> = Params<R> &
  Query<R> &
  Content<R> & {
    /** Beside those of the client. */
    readonly fields?: ClientFields;
    /** Ends the call. */
    readonly signal?: AbortSignal;
  };

/** A reply of a route: its status tells what its content is. */
export type ReplyOf<R extends Route> = {
  [Status in StatusOf<R>]: {
    readonly status: Status;
    readonly content: ReplyContentOf<R, Status>;
    readonly fields: Headers;
  };
}[StatusOf<R>];

/** Calls routes. */
export interface Client {
  /**
   * Sends a request and waits for its reply.
   *
   * It has no deadline of its own: give it a `signal`. A coroutine waits with `until`, under `withDeadline`, and aborts what it
   * left in a `finally`.
   *
   * @returns The reply, when its route declares its status.
   * @throws ClientError for everything else that comes back, or does not; TypeError for an input that no request can be made
   * of.
   */
  call<const R extends Route>(
    route: R,
    ...rest: {} extends CallInput<R> ? [input?: CallInput<R>] : [input: CallInput<R>]
  ): Promise<ReplyOf<R>>;
}

const DEFAULT_MAX_CONTENT_BYTES = 16_777_216;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json[\t ]*(?:;|$)/i;

/** A call's input, whatever its route. */
interface AnyInput {
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly content?: unknown;
  readonly fields?: ClientFields;
  readonly signal?: AbortSignal;
}

/**
 * Makes a client. It needs `fetch` and nothing of Node.
 *
 * @throws TypeError for a base URL with a query or a fragment; RangeError for `maxContentBytes`.
 * @example
 * ```ts
 * import { createClient, route } from "lunet/client";
 * import { Type } from "typebox";
 * const getUser = route({
 *   method: "GET",
 *   path: "/users/:name",
 *   replies: { 200: Type.Object({ name: Type.String() }), 404: null },
 * });
 * const client = createClient({
 *   baseUrl: "https://example.org",
 *   fetch: async (url) => Response.json({ name: new URL(url).pathname }),
 * });
 * const reply = await client.call(getUser, { params: { name: "ada" } });
 * if (reply.status === 200) console.log(reply.content.name); // /users/ada
 * ```
 */
export function createClient(options: ClientOptions): Client {
  const { baseUrl, maxContentBytes = DEFAULT_MAX_CONTENT_BYTES } = options;
  if (/[?#]/.test(baseUrl))
    throw new TypeError(`Cannot make a client: found "${baseUrl}", wanted no query or fragment`);
  if (!Number.isSafeInteger(maxContentBytes) || maxContentBytes < 0) {
    throw new RangeError(`Cannot make a client: found maxContentBytes ${maxContentBytes}, wanted a whole number`);
  }
  const base = baseUrl.replace(/\/$/, "");
  return {
    // What comes back was checked by the schemas that its type is made of.
    call: (route, input?) => callRoute({ ...options, base, maxContentBytes }, route, input ?? {}) as never,
  };
}

interface Caller extends ClientOptions {
  readonly base: string;
  readonly maxContentBytes: number;
}

async function callRoute(caller: Caller, route: Route, input: AnyInput): Promise<unknown> {
  const { params, query, signal } = input;
  const url = caller.base + requestTarget(route, params, query);
  const init = requestOf(caller, route, input);
  // Not a method: the platform's fetch must not be called on another object.
  const send = caller.fetch ?? ((target: string, options: RequestInit) => fetch(target, options));
  const name = `${route.method} ${route.path}`;
  let response: Response;
  let text = "";
  try {
    response = await send(url, init);
    text = await readText(response, caller.maxContentBytes, name);
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    if (signal?.aborted === true)
      throw new ClientError("ERR_CLIENT_ABORTED", `Cannot finish ${name}: it was aborted`, { cause });
    throw new ClientError("ERR_CLIENT_NETWORK", `Cannot finish ${name}: no whole reply came`, { cause });
  }
  return { status: response.status, content: contentOf(caller, route, response, text), fields: response.headers };
}

function requestOf(caller: Caller, route: Route, { content, fields, signal }: AnyInput): RequestInit {
  const common = typeof caller.fields === "function" ? caller.fields() : caller.fields;
  const headers = new Headers({ Accept: "application/json", ...common, ...fields });
  const declaresRedirect = Object.keys(route.replies).some((status) => status.startsWith("3"));
  const init: RequestInit = { method: route.method, headers, redirect: declaresRedirect ? "manual" : "follow" };
  if (signal !== undefined) init.signal = signal;
  if (route.content === undefined) return init;
  headers.set("Content-Type", "application/json");
  const body = JSON.stringify(content) as string | undefined;
  if (body === undefined) throw new TypeError(`Cannot call ${route.method} ${route.path}: found no content`);
  return { ...init, body };
}

/** The content of a reply, up to a limit: what is longer is not read to its end. */
async function readText(response: Response, maxContentBytes: number, name: string): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let bytes = 0;
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maxContentBytes) {
      await reader.cancel();
      const found = `found content of more than ${maxContentBytes} bytes`;
      throw new ClientError("ERR_CLIENT_CONTENT", `Cannot read the reply to ${name}: ${found}`, {
        status: response.status,
      });
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** The content of a declared reply. Throws for any other. */
function contentOf(caller: Caller, route: Route, { status, headers }: Response, text: string): unknown {
  const schema = route.replies[status];
  const name = `${route.method} ${route.path}`;
  if (schema === undefined) {
    const content = parseOr(text, headers);
    throw new ClientError("ERR_CLIENT_STATUS", `Cannot use the reply to ${name}: found status ${status}`, {
      status,
      content,
    });
  }
  if (schema === null) return undefined;
  const refuse = (found: string, cause?: unknown): never => {
    throw new ClientError("ERR_CLIENT_CONTENT", `Cannot use the reply to ${name} with status ${status}: ${found}`, {
      status,
      cause,
    });
  };
  if (!isJson(headers)) return refuse("found content that is not JSON by its type");
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    return refuse("found content that is no JSON", cause);
  }
  if (caller.checkReplies !== false && !Check(schema, content)) return refuse("found content of another shape");
  return content;
}

function isJson(headers: Headers): boolean {
  return JSON_TYPE.test(headers.get("Content-Type") ?? "");
}

/** What a reply that nobody declared says, as well as it can be told. */
function parseOr(text: string, headers: Headers): unknown {
  if (!isJson(headers)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
