/**
 * Files of one folder, or one of them for every path, as replies to GET and HEAD.
 *
 * What is served is a regular file below the folder, and nothing else:
 * - a path that leaves the folder, or hides a separator or a NUL in a segment, is answered 400 before any file is
 *   touched;
 * - a symbolic link is followed, and what it leads to must be in the folder as well;
 * - names that start with a dot are not there, except `.well-known` (RFC 8615) at the top.
 *
 * Whoever can change the folder while it is served is trusted.
 */
import { basename, dirname } from "node:path";
import { acceptableCodings, contentCodings, type ContentCoding } from "./content/accept-encoding.ts";
import { fileReply } from "./content/file-reply.ts";
import { contentTypeOf } from "./content/media-type.ts";
import type { Handler } from "./handler.ts";
import { HttpError } from "./http-error.ts";
import { redirect, text, type Reply, type ReplyFields } from "./reply.ts";
import type { HttpRequest } from "./request.ts";
import { StaticFolder, type FolderEntry } from "./static-folder.ts";
import { normalizeSegments } from "./target.ts";

const IMMUTABLE_SECONDS = 31_536_000;
const INDEX = "index.html";
/** A digit and a letter among at least eight: a hash without a digit counts as a word, which errs on the careful side. */
const HASHED_NAME = /[-.](?=[A-Za-z_]*[0-9])(?=[0-9_]*[A-Za-z])[A-Za-z0-9_]{8,64}(?:\.[A-Za-z0-9]{1,10}){1,2}$/;
/** What the name of a file in a coding ends with. */
const CODING_SUFFIXES: Readonly<Record<ContentCoding, string>> = { br: ".br", zstd: ".zst", gzip: ".gz" };

/** How a folder is served. */
export interface StaticFilesOptions {
  /** What the paths of requests start with and the folder's files do not: `"/assets"`. Default: nothing. */
  readonly prefix?: string;
  /**
   * The file, by its path in the folder, that answers a browser which asks for a page that is no file: the entry of a
   * single-page application. For requests that accept `text/html`, when the path's last segment has no dot.
   * Default: none.
   */
  readonly spaFallback?: string;
  /**
   * Tells by the path in the folder which files never change under their name: they may be kept for a year, and are not
   * asked for again when a page is loaded anew (RFC 8246). `"hashed-names"` are those that end with a hash of their
   * content, as bundlers name them: `app-BqX3_9zK.js`, `app.4f3a91c07be2.css`; at least eight letters and digits, of
   * both. Default: none.
   */
  readonly immutable?: RegExp | "hashed-names";
  /**
   * The codings in which a file may lie beside its original: `app.js.br`, `app.js.gz`, `app.js.zst`. A client gets the
   * one that it likes best, unless it is older than the original. Costs one look into the folder for each that is
   * missing. Default: none.
   */
  readonly precompressed?: readonly ContentCoding[];
  /** How long other files may be kept without asking again, in seconds. Default 0: it is asked each time. */
  readonly maxAgeSeconds?: number;
}

/**
 * A handler that serves the files below `root`. It answers 404 (`ERR_HTTP_NOT_FOUND`) for what is not there, 405 for
 * methods other than GET and HEAD, 304 to a client that has the file already, and for a folder its `index.html`, after a
 * redirect to the path with a slash at its end.
 *
 * @throws TypeError, RangeError for options that make no sense. A root that is missing shows as a failure of requests.
 * @example
 * ```ts
 * import { Router, staticFiles } from "lunet/http";
 * const router = new Router();
 * router.get("/*path", staticFiles("public", { spaFallback: "index.html", immutable: /^assets\// }));
 * ```
 */
export function staticFiles(root: string, options: StaticFilesOptions = {}): Handler {
  const files = new StaticFiles(root, options);
  return (request) => files.answer(request);
}

/** No content, or a part of one (RFC 9110, 15.3 and 15.4.5). */
const WITHOUT_FILE: ReadonlySet<number> = new Set([204, 205, 206, 304]);

