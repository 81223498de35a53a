/** Listening sockets: the bind policy, the queue of accepted connections, `accept`. */
import { adopt, ended, made, misused, ownedBy, touched, TRACE, waitsOn } from "#trace";
import { ClosedError, ensureCoroutine, suspend } from "../co/mod.ts";
import { writeStderr } from "../host/process.ts";
import {
  connectStream,
  isLoopback,
  isSocketFile,
  listenStream,
  removeSocketFile,
  resolveHost,
  type BoundListener,
  type Endpoint,
} from "../host/tcp.ts";
import { listenInWorker, listensInWorker } from "../host/worker-listening.ts";
import type { Address, StartTransport } from "../host/transport.ts";
import {
  checkBufferSize,
  Connection,
  DEFAULT_READ_BUFFER_SIZE,
  DEFAULT_WRITE_BUFFER_SIZE,
  type BufferOptions,
} from "./connection.ts";
import { BindPolicyError, BusyError, SocketError } from "./errors.ts";

/** Connections that the kernel has accepted and no `accept` has taken yet; the kernel is asked for as many besides. */
export const DEFAULT_BACKLOG = 511;

/** Where and how to listen. */
export interface ListenOptions extends BufferOptions {
  /** IPv4 or IPv6 address, or a name, which is resolved to its first address. Default `127.0.0.1`. */
  readonly host?: string;
  /** 0 to 65,535; 0 lets the system choose. Default 0. */
  readonly port?: number;
  /** Path of a Unix socket, instead of `host` and `port`. A file that a dead process left there is replaced. */
  readonly path?: string;
  /** Connections that wait for `accept`; more are closed at once. 1 to 65,535, default 511. */
  readonly backlog?: number;
  /** Listen on an address that others can reach. Said on standard error. Default false. */
  readonly dangerouslySkipLoopbackRestriction?: boolean;
}

/** Looks a name up; waits. */
export function resolve(host: string): Promise<string> {
  return suspend<string>("net.resolve", (resume, fail) => {
    resolveHost(host, (error, address) => {
      if (address === undefined) fail(new SocketError(`resolve "${host}"`, error as Error));
      else resume(address);
    });
    return () => {};
  });
}

export function checkPort(port: number, min: 0 | 1): number {
  if (!Number.isInteger(port) || port < min || port > 65_535) {
    throw new RangeError(`Cannot use port: found ${port}, wanted a whole number from ${min} to 65535`);
  }
  return port;
}

/** An empty name would mean every address there is. */
export function checkHost(action: string, host: string): string {
  if (host !== "" && !host.includes("\0")) return host;
  throw new TypeError(`Cannot ${action}: found the host ${JSON.stringify(host)}, wanted an address or a name`);
}

export function checkSocketPath(action: string, path: string): string {
  if (path !== "" && !path.includes("\0")) return path;
  throw new TypeError(`Cannot ${action}: found the path ${JSON.stringify(path)}, wanted a file's`);
}

async function endpointOf(options: ListenOptions): Promise<Endpoint> {
  const { path, host = "127.0.0.1", port = 0 } = options;
  if (path !== undefined) return { path: checkSocketPath("listen", path) };
  checkPort(port, 0);
  const address = await resolve(checkHost("listen", host));
  if (!isLoopback(address)) {
    if (options.dangerouslySkipLoopbackRestriction !== true) throw new BindPolicyError(host, address);
    writeStderr(`lunet: listening on ${address}, which others can reach: the loopback restriction is switched off\n`);
  }
  return { host: address, port };
}

function bind(
  endpoint: Endpoint,
  backlog: number,
  writeBufferSize: number,
  listener: Listener,
): Promise<BoundListener> {
  const events = {
    onConnection: (start: StartTransport) => listener._receive(start),
    onError: (error: Error) => listener._fail(error),
  };
  return suspend<BoundListener>("net.listen", (resume, fail) => {
    const start = listensInWorker() ? listenInWorker : listenStream;
    const giveUp = start(endpoint, { backlog, writeBufferSize }, events, (error, bound) => {
      if (bound === undefined) fail(error);
      else resume(bound);
    });
    return giveUp;
  });
}

/** True when a Unix socket's file is there and nobody listens on it. */
async function isStale(path: string): Promise<boolean> {
  if (!isSocketFile(path)) return false;
  return suspend<boolean>("net.listen", (resume) =>
    connectStream({ path }, { writeBufferSize: 1 }, (error, start) => {
      start?.({ onBytes: () => false, onEnd() {}, onDrain() {}, onClose() {} }).destroy();
      resume(error !== undefined && "code" in error && error.code === "ECONNREFUSED");
    }),
  );
}

/**
 * A listening socket. Whoever called `listen` owns it and ends it: `await using` or `close`.
 *
 * Connections wait in a queue of `backlog` places for `accept`.
 */
export class Listener implements AsyncDisposable {
  readonly #options: ListenOptions;
  readonly #backlog: number;
  readonly #waiting: Connection[] = [];
  #bound: BoundListener | undefined;
  #closed = false;
  #dropped = 0;
  #resumeAccept: ((connection: Connection) => void) | undefined;
  #failAccept: ((error: unknown) => void) | undefined;

