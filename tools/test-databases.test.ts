/* Runs tools/test.ts over small projects whose files need servers. It starts servers itself: `database-servers`. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("test.ts", import.meta.url));
const SHOWS = `test("shows", () => console.log("url", process.env.LUNET_TEST_POSTGRES_URL, process.env.LUNET_TEST_MARIADB_URL));`;
const PLAIN = `import { test } from "node:test"; ${SHOWS}`;
const NEEDING = `// real-databases\n${PLAIN}`;

test("files that name real-databases get the addresses of servers, the others do not", async (t) => {
  const { status, log } = await runTests(t, { a: NEEDING, b: PLAIN }, {});
  assert.match(
    log,
    /url postgres:\/\/lunet:\S+@127\.0\.0\.1:\d+\/postgres mariadb:\/\/lunet:\S+@127\.0\.0\.1:\d+\/mysql/,
  );
  assert.match(log, /url undefined undefined/);
  assert.match(log, /\n2 passed, 0 failed\n$/);
  assert.equal(status, 0);
});

test("servers are not started when no chosen file needs them", async (t) => {
  const { log } = await runTests(t, { a: PLAIN }, {});
  assert.doesNotMatch(log, /database servers/);
});

test("servers that the environment names are used, and none is started", async (t) => {
  const given = { LUNET_TEST_POSTGRES_URL: "postgres://mine", LUNET_TEST_MARIADB_URL: "mariadb://mine" };
  const { log } = await runTests(t, { a: NEEDING }, given);
  assert.match(log, /url postgres:\/\/mine mariadb:\/\/mine/);
  assert.doesNotMatch(log, /starting database servers/);
});

test("without the servers' programs such files are not run, which the end of the output says", async (t) => {
  const { status, log } = await runTests(t, { a: NEEDING, b: PLAIN }, { LUNET_TEST_DATABASES: "off" });
  assert.match(
    log,
    /!!!\nNOT RUN: 1 files that need database servers\n {2}tools\/a\.test\.ts\n\nLUNET_TEST_DATABASES=off\n!!!/,
  );
  assert.match(log, /\n1 passed, 0 failed\n$/);
  assert.equal(status, 0);
});

test("without the servers' programs such files fail under CI=true", async (t) => {
  const { status, log } = await runTests(t, { a: NEEDING, b: PLAIN }, { LUNET_TEST_DATABASES: "off", CI: "true" });
  assert.match(log, /FAIL tools\/a\.test\.ts[^]*LUNET_TEST_DATABASES=off/);
  assert.match(log, /\n1 passed, 1 failed\n$/);
  assert.equal(status, 1);
});

async function runTests(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  given: NodeJS.ProcessEnv,
): Promise<{ status: number | null; log: string }> {
  const root = mkdtempSync(join(tmpdir(), "lunet-"));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "tools"));
  for (const [name, source] of Object.entries(files)) writeFileSync(join(root, "tools", `${name}.test.ts`), source);
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("LUNET_TEST_") && name !== "CI");
  const child = spawn(process.execPath, [program, "--root", root], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...Object.fromEntries(inherited), ...given },
  });
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const output = await text(child.stdout);
  const [, path] = /^log: (.*)$/m.exec(output)!;
  return { status: await exit, log: readFileSync(path!, "utf8") };
}
