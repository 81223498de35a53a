/**
 * The trace build's own small server, on Node's sockets: what it tells of is what runs on lunet's, and it must not be
 * among it.
 *
 * - It keeps no process alive: listeners and connections are unreferenced.
 * - It answers GET and HEAD, one request a connection, and each connection ends after a fixed time. There is a most of
 *   connections.
 * - On a port it listens on loopback alone and answers only whoever calls it by a loopback name, so that no page of the
 *   web can reach it under a name of its own (DNS rebinding).
 * - `node:http` takes 35 ms to load, so it is loaded at the first connection.
 */
import { lstatSync, unlinkSync } from "node:fs";
import type { IncomingMessage, Server as HttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { resolve as resolvePath } from "node:path";
import { listSockets, processState } from "./inspector-folder.ts";

/** What is answered to a request. */
export interface InspectorReply {
  /** The media type. */
  readonly type: string;
  readonly body: string;
}

/** Answers the path of a request, with its query; undefined for a path that is none of its own. */
export type Inspect = (path: string, query: URLSearchParams) => InspectorReply | undefined;

const MAX_CONNECTIONS = 16;
/** For all of a connection: its request, the answer, and its reader. */
const MAX_CONNECTION_MS = 10_000;
const MAX_HEADER_BYTES = 8_192;
/** Linux `sockaddr_un` has 108 bytes with the zero at the end; Darwin has 104. */
const MAX_SOCKET_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/** Nothing but what the server itself has: no inline script or style, no other host, no frame around it. */
const HEADERS = {
  "Cache-Control": "no-store",
  Connection: "close",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/**
 * Listens on a Unix socket that only the user may use, and takes it away at the exit of the process. A socket that stands
 * there and that nobody listens on is replaced.
 *
 * @throws Error when the path is too long or taken, and for whatever the system refuses.
 */
export async function listenOnSocket(name: string, inspect: Inspect): Promise<void> {
  // The program may change its folder before it ends.
  const path = resolvePath(name);
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new Error(
      `Cannot listen at "${path}": found a path of ${bytes} bytes, wanted ${MAX_SOCKET_PATH_BYTES} at most`,
    );
  }
  const before = lstatSync(path, { throwIfNoEntry: false });
  if (before !== undefined && !before.isSocket()) {
    throw new Error(`Cannot listen at "${path}": found a file, wanted nothing or a socket that nobody listens on`);
  }
  if (before !== undefined && (await isDeserted(path))) unlinkSync(path);
  await listenPrivately(path, new Answering(inspect, false));
  const { ino } = lstatSync(path);
  process.once("exit", () => {
    // Another process may stand in its place by now, and keeps what is its own.
    if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) unlinkSync(path);
  });
}

/**
 * Listens on a port of 127.0.0.1; 0 takes any that is free. Gives the port.
 *
 * @throws Error for whatever the system refuses.
 */
export async function listenOnLoopback(port: number, inspect: Inspect): Promise<number> {
  const server = await listen({ host: "127.0.0.1", port, exclusive: true }, new Answering(inspect, true));
  return (server.address() as AddressInfo).port;
}

/** Takes the sockets of processes that have ended out of a folder. */
export async function removeDesertedSockets(folder: string): Promise<void> {
  for (const { pid, path } of listSockets(folder)) {
    // Both are asked: in a container the numbers are others, and a socket that has just been made is not listened on yet.
    if (processState(pid) !== "gone" || !(await isDeserted(path))) continue;
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

/** Whether nobody listens on a socket. */
function isDeserted(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path }).unref();
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
}

/** A socket has its mode from the moment it is there: with a later chmod others could connect before it. */
function listenPrivately(path: string, answering: Answering): Promise<Server> {
  const mask = process.umask(0o177);
  try {
    // Node binds a path, and so makes the file, before listen() returns.
    return listen({ path, exclusive: true }, answering);
  } finally {
    process.umask(mask);
  }
}

function listen(where: ListenOptions, answering: Answering): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => answering.onConnection(socket));
    server.maxConnections = MAX_CONNECTIONS;
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      // What comes later, such as a lack of descriptors, is a matter of one connection.
      server.on("error", () => {});
      resolve(server);
    });
    server.unref();
  });
}

/** What stands behind a listener: an HTTP server from the first connection on. */
class Answering {
  readonly #inspect: Inspect;
  readonly #isOnPort: boolean;
  #http: Promise<HttpServer> | undefined;

  constructor(inspect: Inspect, isOnPort: boolean) {
    this.#inspect = inspect;
    this.#isOnPort = isOnPort;
  }

  onConnection(socket: Socket): void {
    socket.unref();
    const timer = setTimeout(() => socket.destroy(), MAX_CONNECTION_MS);
    timer.unref();
    socket.once("close", () => clearTimeout(timer));
    socket.on("error", () => socket.destroy());
    this.#http ??= this.#load();
    this.#http.then(
      (http) => http.emit("connection", socket),
      () => socket.destroy(),
    );
  }

  async #load(): Promise<HttpServer> {
    const http = await import("node:http");
    return http.createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
      const { status, reply } = this.#reply(request);
      response.writeHead(status, {
        ...HEADERS,
        "Content-Type": `${reply.type}; charset=utf-8`,
        "Content-Length": Buffer.byteLength(reply.body),
        ...(status === 405 ? { Allow: "GET, HEAD" } : {}),
      });
      response.end(reply.body); // Node leaves the content out for HEAD.
    });
  }

  #reply(request: IncomingMessage): { status: number; reply: InspectorReply } {
    const refuse = (status: number, body: string) => ({ status, reply: { type: "text/plain", body: `${body}\n` } });
    if (this.#isOnPort && !isLoopbackName(request.headers.host)) {
      return refuse(403, "Cannot answer: found a Host that is no loopback name, wanted localhost, 127.0.0.1 or [::1]");
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return refuse(405, `Cannot answer: found ${request.method}, wanted GET or HEAD`);
    }
    const [path = "", query = ""] = (request.url ?? "").split("?", 2);
    try {
      const reply = this.#inspect(path, new URLSearchParams(query));
      return reply === undefined ? refuse(404, "Cannot answer: found nothing at this path") : { status: 200, reply };
    } catch (error) {
      // Whoever only looks must not end the program.
      return refuse(500, `Cannot answer: ${String(error)}`);
    }
  }
}

const LOOPBACK_NAME = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

function isLoopbackName(host: string | undefined): boolean {
  return host !== undefined && LOOPBACK_NAME.test(host);
}
