/**
 * Replies in a content coding (RFC 9110 sections 8.4 and 12.5.3): a middleware.
 *
 * A reply is compressed when the client accepts a coding, its type is one that gets smaller, and it is long enough. It is
 * left as it is when it has a coding, a digest, or `Cache-Control: no-transform`, when it is a part (206), and while
 * `maxConcurrent` others are being compressed: no coding is always a good answer, and the processor is needed elsewhere.
 *
 * Rules:
 * - `Vary` is on every reply that might have been compressed for another client, or a cache would mix them up.
 * - A strong tag becomes a weak one, because the bytes are others (RFC 9110, 8.8.1); ranges of it are not offered.
 * - Short content is compressed at once, long content on the thread pool, a stream piece by piece and at the client's pace.
 *
 * `deflate` is not offered: half of the world sends it without the wrapper that RFC 9110 wants, and gzip is the same inside.
 */
import { promisify } from "node:util";
import {
  brotliCompress,
  brotliCompressSync,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
  type BrotliOptions,
  type InputType,
  type ZlibOptions,
  type ZstdOptions,
} from "node:zlib";
import { until } from "../../co/mod.ts";
import { afterReply, type Middleware } from "../handler.ts";
import type { Reply, ReplyFields } from "../reply.ts";
import type { HttpRequest } from "../request.ts";
import { acceptableCodings, acceptsIdentity, contentCodings, type ContentCoding } from "./accept-encoding.ts";
import {
  brotliOptions,
  createCompressor,
  gzipOptions,
  pipeThrough,
  zstdOptions,
  type CompressionLevels,
} from "./coding-stream.ts";
import { isCompressibleType } from "./media-type.ts";

/** Content up to this size is compressed in the turn of its reply; longer content on the thread pool. In bytes. */
const SYNC_BYTES = 16_384;

/** What is compressed, and how. */
export interface CompressOptions {
  /** The codings, the one that is preferred first. Default `["zstd", "br", "gzip"]`: the cheapest first, they are alike in size. */
  readonly codings?: readonly ContentCoding[];
  /** Content shorter than this is left as it is, in bytes: 0 to 2^53-1. Default 1,024. Streams whose length is not known count as long. */
  readonly minBytes?: number;
  /** Which types are compressed, by the value of `Content-Type`. Default: text, JSON, XML and their kin, but no event streams. */
  readonly compressible?: (contentType: string) => boolean;
  /** How hard each coding tries: gzip 0 to 9, br 0 to 11, zstd 1 to 22. Default gzip 4, br 4, zstd 3. */
  readonly levels?: Partial<CompressionLevels>;
  /** How many long contents and streams are compressed at the same time, 1 to 100,000; others are sent as they are. Default 64. */
  readonly maxConcurrent?: number;
}

const DEFAULT_CODINGS: readonly ContentCoding[] = ["zstd", "br", "gzip"];
const DEFAULT_LEVELS: CompressionLevels = { gzip: 4, br: 4, zstd: 3 };
const LEVEL_RANGES: Readonly<Record<ContentCoding, readonly [min: number, max: number]>> = {
  gzip: [0, 9],
  br: [0, 11],
  zstd: [1, 22],
};

/**
 * A middleware that compresses replies. Behind it everything is as it was for a client that accepts no coding.
 *
 * What stands in a compressed reply can be guessed from its length by who can put text of his own beside it and see the
 * length (BREACH): leave replies uncompressed that have a secret and an echo, with `Cache-Control: no-transform`.
 *
 * @throws RangeError for options out of range.
 * @example
 * ```ts
 * import { compress, json, Router } from "lunet/http";
 * const router = new Router();
 * router.get("/numbers", () => json(Array.from({ length: 1_000 }, (_, index) => index)));
 * const handler = compress({ minBytes: 2_048 })(router.handler);
 * ```
 */
export function compress(options: CompressOptions = {}): Middleware {
  const compressor = new Compressor(options);
  return (next) => (request) => afterReply(next(request), (reply) => compressor.change(request, reply));
}

/** What the fields of a reply say about compressing it. */
interface FieldsFacts {
  readonly isCompressible: boolean;
  readonly compressedFields: (coding: ContentCoding) => ReplyFields;
  readonly plainFields: ReplyFields;
}

class Compressor {
  readonly #codings: readonly ContentCoding[];
  readonly #minBytes: number;
  readonly #compressible: (contentType: string) => boolean;
  readonly #levels: CompressionLevels;
  readonly #maxConcurrent: number;
  #active = 0;
  /** Of fields that many replies share. */
  readonly #known = new WeakMap<ReplyFields, FieldsFacts>();

