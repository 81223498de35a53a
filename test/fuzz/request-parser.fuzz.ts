/**
 * Mutated requests for the parser. Whatever the bytes:
 *
 * - nothing but `HttpError` is thrown, and there are never more events than bytes allow;
 * - bytes cut at random give the same messages, ends and refusal as whole ones;
 * - a message that is accepted, cut out and followed by another, is read the same and ends at the same byte;
 * - what was understood of it, written out anew, is understood the same;
 * - a second reader, which knows nothing but line ends, names and colons, reads and frames it the same way, and has no
 *   other line ends, framing fields or hosts to choose from.
 *
 * `node --test test/fuzz/request-parser.test.ts` runs it alone; `FUZZ_SEED` repeats a run, `FUZZ_COUNT` sets its length.
 */

import assert from "node:assert/strict";
import type { Observed, ObservedMessage } from "../conformance/http/observe.ts";
import { describe, observe } from "../conformance/http/observe.ts";
import type { MessageLimits } from "../../packages/lunet/src/http/limits.ts";
import { mutate, NEXT } from "./mutated-requests.ts";
import { Random } from "./random.ts";

const MAX_CUTS = 4;

const SMALL_LIMITS: Partial<MessageLimits> = {
  maxHeaderBytes: 120,
  maxFields: 4,
  maxTargetBytes: 24,
  maxContentBytes: 12,
  maxTrailerBytes: 40,
  maxChunkExtensionBytes: 8,
};

export interface FuzzReport {
  readonly requests: number;
  readonly messages: number;
  readonly refusals: ReadonlyMap<string, number>;
}