/** How one file is served. */
export interface StaticFileOptions extends Pick<StaticFilesOptions, "precompressed" | "maxAgeSeconds"> {
  /**
   * The status of the reply, 200 to 599, other than 204, 205, 206 and 304, whose replies carry no file or a part. With another one than 200 the file is the page of an error: it has no tag, no
   * ranges, and goes out whole whatever the client has of it. Default 200.
   */
  readonly status?: number;
}

/**
 * A handler that answers every request with one file, whatever its path: the entry of a single-page application on the routes
 * that the application knows, or, with `status: 404`, on the paths that it does not know. It answers 404 (`ERR_HTTP_NOT_FOUND`)
 * while the file is not there, 405 for methods other than GET and HEAD, and 304 to a client that has the file already.
 *
 * @param path The file. As in a folder, a symbolic link leads to nothing outside the file's own folder.
 * @throws TypeError, RangeError for options that make no sense. A folder that is missing shows as a failure of requests.
 * @example
 * ```ts
 * import { Router, staticFile, staticFiles } from "lunet/http";
 * const router = new Router({ notFound: staticFile("public/index.html", { status: 404 }) });
 * router.get("/", staticFile("public/index.html")).get("/users/:name", staticFile("public/index.html"));
 * router.get("/assets/*path", staticFiles("public/assets", { prefix: "/assets" }));
 * ```
 */
export function staticFile(path: string, options: StaticFileOptions = {}): Handler {
  const { status = 200, ...rest } = options;
  if (!Number.isInteger(status) || status < 200 || status > 599 || WITHOUT_FILE.has(status)) {
    throw new RangeError(
      `Cannot serve "${path}": found the status ${status}, wanted one from 200 to 599 that carries a file`,
    );
  }
  const files = new StaticFiles(dirname(path), rest);
  const name = basename(path);
  return (request) => files.answerWith(name, status, request);
}

class StaticFiles {
  readonly #folder: StaticFolder;
  readonly #prefix: string;
  readonly #fallback: string | undefined;
  readonly #immutable: RegExp | undefined;
  readonly #codings: readonly ContentCoding[];
  readonly #cacheControl: string;

