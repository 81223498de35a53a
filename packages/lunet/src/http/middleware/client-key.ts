/** Whom requests are counted for. */
import type { HttpRequest } from "../request.ts";

/** Groups of 16 bits in the part of an IPv6 address that a provider gives to one user (RFC 6177, RFC 7421). */
const PREFIX_GROUPS = 4;
const ALL_GROUPS = 8;

/**
 * A request's user by address, for rate limits: IPv4 as it is, of IPv6 the network of 64 bits, because whoever has one address
 * has all of that. It sees through `trustedProxies`. Behind a Unix socket that is not among them all users are `"unix"`.
 *
 * @example
 * ```ts
 * import { clientKey, rateLimit, type HttpRequest } from "lunet/http";
 * const key = (request: HttpRequest): string => request.field("x-api-key") ?? clientKey(request);
 * const limited = rateLimit({ limit: 100, windowMs: 60_000, key });
 * ```
 */
export function clientKey(request: HttpRequest): string {
  const { clientAddress } = request;
  return clientAddress.includes(":") ? networkOf(clientAddress) : clientAddress;
}

/** @param address IPv6 in its one spelling, which has no IPv4 part but under a prefix of zeros. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? [] : tail.split(":");
    const left = ALL_GROUPS - groups.length - rest.length;
    groups.push(...Array<string>(Math.max(0, left)).fill("0"), ...rest);
  }
  return `${groups.slice(0, PREFIX_GROUPS).join(":")}::/64`;
}
