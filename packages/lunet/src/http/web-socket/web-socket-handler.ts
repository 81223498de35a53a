/** The front door: a handler that goes on as a WebSocket. */
import type { Handler } from "../handler.ts";
import type { Reply } from "../reply.ts";
import type { HttpRequest } from "../request.ts";
import { acceptHandshake, checkHandshakeOptions, PROTOCOL, type Accepted } from "./handshake.ts";
import { loadedLibrary, loadLibrary, type Library } from "./library.ts";
import { resolveLimits, type WebSocketOptions } from "./options.ts";
import { ServerWebSocket } from "./web-socket.ts";

/**
 * A handler that goes on as a WebSocket (RFC 6455), for a route of GET.
 *
 * `body` runs once for each WebSocket, in a coroutine of its connection. When it returns the WebSocket is closed with 1000; what it
 * throws closes it with 1011 and is reported to the server's `onFailure`. It is cancelled when the client is gone without a
 * word, and `closeTimeoutMs` after the client has closed. A drain of the server closes with 1001, and cancels after its
 * grace.
 *
 * A request that is no handshake is answered with 426, one with another method with 405, a malformed one with 400 (`ERR_HTTP_WEB_SOCKET`),
 * one from a page of another origin with 403 (`ERR_HTTP_ORIGIN`), before `body` is called. To check more, as who the user is, wrap the handler.
 *
 * Messages are not compressed (permessage-deflate, RFC 7692, is not agreed to): it costs a quarter of a megabyte for each
 * WebSocket, and a secret that is compressed along with text of somebody else's can be guessed from the length.
 *
 * @throws RangeError or TypeError, at once, for an option that cannot be used.
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { Router, serve, webSocket } from "lunet/http";
 * await run(async () => {
 *   const router = new Router();
 *   router.get("/echo", webSocket(async (socket) => {
 *     for await (const message of socket) await socket.send(message);
 *   }));
 *   await using server = await serve(router);
 *   const client = new WebSocket(`${server.url.replace("http", "ws")}/echo`);
 *   client.onopen = () => client.send("hello");
 *   const reply = await new Promise((resolve) => { client.onmessage = ({ data }) => resolve(data); });
 *   console.log(reply); // hello
 * });
 * ```
 */
export function webSocket(
  body: (socket: ServerWebSocket, request: HttpRequest) => void | Promise<void>,
  options: WebSocketOptions = {},
): Handler {
  checkHandshakeOptions(options);
  const limits = resolveLimits(options);

  function upgrade(request: HttpRequest, { fields, protocol }: Accepted, library: Library): Reply {
    return {
      status: 101,
      fields,
      upgrade: {
        protocol: PROTOCOL,
        serve: async (connection, rest) => {
          const socket = new ServerWebSocket({ connection, library, limits, protocol });
          await socket.serve(rest, () => body(socket, request));
        },
      },
    };
  }

  return (request) => {
    const accepted = acceptHandshake(request, options);
    if ("status" in accepted) return accepted;
    const library = loadedLibrary();
    if (library !== undefined) return upgrade(request, accepted, library);
    return loadLibrary().then((loaded) => upgrade(request, accepted, loaded));
  };
}
