/** Outgoing connections. */
import { ensureCoroutine, suspend } from "../co/mod.ts";
import { connectStream, type Endpoint } from "../host/tcp.ts";
import { checkBufferSize, Connection, DEFAULT_WRITE_BUFFER_SIZE, type BufferOptions } from "./connection.ts";
import { SocketError } from "./errors.ts";
import { checkHost, checkPort, checkSocketPath } from "./listener.ts";

/** Where to connect. */
export interface ConnectOptions extends BufferOptions {
  /** IPv4 or IPv6 address, or a name, whose addresses are tried in turn (RFC 8305). Default `127.0.0.1`. */
  readonly host?: string;
  /** 1 to 65,535. */
  readonly port?: number;
  /** Path of a Unix socket, instead of `host` and `port`. */
  readonly path?: string;
}

/**
 * Connects, and waits until the peer has accepted. The time is limited by the deadline in force: see `withDeadline`.
 *
 * @returns A connection that belongs to the caller.
 * @throws SocketError (`ERR_CONNECTION_REFUSED`, `ERR_HOST_NOT_FOUND`, …); RangeError for a port out of range.
 * @example
 * ```ts
 * import { run, withDeadline } from "lunet";
 * import { connect, listen } from "lunet/net";
 * await run(async () => {
 *   await using listener = await listen();
 *   await using connection = await withDeadline(1000, () => connect({ host: "localhost", port: listener.port }));
 *   console.log(connection.remoteAddress);
 * });
 * ```
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  ensureCoroutine("net.connect");
  const { host = "127.0.0.1", port, path } = options;
  if (path === undefined && port === undefined) throw new TypeError("Cannot connect: found no port and no path");
  const endpoint: Endpoint =
    path === undefined
      ? { host: checkHost("connect", host), port: checkPort(port ?? 0, 1) }
      : { path: checkSocketPath("connect", path) };
  const writeBufferSize = checkBufferSize("writeBufferSize", options.writeBufferSize ?? DEFAULT_WRITE_BUFFER_SIZE);
  if (options.readBufferSize !== undefined) checkBufferSize("readBufferSize", options.readBufferSize);
  const where = path ?? `${host} port ${port}`;
  return suspend<Connection>("net.connect", (resume, fail) =>
    connectStream(endpoint, { writeBufferSize }, (error, start) => {
      if (start === undefined) fail(new SocketError(`connect to ${where}`, error as Error));
      else resume(new Connection(start, options));
    }),
  );
}
