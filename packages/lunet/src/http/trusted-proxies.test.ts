/** Whose word counts about who asked for what. */
import assert from "node:assert/strict";
import { coroutineTest, requestInProcess } from "../testing/mod.ts";
import { json, serve, type Handler, type HttpRequest } from "./mod.ts";

const seen: Handler = ({ clientAddress, scheme, authority, fromTrustedProxy, remoteAddress }: HttpRequest) =>
  json({ clientAddress, scheme, authority, fromTrustedProxy, remoteAddress });

/** The in-process peer, and two proxies behind it. */
const TRUSTED = ["memory", "10.0.0.0/8", "2001:db8:aaaa::/48"];

async function ask(
  fields: Readonly<Record<string, string | readonly string[]>>,
  trustedProxies: readonly string[] | undefined = TRUSTED,
): Promise<Record<string, unknown>> {
  const options = trustedProxies === undefined ? {} : { trustedProxies };
  return (await requestInProcess(seen, { fields: { Host: "inside:81", ...fields } }, options)).json() as never;
}

async function addressOf(list: string | readonly string[]): Promise<unknown> {
  return (await ask({ "X-Forwarded-For": list }))["clientAddress"];
}

coroutineTest("nothing that a client says of its proxies counts unless its peer is trusted", async () => {
  const fields = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "99",
  };
  const plain = {
    clientAddress: "memory",
    scheme: "http",
    authority: "inside:81",
    fromTrustedProxy: false,
    remoteAddress: "memory",
  };
  const byDefault = (await requestInProcess(seen, { fields: { Host: "inside:81", ...fields } })).json();
  assert.deepEqual(byDefault, plain);
  for (const others of [[], ["unix", "127.0.0.1"]]) assert.deepEqual(await ask(fields, others), plain);
});

coroutineTest("behind a trusted proxy a request has its user's address, scheme and authority", async () => {
  assert.deepEqual(
    await ask({
      "X-Forwarded-For": "203.0.113.7",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "www.example.com",
      "X-Forwarded-Port": "8443",
    }),
    {
      clientAddress: "203.0.113.7",
      scheme: "https",
      authority: "www.example.com:8443",
      fromTrustedProxy: true,
      remoteAddress: "memory",
    },
  );
});

coroutineTest("the user is the last of the list who is no trusted proxy, whatever stands before", async () => {
  for (const [list, address] of [
    ["203.0.113.7", "203.0.113.7"],
    ["198.51.100.1, 203.0.113.7", "203.0.113.7"],
    ["10.9.9.9, 203.0.113.7, 10.1.1.1", "203.0.113.7"],
    ["198.51.100.1, 203.0.113.7 , 10.1.1.1\t,2001:db8:aaaa::7", "203.0.113.7"],
    // All are proxies: the farthest is as far as one can see.
    ["10.3.3.3, 10.2.2.2, 10.1.1.1", "10.3.3.3"],
    ["", "memory"],
  ] as const) {
    assert.equal(await addressOf(list), address, list);
  }
  assert.equal(await addressOf(["198.51.100.1, 203.0.113.7", "10.1.1.1"]), "203.0.113.7", "two lines");
});

coroutineTest("an entry that is no address ends the walk at the last that is known", async () => {
  for (const [list, address] of [
    ["203.0.113.7, unknown", "memory"],
    ["203.0.113.7, , 10.1.1.1", "10.1.1.1"],
    ["203.0.113.7, _hidden, 10.1.1.1", "10.1.1.1"],
    ["203.0.113.7, 10.1.1.999, 10.1.1.1", "10.1.1.1"],
    ["203.0.113.7, 10.1.1.1;x", "memory"],
    ["203.0.113.7, 10.1.1.1,", "memory"],
    ["203.0.113.7, [10.1.1.1]", "memory"],
    ["203.0.113.7, unix", "memory"],
    ["203.0.113.7, memory", "memory"],
  ] as const) {
    assert.equal(await addressOf(list), address, list);
  }
});

coroutineTest("an entry may have a port and brackets, and IPv6 has one spelling", async () => {
  for (const [entry, address] of [
    ["203.0.113.7:4711", "203.0.113.7"],
    ["2001:DB8:0::1", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:4711", "2001:db8::1"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["[::ffff:203.0.113.7]:1", "203.0.113.7"],
    ["203.0.113.7:", "memory"],
    ["203.0.113.7:123456", "memory"],
    ["[2001:db8::1", "memory"],
  ] as const) {
    assert.equal(await addressOf(entry), address, entry);
  }
  assert.equal(await addressOf("203.0.113.7, [2001:db8:aaaa::5]:99"), "203.0.113.7", "a proxy with brackets");
});

coroutineTest("of a list as long as the limit of the head the last 32 entries are looked at", async () => {
  const proxies = (count: number): string => Array.from({ length: count }, (_, at) => `10.0.0.${at}`).join(", ");
  assert.equal(await addressOf(`203.0.113.7, ${proxies(31)}`), "203.0.113.7");
  assert.equal(await addressOf(`203.0.113.7, ${proxies(32)}`), "10.0.0.0");
});

coroutineTest("of scheme, host and port the last member counts, and only one that can be", async () => {
  for (const [fields, scheme, authority] of [
    [{ "X-Forwarded-Proto": "https, http" }, "http", "inside:81"],
    [{ "X-Forwarded-Proto": "http, HTTPS" }, "https", "inside:81"],
    [{ "X-Forwarded-Proto": "javascript" }, "http", "inside:81"],
    [{ "X-Forwarded-Host": "evil.example, a.example" }, "http", "a.example"],
    [{ "X-Forwarded-Host": "a.example:8080", "X-Forwarded-Port": "9" }, "http", "a.example:8080"],
    [{ "X-Forwarded-Host": "a b" }, "http", "inside:81"],
    [{ "X-Forwarded-Host": "a.example/x" }, "http", "inside:81"],
    [{ "X-Forwarded-Host": "[2001:db8::1]", "X-Forwarded-Port": "81" }, "http", "[2001:db8::1]:81"],
    [{ "X-Forwarded-Host": "a", "X-Forwarded-Port": "80" }, "http", "a"],
    [{ "X-Forwarded-Host": "a", "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https" }, "https", "a"],
    [{ "X-Forwarded-Host": "a", "X-Forwarded-Port": "65536" }, "http", "a"],
    [{ Forwarded: 'for=203.0.113.7;proto=https;host="b.example"' }, "http", "inside:81"],
  ] as const) {
    const found = await ask(fields);
    assert.deepEqual([found["scheme"], found["authority"]], [scheme, authority], JSON.stringify(fields));
  }
});

coroutineTest("a proxy that has no such name or address stops the start", async () => {
  for (const wrong of ["localhost", "10.0.0.0/33", "*", ""]) {
    await assert.rejects(serve(seen, { trustedProxies: [wrong] }), TypeError, wrong);
  }
});
