import assert from "node:assert/strict";
import { test } from "node:test";
import { slugCandidate, slugOf } from "./slug.ts";

test("joins the words of a title in lower case", () => {
  assert.equal(slugOf("How to train your dragon"), "how-to-train-your-dragon");
  assert.equal(slugOf("  C++ & Rust: 10 % faster?  "), "c-rust-10-faster");
});

test("keeps letters, marks and digits of every script", () => {
  assert.equal(slugOf("日本語のタイトル"), "日本語のタイトル");
  assert.equal(slugOf("Привет, Мир"), "привет-мир");
  assert.equal(slugOf("नमस्ते दुनिया"), "नमस्ते-दुनिया");
  assert.equal(slugOf("١٢٣ أهلا"), "١٢٣-أهلا");
  assert.equal(slugOf("Ünïcödé"), "ünïcödé");
});

test("gives composed and decomposed spellings one slug", () => {
  assert.equal(slugOf("Cafe\u0301"), slugOf("Caf\u00e9"));
  assert.equal(slugOf("Cafe\u0301"), "caf\u00e9");
});

test("drops emoji with their selectors and joiners", () => {
  assert.equal(slugOf("❤️ 1️⃣ 👩‍💻"), "1");
  assert.equal(slugOf("🎉🎉"), "");
});

test("is at most 100 code points long and cut between words where it can be", () => {
  assert.equal(slugOf("a".repeat(100)), "a".repeat(100));
  assert.equal(slugOf("a".repeat(101)), "a".repeat(100));
  assert.equal(slugOf("𝒳".repeat(101)), "𝒳".repeat(100));
  assert.equal(slugOf(`${"word ".repeat(19)}overlapping`), "word-".repeat(18) + "word");
});

test("tries the plain slug first and then adds a suffix", () => {
  assert.equal(slugCandidate("One title", 0), "one-title");
  assert.match(slugCandidate("One title", 1), /^one-title-[0-9a-z]{6}$/);
});

test("never gives the name of a route", () => {
  assert.match(slugCandidate("Feed", 0), /^feed-[0-9a-z]{6}$/);
  assert.match(slugCandidate("¡FEED!", 0), /^feed-[0-9a-z]{6}$/);
});

test("gives a title without letters and digits a slug", () => {
  assert.match(slugCandidate("🎉", 0), /^article-[0-9a-z]{6}$/);
  assert.match(slugCandidate("...", 3), /^article-[0-9a-z]{6}$/);
});
