/** The error of a request that is not what its route declares. */
import { HttpError } from "../http-error.ts";
import type { Problem } from "./problems.ts";

/**
 * A request is not what its route declares. Code and status: `ERR_HTTP_INVALID_REQUEST`, 400, for the path and the query;
 * `ERR_HTTP_INVALID_CONTENT`, 422, for the content (RFC 9110, 15.5.1 and 15.5.21).
 *
 * The client gets the problems as `application/problem+json` (RFC 9457), unless an `onError` hook or the server's `errorReply`
 * gives another answer.
 */
export class InvalidRequestError extends HttpError {
  /** At least one. */
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const isContent = problems[0]?.in === "content";
    const found = problems.map(({ pointer, message }) => `"${pointer}" ${message}`).join(", ");
    super(
      isContent ? "ERR_HTTP_INVALID_CONTENT" : "ERR_HTTP_INVALID_REQUEST",
      `Cannot accept the ${problems[0]?.in ?? "request"}: ${found.slice(0, MAX_MESSAGE_LENGTH)}`,
      { details: { errors: problems } },
    );
    this.problems = problems;
  }
}

const MAX_MESSAGE_LENGTH = 1_000;