  constructor(root: string, options: StaticFilesOptions) {
    const { prefix = "", spaFallback, immutable, maxAgeSeconds = 0, precompressed = [] } = options;
    if (prefix !== "" && (!prefix.startsWith("/") || prefix.endsWith("/"))) {
      throw new TypeError(`Cannot serve "${root}": found the prefix "${prefix}", wanted "/" at its start alone`);
    }
    if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0) {
      throw new RangeError(
        `Cannot serve "${root}": found maxAgeSeconds ${maxAgeSeconds}, wanted a whole number from 0`,
      );
    }
    for (const coding of precompressed) {
      if (contentCodings.includes(coding)) continue;
      const wanted = contentCodings.join(", ");
      throw new RangeError(`Cannot serve "${root}": found the coding "${coding}", wanted one of ${wanted}`);
    }
    this.#folder = new StaticFolder(root);
    this.#prefix = prefix;
    this.#fallback = spaFallback;
    const expression = immutable === "hashed-names" ? HASHED_NAME : immutable;
    // A global or sticky expression would remember where it was.
    this.#immutable =
      expression === undefined ? undefined : new RegExp(expression, expression.flags.replace(/[gy]/g, ""));
    this.#codings = contentCodings.filter((coding) => precompressed.includes(coding));
    this.#cacheControl = maxAgeSeconds === 0 ? "no-cache" : `public, max-age=${maxAgeSeconds}`;
  }

  async answer(request: HttpRequest): Promise<Reply> {
    if (!isRetrieval(request)) return methodNotAllowed();
    const segments = this.#segmentsOf(request.path);
    if (segments === undefined) throw notFound();
    const asksForFolder = request.path.endsWith("/");
    const name = segments.join("/");
    const found = await this.#folder.find(name);
    if (found?.status.kind === "directory") {
      const index = await this.#folder.find(name === "" ? INDEX : `${name}/${INDEX}`);
      if (index?.status.kind === "file")
        return asksForFolder ? this.#replyWith(index, request) : this.#toFolder(request, segments);
    }
    if (found?.status.kind === "file" && !asksForFolder) return this.#replyWith(found, request);
    return this.#answerFallback(request, segments);
  }

  /** The file that has the name, whatever is asked for. */
  async answerWith(name: string, status: number, request: HttpRequest): Promise<Reply> {
    if (!isRetrieval(request)) return methodNotAllowed();
    const found = await this.#folder.find(name);
    if (found?.status.kind !== "file") throw notFound();
    return this.#replyWith(found, request, status);
  }

  /** The names that lead to the file; undefined for those that are not served. */
  #segmentsOf(path: string): string[] | undefined {
    const prefix = this.#prefix;
    if (prefix !== "" && path !== prefix && !path.startsWith(`${prefix}/`)) return undefined;
    const segments = normalizeSegments(path.slice(prefix.length));
    const hidden = segments.some((name, index) => name.startsWith(".") && (index > 0 || name !== ".well-known"));
    return hidden ? undefined : segments;
  }

  /** Relative references in a page resolve against the folder only if its path ends with a slash. */
  #toFolder(request: HttpRequest, segments: readonly string[]): Reply {
    const mark = request.target.indexOf("?");
    const path = [this.#prefix, ...segments.map(encodeURIComponent), ""].join("/");
    return redirect(mark === -1 ? path : path + request.target.slice(mark));
  }

  async #answerFallback(request: HttpRequest, segments: readonly string[]): Promise<Reply> {
    const navigates = acceptsHtml(request) && !(segments.at(-1) ?? "").includes(".");
    if (this.#fallback === undefined || !navigates) throw notFound();
    const found = await this.#folder.find(this.#fallback);
    if (found?.status.kind !== "file") throw notFound();
    return this.#replyWith(found, request, 200, { "Cache-Control": "no-cache" });
  }

  async #replyWith(original: FolderEntry, request: HttpRequest, status = 200, more?: ReplyFields): Promise<Reply> {
    const { name } = original;
    const { entry, coding } = await this.#represent(original, request);
    const vary = [
      ...(more === undefined ? [] : ["Accept"]),
      ...(this.#codings.length === 0 ? [] : ["Accept-Encoding"]),
    ];
    const fields: ReplyFields = {
      "Cache-Control":
        this.#immutable?.test(name) === true ? `public, max-age=${IMMUTABLE_SECONDS}, immutable` : this.#cacheControl,
      ...more,
      ...(vary.length === 0 ? undefined : { Vary: vary.join(", ") }),
    };
    const options = { contentType: contentTypeOf(name), coding, status, fields };
    const reply = fileReply(request, entry, entry.content !== undefined, options);
    if (reply !== "content") return reply;
    const read = await this.#folder.read(entry);
    if (read === undefined) throw notFound();
    return fileReply(request, read, true, options) as Reply;
  }

  /** The file itself, or one beside it that is the same in a coding which the client likes better. */
  async #represent(
    original: FolderEntry,
    request: HttpRequest,
  ): Promise<{ readonly entry: FolderEntry; readonly coding: ContentCoding | undefined }> {
    if (this.#codings.length > 0) {
      for (const coding of acceptableCodings(request.field("accept-encoding"), this.#codings)) {
        const entry = await this.#folder.find(original.name + CODING_SUFFIXES[coding]);
        // Copies are often made to the second.
        const isCurrent =
          entry !== undefined && wholeSeconds(entry.status.modifiedMs) >= wholeSeconds(original.status.modifiedMs);
        if (isCurrent && entry.status.kind === "file") return { entry, coding };
      }
    }
    return { entry: original, coding: undefined };
  }
}

function isRetrieval({ method }: HttpRequest): boolean {
  return method === "GET" || method === "HEAD";
}

function methodNotAllowed(): Reply {
  return text("405 Method Not Allowed\n", { status: 405, fields: { Allow: "GET, HEAD" } });
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1_000);
}

function notFound(): HttpError {
  return new HttpError("ERR_HTTP_NOT_FOUND", "Cannot find a file for the path");
}

function acceptsHtml(request: HttpRequest): boolean {
  return /\btext\/html\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(request.field("accept") ?? "");
}
