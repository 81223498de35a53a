/** The application: every route in one table, and what holds for all of them. */
import type { Database } from "lunet/db";
import {
  databaseRateLimits,
  empty,
  rateLimit,
  requestIds,
  Router,
  type Handler,
  type HttpRequest,
  type Middleware,
  type Reply,
  type ReplyFields,
  type ServerOptions,
} from "lunet/http";
import { ArticleEvents, EventStream } from "./article-events.ts";
import { ArticleLists } from "./article-lists.ts";
import { ArticleReply, ArticlesReply } from "./article-rows.ts";
import { Articles, ArticleUpdate, NewArticle } from "./articles.ts";
import { Authentication, type Viewer } from "./auth.ts";
import { CommentReply, Comments, CommentsReply, NewComment } from "./comments.ts";
import { ApiError, errorReply, isExpected, notFound } from "./errors.ts";
import { KeptAnswers } from "./kept-answers.ts";
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
  /** Bytes of answers to anonymous readers that may be kept. */
  readonly keptAnswersBytes: number;
  /** Log-ins and registrations that one address may try per minute. Default 0: no limit. Its table is made before. */
  readonly loginLimit?: number;
  /** Streams of live events that are open at most. Default 1,000; 0 for none at all. */
  readonly eventStreams?: number;
  /** As `serve` takes them. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** True from the begin of the shutdown. */
  readonly isDraining: () => boolean;
  /** Answers GET outside `/api` where no route is: the place of a web UI. Default: 404. */
  readonly pages?: Handler;
}

/** A handler for `serve`, and the options that it needs there. */
export interface App {
  readonly handler: Handler;
  readonly routes: readonly Route[];
  /** Looks for those who follow live events, until it is cancelled. Spawn it, once. */
  readonly watch: () => Promise<never>;
  readonly serverOptions: Pick<
    ServerOptions,
    "fields" | "trustedProxies" | "limits" | "errorReply" | "onFailure" | "onReply"
  >;
}

/**
 * How long a request may take, in milliseconds. What it runs in the database is cancelled then: a server that hangs and closes
 * no connection holds nobody for longer.
 */
const HANDLER_TIMEOUT_MS = 15_000;

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

