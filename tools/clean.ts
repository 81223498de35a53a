/*
 * Moves what was built to `.tmp/YYYYMMDD_HHMMSS/`: `node tools/clean.ts [--data] [--root folder]`. Nothing is deleted.
 * With `--data` the database goes too, unless a server that `make start` started is using it. Logs stay where they
 * are, below `.tmp/` already.
 */
import { globSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createStampedFolder } from "./log-folder.ts";
import { readRunning } from "./background.ts";

const { values } = parseArgs({ options: { data: { type: "boolean", default: false }, root: { type: "string" } } });
const root = resolve(values.root ?? join(import.meta.dirname, ".."));

const built = globSync(["dist", "packages/*/dist", "apps/*/dist", "bench/dist", "coverage"], { cwd: root });
const running = readRunning(root);
if (values.data && running !== undefined) {
  console.error(`Cannot move "data": process ${running.pid} uses it, stop it first with "make stop"`);
  process.exitCode = 1;
} else {
  const moved = [...built, ...(values.data ? globSync("data", { cwd: root }) : [])];
  if (moved.length === 0) console.log("nothing to move");
  else move(moved);
}

function move(names: readonly string[]): void {
  const folder = createStampedFolder(join(root, ".tmp"));
  for (const name of names) {
    const target = join(folder, name);
    mkdirSync(dirname(target), { recursive: true });
    renameSync(join(root, name), target);
    console.log(`moved ${name} to ${relative(root, target)}`);
  }
}
