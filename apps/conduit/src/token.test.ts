import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { Tokens } from "./token.ts";

const KEY = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz and more than that");
const LIFETIME_S = 7 * 24 * 60 * 60;
const tokens = new Tokens(KEY, LIFETIME_S);
const nowS = Math.floor(Date.now() / 1000);
const HS256 = { alg: "HS256", typ: "JWT" };
const good = { sub: "7", iat: nowS, exp: nowS + 60 };

const part = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

function forge(header: unknown, payload: unknown, key: Buffer = KEY, hash = "sha256"): string {
  const signed = `${part(header)}.${part(payload)}`;
  return `${signed}.${createHmac(hash, key).update(signed).digest("base64url")}`;
}

test("a token that was issued stands for its user", () => {
  assert.equal(tokens.verify(tokens.issue(42)), 42);
});

test("a token expires after its lifetime", () => {
  const claims = JSON.parse(Buffer.from(tokens.issue(1).split(".")[1]!, "base64url").toString());
  assert.equal(claims.exp - claims.iat, LIFETIME_S);
  assert.equal(tokens.verify(forge(HS256, { ...good, exp: nowS - 1 })), undefined);
  assert.equal(tokens.verify(forge(HS256, { ...good, exp: nowS + 60.5 })), 7);
});

test("the whole key signs", () => {
  assert.equal(tokens.verify(forge(HS256, good)), 7);
  assert.equal(tokens.verify(forge(HS256, good, KEY.subarray(0, 32))), undefined);
  assert.equal(tokens.verify(forge(HS256, good, Buffer.from("secret"))), undefined);
});

test("the algorithm is not the token's to choose", () => {
  assert.equal(tokens.verify(forge({ alg: "HS512" }, good, KEY, "sha512")), undefined);
  assert.equal(tokens.verify(forge({ alg: "HS512" }, good)), undefined);
  assert.equal(tokens.verify(`${part({ alg: "none" })}.${part(good)}.`), undefined);
  assert.equal(tokens.verify(forge({ alg: "none" }, good)), undefined);
  assert.equal(tokens.verify(forge({ typ: "JWT" }, good)), undefined);
  assert.equal(tokens.verify(forge({ alg: ["HS256"] }, good)), undefined);
});

test("typ is ignored and crit is refused", () => {
  assert.equal(tokens.verify(forge({ alg: "HS256", typ: 5, kid: "x" }, good)), 7);
  assert.equal(tokens.verify(forge({ alg: "HS256", crit: ["exp"] }, good)), undefined);
});

test("odd but signed claims have no user", () => {
  const odd: unknown[] = [
    { ...good, exp: undefined },
    { ...good, exp: null },
    { ...good, exp: String(good.exp) },
    { ...good, nbf: nowS + 60 },
    { ...good, nbf: "0" },
    { ...good, iat: "now" },
    { ...good, sub: undefined },
    { ...good, sub: 7 },
    { ...good, sub: "" },
    { ...good, sub: "07" },
    { ...good, sub: "7.0" },
    { ...good, sub: "-7" },
    { ...good, sub: "9999999999999999" },
    { ...good, sub: { toString: "7" } },
    { ...good, sub: ["7"] },
    [good],
    null,
    7,
    "7",
    "{",
    "",
  ];
  for (const claims of odd) assert.equal(tokens.verify(forge(HS256, claims)), undefined, JSON.stringify(claims));
  assert.equal(tokens.verify(forge(HS256, '{"sub":"7","exp":1e999}')), undefined);
});

test("a token has one spelling", () => {
  const token = tokens.issue(7);
  const [header, payload, signature] = token.split(".") as [string, string, string];
  const last = signature.at(-1)!;
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const sameBytes = signature.slice(0, -1) + alphabet[alphabet.indexOf(last) ^ 1]!;
  for (const other of [
    `${token}=`,
    `${token}.`,
    `${token}.x`,
    ` ${token}`,
    `${header}.${payload}`,
    `${header}.${payload}.`,
    `${header}.${payload}.${sameBytes}`,
    `${header}.${payload}.${signature.slice(0, -1)}`,
    `${header}.${payload}.${signature}A`,
    `${header}.${payload}.${signature.replaceAll("-", "+").replaceAll("_", "/")} `,
    `${header}=.${payload}.${signature}`,
    "",
    ".",
    "..",
    "x".repeat(100_000),
  ]) {
    assert.equal(tokens.verify(other), undefined, other.slice(0, 200));
  }
  assert.equal(tokens.verify(forge(HS256, { ...good, more: "x".repeat(2_000) })), undefined);
});

test("payloads are canonical base64url of UTF-8", () => {
  const signature = (signed: string) => createHmac("sha256", KEY).update(signed).digest("base64url");
  const padded = `${part(HS256)}.${part('{"sub":"7","exp":9999999999} ')}=`;
  assert.equal(tokens.verify(`${padded}.${signature(padded)}`), undefined);
  const invalid = Buffer.concat([Buffer.from('{"sub":"7","exp":9999999999,"x":"'), Buffer.of(0xff), Buffer.from('"}')]);
  const bytes = `${part(HS256)}.${invalid.toString("base64url")}`;
  assert.equal(tokens.verify(`${bytes}.${signature(bytes)}`), undefined);
});
