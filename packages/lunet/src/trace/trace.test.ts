import assert from "node:assert/strict";
import { test } from "node:test";
import * as chosen from "#trace";
import * as off from "./off.ts";

test("TRACE tells the builds apart, and the import condition chooses", () => {
  assert.equal(off.TRACE, false);
  assert.equal(chosen.TRACE, process.execArgv.join(" ").includes("lunet-trace"));
});

test("the release build counts nothing", () => {
  const thing = {};
  off.made("file", thing);
  off.made("file", thing);
  off.ended("file", thing);
  off.suspended(thing, "wait", thing);
  off.resumed(thing, "value");
  assert.equal(off.balance().size, 0);
  assert.deepEqual(off.findings(), []);
  assert.equal(off.snapshot(), undefined);
});
