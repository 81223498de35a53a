import assert from "node:assert/strict";
import { test } from "node:test";
import { coroutineTest, requestInProcess } from "../../testing/mod.ts";
import { cookies, CookieSigner, deleteCookie, empty, json, setCookie, type CookieOptions } from "../mod.ts";

async function read(cookie: string | readonly string[] | undefined): Promise<unknown> {
  const handler = (request: Parameters<typeof cookies>[0]) => {
    assert.equal(cookies(request), cookies(request), "they are read once");
    return json({ ...cookies(request) });
  };
  const reply = await requestInProcess(handler, {
    fields: cookie === undefined ? {} : { Cookie: cookie, Other: "z=1" },
  });
  return reply.json();
}

coroutineTest("cookies are read by name, decoded where that gives text", async () => {
  for (const [field, found] of [
    [undefined, {}],
    ["", {}],
    ["a=1", { a: "1" }],
    ["a=1; b=2;c=3", { a: "1", b: "2", c: "3" }],
    ["a=1; a=2", { a: "1" }],
    ["a=%C3%A4%20b", { a: "ä b" }],
    ["a=%zz", { a: "%zz" }],
    ["a=x=y", { a: "x=y" }],
    ["a; b=1", { b: "1" }],
    ["a=", { a: "" }],
    ['a="q"', { a: '"q"' }],
    ["a=1,2", { a: "1,2" }],
    [["a=1", "b=2"], { a: "1", b: "2" }],
    [["a=1,5; c=3", "b=2"], { a: "1,5", b: "2", c: "3" }],
  ] as const) {
    assert.deepEqual(await read(field), found, JSON.stringify(field));
  }
});

coroutineTest("no name of a cookie has a meaning of its own", async () => {
  await requestInProcess(
    (request) => {
      const found = cookies(request);
      assert.equal(Object.getPrototypeOf({}), Object.prototype);
      assert.equal(found["__proto__"], "1");
      assert.equal(found["constructor"], undefined);
      return empty();
    },
    { fields: { Cookie: "__proto__=1" } },
  );
});

test("a cookie is set with the safe attributes, unless others are asked for", () => {
  for (const [options, attributes] of [
    [{}, "; Path=/; HttpOnly; Secure; SameSite=Lax"],
    [{ httpOnly: false, secure: false, sameSite: "strict", path: "/a b" }, "; Path=/a b; SameSite=Strict"],
    [{ maxAgeSeconds: 0 }, "; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"],
    [
      { maxAgeSeconds: 34_560_000, domain: "example.com" },
      "; Max-Age=34560000; Domain=example.com; Path=/; HttpOnly; Secure; SameSite=Lax",
    ],
    [{ expires: new Date(1_000) }, "; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; HttpOnly; Secure; SameSite=Lax"],
    [
      { partitioned: true, sameSite: "none", priority: "high" },
      "; Path=/; HttpOnly; Secure; Partitioned; Priority=High; SameSite=None",
    ],
  ] satisfies ReadonlyArray<readonly [CookieOptions, string]>) {
    assert.equal(setCookie("a", "1", options), `a=1${attributes}`);
  }
});

