/**
 * What stands in a request target: path and query, decoded (RFC 9112 section 3.2, RFC 3986 section 2.1, and the URL
 * Standard's application/x-www-form-urlencoded for queries). Percent-encoded bytes must be UTF-8.
 */

import { HttpError, quote } from "./http-error.ts";

/** Pairs that `parseQuery` accepts when it is not told otherwise. */
export const DEFAULT_MAX_QUERY_PAIRS = 100;

const SCHEME_AND_AUTHORITY = /^[A-Za-z][A-Za-z0-9+\-.]*:\/\/[^/?]*/;

/**
 * Splits a request target into its path and its query, both as sent. The query is without its `?` and empty when there
 * is none. Scheme and authority of absolute-form are left out, and its empty path is `/`; asterisk-form and
 * authority-form are their own path.
 *
 * @example splitTarget("/api/articles?limit=20") // { path: "/api/articles", query: "limit=20" }
 */
export function splitTarget(target: string): { path: string; query: string } {
  const local = target.charCodeAt(0) === 47 ? target : target.replace(SCHEME_AND_AUTHORITY, "");
  const mark = local.indexOf("?");
  const path = mark === -1 ? local : local.slice(0, mark);
  return { path: path === "" ? "/" : path, query: mark === -1 ? "" : local.slice(mark + 1) };
}

/**
 * Decodes a path, or one segment of it. Split at `/` first where the difference between `/` and `%2F` matters.
 *
 * Throws `HttpError` 400 with code `ERR_HTTP_PATH` for a `%` without two hex digits, for bytes that are not UTF-8, and for NUL.
 *
 * @example decodePath("/caf%C3%A9") // "/café"
 */
export function decodePath(path: string): string {
  if (!path.includes("%")) return path;
  const decoded = decode(path, "path", "ERR_HTTP_PATH");
  if (!decoded.includes("\0")) return decoded;
  throw new HttpError("ERR_HTTP_PATH", `Cannot decode path ${quote(path)}: found NUL, wanted none`);
}

/**
 * The names that lead from a folder to a file, decoded, for a path that starts with `/`. Empty segments and `.` are
 * left out and `..` takes the segment before it away, whether its dots are encoded or not. None of the names is empty,
 * `.` or `..`, and none contains `/`, `\` or NUL, so that joining them to a folder leads to nothing outside it
 * (symbolic links apart).
 *
 * Throws `HttpError` 400 with code `ERR_HTTP_PATH` when `..` would leave the root, when a segment contains a separator
 * once it is decoded, and as `decodePath` does.
 *
 * @example normalizeSegments("/assets/./css/%2e%2e/app.js") // ["assets", "app.js"]
 */
export function normalizeSegments(path: string): string[] {
  const segments: string[] = [];
  for (const encoded of path.split("/")) {
    const segment = decodePath(encoded);
    if (segment.includes("/") || segment.includes("\\")) {
      throw new HttpError("ERR_HTTP_PATH", `Cannot resolve path ${quote(path)}: found a separator within a segment`);
    }
    if (segment === "..") {
      if (segments.pop() !== undefined) continue;
      throw new HttpError("ERR_HTTP_PATH", `Cannot resolve path ${quote(path)}: found ".." at its root`);
    }
    if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments;
}

/** The pairs of a query, in order. */
export class Query {
  readonly #pairs: ReadonlyArray<readonly [name: string, value: string]>;

  constructor(pairs: ReadonlyArray<readonly [name: string, value: string]>) {
    this.#pairs = pairs;
  }

  /** The first value of a name. */
  get(name: string): string | undefined {
    return this.#pairs.find((pair) => pair[0] === name)?.[1];
  }

  /** All values of a name, in order. */
  getAll(name: string): string[] {
    return this.#pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]);
  }

  has(name: string): boolean {
    return this.#pairs.some((pair) => pair[0] === name);
  }

  get size(): number {
    return this.#pairs.length;
  }

  [Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    return this.#pairs[Symbol.iterator]();
  }
}

const NO_PAIRS = new Query([]);

/**
 * Reads a query as a form: pairs between `&`, `+` as a space, a name without `=` as one with an empty value. Empty
 * pairs are left out.
 *
 * Throws `HttpError` 400 with code `ERR_HTTP_QUERY` for a `%` without two hex digits, for bytes that are not UTF-8, and for
 * more than `maxPairs` pairs.
 *
 * @example parseQuery("tag=a+b&limit=20").get("tag") // "a b"
 */
export function parseQuery(query: string, options: { maxPairs?: number } = {}): Query {
  if (query === "") return NO_PAIRS;
  const maxPairs = options.maxPairs ?? DEFAULT_MAX_QUERY_PAIRS;
  const pairs: Array<readonly [name: string, value: string]> = [];
  for (let start = 0; start < query.length;) {
    const next = query.indexOf("&", start);
    const end = next === -1 ? query.length : next;
    if (end > start) {
      if (pairs.length === maxPairs) {
        const message = `Cannot parse query ${quote(query)}: found more than ${maxPairs} pairs`;
        throw new HttpError("ERR_HTTP_QUERY", message);
      }
      pairs.push(parsePair(query.slice(start, end)));
    }
    start = end + 1;
  }
  return new Query(pairs);
}

function parsePair(text: string): readonly [name: string, value: string] {
  const equals = text.indexOf("=");
  if (equals === -1) return [decodeForm(text), ""];
  return [decodeForm(text.slice(0, equals)), decodeForm(text.slice(equals + 1))];
}

function decodeForm(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  return spaced.includes("%") ? decode(spaced, "query", "ERR_HTTP_QUERY") : spaced;
}

function decode(text: string, what: string, code: "ERR_HTTP_PATH" | "ERR_HTTP_QUERY"): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new HttpError(code, `Cannot decode ${what} ${quote(text)}: found no percent-encoded UTF-8`, { cause });
  }
}
