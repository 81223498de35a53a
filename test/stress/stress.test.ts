/** The stress test itself, small: that it passes, that it finds what is planted, and that a seed repeats it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readStressSettings } from "./settings.ts";

const PROGRAM = fileURLToPath(new URL("stress.ts", import.meta.url));
const RUN_LIMIT_MS = 50_000;

const folder = mkdtempSync(join(tmpdir(), "stress-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function runStress(environment: Readonly<Record<string, string>>, conditions = ["--conditions=lunet-trace"]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...conditions, PROGRAM], {
    encoding: "utf8",
    timeout: RUN_LIMIT_MS,
    killSignal: "SIGKILL",
    env: {
      ...process.env,
      TMPDIR: folder,
      LUNET_TRACE_SUMMARY: "on",
      STRESS_WORKERS: "8",
      STRESS_OPS: "15",
      ...environment,
    },
  });
  return { status, stdout, stderr, digest: /^stress: digest (\w+)$/m.exec(stdout)?.[1] };
}

for (const seed of ["1", "2"]) {
  test(`it passes with seed ${seed}, and everything has ended`, () => {
    const { status, stdout, stderr } = runStress({ STRESS_SEED: seed });
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    assert.match(stdout, new RegExp(`^stress: STRESS_SEED=${seed} STRESS_WORKERS=8 STRESS_OPS=15\n`));
    assert.match(stdout, new RegExp(`\nstress: done, 120 operations, seed ${seed}\n$`));
    assert.match(stderr, /^checks: \d{3,} passed, 0 failed$/m);
    assert.doesNotMatch(stderr, /^outstanding:/m);
    assert.deepEqual(readdirSync(folder), [], "it left files behind");
  });
}

test("the same seed does the same operations, and another one does others", () => {
  const digestOf = (seed: string): string => {
    const { digest, stderr } = runStress({ STRESS_SEED: seed, STRESS_WORKERS: "4" });
    assert.ok(digest !== undefined, stderr);
    return digest;
  };
  const first = digestOf("3");
  assert.equal(digestOf("3"), first);
  assert.notEqual(digestOf("4"), first);
});

test("a planted leak stops it with status 134 and the line that forgot the file", () => {
  const { status, stdout, stderr } = runStress({ STRESS_SEED: "5", STRESS_PLANT: "leak" });
  assert.equal(status, 134, `${stdout}\n${stderr}`);
  assert.match(stderr, /finding A, still alive when its scope ends\n {2}what +file ".*\.forgotten"/);
  assert.match(stderr, /\n {2}made +at test\/stress\/stress\.ts:\d+:\d+ in forgetFile/);
  assert.doesNotMatch(stdout, /stress: done/);
});

test("past its limit it shows what lives, and ends with status 1", () => {
  const { status, stderr } = runStress({
    STRESS_SEED: "6",
    STRESS_WORKERS: "20",
    STRESS_OPS: "100000",
    STRESS_LIMIT_S: "1",
  });
  assert.equal(status, 1, stderr);
  assert.match(stderr, /Cannot go on: it takes longer than 1 s \(STRESS_LIMIT_S\); this is what lives:\nlunet ps: /);
  assert.match(stderr, /\n {2,}coroutine "worker 19" #\d+/);
});

test("the release build, in which nothing would be checked, is refused with status 2", () => {
  const { status, stderr } = runStress({}, []);
  assert.equal(status, 2);
  assert.match(stderr, /^stress: Cannot check anything: found the release build, wanted the trace build/);
});

test("a value that it cannot use is refused with status 2", () => {
  const { status, stderr } = runStress({ STRESS_WORKERS: "many" });
  assert.equal(status, 2);
  assert.equal(stderr, 'stress: Cannot use STRESS_WORKERS: found "many", wanted a whole number from 1 to 2000\n');
});

test("settings come from the environment, within their bounds", () => {
  const read = (environment: Record<string, string>) => readStressSettings(environment, () => 7);
  assert.deepEqual(read({ STRESS_OPS: "" }), { workers: 50, operations: 100, seed: 7, limitS: 120, plant: undefined });
  assert.equal(read({ STRESS_SEED: "4294967295" }).seed, 4_294_967_295);
  for (const [name, value] of [
    ["STRESS_SEED", "4294967296"],
    ["STRESS_SEED", "0"],
    ["STRESS_OPS", "-1"],
    ["STRESS_OPS", "1.5"],
    ["STRESS_LIMIT_S", "1e3"],
    ["STRESS_PLANT", "weed"],
  ] as const) {
    assert.throws(() => read({ [name]: value }), {
      name: "RangeError",
      message: new RegExp(`^Cannot use ${name}: found `),
    });
  }
});
