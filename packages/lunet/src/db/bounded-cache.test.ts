import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedCache } from "./bounded-cache.ts";

test("a cache holds no more than its limit", () => {
  const cache = new BoundedCache<number, string>(10);
  for (let i = 0; i < 1_000; i++) {
    cache.set(i, `value ${i}`);
    assert.ok(cache.size <= 10);
    assert.equal(cache.get(i), `value ${i}`);
  }
  assert.equal(cache.get(0), undefined);
});

test("what is used stays, whatever comes and goes beside it", () => {
  const cache = new BoundedCache<string, number>(10);
  cache.set("used", 1);
  for (let i = 0; i < 1_000; i++) {
    cache.set(`once ${i}`, i);
    assert.equal(cache.get("used"), 1);
  }
});

test("every value that is set is forgotten once, at the latest by clearing", () => {
  const forgotten: number[] = [];
  const cache = new BoundedCache<number, number>(8, (value) => forgotten.push(value));
  for (let i = 0; i < 100; i++) {
    cache.set(i, i);
    cache.get(i - 3);
  }
  assert.equal(forgotten.length + cache.size, 100);
  assert.deepEqual([...cache.values()].length, cache.size);
  cache.clear();
  assert.equal(cache.size, 0);
  assert.deepEqual(
    forgotten.toSorted((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i),
  );
});
