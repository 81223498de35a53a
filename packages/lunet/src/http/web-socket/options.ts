/** What can be chosen about the WebSockets of a handler, with the defaults and the ranges. */

/** How a handler's WebSockets behave. Each limit is checked when the handler is made. */
export interface WebSocketOptions {
  /**
   * Subprotocols that the handler speaks (RFC 6455, 1.9). The first one that the client offers and that is among them is chosen; without a
   * common one the WebSocket has none. Default: none.
   */
  readonly protocols?: readonly string[];
  /**
   * Pages of which origins may open a WebSocket here (RFC 6455, 10.2): browsers send a site's cookies along with a request for
   * a WebSocket from any page, and no other rule of theirs keeps that page from reading the answers.
   *
   * `"same-origin"`, the default: those whose host and port are the request's (`HttpRequest.authority`), and whose scheme is, where a trusted proxy tells it. A list: those, as
   * `https://example.com`, and no other. `"any"`: all. A request without `Origin` is not a page's and passes.
   */
  readonly allowedOrigins?: "same-origin" | "any" | readonly string[];
  /** Bytes of a message from the client, over all of its fragments. 1 to 2^31-1, default 1,048,576. Past it: 1009. */
  readonly maxMessageBytes?: number;
  /** Frames of a message from the client. 1 to 2^31-1, default 4,096. Past it: 1008. */
  readonly maxFragments?: number;
  /**
   * Bytes of messages that wait for the handler, each counted with 64 besides. Past it nothing is read any more, so that the client waits.
   * What one read of the connection holds (`readBufferSize`) may come on top. 1 to 2^31-1, default 65,536.
   */
  readonly maxQueuedBytes?: number;
  /** Between two pings, in milliseconds. 0 switches pings off; else 1 to 86,400,000, default 30,000. */
  readonly pingIntervalMs?: number;
  /**
   * How long after a ping nothing may come from the client, in milliseconds; then it counts as gone. The time in which the handler keeps
   * the client waiting does not count. 1 to 86,400,000, default 20,000.
   */
  readonly pongTimeoutMs?: number;
  /**
   * How long each step of the end may take, in milliseconds: the client's answer to our Close; the handler's way to the end of the
   * messages that came before the client's; and what the handler does after the end. 1 to 86,400,000, default 5,000.
   */
  readonly closeTimeoutMs?: number;
}

/** The options in force, but for those of the handshake. */
export type WebSocketLimits = Required<Omit<WebSocketOptions, "protocols" | "allowedOrigins">>;

const INT32_MAX = 2_147_483_647;
const DAY_MS = 86_400_000;

/** Default, least and most of each limit. */
const LIMITS: Readonly<Record<keyof WebSocketLimits, readonly [value: number, min: number, max: number]>> = {
  maxMessageBytes: [1_048_576, 1, INT32_MAX],
  maxFragments: [4_096, 1, INT32_MAX],
  maxQueuedBytes: [65_536, 1, INT32_MAX],
  pingIntervalMs: [30_000, 0, DAY_MS],
  pongTimeoutMs: [20_000, 1, DAY_MS],
  closeTimeoutMs: [5_000, 1, DAY_MS],
};

/** The limits with those that were chosen. Throws RangeError for one that is out of its range. */
export function resolveLimits(options: WebSocketOptions): WebSocketLimits {
  const entries = Object.entries(LIMITS).map(([name, [value, min, max]]) => {
    const chosen = options[name as keyof WebSocketLimits] ?? value;
    if (!Number.isInteger(chosen) || chosen < min || chosen > max) {
      throw new RangeError(`Cannot use ${name}: found ${chosen}, wanted a whole number from ${min} to ${max}`);
    }
    return [name, chosen];
  });
  return Object.fromEntries(entries) as WebSocketLimits;
}
