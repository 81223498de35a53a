import assert from "node:assert/strict";
import { test } from "node:test";
import { isoTime } from "./iso-time.ts";

test("writes times as the engine does", () => {
  const edges = [0, 1, -1, 999, 1_000, 59_999, 60_000, 3_599_999, 86_399_999, 86_400_000, 951_782_400_000, 4e12];
  const spread = Array.from({ length: 10_000 }, (_, index) => index * 987_654_321_7 + index * 17);
  for (const timeMs of [...edges, ...spread]) assert.equal(isoTime(timeMs), new Date(timeMs).toISOString());
});
