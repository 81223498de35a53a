import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allowsContent,
  LAST_CHUNK,
  reasonPhrases,
  serializeChunkSize,
  serializeFields,
  serializeHead,
  serializeTrailers,
} from "./reply-serializer.ts";
import type { ReplyHead } from "./reply-serializer.ts";

const date = "Sun, 06 Nov 1994 08:49:37 GMT";

function head(changes: Partial<ReplyHead>): string {
  return serializeHead({ status: 200, fields: [], framing: "none", minor: 1, keepAlive: true, date, ...changes });
}

test("writes status line, fields, framing and date in this order", () => {
  const fields = [["Content-Type", "application/json"]] as const;
  const wanted = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nDate: ${date}\r\n\r\n`;
  assert.equal(head({ fields, framing: 2 }), wanted);
});

test("writes fields of one name as several lines, in order", () => {
  const fields = [
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
  ] as const;
  assert.match(head({ fields }), /\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
});

test("keeps the space behind a status that has no reason phrase", () => {
  assert.ok(head({ status: 299 }).startsWith("HTTP/1.1 299 \r\n"));
});

test("knows a reason phrase for every status of RFC 9110", () => {
  const gaps = [306, 418];
  for (const [from, to] of [
    [200, 206],
    [300, 308],
    [400, 417],
    [500, 505],
  ] as const) {
    for (let status = from; status <= to; status++) {
      if (!gaps.includes(status)) assert.ok(reasonPhrases[status], String(status));
    }
  }
});

test("says how the connection goes on, for each version", () => {
  assert.doesNotMatch(head({}), /Connection/);
  assert.match(head({ keepAlive: false }), /\r\nConnection: close\r\n/);
  assert.match(head({ minor: 0 }), /\r\nConnection: keep-alive\r\n/);
  assert.match(head({ minor: 0, keepAlive: false }), /\r\nConnection: close\r\n/);
  assert.match(head({ framing: "close" }), /\r\nConnection: close\r\n/);
});

test("frames content by length, by chunks or by the end of the connection, never by two of them", () => {
  assert.match(head({ framing: 0 }), /\r\nContent-Length: 0\r\n/);
  assert.match(head({ framing: "chunked" }), /\r\nTransfer-Encoding: chunked\r\n/);
  assert.doesNotMatch(head({ framing: "chunked" }), /Content-Length/);
  assert.doesNotMatch(head({ framing: "close" }), /Content-Length|Transfer-Encoding/);
});

test("writes the length that GET would have for 304, and none for 204", () => {
  assert.match(head({ status: 304, framing: 17 }), /\r\nContent-Length: 17\r\n/);
  assert.doesNotMatch(head({ status: 204, framing: 0 }), /Content-Length/);
  assert.throws(() => head({ status: 204, framing: 1 }), { code: "ERR_HTTP_INVALID_FRAMING" });
  assert.throws(() => head({ status: 204, framing: "chunked" }), { code: "ERR_HTTP_INVALID_FRAMING" });
});

test("refuses chunks for HTTP/1.0 and lengths that are no whole number", () => {
  for (const changes of [
    { framing: "chunked", minor: 0 },
    { framing: -1 },
    { framing: 1.5 },
    { framing: NaN },
  ] as const) {
    assert.throws(() => head(changes), { name: "RangeError", code: "ERR_HTTP_INVALID_FRAMING" });
  }
});

test("refuses a status that is not a final one", () => {
  for (const status of [100, 101, 199, 600, 200.5, NaN]) {
    assert.throws(() => head({ status }), { name: "RangeError", code: "ERR_HTTP_INVALID_STATUS" });
  }
});

test("refuses values that could end the line, or do not fit into one byte per character", () => {
  for (const value of ["a\r\nSet-Cookie: x", "a\nb", "a\rb", "a\0b", "a\x7f", "\u010aSet-Cookie: x", "日本"]) {
    assert.throws(() => head({ fields: [["X-A", value]] }), { name: "TypeError", code: "ERR_HTTP_INVALID_FIELD" });
  }
  assert.match(head({ fields: [["X-A", "\tcaf\xe9 "]] }), /X-A: \tcaf\xe9 \r\n/);
});

test("refuses names and values that are no text", () => {
  for (const field of [
    [undefined, "x"],
    ["X-A", undefined],
    ["X-A", 1],
    ["X-A", null],
  ] as const) {
    assert.throws(() => head({ fields: [field as never] }), { name: "TypeError", code: "ERR_HTTP_INVALID_FIELD" });
  }
});

test("refuses names that are no token, each time", () => {
  for (const name of ["", "a b", "a:", "a\r\nb", "é", "a b"]) {
    assert.throws(() => head({ fields: [[name, "x"]] }), { name: "TypeError", code: "ERR_HTTP_INVALID_FIELD" });
  }
});

test("refuses fields that are the server's to write, in any case of letters", () => {
  for (const name of ["Content-Length", "TRANSFER-ENCODING", "connection", "Date", "Keep-Alive", "Upgrade"]) {
    assert.throws(() => head({ fields: [[name, "0"]] }), { name: "TypeError", code: "ERR_HTTP_INVALID_FIELD" });
  }
});

test("checks names beyond those that it remembers", () => {
  for (let index = 0; index < 300; index++) head({ fields: [[`X-${index}`, "x"]] });
  assert.throws(() => head({ fields: [["X 299", "x"]] }), { code: "ERR_HTTP_INVALID_FIELD" });
  assert.match(head({ fields: [["X-299", "x"]] }), /X-299: x/);
});

test("writes chunk sizes in hex and refuses the one that would end the content", () => {
  assert.equal(serializeChunkSize(1), "1\r\n");
  assert.equal(serializeChunkSize(65_535), "ffff\r\n");
  for (const size of [0, -1, 1.5]) assert.throws(() => serializeChunkSize(size), { code: "ERR_HTTP_INVALID_FRAMING" });
});

test("writes trailers behind the last chunk, checked like fields", () => {
  assert.equal(serializeTrailers([]), LAST_CHUNK);
  assert.equal(serializeTrailers([["Server-Timing", "db;dur=1"]]), "0\r\nServer-Timing: db;dur=1\r\n\r\n");
  for (const name of ["Content-Length", "Content-Type", "Set-Cookie", "a b"]) {
    assert.throws(() => serializeTrailers([[name, "x"]]), { name: "TypeError", code: "ERR_HTTP_INVALID_FIELD" });
  }
});

test("says after which replies no content may follow", () => {
  assert.equal(allowsContent("GET", 200), true);
  assert.equal(allowsContent("HEAD", 200), false);
  assert.equal(allowsContent("GET", 204), false);
  assert.equal(allowsContent("GET", 304), false);
});

test("takes field lines that were checked before as they are", () => {
  const fields = serializeFields([
    ["Vary", "Accept"],
    ["X-A", ""],
  ]);
  assert.equal(fields, "Vary: Accept\r\nX-A: \r\n");
  assert.equal(
    head({ fields }),
    head({
      fields: [
        ["Vary", "Accept"],
        ["X-A", ""],
      ],
    }),
  );
  assert.throws(() => serializeFields([["Vary", "a\r\nb"]]), { code: "ERR_HTTP_INVALID_FIELD" });
  assert.throws(() => serializeFields([["Date", "x"]]), { code: "ERR_HTTP_INVALID_FIELD" });
});
