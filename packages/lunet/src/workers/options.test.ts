import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { NotInCoroutineError, runRoot } from "../co/mod.ts";
import { runWorkers } from "./mod.ts";
import { resolveWorkerOptions, type RunWorkersOptions } from "./options.ts";

const DAY_MS = 86_400_000;

test("everything but the count has a default", () => {
  const { program, args, nodeArgs, sharing, ...others } = resolveWorkerOptions({ count: 3 });
  assert.deepEqual([program, args, nodeArgs], [process.argv[1], process.argv.slice(2), process.execArgv]);
  assert.ok(["reuse-port", "cluster"].includes(sharing));
  assert.deepEqual(others, {
    count: 3,
    environment: {},
    startTimeoutMs: 30_000,
    graceMs: 30_000,
    restartDelayMs: 100,
    maxRestartDelayMs: 10_000,
    stableMs: 10_000,
    maxFailedStarts: 5,
    finalStatuses: [2, 64, 78],
  });
  assert.equal(resolveWorkerOptions({ count: "auto" }).count, availableParallelism());
  assert.equal(resolveWorkerOptions({ count: 1, restartDelayMs: 20_000 }).maxRestartDelayMs, 20_000);
});

for (const [name, min, max] of [
  ["count", 1, 1_024],
  ["startTimeoutMs", 1, DAY_MS],
  ["graceMs", 0, DAY_MS],
  ["restartDelayMs", 1, DAY_MS],
  ["maxRestartDelayMs", 100, DAY_MS],
  ["stableMs", 0, DAY_MS],
  ["maxFailedStarts", 1, 1_000],
] as const) {
  test(`${name} is a whole number from ${min} to ${max}`, () => {
    for (const value of [min, max]) {
      assert.equal(resolveWorkerOptions({ count: 1, [name]: value })[name], value);
    }
    for (const value of [min - 1, max + 1, min + 0.5, NaN]) {
      assert.throws(
        () => resolveWorkerOptions({ count: 1, [name]: value }),
        (error: Error) =>
          error instanceof RangeError &&
          error.message === `Cannot run workers: found ${name} ${value}, wanted a whole number from ${min} to ${max}`,
      );
    }
  });
}

test("another way of sharing, an empty program and a status out of range are refused", () => {
  const sharing = "round-robin" as RunWorkersOptions["sharing"] & string;
  assert.throws(() => resolveWorkerOptions({ count: 1, sharing }), /found sharing "round-robin", wanted auto, /);
  assert.throws(() => resolveWorkerOptions({ count: 1, program: "" }), /found no program, wanted a path/);
  assert.throws(() => resolveWorkerOptions({ count: 1, finalStatuses: [0] }), RangeError);
});

test("workers are run in a coroutine, and a wrong option starts none", async () => {
  await assert.rejects(runWorkers({ count: 2 }), NotInCoroutineError);
  await assert.rejects(
    runRoot(() => runWorkers({ count: 0 })),
    RangeError,
  );
});

test("the table of docs/workers.md is the table of the code", () => {
  const page = readFileSync(new URL("../../../../docs/workers.md", import.meta.url), "utf8");
  const rows = new Map(
    [...page.matchAll(/^\| `(\w+)` +\| [^|]+\| ([^|]+?) +\|/gm)].map(([, name, value]) => [name, value]),
  );
  const whatIsRun = ["program", "args", "nodeArgs", "environment"];
  const settings = Object.entries(resolveWorkerOptions({ count: 1 })).filter(([name]) => !whatIsRun.includes(name));
  assert.deepEqual(
    [...rows.keys()],
    settings.map(([name]) => name),
  );
  for (const [name, value] of settings) {
    if (name === "count" || name === "sharing") continue;
    const text = JSON.stringify(value).replaceAll(/[[\]]/g, "").replaceAll(",", ", ");
    assert.ok(rows.get(name)?.startsWith(text), name);
  }
});
