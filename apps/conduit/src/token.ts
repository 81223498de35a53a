/**
 * Session tokens: JWT (RFC 7519) signed with HMAC-SHA-256 (JWS, RFC 7515; `HS256`, RFC 7518 section 3.2).
 *
 * Rules: the whole key signs. The algorithm is fixed here and is not the token's to choose. Every part is canonical
 * base64url, so that one session has one spelling. The signature is compared in constant time and before anything
 * inside is read. `exp` is demanded. A token that breaks a rule has no user, whatever the reason.
 */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from "node:crypto";
import { wallMs } from "lunet/time";

/** Longest token that is looked at, in characters. Ours have about 160. */
const MAX_TOKEN_LENGTH = 2_048;

const HEADER = encode(JSON.stringify({ alg: "HS256", typ: "JWT" }));
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const USER_ID = /^[1-9][0-9]{0,15}$/;

function encode(text: string): string {
  return Buffer.from(text, "utf8").toString("base64url");
}

/** The bytes of a base64url text; undefined if it is not the canonical spelling of them (RFC 4648 section 3.5). */
function decode(text: string): Buffer | undefined {
  if (!BASE64URL.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

/** A JSON object in base64url; undefined for anything else. */
function decodeObject(text: string): Record<string, unknown> | undefined {
  const bytes = decode(text);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // Not UTF-8 or not JSON: the token is refused like any other that is malformed.
    return undefined;
  }
}

/** Makes and checks tokens with one key. */
export class Tokens {
  readonly #key: KeyObject;
  readonly #lifetimeS: number;

  /**
   * @param key The signing key, all of which is used.
   * @param lifetimeS How long a token is good for, in seconds.
   */
  constructor(key: Uint8Array, lifetimeS: number) {
    this.#key = createSecretKey(key);
    this.#lifetimeS = lifetimeS;
  }

  #mac(signed: string): Buffer {
    return createHmac("sha256", this.#key).update(signed).digest();
  }

  /** A token for a user, good from now. */
  issue(userId: number): string {
    const iat = Math.floor(wallMs() / 1000);
    const signed = `${HEADER}.${encode(JSON.stringify({ sub: String(userId), iat, exp: iat + this.#lifetimeS }))}`;
    return `${signed}.${this.#mac(signed).toString("base64url")}`;
  }

  /** The id of the user that a token stands for; undefined if it does not verify or has expired. */
  verify(token: string): number | undefined {
    if (token.length > MAX_TOKEN_LENGTH) return undefined;
    const [header, payload, signature, ...more] = token.split(".");
    if (header === undefined || payload === undefined || signature === undefined || more.length > 0) return undefined;
    const given = decode(signature);
    const wanted = this.#mac(`${header}.${payload}`);
    if (given?.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
    return isOurHeader(header) ? userOf(decodeObject(payload)) : undefined;
  }
}

function isOurHeader(text: string): boolean {
  if (text === HEADER) return true;
  const header = decodeObject(text);
  // `crit` names extensions that must be understood (RFC 7515 section 4.1.11), and none is.
  return header !== undefined && header["alg"] === "HS256" && !Object.hasOwn(header, "crit");
}

function userOf(claims: Record<string, unknown> | undefined): number | undefined {
  if (claims === undefined) return undefined;
  const { sub, exp, nbf, iat } = claims;
  const nowS = wallMs() / 1000;
  if (typeof exp !== "number" || !Number.isFinite(exp) || exp <= nowS) return undefined;
  if (nbf !== undefined && !(typeof nbf === "number" && nbf <= nowS)) return undefined;
  if (iat !== undefined && typeof iat !== "number") return undefined;
  if (typeof sub !== "string" || !USER_ID.test(sub)) return undefined;
  const userId = Number(sub);
  return Number.isSafeInteger(userId) ? userId : undefined;
}
