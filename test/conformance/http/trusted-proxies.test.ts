/** Proxies on real sockets: who is trusted is decided by where the connection comes from. */
import assert from "node:assert/strict";
import { json, type Handler } from "../../../packages/lunet/src/http/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { talk } from "./server-harness.ts";

const tell: Handler = ({ clientAddress, scheme, fromTrustedProxy }) =>
  json({ clientAddress, scheme, fromTrustedProxy });
const FIELDS = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n";
const SEEN = { clientAddress: "203.0.113.7", scheme: "https", fromTrustedProxy: true };

for (const [over, trusted, own] of [
  ["unix", ["unix"], "unix"],
  ["tcp", ["127.0.0.0/8"], "127.0.0.1"],
] as const) {
  for (const [trustedProxies, seen] of [
    [trusted, SEEN],
    [over === "unix" ? ["127.0.0.0/8", "::/0"] : ["unix", "128.0.0.0/1"], undefined],
    [[], undefined],
  ] as const) {
    const who = trustedProxies.length === 0 ? "nobody" : trustedProxies.join(" and ");
    coroutineTest(
      `${over}: with ${who} trusted, the proxy ${seen === undefined ? "is a client" : "is believed"}`,
      async () => {
        const options = { trustedProxies };
        await talk(
          over,
          tell,
          async ({ client }) => {
            await client.request("/", undefined, FIELDS);
            const unseen = { clientAddress: own, scheme: "http", fromTrustedProxy: false };
            assert.deepEqual((await client.reply()).json(), seen ?? unseen);
            // The next on the same connection is another user's.
            await client.request("/", undefined, "X-Forwarded-For: 2001:db8::1\r\n");
            const next = seen === undefined ? unseen : { ...SEEN, clientAddress: "2001:db8::1", scheme: "http" };
            assert.deepEqual((await client.reply()).json(), next);
          },
          options,
        );
      },
    );
  }
}
