/**
 * The host and port of a request (RFC 9110 section 4.2.3 and 7.2, RFC 3986 section 3.2), checked but not resolved.
 */

const REGISTERED_NAME = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?::([0-9]*))?$/;
const ADDRESS_LITERAL = /^\[(?:([0-9A-Fa-f:.]+)|v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\](?::([0-9]*))?$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/;
const HEX_GROUP = /^[0-9A-Fa-f]{1,4}$/;
const MAX_PORT = 65_535;

/**
 * Tells whether text is a host with an optional port. The empty host is one by the grammar; a port may be empty and is
 * at most 65535.
 *
 * @example isHost("[::1]:8080") // true
 */
export function isHost(text: string): boolean {
  const name = REGISTERED_NAME.exec(text);
  if (name !== null) return isPort(name[1]);
  const literal = ADDRESS_LITERAL.exec(text);
  if (literal === null || !isPort(literal[2])) return false;
  return literal[1] === undefined || isIpv6(literal[1]);
}

function isPort(digits: string | undefined): boolean {
  return digits === undefined || Number(digits) <= MAX_PORT;
}

/** RFC 4291 section 2.2: eight groups, fewer when `::` stands for at least one, the last two possibly as IPv4. */
function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const last = halves.length - 1;
  const counts = halves.map((half, index) => countGroups(half, index === last));
  if (counts.includes(-1)) return false;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return halves.length === 2 ? total <= 7 : total === 8;
}

function countGroups(half: string, mayEndInIpv4: boolean): number {
  if (half === "") return 0;
  const groups = half.split(":");
  const end = groups.at(-1) ?? "";
  const endsInIpv4 = mayEndInIpv4 && IPV4.test(end);
  if (endsInIpv4) groups.pop();
  return groups.every((group) => HEX_GROUP.test(group)) ? groups.length + (endsInIpv4 ? 2 : 0) : -1;
}
