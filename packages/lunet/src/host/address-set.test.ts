import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressSet, normalizeAddress } from "./address-set.ts";

test("an address has one spelling", () => {
  for (const [text, normal] of [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["fe80::1%eth0", "fe80::1"],
    ["::", "::"],
  ] as const) {
    assert.equal(normalizeAddress(text), normal, text);
  }
  for (const text of ["", "unknown", "192.0.2", "192.0.2.256", "192.0.2.01", "[::1]", "::1::", "1.2.3.4:5", " ::1"]) {
    assert.equal(normalizeAddress(text), undefined, text);
  }
});

test("a set has its addresses and what is in its networks, up to their edges", () => {
  const set = new AddressSet(["127.0.0.1", "10.0.0.0/8", "fd00::/8", "2001:db8::5"]);
  for (const inside of ["127.0.0.1", "10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3", "fdff::1", "2001:DB8::5"]) {
    assert.equal(set.has(inside), true, inside);
  }
  for (const outside of ["127.0.0.2", "9.255.255.255", "11.0.0.0", "fe00::", "2001:db8::6", "unix", ""]) {
    assert.equal(set.has(outside), false, outside);
  }
});

test("a network may be everything, and a network of IPv6 may be the mapped ones of IPv4", () => {
  assert.equal(new AddressSet(["0.0.0.0/0"]).has("203.0.113.9"), true);
  assert.equal(new AddressSet(["0.0.0.0/0"]).has("2001:db8::1"), false);
  assert.equal(new AddressSet(["::ffff:10.0.0.0/104"]).has("10.9.9.9"), true);
});

test("a member that is no address and no network is refused", () => {
  for (const member of [
    "",
    "localhost",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/8 ",
    "fe80::1%a",
  ]) {
    assert.throws(() => new AddressSet([member]), TypeError, member);
  }
});
