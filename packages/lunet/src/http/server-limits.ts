/** The limits of a server: those of the message layer, and those of connections and of time. All are on by default. */
import { DEFAULT_READ_BUFFER_SIZE, DEFAULT_WRITE_BUFFER_SIZE } from "../net/mod.ts";
import { defaultMessageLimits, messageLimitRanges, type MessageLimits } from "./limits.ts";

/**
 * Times are checked by one sweep over the connections, which counts from when it first saw them begin: a limit is never
 * applied early, and less than two sweeps late.
 */
export const SWEEP_MS = 500;

/**
 * What a server grants its clients. Times are in milliseconds, sizes in bytes; every value is a whole number within
 * `serverLimitRanges`.
 */
export interface ServerLimits extends MessageLimits {
  /** Connections at once. One more is answered 503 with `Retry-After` and closed; many more at once are reset. */
  maxConnections: number;
  /** Handlers under way at once: those whose promise has not settled. One more request is answered 503 with `Retry-After`. */
  maxRequestsInFlight: number;
  /**
   * How late the event loop may be. Later twice in a row: requests wait in line, as many as take half of that, and the others
   * are answered 503 with `Retry-After` at once. 0 switches it off.
   */
  maxLoopDelayMs: number;
  /** Requests on one connection; the last is answered with `Connection: close`. */
  maxRequestsPerConnection: number;
  /** From the first byte of a request, or from the connection's start, to the end of its header section. Then 408. */
  headerTimeoutMs: number;
  /** Between requests. Then the connection is closed. */
  idleTimeoutMs: number;
  /**
   * How fast content comes on average, counted while the handler waits for it. Slower by more than `contentGraceMs`, or
   * none at all for that long: 408. 0 switches both off.
   */
  contentMinBytesPerSecond: number;
  contentGraceMs: number;
  /** How long a handler works without waiting for content. Then a cancel and 503. */
  handlerTimeoutMs: number;
  /** How long the client may take nothing of a reply. Then the connection is reset. */
  writeStallMs: number;
  /**
   * How long a client that has shut down its side, and may still read, is let wait for a reply, or for the next piece of
   * a stream. Then the handler is cancelled: most such clients are gone.
   */
  halfCloseMs: number;
  /** Content that the handler left is dropped up to here, as it comes, to keep the connection; past it, it is closed. */
  maxDiscardBytes: number;
  /** In a drain: how long an idle connection is still served, so that a request on its way is not lost. */
  drainIdleMs: number;
  /** How long closing flushes and waits for the client's end. */
  lingerMs: number;
  /** Bytes held unread per connection. */
  readBufferSize: number;
  /** Bytes of replies held per connection before the handler's stream waits. */
  writeBufferSize: number;
}

/** What holds for a limit that is not given. */
export const defaultServerLimits: Readonly<ServerLimits> = Object.freeze({
  ...defaultMessageLimits,
  maxConnections: 10_000,
  maxRequestsInFlight: 10_000,
  maxLoopDelayMs: 1_000,
  maxRequestsPerConnection: 100_000,
  headerTimeoutMs: 10_000,
  idleTimeoutMs: 65_000,
  contentMinBytesPerSecond: 500,
  contentGraceMs: 10_000,
  handlerTimeoutMs: 60_000,
  writeStallMs: 30_000,
  halfCloseMs: 500,
  maxDiscardBytes: 65_536,
  drainIdleMs: 500,
  lingerMs: 1_000,
  readBufferSize: DEFAULT_READ_BUFFER_SIZE,
  writeBufferSize: DEFAULT_WRITE_BUFFER_SIZE,
});

const DAY_MS = 86_400_000;

/** The smallest and largest value of each limit. */
export const serverLimitRanges: Readonly<Record<keyof ServerLimits, readonly [min: number, max: number]>> =
  Object.freeze({
    ...messageLimitRanges,
    maxConnections: [1, 1_000_000],
    maxRequestsInFlight: [1, 1_000_000],
    maxLoopDelayMs: [0, DAY_MS],
    maxRequestsPerConnection: [1, Number.MAX_SAFE_INTEGER],
    headerTimeoutMs: [1, DAY_MS],
    idleTimeoutMs: [1, DAY_MS],
    contentMinBytesPerSecond: [0, Number.MAX_SAFE_INTEGER],
    contentGraceMs: [1, DAY_MS],
    handlerTimeoutMs: [1, DAY_MS],
    writeStallMs: [1, DAY_MS],
    halfCloseMs: [1, DAY_MS],
    maxDiscardBytes: [0, Number.MAX_SAFE_INTEGER],
    drainIdleMs: [0, DAY_MS],
    lingerMs: [1, DAY_MS],
    readBufferSize: [1, 16 * 1024 * 1024],
    writeBufferSize: [1, 16 * 1024 * 1024],
  });

/**
 * Completes and checks limits.
 *
 * Throws `RangeError` with code `ERR_HTTP_INVALID_LIMIT` for a value that is no whole number or outside its range.
 *
 * @example resolveServerLimits({ idleTimeoutMs: 5_000 })
 */
export function resolveServerLimits(limits: Partial<ServerLimits>): Readonly<ServerLimits> {
  const resolved = { ...defaultServerLimits, ...limits };
  for (const name of Object.keys(resolved) as Array<keyof ServerLimits>) {
    const value = resolved[name];
    const [min, max] = serverLimitRanges[name] ?? [NaN, NaN];
    if (!Number.isSafeInteger(value) || !(value >= min && value <= max)) {
      const message = `Cannot set limit "${name}": found ${String(value)}, wanted a whole number from ${min} to ${max}`;
      throw Object.assign(new RangeError(message), { code: "ERR_HTTP_INVALID_LIMIT" });
    }
  }
  return resolved;
}
