/**
 * A stream of bytes through one of zlib's transforms, at the pace of whoever reads.
 *
 * A piece is read only when all that the pieces before it gave has been taken, so that at most one piece, and what the
 * transform buffers, is held. The transform is closed when the stream ends, fails, is left early, or is cancelled.
 */
import type { Transform } from "node:stream";
import {
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
  type BrotliOptions,
  type ZlibOptions,
  type ZstdOptions,
} from "node:zlib";
import { ended, made, TRACE } from "#trace";
import { suspend } from "../../co/mod.ts";
import type { ContentCoding } from "./accept-encoding.ts";
import { ownStream } from "./foreign-stream.ts";

/** How hard each coding tries, in its own levels. */
export type CompressionLevels = Readonly<Record<ContentCoding, number>>;

/** Bytes that a brotli or zstd compressor looks back over, as a power of two: 256 KiB, so that many streams fit in memory. */
const WINDOW_BITS = 18;

/** Gzip's options at a level. */
export function gzipOptions(level: number): ZlibOptions {
  return { level };
}

/** Brotli's options at a level, for `sizeBytes` bytes if they are known. */
export function brotliOptions(level: number, sizeBytes = 0): BrotliOptions {
  return {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: level,
      [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: sizeBytes,
    },
  };
}

/** Zstandard's options at a level. */
export function zstdOptions(level: number): ZstdOptions {
  return {
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_windowLog]: WINDOW_BITS },
  };
}

/** A compressor. With `flushes` what goes in comes out at once, at some cost in size. */
export function createCompressor(coding: ContentCoding, levels: CompressionLevels, flushes: boolean): Transform {
  switch (coding) {
    case "gzip":
      return createGzip({ ...gzipOptions(levels.gzip), ...(flushes ? { flush: constants.Z_SYNC_FLUSH } : undefined) });
    case "br":
      return createBrotliCompress({
        ...brotliOptions(levels.br),
        ...(flushes ? { flush: constants.BROTLI_OPERATION_FLUSH } : undefined),
      });
    case "zstd":
      return createZstdCompress({
        ...zstdOptions(levels.zstd),
        ...(flushes ? { flush: constants.ZSTD_e_flush } : undefined),
      });
  }
}

/** The most that a client may make a decompressor look back over, as a power of two: 8 MiB (RFC 9659). */
const MAX_WINDOW_BITS = 23;

/** A decompressor. It fails on content that is malformed or cut. `bytesWritten` are those that it has used. */
export function createDecompressor(coding: ContentCoding): Transform & { readonly bytesWritten: number } {
  switch (coding) {
    case "gzip":
      return createGunzip();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_BITS } });
  }
}

/** A transform has failed, most often because of what went in; `cause` is what zlib says. */
export class CodingError extends Error {}

/**
 * What a transform makes of a stream. `create` is called when the first piece is asked for.
 *
 * @throws What the stream throws; CodingError.
 */
export async function* pipeThrough(
  create: () => Transform,
  source: AsyncIterable<string | Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = new CodingStream(create());
  try {
    for await (const piece of ownStream(source)) {
      if (piece.length === 0) continue;
      stream.write(piece);
      for (let coded = await stream.read(); coded !== undefined; coded = await stream.read()) yield coded;
    }
    stream.end();
    for (let coded = await stream.read(); coded !== undefined; coded = await stream.read()) yield coded;
  } finally {
    stream.close();
  }
}

class CodingStream {
  readonly #transform: Transform;
  #taken = true;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(transform: Transform) {
    this.#transform = transform;
    if (TRACE) made("coding-stream", this);
    transform.on("readable", this.#resume);
    transform.on("end", this.#resume);
    transform.on("error", (error: Error) => {
      this.#failure = error;
      this.#resume();
    });
  }

  readonly #resume = (): void => {
    const resume = this.#wake;
    this.#wake = undefined;
    resume?.();
  };

  readonly #onTaken = (): void => {
    this.#taken = true;
    this.#resume();
  };

  /** Puts a piece in. All that the one before it gave must have been read. */
  write(piece: string | Uint8Array): void {
    this.#taken = false;
    this.#transform.write(piece, this.#onTaken);
  }

  /** No more goes in. */
  end(): void {
    this.#taken = false;
    this.#transform.end();
  }

  /** Waits for something to come out; `undefined` when more has to go in, or at the end. */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#failure !== undefined) {
        throw new CodingError("Cannot code the content: found it malformed or cut", { cause: this.#failure });
      }
      const bytes = this.#transform.read() as Uint8Array | null;
      if (bytes !== null) return bytes;
      if (this.#taken || this.#transform.readableEnded) return undefined;
      await suspend<void>("content coding", (resume) => {
        this.#wake = resume;
        return () => {
          this.#wake = undefined;
        };
      });
    }
  }

  close(): void {
    this.#transform.destroy();
    if (TRACE) ended("coding-stream", this);
  }
}
