/* Runs tools/test.ts over small projects that have tests of a web UI. No browser is started. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("test.ts", import.meta.url));
const PLAIN = `import { test } from "node:test";
  test("shows", () => console.log("seen", process.execArgv.includes("--conditions=lunet-trace"), process.env.UI_BEHIND));`;
const IN_BROWSER = `// from "./harness.ts"\n${PLAIN}`;

test("without a browser such files are not run, which the end of the output says", async (t) => {
  const { status, log } = await runTests(t, { a: IN_BROWSER, b: PLAIN }, { LUNET_TEST_BROWSER: "off" });
  assert.match(log, /!!!\nNOT RUN: 1 files that need a browser\n {2}apps\S+a\.test\.ts\n\nLUNET_TEST_BROWSER=off\n!!!/);
  assert.match(log, /\n1 passed, 0 failed\n$/);
  assert.equal(status, 0);
});

test("without a browser such files fail under CI=true", async (t) => {
  const { status, log } = await runTests(t, { a: IN_BROWSER, b: PLAIN }, { LUNET_TEST_BROWSER: "off", CI: "true" });
  assert.match(log, /FAIL \S+a\.test\.ts[^]*LUNET_TEST_BROWSER=off/);
  assert.match(log, /\n1 passed, 1 failed\n$/);
  assert.equal(status, 1);
});

test("a UI that cannot be built fails them, whatever the surroundings", async (t) => {
  // Any program stands for the browser: nothing gets as far as starting it.
  const { status, log } = await runTests(t, { a: IN_BROWSER }, { LUNET_TEST_BROWSER: process.execPath });
  assert.match(log, /building the web UI[^]*FAIL \S+a\.test\.ts/);
  assert.equal(status, 1);
});

test("all run on the release build, and one of them on the trace build", async (t) => {
  const { log } = await runTests(t, { accounts: PLAIN, smoke: PLAIN }, { LUNET_TEST_DATABASES: "off" });
  assert.deepEqual(log.match(/seen \w+ \w+/g), ["seen false undefined", "seen false undefined", "seen true undefined"]);
});

test("those that are about the server run behind nginx too, on a database server", async (t) => {
  const given = { LUNET_TEST_POSTGRES_URL: "postgres://mine", LUNET_TEST_MARIADB_URL: "mariadb://mine" };
  const { log } = await runTests(t, { accounts: PLAIN, lists: PLAIN }, given);
  assert.deepEqual(log.match(/seen \w+ \w+/g)?.toSorted(), [
    "seen false nginx",
    "seen false undefined",
    "seen false undefined",
  ]);
});

async function runTests(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  given: NodeJS.ProcessEnv,
): Promise<{ status: number | null; log: string }> {
  const root = mkdtempSync(join(tmpdir(), "lunet-"));
  t.after(() => rmSync(root, { recursive: true }));
  const folder = join(root, "apps", "conduit-web", "test");
  mkdirSync(folder, { recursive: true });
  for (const [name, source] of Object.entries(files)) writeFileSync(join(folder, `${name}.test.ts`), source);
  const inherited = Object.entries(process.env).filter(([name]) => !/^LUNET_TEST_|^UI_BEHIND$|^CI$/.test(name));
  const child = spawn(process.execPath, [program, "--root", root], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...Object.fromEntries(inherited), ...given },
  });
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const output = await text(child.stdout);
  const [, path] = /^log: (.*)$/m.exec(output)!;
  return { status: await exit, log: readFileSync(path!, "utf8") };
}
