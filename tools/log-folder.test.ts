import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { createStampedFolder, stampOf } from "./log-folder.ts";

test("a stamp is the local date and time with two digits each", () => {
  assert.equal(stampOf(new Date(2026, 0, 2, 3, 4, 5)), "20260102_030405");
});

test("two folders of one second are two folders", (t) => {
  const parent = mkdtempSync(join(tmpdir(), "lunet-"));
  t.after(() => rmSync(parent, { recursive: true }));
  const now = new Date(2026, 11, 31, 23, 59, 59);
  const names = [createStampedFolder(join(parent, "logs"), now), createStampedFolder(join(parent, "logs"), now)];
  assert.deepEqual(
    names.map((name) => basename(name)),
    ["20261231_235959", "20270101_000000"],
  );
  assert.equal(readdirSync(join(parent, "logs")).length, 2);
});
