import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownStatement } from "./known-statement.ts";
import { readStatement } from "./sql-text.ts";

const BUDGET_MS = 5;
const FORGIVEN_MS = 50;
const FORGIVING_RUNS = 64;

/** A statement that has just got the place. */
function createQuick(): KnownStatement {
  const statement = new KnownStatement(readStatement("SELECT 1", "sqlite"), true);
  runAside(statement, 3);
  assert.ok(statement.isQuick);
  return statement;
}

function runAside(statement: KnownStatement, runs: number): void {
  for (let run = 0; run < runs; run++) statement.ranAside(BUDGET_MS * 0.4, BUDGET_MS);
}

function runInPlace(statement: KnownStatement, runs: number, elapsedMs = BUDGET_MS): void {
  for (let run = 0; run < runs; run++) statement.ranInPlace(elapsedMs, BUDGET_MS, FORGIVEN_MS);
}

test("a run longer than the budget costs the place, and twice as many quick ones give it back", () => {
  const statement = createQuick();
  runInPlace(statement, FORGIVING_RUNS - 1);
  runInPlace(statement, 1, BUDGET_MS + 1);
  assert.equal(statement.isQuick, false);
  runAside(statement, 5);
  assert.equal(statement.isQuick, false);
  runAside(statement, 1);
  assert.equal(statement.isQuick, true);
});

test("a long run after many quick ones is forgiven, and the next one is not", () => {
  const statement = createQuick();
  runInPlace(statement, FORGIVING_RUNS);
  runInPlace(statement, 1, FORGIVEN_MS);
  assert.equal(statement.isQuick, true);
  runInPlace(statement, FORGIVING_RUNS - 1);
  runInPlace(statement, 1, BUDGET_MS + 1);
  assert.equal(statement.isQuick, false);
});

test("a run that is longer than what is forgiven costs the place however many were quick", () => {
  const statement = createQuick();
  runInPlace(statement, FORGIVING_RUNS);
  runInPlace(statement, 1, FORGIVEN_MS + 1);
  assert.equal(statement.isQuick, false);
});

test("nothing is forgiven where nothing is said of it", () => {
  const statement = createQuick();
  runInPlace(statement, FORGIVING_RUNS);
  statement.ranInPlace(BUDGET_MS + 1, BUDGET_MS);
  assert.equal(statement.isQuick, false);
});
