/** Requests in process: real bytes through the real server, over a memory socket. */
import { ClosedError, scope, spawn, withDeadline } from "../co/mod.ts";
import { serveConnection, type Handler, type ServerOptions } from "../http/mod.ts";
import { Connection, SocketError } from "../net/mod.ts";
import { memoryPair } from "./memory-sockets.ts";
import { ReplyReader, type ClientReply } from "./reply-reader.ts";

/** How long `requestInProcess` and `exchange` take at most, unless they are told otherwise, in milliseconds. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 10_000;

/** What answers: a handler, or a thing that has one, such as a `Router`. */
export type HandlerSource = Handler | { readonly handler: Handler };

/** The request of a test. */
export interface ClientRequest {
  /** Default `GET`. */
  readonly method?: string;
  /** The request target, encoded as on the wire. Default `/`. */
  readonly path?: string;
  /** Written as given; a list gives one line each. `Host` is added if it is missing, and the content's framing. */
  readonly fields?: Readonly<Record<string, string | readonly string[]>>;
  /** Text is sent as UTF-8; a stream in the chunked transfer coding, a chunk for each piece. */
  readonly content?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
  /** Sent as content, with its `Content-Type`. */
  readonly json?: unknown;
  /** Default 10,000 ms. */
  readonly timeoutMs?: number;
}

/**
 * Sends a request to `handler` and waits for the reply: through the server's parser, limits and serializer, without a
 * kernel. It is called in a coroutine and leaves nothing behind.
 *
 * @param options The server's: limits, error replies, log.
 * @throws ReplyError when what comes back is no reply, or more than one; SocketError (`ERR_CONNECTION_RESET`) when the
 * server cuts the reply off; DeadlineError; TypeError for a request that cannot be written (use `exchange` for those).
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { json } from "lunet/http";
 * import { coroutineTest, requestInProcess } from "lunet/testing";
 * coroutineTest("greets", async () => {
 *   const reply = await requestInProcess((request) => json({ hello: request.query("name") }), { path: "/?name=you" });
 *   assert.equal(reply.status, 200);
 *   assert.deepEqual(reply.json(), { hello: "you" });
 * });
 * ```
 */
export async function requestInProcess(
  handler: HandlerSource,
  request: ClientRequest = {},
  options: ServerOptions = {},
): Promise<ClientReply> {
  const { method = "GET", timeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = request;
  const serialized = serializeRequest(request);
  return withServer(handler, options, timeoutMs, async (client) => {
    const sender = spawn(() => sendAll(client, serialized), { name: "in-process request" });
    const reader = new ReplyReader(client);
    const reply = await reader.read(method);
    // A request that was answered before it was sent whole is not sent any further: the server has closed.
    if (sender.state !== "done") {
      sender.cancel({ reason: "the reply is there" });
      return reply;
    }
    await client.shutdown();
    await reader.readEnd();
    return reply;
  });
}

/** Sends a request and no more. A server that does not want all of it is no failure. */
export async function sendRequest(client: Connection, request: ClientRequest): Promise<void> {
  await sendAll(client, serializeRequest(request));
}

/**
 * Sends bytes as they are, shuts the sending side down, and waits for all that comes back, up to the end.
 *
 * @param to A handler, which is served over a memory socket; or a connection, which stays the caller's.
 * @param raw Text has one character per byte (latin1). Pieces of a list arrive one by one.
 * @returns What came back, one character per byte.
 * @throws SocketError when the connection is reset; DeadlineError.
 * @example
 * ```ts
 * import { text } from "lunet/http";
 * import { exchange } from "lunet/testing";
 * const twice = () => exchange(() => text("hi"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2));
 * ```
 */
export async function exchange(
  to: HandlerSource | Connection,
  raw: string | Uint8Array | ReadonlyArray<string | Uint8Array>,
  options: ServerOptions & { readonly timeoutMs?: number } = {},
): Promise<string> {
  const { timeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = options;
  const pieces = typeof raw === "string" || raw instanceof Uint8Array ? [raw] : raw;
  const talk = (client: Connection): Promise<string> =>
    scope(async () => {
      spawn(() => sendPieces(client, pieces), { name: "exchange" });
      let received = "";
      for (let bytes = await client.read(); bytes !== null; bytes = await client.read()) {
        received += Buffer.from(bytes).toString("latin1");
      }
      return received;
    });
  if (to instanceof Connection) return withDeadline(timeoutMs, () => talk(to));
  return withServer(to, options, timeoutMs, talk);
}

/** Runs `body` with the client's end of a connection that the server serves. */
function withServer<T>(
  source: HandlerSource,
  options: ServerOptions,
  timeoutMs: number,
  body: (client: Connection) => Promise<T>,
): Promise<T> {
  const handler = typeof source === "function" ? source : source.handler;
  return withDeadline(timeoutMs, async () => {
    const [client, server] = memoryPair();
    try {
      spawn(() => serveConnection(handler, server, options), { name: "in-process server" });
      return await body(client);
    } finally {
      client.destroy();
    }
  });
}

interface SerializedRequest {
  readonly head: string;
  readonly content: Uint8Array | AsyncIterable<string | Uint8Array> | undefined;
}

function serializeRequest(request: ClientRequest): SerializedRequest {
  const { method = "GET", path = "/", json } = request;
  const fields = new Map(Object.entries(request.fields ?? {}));
  const names = new Set([...fields.keys()].map((name) => name.toLowerCase()));
  const add = (name: string, value: string): void => {
    if (!names.has(name.toLowerCase())) fields.set(name, value);
  };
  let content = json === undefined ? request.content : JSON.stringify(json);
  if (typeof content === "string") content = Buffer.from(content);
  add("Host", "localhost");
  if (json !== undefined) add("Content-Type", "application/json");
  if (content instanceof Uint8Array) add("Content-Length", String(content.length));
  else if (content !== undefined) add("Transfer-Encoding", "chunked");
  const lines = [`${method} ${path} HTTP/1.1`];
  for (const [name, value] of fields) {
    for (const one of typeof value === "string" ? [value] : value) lines.push(`${name}: ${one}`);
  }
  for (const line of lines) {
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(line)) {
      throw new TypeError(`Cannot write the request line ${JSON.stringify(line)}: wanted bytes, no control characters`);
    }
  }
  return { head: `${lines.join("\r\n")}\r\n\r\n`, content };
}

/** Sends a request. That the server does not want all of it shows in its reply. */
async function sendAll(client: Connection, { head, content }: SerializedRequest): Promise<void> {
  await untilRefused(async () => {
    await client.write(head, "latin1");
    if (content === undefined) return;
    if (content instanceof Uint8Array) return client.write(content);
    for await (const piece of content) {
      // The reply is there, and whoever reads it has closed.
      if (client.closed) return;
      const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
      if (bytes.length > 0)
        await client.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]));
    }
    if (!client.closed) await client.write("0\r\n\r\n");
  });
}

const CRLF = Buffer.from("\r\n");

async function sendPieces(client: Connection, pieces: ReadonlyArray<string | Uint8Array>): Promise<void> {
  await untilRefused(async () => {
    for (const piece of pieces) await client.write(piece, "latin1");
    await client.shutdown();
  });
}

async function untilRefused(send: () => Promise<void>): Promise<void> {
  try {
    await send();
  } catch (error) {
    if (!(error instanceof SocketError) && !(error instanceof ClosedError)) throw error;
  }
}