/** Runs `count` mutated requests. Throws at the first that breaks a rule, with the input and what repeats it. */
export function fuzzRequestParser(seed: number, count: number): FuzzReport {
  const random = new Random(seed);
  const refusals = new Map<string, number>();
  let messages = 0;
  const stackTraceLimit = Error.stackTraceLimit;
  // A refusal costs ten times as much with a stack, and half of the requests are refused.
  Error.stackTraceLimit = 0;
  try {
    for (let request = 0; request < count; request++) {
      const text = mutate(random);
      try {
        const observed = check(text, random);
        messages += observed.messages.length;
        const code = observed.refusal?.code ?? "";
        refusals.set(code, (refusals.get(code) ?? 0) + 1);
      } catch (cause) {
        const repeat = `FUZZ_SEED=${seed} FUZZ_COUNT=${request + 1}`;
        throw new Error(`Cannot accept what the parser made of ${JSON.stringify(text)} (${repeat})`, { cause });
      }
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return { requests: count, messages, refusals };
}

function check(text: string, random: Random): Observed {
  const limits = random.below(4) === 0 ? SMALL_LIMITS : undefined;
  const bytes = Buffer.from(text, "latin1");
  const whole = observe(bytes, [], limits);
  const cuts = Array.from({ length: 1 + random.below(MAX_CUTS) }, () => random.below(bytes.length + 1));
  const pieces = observe(
    bytes,
    cuts.sort((a, b) => a - b),
    limits,
  );
  if (plain(pieces) !== plain(whole)) assert.deepEqual(describe(pieces), describe(whole), `cut at ${cuts.join()}`);

  let start = 0;
  for (const message of whole.messages) {
    if (message.end === -1) break;
    checkMessage(message, text.slice(start, message.end));
    start = message.end;
  }
  return whole;
}

function checkMessage(message: ObservedMessage, text: string): void {
  const wanted = understood(message);
  const cutOut = observe(Buffer.from(text + NEXT, "latin1"), []);
  assert.equal(cutOut.messages.length, 2, "cut out, another follows");
  assert.equal(cutOut.messages[0]?.end, text.length, "cut out, it ends at the same byte");
  assert.equal(understood(cutOut.messages[0]), wanted, "cut out");

  const written = serialize(message);
  const again = observe(Buffer.from(written + NEXT, "latin1"), []);
  assert.equal(again.messages.length, 2, `written anew, another follows: ${again.refusal?.message}`);
  assert.equal(again.messages[0]?.end, written.length, "written anew, it ends where it was written to end");
  assert.equal(understood(again.messages[0]), wanted, "written anew");

  const reference = readNaively(text);
  assert.equal(reference.end, text.length, "the second reader ends at the same byte");
  assert.equal(reference.content, message.content, "the second reader reads the same content");
  assert.equal(reference.requestLine, `${message.head.method} ${message.head.target} HTTP/1.${message.head.minor}`);
  assert.deepEqual(reference.fields, message.head.fieldLines(), "the second reader reads the same fields");
}

function plain(observed: Observed): string {
  return JSON.stringify(describe(observed));
}

function understood({ head, content, trailers }: ObservedMessage): string {
  const { method, target, minor, host, contentLength, chunked, keepAlive, expectContinue, expectsUnknown } = head;
  const own = [method, target, minor, host, contentLength, chunked, keepAlive, expectContinue, expectsUnknown];
  return JSON.stringify([own, head.fieldLines(), content, trailers]);
}

function serialize({ head, content, trailers }: ObservedMessage): string {
  const start = `${head.method} ${head.target} HTTP/1.${head.minor}\r\n${lines(head.fieldLines())}\r\n`;
  if (!head.chunked) return start + content;
  const chunk = content === "" ? "" : `${content.length.toString(16)}\r\n${content}\r\n`;
  return `${start}${chunk}0\r\n${lines(trailers ?? [])}\r\n`;
}

function lines(fields: ReadonlyArray<readonly [name: string, value: string]>): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
}

interface NaiveMessage {
  requestLine: string;
  fields: Array<[name: string, value: string]>;
  content: string;
  end: number;
}

/** Reads one message the plain way, and refuses every choice that another reader could make differently. */
function readNaively(text: string): NaiveMessage {
  const start = text.startsWith("\r\n") ? 2 : 0;
  const headEnd = text.indexOf("\r\n\r\n", start) + 4;
  assert.notEqual(headEnd, 3, "an empty line ends the head");
  const head = text.slice(start, headEnd);
  assert.deepEqual(head.split("\r\n"), head.split(/[\r\n]{1,2}/), "lines end in one way only");
  const [requestLine = "", ...fieldLines] = head.slice(0, -4).split("\r\n");
  assert.match(requestLine, /^[^\s:]+ [!-~]+ HTTP\/1\.[01]$/);
  const fields = fieldLines.map((line): [string, string] => {
    const [, name = "", value = ""] =
      /^([^\s:]+):[ \t]*(.*?)[ \t]*$/s.exec(line) ?? assert.fail("no name before a colon");
    return [name.toLowerCase(), value];
  });

  const valuesOf = (wanted: string): string[] => fields.filter(([name]) => name === wanted).map(([, value]) => value);
  const hosts = valuesOf("host");
  const lengths = valuesOf("content-length");
  const codings = valuesOf("transfer-encoding");
  assert.ok(hosts.length === 1 || (hosts.length === 0 && requestLine.endsWith("0")), "one host");
  assert.ok(lengths.length + codings.length <= 1, "one framing field");
  if (codings.length === 1) {
    assert.equal(codings[0]?.toLowerCase(), "chunked");
    assert.ok(requestLine.endsWith("1"), "chunks in HTTP/1.1 only");
    return { requestLine, fields, ...readChunksNaively(text, headEnd) };
  }
  if (lengths.length === 1) assert.match(lengths[0] ?? "", /^\d+$/);
  const end = headEnd + Number(lengths[0] ?? "0");
  return { requestLine, fields, content: text.slice(headEnd, end), end };
}

function readChunksNaively(text: string, from: number): { end: number; content: string } {
  let content = "";
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    const line = text.slice(at, lineEnd);
    assert.match(line, /^[0-9a-f]+(?:;[^\r\n]*)?$/i, "a chunk size, and nothing else before a semicolon");
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) break;
    content += text.slice(at, at + size);
    assert.equal(text.slice(at + size, at + size + 2), "\r\n", "a line end behind chunk data");
    at += size + 2;
  }
  const end = text.startsWith("\r\n", at) ? at + 2 : text.indexOf("\r\n\r\n", at) + 4;
  for (const line of text.slice(at, end).split("\r\n")) {
    assert.doesNotMatch(line, /^(?:content-length|transfer-encoding|host):|[\r\n]/i, "no framing in trailers");
  }
  return { end, content };
}
