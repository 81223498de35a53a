/** Emptying the database: what is moved or dumped, and that nothing is touched when it cannot be had back. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { runRoot } from "lunet";
import { migrate, open } from "lunet/db";
import { REAL_DATABASES, realDatabase } from "../packages/lunet/src/testing/real-databases.ts";

const TOOL = join(import.meta.dirname, "db-reset.ts");
const LIMIT_MS = 30_000;

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "lunet-db-reset-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function reset(root: string, databaseUrl: string, environment: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [TOOL, "--root", root], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], DATABASE_URL: databaseUrl, ...environment },
    timeout: LIMIT_MS,
  });
  return { status, stdout, stderr };
}

/** The files in the one stamped folder of `.tmp/`, by name. */
function kept(root: string): Map<string, string> {
  const parent = join(root, ".tmp");
  const folders = existsSync(parent) ? readdirSync(parent) : [];
  assert.ok(folders.length <= 1, folders.join());
  return new Map(
    folders.flatMap((stamp) => readdirSync(join(parent, stamp)).map((name) => [name, join(parent, stamp, name)])),
  );
}

function makeFile(root: string): string {
  const path = join(root, "c.db");
  const database = new DatabaseSync(path);
  database.exec("pragma journal_mode = wal; create table note (text text); insert into note values ('kept')");
  database.close();
  writeFileSync(`${path}.key`, "k");
  return path;
}

test("a file is moved with its signing key, and is whole where it went", (t) => {
  const root = temporaryFolder(t);
  const path = makeFile(root);
  const { status, stdout, stderr } = reset(root, "sqlite:c.db");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^moved .*c\.db to .*\nmoved .*c\.db\.key to .*\nto get it back/);
  assert.ok(!existsSync(path) && !existsSync(`${path}.key`));
  assert.deepEqual([...kept(root).keys()].toSorted(), ["c.db", "c.db.key"]);
  const database = new DatabaseSync(kept(root).get("c.db") ?? "", { readOnly: true });
  assert.equal(database.prepare("select text from note").get()?.["text"], "kept");
  database.close();
  assert.match(reset(root, "sqlite:c.db").stdout, /nothing to do/);
});

test("a file that somebody has open is left where it is", (t) => {
  const root = temporaryFolder(t);
  const path = makeFile(root);
  const user = new DatabaseSync(path);
  user.prepare("select * from note").all();
  const { status, stderr } = reset(root, "sqlite:c.db");
  user.close();
  assert.equal(status, 1);
  assert.match(stderr, /^db-reset: Cannot reset .*c\.db: found it in use/);
  assert.ok(existsSync(path) && existsSync(`${path}.key`));
  assert.equal(kept(root).size, 0);
});

test("an address that is none is told without its password", (t) => {
  const { status, stderr } = reset(temporaryFolder(t), "postgres://u:sesame@h/");
  assert.equal(status, 1);
  assert.match(stderr, /^db-reset: Cannot open a database: found no database/);
  assert.ok(!stderr.includes("sesame"));
});

for (const kind of REAL_DATABASES) {
  const server = realDatabase(kind);
  const step = {
    name: "0001-note.sql",
    sql: `create table author (id bigint primary key);
      create table note (author_id bigint, text varchar(40), foreign key (author_id) references author (id));
      insert into author values (1);
      insert into note values (1, 'kept 日本 😀')`,
  };
  const fill = (): Promise<void> =>
    runRoot(async () => {
      await using database = await open(server.url);
      await migrate(database, [step]);
    });
  const tables = async (): Promise<number> => {
    const schema = kind === "postgres" ? "'public'" : "database()";
    return (await server.administer(`select 1 from information_schema.tables where table_schema = ${schema}`)).length;
  };

  test(`${kind}: the tables are dropped after a dump that only its owner can read, and which has everything`, async (t) => {
    await server.empty();
    await fill();
    const root = temporaryFolder(t);
    const { status, stdout, stderr } = reset(root, server.url);
    assert.equal(status, 0, stderr);
    assert.equal(await tables(), 0);
    const file = kept(root).get(`${kind}.sql`) ?? "";
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(readFileSync(file, "utf8").includes("kept 日本 😀"));
    assert.match(stdout, kind === "postgres" ? /run: psql .* -f .*postgres\.sql/ : /run: mariadb .* < .*mariadb\.sql/);
    const { password } = new URL(server.url);
    assert.ok(password === "" || !`${stdout}${stderr}`.includes(`:${password}@`));
    assert.match(reset(root, server.url).stdout, /no tables: nothing to do/);
  });

  test(`${kind}: nothing is touched while somebody is connected`, async (t) => {
    await server.empty();
    await fill();
    const before = await tables();
    const root = temporaryFolder(t);
    await runRoot(async () => {
      await using database = await open(server.url, { network: { shared: 0 } });
      await database.queryRows("select * from note");
      const { status, stderr } = reset(root, server.url);
      assert.equal(status, 1);
      assert.match(stderr, /found 1 other connections/);
    });
    assert.equal(await tables(), before);
    assert.equal(kept(root).size, 0);
  });

  for (const [what, script] of [
    ["fails", "#!/bin/sh\necho no >&2\nexit 1\n"],
    ["leaves half a file", "#!/bin/sh\nexit 0\n"],
  ] as const) {
    test(`${kind}: nothing is dropped when the dump ${what}`, async (t) => {
      await server.empty();
      await fill();
      const before = await tables();
      const root = temporaryFolder(t);
      const programs = join(root, "bin");
      mkdirSync(programs);
      for (const name of ["pg_dump", "mariadb-dump"]) {
        writeFileSync(join(programs, name), script);
        chmodSync(join(programs, name), 0o755);
      }
      const { status, stderr } = reset(root, server.url, { PATH: `${programs}:${process.env["PATH"]}` });
      assert.equal(status, 1);
      assert.match(stderr, /^db-reset: Cannot reset .*: found no whole dump: /);
      assert.equal(await tables(), before);
    });
  }
}