function routesOf(options: AppOptions, events: ArticleEvents): readonly Route[] {
  const { database, tokens, passwords } = options;
  const users = new Users(database, tokens, passwords);
  const profiles = new Profiles(database);
  const lists = new ArticleLists(database);
  const articles = new Articles(database);
  const comments = new Comments(database);
  const tags = new Tags(database);
  const health = new Health(database, options.isDraining);
  return [
    route("POST /api/users", "none", "Register", users.register, {
      content: NewUser,
      status: 201,
      reply: UserReply,
      errors: [409, 429, 503],
      limited: true,
    }),
    route("POST /api/users/login", "none", "Log in", users.login, {
      content: Login,
      reply: UserReply,
      errors: [401, 429, 503],
      limited: true,
    }),
    route("GET /api/user", "required", "The current user", users.current, { reply: UserReply }),
    route("PUT /api/user", "required", "Change the current user", users.update, {
      content: UserUpdate,
      reply: UserReply,
      errors: [409, 503],
    }),

    route("GET /api/profiles/:username", "optional", "A profile", profiles.get, {
      reply: ProfileReply,
      errors: [404],
      keep: true,
    }),
    route("POST /api/profiles/:username/follow", "required", "Follow a user", profiles.follow, {
      reply: ProfileReply,
      errors: [404, 422],
    }),
    route("DELETE /api/profiles/:username/follow", "required", "Unfollow a user", profiles.unfollow, {
      reply: ProfileReply,
      errors: [404],
    }),

    route("GET /api/articles", "optional", "Articles, newest first", lists.list, {
      reply: ArticlesReply,
      query: ["tag", "author", "favorited", "limit", "offset"],
      keep: true,
      errors: [422],
    }),
    route("GET /api/articles/feed", "required", "Articles of those whom one follows, newest first", lists.feed, {
      reply: ArticlesReply,
      query: ["limit", "offset"],
      errors: [422],
    }),
    route("GET /api/articles/:slug", "optional", "An article", articles.get, {
      reply: ArticleReply,
      errors: [404],
      keep: true,
    }),
    route("POST /api/articles", "required", "Publish an article", articles.create, {
      content: NewArticle,
      status: 201,
      reply: ArticleReply,
    }),
    route("PUT /api/articles/:slug", "required", "Change an article", articles.update, {
      content: ArticleUpdate,
      reply: ArticleReply,
      errors: [403, 404],
    }),
    route("DELETE /api/articles/:slug", "required", "Delete an article", articles.remove, {
      status: 204,
      errors: [403, 404],
    }),
    route("POST /api/articles/:slug/favorite", "required", "Favourite an article", articles.favorite, {
      reply: ArticleReply,
      errors: [404],
    }),
    route("DELETE /api/articles/:slug/favorite", "required", "Take a favourite back", articles.unfavorite, {
      reply: ArticleReply,
      errors: [404],
    }),

    route("GET /api/articles/:slug/comments", "optional", "The comments on an article, newest first", comments.list, {
      reply: CommentsReply,
      keep: true,
      errors: [404],
    }),
    route("POST /api/articles/:slug/comments", "required", "Comment on an article", comments.create, {
      content: NewComment,
      status: 201,
      reply: CommentReply,
      errors: [404],
    }),
    route("DELETE /api/articles/:slug/comments/:id", "required", "Delete a comment", comments.remove, {
      status: 204,
      errors: [403, 404],
    }),

    route("GET /api/tags", "none", "The tags in use", tags.list, { reply: TagsReply, keep: true }),

    route("GET /api/events", "none", "What changes about articles, as server-sent events", events.follow, {
      reply: EventStream,
      mediaType: "text/event-stream",
      query: ["slug"],
      errors: [404, 422, 503],
    }),

    route("GET /healthz", "none", "Whether the process is up", health.alive, { reply: HealthReply }),
    route("GET /readyz", "none", "Whether the process can work", health.ready, { reply: HealthReply, errors: [503] }),
  ];
}

/** Guessing passwords is made slow, by a count that all processes share. */
function loginLimit({ database, log, loginLimit: limit = 0 }: AppOptions): Middleware | undefined {
  if (limit === 0) return undefined;
  const place = databaseRateLimits(database);
  return rateLimit({ name: "login", limit, windowMs: 60_000, place, onFailure: (error) => log.failure(error) });
}

function preflight(allow: string): Reply {
  return empty(204, { ...PREFLIGHT_FIELDS, Allow: allow, "Access-Control-Allow-Methods": allow });
}

/** Makes the application. Call it in a coroutine, after the database has been migrated. */
export function createApp(options: AppOptions): App {
  const { database, tokens, log, pages, keptAnswersBytes, trustedProxies = [] } = options;
  const authentication = new Authentication(database, tokens);
  const onFailure = (error: unknown, request?: HttpRequest): void => {
    if (!isExpected(error)) log.failure(error, request);
  };
  const events = new ArticleEvents(database, { maxStreams: options.eventStreams, onFailure });
  const routes = routesOf(options, events);
  const documentation = new Documentation(routes);
  const kept = new KeptAnswers(database, keptAnswersBytes);
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
  const limited = loginLimit(options);
  for (const row of routes) {
    const handler = routeHandler(row, authentication, kept, log.logsRequests ? onViewer : undefined);
    router.route(row.method, row.path, row.limited && limited !== undefined ? limited(handler) : handler);
  }
  router.get("/openapi.json", documentation.document).get("/docs", documentation.page);

  return {
    // A proxy's request ids are taken over and told.
    handler: trustedProxies.length > 0 ? requestIds()(router.handler) : router.handler,
    routes,
    watch: () => events.watch(),
    serverOptions: {
      fields: COMMON_FIELDS,
      trustedProxies,
      limits: { handlerTimeoutMs: HANDLER_TIMEOUT_MS },
      errorReply: (error, request) => {
        if (request === undefined) log.refused(error);
        return errorReply(error);
      },
      onFailure,
      ...(log.logsRequests ? { onReply: (event) => log.request(event, viewers.get(event.request)) } : {}),
    },
  };
}
