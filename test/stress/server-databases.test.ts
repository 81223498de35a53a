/** The stress test, small, with databases on the run's servers (real-databases). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("stress.ts", import.meta.url));
const RUN_LIMIT_MS = 50_000;

test("it passes on PostgreSQL and MariaDB, too, and everything has ended", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--conditions=lunet-trace", PROGRAM], {
    encoding: "utf8",
    timeout: RUN_LIMIT_MS,
    killSignal: "SIGKILL",
    env: {
      ...process.env,
      LUNET_TRACE_SUMMARY: "on",
      STRESS_SEED: "1",
      STRESS_WORKERS: "20",
      STRESS_OPS: "40",
    },
  });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  for (const dialect of ["postgres", "mariadb"]) {
    assert.match(stdout, new RegExp(`^stress: operations: .*\\d+ × ${dialect}: savepoints`, "m"));
  }
  assert.match(stdout, /\nstress: done, 800 operations, seed 1\n$/);
  assert.match(stderr, /^checks: \d{3,} passed, 0 failed$/m);
  assert.doesNotMatch(stderr, /^outstanding:/m);
});