  constructor(options: CompressOptions) {
    const { codings = DEFAULT_CODINGS, minBytes = 1_024, maxConcurrent = 64, levels, compressible } = options;
    for (const coding of codings) {
      if (contentCodings.includes(coding)) continue;
      throw new RangeError(`Cannot compress: found the coding "${coding}", wanted one of ${contentCodings.join(", ")}`);
    }
    this.#codings = codings;
    this.#minBytes = checkWhole("minBytes", minBytes, 0, Number.MAX_SAFE_INTEGER);
    this.#maxConcurrent = checkWhole("maxConcurrent", maxConcurrent, 1, 100_000);
    this.#levels = { ...DEFAULT_LEVELS, ...levels };
    for (const coding of contentCodings)
      checkWhole(`level of ${coding}`, this.#levels[coding], ...LEVEL_RANGES[coding]);
    this.#compressible = compressible ?? isCompressibleType;
  }

  change(request: HttpRequest, reply: Reply): Reply | Promise<Reply> {
    const { status, fields, content } = reply;
    if (fields === undefined || content === undefined) return reply;
    if (status < 200 || status === 204 || status === 206 || status === 304) return reply;
    const facts = this.#factsOf(fields);
    if (!facts.isCompressible) return reply;
    const accept = request.field("accept-encoding");
    const isWhole = typeof content === "string" || content instanceof Uint8Array;
    const length = isWhole ? content.length : reply.contentLength;
    // A text's bytes are as many as its characters, or more: that is near enough for a limit of taste.
    if (length !== undefined && (length < this.#minBytes || length === 0) && acceptsIdentity(accept)) return reply;
    const coding = acceptableCodings(accept, this.#codings)[0];
    if (coding === undefined) return { ...reply, fields: facts.plainFields };
    if (isWhole && length !== undefined && length <= SYNC_BYTES) {
      return { status, fields: facts.compressedFields(coding), content: compressNow(coding, content, this.#levels) };
    }
    if (this.#active >= this.#maxConcurrent) return { ...reply, fields: facts.plainFields };
    const compressed = facts.compressedFields(coding);
    if (isWhole) return this.#compressLater(status, compressed, coding, content);
    // What HEAD does not want is ended by the server, which a generator that never begins would not pass on.
    if (request.method === "HEAD") return { status, fields: compressed, content };
    return { status, fields: compressed, content: this.#compressStream(reply, content, coding) };
  }

  async #compressLater(
    status: number,
    fields: ReplyFields,
    coding: ContentCoding,
    content: string | Uint8Array,
  ): Promise<Reply> {
    this.#active++;
    try {
      return { status, fields, content: await until(compressOnPool(coding, content, this.#levels)) };
    } finally {
      this.#active--;
    }
  }

  async *#compressStream(
    reply: Reply,
    content: AsyncIterable<string | Uint8Array>,
    coding: ContentCoding,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    this.#active++;
    try {
      // Whoever does not know the length makes the content as it goes, and wants each piece to arrive.
      const flushes = reply.contentLength === undefined;
      yield* pipeThrough(() => createCompressor(coding, this.#levels, flushes), content);
    } finally {
      this.#active--;
    }
  }

  #factsOf(fields: ReplyFields): FieldsFacts {
    const known = this.#known.get(fields);
    if (known !== undefined) return known;
    const facts = this.#lookAt(fields);
    if (Object.isFrozen(fields)) this.#known.set(fields, facts);
    return facts;
  }

  #lookAt(fields: ReplyFields): FieldsFacts {
    const named = new Map(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), String(value)]));
    const type = named.get("content-type");
    const isCompressible =
      type !== undefined &&
      this.#compressible(type) &&
      !LEFT_ALONE.some((name) => named.has(name)) &&
      !/\bno-transform\b/i.test(named.get("cache-control") ?? "");
    const plainFields = isCompressible ? withVary(fields) : fields;
    const made = new Map<ContentCoding, ReplyFields>();
    const isShared = Object.isFrozen(fields);
    const compressedFields = (coding: ContentCoding): ReplyFields => {
      let compressed = made.get(coding);
      if (compressed === undefined) {
        compressed = { ...weakened(plainFields), "Content-Encoding": coding };
        // What is frozen is serialized once.
        if (isShared) made.set(coding, Object.freeze(compressed));
      }
      return compressed;
    };
    return { isCompressible, compressedFields, plainFields: isShared ? Object.freeze(plainFields) : plainFields };
  }
}

/** Content that has a coding, or of whose bytes a field speaks. */
const LEFT_ALONE = [
  "content-encoding",
  "content-range",
  "content-digest",
  "repr-digest",
  "digest",
  "content-md5",
  "signature",
];

function withVary(fields: ReplyFields): ReplyFields {
  const changed: Record<string, string | readonly string[]> = { ...fields };
  const name = Object.keys(fields).find((one) => one.toLowerCase() === "vary") ?? "Vary";
  const vary = String(changed[name] ?? "");
  if (/(?:^|,)\s*(?:\*|accept-encoding)\s*(?:,|$)/i.test(vary)) return fields;
  changed[name] = vary === "" ? "Accept-Encoding" : `${vary}, Accept-Encoding`;
  return changed;
}

/** The fields for other bytes of the same meaning. */
function weakened(fields: ReplyFields): ReplyFields {
  const changed: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(fields)) {
    const folded = name.toLowerCase();
    if (folded === "accept-ranges") continue;
    const isStrong = folded === "etag" && typeof value === "string" && value.startsWith('"');
    changed[name] = isStrong ? `W/${value}` : value;
  }
  return changed;
}

function compressNow(coding: ContentCoding, content: string | Uint8Array, levels: CompressionLevels): Uint8Array {
  switch (coding) {
    case "gzip":
      return gzipSync(content, gzipOptions(levels.gzip));
    case "br":
      return brotliCompressSync(content, brotliOptions(levels.br, content.length));
    case "zstd":
      return zstdCompressSync(content, zstdOptions(levels.zstd));
  }
}

type OnPool<Options> = (content: InputType, options: Options) => Promise<Uint8Array>;
const gzipOnPool: OnPool<ZlibOptions> = promisify(gzip);
const brotliOnPool: OnPool<BrotliOptions> = promisify(brotliCompress);
const zstdOnPool: OnPool<ZstdOptions> = promisify(zstdCompress);

function compressOnPool(
  coding: ContentCoding,
  content: string | Uint8Array,
  levels: CompressionLevels,
): Promise<Uint8Array> {
  switch (coding) {
    case "gzip":
      return gzipOnPool(content, gzipOptions(levels.gzip));
    case "br":
      return brotliOnPool(content, brotliOptions(levels.br, content.length));
    case "zstd":
      return zstdOnPool(content, zstdOptions(levels.zstd));
  }
}

function checkWhole(name: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`Cannot compress: found ${name} ${value}, wanted a whole number from ${min} to ${max}`);
}
