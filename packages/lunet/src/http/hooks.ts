/**
 * Hooks around handlers: before, after, on error. Each is a `Middleware`, so they compose, and stand around one route, a group
 * of routes, or the whole server alike.
 *
 * Order: the first of a list is outermost. `compose(a, b)(handler)` is a's before, b's before, the handler, b's after, a's
 * after. An error goes outwards from where it was thrown: hooks inside of it do not see it, `after` of hooks it passes is
 * not called, and the first `onError` that answers ends it.
 *
 * What does not wait stays without a wait: a hook around a handler that returns plainly costs no coroutine and no promise.
 */
import { Cancelled } from "../co/mod.ts";
import { afterReply, isPromise, type Handler, type Middleware } from "./handler.ts";
import type { Reply } from "./reply.ts";
import type { HttpRequest } from "./request.ts";

type Answer = Reply | Response | undefined | void;

/**
 * Several as one: the first is outermost. `compose()` changes nothing.
 *
 * @example
 * ```ts
 * import { after, before, compose, empty, serve, text, withFields } from "lunet/http";
 * import { run } from "lunet";
 * const hooks = compose(
 *   after((reply) => withFields(reply, { "Cache-Control": "no-store" })),
 *   before((request) => (request.field("authorization") === undefined ? empty(401) : undefined)),
 * );
 * await run(async () => {
 *   await using server = await serve(hooks(() => text("hello\n")), { port: 0 });
 * });
 * ```
 */
export function compose(...middleware: readonly Middleware[]): Middleware {
  return (next) => middleware.reduceRight((inner, outer) => outer(inner), next);
}

/** Looks at a request first. What it returns is the reply, and the handler is not called; undefined lets the request pass. */
export function before(look: (request: HttpRequest) => Answer | Promise<Answer>): Middleware {
  return (next) => (request) => {
    const answer = look(request);
    if (answer === undefined) return next(request);
    return isPromise(answer) ? answerOrPass(answer, next, request) : answer;
  };
}

async function answerOrPass(
  answer: PromiseLike<Answer>,
  next: Handler,
  request: HttpRequest,
): Promise<Reply | Response> {
  return (await answer) ?? next(request);
}

/**
 * Changes a reply before it is sent, be it the handler's or one that a hook inside gave. An error that nobody inside has
 * answered is none.
 */
export function after(change: (reply: Reply, request: HttpRequest) => Reply | Promise<Reply>): Middleware {
  return (next) => (request) => afterReply(next(request), (reply) => change(reply, request));
}

/**
 * Answers what the handler, or a hook inside, has thrown: an `HttpError` or anything else. Undefined lets the error go on, to
 * the next `onError` outside and then to the server, which answers with its status, or 500. An error that is answered here is
 * not reported to `onFailure`. A cancel is no error, and passes.
 */
export function onError(
  answer: (error: unknown, request: HttpRequest) => Reply | undefined | Promise<Reply | undefined>,
): Middleware {
  return (next) => {
    const settle = async (result: PromiseLike<Reply | Response>, request: HttpRequest): Promise<Reply | Response> => {
      try {
        return await result;
      } catch (error) {
        return answerError(error, request, answer);
      }
    };
    return (request) => {
      try {
        const result = next(request);
        return isPromise(result) ? settle(result, request) : result;
      } catch (error) {
        return answerError(error, request, answer);
      }
    };
  };
}

type AnswerError = Parameters<typeof onError>[0];

function answerError(error: unknown, request: HttpRequest, answer: AnswerError): Reply | Promise<Reply> {
  if (error instanceof Cancelled) throw error;
  const reply = answer(error, request);
  if (reply !== undefined && isPromise(reply)) return replyOrError(reply, error);
  if (reply === undefined) throw error;
  return reply;
}

async function replyOrError(answer: PromiseLike<Reply | undefined>, error: unknown): Promise<Reply> {
  const reply = await answer;
  if (reply === undefined) throw error;
  return reply;
}
