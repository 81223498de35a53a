/**
 * The parser as its caller sees it: events, states, memory. What it accepts and refuses is in `test/conformance/http`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpError } from "./http-error.ts";
import type { ParserEvent } from "./request-parser.ts";
import { MessageEnd, NEED_DATA, RequestHead, RequestParser } from "./request-parser.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const POST_HEAD = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n";
const CHUNKED_HEAD = "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function parserWith(text: string): RequestParser {
  const parser = new RequestParser();
  parser.push(bytes(text));
  return parser;
}

function readHead(parser: RequestParser): RequestHead {
  const event = parser.next();
  assert.ok(event instanceof RequestHead);
  return event;
}

function drain(parser: RequestParser): ParserEvent[] {
  const events: ParserEvent[] = [];
  for (let event = parser.next(); event !== NEED_DATA; event = parser.next()) events.push(event);
  return events;
}

test("returns NEED_DATA before the first byte, and again whenever it is asked", () => {
  const parser = new RequestParser();
  assert.equal(parser.next(), NEED_DATA);
  assert.equal(parser.next(), NEED_DATA);
  parser.push(new Uint8Array(0));
  assert.equal(parser.next(), NEED_DATA);
  assert.equal(parser.state, "idle");
});

test("ends a message without content with its head", () => {
  const parser = parserWith(GET + GET);
  assert.deepEqual(
    drain(parser).map((event) => event instanceof RequestHead && event.target),
    ["/a", "/a"],
  );
});

test("ends a message with content with a MessageEnd", () => {
  const events = drain(parserWith(`${POST_HEAD}abcdef${GET}`));
  assert.equal(events.length, 4);
  assert.ok(events[0] instanceof RequestHead);
  assert.deepEqual(events[1], bytes("abcdef"));
  assert.ok(events[2] instanceof MessageEnd);
  assert.deepEqual(events[2].trailers, []);
  assert.ok(events[3] instanceof RequestHead);
});

test("tells in which state the connection is, and how many bytes wait", () => {
  const parser = new RequestParser();
  const steps: Array<readonly [push: string, state: string, buffered: number]> = [
    ["", "idle", 0],
    ["\r\n", "idle", 0],
    ["P", "head", 1],
    ["OST /p HTTP/1.1\r\nHo", "head", 2],
    ["st: a\r\nContent-Length: 2\r\n\r", "head", 1],
    ["\n", "content", 0],
    ["h", "content", 0],
    ["iG", "head", 1],
  ];
  for (const [push, state, buffered] of steps) {
    parser.push(bytes(push));
    drain(parser);
    assert.deepEqual([parser.state, parser.bufferedBytes], [state, buffered], JSON.stringify(push));
  }
});

test("is in a head, not idle, while complete lines of it are here", () => {
  const parser = parserWith("GET / HTTP/1.1\r\n");
  assert.equal(parser.next(), NEED_DATA);
  assert.equal(parser.bufferedBytes, 0);
  assert.equal(parser.state, "head");
});

test("stays in the content until the MessageEnd is taken", () => {
  const parser = parserWith(`${POST_HEAD}abcdef`);
  parser.next();
  parser.next();
  assert.equal(parser.state, "content");
  assert.ok(parser.next() instanceof MessageEnd);
  assert.equal(parser.state, "idle");
});

test("throws the same error for ever after a fault, and drops what is pushed then", () => {
  const parser = parserWith("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
  let first: unknown;
  assert.throws(
    () => parser.next(),
    (error) => {
      first = error;
      return error instanceof HttpError && error.status === 400 && error.code === "ERR_HTTP_FIELD_NAME";
    },
  );
  assert.equal(parser.state, "failed");
  parser.push(bytes(GET));
  assert.equal(parser.bufferedBytes, 0);
  assert.throws(
    () => parser.next(),
    (error) => error === first,
  );
});

test("hands content out without a copy", () => {
  const parser = parserWith(POST_HEAD);
  readHead(parser);
  const pushed = bytes("abcdef");
  parser.push(pushed);
  const content = parser.next();
  assert.ok(content instanceof Uint8Array);
  assert.equal(content.buffer, pushed.buffer);
  assert.equal(content.byteOffset, pushed.byteOffset);
});

test("never writes to content that it has handed out", () => {
  const parser = new RequestParser();
  const pieces: Uint8Array[] = [];
  const stream = bytes(CHUNKED_HEAD + "3\r\nabc\r\n".repeat(2_000) + "0\r\n\r\n");
  for (let at = 0; at < stream.length; at += 7) {
    parser.push(Buffer.from(stream.subarray(at, at + 7)));
    if (at % 21 === 0) pieces.push(...drain(parser).filter((event) => event instanceof Uint8Array));
  }
  pieces.push(...drain(parser).filter((event) => event instanceof Uint8Array));
  assert.equal(Buffer.concat(pieces).toString(), "abc".repeat(2_000));
  assert.equal(parser.state, "idle");
});

test("takes bytes that are no Buffer, and views into larger memory", () => {
  const memory = new Uint8Array(bytes(`xx${POST_HEAD}abcdefyy`));
  const parser = new RequestParser();
  parser.push(memory.subarray(2, memory.length - 2));
  assert.equal(readHead(parser).contentLength, 6);
  assert.deepEqual(Buffer.from(parser.next() as Uint8Array), bytes("abcdef"));
  assert.ok(parser.next() instanceof MessageEnd);
  assert.equal(parser.next(), NEED_DATA);
});

test("keeps a head readable after the bytes it came in are gone", () => {
  const parser = new RequestParser();
  const pushed = bytes(GET);
  parser.push(pushed);
  const head = readHead(parser);
  pushed.fill(0);
  parser.push(bytes("GET /b HTTP/1.1\r\nHost: b\r\n\r\n"));
  readHead(parser);
  assert.equal(head.field("host"), "a");
  assert.equal(head.target, "/a");
});

test("joins the lines of a field and tells an absent one from an empty one", () => {
  const head = readHead(
    parserWith("GET / HTTP/1.1\r\nHost: a\r\nAccept:text/html\r\nX-Empty:\r\nACCEPT:\t*/* \r\nAcceptance: no\r\n\r\n"),
  );
  assert.equal(head.field("accept"), "text/html, */*");
  assert.equal(head.field("x-empty"), "");
  assert.equal(head.field("x-absent"), undefined);
  assert.equal(head.field("accep"), undefined);
  assert.equal(head.field("html"), undefined);
});

