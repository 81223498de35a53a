import assert from "node:assert/strict";
import { test } from "node:test";
import * as chosen from "#trace";
import * as off from "./off.ts";
import * as on from "./on.ts";

test("both builds export the same names of the same kinds", () => {
  const kinds = (module: object) =>
    Object.entries(module)
      .map(([name, value]) => `${name}: ${typeof value}`)
      .sort();
  assert.deepEqual(kinds(on), kinds(off));
});

test("TRACE tells the builds apart, and the import condition chooses", () => {
  assert.equal(on.TRACE, true);
  assert.equal(off.TRACE, false);
  assert.equal(chosen.TRACE, process.execArgv.join(" ").includes("lunet-trace"));
});

test("the release build counts nothing", () => {
  const thing = {};
  off.made("file", thing);
  off.made("file", thing);
  off.ended("file", thing);
  off.suspended(thing, "wait", thing);
  off.resumed(thing);
  assert.equal(off.balance().size, 0);
});

test("the trace build counts what was made and ended, what lives, and the most at once", () => {
  const [first, second] = [{}, {}];
  on.made("statement", first);
  on.made("statement", second, first);
  on.ended("statement", first);
  assert.deepEqual(on.balance().get("statement"), { made: 2, ended: 1, live: 1, peak: 2 });
  on.ended("statement", second);
  assert.deepEqual(on.balance().get("statement"), { made: 2, ended: 2, live: 0, peak: 2 });
});

test("the trace build counts waits from suspension to resumption", () => {
  const [wait, scope] = [{}, {}];
  const before = on.balance().get("suspension")?.live ?? 0;
  on.suspended(wait, "wait", scope);
  assert.equal(on.balance().get("suspension")?.live, before + 1);
  on.resumed(wait);
  assert.equal(on.balance().get("suspension")?.live, before);
});

test("the trace build refuses what is made twice, ended twice, or ended without being made", () => {
  const thing = {};
  assert.throws(() => on.ended("request", thing), { code: "ERR_ASSERTION" });
  on.made("request", thing);
  assert.throws(() => on.made("request", thing), { code: "ERR_ASSERTION" });
  on.ended("request", thing);
  assert.throws(() => on.ended("request", thing), { code: "ERR_ASSERTION" });
});
