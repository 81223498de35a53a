/** The server, as the pages call it: the only place that fetches. */
import {
  decodeArticle,
  decodeArticles,
  decodeComment,
  decodeComments,
  decodeErrors,
  decodeProfile,
  decodeTags,
  decodeUser,
  UnreadableAnswer,
  type Article,
  type ArticlePage,
  type Comment,
  type Profile,
  type User,
} from "./decode.ts";
import { articlesPath, feedPath, type ArticleFilter } from "./list-path.ts";
import { token } from "./token.ts";

/** How long an answer may take, in milliseconds. */
const READ_TIMEOUT_MS = 15_000;
const WRITE_TIMEOUT_MS = 30_000;

/**
 * What became of a request that brought nothing:
 * - `refused`: the server says that it is wrong as it stands (4xx);
 * - `failed`: the server could not (5xx), or its answer cannot be read;
 * - `unreachable`: there was no answer, or a proxy says that the server is away (502, 503, 504): it is worth trying again.
 */
export type Failure = "refused" | "failed" | "unreachable";

/** A request that brought nothing, and what the visitor is told. */
export class ApiError extends Error {
  readonly failure: Failure;
  /** Undefined without an answer. */
  readonly status: number | undefined;
  readonly messages: readonly string[];

  constructor(failure: Failure, status: number | undefined, messages: readonly string[], options?: ErrorOptions) {
    super(messages.join("; "), options);
    this.name = "ApiError";
    this.failure = failure;
    this.status = status;
    this.messages = messages;
  }
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** Finds out about a token that was refused to a request. */
type RefusedTokenListener = (token: string) => Promise<void>;

let onRefusedToken: RefusedTokenListener = async () => {};

/** Sets who is told of tokens that are refused. The request that was refused waits for it before it fails. */
export function whenTokenIsRefused(listener: RefusedTokenListener): void {
  onRefusedToken = listener;
}

interface CallOptions {
  readonly content?: object;
  readonly signal?: AbortSignal;
  /** The request asks whose the token is: nobody has to be told that it was refused. */
  readonly isAboutToken?: boolean;
  /** The request is for nobody in particular: it makes a session. */
  readonly isAnonymous?: boolean;
}

async function call<T>(
  method: Method,
  path: string,
  decode: (answer: unknown) => T,
  { content, signal, isAboutToken = false, isAnonymous = false }: CallOptions = {},
): Promise<T> {
  const sentToken = isAnonymous ? null : token.peek();
  const response = await send(method, path, sentToken, content, signal);
  const answer = await readJson(response, signal);
  if (response.ok) {
    try {
      return decode(answer);
    } catch (cause) {
      if (!(cause instanceof UnreadableAnswer)) throw cause;
      throw new ApiError("failed", response.status, ["The server's answer cannot be read."], { cause });
    }
  }
  if (response.status === 401 && sentToken !== null && !isAboutToken) await onRefusedToken(sentToken);
  throw refusal(response.status, decodeErrors(answer));
}

async function send(
  method: Method,
  path: string,
  sentToken: string | null,
  content: object | undefined,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const limit = AbortSignal.timeout(method === "GET" ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS);
  const request: RequestInit = {
    method,
    headers: {
      ...(sentToken === null ? {} : { Authorization: `Token ${sentToken}` }),
      ...(content === undefined ? {} : { "Content-Type": "application/json" }),
    },
    ...(content === undefined ? {} : { body: JSON.stringify(content) }),
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
  };
  return orUnreachable(() => fetch(`/api${path}`, request), signal);
}

/** The answer, or undefined for one that is no JSON. */
async function readJson(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  const text = await orUnreachable(() => response.text(), signal);
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What breaks on its way is no answer. */
async function orUnreachable<T>(ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    signal?.throwIfAborted();
    throw new ApiError("unreachable", undefined, ["Unable to connect to the server."], { cause });
  }
}

function refusal(status: number, messages: readonly string[]): ApiError {
  const isAway = status === 502 || status === 503 || status === 504;
  if (isAway) return new ApiError("unreachable", status, ["The server is busy or restarting."]);
  if (status >= 500) return new ApiError("failed", status, [`The server has failed (${status}).`]);
  return new ApiError("refused", status, messages.length > 0 ? messages : [`The server has refused (${status}).`]);
}

const nothing = (): void => {};
const segment = encodeURIComponent;

/** What a form of an article holds. */
export interface ArticleContent {
  readonly title: string;
  readonly description: string;
  readonly body: string;
  readonly tagList: readonly string[];
}

/** What a visitor changes of the own account; what is absent stays. */
export type UserContent = Partial<Readonly<Record<"image" | "username" | "bio" | "email" | "password", string>>>;

/** Every request of the UI. Each rejects with `ApiError`, or with the signal's reason once it is aborted. */
export const api = {
  register: (user: { readonly username: string; readonly email: string; readonly password: string }): Promise<User> =>
    call("POST", "/users", decodeUser, { content: { user }, isAnonymous: true }),
  logIn: (user: { readonly email: string; readonly password: string }): Promise<User> =>
    call("POST", "/users/login", decodeUser, { content: { user }, isAnonymous: true }),
  currentUser: (signal: AbortSignal): Promise<User> => call("GET", "/user", decodeUser, { signal, isAboutToken: true }),
  updateUser: (user: UserContent): Promise<User> => call("PUT", "/user", decodeUser, { content: { user } }),

  profile: (username: string, signal: AbortSignal): Promise<Profile> =>
    call("GET", `/profiles/${segment(username)}`, decodeProfile, { signal }),
  setFollowing: (username: string, following: boolean): Promise<Profile> =>
    call(following ? "POST" : "DELETE", `/profiles/${segment(username)}/follow`, decodeProfile),

  articles: (filter: ArticleFilter, page: number, signal: AbortSignal): Promise<ArticlePage> =>
    call("GET", articlesPath(page, filter), decodeArticles, { signal }),
  feed: (page: number, signal: AbortSignal): Promise<ArticlePage> =>
    call("GET", feedPath(page), decodeArticles, { signal }),
  article: (slug: string, signal: AbortSignal): Promise<Article> =>
    call("GET", `/articles/${segment(slug)}`, decodeArticle, { signal }),
  createArticle: (article: ArticleContent): Promise<Article> =>
    call("POST", "/articles", decodeArticle, { content: { article } }),
  updateArticle: (slug: string, article: ArticleContent): Promise<Article> =>
    call("PUT", `/articles/${segment(slug)}`, decodeArticle, { content: { article } }),
  deleteArticle: (slug: string): Promise<void> => call("DELETE", `/articles/${segment(slug)}`, nothing),
  setFavorite: (slug: string, favorited: boolean): Promise<Article> =>
    call(favorited ? "POST" : "DELETE", `/articles/${segment(slug)}/favorite`, decodeArticle),

  comments: (slug: string, signal: AbortSignal): Promise<readonly Comment[]> =>
    call("GET", `/articles/${segment(slug)}/comments`, decodeComments, { signal }),
  createComment: (slug: string, body: string): Promise<Comment> =>
    call("POST", `/articles/${segment(slug)}/comments`, decodeComment, { content: { comment: { body } } }),
  deleteComment: (slug: string, id: number): Promise<void> =>
    call("DELETE", `/articles/${segment(slug)}/comments/${id}`, nothing),

  tags: (signal: AbortSignal): Promise<readonly string[]> => call("GET", "/tags", decodeTags, { signal }),
} as const;
