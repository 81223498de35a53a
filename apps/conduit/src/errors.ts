/** Errors of the API, and the one place that turns any error into a reply. */
import { DeadlineError } from "lunet";
import { DatabaseError } from "lunet/db";
import { HttpError, json, type Reply, type ReplyFields } from "lunet/http";
import { PasswordsBusyError } from "./password.ts";

/** What is wrong, by the field or thing that it is wrong with. */
export type FieldErrors = Readonly<Record<string, readonly string[]>>;

/** An answer other than success: a status, and `errors` as the client sees them. */
export class ApiError extends Error {
  readonly status: number;
  readonly errors: FieldErrors;

  constructor(status: number, errors: FieldErrors, options?: ErrorOptions) {
    super(`Answered ${status} ${JSON.stringify(errors)}`, options);
    this.name = "ApiError";
    this.status = status;
    this.errors = errors;
  }
}

/** 404 for a `profile`, `article`, `comment` or `route`. */
export function notFound(what: string, cause?: unknown): ApiError {
  return new ApiError(404, { [what]: ["not found"] }, { cause });
}

/** 403 for an `article` or `comment` of somebody else. */
export function forbidden(what: string): ApiError {
  return new ApiError(403, { [what]: ["forbidden"] });
}

/** Fields that a status calls for: how to authenticate (RFC 9110 section 11.6.1), and when to come again, in seconds. */
const FIELDS_OF: Readonly<Record<number, ReplyFields>> = {
  401: { "WWW-Authenticate": 'Token realm="conduit"' },
  503: { "Retry-After": "1" },
};

/** What the faults of the message layer are called here, where the status alone would not say it well. */
const HTTP_ERRORS: Readonly<Record<string, FieldErrors>> = {
  ERR_HTTP_CONTENT_ENCODING: { body: ["is invalid"] },
  ERR_HTTP_CONTENT_JSON: { body: ["is invalid"] },
  ERR_HTTP_CONTENT_TOO_LARGE: { body: ["is too large"] },
  ERR_HTTP_CONTENT_TIMEOUT: { body: ["came too slowly"] },
  ERR_HTTP_CONTENT_INCOMPLETE: { body: ["is incomplete"] },
  ERR_HTTP_PATH: { path: ["is invalid"] },
  ERR_HTTP_QUERY: { query: ["is invalid"] },
  ERR_HTTP_TARGET_TOO_LONG: { path: ["is too long"] },
  ERR_HTTP_NOT_FOUND: { route: ["not found"] },
  ERR_HTTP_METHOD_NOT_ALLOWED: { method: ["not allowed"] },
  ERR_HTTP_METHOD_UNSUPPORTED: { method: ["not allowed"] },
};

/** For the other faults of the message layer, by status. */
const BY_STATUS: Readonly<Record<number, FieldErrors>> = {
  400: { request: ["is invalid"] },
  408: { request: ["came too slowly"] },
  429: { request: ["came too often"] },
  417: { expect: ["is not supported"] },
  431: { headers: ["are too large"] },
  500: { server: ["failed"] },
  501: { request: ["is not supported"] },
  503: { server: ["is busy"] },
  505: { version: ["is not supported"] },
};

/** The database went away while it wrote: whether it has, nobody knows, and a client who looks again finds out. */
const LOST: ReadonlySet<string> = new Set(["ERR_DB_CONNECTION_LOST", "ERR_DB_END_TIMEOUT"]);

/** True for an error that passes: there is too much to do now, or the database cannot be reached. */
export function isBusy(error: unknown): boolean {
  if (error instanceof PasswordsBusyError || error instanceof DeadlineError) return true;
  return error instanceof DatabaseError && (error.retryable || LOST.has(error.code));
}

/**
 * True for what is nobody's failure: an answer that the client has to mend, or to ask for again. A database that is away is a
 * failure although it passes, and whoever runs the program has to know.
 */
export function isExpected(error: unknown): boolean {
  if (error instanceof DatabaseError) return error.retryable && error.fault !== "database";
  return error instanceof ApiError || error instanceof HttpError || isBusy(error);
}

/**
 * The reply to an error of a handler or of the message layer. What is not meant for the client becomes a 500 that tells
 * nothing; the server has reported it before (`onFailure`).
 */
export function errorReply(error: unknown): Reply {
  if (error instanceof HttpError) {
    if (error.code === "ERR_HTTP_HANDLER_FAILED") return errorReply(error.cause);
    return reply(error.status, HTTP_ERRORS[error.code] ?? BY_STATUS[error.status] ?? BY_STATUS[400] ?? {});
  }
  if (error instanceof ApiError) return reply(error.status, error.errors);
  return isBusy(error) ? reply(503, { server: ["is busy"] }) : reply(500, { server: ["failed"] });
}

function reply(status: number, errors: FieldErrors): Reply {
  return json({ errors }, { status, fields: FIELDS_OF[status] ?? {} });
}
