/** Identifiers of requests, told to whoever sent them. */
import { isToken } from "../fields.ts";
import type { Middleware } from "../handler.ts";
import { isRequestId } from "../request-id.ts";

/** How requests get their identifiers. */
export interface RequestIdsOptions {
  /** The field that has it, in requests of trusted proxies and in replies. Default `X-Request-Id`. */
  readonly field?: string;
}

/**
 * Every reply tells the request's identifier, which is `request.id` and stands in the access log: what a proxy among
 * `trustedProxies` gave (1 to 128 letters, digits and `._~+/=:@-`), else one that is made here, unique over processes
 * and restarts. It is no secret. Put it outermost, so that error replies have it.
 *
 * @throws TypeError for a field's name that is no token.
 * @example
 * ```ts
 * import { json, requestIds } from "lunet/http";
 * import { requestInProcess } from "lunet/testing";
 * import { runRoot } from "lunet";
 * await runRoot(async () => {
 *   const reply = await requestInProcess(requestIds()((request) => json({ id: request.id })));
 *   console.log(reply.field("x-request-id") === (reply.json() as { id: string }).id); // true
 * });
 * ```
 */
export function requestIds(options: RequestIdsOptions = {}): Middleware {
  const { field = "X-Request-Id" } = options;
  if (!isToken(field)) {
    throw new TypeError(`Cannot use ${JSON.stringify(field)} for request ids: wanted the name of a field`);
  }
  const name = field.toLowerCase();
  return (next) => (request) => {
    const given = request.fromTrustedProxy ? request.field(name) : undefined;
    if (given !== undefined && isRequestId(given)) request.id = given;
    request.addReplyFields({ [field]: request.id });
    return next(request);
  };
}
