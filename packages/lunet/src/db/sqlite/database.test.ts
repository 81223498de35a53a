import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { databaseSuite } from "../../testing/mod.ts";
import { open } from "../mod.ts";

const folder = mkdtempSync(join(tmpdir(), "lunet-db-"));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
databaseSuite("file", (options) => open(`sqlite:${folder}/${files++}.db`, options));
databaseSuite("file, in threads alone", (options = {}) =>
  open(`sqlite:${folder}/${files++}.db`, { ...options, sqlite: { inlineBudgetMs: 0, maxGroupSize: 1, readers: 1 } }),
);
databaseSuite("memory", (options) => open("sqlite::memory:", options));
