/** Typed routes on a router. */
import type { Route } from "../../client/mod.ts";
import type { Handler, Middleware } from "../handler.ts";
import { compose } from "../hooks.ts";
import { Router } from "../router.ts";
import { Endpoint, type RouteHandler } from "./endpoint.ts";

/** How an `Api` is made. */
export interface ApiOptions {
  /** Where its routes are added, beside others. Default: a new one. */
  readonly router?: Router;
  /**
   * Whether replies are checked by all of their schemas. Without it they are of the declared types, with what is declared and
   * nothing else, and constraints such as `minLength` are not looked at. Default: only in the trace build.
   */
  readonly checkReplies?: boolean;
}

/**
 * Routes that were declared with `route`, with their handlers.
 *
 * A request is checked first, path, then query, then content, and what is wrong is an `InvalidRequestError` that names every field:
 * 400, or 422 for the content. Content must be JSON (415) and there. A handler whose content has come with the head, or that
 * declares none, is called without a wait.
 *
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { serve } from "lunet/http";
 * import { Api, route } from "lunet/http/routes";
 * import { Type } from "typebox";
 * const Article = Type.Object({ slug: Type.String(), title: Type.String() });
 * const getArticle = route({ method: "GET", path: "/articles/:slug", replies: { 200: Article } });
 * const api = new Api();
 * api.handle(getArticle, ({ params, reply }) => reply(200, { slug: params.slug, title: "How to train" }));
 * await run(async () => {
 *   await using server = await serve(api, { port: 0 });
 *   const { title } = (await (await fetch(`${server.url}/articles/a`)).json()) as { title: string };
 *   console.log(title); // How to train
 * });
 * ```
 */
export class Api {
  readonly router: Router;
  /** All routes, of its groups too, in the order they were added. */
  readonly routes: readonly Route[];
  /** Answers requests, for `serve`: the router's. */
  readonly handler: Handler;
  readonly #routes: Route[];
  readonly #around: Middleware;
  readonly #checksReplies: boolean | undefined;

  constructor(options: ApiOptions = {}, group?: { readonly routes: Route[]; readonly around: Middleware }) {
    this.router = options.router ?? new Router();
    this.handler = this.router.handler;
    this.routes = this.#routes = group?.routes ?? [];
    this.#around = group?.around ?? compose();
    this.#checksReplies = options.checkReplies;
  }

  /**
   * Adds a route.
   *
   * @param middleware Hooks of this route, the first outermost, inside those of its group. They stand around the checks.
   * @throws TypeError for a path that is malformed or there already, and for a schema that a reply cannot be serialized by.
   */
  handle<R extends Route>(route: R, handler: RouteHandler<R>, ...middleware: readonly Middleware[]): this {
    // What the endpoint calls it with was checked by the schemas that its types are made of.
    const endpoint = new Endpoint(route, handler as ConstructorParameters<typeof Endpoint>[1], this.#checksReplies);
    this.router.route(route.method, route.path, this.#around(compose(...middleware)(endpoint.handle)));
    this.#routes.push(route);
    return this;
  }

  /** The same API, with hooks around the routes that are added through it. The first is outermost. */
  group(...middleware: readonly Middleware[]): Api {
    const { router } = this;
    const options = this.#checksReplies === undefined ? { router } : { router, checkReplies: this.#checksReplies };
    return new Api(options, { routes: this.#routes, around: compose(this.#around, ...middleware) });
  }
}
