/**
 * A limit on how many requests a user makes: fields that tell of it, and 429 past it.
 *
 * `RateLimit-Policy` and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers-10: quota `q` in a window of `w` seconds;
 * `r` requests left, `t` seconds until the whole quota is there again.
 */
import { createHash } from "node:crypto";
import { Cancelled, reportFailure } from "../../co/mod.ts";
import { isPromise, type Handler, type Middleware } from "../handler.ts";
import { HttpError } from "../http-error.ts";
import type { Reply } from "../reply.ts";
import type { HttpRequest } from "../request.ts";
import { clientKey } from "./client-key.ts";
import type { RateLimitPolicy, RateLimitState } from "./gcra.ts";
import { memoryRateLimits } from "./memory-rate-limits.ts";
import type { RateLimitPlace, RateLimitStore } from "./rate-limit-store.ts";

/** How many requests, whose, and where they are counted. */
export interface RateLimitOptions {
  /** Requests at once, and within a window in the long run, 1 to 1,000,000, and at most 1,000 in a millisecond. */
  readonly limit: number;
  /** In milliseconds, 1 to 2,678,400,000 (31 days). One request is given back for each `windowMs / limit`. */
  readonly windowMs: number;
  /** What the policy is called in fields, and kept apart by in a shared place: letters, digits and `_.*-`. Default `default`. */
  readonly name?: string;
  /** Whose request it is. `undefined`: not limited. Default `clientKey`, the user's address. */
  readonly key?: (request: HttpRequest) => string | undefined;
  /** Where requests are counted. Default `memoryRateLimits()`. */
  readonly place?: RateLimitPlace;
  /**
   * What happens to requests while the place fails, such as a database that is away. `"allow"`: they are served, because what is
   * limited should not be less available than what counts it. `"refuse"`: 503 (`ERR_HTTP_RATE_LIMIT_UNKNOWN`), where one request too
   * many is worse than none. Default `"allow"`.
   */
  readonly onStoreFailure?: "allow" | "refuse";
  /** Told of a failure of the place, once until it has worked again. Default: it is written to standard error. */
  readonly onFailure?: (error: unknown) => void;
}

const MAX_LIMIT = 1_000_000;
const MAX_WINDOW_MS = 31 * 86_400_000;
/** What needs no escaping between quotes (RFC 9651, 3.3.3). */
const NAME = /^[A-Za-z0-9_.*-]{1,64}$/;
const MAX_KEY_LENGTH = 128;

/**
 * A limit. `rateLimit` puts it around a handler; a handler that knows better whose request it is calls `take` itself.
 *
 * @example
 * ```ts
 * import { json, RateLimiter, type Handler } from "lunet/http";
 * const attempts = new RateLimiter({ name: "account", limit: 5, windowMs: 60_000 });
 * const logIn: Handler = async (request) => {
 *   const { email } = (await request.json()) as { readonly email: string };
 *   await attempts.take(request, email.toLowerCase());
 *   return json({});
 * };
 * ```
 */
export class RateLimiter {
  readonly #policyFields: Readonly<Record<string, string>>;
  readonly #policy: RateLimitPolicy;
  readonly #store: RateLimitStore;
  readonly #onStoreFailure: "allow" | "refuse";
  readonly #onFailure: (error: unknown) => void;
  #isFailing = false;

