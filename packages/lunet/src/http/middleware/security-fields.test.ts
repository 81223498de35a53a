import assert from "node:assert/strict";
import { coroutineTest, requestInProcess } from "../../testing/mod.ts";
import { empty, securityFields, type Handler, type SecurityFieldsOptions } from "../mod.ts";

const NAMES = ["x-content-type-options", "referrer-policy", "content-security-policy", "strict-transport-security"];

async function fieldsOf(
  options: SecurityFieldsOptions,
  { tls = false, next = () => empty() }: { readonly tls?: boolean; readonly next?: Handler } = {},
): Promise<Array<string | undefined>> {
  const fields = tls ? { "X-Forwarded-Proto": "https" } : {};
  const server = { trustedProxies: ["memory"], onFailure: () => {} };
  const reply = await requestInProcess(securityFields(options)(next), { fields }, server);
  return NAMES.map((name) => reply.field(name));
}

const POLICY = "default-src 'self'; base-uri 'self'; form-action 'self'; object-src 'none'; frame-ancestors 'none'";

coroutineTest("replies have the careful fields, and over TLS the one that keeps browsers there", async () => {
  assert.deepEqual(await fieldsOf({}), ["nosniff", "same-origin", POLICY, undefined]);
  assert.deepEqual(await fieldsOf({}, { tls: true }), ["nosniff", "same-origin", POLICY, "max-age=15552000"]);
});

coroutineTest("error replies have them too", async () => {
  const next: Handler = () => Promise.reject(new Error("provoked"));
  assert.deepEqual(await fieldsOf({}, { next }), ["nosniff", "same-origin", POLICY, undefined]);
});

coroutineTest("each can be another one, or left out", async () => {
  assert.deepEqual(
    await fieldsOf({ contentSecurityPolicy: false, referrerPolicy: "no-referrer", hstsSeconds: 0 }, { tls: true }),
    ["nosniff", "no-referrer", undefined, undefined],
  );
  assert.deepEqual(await fieldsOf({ contentSecurityPolicy: ({ path }) => `default-src 'none'; report-uri ${path}` }), [
    "nosniff",
    "same-origin",
    "default-src 'none'; report-uri /",
    undefined,
  ]);
  assert.deepEqual((await fieldsOf({ contentSecurityPolicy: () => undefined }))[2], undefined);
});

coroutineTest("values that no field can have are refused at the start", () => {
  assert.throws(() => securityFields({ contentSecurityPolicy: "a\r\nb" }), TypeError);
  assert.throws(() => securityFields({ referrerPolicy: "a\nb" }), TypeError);
  for (const hstsSeconds of [-1, 0.5, 63_072_001]) assert.throws(() => securityFields({ hstsSeconds }), RangeError);
});
