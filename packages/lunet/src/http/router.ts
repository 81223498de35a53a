/**
 * Finds the handler for a method and a path.
 *
 * Routes are kept by their segments: a static path is one look-up; parameters (`:id`) match one segment that is not
 * empty, a wildcard (`*rest`) the rest, which may be empty. Static goes before parameter, parameter before wildcard,
 * segment by segment. Paths are compared as they are on the wire; parameters are given decoded.
 *
 * The path decides alone which route it is, and the method is asked for there: a path that has a static route is never
 * served by a wildcard for another method.
 */
import { isToken } from "./fields.ts";
import type { Handler } from "./handler.ts";
import { HttpError } from "./http-error.ts";
import { NamedValues } from "./named-values.ts";
import { empty, type Reply } from "./reply.ts";
import type { HttpRequest } from "./request.ts";
import { RouteTable } from "./route-table.ts";
import { decodePath } from "./target.ts";

/** What a router does besides calling handlers. */
export interface RouterOptions {
  /** When no route has the path. Default: throws `HttpError` 404 (`ERR_HTTP_NOT_FOUND`). */
  readonly notFound?: Handler;
  /**
   * Makes the answer to a method that the path's routes have not. The router adds `Allow`. Default: 405 in words.
   */
  readonly methodNotAllowed?: (request: HttpRequest, allow: string) => Reply;
  /** Answers OPTIONS for a path that has routes, and for `*`. Default: 204 with `Allow`. */
  readonly onOptions?: (request: HttpRequest, allow: string) => Reply;
}

interface Endpoint {
  readonly handler: Handler;
  /** Names of the parameters in the order of their segments. */
  readonly names: readonly string[];
}

interface Node {
  readonly literals: Map<string, Node>;
  parameter: Node | undefined;
  /** By method. */
  wildcard: Map<string, Endpoint> | undefined;
  readonly endpoints: Map<string, Endpoint>;
}

/** A path on its way through the tree. */
interface Walk {
  readonly path: string;
  /** Segments of the path that stand for parameters, as on the wire, so far. */
  readonly values: string[];
}

/** A path with more segments than this has no route. */
const MAX_SEGMENTS = 64;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The characters of a segment (RFC 3986, 3.3), and of those that servers find in one all the same. */
const LITERAL = /^[\x21-\x7e]*$/;

function createNode(): Node {
  return { literals: new Map(), parameter: undefined, wildcard: undefined, endpoints: new Map() };
}

/**
 * A table of routes.
 *
 * GET routes answer HEAD as well. OPTIONS, and a method that a path has not, are answered with `Allow`.
 *
 * @example
 * ```ts
 * import { json, Router, text } from "lunet/http";
 * const router = new Router();
 * router.get("/", () => text("hello\n"));
 * router.get("/users/:name", (request) => json({ name: request.params["name"] }));
 * ```
 */
export class Router extends RouteTable {
  readonly #root = createNode();
  /** Static paths, whole. */
  readonly #literals = new Map<string, Map<string, Endpoint>>();
  readonly #methods = new Set<string>();
  readonly #options: RouterOptions;
  /** The table as a handler, for `serve`. */
  readonly handler: Handler;

  constructor(options: RouterOptions = {}) {
    super();
    this.#options = options;
    this.handler = (request) => this.#dispatch(request);
  }

  override route(method: string, path: string, handler: Handler): this {
    const { segments, names } = parsePath(path);
    if (!isToken(method)) throw new TypeError(`Cannot add route "${method} ${path}": wanted a token as the method`);
    let node = this.#root;
    let endpoints: Map<string, Endpoint> | undefined;
    for (const segment of segments) {
      if (segment.startsWith("*")) {
        endpoints = node.wildcard ??= new Map();
      } else if (segment.startsWith(":")) {
        node = node.parameter ??= createNode();
      } else {
        let next = node.literals.get(segment);
        if (next === undefined) node.literals.set(segment, (next = createNode()));
        node = next;
      }
    }
    endpoints ??= node.endpoints;
    if (endpoints.has(method)) throw new TypeError(`Cannot add route "${method} ${path}": it is there already`);
    endpoints.set(method, { handler, names });
    if (names.length === 0) this.#literals.set(path, endpoints);
    this.#methods.add(method);
    return this;
  }