  /** @throws RangeError for `limit` and `windowMs`, TypeError for `name`. */
  constructor(options: Omit<RateLimitOptions, "key">) {
    const { limit, windowMs, name = "default", place = memoryRateLimits() } = options;
    checkNumber("limit", limit, MAX_LIMIT);
    checkNumber("windowMs", windowMs, MAX_WINDOW_MS);
    if (limit > windowMs * 1000) {
      throw new RangeError(`Cannot use limit: found ${limit} in ${windowMs} ms, wanted at most 1,000 in a millisecond`);
    }
    if (!NAME.test(name))
      throw new TypeError(`Cannot name a rate limit ${JSON.stringify(name)}: found other characters`);
    this.#policy = { name, limit, windowMs };
    this.#policyFields = Object.freeze({
      "RateLimit-Policy": `"${name}";q=${limit};w=${Math.ceil(windowMs / 1000)}`,
    });
    this.#store = place(this.#policy);
    this.#onStoreFailure = options.onStoreFailure ?? "allow";
    this.#onFailure = options.onFailure ?? ((error) => reportFailure(`the rate limit "${name}"`, error));
  }

  /**
   * Counts a request for a key, and adds the fields to its reply. It waits only if its place does: then it gives a promise.
   *
   * @throws HttpError 429 (`ERR_HTTP_RATE_LIMITED`) past the limit, with `Retry-After`; 503 (`ERR_HTTP_RATE_LIMIT_UNKNOWN`) when the place
   * fails and `onStoreFailure` is `"refuse"`. At once, or through the promise.
   */
  take(request: HttpRequest, key: string): Promise<void> | undefined {
    try {
      const state = this.#store.take(storedKey(key));
      if (isPromise(state)) return this.#await(request, state);
      this.#apply(request, state);
    } catch (error) {
      this.#fail(error);
    }
    return undefined;
  }

  async #await(request: HttpRequest, pending: PromiseLike<RateLimitState>): Promise<void> {
    try {
      this.#apply(request, await pending);
    } catch (error) {
      this.#fail(error);
    }
  }

  #apply(request: HttpRequest, { allowed, remaining, resetMs, retryAfterMs }: RateLimitState): void {
    this.#isFailing = false;
    const { name, limit, windowMs } = this.#policy;
    request.addReplyFields(this.#policyFields);
    request.addReplyFields({ RateLimit: `"${name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}` });
    if (allowed) return;
    request.addReplyFields({ "Retry-After": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) });
    throw new HttpError(
      "ERR_HTTP_RATE_LIMITED",
      `Cannot serve one more request within the limit "${name}": found ${limit} in ${windowMs} ms`,
    );
  }

  #fail(error: unknown): void {
    if (error instanceof Cancelled) throw error;
    if (error instanceof HttpError && error.code === "ERR_HTTP_RATE_LIMITED") throw error;
    if (!this.#isFailing) this.#onFailure(error);
    this.#isFailing = true;
    if (this.#onStoreFailure === "allow") return;
    throw new HttpError(
      "ERR_HTTP_RATE_LIMIT_UNKNOWN",
      `Cannot tell whether the limit "${this.#policy.name}" is kept: found no count`,
      { cause: error },
    );
  }
}

/**
 * Lets each user make so many requests and answers 429 (`ERR_HTTP_RATE_LIMITED`, in the shape that `errorReply` gives it) to more, with
 * `Retry-After`. Every reply tells `RateLimit-Policy` and `RateLimit`. Put it around what is to be limited: the whole router, or one
 * handler.
 *
 * @throws As the constructor of `RateLimiter`.
 * @example
 * ```ts
 * import { json, rateLimit, Router } from "lunet/http";
 * const router = new Router();
 * const limited = rateLimit({ name: "search", limit: 30, windowMs: 60_000 });
 * router.get("/search", limited((request) => json({ found: request.query("q") })));
 * ```
 */
export function rateLimit(options: RateLimitOptions): Middleware {
  const limiter = new RateLimiter(options);
  const { key = clientKey } = options;
  return (next) => (request) => {
    const whose = key(request);
    const counted = whose === undefined ? undefined : limiter.take(request, whose);
    return counted === undefined ? next(request) : nextAfter(counted, next, request);
  };
}

async function nextAfter(counted: Promise<void>, next: Handler, request: HttpRequest): Promise<Reply | Response> {
  await counted;
  return next(request);
}

/** A key as it is stored: a long one as its digest, so that nobody fills memory with names. */
function storedKey(key: string): string {
  return key.length <= MAX_KEY_LENGTH ? key : createHash("sha256").update(key).digest("base64url");
}

function checkNumber(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw new RangeError(`Cannot use ${name}: found ${value}, wanted a whole number from 1 to ${max}`);
}
