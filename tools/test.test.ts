import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { runTestFile } from "./test-file.ts";

const program = fileURLToPath(new URL("test.ts", import.meta.url));
const PASSING = `import { test } from "node:test"; test("passes", () => {});`;

test("a run whose tests pass ends with the counts of both builds and status 0", async (t) => {
  const root = project(t, { "packages/x/src/a.test.ts": PASSING, "tools/b.test.ts": PASSING });
  const { status, stdout } = await runTests(root);
  assert.equal(lastLine(stdout), "3 passed, 0 failed");
  assert.equal(status, 0);
});

test("the second pass of the runtime's tests is the trace build", async (t) => {
  const source = `import { test } from "node:test";
    test("shows the build", () => console.log("build", process.execArgv.includes("--conditions=lunet-trace")));`;
  const root = project(t, { "packages/x/src/a.test.ts": source });
  await runTests(root);
  const builds = logOf(root).match(/build (true|false)/g);
  assert.deepEqual(builds, ["build false", "build true"]);
});

test("a failure is shown whole, with its group, place and what was expected", async (t) => {
  const source = `import { suite, test } from "node:test"; import assert from "node:assert/strict";
    suite("a group", () => { test("breaks", () => assert.equal("found", "wanted")); });`;
  const { status, stdout } = await runTests(project(t, { "tools/b.test.ts": source }));
  assert.match(stdout, /failed a group › breaks/);
  assert.match(stdout, /b\.test\.ts:2/);
  assert.match(stdout, /actual: 'found'/);
  assert.equal(lastLine(stdout), "0 passed, 1 failed");
  assert.equal(status, 1);
});

const BROKEN: ReadonlyArray<[title: string, source: string, shown: RegExp]> = [
  ["a file that throws at load", `throw new Error("at load");`, /ended with status 1[^]*at load/],
  ["a file without a test", `export {};`, /holds no test/],
  [
    "a file that ends its own process",
    `import { test } from "node:test"; test("ends", () => process.kill(process.pid, "SIGKILL"));`,
    /ended with SIGKILL/,
  ],
  [
    "a skipped test",
    `import { test } from "node:test"; test("says nothing", { skip: "later" }, () => {});`,
    /skipped says nothing[^]*later/,
  ],
  [
    "an error thrown after its test",
    `import { test } from "node:test"; test("late", () => void setImmediate(() => { throw new Error("too late"); }));`,
    /too late/,
  ],
];
for (const [title, source, shown] of BROKEN) {
  test(`${title} is a failure`, async (t) => {
    const { status, stdout } = await runTests(project(t, { "tools/b.test.ts": source }));
    assert.match(stdout, shown);
    assert.match(lastLine(stdout), /^[01] passed, 1 failed$/);
    assert.equal(status, 1);
  });
}

test("a run that finds no test fails and says for which filter", async (t) => {
  const root = project(t, { "tools/b.test.ts": PASSING });
  const { status, stdout } = await runTests(root, "no/such/path");
  assert.match(stdout, /found no test file for "no\/such\/path"/);
  assert.equal(lastLine(stdout), "0 passed, 0 failed");
  assert.equal(status, 1);
});

test("a part of a path chooses the files that run", async (t) => {
  const root = project(t, { "tools/a.test.ts": PASSING, "tools/b.test.ts": PASSING });
  const { stdout } = await runTests(root, "tools/b");
  assert.equal(lastLine(stdout), "1 passed, 0 failed");
});

test("a file that does not end is killed with all that it started when its time is over", async (t) => {
  const source = `import { spawn } from "node:child_process"; import { test } from "node:test";
    test("starts a process", () => { console.log("child", spawn("sleep", ["30"], { stdio: "inherit" }).pid); });`;
  const root = project(t, { "a.test.ts": source });
  const result = await runTestFile({ ...fileRun(root), timeoutMs: 3000 });
  assert.match(result.tests.at(-1)!.detail, /still running after 3000 ms/);
  assertEnded(result.output);
});

test("a process that a file leaves alive is named, killed and a failure", async (t) => {
  const source = `import { spawn } from "node:child_process"; import { test } from "node:test";
    test("leaves a process", () => { const child = spawn("sleep", ["30"], { stdio: "ignore" }); console.log("child", child.pid); child.unref(); });`;
  const root = project(t, { "a.test.ts": source });
  const result = await runTestFile(fileRun(root));
  if (process.platform === "linux") assert.match(result.tests.at(-1)!.detail, /left alive: \d+ .*sleep/);
  assertEnded(result.output);
});

test("Conduit's variables of the person who runs the tests do not reach them", async (t) => {
  const source = `import { test } from "node:test"; test("shows", () => console.log("url", process.env.DATABASE_URL));`;
  const root = project(t, { "a.test.ts": source });
  process.env.DATABASE_URL = "sqlite:mine.db";
  t.after(() => delete process.env.DATABASE_URL);
  assert.match((await runTestFile(fileRun(root))).output, /url undefined/);
});

function project(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "lunet-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [name, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), source);
  }
  return root;
}

function fileRun(root: string) {
  const signal = new AbortController().signal;
  return { file: "a.test.ts", root, conditions: [], eventsFile: join(root, "events.jsonl"), signal };
}

async function runTests(root: string, ...filters: string[]): Promise<{ status: number | null; stdout: string }> {
  const child = spawn(process.execPath, [program, "--root", root, ...filters], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const stdout = await text(child.stdout);
  return { status: await exit, stdout };
}

function lastLine(output: string): string {
  return output.trimEnd().split("\n").at(-1)!;
}

function logOf(root: string): string {
  const [log] = globSync(join(root, ".tmp/logs/*/test.log"));
  return readFileSync(log!, "utf8");
}

/** Waits for the process whose number stands in the output: a kill is not done when it was sent. */
function assertEnded(output: string): void {
  const pid = Number(/child (\d+)/.exec(output)![1]);
  const deadline = performance.now() + 5000;
  while (isAlive(pid)) assert.ok(performance.now() < deadline, `process ${pid} is still alive`);
}

function isAlive(pid: number): boolean {
  try {
    if (process.platform === "linux") return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
