import assert from "node:assert/strict";
import { test } from "node:test";
import { DatabaseError } from "../errors.ts";
import { parseAddress } from "./address.ts";

test("no part of a password that was not encoded is repeated", () => {
  const passwords = ["se?cret", "p@ss?cret", "a@b/cret", "se/cret", "se#cret", "p@cret", "se:cret?x=cret"];
  for (const password of passwords) {
    for (const database of ["", "/db"]) {
      const given = `postgres://u:${password}@host${database}`;
      assert.throws(
        () => parseAddress(given),
        (error) => error instanceof DatabaseError && error.code === "ERR_DB_URL" && !`${error.stack}`.includes("cret"),
        given,
      );
    }
  }
});
