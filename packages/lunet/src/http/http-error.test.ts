import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpError, httpErrors, quote } from "./http-error.ts";

test("takes its status from the table and keeps its cause", () => {
  const cause = new Error("why");
  const error = new HttpError("ERR_HTTP_CONTENT_TOO_LARGE", "Cannot read content", { cause });
  assert.deepEqual([error.name, error.code, error.status, error.cause], ["HttpError", error.code, 413, cause]);
  assert.equal(String(error), "HttpError: Cannot read content");
});

test("lists every code with an error status and a meaning of its own", () => {
  const meanings = new Set<string>();
  for (const [code, { status, meaning }] of Object.entries(httpErrors)) {
    assert.match(code, /^ERR_HTTP_[A-Z_]+$/);
    assert.ok(status >= 400 && status <= 599, code);
    assert.match(meaning, /[^.]$/, code);
    meanings.add(meaning);
  }
  assert.equal(meanings.size, Object.keys(httpErrors).length);
});

test("quotes what a peer sent, escaped and cut", () => {
  assert.equal(quote('a"\r\n\0'), String.raw`"a\"\r\n\u0000"`);
  assert.equal(quote("a".repeat(65)), `"${"a".repeat(64)}…"`);
  assert.equal(quote("a".repeat(64)), `"${"a".repeat(64)}"`);
});
