/**
 * Forms with files, multipart/form-data (RFC 7578), part by part, as they come.
 *
 * The parts are found by `Dicer` of `@fastify/busboy`, which is loaded with the first form.
 *
 * Rules:
 * - Nothing runs by itself: whoever asks for a part, or reads one, pulls the next piece of the request's content, and only when
 *   nothing of the piece before is left. So a part that nobody reads stops the client, and at most one piece is held.
 * - Parts come in order; the rest of a part that was left is dropped as it comes.
 * - What goes wrong is thrown at whoever reads, once found, and the form is of no more use.
 */
import { decodeText } from "../content-text.ts";
import type { HttpError } from "../http-error.ts";
import type { HttpRequest } from "../request.ts";
import {
  formTooLarge,
  malformedForm,
  parseBoundary,
  parsePartHead,
  type PartFields,
  type PartHead,
} from "./form-part-head.ts";
import { loadLibrary, type FoundPart, type Library, type PartFinder } from "./part-finder.ts";

/** Limits of a form with files, all inclusive. The whole is limited by the server's `maxContentBytes`. */
export interface MultipartLimits {
  /** Parts, files and others. Default 100. */
  readonly maxParts: number;
  /** Parts that have a filename. Default 20. */
  readonly maxFiles: number;
  /** Bytes of a part that has no filename. Default 65,536. */
  readonly maxFieldBytes: number;
  /** Bytes of a part that has a filename. Default 2^53-1: as many as the whole may have. */
  readonly maxFileBytes: number;
  /** Bytes of the fields before a part's content. Default 4,096, at most 65,536. */
  readonly maxPartHeaderBytes: number;
}

/** What holds for a limit that is not given. */
export const defaultMultipartLimits: Readonly<MultipartLimits> = Object.freeze({
  maxParts: 100,
  maxFiles: 20,
  maxFieldBytes: 65_536,
  maxFileBytes: Number.MAX_SAFE_INTEGER,
  maxPartHeaderBytes: 4_096,
});
const MAX_PART_HEADER_BYTES = 65_536;
/** More fields than this no part has. */
const MAX_PART_FIELDS = 32;
/** The library cuts off silently: it gets more than the limit, so that what is past it is seen. */
const HEADER_SLACK_BYTES = 1_024;

/**
 * The parts of a form, in their order. Each is read, or left, before the next one is asked for: a loop does.
 *
 * The iteration throws `HttpError`: 400 (`ERR_HTTP_FORM`) for a form that is malformed or cut, 413 (`ERR_HTTP_FORM_TOO_LARGE`)
 * past a limit, both with the part's name where it is known; and as `request.content` does.
 *
 * @throws HttpError 415 (`ERR_HTTP_MEDIA_TYPE`) for another type, 400 without a boundary; RangeError for limits out of range.
 * @example
 * ```ts
 * import { json, multipart, Router } from "lunet/http";
 * const router = new Router();
 * router.post("/pictures", async (request) => {
 *   const sizes: Record<string, number> = {};
 *   for await (const part of multipart(request, { maxFileBytes: 5_000_000 })) {
 *     if (part.filename === undefined) continue;
 *     for await (const piece of part.content()) sizes[part.name] = (sizes[part.name] ?? 0) + piece.length;
 *   }
 *   return json(sizes);
 * });
 * ```
 */
export function multipart(
  request: HttpRequest,
  limits: Partial<MultipartLimits> = {},
): AsyncGenerator<FormPart, void, undefined> {
  const resolved = resolveLimits(limits);
  return readParts(request, parseBoundary(request.field("content-type")), resolved);
}

/** One part of a form. It can be read until the next one is asked for. */
export class FormPart {
  /** Of the form's control, as sent; any number of parts may have the same. */
  readonly name: string;
  /**
   * Of a file: its last segment, without folders. It is what the client likes to say, and may be empty: it is no name to store
   * the file under.
   */
  readonly filename: string | undefined;
  /** `Content-Type` as sent; `text/plain` without one. The client says so: nobody has looked. */
  readonly type: string;
  readonly #pull: () => Promise<Uint8Array | undefined>;
  #taken = false;

