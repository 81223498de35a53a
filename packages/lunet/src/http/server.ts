/**
 * The HTTP/1.1 server: one coroutine accepts, one serves each connection, one sweeps over them and applies the limits
 * of time.
 *
 * State, in this order, never back: open → draining → closed.
 * - draining: nothing new is accepted; a request that is under way, or comes on an open connection within `drainIdleMs`,
 *   is answered with `Connection: close`; after the grace what is left is cancelled.
 */
import {
  ClosedError,
  ensureCoroutine,
  giveWay,
  reportFailure,
  shield,
  sleep,
  spawn,
  supervise,
  waitCancelRequest,
  type Coroutine,
} from "../co/mod.ts";
import { listen, type Address, type Connection, type Listener } from "../net/mod.ts";
import { monotonicMs, wallMs } from "../time/mod.ts";
import type { Handler } from "./handler.ts";
import { formatHttpDate } from "./http-date.ts";
import { HttpError } from "./http-error.ts";
import { plainErrorReply, type Reply, type ReplyFields } from "./reply.ts";
import { fieldsText } from "./reply-fields.ts";
import { Overload } from "./overload.ts";
import type { HttpRequest } from "./request.ts";
import { ServerConnection, type ConnectionHost, type ReplyEvent } from "./server-connection.ts";
import { replyOf } from "./web-response.ts";
import { resolveServerLimits, SWEEP_MS, type ServerLimits } from "./server-limits.ts";
import { TrustedProxies } from "./trusted-proxies.ts";

/** How long `close` lets requests finish, unless it is told otherwise. */
export const DEFAULT_GRACE_MS = 10_000;
/** How long accepting pauses when the system has no descriptors left. */
const ACCEPT_PAUSE_MS = 100;
/** Connections beyond the limit that are answered at one time; more are reset. */
const MAX_REFUSED = 256;
/** How long a drain goes on taking in connections, where new ones come all the time. */
const TAKE_IN_MS = 1_000;
/** How often connections are looked at while they drain. */
const DRAIN_SWEEP_MS = 50;
/**
 * Connections that a sweep ends in one turn of the event loop. Each is a reply and a close, some 25 µs; 500 slow clients that came
 * together are over their limit together, and kept the others waiting for 12 ms.
 */
const TURN_ENDS = 8;

/** How a server serves, wherever its connections come from. */
export interface ServerOptions {
  readonly limits?: Partial<ServerLimits>;
  /** Fields of every reply, those to malformed requests included. A handler must not set them too. */
  readonly fields?: ReplyFields;
  /**
   * Proxies whose `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `X-Request-Id` count: `"unix"`, which is whoever connects over
   * the Unix socket, addresses, and networks such as `"10.0.0.0/8"`. Such a proxy must set each of these fields or remove it.
   * Default: none.
   */
  readonly trustedProxies?: readonly string[];
  /**
   * The reply to a fault of the client (400, 408, 413, …; `request` is undefined when it could not be read), to an
   * `HttpError` that a handler threw, and to a handler's failure (500, `ERR_HTTP_HANDLER_FAILED`). Default: the status
   * in words, which tells nothing of the cause.
   */
  readonly errorReply?: (error: HttpError, request: HttpRequest | undefined) => Reply;
  /** Called with what a handler threw, other than an `HttpError`. Default: it is written to standard error. */
  readonly onFailure?: (error: unknown, request: HttpRequest | undefined) => void;
  /** Called for each request when its reply is sent, or is known not to be: the access log. */
  readonly onReply?: (event: ReplyEvent) => void;
  /**
   * Picks the requests that are served in an overload all the same, such as a health check. Called then alone, and it
   * does not wait. Default: none.
   */
  readonly isEssential?: (request: HttpRequest) => boolean;
}

/** Where to serve besides. */
export interface ServeOptions extends ServerOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: the system chooses. */
  readonly port?: number;
  /** Path of a Unix socket, instead of `host` and `port`. */
  readonly path?: string;
  /** Connections that the kernel may hold for us. Default 511. */
  readonly backlog?: number;
  /** See the bind policy of `lunet/net`. Default false. */
  readonly dangerouslySkipLoopbackRestriction?: boolean;
}

function writeFailure(error: unknown, request: HttpRequest | undefined): void {
  reportFailure(
    request === undefined ? "an HTTP connection" : `${request.method} ${request.path} (${request.id})`,
    error,
  );
}

/** Serves connections that it is given: what `serve` and in-process requests have in common. */
export class ConnectionServer implements ConnectionHost {
  readonly handler: Handler;
  readonly limits: Readonly<ServerLimits>;
  readonly commonFields: string;
  readonly trustedProxies: TrustedProxies | undefined;
  readonly overload: Overload;
  readonly onReply: ((event: ReplyEvent) => void) | undefined;
  drainingSinceMs: number | undefined;
  readonly #connections = new Set<ServerConnection>();
  /** Connections beyond the limit, while they are told so. */
  readonly #refused = new Set<ServerConnection>();
  readonly #errorReply: (error: HttpError, request: HttpRequest | undefined) => Reply;
  readonly #onFailure: (error: unknown, request: HttpRequest | undefined) => void;
  #date = "";
  #dateSecond = -1;

