import assert from "node:assert/strict";
import { test } from "node:test";
import { DatabaseError, databaseErrors, type DatabaseErrorCode } from "lunet/db";
import { HttpError } from "lunet/http";
import { errorReply, isExpected, notFound } from "./errors.ts";

function failed(code: DatabaseErrorCode, retryable?: boolean): DatabaseError {
  return new DatabaseError(code, "Cannot: found it failed", { retryable });
}

/** The status and, of a 503, when to come again. */
function answer(error: unknown): string {
  const { status, fields } = errorReply(error);
  return [status, (fields as Record<string, string> | undefined)?.["Retry-After"]].filter(Boolean).join(" ");
}

test("what passes is 503 with the time to come again, whoever's fault it is", () => {
  for (const [code, { retryable }] of Object.entries(databaseErrors)) {
    if (retryable) assert.equal(answer(failed(code as DatabaseErrorCode)), "503 1", code);
  }
  for (const code of ["ERR_DB_CONNECTION_LOST", "ERR_DB_END_TIMEOUT"] as const) {
    assert.equal(answer(failed(code)), "503 1", code);
    assert.equal(answer(failed(code, true)), "503 1", code);
  }
});

test("what does not pass is 500", () => {
  for (const code of ["ERR_DB_SYNTAX", "ERR_DB_FULL", "ERR_DB_CHECK", "ERR_DB_ACCESS"] as const) {
    assert.equal(answer(failed(code)), "500", code);
  }
  assert.equal(answer(new Error("anything")), "500");
});

test("a failure comes through the message layer with its own status", () => {
  const cause = failed("ERR_DB_CONNECTION_LOST");
  assert.equal(answer(new HttpError("ERR_HTTP_HANDLER_FAILED", "Cannot answer", { cause })), "503 1");
  assert.equal(answer(new HttpError("ERR_HTTP_HANDLER_FAILED", "Cannot answer", { cause: new Error("x") })), "500");
  assert.equal(answer(new HttpError("ERR_HTTP_HANDLER_FAILED", "Cannot answer", { cause: notFound("x") })), "404");
});

test("too much at once is expected and not logged as a failure; a database that is away is", () => {
  for (const error of [notFound("x"), failed("ERR_DB_POOL_FULL"), failed("ERR_DB_DEADLOCK"), failed("ERR_DB_BUSY")]) {
    assert.equal(isExpected(error), true, error.message);
  }
  for (const code of ["ERR_DB_UNAVAILABLE", "ERR_DB_CONNECTION_LOST", "ERR_DB_END_TIMEOUT", "ERR_DB_SYNTAX"] as const) {
    assert.equal(isExpected(failed(code)), false, code);
  }
});
