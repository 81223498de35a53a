import assert from "node:assert/strict";
import { test } from "node:test";
import { decodePath, normalizeSegments, parseQuery, splitTarget } from "./target.ts";

const badPath = { name: "HttpError", code: "ERR_HTTP_PATH", status: 400 };
const badQuery = { name: "HttpError", code: "ERR_HTTP_QUERY", status: 400 };

test("splits a target of each form at its first question mark", () => {
  assert.deepEqual(splitTarget("/a/b"), { path: "/a/b", query: "" });
  assert.deepEqual(splitTarget("/a?b=1?c"), { path: "/a", query: "b=1?c" });
  assert.deepEqual(splitTarget("/?"), { path: "/", query: "" });
  assert.deepEqual(splitTarget("//evil.example/a"), { path: "//evil.example/a", query: "" });
  assert.deepEqual(splitTarget("HTTP://host:80/a?b"), { path: "/a", query: "b" });
  assert.deepEqual(splitTarget("http://host"), { path: "/", query: "" });
  assert.deepEqual(splitTarget("http://host?q=/x"), { path: "/", query: "q=/x" });
  assert.deepEqual(splitTarget("*"), { path: "*", query: "" });
  assert.deepEqual(splitTarget("/a?u=http://x/y"), { path: "/a", query: "u=http://x/y" });
});

test("decodes a path once, as UTF-8", () => {
  assert.equal(decodePath("/plain+path"), "/plain+path");
  assert.equal(decodePath("/caf%C3%A9/%e6%97%a5"), "/café/日");
  assert.equal(decodePath("/%252e"), "/%2e");
  assert.equal(decodePath("%F0%9F%98%80"), "😀");
});

test("refuses malformed percent-encoding, bytes that are not UTF-8, and NUL in a path", () => {
  const malformed = ["%", "/%4", "/%zz", "/%u0041", "/% 41"];
  const notUtf8 = ["/%FF", "/%C3", "/%C0%AE", "/%ED%A0%80", "/%F5%80%80%80"];
  for (const path of [...malformed, ...notUtf8, "/a%00.png"]) assert.throws(() => decodePath(path), badPath, path);
});

test("resolves dots within the root, however they are written", () => {
  assert.deepEqual(normalizeSegments("/"), []);
  assert.deepEqual(normalizeSegments("/a//b/./c/"), ["a", "b", "c"]);
  assert.deepEqual(normalizeSegments("/a/b/../c"), ["a", "c"]);
  assert.deepEqual(normalizeSegments("/a/%2E%2e/b/.%2e"), []);
  assert.deepEqual(normalizeSegments("/..."), ["..."]);
  assert.deepEqual(normalizeSegments("/a%20b"), ["a b"]);
});

test("finds no way out of the root", () => {
  for (const path of [
    "/..",
    "/../etc/passwd",
    "/a/../../b",
    "/%2e%2e/etc",
    "/.%2E/etc",
    "/a%2f..%2f..%2fetc",
    "/a%2F..",
    "/a%5c..",
    "/..\\etc",
    "/a/%2e%2e/%2e%2e/x",
    "/a%00",
    "/%c0%ae%c0%ae/x",
  ]) {
    assert.throws(() => normalizeSegments(path), badPath, path);
  }
  assert.deepEqual(normalizeSegments("/%252e%252e/x"), ["%2e%2e", "x"]);
});

test("reads a query as a form", () => {
  const query = parseQuery("tag=a+b&limit=20&tag=%C3%A9&flag&&=x&e=a=b");
  assert.equal(query.get("tag"), "a b");
  assert.deepEqual(query.getAll("tag"), ["a b", "é"]);
  assert.equal(query.get("flag"), "");
  assert.equal(query.has("flag"), true);
  assert.equal(query.get("e"), "a=b");
  assert.equal(query.get(""), "x");
  assert.equal(query.get("absent"), undefined);
  assert.equal(query.has("absent"), false);
  assert.deepEqual(query.getAll("absent"), []);
  assert.equal(query.size, 6);
  assert.deepEqual([...query][1], ["limit", "20"]);
  assert.equal(parseQuery("").size, 0);
  assert.equal(parseQuery("a").has("b"), false);
});

test("treats a plus sign as a space and an encoded one as itself", () => {
  assert.equal(parseQuery("a=1%2B1+2").get("a"), "1+1 2");
});

test("refuses malformed percent-encoding and bytes that are not UTF-8 in a query", () => {
  for (const text of ["a=%", "%zz=1", "a=%C3", "a=%+1"]) assert.throws(() => parseQuery(text), badQuery, text);
});

test("accepts exactly as many pairs as the limit", () => {
  const pairs = (count: number): string => Array.from({ length: count }, (_, index) => `a${index}=1`).join("&");
  assert.equal(parseQuery(pairs(100)).size, 100);
  assert.throws(() => parseQuery(pairs(101)), badQuery);
  assert.equal(parseQuery(pairs(101), { maxPairs: 101 }).size, 101);
  assert.throws(() => parseQuery("a&b", { maxPairs: 1 }), badQuery);
});
