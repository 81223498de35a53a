/**
 * Sockets for a library that speaks a protocol over one that it is given. Whoever made the socket can end it, whatever
 * the library is waiting for.
 */
import { connect, type Socket } from "node:net";
import type { Writable } from "node:stream";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Endpoint } from "./tcp.ts";

export type { SecureContext, Socket };

/** How long a connection is silent before the kernel asks whether the other side is still there, in milliseconds. */
const KEEP_ALIVE_DELAY_MS = 30_000;

/** Begins to connect. What becomes of it are the socket's events: "connect", or "error" and "close". */
export function connectSocket(endpoint: Endpoint): Socket {
  if ("path" in endpoint) return connect({ path: endpoint.path });
  const { host, port } = endpoint;
  return connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS });
}

/**
 * Makes an error of the socket's of what a library throws that reads from it: it is called by the socket, so nobody else
 * could catch it. Give it the socket before the library listens.
 */
export function guardReading(socket: Socket): Socket {
  const listen = socket.on.bind(socket) as (event: string, listener: (...values: unknown[]) => void) => Socket;
  socket.on = (event: string, listener: (...values: unknown[]) => void): Socket =>
    listen(
      event,
      event !== "data"
        ? listener
        : (bytes) => {
            try {
              listener(bytes);
            } catch (error) {
              socket.destroy(error instanceof Error ? error : new Error(String(error)));
            }
          },
    );
  return socket;
}

/**
 * Holds back what is written until the coroutines that run now have had their turn: what they all write goes out in one system
 * call. For a socket that many write to, each a little.
 */
export function gatherWrites(socket: Writable): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  process.nextTick(() => socket.uncork());
}

/**
 * What certificates are checked against: the given ones (PEM), or those that Node trusts. Made once and used for many
 * connections, because reading certificates takes milliseconds.
 *
 * @throws Error for text that is no certificate.
 */
export function createTrust(certificates: string | undefined): SecureContext {
  return createSecureContext(certificates === undefined ? {} : { ca: certificates });
}
