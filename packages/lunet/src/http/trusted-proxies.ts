/**
 * What stands between the user and this server, and what of it is believed.
 *
 * A request that comes over a connection from a trusted proxy has its user's address in `X-Forwarded-For`, to which each proxy
 * adds whom it has its connection from. The list is read from its end: entries that are trusted proxies themselves are passed
 * over, and the first that is not one is the user. What stands before it anybody may have written. An entry that is
 * no address ends the walk, at the last address that is known.
 *
 * `X-Forwarded-Proto`, `-Host` and `-Port` are the nearest proxy's to set; of a list the last member counts. The
 * proxy must set or remove every one of these fields, or its clients write them. `Forwarded` (RFC 7239) is not read: what a
 * proxy that knows the other fields alone lets through under this name is the user's word.
 */
import { AddressSet, normalizeAddress } from "../net/mod.ts";
import { sliceValue } from "./fields.ts";
import { isHost } from "./host.ts";
import type { RequestHead } from "./request-head.ts";

/** Entries of `X-Forwarded-For` that are looked at, from the end: more proxies than that stand in no row. */
const MAX_HOPS = 32;
/** Peers that have no IP address. */
const FAMILIES: ReadonlySet<string> = new Set(["unix", "memory"]);
/** `192.0.2.1`, `192.0.2.1:8080`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:8080`. */
const NODE = /^(?:\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}|([0-9A-Fa-f:.]+))$/;
const PORT = /^[1-9][0-9]{0,4}$/;
const MAX_PORT = 65_535;
const WITH_PORT = /:[0-9]*$/;
const DEFAULT_PORTS = { http: "80", https: "443" } as const;

/** The proxies whose word counts. */
export class TrustedProxies {
  readonly #families: ReadonlySet<string>;
  /** Those that have an address. */
  readonly addresses: AddressSet;
  /** The peer that was asked for last, and what was told: requests come over connections from few proxies. */
  #lastPeer = "";
  #lastAnswer = false;

  /**
   * @param members `"unix"`: whoever connects over the Unix socket; addresses and networks (`"10.0.0.0/8"`); `"memory"`: the
   * in-process requests of tests.
   * @throws TypeError for any other.
   */
  constructor(members: readonly string[]) {
    this.#families = new Set(members.filter((member) => FAMILIES.has(member)));
    this.addresses = new AddressSet(members.filter((member) => !FAMILIES.has(member)));
  }

  /** @param peer As `HttpRequest.remoteAddress`. */
  has(peer: string): boolean {
    if (peer !== this.#lastPeer) {
      this.#lastAnswer = this.#families.has(peer) || this.addresses.has(peer);
      this.#lastPeer = peer;
    }
    return this.#lastAnswer;
  }
}

/** The address of the user who sent a request that came from `peer`: normalized, or `"unix"`, `"memory"`, `"unknown"`. */
export function findClientAddress(head: RequestHead, peer: string, proxies: TrustedProxies | undefined): string {
  const nearest = normalizeAddress(peer) ?? peer;
  return proxies?.has(peer) === true ? walkBack(head.field("x-forwarded-for"), nearest, proxies) : nearest;
}

/** The scheme of the URI that the user asked a trusted proxy for. */
export function forwardedScheme(head: RequestHead): "http" | "https" {
  return lastMember(head.field("x-forwarded-proto")).toLowerCase() === "https" ? "https" : "http";
}

/** Host and port of the URI that the user asked a trusted proxy for (RFC 3986, 3.2). */
export function forwardedAuthority(head: RequestHead): string {
  const forwarded = lastMember(head.field("x-forwarded-host"));
  const host = forwarded !== "" && isHost(forwarded) ? forwarded : head.host;
  const port = lastMember(head.field("x-forwarded-port"));
  const isUsable = PORT.test(port) && Number(port) <= MAX_PORT && port !== DEFAULT_PORTS[forwardedScheme(head)];
  return host === "" || !isUsable || WITH_PORT.test(host) ? host : `${host}:${port}`;
}

function walkBack(list: string | undefined, nearest: string, proxies: TrustedProxies): string {
  if (list === undefined) return nearest;
  let address = nearest;
  let end = list.length;
  for (let hop = 0; hop < MAX_HOPS && end > 0; hop++) {
    const comma = list.lastIndexOf(",", end - 1);
    const entry = nodeAddress(sliceValue(list, comma + 1, end));
    if (entry === undefined) return address;
    address = entry;
    if (comma < 0 || !proxies.addresses.has(entry)) return address;
    end = comma;
  }
  return address;
}

function nodeAddress(entry: string): string | undefined {
  const [, bracketed, ipv4, bare] = NODE.exec(entry) ?? [];
  const address = normalizeAddress(bracketed ?? ipv4 ?? bare ?? "");
  // Only IPv6 stands in brackets.
  return bracketed !== undefined && !bracketed.includes(":") ? undefined : address;
}

function lastMember(list = ""): string {
  return sliceValue(list, list.lastIndexOf(",") + 1, list.length);
}
