/**
 * Every case of the corpus: whole, byte by byte, and cut at random. Repeat a failure with the printed `FUZZ_SEED`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseSeed, Random } from "../../fuzz/random.ts";
import type { Case, ExpectedMessage } from "./corpus.ts";
import { cases } from "./corpus.ts";
import type { Observed, ObservedMessage } from "./observe.ts";
import { describe, observe } from "./observe.ts";

const CUTS_PER_CASE = 50;

const seed = chooseSeed();
const random = new Random(seed);

test("names every case once", () => {
  const names = cases.map((item) => item.name);
  assert.equal(new Set(names).size, names.length);
});

for (const item of cases) {
  const verb = item.refusal === undefined ? "reads" : `answers ${item.refusal[0]} to`;
  test(`${verb} ${item.name} (${item.rule})`, (context) => {
    context.diagnostic(`FUZZ_SEED=${seed}`);
    const bytes = Buffer.from(item.bytes, "latin1");
    const whole = observe(bytes, [], item.limits);
    checkCase(item, whole);

    const byteByByte = observe(bytes, everyByte(bytes.length), item.limits);
    assert.deepEqual(describe(byteByByte), describe(whole), "byte by byte");
    for (let round = 0; round < CUTS_PER_CASE; round++) {
      const cuts = randomCuts(bytes.length);
      const cut = observe(bytes, cuts, item.limits);
      assert.deepEqual(describe(cut), describe(whole), `cut at ${cuts.join()}`);
      assert.equal(cut.refusedAt, endOfPiece(byteByByte.refusedAt, cuts, bytes.length), `cut at ${cuts.join()}`);
    }
  });
}

function checkCase(item: Case, observed: Observed): void {
  const { refusal } = observed;
  assert.deepEqual(refusal && [refusal.status, refusal.code], item.refusal, refusal?.message ?? "nothing is refused");
  assert.equal(observed.state, item.refusal === undefined ? (item.state ?? "idle") : "failed");
  const wanted = item.messages ?? [];
  const found = observed.messages.map((message, index) => narrow(message, wanted[index] ?? {}));
  assert.deepEqual(found, wanted);
}

/** What was observed of a message, as far as the case names it. */
function narrow(message: ObservedMessage, wanted: ExpectedMessage): ExpectedMessage {
  const { head, content, trailers } = message;
  const all = {
    method: head.method,
    target: head.target,
    minor: head.minor,
    host: head.host,
    contentLength: head.contentLength,
    chunked: head.chunked,
    hasContent: head.hasContent,
    keepAlive: head.keepAlive,
    expectContinue: head.expectContinue,
    expectsUnknown: head.expectsUnknown,
    fields: head.fieldLines(),
    content,
    trailers,
  };
  return Object.fromEntries(Object.entries(all).filter(([key]) => key in wanted));
}

function everyByte(length: number): number[] {
  return Array.from({ length: Math.max(0, length - 1) }, (_, index) => index + 1);
}

function randomCuts(length: number): number[] {
  const cuts = Array.from({ length: random.below(6) }, () => random.below(length + 1));
  return cuts.sort((a, b) => a - b);
}

/** Where the piece ends that brings the byte at which a byte-by-byte run is refused. */
function endOfPiece(refusedAt: number, cuts: readonly number[], length: number): number {
  return refusedAt === -1 ? -1 : (cuts.find((cut) => cut >= refusedAt) ?? length);
}
