/**
 * Kernel stream sockets, TCP and Unix, as transports: the only place that touches `node:net` and `node:dns`.
 *
 * Reading goes around the stream machinery: `push`, which the socket calls with each chunk that it read, is overridden
 * on each socket and hands the chunk to the sink, without the readable side's queue and events. That saves 3 µs of 20
 * per request (docs/performance.md). Since `push(null)` does not reach the stream either, the socket never counts as
 * ended by itself: the sink decides when it is destroyed.
 */
import { lookup } from "node:dns";
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { BlockList, connect, createServer, isIP, Server, type AddressInfo, type Socket } from "node:net";
import type { Address, StartTransport, Transport, TransportSink } from "./transport.ts";

function addressOf(
  family: string | undefined,
  address: string | undefined,
  port: number | undefined,
  path: string,
): Address {
  if (path !== "") return { family: "unix", path };
  if (address === undefined || port === undefined) return { family: "unknown" };
  return { family: family === "IPv6" ? "IPv6" : "IPv4", address, port };
}

class SocketTransport implements Transport {
  readonly #socket: Socket;
  readonly #path: string;
  #local: Address | undefined;
  #remote: Address | undefined;

  constructor(socket: Socket, path: string, sink: TransportSink) {
    this.#socket = socket;
    this.#path = path;
    let error: Error | undefined;
    socket.push = (chunk: Uint8Array | null): boolean => {
      if (chunk !== null) return sink.onBytes(chunk);
      sink.onEnd();
      return false;
    };
    socket.on("drain", () => sink.onDrain());
    socket.on("error", (cause) => (error = cause));
    socket.on("close", () => sink.onClose(error));
  }

