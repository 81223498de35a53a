/**
 * The limits of the message layer: how much of one request is read before it is refused.
 *
 * All of them are on by default. A limit is inclusive: exactly that many bytes are accepted, one more is refused with
 * the status named beside it. Time limits and limits per connection belong to the server.
 */

/** What one request may bring. Every value is a whole number within `messageLimitRanges`. */
export interface MessageLimits {
  /** Request line, field lines and the empty line, with their line ends, in bytes. Over it: 431. */
  maxHeaderBytes: number;
  /** Field lines in a header section, and again in a trailer section. Over it: 431. */
  maxFields: number;
  /** Request target, in bytes. Over it: 414. */
  maxTargetBytes: number;
  /**
   * Content after the chunked coding is taken off, in bytes. Over it: 413, at the head when `Content-Length` says so,
   * else at the chunk size that passes it. `Number.MAX_SAFE_INTEGER` switches it off.
   */
  maxContentBytes: number;
  /** Trailer section with its line ends, the empty line included, in bytes. Over it: 431. */
  maxTrailerBytes: number;
  /** Chunk extensions of one message, all chunks together, semicolons included, in bytes. Over it: 400. */
  maxChunkExtensionBytes: number;
}

/** What holds for a limit that is not given. */
export const defaultMessageLimits: Readonly<MessageLimits> = Object.freeze({
  maxHeaderBytes: 16_384,
  maxFields: 100,
  maxTargetBytes: 8_192,
  maxContentBytes: 1_048_576,
  maxTrailerBytes: 8_192,
  maxChunkExtensionBytes: 256,
});

/** The smallest and largest value of each limit. The heads and trailers of a message are held in memory whole. */
export const messageLimitRanges: Readonly<Record<keyof MessageLimits, readonly [min: number, max: number]>> =
  Object.freeze({
    maxHeaderBytes: [64, 1_048_576],
    maxFields: [1, 10_000],
    maxTargetBytes: [1, 1_048_576],
    maxContentBytes: [0, Number.MAX_SAFE_INTEGER],
    maxTrailerBytes: [2, 1_048_576],
    maxChunkExtensionBytes: [0, 65_536],
  });
