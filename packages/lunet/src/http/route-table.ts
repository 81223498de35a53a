/** What a router and the groups of its routes have in common: ways to add a route. */
import type { Handler, Middleware } from "./handler.ts";
import { compose } from "./hooks.ts";

/** A table that routes are added to: a `Router`, or a group of its routes. */
export abstract class RouteTable {
  /**
   * Adds a route.
   *
   * @param method As on the wire: `"GET"`. Methods are case-sensitive (RFC 9110, 9.1).
   * @param path Starts with `/`; segments are literal, encoded as on the wire, or `:name`, or last `*name`, with a name
   * of letters, digits and `_`.
   * @throws TypeError for a malformed method or path, and for a route that is there already.
   */
  abstract route(method: string, path: string, handler: Handler): this;

  get(path: string, handler: Handler): this {
    return this.route("GET", path, handler);
  }

  post(path: string, handler: Handler): this {
    return this.route("POST", path, handler);
  }

  put(path: string, handler: Handler): this {
    return this.route("PUT", path, handler);
  }

  patch(path: string, handler: Handler): this {
    return this.route("PATCH", path, handler);
  }

  delete(path: string, handler: Handler): this {
    return this.route("DELETE", path, handler);
  }

  /**
   * Routes of this table that begin with `prefix` and have hooks around them, the first outermost. Groups of a group have the
   * outer group's hooks around their own. What no route answers (404, 405, OPTIONS) is the router's, and has no group's hooks.
   *
   * @param prefix Empty, or as a route's path, without `/` at its end.
   * @throws TypeError for a malformed prefix.
   * @example
   * ```ts
   * import { before, empty, Router, text } from "lunet/http";
   * const router = new Router();
   * const isAdmin = before((request) => (request.field("x-admin") === "yes" ? undefined : empty(403)));
   * router.group("/admin", isAdmin).get("/reports", () => text("none\n"));
   * ```
   */
  group(prefix: string, ...middleware: readonly Middleware[]): RouteTable {
    if (prefix !== "" && (!prefix.startsWith("/") || prefix.endsWith("/"))) {
      throw new TypeError(`Cannot make group "${prefix}": wanted "/" in front and none at the end`);
    }
    return new RouteGroup(this, prefix, compose(...middleware));
  }
}

class RouteGroup extends RouteTable {
  readonly #table: RouteTable;
  readonly #prefix: string;
  readonly #around: Middleware;

  constructor(table: RouteTable, prefix: string, around: Middleware) {
    super();
    this.#table = table;
    this.#prefix = prefix;
    this.#around = around;
  }

  override route(method: string, path: string, handler: Handler): this {
    this.#table.route(method, this.#prefix + path, this.#around(handler));
    return this;
  }
}