  /** Use `multipart`. */
  constructor(head: PartHead, pull: () => Promise<Uint8Array | undefined>) {
    this.name = head.name;
    this.filename = head.filename;
    this.type = head.type;
    this.#pull = pull;
  }

  /**
   * The content in pieces, as they come. It can be taken once, in one of the forms.
   *
   * @throws As the iteration of `multipart`; TypeError when it was taken before, or the next part was asked for.
   */
  async *content(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#take();
    for (let piece = await this.#pull(); piece !== undefined; piece = await this.#pull()) yield piece;
  }

  /** The whole content, up to `maxFieldBytes` or `maxFileBytes`. Throws as `content`. */
  async bytes(): Promise<Uint8Array> {
    this.#take();
    const pieces: Uint8Array[] = [];
    for (let piece = await this.#pull(); piece !== undefined; piece = await this.#pull()) pieces.push(piece);
    return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
  }

  /** The whole content as UTF-8. Throws also `HttpError` 400 (`ERR_HTTP_CONTENT_ENCODING`). */
  async text(): Promise<string> {
    return decodeText(await this.bytes());
  }

  #take(): void {
    if (this.#taken) throw new TypeError("Cannot read the part: found it taken before, wanted one reader");
    this.#taken = true;
  }
}

async function* readParts(
  request: HttpRequest,
  boundary: string,
  limits: MultipartLimits,
): AsyncGenerator<FormPart, void, undefined> {
  const { Dicer } = await loadLibrary();
  const content = request.content();
  const form = new MultipartForm(Dicer, content, boundary, limits);
  try {
    for (let part = await form.nextPart(); part !== undefined; part = await form.nextPart()) yield part;
  } finally {
    form.leave();
    await content.return();
  }
}

/** A part on its way: its head first, then its content, then its end. */
interface PartQueue {
  head: PartHead | undefined;
  readonly pieces: Uint8Array[];
  bytes: number;
  ended: boolean;
  /** Nobody reads it any more. */
  left: boolean;
}

class MultipartForm {
  readonly #content: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #limits: MultipartLimits;
  readonly #dicer: PartFinder;
  /** Parts that were found and not asked for yet. */
  readonly #found: PartQueue[] = [];
  #current: PartQueue | undefined;
  #parts = 0;
  #files = 0;
  /** The closing delimiter was found. */
  #closed = false;
  #failure: Error | undefined;

  constructor(
    Dicer: Library["Dicer"],
    content: AsyncGenerator<Uint8Array, void, undefined>,
    boundary: string,
    limits: MultipartLimits,
  ) {
    this.#content = content;
    this.#limits = limits;
    this.#dicer = new Dicer({
      boundary,
      maxHeaderPairs: MAX_PART_FIELDS + 1,
      maxHeaderSize: limits.maxPartHeaderBytes + HEADER_SLACK_BYTES,
    });
    this.#dicer.on("part", (part) => this.#begin(part));
    this.#dicer.on("finish", () => {
      this.#closed = true;
    });
    this.#dicer.on("error", (error) => this.#fail(error));
  }

  /**
   * What Dicer pushes to the part's stream is taken on its way in: it comes in order and in the same turn, where a stream would
   * give it later, and its end later still.
   */
  #begin(part: FoundPart): void {
    const queue: PartQueue = { head: undefined, pieces: [], bytes: 0, ended: false, left: false };
    if (++this.#parts > this.#limits.maxParts) this.#fail(formTooLarge("maxParts", this.#limits.maxParts));
    part.on("header", (fields) => this.#beginContent(queue, fields));
    part.push = (piece) => {
      if (piece !== null) this.#addContent(queue, piece);
      else {
        if (queue.head === undefined) this.#fail(malformedForm("a part without its fields"));
        queue.ended = true;
        part.emit("end");
      }
      return true;
    };
  }

  #beginContent(queue: PartQueue, fields: PartFields): void {
    try {
      const { maxPartHeaderBytes, maxFiles } = this.#limits;
      let [count, bytes] = [0, 0];
      for (const [name, values] of Object.entries(fields)) {
        count += values.length;
        for (const value of values) bytes += name.length + value.length + 4;
      }
      if (count > MAX_PART_FIELDS || bytes > maxPartHeaderBytes) {
        throw formTooLarge("maxPartHeaderBytes", maxPartHeaderBytes);
      }
      queue.head = parsePartHead(fields);
      if (queue.head.filename !== undefined && ++this.#files > maxFiles) {
        throw formTooLarge("maxFiles", maxFiles, queue.head.name);
      }
      this.#found.push(queue);
    } catch (error) {
      this.#fail(error as HttpError);
    }
  }

  #addContent(queue: PartQueue, piece: Uint8Array): void {
    if (this.#failure !== undefined) return;
    const { name, filename } = queue.head ?? {};
    const limit = filename === undefined ? "maxFieldBytes" : "maxFileBytes";
    queue.bytes += piece.length;
    if (queue.bytes > this.#limits[limit]) this.#fail(formTooLarge(limit, this.#limits[limit], name));
    else if (!queue.left) queue.pieces.push(piece);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }

  #requireWhole(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits for the next part, and drops what was left of the one before. */
  async nextPart(): Promise<FormPart | undefined> {
    this.#leaveCurrent();
    while (this.#found.length === 0 && (await this.#feedOrEnd()));
    const queue = this.#found.shift();
    if (queue?.head === undefined) return undefined;
    this.#current = queue;
    return new FormPart(queue.head, () => this.#pull(queue));
  }

  #leaveCurrent(): void {
    if (this.#current === undefined) return;
    this.#current.left = true;
    this.#current.pieces.length = 0;
    this.#current = undefined;
  }

  /** No part can be read any more. */
  leave(): void {
    this.#leaveCurrent();
    this.#dicer.destroy();
  }

  async #pull(queue: PartQueue): Promise<Uint8Array | undefined> {
    if (queue !== this.#current)
      throw new TypeError("Cannot read the part: found the next one asked for, or the form left");
    while (queue.pieces.length === 0 && !queue.ended) await this.#feed(queue);
    return queue.pieces.shift();
  }

  async #feed(queue: PartQueue): Promise<void> {
    if (!(await this.#feedOrEnd())) throw malformedForm("its end", queue.head?.name);
  }

  /** Hands over the next piece of content. False at the end, behind the closing delimiter. */
  async #feedOrEnd(): Promise<boolean> {
    this.#requireWhole();
    const next = await this.#content.next();
    if (next.done === true) {
      if (!this.#closed) this.#fail(malformedForm("its end without the closing delimiter"));
      this.#requireWhole();
      return false;
    }
    const { value } = next;
    this.#dicer.write(value instanceof Buffer ? value : Buffer.from(value.buffer, value.byteOffset, value.length));
    this.#requireWhole();
    return true;
  }
}

function resolveLimits(limits: Partial<MultipartLimits>): MultipartLimits {
  const resolved = { ...defaultMultipartLimits, ...limits };
  for (const name of Object.keys(defaultMultipartLimits) as Array<keyof MultipartLimits>) {
    const value = resolved[name];
    const max = name === "maxPartHeaderBytes" ? MAX_PART_HEADER_BYTES : Number.MAX_SAFE_INTEGER;
    if (Number.isSafeInteger(value) && value >= 0 && value <= max) continue;
    throw new RangeError(`Cannot read a form: found ${name} ${value}, wanted a whole number from 0 to ${max}`);
  }
  return resolved;
}
