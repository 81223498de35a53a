/** The server's side of the opening handshake (RFC 6455, 4.2): what is refused, and what a request is answered with. */
import { createHash } from "node:crypto";
import { isToken, splitList } from "../fields.ts";
import { HttpError, quote } from "../http-error.ts";
import { text, type Reply, type ReplyFields } from "../reply.ts";
import type { HttpRequest } from "../request.ts";
import type { WebSocketOptions } from "./options.ts";

/** The protocol's name in `Upgrade`. */
export const PROTOCOL = "websocket";

const VERSION = "13";
/** 16 bytes in base64 (RFC 6455, 4.1). */
const KEY = /^[A-Za-z0-9+/]{22}==$/;
/** RFC 6455, 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A request that may go on as a WebSocket. */
export interface Accepted {
  readonly fields: ReplyFields;
  /** The subprotocol; empty without one. */
  readonly protocol: string;
}

/**
 * Checks a request for a WebSocket.
 *
 * @returns What to answer it with, or a reply that refuses it and tells what is wanted.
 * @throws HttpError 400 (`ERR_HTTP_WEB_SOCKET`), 403 (`ERR_HTTP_ORIGIN`).
 */
export function acceptHandshake(request: HttpRequest, options: WebSocketOptions): Accepted | Reply {
  const { head } = request;
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(405, { Allow: "GET" });
  const isOffered = request.upgrades.some((protocol) => protocol.toLowerCase() === PROTOCOL);
  if (!isOffered || request.method === "HEAD") return refuse(426, { "Sec-WebSocket-Version": VERSION });
  if (request.field("sec-websocket-version") !== VERSION) return refuse(426, { "Sec-WebSocket-Version": VERSION });
  if (head.hasContent) throw malformed("found content, wanted none");
  const key = request.field("sec-websocket-key") ?? "";
  if (!KEY.test(key)) throw malformed(`found Sec-WebSocket-Key ${quote(key)}, wanted 16 bytes in base64`);
  checkOrigin(request, options.allowedOrigins ?? "same-origin");
  const protocol = chooseProtocol(request, options.protocols ?? []);
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  const fields = { "Sec-WebSocket-Accept": accept };
  return { fields: protocol === "" ? fields : { ...fields, "Sec-WebSocket-Protocol": protocol }, protocol };
}

function refuse(status: 405 | 426, fields: ReplyFields): Reply {
  const reply = text(status === 405 ? "405 Method Not Allowed\n" : "426 Upgrade Required\n", { status, fields });
  return status === 426 ? { ...reply, upgrade: { protocol: PROTOCOL } } : reply;
}

function malformed(found: string): HttpError {
  return new HttpError("ERR_HTTP_WEB_SOCKET", `Cannot open a WebSocket: ${found}`);
}

function checkOrigin(request: HttpRequest, allowed: NonNullable<WebSocketOptions["allowedOrigins"]>): void {
  const origin = request.field("origin");
  if (origin === undefined || allowed === "any") return;
  const isAllowed = allowed === "same-origin" ? isSameOrigin(origin, request) : allowed.includes(origin);
  if (isAllowed) return;
  const wanted = allowed === "same-origin" ? `that of ${quote(request.authority)}` : "one of allowedOrigins";
  throw new HttpError(
    "ERR_HTTP_ORIGIN",
    `Cannot open a WebSocket: found the origin ${quote(origin)}, wanted ${wanted}`,
  );
}

/** Whether a page's origin is what it asks (RFC 6454, 5). Its scheme is known where a trusted proxy tells it. */
function isSameOrigin(origin: string, request: HttpRequest): boolean {
  const scheme = /^(https?):\/\/[^/?#@\\]+$/.exec(origin)?.[1];
  if (scheme === undefined || !URL.canParse(origin)) return false;
  if (request.fromTrustedProxy && request.scheme !== scheme) return false;
  // The scheme says which port is meant by none.
  const asked = `${scheme}://${request.authority}`;
  return URL.canParse(asked) && new URL(asked).host === new URL(origin).host;
}

/** The first protocol of the client's that the handler speaks, too: clients list them in the order of their preference. */
function chooseProtocol(request: HttpRequest, spoken: readonly string[]): string {
  const field = request.field("sec-websocket-protocol");
  if (field === undefined) return "";
  const offered = splitList(field);
  if (!offered.every(isToken) || new Set(offered).size < offered.length) {
    throw malformed(`found Sec-WebSocket-Protocol ${quote(field)}, wanted tokens, each once`);
  }
  return offered.find((protocol) => spoken.includes(protocol)) ?? "";
}

/** Checks what is given for the handshake, when the handler is made. */
export function checkHandshakeOptions({ protocols = [], allowedOrigins = "same-origin" }: WebSocketOptions): void {
  for (const protocol of protocols) {
    if (!isToken(protocol)) throw new TypeError(`Cannot use protocol ${JSON.stringify(protocol)}: wanted a token`);
  }
  if (typeof allowedOrigins === "string") {
    if (allowedOrigins === "same-origin" || allowedOrigins === "any") return;
    throw new TypeError(
      `Cannot use allowedOrigins: found "${String(allowedOrigins)}", wanted "same-origin", "any" or a list`,
    );
  }
  for (const origin of allowedOrigins) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    throw new TypeError(`Cannot use the origin "${origin}": wanted scheme, host and port, as "https://example.com"`);
  }
}
