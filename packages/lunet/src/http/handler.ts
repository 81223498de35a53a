/** The function that answers requests. */
import type { Reply } from "./reply.ts";
import type { HttpRequest } from "./request.ts";
import { replyOf } from "./web-response.ts";

/**
 * Answers one request. One that does not wait returns its reply plainly, without a promise, and costs less.
 *
 * It runs in a coroutine: what it spawns ends before its reply is sent, and it is cancelled when the client goes away.
 * What it throws becomes a reply: `HttpError` with its status, anything else 500.
 */
export type Handler = (request: HttpRequest) => Reply | Response | Promise<Reply | Response>;

/** Whether a value has to be waited for. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown }).then === "function";
}

/** A handler around a handler: it may answer itself, and may change the request's reply. */
export type Middleware = (next: Handler) => Handler;

/**
 * Changes what a handler returned: at once when it has not to be waited for, so that a handler that returns plainly still costs
 * no wait. What the handler threw is not for it.
 *
 * @throws TypeError for what is no reply, as `replyOf`; what `change` throws.
 * @example
 * ```ts
 * import { afterReply, withFields, type Middleware } from "lunet/http";
 * const unstored: Middleware = (next) => (request) =>
 *   afterReply(next(request), (reply) => withFields(reply, { "Cache-Control": "no-store" }));
 * ```
 */
export function afterReply(
  result: ReturnType<Handler>,
  change: (reply: Reply) => Reply | Promise<Reply>,
): Reply | Promise<Reply> {
  if (isPromise(result)) return Promise.resolve(result).then((reply) => change(replyOf(reply)));
  return change(replyOf(result));
}
