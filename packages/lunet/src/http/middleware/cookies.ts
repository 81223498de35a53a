/** Cookies (RFC 6265bis): those of a request, and those that a reply sets. The grammar is the package `cookie`'s. */
import { parseCookie, stringifySetCookie } from "cookie";
import { isToken } from "../fields.ts";
import type { HttpRequest } from "../request.ts";

/** Cookies by name. It has no prototype: what was not sent is `undefined`. */
export type Cookies = Readonly<Record<string, string | undefined>>;

/** The attributes of a cookie. The defaults are the safe ones. */
export interface CookieOptions {
  /** Whether scripts are kept from it. Default true. */
  readonly httpOnly?: boolean;
  /** Whether it is sent over TLS alone. Default true. Most browsers make an exception of `http://localhost`. */
  readonly secure?: boolean;
  /**
   * `"lax"`: not with requests that other sites make, but for the links to it; `"strict"`: not with these either; `"none"`: with all, which
   * needs `secure`. Default `"lax"`.
   */
  readonly sameSite?: "lax" | "strict" | "none";
  /** Default `/`: all paths. */
  readonly path?: string;
  /** Sends it to this domain and every one below it. Default: to the very host that set it. */
  readonly domain?: string;
  /** How long it is kept, in seconds, 0 to 34,560,000 (400 days). Default: until the browser ends its session. */
  readonly maxAgeSeconds?: number;
  /** Until when it is kept. `maxAgeSeconds` goes before it. */
  readonly expires?: Date;
  /** Kept apart for each site that a page is embedded in; needs `secure`. Default false. */
  readonly partitioned?: boolean;
  /** Which cookies go first when there are too many; Chromium alone reads it. */
  readonly priority?: "low" | "medium" | "high";
}

/** What browsers take: bytes of name and value, bytes of an attribute, and 400 days (RFC 6265bis, 5.6 and 5.7). */
const MAX_COOKIE_BYTES = 4_096;
const MAX_ATTRIBUTE_BYTES = 1_024;
const MAX_AGE_S = 400 * 86_400;
const PATH = /^\/[\x20-\x3a\x3c-\x7e]*$/;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const SAME_SITE: ReadonlySet<string> = new Set(["lax", "strict", "none"]);
const PRIORITIES: ReadonlySet<string> = new Set(["low", "medium", "high"]);

const NO_COOKIES: Cookies = Object.freeze(Object.create(null) as Cookies);
const parsed = new WeakMap<HttpRequest, Cookies>();

/**
 * The cookies of a request, percent-decoded where that gives text. They are read when they are first asked for. Of two with one
 * name the first counts, which is the one with the longer path. Anybody may have made them: see `CookieSigner`.
 *
 * @example
 * ```ts
 * import { cookies, text, type Handler } from "lunet/http";
 * const handler: Handler = (request) => text(`theme ${cookies(request)["theme"] ?? "light"}\n`);
 * ```
 */
export function cookies(request: HttpRequest): Cookies {
  let found = parsed.get(request);
  if (found === undefined) parsed.set(request, (found = parseCookies(request)));
  return found;
}

function parseCookies({ head }: HttpRequest): Cookies {
  let text = head.field("cookie");
  if (text === undefined) return NO_COOKIES;
  // Lines are joined with commas, which end no cookie: a proxy from HTTP/2 may leave several (RFC 9113, 8.2.3).
  if (text.includes(",")) {
    const lines = head.fieldLines().filter(([name]) => name === "cookie");
    text = lines.map(([, value]) => value).join("; ");
  }
  return parseCookie(text);
}

/**
 * The value of a `Set-Cookie` field. Characters of the value that a cookie cannot have are percent-encoded.
 *
 * @param name A token. What begins with `__Host-` or `__Secure-` has the attributes that browsers ask of it.
 * @throws TypeError for a name, a value, a path or a domain that cannot be, and for attributes that browsers refuse together;
 * RangeError for more than 4,096 bytes of name and value, and for `maxAgeSeconds`.
 * @example
 * ```ts
 * import { setCookie } from "lunet/http";
 * console.log(setCookie("__Host-a", "1", { maxAgeSeconds: 60 })); // __Host-a=1; Max-Age=60; Path=/; HttpOnly; Secure; SameSite=Lax
 * ```
 */
