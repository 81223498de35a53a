/** What a handler returns, and short ways to make it. */
import type { Connection } from "../net/mod.ts";
import type { HttpError } from "./http-error.ts";
import { reasonPhrases } from "./reply-serializer.ts";

/** Fields of a reply. Names are written as given; a list gives one line each. */
export type ReplyFields = Readonly<Record<string, string | readonly string[]>>;

/**
 * Content of a reply: text (sent as UTF-8), bytes, or a stream of either, which is read as fast as the client takes it.
 * The server may hold bytes until they are sent: they are not written to again.
 */
export type ReplyContent = string | Uint8Array | AsyncIterable<string | Uint8Array>;

/** Another protocol on the same connection (RFC 9110, 7.8). */
export interface Upgrade {
  /** The protocol's name, as the client offers it: `"websocket"`. */
  readonly protocol: string;
  /**
   * Speaks it, after a reply with status 101, in the connection's coroutine. `rest` is what the client has sent behind its request.
   * The connection is closed when this returns or throws; what it throws is reported, unless the client is gone. None of
   * the server's limits holds any more but `writeStallMs`. A drain reaches it as a request to cancel (`waitCancelRequest`),
   * and after the grace as a cancel; a client that is gone is a cancel at once.
   */
  readonly serve?: (connection: Connection, rest: Uint8Array) => Promise<void>;
}

/**
 * The answer to a request. Framing, `Connection` and `Date` are the server's to write; setting them among `fields` is a
 * `TypeError`.
 */
export interface Reply {
  /** 200 to 599, or 101 with `upgrade`. */
  readonly status: number;
  readonly fields?: ReplyFields;
  readonly content?: ReplyContent | undefined;
  /**
   * Bytes of a stream, when they are known: sent as `Content-Length`. Without it a stream is sent in chunks, to an
   * HTTP/1.0 client up to the end of the connection. A stream that gives another number of bytes is cut off. Text and
   * bytes need none.
   */
  readonly contentLength?: number;
  /**
   * With status 101 what the connection goes on with; the client must have offered it (`request.upgrades`), and its content
   * must have been read. With 426 only its name, which the client is told.
   */
  readonly upgrade?: Upgrade;
}

/** What the helpers below take besides the content. */
export interface ReplyOptions {
  /** Default 200. */
  readonly status?: number;
  readonly fields?: ReplyFields;
}

// Frozen, so that the server can keep their serialized form.
const JSON_FIELDS: ReplyFields = Object.freeze({ "Content-Type": "application/json; charset=utf-8" });
const PROBLEM_FIELDS: ReplyFields = Object.freeze({ "Content-Type": "application/problem+json" });
const TEXT_FIELDS: ReplyFields = Object.freeze({ "Content-Type": "text/plain; charset=utf-8" });
const HTML_FIELDS: ReplyFields = Object.freeze({ "Content-Type": "text/html; charset=utf-8" });
const NO_FIELDS: ReplyFields = Object.freeze({});
const RETRY_FIELDS: ReplyFields = Object.freeze({ "Retry-After": "1" });

function make(typeFields: ReplyFields, content: ReplyContent, options: ReplyOptions | undefined): Reply {
  if (options === undefined) return { status: 200, fields: typeFields, content };
  const { status = 200, fields } = options;
  return { status, fields: fields === undefined ? typeFields : { ...typeFields, ...fields }, content };
}

/**
 * A reply with `value` as JSON.
 *
 * @throws TypeError for a value that JSON cannot say, such as a cycle or a bigint.
 * @example json({ user: null }, { status: 201 }).status // 201
 */
export function json(value: unknown, options?: ReplyOptions): Reply {
  const content = JSON.stringify(value) as string | undefined;
  if (content === undefined) throw new TypeError(`Cannot reply with JSON: found ${typeof value}, wanted a JSON value`);
  return make(JSON_FIELDS, content, options);
}

/** A reply with text that is JSON already. */
export function jsonText(content: string, options?: ReplyOptions): Reply {
  return make(JSON_FIELDS, content, options);
}

/** A reply with plain text. */
export function text(content: string, options?: ReplyOptions): Reply {
  return make(TEXT_FIELDS, content, options);
}

/** A reply with an HTML document. The caller has escaped what is not markup. */
export function html(content: string, options?: ReplyOptions): Reply {
  return make(HTML_FIELDS, content, options);
}

/** A reply without content. Default status 204. */
export function empty(status = 204, fields: ReplyFields = NO_FIELDS): Reply {
  return { status, fields };
}

/**
 * A redirect to `location`, a URI reference. Default status 302; 308 keeps the method for good, 303 makes it GET
 * (RFC 9110, 15.4).
 */
export function redirect(location: string, status: 301 | 302 | 303 | 307 | 308 = 302): Reply {
  return { status, fields: { Location: location } };
}

/** The reply with `fields` added; what was there under the same name is replaced. */
export function withFields(reply: Reply, fields: ReplyFields): Reply {
  return { ...reply, fields: { ...reply.fields, ...fields } };
}

/** The reply to a fault in the words of its status, which tell nothing of the cause but what `details` has for the client. */
export function plainErrorReply(error: HttpError): Reply {
  if (error.details !== undefined) return problemReply(error, error.details);
  const fields = error.status === 503 ? RETRY_FIELDS : NO_FIELDS;
  return text(`${error.status} ${reasonPhrases[error.status] ?? ""}\n`, { status: error.status, fields });
}

function problemReply({ status, code }: HttpError, details: Readonly<Record<string, unknown>>): Reply {
  const content = JSON.stringify({ title: reasonPhrases[status], status, code, ...details });
  return { status, fields: PROBLEM_FIELDS, content };
}