  // Addresses are read when they are asked for: each costs a system call.
  get localAddress(): Address {
    const socket = this.#socket;
    return (this.#local ??= addressOf(socket.localFamily, socket.localAddress, socket.localPort, this.#path));
  }

  get remoteAddress(): Address {
    const socket = this.#socket;
    return (this.#remote ??= addressOf(socket.remoteFamily, socket.remoteAddress, socket.remotePort, this.#path));
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  write(data: string | Uint8Array, encoding: "utf8" | "latin1"): boolean {
    return typeof data === "string" ? this.#socket.write(data, encoding) : this.#socket.write(data);
  }

  resumeReading(): void {
    this.#socket._read(0);
  }

  shutdown(done: () => void): void {
    const socket = this.#socket;
    if (socket.writableFinished || socket.destroyed) return done();
    socket.once("close", done);
    socket.end((error?: Error | null) => {
      // After a failure "close" follows, and tells the sink why before anybody goes on.
      if (error != null || socket.destroyed) return;
      socket.off("close", done);
      done();
    });
  }

  destroy(reset = false): void {
    const socket = this.#socket;
    // While a shutdown is on its way the system refuses the reset, and the socket would stay open.
    const isEnding = socket.writableEnded && !socket.writableFinished;
    if (reset && !isEnding && this.#path === "") socket.resetAndDestroy();
    else socket.destroy();
  }

  setNoDelay(on: boolean): void {
    this.#socket.setNoDelay(on);
  }

  setKeepAlive(idleMs: number): void {
    this.#socket.setKeepAlive(idleMs > 0, idleMs);
  }
}

function startOf(socket: Socket, path: string): StartTransport {
  return (sink) => new SocketTransport(socket, path, sink);
}

/** Where to listen or connect: an IP address and a port, or the path of a Unix socket. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** A bound socket. */
export interface BoundListener {
  readonly address: Address;
  /** What another process can be given. */
  readonly server: Server;
  /**
   * Lets nobody connect any more, while what has connected before can still be accepted: there for a Unix socket of this
   * process alone. Takes the rights to its file away, not the file, so that no other process listens there meanwhile, whose
   * file our close would remove. The superuser still can.
   */
  readonly shut?: () => void;
  /** Stops accepting; calls back when the socket is closed. Accepted connections are not touched. */
  close(done: () => void): void;
}

export interface ListenEvents {
  /** A connection was accepted. It reads nothing before `start` is called, which must be at once. */
  onConnection(start: StartTransport): void;
  onError(error: Error): void;
}

/**
 * How a socket is shared with other processes of the same program. `cluster`: the primary process of Node's cluster has
 * it. `reuse-port`: each has its own on the same port (`SO_REUSEPORT`), and the first one sees that no other program
 * listens there. A server: the socket that it has, from another process.
 */
export type SocketSharing = "cluster" | "reuse-port" | "reuse-port-first" | Server;

export interface ListenStreamOptions {
  readonly backlog: number;
  readonly writeBufferSize: number;
  /** Default: not at all. */
  readonly sharing?: SocketSharing | undefined;
}

/** A connection that another process has accepted. It reads nothing before it is started, which must be at once. */
export function adoptSocket(socket: Socket): StartTransport {
  socket.allowHalfOpen = true;
  socket.setNoDelay(true);
  return startOf(socket, "");
}

/** Binds and listens; calls back with the listener or with the reason why not. Returns how to give up. */
export function listenStream(
  endpoint: Endpoint,
  options: ListenStreamOptions,
  events: ListenEvents,
  bound: (error: Error | undefined, listener: BoundListener | undefined) => void,
): () => void {
  const path = "path" in endpoint ? endpoint.path : "";
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: options.writeBufferSize });
  server.on("connection", (socket) => events.onConnection(startOf(socket, path)));
  server.once("error", failed);
  function failed(error: Error): void {
    bound(error, undefined);
  }
  const where = "path" in endpoint ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
  const { backlog, sharing } = options;
  const listening = (): void => {
    server.off("error", failed);
    server.on("error", (error) => events.onError(error));
    const info = server.address() as AddressInfo | string;
    const address: Address =
      typeof info === "string"
        ? { family: "unix", path: info }
        : { family: info.family === "IPv6" ? "IPv6" : "IPv4", address: info.address, port: info.port };
    bound(undefined, {
      address,
      server,
      ...(path !== "" && sharing === undefined && { shut: () => shutSocketFile(path) }),
      close: (done) => void server.close(() => done()),
    });
  };
  let isGivenUp = false;
  const isReusing = sharing === "reuse-port" || sharing === "reuse-port-first";
  const begin = (): void => {
    if (sharing instanceof Server) server.listen(sharing, backlog, listening);
    else server.listen({ ...where, backlog, exclusive: sharing !== "cluster", reusePort: isReusing }, listening);
  };
  if (sharing !== "reuse-port-first") begin();
  else {
    whenFree(where, failed, () => {
      if (!isGivenUp) begin();
    });
  }
  return () => {
    isGivenUp = true;
    server.close();
  };
}

/** Ports that may be shared are shared with whoever asks for that, so whether one is free is found out without. */
function whenFree(where: object, failed: (error: Error) => void, free: () => void): void {
  const probe = createServer((socket) => void socket.destroy());
  probe.once("error", failed);
  probe.listen({ ...where, exclusive: true }, () => void probe.close(free));
}

/** Connects; calls back once. Returns how to give up. */
export function connectStream(
  endpoint: Endpoint,
  options: { writeBufferSize: number },
  connected: (error: Error | undefined, start: StartTransport | undefined) => void,
): () => void {
  const path = "path" in endpoint ? endpoint.path : "";
  const where = "path" in endpoint ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
  // The socket takes the options of any stream; the types of `connect` leave them out.
  const stream: object = { allowHalfOpen: true, noDelay: true, writableHighWaterMark: options.writeBufferSize };
  const socket = connect({ ...where, ...stream });
  const failed = (error: Error): void => connected(error, undefined);
  socket.once("error", failed);
  socket.once("connect", () => {
    socket.off("error", failed);
    connected(undefined, startOf(socket, path));
  });
  return () => void socket.destroy();
}

/** Resolves a name to its first address, as `getaddrinfo` orders them. An IP address is given back as it is. */
export function resolveHost(
  host: string,
  resolved: (error: Error | undefined, address: string | undefined) => void,
): void {
  if (isIP(host) !== 0) resolved(undefined, host);
  else
    lookup(host, { family: 0 }, (error, address) => resolved(error ?? undefined, error === null ? address : undefined));
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Tells whether only this machine reaches an IP address: 127.0.0.0/8 and ::1 in any spelling, IPv4-mapped too. */
export function isLoopback(address: string): boolean {
  return loopback.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** True for the file of a Unix socket. A connect to any other file is refused as well, as if the socket were dead. */
export function isSocketFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

function shutSocketFile(path: string): void {
  try {
    chmodSync(path, 0);
  } catch (error) {
    // Somebody has removed it: then nobody can connect, either.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Takes the file of a Unix socket that nobody listens on any more out of the way. */
export function removeSocketFile(path: string): void {
  unlinkSync(path);
}