  constructor(handler: Handler, options: ServerOptions) {
    this.handler = handler;
    this.limits = resolveServerLimits(options.limits ?? {});
    this.commonFields = fieldsText(options.fields);
    this.trustedProxies = options.trustedProxies === undefined ? undefined : new TrustedProxies(options.trustedProxies);
    this.overload = new Overload(this.limits, options.isEssential);
    this.onReply = options.onReply;
    this.#errorReply = options.errorReply ?? plainErrorReply;
    this.#onFailure = options.onFailure ?? writeFailure;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  date(): string {
    const second = Math.floor(wallMs() / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = formatHttpDate(second * 1000);
    }
    return this.#date;
  }

  errorReply(error: HttpError, request: HttpRequest | undefined): Reply {
    if (error.code === "ERR_HTTP_HANDLER_FAILED") this.failed(error.cause, request);
    try {
      return replyOf(this.#errorReply(error, request));
    } catch (failure) {
      this.failed(failure, request);
      return plainErrorReply(error);
    }
  }

  failed(error: unknown, request?: HttpRequest): void {
    try {
      this.#onFailure(error, request);
    } catch (failure) {
      // Whoever was to be told failed too: both are told on the last channel there is.
      writeFailure(error, request);
      writeFailure(failure, request);
    }
  }

  /** Serves `connection` in a new coroutine of the current scope, which owns it from now on. */
  start(connection: Connection): void {
    const { maxConnections } = this.limits;
    if (this.#connections.size < maxConnections) this.#serve(connection, this.#connections);
    else if (this.#refused.size < MAX_REFUSED) {
      const message = `Cannot serve one more connection: found ${maxConnections}`;
      this.#serve(connection, this.#refused, new HttpError("ERR_HTTP_CONNECTION_LIMIT", message));
    } else connection.destroy({ reset: true });
  }

  #serve(connection: Connection, group: Set<ServerConnection>, refusal?: HttpError): void {
    const served = new ServerConnection(this, connection);
    group.add(served);
    served.start(spawn(() => served.run(refusal), { name: "http connection" }));
  }

  ended(connection: ServerConnection): void {
    this.#connections.delete(connection);
    this.#refused.delete(connection);
  }

  /** Applies the limits of time to every connection. The others have a turn after each so many that it ends. */
  async sweep(): Promise<void> {
    let nowMs = monotonicMs();
    let ended = 0;
    for (const connection of this.#connections) {
      if (!connection.sweep(nowMs) || ++ended % TURN_ENDS !== 0) continue;
      await giveWay();
      nowMs = monotonicMs();
    }
  }
}

/** Sweeps for as long as it is not cancelled. */
async function sweepOver(serving: ConnectionServer, everyMs: number): Promise<void> {
  for (;;) {
    await sleep(everyMs);
    await serving.sweep();
  }
}

/** A running server. Whoever called `serve` owns it and ends it: `await using` or `close`. */
export class Server implements AsyncDisposable {
  readonly #listener: Listener;
  readonly #serving: ConnectionServer;
  readonly #accepting: Coroutine<void>;
  #accepted = 0;

  /** Use `serve`. */
  constructor(listener: Listener, serving: ConnectionServer) {
    this.#listener = listener;
    this.#serving = serving;
    this.#accepting = spawn(() => this.#run(), { name: "http server" });
  }

  /** Where it listens. */
  get address(): Address {
    return this.#listener.address;
  }

  get port(): number {
    return this.#listener.port;
  }

