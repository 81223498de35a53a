import assert from "node:assert/strict";
import { test } from "node:test";
import { printable, printableLines } from "./printable.ts";

test("control characters become escapes, and everything else stays", () => {
  assert.equal(printable("a\x00\x1b[31m\n\t\x7f\x85\x9fz"), "a\\x00\\x1b[31m\\x0a\\x09\\x7f\\x85\\x9fz");
  assert.equal(printable("grün 🎈 ~\u00a0\\x1b"), "grün 🎈 ~\u00a0\\x1b");
});

test("lines keep their line feeds and lose every other control character", () => {
  assert.equal(printableLines("one\r\n\ttwo\x1b]0;title\x07\n"), "one\\x0d\n\\x09two\\x1b]0;title\\x07\n");
});