  /** Use `listen`. */
  constructor(options: ListenOptions) {
    this.#options = options;
    this.#backlog = options.backlog ?? DEFAULT_BACKLOG;
    if (!Number.isInteger(this.#backlog) || this.#backlog < 1 || this.#backlog > 65_535) {
      throw new RangeError(`Cannot use backlog: found ${this.#backlog}, wanted a whole number from 1 to 65535`);
    }
    checkBufferSize("readBufferSize", options.readBufferSize ?? DEFAULT_READ_BUFFER_SIZE);
    checkBufferSize("writeBufferSize", options.writeBufferSize ?? DEFAULT_WRITE_BUFFER_SIZE);
  }

  /** Binds; called once, by `listen`. */
  async _bind(): Promise<void> {
    const endpoint = await endpointOf(this.#options);
    const writeBufferSize = this.#options.writeBufferSize ?? DEFAULT_WRITE_BUFFER_SIZE;
    const where = "path" in endpoint ? endpoint.path : `${endpoint.host} port ${endpoint.port}`;
    try {
      try {
        this.#bound = await bind(endpoint, this.#backlog, writeBufferSize, this);
      } catch (error) {
        const inUse = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
        if (!inUse || !("path" in endpoint) || !(await isStale(endpoint.path))) throw error;
        removeSocketFile(endpoint.path);
        this.#bound = await bind(endpoint, this.#backlog, writeBufferSize, this);
      }
    } catch (error) {
      if (!(error instanceof Error) || !("syscall" in error)) throw error;
      throw new SocketError(`listen on ${where}`, error);
    }
    if (TRACE) made("listener", this, undefined, where);
  }

  #requireBound(): BoundListener {
    if (this.#bound === undefined) throw new ClosedError("the listener");
    return this.#bound;
  }

  get address(): Address {
    return this.#requireBound().address;
  }

  /** The port that is listened on; 0 for a Unix socket. */
  get port(): number {
    const { address } = this;
    return "port" in address ? address.port : 0;
  }

  /** True from `close()` on. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Connections that were closed because the queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  _receive(start: StartTransport): void {
    if (this.#closed || this.#waiting.length >= this.#backlog) {
      this.#dropped++;
      start({ onBytes: () => false, onEnd() {}, onDrain() {}, onClose() {} }).destroy(true);
      return;
    }
    const connection = new Connection(start, this.#options);
    if (TRACE) ownedBy(connection, this);
    const resume = this.#resumeAccept;
    this.#forgetAccept();
    if (resume === undefined) this.#waiting.push(connection);
    else resume(connection);
  }

  /** The system could not accept, for lack of descriptors for instance. Whoever accepts is told; listening goes on. */
  _fail(error: Error): void {
    const fail = this.#failAccept;
    this.#forgetAccept();
    fail?.(new SocketError("accept a connection", error));
  }

  #forgetAccept(): void {
    this.#resumeAccept = undefined;
    this.#failAccept = undefined;
  }

  /** The next connection that waits, if there is one. */
  tryAccept(): Connection | undefined {
    if (this.#closed) {
      const error = new ClosedError("the listener");
      if (TRACE) misused(this, "accept", error);
      throw error;
    }
    const connection = this.#waiting.shift();
    if (TRACE) {
      touched(this, "accept");
      if (connection !== undefined) adopt(connection);
    }
    return connection;
  }

  /**
   * Waits for a connection. It belongs to the caller.
   *
   * @throws ClosedError when the listener is closed meanwhile; SocketError when the system cannot accept, after which
   * accepting can go on; BusyError while another coroutine accepts.
   */
  async accept(): Promise<Connection> {
    ensureCoroutine("net.accept");
    const ready = this.tryAccept();
    if (ready !== undefined) return ready;
    if (this.#resumeAccept !== undefined) throw new BusyError("accept", "the listener");
    return suspend<Connection>("net.accept", (resume, fail) => {
      if (TRACE) waitsOn(this);
      this.#resumeAccept = resume;
      this.#failAccept = fail;
      return () => this.#forgetAccept();
    });
  }

  /**
   * Lets nobody connect any more to a Unix socket, while what has connected before can still be accepted: a close would
   * reset it. For a port, and for the superuser, it does nothing; nor for a socket that several processes share.
   */
  shut(): void {
    if (!this.#closed) this.#bound?.shut?.();
  }

  /**
   * Stops listening, wakes whoever accepts with `ERR_CLOSED`, and closes the connections that nobody accepted. Accepted
   * ones are not touched. A second close does nothing.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const fail = this.#failAccept;
    this.#forgetAccept();
    fail?.(new ClosedError("the listener"));
    for (const connection of this.#waiting.splice(0)) connection.destroy({ reset: true });
    this.#bound?.close(() => {});
    if (TRACE) {
      if (this.#bound !== undefined) ended("listener", this);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/**
 * Listens on loopback or on a Unix socket, and waits until the address is bound.
 *
 * @returns A listener that belongs to the caller.
 * @throws BindPolicyError (`ERR_BIND_NOT_LOOPBACK`) for an address that others can reach; SocketError
 * (`ERR_ADDRESS_IN_USE`, `ERR_ADDRESS_NOT_AVAILABLE`, `ERR_ADDRESS_DENIED`, `ERR_HOST_NOT_FOUND`); RangeError.
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { listen } from "lunet/net";
 * await run(async () => {
 *   await using listener = await listen({ host: "localhost", port: 0 });
 *   console.log(listener.address);
 * });
 * ```
 */
export async function listen(options: ListenOptions = {}): Promise<Listener> {
  ensureCoroutine("net.listen");
  const listener = new Listener(options);
  await listener._bind();
  return listener;
}
