import assert from "node:assert/strict";
import { test } from "node:test";
import { BackOff } from "./back-off.ts";

const take = (backOff: BackOff, count: number): number[] => Array.from({ length: count }, () => backOff.next());

test("the first pause is none, the next is the first one, and each further one is twice as long up to the longest", () => {
  assert.deepEqual(take(new BackOff(100, 700), 6), [0, 100, 200, 400, 700, 700]);
});

test("what has lived long enough begins anew", () => {
  const backOff = new BackOff(10, 10);
  assert.deepEqual(take(backOff, 3), [0, 10, 10]);
  backOff.reset();
  assert.deepEqual(take(backOff, 2), [0, 10]);
});
