/** The function that answers requests. */
import type { Reply } from "./reply.ts";
import type { HttpRequest } from "./request.ts";

/**
 * Answers one request. One that does not wait returns its reply plainly, without a promise, and costs less.
 *
 * It runs in a coroutine: what it spawns ends before its reply is sent, and it is cancelled when the client goes away.
 * What it throws becomes a reply: `HttpError` with its status, anything else 500.
 */
export type Handler = (request: HttpRequest) => Reply | Response | Promise<Reply | Response>;
