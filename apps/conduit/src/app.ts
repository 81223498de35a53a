/** The application: every route in one table, and what holds for all of them. */
import type { Database } from "lunet/db";
import {
  empty,
  Router,
  type Handler,
  type HttpRequest,
  type Reply,
  type ReplyFields,
  type ServerOptions,
} from "lunet/http";
import { Articles, ArticleReply, ArticlesReply, ArticleUpdate, NewArticle } from "./articles.ts";
import { Authentication, type Viewer } from "./auth.ts";
import { CommentReply, Comments, CommentsReply, NewComment } from "./comments.ts";
import { ApiError, errorReply, isExpected, notFound } from "./errors.ts";
import { Health, HealthReply } from "./health.ts";
import type { Log } from "./log.ts";
import { Documentation } from "./openapi.ts";
import type { Passwords } from "./password.ts";
import { ProfileReply, Profiles } from "./profiles.ts";
import { route, routeHandler, type Route } from "./route.ts";
import { Tags, TagsReply } from "./tags.ts";
import type { Tokens } from "./token.ts";
import { Login, NewUser, UserReply, Users, UserUpdate } from "./users.ts";

/** What the application works with. It owns none of it. */
export interface AppOptions {
  readonly database: Database;
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly log: Log;
  /** True from the begin of the shutdown. */
  readonly isDraining: () => boolean;
  /** Answers GET outside `/api` where no route is: the place of a web UI. Default: 404. */
  readonly pages?: Handler;
}

/** A handler for `serve`, and the options that it needs there. */
export interface App {
  readonly handler: Handler;
  readonly routes: readonly Route[];
  readonly serverOptions: Pick<ServerOptions, "fields" | "errorReply" | "onFailure" | "onReply">;
}

/** On every reply. Tokens travel in a field and not in a cookie, so any page may call the API. */
const COMMON_FIELDS: ReplyFields = Object.freeze({
  "Access-Control-Allow-Origin": "*",
  "X-Content-Type-Options": "nosniff",
});

/** What a page of another origin may send, and for how long a browser may remember it, in seconds. */
const PREFLIGHT_FIELDS: ReplyFields = Object.freeze({
  "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Requested-With",
  "Access-Control-Max-Age": "86400",
});
const ALL_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS";

