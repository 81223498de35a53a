import assert from "node:assert/strict";
import { test } from "node:test";
import * as chosen from "#trace";
import * as off from "./off.ts";

if (chosen.TRACE) {
  const on = await import("./on.ts");
  on.collectFindings();

  test("both builds export the same names of the same kinds", () => {
    const kinds = (module: object) =>
      Object.entries(module)
        .map(([name, value]) => `${name}: ${typeof value}`)
        .sort();
    assert.deepEqual(kinds(on), kinds(off));
  });

  test("it counts what was made and ended, what lives, and the most at once", () => {
    const [first, second] = [{}, {}];
    on.made("box", first);
    on.made("box", second);
    on.ended("box", first);
    assert.deepEqual(on.balance().get("box"), { made: 2, ended: 1, live: 1, peak: 2 });
    on.ended("box", second);
    assert.deepEqual(on.balance().get("box"), { made: 2, ended: 2, live: 0, peak: 2 });
  });

  test("what is entered twice or ended twice is a finding, and what was never made is an error", () => {
    const thing = {};
    assert.throws(() => on.ended("box", thing), { name: "TypeError" });
    on.made("box", thing);
    on.made("box", thing);
    on.ended("box", thing);
    on.ended("box", thing);
    assert.deepEqual(
      on.takeFindings().map((one) => [one.class, one.kind]),
      [
        ["D", "box"],
        ["D", "box"],
      ],
    );
  });
} else {
  test("the release build has no ledger", () => assert.equal(chosen.balance().size, 0));
}
