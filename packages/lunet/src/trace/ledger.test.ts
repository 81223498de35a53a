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

  test("whatever is left at the end is a finding, of kinds that no scope has to end too", () => {
    const statement = {};
    on.made("statement", statement, undefined, "select 1");
    on.checkBalance();
    assert.deepEqual(
      on.takeFindings().map((one) => [one.class, one.kind]),
      [["A", "statement"]],
    );
    on.ended("statement", statement);
    on.checkBalance();
    assert.deepEqual(on.takeFindings(), []);
  });

  test("a promise that is awaited in the end leaves nothing in its scope, however long the scope lives", async () => {
    const { currentScope } = await import("./ledger.ts");
    const { runRoot, sleep } = await import("../co/mod.ts");
    await runRoot(async () => {
      for (let round = 0; round < 100; round++) {
        const first = sleep(0);
        await sleep(1);
        assert.equal(currentScope()?.unawaited?.size, 1);
        await first;
      }
      assert.equal(currentScope()?.unawaited?.size, 0);
    });
    assert.deepEqual(on.takeFindings(), []);
  });
} else {
  test("the release build has no ledger", () => assert.equal(chosen.balance().size, 0));
}
