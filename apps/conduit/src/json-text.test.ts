import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textJson } from "./json-text.ts";

test("text becomes what JSON.stringify makes of it", () => {
  for (let code = 0; code <= 0xffff; code++) {
    const text = `a${String.fromCharCode(code)}b`;
    assert.equal(textJson(text), JSON.stringify(text));
  }
  const units = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(fc.oneof(units, fc.string({ unit: "binary" })), (text) => textJson(text) === JSON.stringify(text)),
  );
});

test("no text is null", () => {
  assert.equal(textJson(null), "null");
});