export function setCookie(name: string, value: string, options: CookieOptions = {}): string {
  if (!isToken(name)) throw refused(name, "a name that is no token");
  if (typeof value !== "string" || !value.isWellFormed()) throw refused(name, "a value that is no well-formed text");
  const { httpOnly = true, secure = true, sameSite = "lax", path = "/" } = options;
  const { domain, maxAgeSeconds, expires, partitioned = false, priority } = options;
  checkAttributes(name, { ...options, sameSite, path });
  if (!secure && (sameSite === "none" || partitioned))
    throw refused(name, "sameSite none or partitioned without secure");
  checkPrefix(name, { httpOnly, secure, path, domain });
  const cookie = stringifySetCookie({
    name,
    value,
    httpOnly,
    secure,
    sameSite,
    path,
    partitioned,
    ...(domain === undefined ? {} : { domain }),
    ...(maxAgeSeconds === undefined ? {} : { maxAge: maxAgeSeconds }),
    ...(expires === undefined ? {} : { expires }),
    ...(priority === undefined ? {} : { priority }),
  });
  const bytes = cookie.indexOf(";") - 1;
  if (bytes > MAX_COOKIE_BYTES) {
    throw new RangeError(
      `Cannot set the cookie ${JSON.stringify(name)}: found ${bytes} bytes, limit is ${MAX_COOKIE_BYTES}`,
    );
  }
  return cookie;
}

/**
 * The value of a `Set-Cookie` field that takes a cookie away. Path and domain, and the attributes that its prefix asks for, have to be
 * those that it was set with.
 *
 * @throws As `setCookie`.
 * @example deleteCookie("a").slice(0, 20) // "a=; Max-Age=0; Path="
 */
export function deleteCookie(name: string, options: Omit<CookieOptions, "maxAgeSeconds" | "expires"> = {}): string {
  return setCookie(name, "", { ...options, maxAgeSeconds: 0, expires: new Date(0) });
}

function refused(name: string, found: string): TypeError {
  return new TypeError(`Cannot set the cookie ${JSON.stringify(name.slice(0, 64))}: found ${found}`);
}

function checkAttributes(name: string, options: CookieOptions): void {
  const { path = "/", domain, sameSite = "lax", priority, maxAgeSeconds, expires } = options;
  if (!PATH.test(path) || path.length > MAX_ATTRIBUTE_BYTES) throw refused(name, "a path that cannot be");
  if (domain !== undefined && (!DOMAIN.test(domain) || domain.length > MAX_ATTRIBUTE_BYTES)) {
    throw refused(name, "a domain that cannot be");
  }
  if (!SAME_SITE.has(sameSite)) throw refused(name, `sameSite ${JSON.stringify(sameSite)}`);
  if (priority !== undefined && !PRIORITIES.has(priority)) throw refused(name, `priority ${JSON.stringify(priority)}`);
  if (expires !== undefined && !(expires.getTime() >= 0)) throw refused(name, "expires that is no date since 1970");
  if (maxAgeSeconds === undefined) return;
  if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0 || maxAgeSeconds > MAX_AGE_S) {
    throw new RangeError(
      `Cannot set the cookie ${JSON.stringify(name)}: found maxAgeSeconds ${maxAgeSeconds}, wanted a whole number from 0 to ${MAX_AGE_S}`,
    );
  }
}

/** What browsers ask of names with a prefix, in whatever case (RFC 6265bis, 4.1.3). */
function checkPrefix(
  name: string,
  cookie: Readonly<Record<"httpOnly" | "secure", boolean>> & {
    readonly path: string;
    readonly domain: string | undefined;
  },
): void {
  const [, prefix = ""] = /^__(host-http|host|http|secure)-/i.exec(name) ?? [];
  if (prefix === "") return;
  const kind = prefix.toLowerCase();
  if (!cookie.secure) throw refused(name, "its prefix without secure");
  if (kind.startsWith("host") && (cookie.path !== "/" || cookie.domain !== undefined)) {
    throw refused(name, 'its prefix with a domain, or with a path other than "/"');
  }
  if (kind.endsWith("http") && !cookie.httpOnly) throw refused(name, "its prefix without httpOnly");
}
