import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultServerLimits, resolveServerLimits, serverLimitRanges, type ServerLimits } from "./server-limits.ts";

const names = Object.keys(serverLimitRanges) as Array<keyof ServerLimits>;

test("has a default within its range for every limit", () => {
  assert.deepEqual(Object.keys(defaultServerLimits).sort(), [...names].sort());
  assert.deepEqual(resolveServerLimits({}), defaultServerLimits);
});

for (const name of names) {
  test(`accepts ${name} at either end of its range and nothing beyond`, () => {
    const [min, max] = serverLimitRanges[name];
    for (const value of [min, max]) assert.equal(resolveServerLimits({ [name]: value })[name], value);
    const code = "ERR_HTTP_INVALID_LIMIT";
    for (const value of [min - 1, max + 1, min + 0.5, NaN, Infinity]) {
      assert.throws(() => resolveServerLimits({ [name]: value }), { name: "RangeError", code });
    }
    assert.throws(() => resolveServerLimits({ [name]: "1" as never }), { name: "RangeError", code });
  });
}