function routesOf(options: AppOptions): readonly Route[] {
  const { database, tokens, passwords } = options;
  const users = new Users(database, tokens, passwords);
  const profiles = new Profiles(database);
  const articles = new Articles(database);
  const comments = new Comments(database);
  const tags = new Tags(database);
  const health = new Health(database, options.isDraining);
  // oxfmt-ignore
  return [
    route({ method: "POST", path: "/api/users", auth: "none", content: NewUser, status: 201, reply: UserReply, errors: [409, 503], summary: "Register", handler: users.register }),
    route({ method: "POST", path: "/api/users/login", auth: "none", content: Login, reply: UserReply, errors: [401, 503], summary: "Log in", handler: users.login }),
    route({ method: "GET", path: "/api/user", auth: "required", reply: UserReply, summary: "The current user", handler: users.current }),
    route({ method: "PUT", path: "/api/user", auth: "required", content: UserUpdate, reply: UserReply, errors: [409, 503], summary: "Change the current user", handler: users.update }),

    route({ method: "GET", path: "/api/profiles/:username", auth: "optional", reply: ProfileReply, errors: [404], summary: "A profile", handler: profiles.get }),
    route({ method: "POST", path: "/api/profiles/:username/follow", auth: "required", reply: ProfileReply, errors: [404, 422], summary: "Follow a user", handler: profiles.follow }),
    route({ method: "DELETE", path: "/api/profiles/:username/follow", auth: "required", reply: ProfileReply, errors: [404], summary: "Unfollow a user", handler: profiles.unfollow }),

    route({ method: "GET", path: "/api/articles", auth: "optional", reply: ArticlesReply, query: ["tag", "author", "favorited", "limit", "offset"], errors: [422], summary: "Articles, newest first", handler: articles.list }),
    route({ method: "GET", path: "/api/articles/feed", auth: "required", reply: ArticlesReply, query: ["limit", "offset"], errors: [422], summary: "Articles of those whom the current user follows, newest first", handler: articles.feed }),
    route({ method: "GET", path: "/api/articles/:slug", auth: "optional", reply: ArticleReply, errors: [404], summary: "An article", handler: articles.get }),
    route({ method: "POST", path: "/api/articles", auth: "required", content: NewArticle, status: 201, reply: ArticleReply, summary: "Publish an article", handler: articles.create }),
    route({ method: "PUT", path: "/api/articles/:slug", auth: "required", content: ArticleUpdate, reply: ArticleReply, errors: [403, 404], summary: "Change an article", handler: articles.update }),
    route({ method: "DELETE", path: "/api/articles/:slug", auth: "required", status: 204, errors: [403, 404], summary: "Delete an article", handler: articles.remove }),
    route({ method: "POST", path: "/api/articles/:slug/favorite", auth: "required", reply: ArticleReply, errors: [404], summary: "Favourite an article", handler: articles.favorite }),
    route({ method: "DELETE", path: "/api/articles/:slug/favorite", auth: "required", reply: ArticleReply, errors: [404], summary: "Take a favourite back", handler: articles.unfavorite }),

    route({ method: "GET", path: "/api/articles/:slug/comments", auth: "optional", reply: CommentsReply, errors: [404], summary: "The comments on an article, newest first", handler: comments.list }),
    route({ method: "POST", path: "/api/articles/:slug/comments", auth: "required", content: NewComment, status: 201, reply: CommentReply, errors: [404], summary: "Comment on an article", handler: comments.create }),
    route({ method: "DELETE", path: "/api/articles/:slug/comments/:id", auth: "required", status: 204, errors: [403, 404], summary: "Delete a comment", handler: comments.remove }),

    route({ method: "GET", path: "/api/tags", auth: "none", reply: TagsReply, summary: "The tags in use", handler: tags.list }),

    route({ method: "GET", path: "/healthz", auth: "none", reply: HealthReply, summary: "Whether the process is up", handler: health.alive }),
    route({ method: "GET", path: "/readyz", auth: "none", reply: HealthReply, errors: [503], summary: "Whether the process can work", handler: health.ready }),
  ];
}

function preflight(allow: string): Reply {
  return empty(204, { ...PREFLIGHT_FIELDS, Allow: allow, "Access-Control-Allow-Methods": allow });
}

/** Makes the application. Call it in a coroutine, after the database has been migrated. */
export function createApp(options: AppOptions): App {
  const { database, tokens, log, pages } = options;
  const authentication = new Authentication(database, tokens);
  const routes = routesOf(options);
  const documentation = new Documentation(routes);
  const viewers = new WeakMap<HttpRequest, number>();
  const onViewer = (request: HttpRequest, viewer: Viewer): void => void viewers.set(request, viewer.id);

  const router = new Router({
    notFound: (request) => {
      // A preflight never fails, so that a page gets to see the answer to its request.
      if (request.method === "OPTIONS") return preflight(ALL_METHODS);
      const isPage = request.method === "GET" || request.method === "HEAD";
      if (pages !== undefined && isPage && !/^\/api(?:\/|$)/.test(request.path)) return pages(request);
      return errorReply(notFound("route"));
    },
    methodNotAllowed: () => errorReply(new ApiError(405, { method: ["not allowed"] })),
    onOptions: (_request, allow) => preflight(allow),
  });
  for (const row of routes) {
    router.route(row.method, row.path, routeHandler(row, authentication, log.logsRequests ? onViewer : undefined));
  }
  router.get("/openapi.json", documentation.document).get("/docs", documentation.page);

  return {
    handler: router.handler,
    routes,
    serverOptions: {
      fields: COMMON_FIELDS,
      errorReply: (error, request) => {
        if (request === undefined) log.refused(error);
        return errorReply(error);
      },
      onFailure: (error, request) => {
        if (!isExpected(error)) log.failure(error, request);
      },
      ...(log.logsRequests ? { onReply: (event) => log.request(event, viewers.get(event.request)) } : {}),
    },
  };
}
