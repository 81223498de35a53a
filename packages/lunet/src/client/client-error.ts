/** The error of a call that has no declared reply. */

/**
 * Why a call has no reply of its route:
 *
 * - `ERR_CLIENT_NETWORK`: no reply came, or it was cut off; `cause` has what `fetch` says.
 * - `ERR_CLIENT_ABORTED`: the caller's signal; `cause` has its reason.
 * - `ERR_CLIENT_STATUS`: a reply with a status that the route does not declare; `status` and `content` have it.
 * - `ERR_CLIENT_CONTENT`: a reply whose content is not what the route declares, or longer than `maxContentBytes`.
 */
export type ClientErrorCode = "ERR_CLIENT_NETWORK" | "ERR_CLIENT_ABORTED" | "ERR_CLIENT_STATUS" | "ERR_CLIENT_CONTENT";

/** A call that has no declared reply. Match `code`, never the message. */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  /** Of the reply; undefined when there is none. */
  readonly status: number | undefined;
  /** Of a reply that was not declared: a JSON value if it is JSON, its text otherwise. */
  readonly content: unknown;

  constructor(
    code: ClientErrorCode,
    message: string,
    options: ErrorOptions & { readonly status?: number; readonly content?: unknown } = {},
  ) {
    super(message, options);
    this.name = "ClientError";
    this.code = code;
    this.status = options.status;
    this.content = options.content;
  }
}
