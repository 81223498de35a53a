/*
 * Runs the project's checks: `node tools/check.ts [format] [lint] [imports] [types] [tests]`, all of them unless named.
 * Every step is announced and runs even if one before it failed, so that one run shows everything. The tests are
 * last, and so is their closing line; a failure is named after it. The status is 0 only if every step passed.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
/** No step of the checks takes this long on any machine that can run them; one that does is stuck. */
const STEP_TIMEOUT_MS = 30 * 60_000;

/** The commands of each step; the UI and its tests have types of their own, the browser's. */
const STEPS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  format: [["node_modules/oxfmt/bin/oxfmt", "--check"]],
  lint: [["tools/lint.ts"]],
  imports: [["tools/check-imports.ts"]],
  types: [
    ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"],
    ["node_modules/typescript/bin/tsc", "-p", "apps/conduit-web/tsconfig.json"],
    ["node_modules/typescript/bin/tsc", "-p", "apps/conduit-web/test/tsconfig.json"],
  ],
  tests: [["tools/test.ts"]],
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(STEPS);
const unknown = wanted.find((name) => STEPS[name] === undefined);
if (unknown !== undefined) {
  throw new RangeError(`Cannot check "${unknown}": found no such step, wanted one of ${Object.keys(STEPS).join(", ")}`);
}

const failed = wanted.filter((name) => !runStep(name));
if (failed.length > 0) {
  console.log(`check: ${failed[0]} failed${failed.length > 1 ? `, then ${failed.slice(1).join(", ")}` : ""}`);
  process.exitCode = 1;
}

function runStep(name: string): boolean {
  console.log(`== ${name}`);
  return STEPS[name]!.map((command) => runCommand(name, command)).every(Boolean);
}

function runCommand(name: string, command: readonly string[]): boolean {
  const bin = join(root, "node_modules", ".bin");
  const { status, error } = spawnSync(process.execPath, command, {
    cwd: root,
    stdio: "inherit",
    timeout: STEP_TIMEOUT_MS,
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
  });
  if (error !== undefined) console.log(`Cannot finish the step "${name}": ${error.message}`);
  return status === 0;
}