  #dispatch(request: HttpRequest): Reply | Response | Promise<Reply | Response> {
    const { path, method } = request;
    // The server itself (RFC 9110, 9.3.7), not a path.
    if (path === "*") return this.#answerOptions(request, allowOf(this.#methods));
    const literal = this.#literals.get(path);
    if (literal !== undefined) {
      const endpoint = endpointOf(literal, method);
      return endpoint === undefined ? this.#refuseMethod(request, literal) : endpoint.handler(request);
    }
    const walk: Walk = { path, values: [] };
    const endpoints = isTooDeep(path) ? undefined : findEndpoints(this.#root, walk, 1);
    if (endpoints === undefined) {
      if (this.#options.notFound !== undefined) return this.#options.notFound(request);
      throw new HttpError("ERR_HTTP_NOT_FOUND", "Cannot find a route for the path");
    }
    const endpoint = endpointOf(endpoints, method);
    if (endpoint === undefined) return this.#refuseMethod(request, endpoints);
    request.params = decodeParams(endpoint.names, walk.values);
    return endpoint.handler(request);
  }

  #refuseMethod(request: HttpRequest, endpoints: Map<string, Endpoint>): Reply {
    const allow = allowOf(endpoints.keys());
    if (request.method === "OPTIONS") return this.#answerOptions(request, allow);
    const { methodNotAllowed } = this.#options;
    if (methodNotAllowed !== undefined) {
      const reply = methodNotAllowed(request, allow);
      return { ...reply, fields: { ...reply.fields, Allow: allow } };
    }
    return {
      status: 405,
      fields: { "Content-Type": "text/plain; charset=utf-8", Allow: allow },
      content: "405 Method Not Allowed\n",
    };
  }

  #answerOptions(request: HttpRequest, allow: string): Reply {
    return this.#options.onOptions?.(request, allow) ?? empty(204, { Allow: allow });
  }
}

/** The segments of a route's path, checked, and the names among them. */
function parsePath(path: string): { segments: string[]; names: string[] } {
  const refuse = (found: string): never => {
    throw new TypeError(`Cannot add route "${path}": ${found}`);
  };
  if (!path.startsWith("/")) refuse('wanted a path that starts with "/"');
  const segments = path.slice(1).split("/");
  if (segments.length > MAX_SEGMENTS) refuse(`found ${segments.length} segments, limit is ${MAX_SEGMENTS}`);
  const names: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const kind = segment[0];
    if (kind === ":" || kind === "*") {
      const name = segment.slice(1);
      if (!NAME.test(name)) refuse(`found "${segment}", wanted letters, digits and "_" after "${kind}"`);
      if (names.includes(name)) refuse(`found the name "${name}" twice`);
      if (kind === "*" && index !== segments.length - 1) refuse(`"${segment}" is not last`);
      names.push(name);
    } else if (!LITERAL.test(segment) || /[?#]/.test(segment)) {
      refuse(`found "${segment}", wanted a segment as it is on the wire, percent-encoded`);
    }
  }
  return { segments, names };
}

function allowOf(methods: Iterable<string>): string {
  const all = new Set([...methods, "OPTIONS"]);
  if (all.has("GET")) all.add("HEAD");
  return [...all].sort().join(", ");
}

function endpointOf(endpoints: Map<string, Endpoint>, method: string): Endpoint | undefined {
  return endpoints.get(method) ?? (method === "HEAD" ? endpoints.get("GET") : undefined);
}

function isTooDeep(path: string): boolean {
  // Each segment has its slash.
  if (path.length <= MAX_SEGMENTS) return false;
  let slashes = 0;
  for (let at = path.indexOf("/"); at !== -1 && slashes <= MAX_SEGMENTS; at = path.indexOf("/", at + 1)) slashes++;
  return slashes > MAX_SEGMENTS;
}

/**
 * The endpoints of the path from `start` on, where a segment begins; past the path's end there is none. A dead end goes back
 * to the last choice. Depth is bounded by `MAX_SEGMENTS`.
 */
function findEndpoints(node: Node, walk: Walk, start: number): Map<string, Endpoint> | undefined {
  const { path, values } = walk;
  if (start > path.length) return node.endpoints.size > 0 ? node.endpoints : undefined;
  const slash = path.indexOf("/", start);
  const end = slash === -1 ? path.length : slash;
  const segment = path.slice(start, end);
  const literal = node.literals.size === 0 ? undefined : node.literals.get(segment);
  if (literal !== undefined) {
    const endpoints = findEndpoints(literal, walk, end + 1);
    if (endpoints !== undefined) return endpoints;
  }
  if (node.parameter !== undefined && segment !== "") {
    values.push(segment);
    const endpoints = findEndpoints(node.parameter, walk, end + 1);
    if (endpoints !== undefined) return endpoints;
    values.pop();
  }
  if (node.wildcard === undefined) return undefined;
  values.push(path.slice(start));
  return node.wildcard;
}

function decodeParams(names: readonly string[], values: readonly string[]): Record<string, string> {
  const params = new NamedValues() as Record<string, string>;
  for (let at = 0; at < names.length; at++) params[names[at] as string] = decodePath(values[at] as string);
  return params;
}
