/**
 * Cross-origin requests (Fetch Standard, 3.2, "CORS protocol"): which pages of other origins may read replies, and what they
 * may send.
 *
 * It protects nobody but users of browsers, and no route: a request that only changes something is served whatever its
 * origin. Private Network Access, a preflight for networks of one's own, was given up for a prompt in the browser; nothing
 * is answered to it.
 */
import { isToken } from "../fields.ts";
import type { Middleware } from "../handler.ts";
import { empty, type ReplyFields } from "../reply.ts";
import type { HttpRequest } from "../request.ts";

/** Which pages of other origins may do what. */
export interface CorsOptions {
  /**
   * Origins whose pages may read replies: `"*"` for all; a list of origins as browsers send them, `"https://www.example.com"`; or a
   * function that tells, which does not wait. `"null"` is every sandboxed page.
   */
  readonly origins: "*" | readonly string[] | ((origin: string, request: HttpRequest) => boolean);
  /** Whether pages may send cookies and read what came for them. Not with `"*"`, and not with `"null"`. Default false. */
  readonly credentials?: boolean;
  /** Default GET, HEAD, POST, PUT, PATCH, DELETE. */
  readonly methods?: readonly string[];
  /** Fields that pages may send besides the harmless ones. Default `Authorization` and `Content-Type`. */
  readonly allowedFields?: readonly string[];
  /** Fields of replies that pages may read besides the harmless ones. Default: none. */
  readonly exposedFields?: readonly string[];
  /** How long a browser may remember an answered preflight, in seconds, 0 to 86,400. Default 7,200. */
  readonly maxAgeSeconds?: number;
}

const DEFAULT_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const DEFAULT_ALLOWED_FIELDS = ["Authorization", "Content-Type"];
const DEFAULT_MAX_AGE_S = 7_200;
const DAY_S = 86_400;
/** What a browser sends for schemes of which the URL Standard knows no origin: `capacitor://localhost`. */
const OTHER_ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+(?::[0-9]+)?$/;
const NO_FIELDS: ReplyFields = Object.freeze({});

/**
 * Answers preflights with 204 before any route sees them, and adds to every other reply, error replies too, what
 * lets the page read it. Put it around the router. Unless `origins` is `"*"`, replies have `Vary: Origin`. A message that is
 * refused before it is a request (400, 414, 431) has no origin; with `"*"` the server's option `fields` can say so there.
 *
 * @throws TypeError for what can never work: an origin with a path, a name that is no token, `"*"` together with credentials;
 * RangeError for `maxAgeSeconds`.
 * @example
 * ```ts
 * import { cors, json, Router, type Handler } from "lunet/http";
 * const router = new Router().get("/", () => json({}));
 * const handler: Handler = cors({ origins: ["https://www.example.com"], credentials: true })(router.handler);
 * ```
 */
export function cors(options: CorsOptions): Middleware {
  const { origins } = options;
  checkOptions(options);
  const preflightFields = preflightFieldsOf(options);
  const always: ReplyFields = Object.freeze(origins === "*" ? readableFields("*", options) : { Vary: "Origin" });
  const isAllowed = origins === "*" ? () => true : typeof origins === "function" ? origins : memberOf(origins);
  return (next) => (request) => {
    request.addReplyFields(always);
    const origin = request.field("origin");
    if (origin === undefined) return next(request);
    const allowed = isAllowed(origin, request);
    if (allowed && origins !== "*") request.addReplyFields(readableFields(origin, options));
    const isPreflight = request.method === "OPTIONS" && request.field("access-control-request-method") !== undefined;
    return isPreflight ? empty(204, allowed ? preflightFields : NO_FIELDS) : next(request);
  };
}

function memberOf(origins: readonly string[]): (origin: string) => boolean {
  const set = new Set(origins);
  return (origin) => set.has(origin);
}

function readableFields(origin: string, { credentials = false, exposedFields = [] }: CorsOptions): ReplyFields {
  return {
    "Access-Control-Allow-Origin": origin,
    ...(credentials ? { "Access-Control-Allow-Credentials": "true" } : {}),
    ...(exposedFields.length > 0 ? { "Access-Control-Expose-Headers": exposedFields.join(", ") } : {}),
  };
}

function preflightFieldsOf(options: CorsOptions): ReplyFields {
  const { methods = DEFAULT_METHODS, allowedFields = DEFAULT_ALLOWED_FIELDS } = options;
  return Object.freeze({
    "Access-Control-Allow-Methods": methods.join(", "),
    ...(allowedFields.length > 0 ? { "Access-Control-Allow-Headers": allowedFields.join(", ") } : {}),
    "Access-Control-Max-Age": String(options.maxAgeSeconds ?? DEFAULT_MAX_AGE_S),
  });
}

function checkOptions(options: CorsOptions): void {
  const { origins, credentials = false, maxAgeSeconds = DEFAULT_MAX_AGE_S } = options;
  const names = [...(options.methods ?? []), ...(options.allowedFields ?? []), ...(options.exposedFields ?? [])];
  for (const name of names) {
    if (!isToken(name))
      throw new TypeError(`Cannot allow ${JSON.stringify(name)}: wanted the name of a method or a field`);
  }
  for (const origin of Array.isArray(origins) ? (origins as readonly string[]) : []) {
    if (!isOrigin(origin)) {
      throw new TypeError(
        `Cannot allow the origin ${JSON.stringify(origin)}: wanted one as browsers send it, such as "https://www.example.com"`,
      );
    }
  }
  // Browsers take "*" for a name of its own there, and a sandboxed page of anybody's is "null".
  const isForAll = origins === "*" || (Array.isArray(origins) && origins.includes("null"));
  if (credentials && (isForAll || names.includes("*"))) {
    throw new TypeError('Cannot allow credentials: found "*" or "null", wanted origins, methods and fields by name');
  }
  if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0 || maxAgeSeconds > DAY_S) {
    throw new RangeError(`Cannot use maxAgeSeconds: found ${maxAgeSeconds}, wanted a whole number from 0 to ${DAY_S}`);
  }
}

function isOrigin(text: string): boolean {
  if (text === "null") return true;
  if (text.includes("*") || !URL.canParse(text)) return false;
  const { origin } = new URL(text);
  return origin === text || (origin === "null" && OTHER_ORIGIN.test(text));
}
