import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownStatement } from "./known-statement.ts";
import { readStatement } from "./sql-text.ts";

const BUDGET_MS = 5;

function runAside(statement: KnownStatement, runs: number): void {
  for (let run = 0; run < runs; run++) statement.ranAside(BUDGET_MS * 0.4, BUDGET_MS);
}

test("three quick runs aside earn the place, and one that is not quick begins anew", () => {
  const statement = new KnownStatement(readStatement("SELECT 1", "sqlite"), true);
  runAside(statement, 2);
  statement.ranAside(BUDGET_MS * 0.4 + 0.01, BUDGET_MS);
  runAside(statement, 2);
  assert.equal(statement.isQuick, false);
  runAside(statement, 1);
  assert.equal(statement.isQuick, true);
});

test("a run longer than the budget costs the place, and twice as many quick ones give it back", () => {
  const statement = new KnownStatement(readStatement("SELECT 1", "sqlite"), true);
  runAside(statement, 3);
  statement.ranInPlace(BUDGET_MS, BUDGET_MS);
  assert.equal(statement.isQuick, true);
  statement.ranInPlace(BUDGET_MS + 0.01, BUDGET_MS);
  assert.equal(statement.isQuick, false);
  runAside(statement, 5);
  assert.equal(statement.isQuick, false);
  runAside(statement, 1);
  assert.equal(statement.isQuick, true);
});
