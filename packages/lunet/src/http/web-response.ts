/** What a handler returned, as a reply: web `Response`s are taken apart (Fetch Standard, 5.5). */
import type { Reply, ReplyFields } from "./reply.ts";

/** Fields that speak about the connection a response came from, not about what it says (RFC 9110, 7.6.1). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The reply that `result` says. The body of a `Response` becomes a stream; what the server writes itself is left out of
 * its fields.
 *
 * @throws TypeError for what is neither, and for a `Response` whose body was read already.
 */
export function replyOf(result: Reply | Response): Reply {
  if (typeof result !== "object" || result === null) {
    throw new TypeError(`Cannot reply: found ${result === null ? "null" : typeof result}, wanted a reply`);
  }
  if (!(result instanceof Response)) return result;
  const { body } = result;
  if (result.bodyUsed || body?.locked === true) {
    throw new TypeError("Cannot reply with a Response: found its body in use, wanted one that nobody reads");
  }
  const content = (body ?? undefined) as AsyncIterable<Uint8Array> | undefined;
  return { status: result.status, fields: fieldsOf(result), content };
}

function fieldsOf(response: Response): ReplyFields {
  const fields: Record<string, string | readonly string[]> = {};
  for (const [name, value] of response.headers) if (!CONNECTION_FIELDS.has(name)) fields[name] = value;
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) fields["set-cookie"] = cookies;
  return fields;
}
