/** Cookies that a client can keep and not change: a value and its HMAC-SHA256 (RFC 2104). */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from "node:crypto";

const MIN_KEY_BYTES = 32;
const MIN_DISTINCT_BYTES = 8;
const MAX_KEYS = 16;
/** 32 bytes in base64url. */
const SIGNATURE_LENGTH = 43;

/**
 * Signs the values of cookies. The signature is good for the cookie's name and the value alone, and for ever: what has to end
 * has its time in the value. The value stays readable.
 *
 * @example
 * ```ts
 * import { randomBytes } from "node:crypto";
 * import { CookieSigner, cookies, empty, setCookie, type Handler } from "lunet/http";
 * const signer = new CookieSigner([randomBytes(32)]);
 * const logIn: Handler = () => empty(204, { "Set-Cookie": setCookie("user", signer.sign("user", "17")) });
 * const show: Handler = (request) => empty(signer.verify("user", cookies(request)["user"]) === "17" ? 204 : 401);
 * ```
 */
export class CookieSigner {
  readonly #keys: readonly KeyObject[];

  /**
   * @param keys The first signs; a signature of any is good, so that a new key is put in front and the old one is taken away
   * later. Bytes or text, 32 bytes or more.
   * @throws RangeError for no key, or more than 16; TypeError for one that is short, or made of fewer than eight different
   * bytes.
   */
  constructor(keys: ReadonlyArray<string | Uint8Array>) {
    if (keys.length === 0 || keys.length > MAX_KEYS) {
      throw new RangeError(`Cannot sign cookies: found ${keys.length} keys, wanted 1 to ${MAX_KEYS}`);
    }
    this.#keys = keys.map((key) => createSecretKey(checkKey(Buffer.from(key as Uint8Array))));
  }

  /** The value with its signature behind it, for `setCookie`. */
  sign(name: string, value: string): string {
    return `${value}.${signatureOf(this.#keys[0] as KeyObject, name, value)}`;
  }

  /** The value of a signed one; `undefined` when there is none, or its signature is of no key. Signatures are compared in constant time. */
  verify(name: string, signed: string | undefined): string | undefined {
    const dot = signed === undefined ? -1 : signed.length - SIGNATURE_LENGTH - 1;
    if (signed === undefined || dot < 0 || signed[dot] !== ".") return undefined;
    const value = signed.slice(0, dot);
    const given = Buffer.from(signed.slice(dot + 1), "utf8");
    const isGood = this.#keys.some((key) => {
      const wanted = Buffer.from(signatureOf(key, name, value));
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    });
    return isGood ? value : undefined;
  }
}

function checkKey(key: Buffer): Buffer {
  if (key.length >= MIN_KEY_BYTES && new Set(key).size >= MIN_DISTINCT_BYTES) return key;
  throw new TypeError(
    `Cannot sign cookies: found a key of ${key.length} bytes that is short or repeats itself, wanted ${MIN_KEY_BYTES} random ones`,
  );
}

/** A name has no "=", so that no other name and value give the same text. */
function signatureOf(key: KeyObject, name: string, value: string): string {
  return createHmac("sha256", key).update(`${name}=${value}`, "utf8").digest("base64url");
}
