import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageLimits } from "./limits.ts";
import { defaultMessageLimits, messageLimitRanges, resolveMessageLimits } from "./limits.ts";

const names = Object.keys(messageLimitRanges) as Array<keyof MessageLimits>;

test("has a default within its range for every limit", () => {
  assert.deepEqual(Object.keys(defaultMessageLimits).sort(), [...names].sort());
  assert.deepEqual(resolveMessageLimits({}), defaultMessageLimits);
});

for (const name of names) {
  test(`accepts ${name} at either end of its range and nothing beyond`, () => {
    const [min, max] = messageLimitRanges[name];
    for (const value of [min, max]) assert.equal(resolveMessageLimits({ [name]: value })[name], value);
    const code = "ERR_HTTP_INVALID_LIMIT";
    for (const value of [min - 1, max + 1, min + 0.5, NaN, Infinity]) {
      assert.throws(() => resolveMessageLimits({ [name]: value }), { name: "RangeError", code });
    }
    assert.throws(() => resolveMessageLimits({ [name]: "1" as never }), { name: "RangeError", code });
  });
}