test("a value comes back as it was, whatever its characters", async () => {
  for (const value of ["", "a b", 'a"b', "a;b", "a,b", "a\\b", "ä€😀", "a%20b", "a\r\nSet-Cookie: b", "\0"]) {
    const [pair = ""] = setCookie("a", value).split(";");
    assert.match(pair, /^a=[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/);
    assert.equal(decodeURIComponent(pair.slice(2)), value);
  }
});

test("a name, a value, a path or a domain that cannot be is refused", () => {
  for (const name of ["", "a b", "a=b", "a;b", "a\n", "ä", '"a"', "a,b"]) {
    assert.throws(() => setCookie(name, "1"), TypeError, name);
  }
  assert.throws(() => setCookie("a", "\ud800"), TypeError);
  for (const options of [
    { path: "a" },
    { path: "/a;b" },
    { path: "/a\r\n" },
    { path: `/${"a".repeat(1024)}` },
    { domain: "a b" },
    { domain: ".a" },
    { domain: "a;b" },
    { domain: "" },
    { sameSite: "Lax" as "lax" },
    { priority: "x" as "low" },
    { expires: new Date(NaN) },
    { sameSite: "none", secure: false },
    { partitioned: true, secure: false },
  ] satisfies readonly CookieOptions[]) {
    assert.throws(() => setCookie("a", "1", options), TypeError, JSON.stringify(options));
  }
  for (const maxAgeSeconds of [-1, 1.5, NaN, 34_560_001]) {
    assert.throws(() => setCookie("a", "1", { maxAgeSeconds }), RangeError);
  }
});

test("the prefixes of names are kept to, in whatever case", () => {
  for (const name of ["__Host-a", "__HOST-a", "__Secure-a", "__Http-a", "__Host-Http-a"]) {
    assert.doesNotThrow(() => setCookie(name, "1"), name);
    assert.throws(() => setCookie(name, "1", { secure: false }), TypeError, name);
  }
  for (const name of ["__Host-a", "__host-a", "__Host-Http-a"]) {
    assert.throws(() => setCookie(name, "1", { path: "/a" }), TypeError, name);
    assert.throws(() => setCookie(name, "1", { domain: "example.com" }), TypeError, name);
  }
  for (const name of ["__Http-a", "__Host-Http-a"]) {
    assert.throws(() => setCookie(name, "1", { httpOnly: false }), TypeError, name);
  }
  assert.doesNotThrow(() => setCookie("__Secure-a", "1", { domain: "example.com", path: "/a", httpOnly: false }));
  assert.doesNotThrow(() => setCookie("__Hosta", "1", { secure: false }));
});

test("name and value have 4096 bytes together", () => {
  assert.doesNotThrow(() => setCookie("abcd", "x".repeat(4_092)));
  assert.throws(() => setCookie("abcd", "x".repeat(4_093)), RangeError);
  assert.doesNotThrow(() => setCookie("a", "ä".repeat(682)), "six bytes each");
  assert.throws(() => setCookie("a", "ä".repeat(683)), RangeError);
});

test("a cookie is taken away by one that has ended", () => {
  assert.equal(
    deleteCookie("a", { path: "/b" }),
    "a=; Max-Age=0; Path=/b; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax",
  );
});

coroutineTest("several are set by one reply", async () => {
  const reply = await requestInProcess((request) => {
    request.addReplyFields({ "Set-Cookie": setCookie("c", "3") });
    return empty(204, { "Set-Cookie": [setCookie("a", "1"), setCookie("b", "2")] });
  });
  const set = (reply.fields.get("set-cookie") ?? []).map((value) => value.slice(0, 3));
  assert.deepEqual(set, ["a=1", "b=2", "c=3"]);
});

const KEY = "0123456789abcdefghijklmnopqrstuv";
const OTHER_KEY = Buffer.from("vutsrqponmlkjihgfedcba9876543210");

test("a signed value is good under its name alone, and unchanged", () => {
  const signer = new CookieSigner([KEY]);
  for (const value of ["", "17", "a.b", "ä=€"]) {
    const signed = signer.sign("user", value);
    assert.equal(signer.verify("user", signed), value);
    assert.equal(signer.verify("admin", signed), undefined);
    assert.equal(signer.verify("user", `x${signed}`), undefined);
    assert.equal(signer.verify("user", `${signed}x`), undefined);
    assert.equal(signer.verify("user", signed.slice(0, -1)), undefined);
    assert.equal(signer.verify("user", `${value}!${signed.slice(-43)}`), undefined);
    assert.equal(signer.verify("user", signed.slice(0, -1) + (signed.endsWith("A") ? "E" : "A")), undefined);
  }
  assert.equal(signer.verify("us", signer.sign("us", "er=1")), "er=1");
  for (const none of [undefined, "", ".", "a", "a.", "a".repeat(44), "€".repeat(44), `.${"€".repeat(43)}`]) {
    assert.equal(signer.verify("user", none), undefined);
  }
});

test("keys are changed by putting the new one in front", () => {
  const old = new CookieSigner([KEY]);
  const both = new CookieSigner([OTHER_KEY, KEY]);
  const signed = old.sign("user", "17");
  assert.equal(both.verify("user", signed), "17");
  assert.equal(old.verify("user", both.sign("user", "17")), undefined);
  assert.equal(new CookieSigner([OTHER_KEY]).verify("user", signed), undefined);
});

test("the signature is HMAC-SHA256 of name=value in base64url", () => {
  // openssl: printf 'user=17' | openssl dgst -sha256 -hmac 0123456789abcdefghijklmnopqrstuv -binary | base64
  assert.equal(new CookieSigner([KEY]).sign("user", "17"), "17.SQYWS-mYh7nnIcORyjqNMwu5HM7leTe9e3H2a9aGf_Q");
});

test("weak keys are refused, and are not in the message", () => {
  for (const key of [KEY.slice(1), "a".repeat(64), "abcabc".repeat(20), new Uint8Array(32)]) {
    assert.throws(
      () => new CookieSigner([KEY, key]),
      (error) => error instanceof TypeError && !error.message.includes(String(key)),
    );
  }
  assert.throws(() => new CookieSigner([]), RangeError);
  assert.throws(() => new CookieSigner(Array<string>(17).fill(KEY)), RangeError);
  assert.doesNotThrow(() => new CookieSigner(Array<string>(16).fill(KEY)));
});
