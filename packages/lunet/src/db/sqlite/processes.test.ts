/** More than one process, and processes that are killed. */
import assert from "node:assert/strict";
import { spawn as start, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { until } from "../../co/mod.ts";
import { coroutineTest } from "../../testing/mod.ts";
import { open } from "../mod.ts";

const folder = mkdtempSync(join(tmpdir(), "lunet-processes-"));
after(() => rmSync(folder, { recursive: true }));

const FIXTURE = join(import.meta.dirname, "process.fixture.ts");
/** How often a process is killed, and after how many acknowledged rows. */
const KILLS = [1, 60, 150];
const LIMIT = { timeoutMs: 60_000 };

const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
});

function startFixture(...args: string[]): ChildProcess {
  const child = start(process.execPath, [...process.execArgv, FIXTURE, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** What a process printed, line by line, and how it ended. */
async function runFixture(...args: string[]): Promise<string[]> {
  const child = startFixture(...args);
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const [status] = (await until(once(child, "close"))) as [number | null];
  assert.equal(status, 0);
  return text.split("\n").slice(0, -1);
}

/** The lines that a process has printed when it is killed, at the earliest after `lines` of them. */
async function killAfter(lines: number, ...args: string[]): Promise<string[]> {
  const child = startFixture(...args);
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    if (text.split("\n").length > lines) child.kill("SIGKILL");
  });
  await until(once(child, "close"));
  assert.equal(child.signalCode, "SIGKILL");
  return text.split("\n").slice(0, -1);
}

coroutineTest(
  "what was acknowledged is there after kill -9, and nothing is there by half",
  async () => {
    for (const [round, lines] of KILLS.entries()) {
      const path = join(folder, `kill-${round}.db`);
      {
        await using database = await open(`sqlite:${path}`);
        await database.exec("create table t (name text unique)");
        await database.exec("create table pair (name text unique)");
      }
      const acknowledged = await killAfter(lines, "write", path);
      assert.ok(acknowledged.length >= lines);
      await using database = await open(`sqlite:${path}`);
      const stored = new Set((await database.queryRows<[string]>("select name from t")).map(([name]) => name));
      for (const name of acknowledged) assert.ok(stored.has(name), `${name} was acknowledged and is gone`);
      const halves = await database.queryRows(
        "select name from t where cast(substr(name, 3) as integer) % 2 = 1 and name not in (select name from pair)",
      );
      assert.deepEqual(halves, []);
      assert.deepEqual(await database.queryRows("select name from pair where name not in (select name from t)"), []);
      assert.deepEqual(await database.queryRows("pragma integrity_check"), [["ok"]]);
    }
  },
  LIMIT,
);

coroutineTest(
  "two processes that count in one file lose nothing",
  async () => {
    const path = join(folder, "count.db");
    await using database = await open(`sqlite:${path}`);
    await database.exec("create table counter (n integer)");
    await database.exec("insert into counter values (0)");
    const here = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) await database.exec("update counter set n = n + 1");
    };
    await Promise.all([runFixture("count", path, "100"), runFixture("count", path, "100"), here()]);
    assert.deepEqual(await database.queryRows("select n from counter"), [[300]]);
  },
  LIMIT,
);

coroutineTest(
  "processes that start at once apply each migration once",
  async () => {
    const migrations = join(folder, "migrations");
    mkdirSync(migrations);
    for (let i = 1; i <= 5; i++) {
      writeFileSync(join(migrations, `000${i}-t${i}.sql`), `create table t${i} (a); insert into t${i} values (${i});`);
    }
    const path = join(folder, "migrate.db");
    const applied = await Promise.all([1, 2, 3].map(() => runFixture("migrate", path, migrations)));
    assert.deepEqual(
      applied.flat().toSorted(),
      [1, 2, 3, 4, 5].map((i) => `000${i}-t${i}.sql`),
    );
    await using database = await open(`sqlite:${path}`, { readOnly: true });
    for (let i = 1; i <= 5; i++) assert.deepEqual(await database.queryRows(`select a from t${i}`), [[i]]);
  },
  LIMIT,
);