  /** `http://127.0.0.1:8080`; for a Unix socket `unix:` and its path. */
  get url(): string {
    const { address } = this;
    if (!("port" in address)) return `unix:${"path" in address ? address.path : ""}`;
    return `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
  }

  /** The limits in force. */
  get limits(): Readonly<ServerLimits> {
    return this.#serving.limits;
  }

  get connectionCount(): number {
    return this.#serving.connectionCount;
  }

  /** True while requests are refused because there is too much to do. */
  get overloaded(): boolean {
    return this.#serving.overload.active;
  }

  /** True from the begin of `close`. */
  get draining(): boolean {
    return this.#serving.drainingSinceMs !== undefined;
  }

  async #run(): Promise<void> {
    await using _listener = this.#listener;
    const options = { onFailure: (error: unknown) => this.#serving.failed(error) };
    await supervise(async () => {
      const sweeping = spawn(() => sweepOver(this.#serving, SWEEP_MS), { name: "http sweep" });
      const watching = spawn(() => this.#serving.overload.watch(), { name: "http overload" });
      const draining = spawn(() => this.#drainWhenAsked(), { name: "http drain" });
      // Ends when accepting has ended and every connection too.
      await supervise(() => this.#accept(), options);
      draining.cancel();
      watching.cancel();
      sweeping.cancel();
    }, options);
  }

  async #accept(): Promise<void> {
    for (;;) {
      // It was closed while accepting paused.
      if (this.#listener.closed) return;
      try {
        this.#serving.start(await this.#listener.accept());
        this.#accepted++;
      } catch (error) {
        if (error instanceof ClosedError) return;
        if (!(error instanceof Error && "syscall" in error)) throw error;
        // Out of descriptors, most often: others will be closed, so accepting goes on after a while.
        this.#serving.failed(error);
        await sleep(ACCEPT_PAUSE_MS);
      }
    }
  }

  /**
   * Takes in what the kernel has accepted already: closing the listener would reset it. A turn of the event loop takes in one
   * connection; two are sure to have looked at the socket.
   */
  async #takeInAccepted(): Promise<void> {
    const untilMs = monotonicMs() + TAKE_IN_MS;
    let before: number;
    do {
      before = this.#accepted;
      await sleep(0);
      await sleep(0);
    } while (this.#accepted !== before && monotonicMs() < untilMs);
  }

  async #drainWhenAsked(): Promise<void> {
    await waitCancelRequest();
    this.#serving.drainingSinceMs ??= monotonicMs();
    this.#listener.shut();
    await this.#takeInAccepted();
    this.#listener.close();
    await sweepOver(this.#serving, DRAIN_SWEEP_MS);
  }

  /**
   * Drains and closes the server, in two phases: nothing new is accepted and requests under way are answered with
   * `Connection: close`; what still runs after `graceMs` milliseconds (default 10,000; 0 to cut off at once) is
   * cancelled, and a client that has no reply yet gets 503. Waits until every connection has ended. No cancel shortens it;
   * a second call waits with the first. A handler's coroutine, which the server waits for, does not wait in turn.
   */
  async close(options: { readonly graceMs?: number } = {}): Promise<void> {
    ensureCoroutine("http.close");
    const { graceMs = DEFAULT_GRACE_MS } = options;
    await shield(graceMs + this.limits.lingerMs + DEFAULT_GRACE_MS, async () => {
      this.#serving.drainingSinceMs ??= monotonicMs();
      this.#accepting.cancel({ reason: "the server closes", graceMs });
      await this.#ended();
    });
  }

  /** Waits until the server has ended, for whatever reason. */
  async #ended(): Promise<void> {
    try {
      await this.#accepting.join();
    } catch (error) {
      const isInside = this.#accepting.state === "running" && error instanceof TypeError;
      if (this.#accepting.state !== "cancelled" && !isInside) throw error;
    }
  }

  /** `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Listens and serves every request with `handler`, in coroutines of the current scope. Waits until the address is bound.
 *
 * All limits of `ServerLimits` are on. A handler that fails is answered with 500 and reported to `onFailure`; a client
 * that goes away cancels the handler that works for it.
 *
 * @returns The server, which belongs to the caller.
 * @throws As `listen` of `lunet/net`; RangeError (`ERR_HTTP_INVALID_LIMIT`) for a limit out of range.
 * @example
 * ```ts
 * import { run } from "lunet";
 * import { serve, text } from "lunet/http";
 * await run(async () => {
 *   await using server = await serve(() => text("hello\n"), { port: 0 });
 *   console.log(server.url);
 * });
 * ```
 */
export async function serve(
  handler: Handler | { readonly handler: Handler },
  options: ServeOptions = {},
): Promise<Server> {
  ensureCoroutine("http.serve");
  const serving = new ConnectionServer(typeof handler === "function" ? handler : handler.handler, options);
  const { readBufferSize, writeBufferSize } = serving.limits;
  return new Server(await listen({ ...options, readBufferSize, writeBufferSize }), serving);
}

/**
 * Serves one connection that the caller has, and that belongs to the server from now on: a memory socket under test, or
 * one that was accepted elsewhere. Waits until it has ended.
 *
 * @throws As `serve`, for limits and fields.
 */
export async function serveConnection(
  handler: Handler,
  connection: Connection,
  options: ServerOptions = {},
): Promise<void> {
  ensureCoroutine("http.serveConnection");
  const serving = new ConnectionServer(handler, options);
  await supervise(
    async () => {
      const sweeping = spawn(() => sweepOver(serving, SWEEP_MS), { name: "http sweep" });
      await supervise(() => serving.start(connection), { onFailure: (error) => serving.failed(error) });
      sweeping.cancel();
    },
    { onFailure: (error) => serving.failed(error) },
  );
}
