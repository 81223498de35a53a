/** Sets of IP addresses, and the one spelling of each. */
import { BlockList, isIP, SocketAddress } from "node:net";

/** RFC 4291, 2.5.5.2: an IPv4 address in the form of an IPv6 one, as a listener on `::` sees its IPv4 clients. */
const IPV4_MAPPED = /^::ffff:([0-9.]+)$/;

/**
 * The one spelling of an IP address: IPv6 in lower case and compressed (RFC 5952), without a zone; an IPv4-mapped address
 * as IPv4. `undefined` for text that is no address.
 *
 * @example normalizeAddress("::FFFF:192.0.2.1") // "192.0.2.1"
 */
export function normalizeAddress(text: string): string | undefined {
  const version = isIP(text);
  if (version === 0) return undefined;
  if (version === 4) return text;
  const { address } = new SocketAddress({ family: "ipv6", address: text });
  return IPV4_MAPPED.exec(address)?.[1] ?? address;
}

/**
 * A set of IP addresses and networks, IPv4 and IPv6, that does not change.
 *
 * @example
 * ```ts
 * import { AddressSet } from "lunet/net";
 * const inside = new AddressSet(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]);
 * console.log(inside.has("10.1.2.3"), inside.has("192.0.2.1")); // true false
 * ```
 */
export class AddressSet {
  readonly #list = new BlockList();

  /**
   * @param members Addresses, and networks in the notation of CIDR (RFC 4632).
   * @throws TypeError for a member that is neither.
   */
  constructor(members: readonly string[]) {
    for (const member of members) this.#add(member);
  }

  #add(member: string): void {
    const [, address = "", prefix] = /^([0-9A-Fa-f:.]+)(?:\/([0-9]{1,3}))?$/.exec(member) ?? [];
    const version = isIP(address);
    const bits = version === 4 ? 32 : 128;
    const length = prefix === undefined ? bits : Number(prefix);
    if (version === 0 || length > bits) {
      const found = JSON.stringify(member.slice(0, 64));
      throw new TypeError(`Cannot use ${found} as an address: wanted an IP address, or a network such as 10.0.0.0/8`);
    }
    this.#list.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
  }

  /** Tells whether an address is one of the set, in any spelling. False for text that is no address. */
  has(address: string): boolean {
    const normal = normalizeAddress(address);
    return normal !== undefined && this.#list.check(normal, isIP(normal) === 4 ? "ipv4" : "ipv6");
  }
}
