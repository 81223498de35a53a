/**
 * Files of one folder as replies to GET and HEAD.
 *
 * What is served is a regular file below the folder, and nothing else:
 * - a path that leaves the folder, or hides a separator or a NUL in a segment, is answered 400 before any file is
 *   touched;
 * - a symbolic link is followed, and what it leads to must be in the folder as well;
 * - names that start with a dot are not there, except `.well-known` (RFC 8615) at the top.
 *
 * Whoever can change the folder while it is served is trusted.
 */
import { lookup } from "mrmime";
import type { FileStatus } from "../fs/mod.ts";
import { wallMs } from "../time/mod.ts";
import type { Handler } from "./handler.ts";
import { formatHttpDate, parseHttpDate } from "./http-date.ts";
import { HttpError } from "./http-error.ts";
import { redirect, text, type Reply, type ReplyFields } from "./reply.ts";
import type { HttpRequest } from "./request.ts";
import { StaticFolder, streamFile, type FolderEntry } from "./static-folder.ts";
import { normalizeSegments } from "./target.ts";

const IMMUTABLE_SECONDS = 31_536_000;
const INDEX = "index.html";

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
  /** Tells by the path in the folder which files never change under their name: they may be kept for a year. */
  readonly immutable?: RegExp;
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

class StaticFiles {
  readonly #folder: StaticFolder;
  readonly #prefix: string;
  readonly #fallback: string | undefined;
  readonly #immutable: RegExp | undefined;
  readonly #cacheControl: string;

  constructor(root: string, options: StaticFilesOptions) {
    const { prefix = "", spaFallback, immutable, maxAgeSeconds = 0 } = options;
    if (prefix !== "" && (!prefix.startsWith("/") || prefix.endsWith("/"))) {
      throw new TypeError(`Cannot serve "${root}": found the prefix "${prefix}", wanted "/" at its start alone`);
    }
    if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0) {
      throw new RangeError(
        `Cannot serve "${root}": found maxAgeSeconds ${maxAgeSeconds}, wanted a whole number from 0`,
      );
    }
    this.#folder = new StaticFolder(root);
    this.#prefix = prefix;
    this.#fallback = spaFallback;
    // A global or sticky expression would remember where it was.
    this.#immutable = immutable === undefined ? undefined : new RegExp(immutable, immutable.flags.replace(/[gy]/g, ""));
    this.#cacheControl = maxAgeSeconds === 0 ? "no-cache" : `public, max-age=${maxAgeSeconds}`;
  }

  async answer(request: HttpRequest): Promise<Reply> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return text("405 Method Not Allowed\n", { status: 405, fields: { Allow: "GET, HEAD" } });
    }
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
    return this.#replyWith(found, request, { "Cache-Control": "no-cache", Vary: "Accept" });
  }

  async #replyWith(found: FolderEntry, request: HttpRequest, more?: ReplyFields): Promise<Reply> {
    if (request.method === "HEAD" || isUnchanged(request, found.status)) return this.#reply(found, request, more);
    const read = await this.#folder.read(found);
    if (read === undefined) throw notFound();
    return this.#reply(read, request, more);
  }

  #reply(entry: FolderEntry, request: HttpRequest, more: ReplyFields | undefined): Reply {
    const { name, status, content } = entry;
    const isImmutable = this.#immutable?.test(name) ?? false;
    const fields = {
      "Cache-Control": isImmutable ? `public, max-age=${IMMUTABLE_SECONDS}, immutable` : this.#cacheControl,
      ETag: tagOf(status),
      // Never later than `Date` (RFC 9110, 8.8.2.1).
      "Last-Modified": formatHttpDate(Math.min(status.modifiedMs, wallMs())),
      "X-Content-Type-Options": "nosniff",
      ...more,
    };
    if (isUnchanged(request, status)) return { status: 304, fields };
    const withType = { "Content-Type": contentTypeOf(name), ...fields };
    if (content !== undefined) return { status: 200, fields: withType, content };
    return { status: 200, fields: withType, content: streamFile(entry), contentLength: status.sizeBytes };
  }
}

function notFound(): HttpError {
  return new HttpError("ERR_HTTP_NOT_FOUND", "Cannot find a file for the path");
}

function acceptsHtml(request: HttpRequest): boolean {
  return /\btext\/html\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(request.field("accept") ?? "");
}

/** A weak tag (RFC 9110, 8.8.3). The time of the last change moves even when a copy keeps its time of modification. */
function tagOf({ sizeBytes, changedMs }: FileStatus): string {
  return `W/"${sizeBytes.toString(36)}-${Math.trunc(changedMs).toString(36)}"`;
}

/** Whether the client has this version already (RFC 9110, 13.1.2 and 13.1.3). Tags are compared weakly. */
function isUnchanged(request: HttpRequest, status: FileStatus): boolean {
  const tags = request.field("if-none-match");
  if (tags !== undefined) {
    if (tags.trim() === "*") return true;
    return tags.match(/"[\x21\x23-\x7e\x80-\xff]*"/g)?.includes(tagOf(status).slice(2)) ?? false;
  }
  const since = request.field("if-modified-since");
  const sinceMs = since === undefined ? undefined : parseHttpDate(since, wallMs());
  return sinceMs !== undefined && Math.floor(status.modifiedMs / 1000) * 1000 <= sinceMs;
}

/** What mrmime has no type for. */
const MORE_TYPES: Readonly<Record<string, string>> = { ico: "image/vnd.microsoft.icon" };

/** The media type by the name's extension; text is UTF-8. */
function contentTypeOf(name: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  const known: unknown = Object.hasOwn(MORE_TYPES, extension) ? MORE_TYPES[extension] : lookup(extension);
  // A name such as `x.constructor` finds what every object has.
  const type = typeof known === "string" ? known : "application/octet-stream";
  return type.startsWith("text/") || type === "application/json" ? `${type}; charset=utf-8` : type;
}
