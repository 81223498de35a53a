/**
 * Streams that are not the runtime's as the content of a reply: a web `ReadableStream`, and a `Readable` of Node.
 *
 * Their waits are promises that no cancel reaches, so a silent one would keep a reply alive whose client has gone. Here a cancel
 * leaves the wait, and the stream is ended with the reply: `ReadableStream` by its `cancel`, `Readable` by `destroy`.
 */
import type { Readable } from "node:stream";
import { shield, until } from "../../co/mod.ts";

/** How long a stream's own cancel may take, in milliseconds. */
const CANCEL_BUDGET_MS = 1_000;

type Piece = string | Uint8Array;

/** The stream, such that it is ended with its reader; other iterables are given back as they are. */
export function ownStream(content: AsyncIterable<Piece>): AsyncIterable<Piece> {
  if (content instanceof ReadableStream) return new OwnedStream(readWeb(content));
  if (isReadable(content)) return new OwnedStream(readNode(content));
  return content;
}

function isReadable(content: AsyncIterable<Piece>): content is Readable {
  const { destroy, pipe } = content as Partial<Readable>;
  return typeof destroy === "function" && typeof pipe === "function";
}

/** A stream by what its reader does: waits for the next piece, and ends it. */
interface ForeignSource {
  next(): Promise<IteratorResult<Piece, unknown>>;
  end(): Promise<void> | undefined;
}

function readWeb(stream: ReadableStream<Piece>): ForeignSource {
  const reader = stream.getReader();
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return done ? { done, value: undefined } : { done, value };
    },
    // The stream's own iterator would wait for the read that is under way, and not cancel it.
    end: () => reader.cancel("the reply has ended"),
  };
}

function readNode(stream: Readable): ForeignSource {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Piece, unknown>;
  return {
    next: () => iterator.next(),
    end: () => {
      // What it fails with from now on is nobody's, and must not end the process.
      stream.on("error", () => {});
      stream.destroy();
      return undefined;
    },
  };
}

/** Not a generator: one that was never begun would end nothing. */
class OwnedStream implements AsyncIterableIterator<Piece, undefined> {
  readonly #source: ForeignSource;
  #ended = false;

  constructor(source: ForeignSource) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Piece, undefined>> {
    if (this.#ended) return { done: true, value: undefined };
    try {
      const result = await until(this.#source.next());
      if (result.done !== true) return result;
    } catch (error) {
      await this.#end();
      throw error;
    }
    this.#ended = true;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Piece, undefined>> {
    await this.#end();
    return { done: true, value: undefined };
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const ending = this.#source.end();
    if (ending !== undefined) await shield(CANCEL_BUDGET_MS, () => until(ending));
  }
}
