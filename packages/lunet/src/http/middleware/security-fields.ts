/** Fields that tell browsers to be careful with replies. */
import type { Middleware } from "../handler.ts";
import { fieldsText } from "../reply-fields.ts";
import type { ReplyFields } from "../reply.ts";
import type { HttpRequest } from "../request.ts";

/** What browsers are told. */
export interface SecurityFieldsOptions {
  /**
   * The policy of pages (CSP 3), or a function that gives it for a request; `undefined` as its result, or false, sends none. Default: what
   * the own origin has, no plug-ins, and no page around it.
   */
  readonly contentSecurityPolicy?: string | false | ((request: HttpRequest) => string | undefined);
  /** What links tell of where they were found. Default `same-origin`: nothing to others. */
  readonly referrerPolicy?: string;
  /**
   * How long browsers shall come over TLS only (RFC 6797), in seconds, 0 to 63,072,000; 0 sends nothing. Sent only when the user
   * came over TLS, as a trusted proxy says. Default 15,552,000, half a year.
   */
  readonly hstsSeconds?: number;
}

const DEFAULT_POLICY =
  "default-src 'self'; base-uri 'self'; form-action 'self'; object-src 'none'; frame-ancestors 'none'";
const DEFAULT_HSTS_S = 180 * 86_400;
const MAX_HSTS_S = 2 * 365 * 86_400;

/**
 * Adds `X-Content-Type-Options: nosniff`, `Content-Security-Policy`, `Referrer-Policy`, and behind TLS
 * `Strict-Transport-Security`, to every reply. A handler must not set them too: browsers apply two policies together.
 *
 * @throws RangeError for `hstsSeconds`; TypeError for a value that no field can have.
 * @example
 * ```ts
 * import { html, securityFields, type Handler } from "lunet/http";
 * const handler: Handler = securityFields({ referrerPolicy: "no-referrer" })(() => html("<h1>hello</h1>"));
 * ```
 */
export function securityFields(options: SecurityFieldsOptions = {}): Middleware {
  const { contentSecurityPolicy = DEFAULT_POLICY, referrerPolicy = "same-origin" } = options;
  const { hstsSeconds = DEFAULT_HSTS_S } = options;
  if (!Number.isInteger(hstsSeconds) || hstsSeconds < 0 || hstsSeconds > MAX_HSTS_S) {
    throw new RangeError(`Cannot use hstsSeconds: found ${hstsSeconds}, wanted a whole number from 0 to ${MAX_HSTS_S}`);
  }
  const always: ReplyFields = Object.freeze({
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": referrerPolicy,
    ...(typeof contentSecurityPolicy === "string" ? { "Content-Security-Policy": contentSecurityPolicy } : {}),
  });
  // Checked here, and not by each request.
  fieldsText(always);
  const overTls: ReplyFields = Object.freeze({ "Strict-Transport-Security": `max-age=${hstsSeconds}` });
  return (next) => (request) => {
    request.addReplyFields(always);
    if (hstsSeconds > 0 && request.scheme === "https") request.addReplyFields(overTls);
    const policy = typeof contentSecurityPolicy === "function" ? contentSecurityPolicy(request) : undefined;
    if (policy !== undefined) request.addReplyFields({ "Content-Security-Policy": policy });
    return next(request);
  };
}