test("finds fields whose names have no letters, and takes no other character for them", () => {
  const head = readHead(parserWith("GET / HTTP/1.1\r\nHost: a\r\n^: caret\r\n~: tilde\r\nAZ_B: low\r\n\r\n"));
  assert.equal(head.field("^"), "caret");
  assert.equal(head.field("~"), "tilde");
  assert.equal(head.field("az_b"), "low");
  assert.equal(head.field("|"), undefined);
});

test("gives every field line in order to a caller who may change the list", () => {
  const head = readHead(parserWith("GET / HTTP/1.1\r\nHost: a\r\nB: 1\r\nA: 2\r\nB: 3\r\n\r\n"));
  const wanted = [
    ["host", "a"],
    ["b", "1"],
    ["a", "2"],
    ["b", "3"],
  ];
  const lines = head.fieldLines();
  assert.deepEqual(lines, wanted);
  lines.length = 0;
  assert.deepEqual(head.fieldLines(), wanted);
});

test("reads many pipelined requests out of one push that is larger than a head may be", () => {
  const count = 2_000;
  const requests = Array.from({ length: count }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const targets = drain(parserWith(requests.join(""))).map((event) => (event as RequestHead).target);
  assert.deepEqual(
    targets,
    Array.from({ length: count }, (_, index) => `/${index}`),
  );
});

test("finds the next head behind content that is larger than a head may be", () => {
  const content = "GET /fake HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000);
  const head = `POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n`;
  const events = drain(parserWith(`${GET}${head}${content}${GET}`));
  assert.deepEqual(
    events.filter((event) => event instanceof RequestHead).map((event) => event.target),
    ["/a", "/p", "/a"],
  );
});

test("never takes content for a head, wherever in it one begins", () => {
  const inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const target of ["/", "http://a/"]) {
    for (let padding = 0; padding < 80; padding++) {
      const content = "x".repeat(padding) + inner.repeat(4);
      const start = `POST ${target} HTTP/1.1\r\nHost: a\r\n`;
      const fixed = `${start}Content-Length: ${content.length}\r\n\r\n${content}`;
      const chunk = `${content.length.toString(16)}\r\n${content}\r\n`;
      const chunked = `${start}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`;
      const events = drain(parserWith(`\r\n${GET}${chunked}${GET}${fixed}\r\n${fixed}${chunked}${GET}`));
      const targets = events.filter((event) => event instanceof RequestHead).map((head) => head.target);
      assert.deepEqual(targets, ["/a", target, "/a", target, target, target, "/a"]);
    }
  }
});
