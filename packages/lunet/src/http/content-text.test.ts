import assert from "node:assert/strict";
import { test } from "node:test";
import { coroutineTest, exchange } from "../testing/mod.ts";
import { decodeText, parseJson } from "./content-text.ts";
import type { Handler } from "./handler.ts";
import { json } from "./reply.ts";

test("content is UTF-8, with or without a byte order mark, and nothing else", () => {
  for (const text of ["", "plain", "café", "日本\u{1f600}"]) {
    assert.equal(decodeText(Buffer.from(text)), text);
    assert.equal(decodeText(Buffer.from(`\u{feff}${text}`)), text);
  }
  for (const hex of ["ff", "c3", "c0af", "eda080", "61e282"]) {
    assert.throws(() => decodeText(Buffer.from(hex, "hex")), { code: "ERR_HTTP_CONTENT_ENCODING" });
  }
  for (const text of ["", "{", "undefined", "{'a':1}"]) {
    assert.throws(() => parseJson(text), { code: "ERR_HTTP_CONTENT_JSON" });
  }
});

coroutineTest("JSON that has come with its head is had without a wait, once", async () => {
  const handler: Handler = (request) => {
    const value = request.tryJson();
    if (value !== undefined) assert.throws(() => request.tryJson(), TypeError);
    return json({ value });
  };
  const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
  const content = '{"a":"é"}';
  assert.match(await exchange(handler, Buffer.from(head + content)), /\{"value":\{"a":"Ã©"\}\}$/);
  assert.match(await exchange(handler, [head, Buffer.from(content)]), /\{\}$/);
});
