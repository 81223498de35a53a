/**
 * Content of requests that is in a content coding (RFC 9110 section 8.4): a middleware.
 *
 * A few bytes can decode to very many. So what comes out is counted, and is refused as soon as it is more than `maxBytes`,
 * or more than `maxRatio` times what went in; it is decoded only as fast as the handler reads it.
 */
import { afterReply, type Handler, type Middleware } from "../handler.ts";
import { HttpError, quote } from "../http-error.ts";
import type { Reply } from "../reply.ts";
import type { HttpRequest } from "../request.ts";
import { contentCodings, type ContentCoding } from "./accept-encoding.ts";
import { CodingError, createDecompressor, pipeThrough } from "./coding-stream.ts";
import { ownStream } from "./foreign-stream.ts";

/** Up to so many bytes may come of anything: what is short says nothing about a ratio. */
const RATIO_GRACE_BYTES = 65_536;

/** What is decoded, and how far. */
export interface DecompressOptions {
  /** The codings that are taken. Default `["gzip", "br", "zstd"]`. */
  readonly codings?: readonly ContentCoding[];
  /** The most bytes that may come out, 0 to 2^53-1. Default 1,048,576. What goes in is limited by `maxContentBytes`. */
  readonly maxBytes?: number;
  /** The most bytes that may come out for each that went in, beyond the first 65,536: 1 to 100,000. Default 100. */
  readonly maxRatio?: number;
}

/**
 * A middleware that decodes the content of requests, as the handler reads it. Content in a coding that is not taken, or in
 * more than one, is answered 415 (`ERR_HTTP_CONTENT_CODING`) with an `Accept-Encoding` that says what is.
 *
 * The handler's read throws `HttpError`: 413 (`ERR_HTTP_CONTENT_TOO_LARGE`) past the limits, 400
 * (`ERR_HTTP_CONTENT_CODING_BROKEN`) for content that is malformed or cut.
 *
 * @throws RangeError for options out of range.
 * @example
 * ```ts
 * import { decompress, json, Router } from "lunet/http";
 * const router = new Router();
 * router.post("/import", decompress({ maxBytes: 8_000_000 })(async (request) => json((await request.bytes()).length)));
 * ```
 */
export function decompress(options: DecompressOptions = {}): Middleware {
  const { codings = ["gzip", "br", "zstd"], maxBytes = 1_048_576, maxRatio = 100 } = options;
  for (const coding of codings) {
    if (contentCodings.includes(coding)) continue;
    throw new RangeError(`Cannot decompress: found the coding "${coding}", wanted one of ${contentCodings.join(", ")}`);
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new RangeError(`Cannot decompress: found maxBytes ${maxBytes}, wanted a whole number from 0`);
  }
  if (!(maxRatio >= 1 && maxRatio <= 100_000)) {
    throw new RangeError(`Cannot decompress: found maxRatio ${maxRatio}, wanted 1 to 100,000`);
  }
  const accepted = codings.join(", ");
  return (next) => (request) => {
    const field = request.field("content-encoding");
    if (field === undefined || !request.head.hasContent || field.toLowerCase() === "identity") return next(request);
    const name = field.toLowerCase() === "x-gzip" ? "gzip" : field.toLowerCase();
    const coding = codings.find((one) => one === name);
    if (coding === undefined) {
      request.addReplyFields({ "Accept-Encoding": accepted });
      const message = `Cannot decode content in ${quote(field)}: wanted one of ${accepted}`;
      throw new HttpError("ERR_HTTP_CONTENT_CODING", message);
    }
    return answerDecoded(next, request, coding, { maxBytes, maxRatio });
  };
}

interface Limits {
  readonly maxBytes: number;
  readonly maxRatio: number;
}

/** Calls the handler, and ends the decoding with it; with the stream that it replies with, which may be made of the content. */
async function answerDecoded(
  next: Handler,
  request: HttpRequest,
  coding: ContentCoding,
  limits: Limits,
): Promise<Reply> {
  const decoded = new DecodedContent(request, coding, limits);
  let isStream = false;
  try {
    const reply = await afterReply(next(request), (one) => one);
    const { content } = reply;
    if (content === undefined || typeof content === "string" || content instanceof Uint8Array) return reply;
    isStream = true;
    return { ...reply, content: closingBehind(content, decoded) };
  } finally {
    if (!isStream) await decoded.close();
  }
}

/** A stream that closes another thing when it ends, fails or is left. Not a generator: one that nobody reads ends nothing. */
function closingBehind(
  content: AsyncIterable<string | Uint8Array>,
  decoded: DecodedContent,
): AsyncIterable<string | Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = ownStream(content)[Symbol.asyncIterator]();
      return {
        async next() {
          let isOver = true;
          try {
            const result = await iterator.next();
            isOver = result.done === true;
            return result;
          } finally {
            if (isOver) await decoded.close();
          }
        },
        async return() {
          try {
            await iterator.return?.();
          } finally {
            await decoded.close();
          }
          return { done: true, value: undefined };
        },
      };
    },
  };
}

class DecodedContent {
  readonly #pieces: AsyncGenerator<Uint8Array, void, undefined>;

  constructor(request: HttpRequest, coding: ContentCoding, limits: Limits) {
    const source = request.replaceContent(() => this.#next());
    this.#pieces = decode(source, coding, limits);
  }

  async #next(): Promise<Uint8Array | null> {
    const { value, done } = await this.#pieces.next();
    return done === true ? null : value;
  }

  async close(): Promise<void> {
    await this.#pieces.return();
  }
}

async function* decode(
  next: () => Promise<Uint8Array | null>,
  coding: ContentCoding,
  { maxBytes, maxRatio }: Limits,
): AsyncGenerator<Uint8Array, void, undefined> {
  let [inBytes, outBytes] = [0, 0];
  const decompressor = createDecompressor(coding);
  const encoded = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const piece = await next();
      if (piece === null) return;
      inBytes += piece.length;
      yield piece;
    }
  };
  try {
    for await (const piece of pipeThrough(() => decompressor, encoded())) {
      outBytes += piece.length;
      const isDense = outBytes > RATIO_GRACE_BYTES && outBytes > inBytes * maxRatio;
      if (outBytes > maxBytes || isDense) {
        const found = `found ${outBytes} bytes of ${inBytes}`;
        const wanted = `at most ${maxBytes}, and ${maxRatio} times as many`;
        throw new HttpError("ERR_HTTP_CONTENT_TOO_LARGE", `Cannot decode the content: ${found}, wanted ${wanted}`);
      }
      yield piece;
    }
    // Brotli and zstd end where they end, and say nothing of what stands behind.
    if (decompressor.bytesWritten < inBytes)
      throw new CodingError("Cannot decode the content: found more behind its end");
  } catch (error) {
    if (!(error instanceof CodingError)) throw error;
    throw new HttpError("ERR_HTTP_CONTENT_CODING_BROKEN", `Cannot decode the content: it is not ${coding}, or cut`, {
      cause: error,
    });
  }
}
